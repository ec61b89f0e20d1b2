//! Whom confidential queues are for, as it was told last, and which tickets are still to be told of.

use std::collections::{BTreeMap, HashSet};

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

use super::ticket::{Kept, Name};
use super::{Key, relation};
use crate::domain::Ticket;

/// A queue whose tickets are looked through.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Backlog {
    /// Which.
    pub queue: String,
    /// The last ticket that was told of.
    pub after_id: Uuid,
    /// By which version of the model it became confidential.
    pub since_version: i64,
    /// When it is looked through once more; `None`: this is the last time.
    again_at: Option<jiff_sqlx::Timestamp>,
}

/// The queues as they were told last: since which version, and for whom.
///
/// # Errors
/// If the store failed.
pub async fn queues(
    connection: &mut PgConnection,
    client_id: &ClientId,
) -> Result<BTreeMap<String, (u64, Vec<String>)>, Error> {
    let rows: Vec<(String, i64, Vec<String>)> =
        sqlx::query_as("SELECT queue, since_version, agents FROM confidential_queue WHERE client_id = $1")
            .bind(client_id.as_str())
            .fetch_all(connection)
            .await?;
    Ok(rows.into_iter().map(|(queue, since, agents)| (queue, (since.unsigned_abs(), agents))).collect())
}

/// Notes that the tickets of these queues are to be told of, and once more at an instant: whoever is deciding now may
/// do so by the former model.
///
/// # Errors
/// If the store failed.
pub async fn begin_backlog(
    connection: &mut PgConnection,
    client_id: &ClientId,
    queues: &[&str],
    again_at: Timestamp,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO confidential_backlog (client_id, queue, after_id, again_at)
         SELECT $1, queue, $3, $4 FROM UNNEST($2::text[]) AS queue
         ON CONFLICT (client_id, queue) DO UPDATE
         SET after_id = excluded.after_id, due_at = NULL, again_at = excluded.again_at",
    )
    .bind(client_id.as_str())
    .bind(queues)
    .bind(Uuid::nil())
    .bind(jiff_sqlx::Timestamp::from(again_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// A queue of the client whose tickets are to be told of now.
///
/// # Errors
/// If the store failed.
pub async fn backlog(
    connection: &mut PgConnection,
    client_id: &ClientId,
    now: Timestamp,
) -> Result<Option<Backlog>, Error> {
    Ok(sqlx::query_as(
        "SELECT b.queue, b.after_id, q.since_version, b.again_at
         FROM confidential_backlog b
         JOIN confidential_queue q ON q.client_id = b.client_id AND q.queue = b.queue
         WHERE b.client_id = $1 AND (b.due_at IS NULL OR b.due_at <= $2) ORDER BY b.queue LIMIT 1",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(now))
    .fetch_optional(connection)
    .await?)
}

/// Tickets of the queue that nobody was told of since it is confidential, by their ids.
///
/// # Errors
/// If the store failed.
pub async fn untold(
    connection: &mut PgConnection,
    client_id: &ClientId,
    backlog: &Backlog,
    most: i64,
) -> Result<Vec<Ticket>, Error> {
    let rows: Vec<Kept> = sqlx::query_as(
        "SELECT t.* FROM ticket t
         WHERE t.client_id = $1 AND t.queue = $2 AND t.ticket_id > $3
           AND NOT EXISTS (
               SELECT FROM confidential_ticket k
               WHERE k.client_id = t.client_id AND k.ticket_id = t.ticket_id AND k.queue = t.queue AND k.version >= $4)
         ORDER BY t.ticket_id LIMIT $5",
    )
    .bind(client_id.as_str())
    .bind(&backlog.queue)
    .bind(backlog.after_id)
    .bind(backlog.since_version)
    .bind(most)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Kept(ticket)| ticket).collect())
}

/// Notes up to which ticket the queue was looked through; `None`: to its end.
///
/// # Errors
/// If the store failed.
pub async fn go_on(
    connection: &mut PgConnection,
    client_id: &ClientId,
    backlog: &Backlog,
    last: Option<Uuid>,
) -> Result<(), Error> {
    let statement = match (last, backlog.again_at) {
        (Some(_), _) => "UPDATE confidential_backlog SET after_id = $3 WHERE client_id = $1 AND queue = $2",
        (None, Some(_)) => {
            "UPDATE confidential_backlog SET after_id = $3, due_at = again_at, again_at = NULL
             WHERE client_id = $1 AND queue = $2"
        }
        (None, None) => "DELETE FROM confidential_backlog WHERE client_id = $1 AND queue = $2 AND $3::uuid IS NOT NULL",
    };
    sqlx::query(statement)
        .bind(client_id.as_str())
        .bind(&backlog.queue)
        .bind(last.unwrap_or_default())
        .execute(connection)
        .await?;
    Ok(())
}

/// Those of these tickets into which somebody may not look, by their references.
///
/// # Errors
/// If the store failed.
pub async fn hidden_among(
    connection: &mut PgConnection,
    client_id: &ClientId,
    references: &[String],
    agent: &str,
) -> Result<HashSet<String>, Error> {
    if references.is_empty() {
        return Ok(HashSet::new());
    }
    let hidden: Vec<String> = sqlx::query_scalar(
        "SELECT reference FROM ticket
         WHERE client_id = $1 AND reference = ANY($2) AND NOT may_read(client_id, ticket_id, $3)",
    )
    .bind(client_id.as_str())
    .bind(references)
    .bind(agent)
    .fetch_all(connection)
    .await?;
    Ok(hidden.into_iter().collect())
}

/// Which ticket somebody means, if they may look into it.
///
/// # Errors
/// If the store failed.
pub async fn shown(connection: &mut PgConnection, name: &Name, reader: &str) -> Result<Option<Key>, Error> {
    let Some((client_id, ticket_id)) = relation::key(connection, name).await? else { return Ok(None) };
    let may_read = chassis::confidential::may_read(connection, client_id.as_str(), ticket_id, reader).await?;
    Ok(may_read.then_some((client_id, ticket_id)))
}
