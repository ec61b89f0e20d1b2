//! Intake's rows.

use chassis::writes::Writes;
use chassis::{Error, inbox};
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
    Ok(hold_clients_and(connection, clients, &[]).await?.0)
}

/// Requesters by (client_id, email).
pub type Requesters = HashMap<(String, String), Requester>;

/// As [`hold_clients`], with those of these requesters, by client and address, who are known.
pub async fn hold_clients_and(
    connection: &mut PgConnection,
    clients: &[&str],
    wanted: &[(&str, &str)],
) -> Result<(HashMap<String, Home>, Requesters), Error> {
    let (of, emails): (Vec<&str>, Vec<&str>) = wanted.iter().copied().filter(|(_, email)| !email.is_empty()).unzip();
    let rows: Vec<HomeRow> = sqlx::query_as(
        "WITH held AS MATERIALIZED (
             SELECT client_id, reference_prefix, coalesce(languages[1], '') AS main_language, last_number,
                    settings_version
             FROM client WHERE client_id = ANY($1) ORDER BY client_id FOR NO KEY UPDATE)
         SELECT h.*, r.email, r.name, r.language, r.phone, r.site, r.department, r.vip
         FROM held h
         LEFT JOIN (SELECT DISTINCT UNNEST($2::text[]) AS client_id, UNNEST($3::text[]) AS email) AS w
              JOIN requester r ON r.client_id = w.client_id AND r.email = w.email
              ON w.client_id = h.client_id",
    )
    .bind(clients)
    .bind(of)
    .bind(emails)
    .fetch_all(connection)
    .await?;
    let (mut homes, mut requesters) = (HashMap::new(), HashMap::new());
    for row in rows {
        if let Some(email) = row.email {
            let known = Requester {
                email: email.clone(),
                name: row.name.unwrap_or_default(),
                language: row.language.unwrap_or_default(),
                phone: row.phone.unwrap_or_default(),
                site: row.site.unwrap_or_default(),
                department: row.department.unwrap_or_default(),
                vip: row.vip.unwrap_or_default(),
            };
            requesters.insert((row.client_id.clone(), email), known);
        }
        homes.entry(row.client_id).or_insert(Home {
            prefix: row.reference_prefix,
            language: row.main_language,
            last_number: row.last_number,
            settings_version: row.settings_version,
        });
    }
    Ok((homes, requesters))
}

/// A client, beside one of its requesters or none.
#[derive(sqlx::FromRow)]
struct HomeRow {
    client_id: String,
    reference_prefix: String,
    main_language: String,
    last_number: i64,
    settings_version: Option<i64>,
    email: Option<String>,
    name: Option<String>,
    language: Option<String>,
    phone: Option<String>,
    site: Option<String>,
    department: Option<String>,
    vip: Option<bool>,
}

/// A request to register, to be remembered.
#[derive(Debug)]
pub struct ToRemember<'r> {
    /// With the ticket that it leads to, if its source has not posted the same matter before.
    pub asked: inbox::Asked<'r>,
    /// Which system it came from.
    pub source: &'r str,
    /// Its id there; may be empty.
    pub external_ref: &'r str,
}

/// Remembers requests: of those that are new, the key and the ticket that it leads to, which is the one that its source
/// posted before, or its own. A concurrent duplicate waits for the first one's end.
pub async fn remember(
    connection: &mut PgConnection,
    mut requests: Vec<ToRemember<'_>>,
) -> Result<HashMap<Uuid, Uuid>, Error> {
    // In one order everywhere, so that two transactions never wait for each other.
    requests.sort_unstable_by_key(|one| one.asked);
    // Of several indexes, a plan that was made on an empty table may keep the wrong one: with the client in no form that
    // an index takes, only that of the references serves.
    let rows: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "INSERT INTO inbox (client_id, message_id, fingerprint, outcome_id)
         SELECT a.client_id, a.message_id, a.fingerprint, coalesce(known.ticket_id, a.outcome_id)
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS message_id,
                      UNNEST($3::bytea[]) AS fingerprint, UNNEST($4::uuid[]) AS outcome_id,
                      UNNEST($5::text[]) AS source, UNNEST($6::text[]) AS external_ref) AS a
         LEFT JOIN LATERAL (SELECT t.ticket_id FROM ticket t
                            WHERE t.external_ref = a.external_ref AND t.external_ref <> '' AND t.source = a.source
                              AND t.client_id || '' = a.client_id LIMIT 1) AS known ON true
         ON CONFLICT DO NOTHING RETURNING message_id, outcome_id",
    )
    .bind(requests.iter().map(|one| one.asked.client_id.as_str()).collect::<Vec<_>>())
    .bind(requests.iter().map(|one| one.asked.key).collect::<Vec<_>>())
    .bind(requests.iter().map(|one| one.asked.fingerprint).collect::<Vec<_>>())
    .bind(requests.iter().map(|one| one.asked.outcome_id).collect::<Vec<_>>())
    .bind(requests.iter().map(|one| one.source).collect::<Vec<_>>())
    .bind(requests.iter().map(|one| one.external_ref).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
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

/// Adds tickets, and notes the last number that each of their clients has given.
pub fn insert(writes: &mut Writes, tickets: &[NewTicket], homes: &HashMap<String, Home>) {
    if tickets.is_empty() {
        return;
    }
    writes
        .add(
            "UPDATE client c SET last_number = n.last_number
             FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::bigint[]) AS last_number) AS n
             WHERE c.client_id = n.client_id AND c.last_number <> n.last_number",
        )
        .bind(homes.keys().map(String::as_str).collect::<Vec<_>>())
        .bind(homes.values().map(|home| home.last_number).collect::<Vec<_>>());
    writes
        .add(
            "INSERT INTO ticket (client_id, ticket_id, reference, revision, source, external_ref, body, imported_hash,
                                 registered_at, recorded_at, posted_by)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]), 1, UNNEST($4::text[]),
                    UNNEST($5::text[]), UNNEST($6::bytea[]), UNNEST($7::bytea[]), UNNEST($8::timestamptz[]),
                    UNNEST($9::timestamptz[]), UNNEST($10::text[])",
        )
        .bind(tickets.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.kept.ticket_id).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.kept.reference.as_str()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.source.as_str()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.external_ref.as_str()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.body.as_slice()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.imported_hash.as_deref()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.kept.registered_at.into()).collect::<Vec<jiff_sqlx::Timestamp>>())
        .bind(tickets.iter().map(|one| one.recorded_at.into()).collect::<Vec<jiff_sqlx::Timestamp>>())
        .bind(tickets.iter().map(|one| one.posted_by.as_deref()).collect::<Vec<_>>());
}
