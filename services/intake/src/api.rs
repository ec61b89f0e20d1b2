//! The gRPC door.

pub mod alerts;
pub mod receipts;
pub mod settings;
pub mod split;

use std::pin::Pin;
use std::sync::Arc;

use chassis::authorisation::Caller;
use chassis::group::{Group, Lost};
use chassis::inbox::{Seen, answered, fingerprint, remember_request, request_key};
use chassis::status::{Violation, invalid, not_found, or_unreadable, request_id_reused, too_much};
use chassis::{Ground, PageToken, new_id, outbox, page_size, shard_of, telemetry};
use contracts::desk::v1::{Channel, Visibility};
use contracts::intake::v1::event::Fact;
use contracts::intake::v1::intake_service_server::IntakeService;
use contracts::intake::v1::{self as proto, ImportOutcome, MessageAdded};
use contracts::{ClientId, timestamp};
use futures::{Stream, StreamExt};
use prost::Message as _;
use tonic::{Request, Response, Status, Streaming};
use tracing::Instrument;
use uuid::Uuid;

use crate::directory::{self, Applied};
use crate::domain::{body_fault, email_fault};
use crate::group::Register;
use crate::handle::{Outcome, contact};
use crate::import::{self, Import};
use crate::store::{self, Eyes, Found, Kept};
use crate::wire::{self, Faults};

/// Registrations of one stream that are under way at once.
const STREAM_IN_FLIGHT: usize = 1_024;
/// Imported tickets of one stream that share a transaction.
const IMPORT_BATCH: usize = 100;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Intake's gRPC service.
#[derive(Debug, Clone)]
pub struct Api {
    pub(crate) ground: Ground,
    pub(crate) group: Group<Register>,
}

/// Registers one ticket for a caller.
async fn register(
    ground: &Ground,
    group: &Group<Register>,
    caller: &Caller,
    request: proto::RegisterTicketRequest,
) -> Result<proto::RegisterTicketResponse, Status> {
    let registration = wire::registration(request, caller.actor(), ground.clock.now()).map_err(invalid)?;
    caller.scope_of(&registration.client_id)?;
    registered(group, registration).await
}

/// Registers one ticket together with whatever else has gathered.
pub(crate) async fn registered(
    group: &Group<Register>,
    registration: wire::Registration,
) -> Result<proto::RegisterTicketResponse, Status> {
    let client_id = registration.client_id.clone();
    let outcome = group.outcome(registration).await.map_err(|lost| match lost {
        Lost::Full => too_much("too many registrations are waiting; try again shortly"),
        Lost::Failed(error) => error.into(),
    })?;
    if let Outcome::Registered(kept) | Outcome::Repeated(kept) = &outcome {
        telemetry::about_ticket(&client_id, kept.ticket_id, &kept.reference);
    }
    match outcome {
        Outcome::Registered(kept) => Ok(answer(kept, false)),
        Outcome::Repeated(kept) => Ok(answer(kept, true)),
        Outcome::Reused => Err(request_id_reused()),
        Outcome::NoClient => Err(not_found("client")),
        Outcome::NoFile => Err(not_found("attachment")),
        Outcome::Incomplete(complaints) => {
            let violation = |(field, what)| Violation::new(format!("matter.fields.{field}"), what);
            Err(invalid(complaints.into_iter().map(violation).collect()))
        }
    }
}

fn answer(kept: Kept, repeated_request: bool) -> proto::RegisterTicketResponse {
    proto::RegisterTicketResponse {
        ticket_id: kept.ticket_id.to_string(),
        reference: kept.reference,
        registered_at: Some(timestamp(kept.registered_at)),
        repeated_request,
    }
}

pub(crate) fn refusal(status: &Status) -> proto::Refusal {
    use tonic_types::StatusExt;
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    proto::Refusal { code: status.code().into(), reason, message: status.message().to_owned() }
}

#[tonic::async_trait]
impl IntakeService for Api {
    type RegisterTicketsStream = Answers<proto::RegisterTicketsResponse>;
    type ImportTicketsStream = Answers<proto::ImportTicketsResponse>;

    async fn register_ticket(
        &self,
        request: Request<proto::RegisterTicketRequest>,
    ) -> Result<Response<proto::RegisterTicketResponse>, Status> {
        let caller = Caller::of(&request)?;
        register(&self.ground, &self.group, &caller, request.into_inner()).await.map(Response::new)
    }

    async fn register_tickets(
        &self,
        request: Request<Streaming<proto::RegisterTicketsRequest>>,
    ) -> Result<Response<Self::RegisterTicketsStream>, Status> {
        let caller = Arc::new(Caller::of(&request)?);
        let (ground, group) = (self.ground.clone(), self.group.clone());
        let stop = self.ground.stop.clone();
        let answers = request
            .into_inner()
            .take_until(async move { stop.asked().await })
            .map(move |post| {
                let (ground, group, caller) = (ground.clone(), group.clone(), Arc::clone(&caller));
                let span =
                    telemetry::request_on_stream(ground.service, "skranke.intake.v1.IntakeService/RegisterTickets");
                let registered = async move {
                    let ticket = post.map_err(or_unreadable)?.ticket.unwrap_or_default();
                    let request_id = ticket.request_id.clone();
                    let outcome = match register(&ground, &group, &caller, ticket).await {
                        Ok(registered) => proto::register_tickets_response::Outcome::Registered(registered),
                        Err(status) => proto::register_tickets_response::Outcome::Refused(refusal(&status)),
                    };
                    Ok(proto::RegisterTicketsResponse { request_id, outcome: Some(outcome) })
                };
                registered.instrument(span)
            })
            .buffer_unordered(STREAM_IN_FLIGHT);
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_receipt(
        &self,
        request: Request<proto::GetReceiptRequest>,
    ) -> Result<Response<proto::GetReceiptResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let client_id = wire::receipt(&request).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let key = request_key(&client_id, &caller.principal.subject, &request.request_id);
        let who = caller.principal.subject.clone();
        let found = self
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    let ticket_id = if request.request_id.is_empty() {
                        let found = store::find(connection, &request.ticket, Eyes::Sender(&who)).await?;
                        found.map(|found| found.ticket_id)
                    } else {
                        let known = answered(connection, &[(client_id.as_str(), key)]).await?;
                        known.into_iter().find_map(|row| row.outcome_id)
                    };
                    match ticket_id {
                        Some(id) => store::receipt(connection, &client_id, id, shard_of(id)).await,
                        None => Ok(None),
                    }
                })
            })
            .await?;
        let (kept, announced) = found.ok_or_else(|| not_found("ticket"))?;
        Ok(Response::new(proto::GetReceiptResponse {
            ticket_id: kept.ticket_id.to_string(),
            reference: kept.reference,
            registered_at: Some(timestamp(kept.registered_at)),
            announced,
        }))
    }

    async fn import_tickets(
        &self,
        request: Request<Streaming<proto::ImportTicketsRequest>>,
    ) -> Result<Response<Self::ImportTicketsStream>, Status> {
        let caller = Arc::new(Caller::of(&request)?);
        let ground = self.ground.clone();
        let stop = self.ground.stop.clone();
        let answers = request
            .into_inner()
            .take_until(async move { stop.asked().await })
            .ready_chunks(IMPORT_BATCH)
            .then(move |chunk| {
                let (ground, caller) = (ground.clone(), Arc::clone(&caller));
                let span =
                    telemetry::request_on_stream(ground.service, "skranke.intake.v1.IntakeService/ImportTickets");
                async move { futures::stream::iter(import_chunk(&ground, &caller, chunk).await) }.instrument(span)
            })
            .flatten();
        Ok(Response::new(Box::pin(answers)))
    }

    async fn add_message(
        &self,
        request: Request<proto::AddMessageRequest>,
    ) -> Result<Response<proto::AddMessageResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let message = self.check_message(&caller, &request)?;
        let subject = caller.principal.subject.clone();
        let (hash, traceparent) = (fingerprint(&request), chassis::telemetry::traceparent());
        let principal = std::sync::Arc::clone(&caller.principal);
        let speaks = contact::speaks(&message);
        let added = self
            .ground
            .store
            .unit_of_work(&caller.scope, move |connection| {
                Box::pin(async move {
                    let found = store::find(connection, &request.ticket, Eyes::Sender(&subject)).await?;
                    let found = found.ok_or_else(|| not_found("ticket"))?;
                    let client_id = wire::client_id(&found.client_id).map_err(invalid)?;
                    if speaks {
                        contact::may_write(connection, &client_id, &found, &message, &principal).await?;
                    }
                    let key = request_key(&client_id, &subject, &request.request_id);
                    let message_id = Uuid::try_parse(&message.message_id).unwrap_or_default();
                    match remember_request(connection, &client_id, key, &hash, message_id).await? {
                        Seen::New => keep_message(connection, &client_id, &found, message, key, traceparent).await,
                        Seen::Reused => Err(Refused(request_id_reused())),
                        Seen::Before { outcome_id } => {
                            let body =
                                store::message(connection, &found.client_id, found.ticket_id, outcome_id).await?;
                            let known = body.and_then(|body| wire::Message::decode(body.as_slice()).ok());
                            known.ok_or_else(|| Refused(request_id_reused()))
                        }
                    }
                })
            })
            .await;
        added.map(|message| Response::new(proto::AddMessageResponse { message: Some(message) })).map_err(|one| one.0)
    }

    async fn list_messages(
        &self,
        request: Request<proto::ListMessagesRequest>,
    ) -> Result<Response<proto::ListMessagesResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size), 100, 1_000).map_err(|one| invalid(vec![one]))?;
        let token = std::mem::take(&mut request.page_token);
        let after: Uuid = PageToken::decode(&token, &request).map_err(|one| invalid(vec![one]))?.unwrap_or_default();
        let mut faults = Faults::default();
        wire::check_ticket(&mut faults, &request.ticket);
        let ticket = faults.unless_any(request.ticket.clone()).map_err(invalid)?;
        let who = caller.principal.subject.clone();
        let rows = self
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move {
                    let found = store::find(connection, &ticket, Eyes::Reader(&who)).await?;
                    let found = found.ok_or_else(|| not_found("ticket"))?;
                    Ok::<_, Refused>(store::messages(connection, &found, after, size).await?)
                })
            })
            .await
            .map_err(|one| one.0)?;
        let next_page_token = match rows.last() {
            Some((last, _)) if rows.len() as i64 == size => PageToken::encode(&request, last),
            _ => String::new(),
        };
        let messages = rows.iter().filter_map(|(_, body)| wire::Message::decode(body.as_slice()).ok()).collect();
        Ok(Response::new(proto::ListMessagesResponse { messages, next_page_token }))
    }

    async fn apply_directory(
        &self,
        request: Request<proto::ApplyDirectoryRequest>,
    ) -> Result<Response<proto::ApplyDirectoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let (client_id, request) = directory::check(request.into_inner()).map_err(invalid)?;
        caller.scope_of(&client_id)?;
        match directory::apply(&self.ground, client_id, request, caller.principal.subject.clone()).await? {
            Applied::Now(answer) => Ok(Response::new(answer)),
            Applied::PrefixTaken => Err(directory::prefix_taken()),
        }
    }

    async fn get_directory(
        &self,
        request: Request<proto::GetDirectoryRequest>,
    ) -> Result<Response<proto::GetDirectoryResponse>, Status> {
        let caller = Caller::of(&request)?;
        let client_id = wire::client_id(&request.into_inner().client_id).map_err(invalid)?;
        let scope = caller.scope_of(&client_id)?;
        let (client, requesters) = self
            .ground
            .store
            .read(&scope, move |connection| {
                Box::pin(async move {
                    let client = store::client(connection, &client_id).await?;
                    Ok::<_, chassis::Error>((client, store::applied_requesters(connection, &client_id).await?))
                })
            })
            .await?;
        let client = client.ok_or_else(|| not_found("client"))?;
        Ok(Response::new(proto::GetDirectoryResponse { client: Some(client), requesters }))
    }

    async fn list_clients(
        &self,
        request: Request<proto::ListClientsRequest>,
    ) -> Result<Response<proto::ListClientsResponse>, Status> {
        let caller = Caller::of(&request)?;
        let mut request = request.into_inner();
        let size = page_size(std::mem::take(&mut request.page_size), 100, 1_000).map_err(|one| invalid(vec![one]))?;
        let token = std::mem::take(&mut request.page_token);
        let after: String = PageToken::decode(&token, &request).map_err(|one| invalid(vec![one]))?.unwrap_or_default();
        let clients = self
            .ground
            .store
            .read(&caller.scope, move |connection| {
                Box::pin(async move { store::clients(connection, &after, size).await })
            })
            .await?;
        let next_page_token = match clients.last() {
            Some(last) if clients.len() as i64 == size => PageToken::encode(&request, &last.client_id),
            _ => String::new(),
        };
        Ok(Response::new(proto::ListClientsResponse { clients, next_page_token }))
    }
}

impl Api {
    fn check_message(&self, caller: &Caller, request: &proto::AddMessageRequest) -> Result<wire::Message, Status> {
        let mut faults = Faults::default();
        wire::check_request_id(&mut faults, &request.request_id);
        wire::check_ticket(&mut faults, &request.ticket);
        if request.body.trim().is_empty() {
            faults.require("body", "");
        }
        faults.note("body", body_fault(&request.body));
        let visibility = Visibility::try_from(request.visibility).unwrap_or_default();
        if visibility == Visibility::Unspecified {
            faults.note("visibility", Some("must be PUBLIC or INTERNAL".to_owned()));
        }
        let author = if request.requester_email.is_empty() {
            caller.actor()
        } else {
            faults.note("requester_email", email_fault(&request.requester_email));
            if visibility == Visibility::Internal {
                faults.note("visibility", Some("must be PUBLIC for a requester's message".to_owned()));
            }
            wire::requester_actor(&request.requester_email.to_lowercase())
        };
        let channel = Channel::try_from(request.channel).unwrap_or_else(|_| {
            faults.note("channel", Some("has a value that this version does not know".to_owned()));
            Channel::Unspecified
        });
        let channel = if channel == Channel::Unspecified { Channel::Api } else { channel };
        faults
            .unless_any(wire::Message {
                message_id: new_id().to_string(),
                visibility: visibility.into(),
                channel: channel.into(),
                body: request.body.clone(),
                author: Some(author),
                written_at: Some(timestamp(self.ground.clock.now())),
            })
            .map_err(invalid)
    }
}

/// A refusal inside of a unit of work.
struct Refused(Status);

impl From<chassis::Error> for Refused {
    fn from(error: chassis::Error) -> Self {
        Self(error.into())
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        Self(status)
    }
}

async fn keep_message(
    connection: &mut sqlx::PgConnection,
    client_id: &ClientId,
    found: &Found,
    message: wire::Message,
    cause: Uuid,
    traceparent: Option<String>,
) -> Result<wire::Message, Refused> {
    let written_at = message.written_at.as_ref().and_then(contracts::from_timestamp).unwrap_or_default();
    let message_id = Uuid::try_parse(&message.message_id).unwrap_or_default();
    let revision = store::next_revision(connection, client_id, found.ticket_id).await?;
    store::insert_message(connection, client_id, found.ticket_id, message_id, message.encode_to_vec(), written_at)
        .await?;
    let actor = message.author.clone().unwrap_or_default();
    let meta = wire::meta(client_id, found.ticket_id, revision, written_at, actor, cause);
    let fact = Fact::MessageAdded(MessageAdded { reference: found.reference.clone(), message: Some(message.clone()) });
    outbox::append(connection, &[wire::announce(meta, fact, traceparent)?]).await?;
    Ok(message)
}

/// Imports what has gathered of a stream; one answer per ticket.
async fn import_chunk(
    ground: &Ground,
    caller: &Caller,
    chunk: Vec<Result<proto::ImportTicketsRequest, Status>>,
) -> Vec<Result<proto::ImportTicketsResponse, Status>> {
    let mut answers = Vec::with_capacity(chunk.len());
    let mut by_client: std::collections::BTreeMap<ClientId, Vec<Import>> = Default::default();
    for request in chunk {
        let request = match request {
            Ok(request) => request,
            Err(status) => {
                answers.push(Err(or_unreadable(status)));
                continue;
            }
        };
        let external_ref = request.matter.as_ref().map(|matter| matter.external_ref.clone()).unwrap_or_default();
        let checked = import::check(request, caller.actor())
            .map_err(invalid)
            .and_then(|import| caller.scope_of(&import.client_id).map(|_| import));
        match checked {
            Ok(import) => by_client.entry(import.client_id.clone()).or_default().push(import),
            Err(status) => answers.push(Ok(import_refused(external_ref, &status))),
        }
    }
    for (client_id, imports) in by_client {
        let refs: Vec<String> = imports.iter().map(|one| one.matter.external_ref.clone()).collect();
        match import::import(ground, &client_id, imports).await {
            Ok(Some(imported)) => answers.extend(refs.into_iter().zip(imported).map(|(external_ref, one)| {
                Ok(proto::ImportTicketsResponse {
                    external_ref,
                    ticket_id: one.kept.ticket_id.to_string(),
                    reference: one.kept.reference,
                    outcome: one.outcome.into(),
                    refused: None,
                })
            })),
            Ok(None) => {
                let status = not_found("client");
                answers.extend(refs.into_iter().map(|external_ref| Ok(import_refused(external_ref, &status))));
            }
            Err(error) => answers.push(Err(error.into())),
        }
    }
    answers
}

fn import_refused(external_ref: String, status: &Status) -> proto::ImportTicketsResponse {
    proto::ImportTicketsResponse {
        external_ref,
        outcome: ImportOutcome::Refused.into(),
        refused: Some(refusal(status)),
        ..Default::default()
    }
}
