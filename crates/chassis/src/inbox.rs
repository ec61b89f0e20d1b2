//! The one idempotency mechanism: what was handled already, for both doors.

use std::collections::HashSet;

use contracts::ClientId;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::Error;
use crate::writes::Writes;

/// What a request_id means, seen now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// For the first time: do it.
    New,
    /// Before, with the same body: it led to this.
    Before {
        /// What [`remember_request`] was told then.
        outcome_id: Uuid,
    },
    /// Before, with another body.
    Reused,
}

/// The inbox key of a caller's request: two callers, or two clients, never share one.
pub fn request_key(client_id: &ClientId, caller: &str, request_id: &str) -> Uuid {
    let mut hash = Sha256::new();
    for part in [client_id.as_str(), caller] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(request_id);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// The fingerprint of a request: which one it is and its body. Two commands may look the same on the wire.
pub fn fingerprint<M: prost::Name>(request: &M) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(M::full_name());
    hash.update([0]);
    hash.update(request.encode_to_vec());
    hash.finalize().to_vec()
}

/// Remembers events; returns those that are new. A concurrent transaction with the same event is waited for.
///
/// # Errors
/// If the store failed.
pub async fn remember_events(
    connection: &mut PgConnection,
    events: &[(ClientId, Uuid)],
) -> Result<HashSet<Uuid>, Error> {
    let mut writes = Writes::default();
    add_events(&mut writes, events);
    new_events(connection, writes).await
}

/// Remembers events before what they tell is written by the same statement: parts that are added after it find in
/// `new (message_id)` those that are new.
pub fn add_events(writes: &mut Writes, events: &[(ClientId, Uuid)]) {
    // In one order everywhere, so that two transactions never wait for each other.
    let mut events: Vec<_> = events.iter().collect();
    events.sort_unstable();
    writes
        .add_as(
            "new",
            "INSERT INTO inbox (client_id, message_id) SELECT UNNEST($1::text[]), UNNEST($2::uuid[])
             ON CONFLICT DO NOTHING RETURNING message_id",
        )
        .bind(events.iter().map(|(client_id, _)| client_id.as_str()).collect::<Vec<_>>())
        .bind(events.iter().map(|(_, event_id)| *event_id).collect::<Vec<_>>());
}

/// Does the writes, and returns which of their events are new. Transactions with the same events are waited for.
///
/// # Errors
/// If the store failed.
pub async fn new_events(connection: &mut PgConnection, writes: Writes) -> Result<HashSet<Uuid>, Error> {
    let new = writes.returned(connection, "message_id", "new").await?;
    Ok(new.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// A caller's request, to be remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked<'a> {
    /// For whom.
    pub client_id: &'a ClientId,
    /// See [`request_key`].
    pub key: Uuid,
    /// See [`fingerprint`].
    pub fingerprint: &'a [u8],
    /// What it leads to.
    pub outcome_id: Uuid,
}

/// A request that was answered before.
#[derive(Debug, sqlx::FromRow)]
pub struct Answered {
    /// Its key.
    #[sqlx(rename = "message_id")]
    pub key: Uuid,
    /// SHA-256 of its body.
    pub fingerprint: Option<Vec<u8>>,
    /// What it led to.
    pub outcome_id: Option<Uuid>,
}

/// Remembers requests; returns the keys of those that are new. A concurrent duplicate waits for the first one's end.
///
/// # Errors
/// If the store failed.
pub async fn remember_requests(
    connection: &mut PgConnection,
    mut requests: Vec<Asked<'_>>,
) -> Result<HashSet<Uuid>, Error> {
    // In one order everywhere, so that two transactions never wait for each other.
    requests.sort_unstable();
    let clients: Vec<&str> = requests.iter().map(|one| one.client_id.as_str()).collect();
    let keys: Vec<Uuid> = requests.iter().map(|one| one.key).collect();
    let fingerprints: Vec<&[u8]> = requests.iter().map(|one| one.fingerprint).collect();
    let outcomes: Vec<Uuid> = requests.iter().map(|one| one.outcome_id).collect();
    let new: Vec<Uuid> = sqlx::query_scalar(
        "INSERT INTO inbox (client_id, message_id, fingerprint, outcome_id)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::bytea[]), UNNEST($4::uuid[])
         ON CONFLICT DO NOTHING RETURNING message_id",
    )
    .bind(clients)
    .bind(keys)
    .bind(fingerprints)
    .bind(outcomes)
    .fetch_all(connection)
    .await?;
    Ok(new.into_iter().collect())
}

/// What became of those requests of these clients that were answered before.
///
/// # Errors
/// If the store failed.
pub async fn answered(connection: &mut PgConnection, asked: &[(&str, Uuid)]) -> Result<Vec<Answered>, Error> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let (clients, keys): (Vec<&str>, Vec<Uuid>) = asked.iter().copied().unzip();
    Ok(sqlx::query_as(
        "SELECT i.message_id, i.fingerprint, i.outcome_id
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS message_id) AS asked
         JOIN inbox i ON i.client_id = asked.client_id AND i.message_id = asked.message_id",
    )
    .bind(clients)
    .bind(keys)
    .fetch_all(connection)
    .await?)
}

/// Remembers one request, or says what became of it.
///
/// # Errors
/// If the store failed.
pub async fn remember_request(
    connection: &mut PgConnection,
    client_id: &ClientId,
    key: Uuid,
    fingerprint: &[u8],
    outcome_id: Uuid,
) -> Result<Seen, Error> {
    let asked = Asked { client_id, key, fingerprint, outcome_id };
    if !remember_requests(connection, vec![asked]).await?.is_empty() {
        return Ok(Seen::New);
    }
    let known = answered(connection, &[(client_id.as_str(), key)]).await?;
    let known = known.into_iter().next().ok_or_else(|| Error::internal("a remembered request is not in the inbox"))?;
    Ok(match known.outcome_id {
        Some(outcome_id) if known.fingerprint.as_deref() == Some(fingerprint) => Seen::Before { outcome_id },
        _ => Seen::Reused,
    })
}
