//! Contacts that come when their ticket is closed: each becomes a ticket that follows it.

use crate::wire::messages as proto;
use crate::wire::messages::ActorKind;
use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use prost::Message as _;
use uuid::Uuid;

use super::{Outcome, register_one};
use crate::domain::limits;
use crate::settings::Settings;
use crate::store::{self, Eyes};
use crate::wire::{Matter, Message, RegisteredTicket, Registration};

/// A message on a ticket that was closed.
#[derive(Debug, Clone)]
pub struct Late {
    /// Whose.
    pub client_id: ClientId,
    /// The closed one.
    pub ticket_id: Uuid,
    /// The message.
    pub message_id: Uuid,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// Registers a ticket for each, as every contact is. The same message again is the same ticket.
///
/// # Errors
/// If the store failed; then it is tried again.
pub async fn follow(ground: &Ground, settings: &Settings, late: Vec<Late>) -> Result<(), Error> {
    for one in late {
        let Some(registration) = read(ground, &one).await? else {
            tracing::warn!(ticket_id = %one.ticket_id, message_id = %one.message_id, "a late message is not there");
            continue;
        };
        match register_one(ground, settings, registration).await? {
            Outcome::Registered(_) | Outcome::Repeated(_) => {}
            outcome => return Err(Error::internal(format!("a late contact is no ticket: {outcome:?}"))),
        }
    }
    Ok(())
}

async fn read(ground: &Ground, late: &Late) -> Result<Option<Registration>, Error> {
    let (scope, one) = (Scope::of(&late.client_id), late.clone());
    let read = ground.store.read(&scope, move |connection| {
        Box::pin(async move {
            let Some(found) = store::find(connection, &one.ticket_id.to_string(), Eyes::Desk).await? else {
                return Ok(None);
            };
            let body = store::ticket_body(connection, &found).await?;
            let message = store::message(connection, one.client_id.as_str(), one.ticket_id, one.message_id).await?;
            Ok::<_, Error>(body.zip(message))
        })
    });
    let Some((body, message)) = read.await? else { return Ok(None) };
    let (Ok(ticket), Ok(message)) = (RegisteredTicket::decode(body.as_slice()), Message::decode(message.as_slice()))
    else {
        return Ok(None);
    };
    Ok(Some(registration(ground, late, ticket, message)))
}

fn registration(ground: &Ground, late: &Late, ticket: RegisteredTicket, message: Message) -> Registration {
    let before = ticket.matter.unwrap_or_default();
    let author = message.author.clone().filter(|author| author.kind() == ActorKind::Requester).unwrap_or_default();
    let requester_email = if author.actor_id.is_empty() { before.requester_email } else { author.actor_id.clone() };
    let post = proto::RegisterTicketRequest {
        request_id: late.message_id.to_string(),
        client_id: late.client_id.to_string(),
        matter: Some(Matter {
            subject: again(&before.subject),
            description: message.body,
            channel: message.channel,
            language: before.language,
            requester_email,
            impact: before.impact,
            urgency: before.urgency,
            ..Matter::default()
        }),
        ..proto::RegisterTicketRequest::default()
    };
    let fingerprint = chassis::inbox::fingerprint(&post);
    Registration {
        client_id: late.client_id.clone(),
        request_key: Uuid::new_v5(&late.message_id, b"late"),
        fingerprint,
        ticket_id: Uuid::new_v5(&late.message_id, b"ticket"),
        matter: post.matter.unwrap_or_default(),
        actor: author,
        registered_at: ground.clock.now(),
        follow_up_of: Some((late.ticket_id, ticket.reference)),
        traceparent: late.traceparent.clone(),
        solved: None,
        files: Vec::new(),
    }
}

/// The subject of what comes again.
fn again(subject: &str) -> String {
    let subject =
        if subject.to_lowercase().starts_with("re: ") { subject.to_owned() } else { format!("Re: {subject}") };
    subject.chars().take(limits::SUBJECT).collect()
}

/// Names what a fact says came late.
pub fn of(client_id: &ClientId, ticket_id: Uuid, message_id: &str, traceparent: Option<String>) -> Option<Late> {
    let message_id = Uuid::try_parse(message_id).ok()?;
    Some(Late { client_id: client_id.clone(), ticket_id, message_id, traceparent })
}

#[cfg(test)]
mod tests;
