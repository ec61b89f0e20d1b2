//! The history and the figures in Postgres.

pub mod breakdown;
pub mod costs;
pub mod figures;
pub mod impact;
pub mod kpis;

use std::collections::{HashMap, HashSet};

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::Source;
use crate::wire::facts::Facts;

/// An instant as it binds.
fn bound(at: Timestamp) -> jiff_sqlx::Timestamp {
    jiff_sqlx::Timestamp::from(at)
}

/// Which ticket: its client and its id.
pub type Key = (String, Uuid);

/// A fact to keep.
#[derive(Debug, Clone)]
pub struct NewFact {
    /// Whose.
    pub client_id: ClientId,
    /// Unique for ever.
    pub event_id: Uuid,
    /// About which ticket.
    pub ticket_id: Uuid,
    /// Who announced it.
    pub source: Source,
    /// Per ticket and source.
    pub revision: i64,
    /// `ticket_resolved`
    pub name: &'static str,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When the desk learned of it.
    pub recorded_at: Timestamp,
    /// The encoded `Event`.
    pub payload: Vec<u8>,
}

/// A kept fact.
#[derive(Debug, sqlx::FromRow)]
pub struct KeptFact {
    /// Whose.
    pub client_id: String,
    /// About which ticket.
    pub ticket_id: Uuid,
    /// Unique for ever.
    pub event_id: Uuid,
    /// 1 intake, 2 triage, 3 SLA timer.
    pub source: i16,
    /// The encoded `Event`.
    pub payload: Vec<u8>,
}

/// Locks the tickets until the end of the transaction; makes the rows of those seen for the first time.
///
/// The folds of one ticket come one after another by it, and each sees the facts that the former has kept. All
/// transactions lock in the order of the keys, so none waits in a circle.
///
/// # Errors
/// If the store failed.
pub async fn lock(connection: &mut PgConnection, keys: &[Key]) -> Result<(), Error> {
    let (clients, tickets) = columns(keys);
    sqlx::query(
        // Most are there: looking costs a third of an insertion that finds them.
        "INSERT INTO ticket_figures (client_id, ticket_id)
         SELECT k.client_id, k.ticket_id
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         LEFT JOIN LATERAL (SELECT true AS it FROM ticket_figures f
                            WHERE f.client_id = k.client_id AND f.ticket_id = k.ticket_id LIMIT 1) AS known ON true
         WHERE known.it IS NULL
         ORDER BY 1, 2 ON CONFLICT DO NOTHING",
    )
    .bind(&clients)
    .bind(&tickets)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "SELECT 1 FROM ticket_figures f
         JOIN (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
              USING (client_id, ticket_id)
         ORDER BY f.client_id, f.ticket_id FOR UPDATE OF f",
    )
    .bind(&clients)
    .bind(&tickets)
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps those facts that are new; returns their ids.
///
/// # Errors
/// If the store failed.
pub async fn keep(connection: &mut PgConnection, facts: &[NewFact]) -> Result<HashSet<Uuid>, Error> {
    let clients: Vec<&str> = facts.iter().map(|fact| fact.client_id.as_str()).collect();
    let new: Vec<Uuid> = sqlx::query_scalar(
        "INSERT INTO fact
             (client_id, event_id, ticket_id, source, revision, name, occurred_at, recorded_at, payload)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::smallint[]),
                UNNEST($5::bigint[]), UNNEST($6::text[]), UNNEST($7::timestamptz[]), UNNEST($8::timestamptz[]),
                UNNEST($9::bytea[])
         ON CONFLICT DO NOTHING RETURNING event_id",
    )
    .bind(clients)
    .bind(facts.iter().map(|fact| fact.event_id).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.ticket_id).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.source as i16).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.revision).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.name).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| bound(fact.occurred_at)).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| bound(fact.recorded_at)).collect::<Vec<_>>())
    .bind(facts.iter().map(|fact| fact.payload.as_slice()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(new.into_iter().collect())
}

/// The revision of the SLA timer's newest fact about each of these tickets; none where nothing was heard of it.
///
/// # Errors
/// If the store failed.
pub async fn newest_of_clocks(connection: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, i64>, Error> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (clients, tickets) = columns(keys);
    let known: Vec<(String, Uuid, i64)> = sqlx::query_as(
        "SELECT k.client_id, k.ticket_id, newest.revision
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         CROSS JOIN LATERAL (SELECT f.revision FROM fact f
                             WHERE f.client_id = k.client_id AND f.ticket_id = k.ticket_id AND f.source = $3
                             ORDER BY f.revision DESC LIMIT 1) AS newest",
    )
    .bind(clients)
    .bind(tickets)
    .bind(Source::SlaTimer as i16)
    .fetch_all(connection)
    .await?;
    Ok(known.into_iter().map(|(client_id, ticket_id, revision)| ((client_id, ticket_id), revision)).collect())
}

/// All facts of the tickets from these sources with these names.
///
/// # Errors
/// If the store failed.
pub async fn load(connection: &mut PgConnection, keys: &[Key], of: &Facts) -> Result<Vec<KeptFact>, Error> {
    let (clients, tickets) = columns(keys);
    Ok(sqlx::query_as(
        "SELECT f.client_id, f.ticket_id, f.event_id, f.source, f.payload
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         CROSS JOIN UNNEST($3::smallint[]) AS s (source)
         JOIN fact f ON f.client_id = k.client_id AND f.ticket_id = k.ticket_id AND f.source = s.source
         WHERE f.name = ANY($4)",
    )
    .bind(clients)
    .bind(tickets)
    .bind(of.sources.iter().map(|source| *source as i16).collect::<Vec<_>>())
    .bind(of.names)
    .fetch_all(connection)
    .await?)
}

/// How many facts are kept of the tickets, read by figures or not.
///
/// # Errors
/// If the store failed.
pub async fn count_facts(connection: &mut PgConnection, keys: &[Key]) -> Result<i64, Error> {
    let (clients, tickets) = columns(keys);
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN fact f USING (client_id, ticket_id)",
    )
    .bind(clients)
    .bind(tickets)
    .fetch_one(connection)
    .await?)
}

/// The tickets from this id on, in order: those with facts, and those with figures without any.
///
/// # Errors
/// If the store failed.
pub async fn tickets_from(
    connection: &mut PgConnection,
    client_id: &ClientId,
    from: Uuid,
    most: i64,
) -> Result<Vec<Key>, Error> {
    let tickets: Vec<Uuid> = sqlx::query_scalar(
        "SELECT ticket_id FROM (
             (SELECT DISTINCT ticket_id FROM fact
              WHERE client_id = $1 AND ticket_id >= $2 ORDER BY ticket_id LIMIT $3)
             UNION
             (SELECT ticket_id FROM ticket_figures
              WHERE client_id = $1 AND ticket_id >= $2 ORDER BY ticket_id LIMIT $3)
         ) AS known ORDER BY ticket_id LIMIT $3",
    )
    .bind(client_id.as_str())
    .bind(from)
    .bind(most)
    .fetch_all(connection)
    .await?;
    Ok(tickets.into_iter().map(|ticket_id| (client_id.to_string(), ticket_id)).collect())
}

/// How many tickets the clients have.
///
/// # Errors
/// If the store failed.
pub async fn count_tickets(connection: &mut PgConnection, clients: &[ClientId]) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM ticket_figures WHERE client_id = ANY($1)")
        .bind(words(clients))
        .fetch_one(connection)
        .await?)
}

/// All clients in the transaction's scope that have tickets, in order; one look into the index for each.
///
/// # Errors
/// If the store failed.
pub async fn clients(connection: &mut PgConnection) -> Result<Vec<ClientId>, Error> {
    let texts: Vec<String> = sqlx::query_scalar(
        "WITH RECURSIVE known AS (
             (SELECT client_id FROM ticket_figures ORDER BY client_id LIMIT 1)
             UNION ALL
             SELECT (SELECT f.client_id FROM ticket_figures f
                     WHERE f.client_id > known.client_id ORDER BY f.client_id LIMIT 1)
             FROM known WHERE known.client_id IS NOT NULL)
         SELECT client_id FROM known WHERE client_id IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    texts.iter().map(|text| ClientId::new(text).map_err(|why| Error::internal(format!("{text}: {why}")))).collect()
}

/// From here on the whole transaction sees one state of the store. It must be its first statement.
///
/// # Errors
/// If the store failed.
pub async fn one_snapshot(connection: &mut PgConnection) -> Result<(), Error> {
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(connection).await?;
    Ok(())
}

fn columns(keys: &[Key]) -> (Vec<&str>, Vec<Uuid>) {
    keys.iter().map(|(client_id, ticket_id)| (client_id.as_str(), *ticket_id)).unzip()
}

fn words(clients: &[ClientId]) -> Vec<&str> {
    clients.iter().map(ClientId::as_str).collect()
}
