//! The news of major incidents become messages to the requesters of those that they hit.

use std::collections::HashMap;

use chassis::{Error, Ground, Scope, inbox, outbox};
use contracts::{ClientId, timestamp};
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::store;
use crate::wire::messages::{ActorKind, MessageAdded, Visibility};
use crate::wire::{self, Actor, Fact, Message, RegisteredTicket};

/// News for the requester of a ticket.
#[derive(Debug, Clone)]
pub struct News {
    /// The fact that told of them.
    pub event_id: Uuid,
    /// Whose.
    pub client_id: ClientId,
    /// On which ticket.
    pub ticket_id: Uuid,
    /// In words.
    pub text: String,
    /// When they were told.
    pub occurred_at: Timestamp,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// Writes the news on their tickets, each once, in one transaction and a handful of statements. Tickets without a
/// requester, as machines post them, have nobody to tell.
///
/// # Errors
/// If the store failed; nothing was written then.
pub async fn tell(ground: &Ground, news: Vec<News>) -> Result<(), Error> {
    if news.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(news.iter().map(|one| &one.client_id));
    ground.store.unit_of_work(&scope, move |connection| Box::pin(write(connection, news))).await
}

async fn write(connection: &mut PgConnection, mut news: Vec<News>) -> Result<(), Error> {
    let ids: Vec<(ClientId, Uuid)> = news.iter().map(|one| (one.client_id.clone(), one.event_id)).collect();
    let mut new = inbox::remember_events(connection, &ids).await?;
    news.retain(|one| new.remove(&one.event_id));
    news.sort_by_key(|one| (one.client_id.clone(), one.ticket_id, one.occurred_at));
    let keys: Vec<(ClientId, Uuid)> = news.iter().map(|one| (one.client_id.clone(), one.ticket_id)).collect();
    let mut tickets: HashMap<Uuid, (i64, RegisteredTicket)> = HashMap::new();
    for (ticket_id, revision, body) in store::hold(connection, &keys).await? {
        let ticket = RegisteredTicket::decode(body.as_slice()).map_err(|error| Error::Internal(error.into()))?;
        tickets.insert(ticket_id, (revision, ticket));
    }
    let mut messages = Vec::with_capacity(news.len());
    let mut announcements = Vec::with_capacity(news.len());
    for one in news {
        let Some((revision, ticket)) = tickets.get_mut(&one.ticket_id) else { continue };
        let Some(matter) = ticket.matter.as_ref().filter(|matter| !matter.requester_email.is_empty()) else { continue };
        *revision += 1;
        let message_id = Uuid::new_v5(&one.event_id, b"message");
        let author = Actor { kind: ActorKind::Desk.into(), actor_id: "triage".to_owned() };
        let message = Message {
            message_id: message_id.to_string(),
            visibility: Visibility::Public.into(),
            channel: matter.channel,
            body: one.text,
            author: Some(author.clone()),
            written_at: Some(timestamp(one.occurred_at)),
        };
        let meta = wire::meta(&one.client_id, one.ticket_id, *revision, one.occurred_at, author, one.event_id);
        let added = MessageAdded { reference: ticket.reference.clone(), message: Some(message.clone()) };
        announcements.push(wire::announce(meta, Fact::MessageAdded(added), one.traceparent)?);
        messages.push(store::NewMessage {
            client_id: one.client_id,
            ticket_id: one.ticket_id,
            revision: *revision,
            message_id,
            body: message.encode_to_vec(),
            written_at: one.occurred_at,
        });
    }
    store::insert_messages(connection, &messages).await?;
    outbox::append(connection, &announcements).await
}
