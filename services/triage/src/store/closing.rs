//! What happens by itself, and when.

use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Error, shard_of};
use contracts::ClientId;

use super::{Key, columns};

/// What is due on a ticket some day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// On which ticket.
    pub key: Key,
    /// Since when it waits, or is resolved.
    pub since_at: Timestamp,
    /// Steps that were done.
    pub done: u32,
    /// When the next is due.
    pub due_at: Timestamp,
}

/// The steps that were done on these tickets: ticket, since when, how many.
///
/// # Errors
/// If the store failed.
pub async fn done(connection: &mut PgConnection, keys: &[Key]) -> Result<Vec<(Key, Timestamp, u32)>, Error> {
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<(String, Uuid, jiff_sqlx::Timestamp, i32)> = sqlx::query_as(
        "SELECT c.client_id, c.ticket_id, c.since_at, c.done
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN closing c ON c.client_id = k.client_id AND c.ticket_id = k.ticket_id",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(client_id, ticket_id, since_at, done)| {
            let client_id = ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?;
            Ok(((client_id, ticket_id), since_at.to_jiff(), done.unsigned_abs()))
        })
        .collect()
}

/// Notes what is due, each instead of what was noted on its ticket.
///
/// # Errors
/// If the store failed.
pub async fn put(connection: &mut PgConnection, pending: &[Pending]) -> Result<(), Error> {
    if pending.is_empty() {
        return Ok(());
    }
    let mut pending: Vec<&Pending> = pending.iter().collect();
    pending.sort_by_key(|one| &one.key);
    let at = |of: fn(&Pending) -> Timestamp| {
        pending.iter().map(|one| jiff_sqlx::Timestamp::from(of(one))).collect::<Vec<_>>()
    };
    sqlx::query(
        "INSERT INTO closing (client_id, ticket_id, since_at, done, due_at, shard)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::timestamptz[]), UNNEST($4::int[]),
                UNNEST($5::timestamptz[]), UNNEST($6::smallint[])
         ON CONFLICT (client_id, ticket_id) DO UPDATE SET since_at = excluded.since_at, done = excluded.done,
             due_at = excluded.due_at",
    )
    .bind(pending.iter().map(|one| one.key.0.as_str()).collect::<Vec<_>>())
    .bind(pending.iter().map(|one| one.key.1).collect::<Vec<_>>())
    .bind(at(|one| one.since_at))
    .bind(pending.iter().map(|one| i32::try_from(one.done).unwrap_or(i32::MAX)).collect::<Vec<_>>())
    .bind(at(|one| one.due_at))
    .bind(pending.iter().map(|one| shard_of(one.key.1)).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Nothing is due on these tickets any more.
///
/// # Errors
/// If the store failed.
pub async fn forget(connection: &mut PgConnection, keys: &[Key]) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let (client_ids, ticket_ids) = columns(keys);
    sqlx::query(
        "DELETE FROM closing c USING (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         WHERE c.client_id = k.client_id AND c.ticket_id = k.ticket_id",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// Those of these tickets that wait or are resolved without anything being noted, for a client whose model has become
/// another: none of them is forgotten because it began before.
///
/// # Errors
/// If the store failed.
pub async fn concerned(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT ticket_id FROM ticket WHERE client_id = $1 AND state IN ('waiting', 'resolved') ORDER BY ticket_id",
    )
    .bind(client_id.as_str())
    .fetch_all(connection)
    .await?)
}

/// Tickets on which something is due, as machinery.
///
/// # Errors
/// If the store failed.
pub async fn due(connection: &mut PgConnection, shards: &[i16], now: Timestamp, most: i64) -> Result<Vec<Key>, Error> {
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT client_id, ticket_id FROM closing WHERE shard = ANY($1) AND due_at <= $2
         ORDER BY due_at, client_id, ticket_id LIMIT $3",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(client_id, id)| Ok((ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?, id)))
        .collect()
}

/// When something is due next, as machinery.
///
/// # Errors
/// If the store failed.
pub async fn next_at(connection: &mut PgConnection, shards: &[i16]) -> Result<Option<Timestamp>, Error> {
    let at: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar("SELECT min(due_at) FROM closing WHERE shard = ANY($1)")
        .bind(shards)
        .fetch_one(connection)
        .await?;
    Ok(at.map(jiff_sqlx::Timestamp::to_jiff))
}
