//! The gRPC door for what agents organise their work with.

use contracts::triage::v1 as proto;
use contracts::triage::v1::workspace_service_server::WorkspaceService;
use tonic::{Request, Response, Status};
use tonic_types::StatusExt;

use chassis::authorisation::Caller;
use chassis::{PageToken, inbox, page_size, status, telemetry};

use super::Api;
use crate::handle::confidential::hidden;
use crate::handle::workspace::{self, Bulk};
use crate::handle::{Done, Error};
use crate::store;
use crate::store::ticket::clients_of;
use crate::store::workspace::LastMention;
use crate::wire::workspace::mention;
use crate::wire::workspace::request::bulk;
use crate::wire::{self, Check, fulfilment};

/// Mentions of a page if the caller does not say, and at most.
const PAGE: (u32, u32) = (50, 1_000);

/// The same API behind the agents' own door.
#[derive(Debug, Clone)]
pub struct Workspace(pub std::sync::Arc<Api>);

/// What became of one of many.
fn result((ticket, outcome): (String, Result<Done, Error>)) -> Result<proto::BulkResult, Status> {
    Ok(match outcome {
        Ok(done) => {
            let told = wire::ticket::listed(&done.found.ticket);
            let (reference, revision, state) = (told.reference, told.revision, told.state);
            proto::BulkResult { ticket, reference, revision, state, refused: None }
        }
        Err(error) => {
            let status = Status::from(error);
            let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
            let (code, message) = (status.code().into(), status.message().to_owned());
            let refused = Some(proto::BulkRefusal { code, reason, message });
            proto::BulkResult { ticket, refused, ..Default::default() }
        }
    })
}

impl Workspace {
    async fn bulk(
        &self,
        caller: Caller,
        asked: proto::BulkCommandRequest,
    ) -> Result<proto::BulkCommandResponse, Status> {
        let bulk = Bulk {
            asked: bulk(&asked).map_err(status::invalid)?,
            by: wire::actor_of(Some(&caller.actor())),
            principal: caller.principal,
            scope: caller.scope,
            fingerprint: inbox::fingerprint(&proto::BulkCommandRequest { tickets: Vec::new(), ..asked }),
            traceparent: telemetry::traceparent(),
        };
        let outcomes = workspace::bulk(&self.0.desk, bulk).await?;
        self.0.news.ring();
        let results: Result<Vec<_>, Status> = outcomes.into_iter().map(result).collect();
        Ok(proto::BulkCommandResponse { results: results? })
    }

    async fn mentions(
        &self,
        caller: Caller,
        asked: proto::ListMentionsRequest,
    ) -> Result<proto::ListMentionsResponse, Status> {
        let question = proto::ListMentionsRequest { page_size: 0, page_token: String::new(), ..asked.clone() };
        let mut check = Check::default();
        let named = fulfilment::request::clients(&asked.client_ids, &mut check);
        let size = check.take(page_size(asked.page_size, PAGE.0, PAGE.1)).unwrap_or_default();
        let after: Option<LastMention> = check.take(PageToken::decode(&asked.page_token, &question)).flatten();
        check.done().map_err(status::invalid)?;
        for client_id in &named {
            caller.scope_of(client_id)?;
        }
        let clients = clients_of(&caller.scope.narrowed_to(&named));
        let (models, agent) = (self.0.desk.models.clone(), caller.principal.subject.clone());
        let read = self.0.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move {
                let hidden = hidden(connection, &models, clients.as_deref(), agent).await?;
                store::workspace::mentions(connection, clients, &hidden, after, size).await
            })
        });
        let found = read.await?;
        let next_page_token = match found.last() {
            Some(last) if i64::try_from(found.len()).is_ok_and(|count| count >= size) => {
                let last = LastMention { at: last.mentioned_at.as_microsecond(), event_id: last.event_id };
                PageToken::encode(&question, &last)
            }
            _ => String::new(),
        };
        Ok(proto::ListMentionsResponse { mentions: found.iter().map(mention).collect(), next_page_token })
    }
}

macro_rules! commands {
    ($($method:ident $request:ident $response:ident;)+) => {
        #[tonic::async_trait]
        impl WorkspaceService for Workspace {
            $(async fn $method(
                &self,
                request: Request<proto::$request>,
            ) -> Result<Response<proto::$response>, Status> {
                Ok(Response::new(proto::$response { ticket: self.0.command(request).await? }))
            })+

            async fn bulk_command(
                &self,
                request: Request<proto::BulkCommandRequest>,
            ) -> Result<Response<proto::BulkCommandResponse>, Status> {
                self.bulk(Caller::of(&request)?, request.into_inner()).await.map(Response::new)
            }

            async fn save_view(
                &self,
                request: Request<proto::SaveViewRequest>,
            ) -> Result<Response<proto::SaveViewResponse>, Status> {
                self.0.save_view(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn get_view(
                &self,
                request: Request<proto::GetViewRequest>,
            ) -> Result<Response<proto::GetViewResponse>, Status> {
                self.0.view(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn list_views(
                &self,
                request: Request<proto::ListViewsRequest>,
            ) -> Result<Response<proto::ListViewsResponse>, Status> {
                self.0.views(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn delete_view(
                &self,
                request: Request<proto::DeleteViewRequest>,
            ) -> Result<Response<proto::DeleteViewResponse>, Status> {
                self.0.delete_view(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn tell_presence(
                &self,
                request: Request<proto::TellPresenceRequest>,
            ) -> Result<Response<proto::TellPresenceResponse>, Status> {
                self.0.tell_presence(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn list_presence(
                &self,
                request: Request<proto::ListPresenceRequest>,
            ) -> Result<Response<proto::ListPresenceResponse>, Status> {
                self.0.presence(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn save_draft(
                &self,
                request: Request<proto::SaveDraftRequest>,
            ) -> Result<Response<proto::SaveDraftResponse>, Status> {
                self.0.save_draft(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn get_draft(
                &self,
                request: Request<proto::GetDraftRequest>,
            ) -> Result<Response<proto::GetDraftResponse>, Status> {
                self.0.draft(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn list_drafts(
                &self,
                request: Request<proto::ListDraftsRequest>,
            ) -> Result<Response<proto::ListDraftsResponse>, Status> {
                self.0.drafts(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn discard_draft(
                &self,
                request: Request<proto::DiscardDraftRequest>,
            ) -> Result<Response<proto::DiscardDraftResponse>, Status> {
                self.0.discard_draft(&Caller::of(&request)?, request.get_ref()).await.map(Response::new)
            }

            async fn list_mentions(
                &self,
                request: Request<proto::ListMentionsRequest>,
            ) -> Result<Response<proto::ListMentionsResponse>, Status> {
                self.mentions(Caller::of(&request)?, request.into_inner()).await.map(Response::new)
            }
        }
    };
}

commands! {
    tag_ticket TagTicketRequest TagTicketResponse;
    add_watcher AddWatcherRequest AddWatcherResponse;
    remove_watcher RemoveWatcherRequest RemoveWatcherResponse;
    record_time RecordTimeRequest RecordTimeResponse;
    correct_time CorrectTimeRequest CorrectTimeResponse;
}
