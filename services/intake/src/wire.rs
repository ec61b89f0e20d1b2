//! Protobuf ↔ intake: what is taken, refused, announced.

mod catalogue;

use chassis::status::Violation;
use chassis::{Error, new_id};
use contracts::desk::v1::{ActorKind, Channel, EventMeta, Level, TicketKind};
use contracts::intake::v1 as proto;
use contracts::{ClientId, timestamp};
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::{body_fault, email_fault, limits, line_fault};

pub mod alert;
pub mod settings;
mod solved;

/// The messages, for those who keep them as they come.
pub mod messages {
    pub use contracts::desk::v1::{ActorKind, Channel, Visibility};
    pub use contracts::intake::v1::*;
}

pub use contracts::desk::v1::Actor;
pub use contracts::intake::v1::event::Fact;
pub use contracts::intake::v1::{
    ApplyDirectoryRequest, ApplyDirectoryResponse, Client, Entry, HistoricFact, ImportOutcome, ImportTicketsRequest,
    Matter, Message, RegisteredTicket, Requester, Solved, TicketImported, TicketRegistered,
};

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<Violation>);

impl Faults {
    /// Notes a fault, if there is one.
    pub fn note(&mut self, field: &str, fault: Option<String>) {
        self.0.extend(fault.map(|fault| Violation::new(field, fault)));
    }

    /// Notes a field that must not be empty.
    pub fn require(&mut self, field: &str, text: &str) {
        self.note(field, text.is_empty().then(|| "is missing".to_owned()));
    }

    /// The value if nothing was wrong.
    ///
    /// # Errors
    /// Everything that was.
    pub fn unless_any<T>(self, value: T) -> Result<T, Vec<Violation>> {
        if self.0.is_empty() { Ok(value) } else { Err(self.0) }
    }
}

/// Reads a client's id.
///
/// # Errors
/// A violation.
pub fn client_id(text: &str) -> Result<ClientId, Vec<Violation>> {
    ClientId::new(text).map_err(|error| vec![Violation::new("client_id", format!("is not one: {error}"))])
}

/// What is wrong with a request_id.
pub fn check_request_id(faults: &mut Faults, request_id: &str) {
    faults.require("request_id", request_id);
    faults.note("request_id", line_fault(request_id, limits::REQUEST_ID));
}

/// What is wrong with what names a ticket: its reference or its id.
pub fn check_ticket(faults: &mut Faults, ticket: &str) {
    faults.require("ticket", ticket);
    faults.note("ticket", line_fault(ticket, limits::TICKET));
}

/// Notes everything that is wrong with a matter.
pub fn check_matter(faults: &mut Faults, matter: &Matter) {
    if matter.subject.trim().is_empty() {
        faults.require("matter.subject", "");
    }
    faults.note("matter.subject", line_fault(&matter.subject, limits::SUBJECT));
    faults.note("matter.description", body_fault(&matter.description));
    for (field, text, most) in [
        ("matter.language", &matter.language, 35),
        ("matter.category", &matter.category, limits::NAME),
        ("matter.subcategory", &matter.subcategory, limits::NAME),
        ("matter.source", &matter.source, limits::NAME),
    ] {
        faults.note(field, line_fault(text, most));
    }
    if !matter.requester_email.is_empty() {
        faults.note("matter.requester_email", email_fault(&matter.requester_email));
    }
    let is_long = matter.external_ref.len() > limits::EXTERNAL_REF;
    faults.note("matter.external_ref", is_long.then(|| format!("is longer than {} bytes", limits::EXTERNAL_REF)));
    faults.note("matter.external_ref", line_fault(&matter.external_ref, limits::EXTERNAL_REF));
    if !matter.external_ref.is_empty() {
        faults.require("matter.source", &matter.source);
    }
    let unknown = |is_known: bool| (!is_known).then(|| "has a value that this version does not know".to_owned());
    faults.note("matter.kind", unknown(TicketKind::try_from(matter.kind).is_ok()));
    faults.note("matter.channel", unknown(Channel::try_from(matter.channel).is_ok()));
    faults.note("matter.impact", unknown(Level::try_from(matter.impact).is_ok()));
    faults.note("matter.urgency", unknown(Level::try_from(matter.urgency).is_ok()));
    check_attributes(faults, matter);
    solved::check_fields(faults, &matter.fields);
    catalogue::check(faults, matter);
}

fn check_attributes(faults: &mut Faults, matter: &Matter) {
    if matter.attributes.len() > limits::ATTRIBUTES {
        faults.note("matter.attributes", Some(format!("has more than {} pairs", limits::ATTRIBUTES)));
        return;
    }
    for (key, value) in &matter.attributes {
        let field = "matter.attributes";
        faults.require(field, key);
        faults.note(field, line_fault(key, limits::ATTRIBUTE_KEY).map(|fault| format!("has a key that {fault}")));
        faults.note(field, line_fault(value, limits::ATTRIBUTE_VALUE).map(|fault| format!("has a value that {fault}")));
    }
}

/// Checks a question after a receipt; returns the client that it is about.
///
/// # Errors
/// Everything that is wrong with it.
pub fn receipt(request: &proto::GetReceiptRequest) -> Result<ClientId, Vec<Violation>> {
    let mut faults = Faults::default();
    if request.request_id.is_empty() {
        check_ticket(&mut faults, &request.ticket);
    } else {
        check_request_id(&mut faults, &request.request_id);
    }
    match client_id(&request.client_id) {
        Ok(client_id) => faults.unless_any(client_id),
        Err(violations) => {
            faults.0.extend(violations);
            Err(faults.0)
        }
    }
}

/// A registration that may be committed.
#[derive(Debug, Clone)]
pub struct Registration {
    /// For whom.
    pub client_id: ClientId,
    /// Its inbox key.
    pub request_key: Uuid,
    /// SHA-256 of the request.
    pub fingerprint: Vec<u8>,
    /// The ticket's id, if it becomes one.
    pub ticket_id: Uuid,
    /// What it is about.
    pub matter: Matter,
    /// Who posted it.
    pub actor: Actor,
    /// When it reached us.
    pub registered_at: Timestamp,
    /// The ticket of the same client that it came after: id and reference.
    pub follow_up_of: Option<(Uuid, String)>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// It is solved already.
    pub solved: Option<Solved>,
    /// Files that were uploaded before, in this order.
    pub files: Vec<Uuid>,
}

/// Checks a request to register a ticket.
///
/// # Errors
/// Everything that is wrong with it.
pub fn registration(
    request: proto::RegisterTicketRequest,
    actor: Actor,
    registered_at: Timestamp,
) -> Result<Registration, Vec<Violation>> {
    let mut faults = Faults::default();
    check_request_id(&mut faults, &request.request_id);
    let fingerprint = chassis::inbox::fingerprint(&request);
    let mut matter = request.matter.unwrap_or_default();
    check_matter(&mut faults, &matter);
    if matter.channel == i32::from(Channel::Unspecified) {
        matter.channel = Channel::Api.into();
    }
    matter.requester_email = matter.requester_email.to_lowercase();
    if let Some(solved) = &request.solved {
        solved::check(&mut faults, solved, &matter, &actor);
    }
    let files = files(&mut faults, &request.attachment_ids);
    let client_id = match ClientId::new(&request.client_id) {
        Ok(client_id) => client_id,
        Err(error) => {
            faults.note("client_id", Some(format!("is not one: {error}")));
            return Err(faults.0);
        }
    };
    let request_key = chassis::inbox::request_key(&client_id, &actor.actor_id, &request.request_id);
    faults.unless_any(Registration {
        client_id,
        request_key,
        fingerprint,
        ticket_id: new_id(),
        matter,
        actor,
        registered_at,
        follow_up_of: None,
        traceparent: chassis::telemetry::traceparent(),
        solved: request.solved,
        files,
    })
}

/// The files that a registration claims.
fn files(faults: &mut Faults, ids: &[String]) -> Vec<Uuid> {
    let most = usize::try_from(crate::attachments::limits::FILES).unwrap_or(usize::MAX);
    if ids.len() > most {
        faults.note("attachment_ids", Some(format!("names more than {most} files")));
        return Vec::new();
    }
    let known: Vec<Uuid> = ids.iter().filter_map(|id| Uuid::try_parse(id).ok()).collect();
    let distinct: std::collections::BTreeSet<&Uuid> = known.iter().collect();
    if distinct.len() != ids.len() {
        faults.note("attachment_ids", Some("names what is no file's id, or a file twice".to_owned()));
    }
    known
}

/// A matter whose language is known: its own, else the requester's, else the client's main one.
pub fn in_a_language(mut matter: Matter, requester: Option<&Requester>, main_language: &str) -> Matter {
    if matter.language.is_empty() {
        let own = requester.map_or("", |requester| requester.language.as_str());
        matter.language = if own.is_empty() { main_language.to_owned() } else { own.to_owned() };
    }
    matter
}

/// The meta of intake's next fact on a ticket.
pub fn meta(
    client_id: &ClientId,
    ticket_id: Uuid,
    revision: i64,
    at: Timestamp,
    actor: Actor,
    cause: Uuid,
) -> EventMeta {
    EventMeta {
        event_id: new_id().to_string(),
        client_id: client_id.to_string(),
        ticket_id: ticket_id.to_string(),
        revision: revision.unsigned_abs(),
        occurred_at: Some(timestamp(at)),
        recorded_at: Some(timestamp(at)),
        actor: Some(actor),
        cause_id: cause.to_string(),
    }
}

/// The announcement of a fact.
///
/// # Errors
/// If the event is not whole, which is our bug.
pub fn announce(
    meta: EventMeta,
    fact: Fact,
    traceparent: Option<String>,
) -> Result<chassis::outbox::Announcement, Error> {
    chassis::outbox::Announcement::of(&proto::Event { meta: Some(meta), fact: Some(fact) }, traceparent)
}

/// The desk itself: a rule, a clock.
pub fn desk() -> Actor {
    Actor { kind: ActorKind::Desk.into(), actor_id: "intake".to_owned() }
}

/// The requester as an actor.
pub fn requester_actor(email: &str) -> Actor {
    Actor { kind: ActorKind::Requester.into(), actor_id: email.to_owned() }
}

#[cfg(test)]
mod tests;
