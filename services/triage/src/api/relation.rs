//! The gRPC door for tickets that belong together.

use contracts::triage::v1 as proto;
use contracts::triage::v1::relation_service_server::RelationService;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use chassis::authorisation::Caller;
use chassis::{Error, PageToken, inbox, page_size, status, telemetry};

use super::Api;
use crate::handle::relation::{self, Envelope};
use crate::store::proposal::{self, LastKey};
use crate::store::ticket::clients_of;
use crate::wire::relation::request::{self, Commands};
use crate::wire::relation::{SHOWN_TICKETS, proposal as told};
use crate::wire::request::MAX_REASON;
use crate::wire::{self, Check};

/// Proposals of a page if the caller does not say, and at most.
const PAGE: (u32, u32) = (50, 1_000);

/// The relations' gRPC service.
#[derive(Debug)]
pub struct Relations(pub std::sync::Arc<Api>);

impl Relations {
    /// Does one command and answers with the ticket.
    async fn command<R: Commands>(&self, request: Request<R>) -> Result<Option<proto::Ticket>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let envelope = Envelope {
            asked: request.asked().map_err(status::invalid)?,
            by: wire::actor_of(Some(&caller.actor())),
            scope: caller.scope.clone(),
            fingerprint: inbox::fingerprint(&request),
            traceparent: telemetry::traceparent(),
        };
        let ticket_id = relation::command(&self.0.desk, envelope).await?;
        self.0.news.ring();
        self.0.whole_ticket(caller, &ticket_id.to_string()).await.map(Some)
    }

    async fn proposals(
        &self,
        caller: Caller,
        asked: proto::ListProblemProposalsRequest,
    ) -> Result<proto::ListProblemProposalsResponse, Status> {
        let question = proto::ListProblemProposalsRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
        let mut check = Check::default();
        let named = request::clients(&asked.client_ids, &mut check);
        let size = check.take(page_size(asked.page_size, PAGE.0, PAGE.1)).unwrap_or_default();
        let after: Option<LastKey> = check.take(PageToken::decode(&asked.page_token, &question)).flatten();
        check.done().map_err(status::invalid)?;
        for client_id in &named {
            caller.scope_of(client_id)?;
        }
        let (clients, reader) = (clients_of(&caller.scope.narrowed_to(&named)), caller.principal.subject.clone());
        let (proposals, references) = self
            .0
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move {
                    let page =
                        proposal::page(connection, clients.as_deref(), asked.decided, &reader, after, size).await?;
                    let shown = page.iter().flat_map(|one| one.ticket_ids.iter().rev().take(SHOWN_TICKETS));
                    let shown: Vec<Uuid> = shown.copied().collect();
                    let references = proposal::references(connection, &shown).await?;
                    Ok::<_, Error>((page, references))
                })
            })
            .await?;
        let next_page_token = match proposals.last() {
            Some(last) if i64::try_from(proposals.len()).is_ok_and(|count| count >= size) => {
                let last = LastKey { found_us: last.found_at.as_microsecond(), proposal_id: last.proposal_id };
                PageToken::encode(&question, &last)
            }
            _ => String::new(),
        };
        let proposals = proposals.iter().map(|one| told(one, &references)).collect();
        Ok(proto::ListProblemProposalsResponse { proposals, next_page_token })
    }

    async fn dismiss(
        &self,
        caller: Caller,
        asked: proto::DismissProblemProposalRequest,
    ) -> Result<proto::ProblemProposal, Status> {
        let mut check = Check::default();
        let proposal_id = request::proposal_id(&asked.proposal_id, &mut check);
        let reason = check.needed("reason", &asked.reason, MAX_REASON);
        check.done().map_err(status::invalid)?;
        let proposal_id = proposal_id.unwrap_or_default();
        let found =
            relation::dismiss(&self.0.desk, &caller.scope, proposal_id, reason, caller.principal.subject.clone())
                .await?;
        let ids: Vec<Uuid> = found.ticket_ids.iter().rev().take(SHOWN_TICKETS).copied().collect();
        let read = self.0.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move { proposal::references(connection, &ids).await })
        });
        Ok(told(&found, &read.await?))
    }
}

macro_rules! commands {
    ($($method:ident $request:ident $response:ident;)+) => {
        #[tonic::async_trait]
        impl RelationService for Relations {
            $(async fn $method(
                &self,
                request: Request<proto::$request>,
            ) -> Result<Response<proto::$response>, Status> {
                Ok(Response::new(proto::$response { ticket: self.command(request).await? }))
            })+

            async fn list_problem_proposals(
                &self,
                request: Request<proto::ListProblemProposalsRequest>,
            ) -> Result<Response<proto::ListProblemProposalsResponse>, Status> {
                self.proposals(Caller::of(&request)?, request.into_inner()).await.map(Response::new)
            }

            async fn dismiss_problem_proposal(
                &self,
                request: Request<proto::DismissProblemProposalRequest>,
            ) -> Result<Response<proto::DismissProblemProposalResponse>, Status> {
                let proposal = self.dismiss(Caller::of(&request)?, request.into_inner()).await?;
                Ok(Response::new(proto::DismissProblemProposalResponse { proposal: Some(proposal) }))
            }
        }
    };
}

commands! {
    link_tickets LinkTicketsRequest LinkTicketsResponse;
    unlink_tickets UnlinkTicketsRequest UnlinkTicketsResponse;
    merge_ticket MergeTicketRequest MergeTicketResponse;
    unmerge_ticket UnmergeTicketRequest UnmergeTicketResponse;
    declare_major_incident DeclareMajorIncidentRequest DeclareMajorIncidentResponse;
    attach_tickets AttachTicketsRequest AttachTicketsResponse;
    push_status PushStatusRequest PushStatusResponse;
    amend_major_incident AmendMajorIncidentRequest AmendMajorIncidentResponse;
    end_major_incident EndMajorIncidentRequest EndMajorIncidentResponse;
    record_root_cause RecordRootCauseRequest RecordRootCauseResponse;
    declare_known_error DeclareKnownErrorRequest DeclareKnownErrorResponse;
    accept_problem_proposal AcceptProblemProposalRequest AcceptProblemProposalResponse;
}
