//! Intake's rows.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;

use crate::wire::Requester;

mod alerts;
pub mod attachments;
pub mod contact;
mod conversation;
mod directory;
mod heartbeats;
mod history;
mod merged;
mod news;
pub mod people;
mod receipts;
mod settings;
mod split;
pub mod sweeps;
pub mod waiting;

pub use alerts::*;
pub use conversation::*;
pub use directory::*;
pub use heartbeats::*;
pub use history::*;
pub use merged::*;
pub use news::*;
pub use receipts::*;
pub use settings::*;
pub use split::*;

/// A ticket as it was acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its id.
    pub ticket_id: Uuid,
    /// `ACME-1042`
    pub reference: String,
    /// When.
    pub registered_at: Timestamp,
}

#[derive(sqlx::FromRow)]
pub(super) struct KeptRow {
    ticket_id: Uuid,
    reference: String,
    registered_at: jiff_sqlx::Timestamp,
}

impl From<KeptRow> for Kept {
    fn from(row: KeptRow) -> Self {
        Self { ticket_id: row.ticket_id, reference: row.reference, registered_at: row.registered_at.to_jiff() }
    }
}

/// A row to insert.
#[derive(Debug)]
pub struct NewTicket {
    /// Whose.
    pub client_id: ClientId,
    /// Id, reference and time.
    pub kept: Kept,
    /// Which system it came from; may be empty.
    pub source: String,
    /// Its id there; may be empty.
    pub external_ref: String,
    /// An encoded `RegisteredTicket`.
    pub body: Vec<u8>,
    /// SHA-256 of an imported history.
    pub imported_hash: Option<Vec<u8>>,
    /// When the desk learned of it.
    pub recorded_at: Timestamp,
    /// The subject of the poster's token; `None` for imported ones.
    pub posted_by: Option<String>,
}

/// What a client's new tickets are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// `ACME`
    pub prefix: String,
    /// The client's main language; may be empty.
    pub language: String,
    /// The number of its last ticket.
    pub last_number: i64,
    /// Which settings hold; `None`: the defaults.
    pub settings_version: Option<i64>,
}

/// The clients that exist, held until the end of the transaction, in one order everywhere.
///
/// It comes before everything else: whoever waited here sees all that the former holder has registered.
pub async fn hold_clients(connection: &mut PgConnection, clients: &[&str]) -> Result<HashMap<String, Home>, Error> {
    let rows: Vec<(String, String, String, i64, Option<i64>)> = sqlx::query_as(
        "SELECT client_id, reference_prefix, coalesce(languages[1], ''), last_number, settings_version FROM client
         WHERE client_id = ANY($1) ORDER BY client_id FOR NO KEY UPDATE",
    )
    .bind(clients)
    .fetch_all(connection)
    .await?;
    let home = |(client_id, prefix, language, last_number, settings_version)| {
        (client_id, Home { prefix, language, last_number, settings_version })
    };
    Ok(rows.into_iter().map(home).collect())
}

/// Requesters by (client_id, email).
pub async fn requesters(
    connection: &mut PgConnection,
    wanted: &[(&str, &str)],
) -> Result<HashMap<(String, String), Requester>, Error> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let (clients, emails): (Vec<&str>, Vec<&str>) = wanted.iter().copied().unzip();
    let rows: Vec<(String, String, String, String, String, String, String, bool)> = sqlx::query_as(
        "SELECT r.client_id, r.email, r.name, r.language, r.phone, r.site, r.department, r.vip
         FROM requester r JOIN (SELECT DISTINCT UNNEST($1::text[]) AS client_id, UNNEST($2::text[]) AS email) AS w
              ON r.client_id = w.client_id AND r.email = w.email",
    )
    .bind(clients)
    .bind(emails)
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(client_id, email, name, language, phone, site, department, vip)| {
            ((client_id, email.clone()), Requester { email, name, language, phone, site, department, vip })
        })
        .collect())
}

/// Tickets that are here already, by (client_id, source, external_ref); and besides those that mix them.
pub async fn by_external_ref(
    connection: &mut PgConnection,
    wanted: &[(&str, &str, &str)],
) -> Result<HashMap<(String, String, String), Uuid>, Error> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let sources: Vec<&str> = wanted.iter().map(|one| one.1).collect();
    let refs: Vec<&str> = wanted.iter().map(|one| one.2).collect();
    // Without the client, whose guard is enough, only one index serves: of several, a plan that was made on an empty
    // table may keep the wrong one.
    let rows: Vec<(String, String, String, Uuid)> = sqlx::query_as(
        "SELECT client_id, source, external_ref, ticket_id FROM ticket
         WHERE external_ref = ANY($1) AND source = ANY($2) AND external_ref <> ''",
    )
    .bind(refs)
    .bind(sources)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(client_id, source, external_ref, id)| ((client_id, source, external_ref), id)).collect())
}

/// Tickets by id.
pub async fn kept(
    connection: &mut PgConnection,
    clients: &[&str],
    ticket_ids: &[Uuid],
) -> Result<HashMap<Uuid, Kept>, Error> {
    let rows: Vec<KeptRow> = sqlx::query_as(
        "SELECT ticket_id, reference, registered_at FROM ticket WHERE client_id = ANY($1) AND ticket_id = ANY($2)",
    )
    .bind(clients)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.ticket_id, row.into())).collect())
}

/// Inserts tickets and notes the last number that each of their clients has given, in one statement.
pub async fn insert(
    connection: &mut PgConnection,
    tickets: &[NewTicket],
    homes: &HashMap<String, Home>,
) -> Result<(), Error> {
    let (numbered, last_numbers): (Vec<&str>, Vec<i64>) =
        homes.iter().map(|(client_id, home)| (client_id.as_str(), home.last_number)).unzip();
    let clients: Vec<&str> = tickets.iter().map(|one| one.client_id.as_str()).collect();
    let ids: Vec<Uuid> = tickets.iter().map(|one| one.kept.ticket_id).collect();
    let references: Vec<&str> = tickets.iter().map(|one| one.kept.reference.as_str()).collect();
    let sources: Vec<&str> = tickets.iter().map(|one| one.source.as_str()).collect();
    let refs: Vec<&str> = tickets.iter().map(|one| one.external_ref.as_str()).collect();
    let bodies: Vec<&[u8]> = tickets.iter().map(|one| one.body.as_slice()).collect();
    let hashes: Vec<Option<&[u8]>> = tickets.iter().map(|one| one.imported_hash.as_deref()).collect();
    let registered: Vec<jiff_sqlx::Timestamp> = tickets.iter().map(|one| one.kept.registered_at.into()).collect();
    let recorded: Vec<jiff_sqlx::Timestamp> = tickets.iter().map(|one| one.recorded_at.into()).collect();
    let posters: Vec<Option<&str>> = tickets.iter().map(|one| one.posted_by.as_deref()).collect();
    sqlx::query(
        "WITH numbered AS (
             UPDATE client c SET last_number = n.last_number
             FROM (SELECT UNNEST($10::text[]) AS client_id, UNNEST($11::bigint[]) AS last_number) AS n
             WHERE c.client_id = n.client_id AND c.last_number <> n.last_number)
         INSERT INTO ticket (client_id, ticket_id, reference, revision, source, external_ref, body, imported_hash,
                             registered_at, recorded_at, posted_by)
         SELECT client_id, ticket_id, reference, 1, source, external_ref, body, hash, registered_at, recorded_at,
                posted_by
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
               UNNEST($3::text[]) AS reference, UNNEST($4::text[]) AS source,
               UNNEST($5::text[]) AS external_ref, UNNEST($6::bytea[]) AS body, UNNEST($7::bytea[]) AS hash,
               UNNEST($8::timestamptz[]) AS registered_at, UNNEST($9::timestamptz[]) AS recorded_at,
               UNNEST($12::text[]) AS posted_by) AS t",
    )
    .bind(clients)
    .bind(ids)
    .bind(references)
    .bind(sources)
    .bind(refs)
    .bind(bodies)
    .bind(hashes)
    .bind(registered)
    .bind(recorded)
    .bind(numbered)
    .bind(last_numbers)
    .bind(posters)
    .execute(connection)
    .await?;
    Ok(())
}
