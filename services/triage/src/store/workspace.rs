//! Tags and watchers by which tickets are found, and mentions.

use std::collections::HashMap;

use contracts::ClientId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::Error;

use super::list::Hidden;
use super::ticket::Name;
use super::{Key, columns, word};
use crate::domain::{Actor, State, Word};

/// The ids of those of these tickets that are in scope.
///
/// # Errors
/// If the store failed.
pub async fn ids(connection: &mut PgConnection, names: &[Name]) -> Result<HashMap<String, Uuid>, Error> {
    let (mut references, mut ids): (Vec<&str>, Vec<Uuid>) = (Vec::new(), Vec::new());
    for name in names {
        match name {
            Name::Reference(reference) => references.push(reference),
            Name::Id(ticket_id) => ids.push(*ticket_id),
        }
    }
    let rows: Vec<(String, Uuid)> =
        sqlx::query_as("SELECT reference, ticket_id FROM ticket WHERE reference = ANY($1) OR ticket_id = ANY($2)")
            .bind(references)
            .bind(ids)
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().flat_map(|(reference, id)| [(reference, id), (id.to_string(), id)]).collect())
}

/// By which words tickets are found.
#[derive(Debug)]
pub struct Words {
    forget: &'static str,
    put: &'static str,
}

/// A table of words beside their tickets.
macro_rules! words {
    ($table:literal, $column:literal) => {
        Words {
            forget: concat!(
                "DELETE FROM ",
                $table,
                " t USING (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
                 WHERE t.client_id = k.client_id AND t.ticket_id = k.ticket_id"
            ),
            put: concat!(
                "INSERT INTO ",
                $table,
                " (client_id, ticket_id, ",
                $column,
                ") SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]) ON CONFLICT DO NOTHING"
            ),
        }
    };
}

/// Their tags.
pub const TAGS: Words = words!("tagged", "tag");
/// Those who watch them.
pub const WATCHERS: Words = words!("watching", "agent");

/// Lets these tickets be found by exactly these words.
///
/// # Errors
/// If the store failed.
pub async fn put(connection: &mut PgConnection, by: &Words, of: &[(Key, &[String])]) -> Result<(), Error> {
    let keys: Vec<Key> = of.iter().map(|(key, _)| key.clone()).collect();
    if keys.is_empty() {
        return Ok(());
    }
    let (client_ids, ticket_ids) = columns(&keys);
    sqlx::query(by.forget).bind(client_ids).bind(ticket_ids).execute(&mut *connection).await?;
    let (client_ids, ticket_ids, words) = rows(of);
    sqlx::query(by.put).bind(client_ids).bind(ticket_ids).bind(words).execute(connection).await?;
    Ok(())
}

fn rows<'a>(of: &'a [(Key, &'a [String])]) -> (Vec<&'a str>, Vec<Uuid>, Vec<&'a str>) {
    let (mut client_ids, mut ticket_ids, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for ((client_id, ticket_id), some) in of {
        for word in *some {
            client_ids.push(client_id.as_str());
            ticket_ids.push(*ticket_id);
            words.push(word.as_str());
        }
    }
    (client_ids, ticket_ids, words)
}

/// A mention of one agent, as it is kept.
#[derive(Debug, Clone)]
pub struct Kept<'a> {
    /// On which ticket.
    pub key: Key,
    /// Whom.
    pub agent: &'a str,
    /// The fact.
    pub event_id: Uuid,
    /// When.
    pub mentioned_at: Timestamp,
    /// Who did.
    pub by: &'a Actor,
    /// How the note begins.
    pub excerpt: &'a str,
    /// Of intake's message; may be empty.
    pub message_id: &'a str,
}

/// Keeps mentions.
///
/// # Errors
/// If the store failed.
pub async fn mention(connection: &mut PgConnection, mentions: &[Kept<'_>]) -> Result<(), Error> {
    if mentions.is_empty() {
        return Ok(());
    }
    let client_ids: Vec<&str> = mentions.iter().map(|it| it.key.0.as_str()).collect();
    let ticket_ids: Vec<Uuid> = mentions.iter().map(|it| it.key.1).collect();
    let agents: Vec<&str> = mentions.iter().map(|it| it.agent).collect();
    let event_ids: Vec<Uuid> = mentions.iter().map(|it| it.event_id).collect();
    let instants: Vec<jiff_sqlx::Timestamp> = mentions.iter().map(|it| it.mentioned_at.into()).collect();
    let kinds: Vec<&str> = mentions.iter().map(|it| it.by.kind.word()).collect();
    let by: Vec<&str> = mentions.iter().map(|it| it.by.actor_id.as_str()).collect();
    let excerpts: Vec<&str> = mentions.iter().map(|it| it.excerpt).collect();
    let message_ids: Vec<&str> = mentions.iter().map(|it| it.message_id).collect();
    sqlx::query(
        "INSERT INTO mention (client_id, ticket_id, agent, event_id, mentioned_at, by_kind, by_id, excerpt, message_id)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), UNNEST($4::uuid[]),
                UNNEST($5::timestamptz[]), UNNEST($6::text[]), UNNEST($7::text[]), UNNEST($8::text[]), UNNEST($9::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(agents)
    .bind(event_ids)
    .bind(instants)
    .bind(kinds)
    .bind(by)
    .bind(excerpts)
    .bind(message_ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// A note that names somebody, with its ticket as it is now.
#[derive(Debug, Clone)]
pub struct Mentioned {
    /// Whose.
    pub client_id: ClientId,
    /// On which ticket.
    pub ticket_id: Uuid,
    /// `ACME-1042`
    pub reference: String,
    /// Of the ticket.
    pub subject: String,
    /// Of the ticket.
    pub state: State,
    /// Where it lies.
    pub queue: String,
    /// The fact.
    pub event_id: Uuid,
    /// When.
    pub mentioned_at: Timestamp,
    /// Who did.
    pub by: Actor,
    /// How the note begins.
    pub excerpt: String,
    /// Of intake's message; may be empty.
    pub message_id: String,
}

impl FromRow<'_, PgRow> for Mentioned {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        Ok(Self {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            ticket_id: row.try_get("ticket_id")?,
            reference: row.try_get("reference")?,
            subject: row.try_get("subject")?,
            state: word(row.try_get("state")?)?,
            queue: row.try_get("queue")?,
            event_id: row.try_get("event_id")?,
            mentioned_at: row.try_get::<jiff_sqlx::Timestamp, _>("mentioned_at")?.to_jiff(),
            by: Actor { kind: word(row.try_get("by_kind")?)?, actor_id: row.try_get("by_id")? },
            excerpt: row.try_get("excerpt")?,
            message_id: row.try_get("message_id")?,
        })
    }
}

/// Where a page of mentions ended. The instant is in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastMention {
    /// When.
    pub at: i64,
    /// The fact.
    pub event_id: Uuid,
}

/// Notes that name somebody, the newest first, but for those on tickets that are hidden from them. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn mentions(
    connection: &mut PgConnection,
    clients: Option<Vec<String>>,
    hidden: &Hidden,
    after: Option<LastMention>,
    size: i64,
) -> Result<Vec<Mentioned>, Error> {
    let (hidden_clients, hidden_queues) = hidden.columns();
    let at = after.map(|last| Timestamp::from_microsecond(last.at).unwrap_or(Timestamp::UNIX_EPOCH));
    Ok(sqlx::query_as(
        "SELECT m.*, t.reference, t.subject, t.state, t.queue
         FROM mention m JOIN ticket t ON t.client_id = m.client_id AND t.ticket_id = m.ticket_id
         WHERE m.agent = $2 AND ($1::text[] IS NULL OR m.client_id = ANY($1))
           AND ($3::timestamptz IS NULL OR (m.mentioned_at, m.event_id) < ($3, $4))
           AND (t.owner = $2 OR NOT EXISTS (
               SELECT 1 FROM UNNEST($6::text[], $7::text[]) AS hidden(client_id, queue)
               WHERE hidden.client_id = t.client_id AND hidden.queue = t.queue))
         ORDER BY m.mentioned_at DESC, m.event_id DESC LIMIT $5",
    )
    .bind(clients)
    .bind(&hidden.agent)
    .bind(at.map(jiff_sqlx::Timestamp::from))
    .bind(after.map(|last| last.event_id))
    .bind(size)
    .bind(hidden_clients)
    .bind(hidden_queues)
    .fetch_all(connection)
    .await?)
}
