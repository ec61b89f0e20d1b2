//! A matter of its own out of a ticket that had two: registered as every contact is, with who brought it and how.

use chassis::authorisation::Caller;
use chassis::status::{invalid, not_found};
use contracts::intake::v1 as proto;
use contracts::intake::v1::split_service_server::SplitService;
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;

use super::{Api, registered};
use crate::domain::{body_fault, limits, line_fault};
use crate::store::{self, Eyes, Found};
use crate::wire::{self, Faults, RegisteredTicket};

/// The attribute that says out of which ticket a matter was split.
const SPLIT_FROM: &str = "split_from";

/// The gRPC service.
#[derive(Debug)]
pub struct Split(pub(crate) Api);

#[tonic::async_trait]
impl SplitService for Split {
    async fn split_ticket(
        &self,
        request: Request<proto::SplitTicketRequest>,
    ) -> Result<Response<proto::SplitTicketResponse>, Status> {
        let caller = Caller::of(&request)?;
        let request = request.into_inner();
        let message_id = check(&request)?;
        let (ticket, scope) = (request.ticket.clone(), caller.scope.clone());
        let who = caller.principal.subject.clone();
        let read = self.0.ground.store.read(&scope, move |connection| {
            Box::pin(async move {
                let found = store::find(connection, &ticket, Eyes::Reader(&who)).await?;
                let Some(found) = found else { return Ok(None) };
                let body = store::ticket_body(connection, &found).await?;
                let message = match message_id {
                    Some(id) => store::message(connection, &found.client_id, found.ticket_id, id).await?,
                    None => None,
                };
                Ok::<_, chassis::Error>(Some((found, body, message)))
            })
        });
        let (found, body, message) = read.await?.ok_or_else(|| not_found("ticket"))?;
        let first = body.and_then(|body| RegisteredTicket::decode(body.as_slice()).ok()).unwrap_or_default();
        let message = message.and_then(|body| wire::Message::decode(body.as_slice()).ok());
        if message_id.is_some() && message.is_none() {
            return Err(not_found("message"));
        }
        let post = post(request, &found, first, message);
        let mut registration = wire::registration(post, caller.actor(), self.0.ground.clock.now()).map_err(invalid)?;
        registration.follow_up_of = Some((found.ticket_id, found.reference));
        let registered = registered(&self.0.group, registration).await?;
        Ok(Response::new(proto::SplitTicketResponse { registered: Some(registered) }))
    }
}

/// The message that is named, if one is.
fn check(request: &proto::SplitTicketRequest) -> Result<Option<Uuid>, Status> {
    let mut faults = Faults::default();
    wire::check_request_id(&mut faults, &request.request_id);
    wire::check_ticket(&mut faults, &request.ticket);
    if request.subject.trim().is_empty() {
        faults.require("subject", "");
    }
    faults.note("subject", line_fault(&request.subject, limits::SUBJECT));
    faults.note("description", body_fault(&request.description));
    let message_id = Uuid::try_parse(&request.message_id).ok();
    if !request.message_id.is_empty() {
        faults.note("message_id", message_id.is_none().then(|| "is not an id".to_owned()));
        let is_double = !request.description.is_empty();
        faults.note("description", is_double.then(|| "goes only without a message_id".to_owned()));
    }
    faults.unless_any(message_id).map_err(invalid)
}

/// The same request of the same ticket is the same post.
fn post(
    request: proto::SplitTicketRequest,
    found: &Found,
    first: RegisteredTicket,
    message: Option<wire::Message>,
) -> proto::RegisterTicketRequest {
    let matter = first.matter.unwrap_or_default();
    let channel = message.as_ref().map_or(matter.channel, |message| message.channel);
    proto::RegisterTicketRequest {
        request_id: request.request_id,
        client_id: found.client_id.clone(),
        matter: Some(proto::Matter {
            subject: request.subject,
            description: message.map_or(request.description, |message| message.body),
            channel,
            language: matter.language,
            requester_email: matter.requester_email,
            // So that the same request on another ticket is another request.
            attributes: [(SPLIT_FROM.to_owned(), found.reference.clone())].into(),
            ..proto::Matter::default()
        }),
        ..proto::RegisterTicketRequest::default()
    }
}
