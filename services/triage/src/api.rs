//! The gRPC door: decode, handle, encode; the one error → Status mapping.

mod asked;
pub mod automation;
mod discreet;
mod draft;
pub mod fulfilment;
mod read;
mod relation;
pub mod runbook;
mod view;
mod watch;
pub mod workspace;

use contracts::triage::v1 as proto;
use contracts::triage::v1::triage_service_server::TriageService;
use tonic::{Request, Response, Status};

use chassis::authorisation::Caller;
use chassis::{Ground, inbox, status, telemetry};

use crate::domain::SupportModel;
use crate::handle::{self, Desk, Envelope};
use crate::news::News;
use crate::store::ticket::Found;
use crate::wire;
use crate::wire::request::Commands;

pub use relation::Relations;

/// Triage's gRPC service.
#[derive(Debug, Clone)]
pub struct Api {
    /// What it stands on.
    pub ground: Ground,
    /// Wakes the watchers.
    pub news: News,
    /// The write path.
    pub desk: Desk,
}

impl From<handle::Error> for Status {
    fn from(error: handle::Error) -> Self {
        match error {
            handle::Error::NotFound(what) => status::not_found(what),
            handle::Error::Rejected(rejection) => {
                tracing::info!(reason = rejection.reason(), "a command was refused");
                status::refused(rejection.reason(), rejection.to_string())
            }
            handle::Error::Bound(rejection) => {
                tracing::info!(reason = rejection.reason(), "a command was refused");
                status::refused(rejection.reason(), rejection.to_string())
            }
            handle::Error::Run(refusal) => {
                tracing::info!(reason = refusal.reason(), "a run was refused");
                status::refused(refusal.reason(), refusal.to_string())
            }
            handle::Error::Invalid(violations) => status::invalid(violations),
            handle::Error::Changed(_) => status::changed_meanwhile(error.to_string()),
            handle::Error::Reused => status::request_id_reused(),
            handle::Error::TooMuch => status::too_much("too many commands are waiting; try again shortly"),
            handle::Error::World(error) => error.into(),
        }
    }
}

impl Api {
    /// Does one command and answers with the ticket.
    async fn command<R: Commands>(&self, request: Request<R>) -> Result<Option<proto::Ticket>, Status> {
        let caller = Caller::of(&request)?;
        let done = self.carry_out(request).await?;
        let ticket = self.told(done.found, &done.model)?;
        Ok(Some(self.discreet(ticket, &done.model, &caller).await?))
    }

    /// Does one command.
    async fn carry_out<R: Commands>(&self, request: Request<R>) -> Result<handle::Done, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let envelope = Envelope {
            asked: request.asked().map_err(status::invalid)?,
            by: wire::actor_of(Some(&caller.actor())),
            principal: caller.principal,
            scope: caller.scope,
            fingerprint: inbox::fingerprint(&request),
            traceparent: telemetry::traceparent(),
        };
        let done = handle::command(&self.desk, envelope).await?;
        self.news.ring();
        Ok(done)
    }

    /// The ticket with all that stands beside it, by the client's model as of now.
    fn told(&self, found: Found, model: &SupportModel) -> Result<proto::Ticket, Status> {
        let work = found.ticket.work.clone();
        Ok(wire::roster::beside(wire::ticket::whole(found)?, &work, model, self.ground.clock.now()))
    }
}

macro_rules! command {
    ($self:ident, $request:ident, $response:ident) => {
        Ok(Response::new(proto::$response { ticket: $self.command($request).await? }))
    };
}

#[tonic::async_trait]
impl TriageService for Api {
    type WatchTicketsStream = watch::Changes;

    async fn get_ticket(
        &self,
        request: Request<proto::GetTicketRequest>,
    ) -> Result<Response<proto::GetTicketResponse>, Status> {
        let ticket = self.whole_ticket(Caller::of(&request)?, &request.get_ref().ticket).await?;
        Ok(Response::new(proto::GetTicketResponse { ticket: Some(ticket) }))
    }

    async fn list_tickets(
        &self,
        request: Request<proto::ListTicketsRequest>,
    ) -> Result<Response<proto::ListTicketsResponse>, Status> {
        self.tickets(Caller::of(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn watch_tickets(
        &self,
        request: Request<proto::WatchTicketsRequest>,
    ) -> Result<Response<Self::WatchTicketsStream>, Status> {
        self.changes(Caller::of(&request)?, request.get_ref()).await.map(Response::new)
    }

    async fn list_history(
        &self,
        request: Request<proto::ListHistoryRequest>,
    ) -> Result<Response<proto::ListHistoryResponse>, Status> {
        self.history(Caller::of(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn triage_ticket(
        &self,
        request: Request<proto::TriageTicketRequest>,
    ) -> Result<Response<proto::TriageTicketResponse>, Status> {
        command!(self, request, TriageTicketResponse)
    }

    async fn claim_ticket(
        &self,
        request: Request<proto::ClaimTicketRequest>,
    ) -> Result<Response<proto::ClaimTicketResponse>, Status> {
        command!(self, request, ClaimTicketResponse)
    }

    async fn release_ticket(
        &self,
        request: Request<proto::ReleaseTicketRequest>,
    ) -> Result<Response<proto::ReleaseTicketResponse>, Status> {
        command!(self, request, ReleaseTicketResponse)
    }

    async fn hand_over_ticket(
        &self,
        request: Request<proto::HandOverTicketRequest>,
    ) -> Result<Response<proto::HandOverTicketResponse>, Status> {
        command!(self, request, HandOverTicketResponse)
    }

    async fn wait_ticket(
        &self,
        request: Request<proto::WaitTicketRequest>,
    ) -> Result<Response<proto::WaitTicketResponse>, Status> {
        command!(self, request, WaitTicketResponse)
    }

    async fn resume_ticket(
        &self,
        request: Request<proto::ResumeTicketRequest>,
    ) -> Result<Response<proto::ResumeTicketResponse>, Status> {
        command!(self, request, ResumeTicketResponse)
    }

    async fn resolve_ticket(
        &self,
        request: Request<proto::ResolveTicketRequest>,
    ) -> Result<Response<proto::ResolveTicketResponse>, Status> {
        command!(self, request, ResolveTicketResponse)
    }

    async fn confirm_ticket(
        &self,
        request: Request<proto::ConfirmTicketRequest>,
    ) -> Result<Response<proto::ConfirmTicketResponse>, Status> {
        command!(self, request, ConfirmTicketResponse)
    }

    async fn reopen_ticket(
        &self,
        request: Request<proto::ReopenTicketRequest>,
    ) -> Result<Response<proto::ReopenTicketResponse>, Status> {
        command!(self, request, ReopenTicketResponse)
    }

    async fn close_ticket(
        &self,
        request: Request<proto::CloseTicketRequest>,
    ) -> Result<Response<proto::CloseTicketResponse>, Status> {
        command!(self, request, CloseTicketResponse)
    }

    async fn cancel_ticket(
        &self,
        request: Request<proto::CancelTicketRequest>,
    ) -> Result<Response<proto::CancelTicketResponse>, Status> {
        command!(self, request, CancelTicketResponse)
    }

    async fn assign_ticket(
        &self,
        request: Request<proto::AssignTicketRequest>,
    ) -> Result<Response<proto::AssignTicketResponse>, Status> {
        command!(self, request, AssignTicketResponse)
    }

    async fn return_ticket(
        &self,
        request: Request<proto::ReturnTicketRequest>,
    ) -> Result<Response<proto::ReturnTicketResponse>, Status> {
        command!(self, request, ReturnTicketResponse)
    }

    async fn call_back(
        &self,
        request: Request<proto::CallBackRequest>,
    ) -> Result<Response<proto::CallBackResponse>, Status> {
        command!(self, request, CallBackResponse)
    }

    async fn join_swarm(
        &self,
        request: Request<proto::JoinSwarmRequest>,
    ) -> Result<Response<proto::JoinSwarmResponse>, Status> {
        command!(self, request, JoinSwarmResponse)
    }

    async fn invite_to_swarm(
        &self,
        request: Request<proto::InviteToSwarmRequest>,
    ) -> Result<Response<proto::InviteToSwarmResponse>, Status> {
        command!(self, request, InviteToSwarmResponse)
    }

    async fn leave_swarm(
        &self,
        request: Request<proto::LeaveSwarmRequest>,
    ) -> Result<Response<proto::LeaveSwarmResponse>, Status> {
        command!(self, request, LeaveSwarmResponse)
    }

    async fn get_roster(
        &self,
        request: Request<proto::GetRosterRequest>,
    ) -> Result<Response<proto::GetRosterResponse>, Status> {
        self.roster(Caller::of(&request)?, request.get_ref()).await.map(Response::new)
    }

    async fn apply_support_model(
        &self,
        request: Request<proto::ApplySupportModelRequest>,
    ) -> Result<Response<proto::ApplySupportModelResponse>, Status> {
        self.apply_model(Caller::of(&request)?, request.into_inner()).await.map(Response::new)
    }

    async fn get_support_model(
        &self,
        request: Request<proto::GetSupportModelRequest>,
    ) -> Result<Response<proto::GetSupportModelResponse>, Status> {
        self.model(Caller::of(&request)?, request.get_ref()).await.map(Response::new)
    }
}
