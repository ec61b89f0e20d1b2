//! Vendors, approvals, tasks, the catalogue, changes.

use contracts::ClientId;
use contracts::triage::v1 as proto;
use contracts::triage::v1::fulfilment_service_server::FulfilmentService;
use tonic::{Request, Response, Status};

use chassis::Error;
use chassis::authorisation::Caller;
use chassis::status::{self, Violation};

use super::{Api, discreet};
use crate::store;
use crate::store::ticket::clients_of;
use crate::wire::model::{AppliedModel, item};
use crate::wire::request::MAX_NAME;
use crate::wire::{self, Check, fulfilment};

/// The same API behind its second door.
#[derive(Debug, Clone)]
pub struct Fulfilment(pub std::sync::Arc<Api>);

fn named(client_id: &str) -> Result<ClientId, Status> {
    ClientId::new(client_id).map_err(|error| status::invalid(vec![Violation::new("client_id", error.to_string())]))
}

impl Fulfilment {
    /// The newest model of a client; an empty one if it has none.
    async fn model(&self, caller: &Caller, client_id: ClientId) -> Result<AppliedModel, Status> {
        let scope = caller.scope_of(&client_id)?;
        let payload = self
            .0
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    let clients = std::slice::from_ref(&client_id);
                    Ok::<_, chassis::Error>(store::model::newest(connection, clients).await?.remove(&client_id))
                })
            })
            .await?;
        Ok(payload.map(|payload| wire::model::decoded(&payload)).transpose()?.unwrap_or_default())
    }

    /// The clients that a question is about: those named, else all of the caller's.
    fn clients(caller: &Caller, named: &[ClientId]) -> Result<Option<Vec<String>>, Status> {
        for client_id in named {
            caller.scope_of(client_id)?;
        }
        Ok(clients_of(&caller.scope.narrowed_to(named)))
    }
}

macro_rules! command {
    ($self:ident, $request:ident, $response:ident) => {
        Ok(Response::new(proto::$response { ticket: $self.0.command($request).await? }))
    };
}

#[tonic::async_trait]
impl FulfilmentService for Fulfilment {
    async fn list_vendors(
        &self,
        request: Request<proto::ListVendorsRequest>,
    ) -> Result<Response<proto::ListVendorsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let model = self.model(&caller, named(&request.get_ref().client_id)?).await?;
        Ok(Response::new(proto::ListVendorsResponse { vendors: model.vendors }))
    }

    async fn open_vendor_case(
        &self,
        request: Request<proto::OpenVendorCaseRequest>,
    ) -> Result<Response<proto::OpenVendorCaseResponse>, Status> {
        command!(self, request, OpenVendorCaseResponse)
    }

    async fn update_vendor_case(
        &self,
        request: Request<proto::UpdateVendorCaseRequest>,
    ) -> Result<Response<proto::UpdateVendorCaseResponse>, Status> {
        command!(self, request, UpdateVendorCaseResponse)
    }

    async fn close_vendor_case(
        &self,
        request: Request<proto::CloseVendorCaseRequest>,
    ) -> Result<Response<proto::CloseVendorCaseResponse>, Status> {
        command!(self, request, CloseVendorCaseResponse)
    }

    async fn request_approval(
        &self,
        request: Request<proto::RequestApprovalRequest>,
    ) -> Result<Response<proto::RequestApprovalResponse>, Status> {
        command!(self, request, RequestApprovalResponse)
    }

    async fn decide_approval(
        &self,
        request: Request<proto::DecideApprovalRequest>,
    ) -> Result<Response<proto::DecideApprovalResponse>, Status> {
        command!(self, request, DecideApprovalResponse)
    }

    async fn replace_approver(
        &self,
        request: Request<proto::ReplaceApproverRequest>,
    ) -> Result<Response<proto::ReplaceApproverResponse>, Status> {
        command!(self, request, ReplaceApproverResponse)
    }

    async fn list_pending_approvals(
        &self,
        request: Request<proto::ListPendingApprovalsRequest>,
    ) -> Result<Response<proto::ListPendingApprovalsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.into_inner();
        let mut check = Check::default();
        let named = fulfilment::request::clients(&asked.client_ids, &mut check);
        let mut approver = check.text("approver", &asked.approver, MAX_NAME);
        check.done().map_err(status::invalid)?;
        let clients = Self::clients(&caller, &named)?;
        if approver.is_empty() {
            approver.clone_from(&caller.principal.subject);
        }
        let (who, reader) = (approver, caller.principal.subject.clone());
        let waiting = self.0.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move {
                let waiting = store::fulfilment::waiting_for(connection, clients, &who, &reader).await?;
                let mut tickets: Vec<_> = waiting.iter().map(|one| fulfilment::waiting_for(one, &who)).collect();
                discreet::listed(connection, &reader, &mut tickets).await?;
                Ok::<_, Error>(tickets)
            })
        });
        let tickets = waiting.await?;
        Ok(Response::new(proto::ListPendingApprovalsResponse { tickets }))
    }

    async fn list_asked_approvals(
        &self,
        request: Request<proto::ListAskedApprovalsRequest>,
    ) -> Result<Response<proto::ListAskedApprovalsResponse>, Status> {
        let caller = Caller::of(&request)?;
        self.0.asked_approvals(&caller, &request.get_ref().client_ids).await.map(Response::new)
    }

    async fn answer_approval(
        &self,
        request: Request<proto::AnswerApprovalRequest>,
    ) -> Result<Response<proto::AnswerApprovalResponse>, Status> {
        self.0.answer_approval(request).await.map(Response::new)
    }

    async fn add_task(
        &self,
        request: Request<proto::AddTaskRequest>,
    ) -> Result<Response<proto::AddTaskResponse>, Status> {
        command!(self, request, AddTaskResponse)
    }

    async fn complete_task(
        &self,
        request: Request<proto::CompleteTaskRequest>,
    ) -> Result<Response<proto::CompleteTaskResponse>, Status> {
        command!(self, request, CompleteTaskResponse)
    }

    async fn skip_task(
        &self,
        request: Request<proto::SkipTaskRequest>,
    ) -> Result<Response<proto::SkipTaskResponse>, Status> {
        command!(self, request, SkipTaskResponse)
    }

    async fn list_catalogue(
        &self,
        request: Request<proto::ListCatalogueRequest>,
    ) -> Result<Response<proto::ListCatalogueResponse>, Status> {
        let caller = Caller::of(&request)?;
        let model = self.model(&caller, named(&request.get_ref().client_id)?).await?;
        let answer = proto::ListCatalogueResponse { model_version: model.version, items: model.catalogue };
        Ok(Response::new(answer))
    }

    async fn check_answers(
        &self,
        request: Request<proto::CheckAnswersRequest>,
    ) -> Result<Response<proto::CheckAnswersResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = request.into_inner();
        let (client_id, word) = fulfilment::request::answers(&asked).map_err(status::invalid)?;
        let model = self.model(&caller, client_id).await?;
        let known = model.catalogue.into_iter().find(|it| it.item == word);
        let known = known.ok_or_else(|| status::not_found("catalogue item"))?;
        let faults = fulfilment::faults(&item(&known).faults(&asked.answers_json));
        let answer = proto::CheckAnswersResponse { faults, item: Some(known), model_version: model.version };
        Ok(Response::new(answer))
    }

    async fn plan_change(
        &self,
        request: Request<proto::PlanChangeRequest>,
    ) -> Result<Response<proto::PlanChangeResponse>, Status> {
        command!(self, request, PlanChangeResponse)
    }

    async fn start_change(
        &self,
        request: Request<proto::StartChangeRequest>,
    ) -> Result<Response<proto::StartChangeResponse>, Status> {
        command!(self, request, StartChangeResponse)
    }

    async fn end_change(
        &self,
        request: Request<proto::EndChangeRequest>,
    ) -> Result<Response<proto::EndChangeResponse>, Status> {
        command!(self, request, EndChangeResponse)
    }

    async fn list_changes(
        &self,
        request: Request<proto::ListChangesRequest>,
    ) -> Result<Response<proto::ListChangesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let asked = fulfilment::request::changes(request.get_ref()).map_err(status::invalid)?;
        let (named, from_at, until_at) = asked;
        let clients = Self::clients(&caller, &named)?;
        let reader = caller.principal.subject.clone();
        let found = self.0.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move {
                let found = store::fulfilment::changes(connection, clients, from_at, until_at, &reader).await?;
                let mut tickets: Vec<_> = found.iter().map(fulfilment::with_change).collect();
                discreet::listed(connection, &reader, &mut tickets).await?;
                Ok::<_, Error>(tickets)
            })
        });
        let tickets = found.await?;
        Ok(Response::new(proto::ListChangesResponse { tickets }))
    }
}
