//! Tickets and their facts in SQL; clocks and contracts in the modules below.

mod clocks;
pub mod history;
mod versions;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chassis::writes::Writes;
use chassis::{Error, Scope, shard_of};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::domain::fact::{Fact, Happened, Key};

pub use crate::domain::fact::EDIT;
pub use clocks::{ClockChange, load as clocks, save as save_clocks};
pub use versions::{
    Version, count_unsettled, insert as insert_version, lock as lock_versions, look_anew, look_at_all_anew, newest,
    save_zone_rules, terms, unsettled, version, zone_rules,
};

/// Which ticket.
pub type TicketKey = (ClientId, Uuid);

/// A ticket as far as promises go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub client_id: ClientId,
    pub ticket_id: Uuid,
    /// Empty until somebody named it.
    pub reference: String,
    pub is_registered: bool,
    /// `None`: not registered yet, or without a contract then.
    pub contract_version: Option<i64>,
    /// Of the last announcement.
    pub revision: i64,
    pub next_at: Option<Timestamp>,
    /// Resolved or over when it was looked at last; `None`: not looked at yet.
    pub is_settled: Option<bool>,
    /// Grows with what is known of it, so that whoever looked ahead sees whether it is still what it was.
    pub changes: i64,
}

impl Ticket {
    pub fn key(&self) -> TicketKey {
        (self.client_id.clone(), self.ticket_id)
    }
}

#[derive(sqlx::FromRow)]
struct TicketRow {
    client_id: String,
    ticket_id: Uuid,
    reference: String,
    is_registered: bool,
    contract_version: Option<i64>,
    revision: i64,
    next_at: Option<jiff_sqlx::Timestamp>,
    is_settled: Option<bool>,
    changes: i64,
}

impl TryFrom<TicketRow> for Ticket {
    type Error = Error;

    fn try_from(row: TicketRow) -> Result<Self, Error> {
        Ok(Self {
            client_id: client(&row.client_id)?,
            ticket_id: row.ticket_id,
            reference: row.reference,
            is_registered: row.is_registered,
            contract_version: row.contract_version,
            revision: row.revision,
            next_at: row.next_at.map(jiff_sqlx::Timestamp::to_jiff),
            is_settled: row.is_settled,
            changes: row.changes,
        })
    }
}

/// A client's id as it was kept.
fn client(text: &str) -> Result<ClientId, Error> {
    ClientId::new(text).map_err(|error| Error::Internal(error.into()))
}

/// Tickets as two columns.
fn columns<'k>(keys: impl IntoIterator<Item = &'k TicketKey>) -> (Vec<&'k str>, Vec<Uuid>) {
    keys.into_iter().map(|(client_id, ticket_id)| (client_id.as_str(), *ticket_id)).unzip()
}

/// Makes rows for those of the tickets that have none, after edits of these clients' contracts are kept out until the
/// end of the transaction: what it gives its tickets stays the newest until then.
pub fn add_tickets(writes: &mut Writes, wanted: &BTreeMap<TicketKey, String>, registering: &BTreeSet<ClientId>) {
    versions::share(writes, registering);
    let (clients, ids) = columns(wanted.keys());
    let shards: Vec<i16> = ids.iter().copied().map(shard_of).collect();
    // Most are there: looking costs a third of an insertion that finds them. In one order everywhere. Of a ticket
    // without facts more is to be expected: so that its first saving changes no index.
    writes
        .add(
            "INSERT INTO ticket (client_id, ticket_id, reference, shard, is_settled)
             SELECT w.client_id, w.ticket_id, w.reference, w.shard, false
             FROM shared_versions,
                  (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                          UNNEST($3::text[]) AS reference, UNNEST($4::smallint[]) AS shard) AS w
             LEFT JOIN LATERAL (SELECT true AS it FROM ticket t
                                WHERE t.client_id = w.client_id AND t.ticket_id = w.ticket_id LIMIT 1) AS known ON true
             WHERE known.it IS NULL
             ORDER BY 1, 2
             ON CONFLICT DO NOTHING",
        )
        .bind(clients)
        .bind(ids)
        .bind(wanted.values().map(String::as_str).collect::<Vec<_>>())
        .bind(shards);
}

/// Tickets that are locked, and what holds meanwhile.
#[derive(Debug)]
pub struct Locked {
    pub tickets: Vec<Ticket>,
    /// What time it is for the database.
    pub now: Timestamp,
    /// The newest versions of the contracts of clients that register; none where there are none.
    pub newest: HashMap<ClientId, i64>,
}

#[derive(sqlx::FromRow)]
struct LockedRow {
    #[sqlx(flatten)]
    ticket: TicketRow,
    now: jiff_sqlx::Timestamp,
    newest: Option<Json<HashMap<String, i64>>>,
}

/// Locks tickets, in one order everywhere; `None` if there is none of them.
pub async fn lock<'k>(
    connection: &mut PgConnection,
    keys: impl IntoIterator<Item = &'k TicketKey>,
    registering: &BTreeSet<ClientId>,
) -> Result<Option<Locked>, Error> {
    let (clients, ids) = columns(keys);
    let mut rows: Vec<LockedRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, reference, is_registered, contract_version, revision, next_at, is_settled,
                changes, clock_timestamp() AS now,
                (SELECT jsonb_object_agg(v.client_id, v.version)
                 FROM (SELECT client_id, max(version) AS version FROM contract_version
                       WHERE client_id = ANY($3) GROUP BY client_id) AS v) AS newest
         FROM ticket
         WHERE (client_id, ticket_id) IN (SELECT UNNEST($1::text[]), UNNEST($2::uuid[]))
         ORDER BY client_id, ticket_id FOR UPDATE",
    )
    .bind(clients)
    .bind(ids)
    .bind(registering.iter().map(ClientId::as_str).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    let Some(first) = rows.first_mut() else { return Ok(None) };
    let newest = first.newest.take().map(|Json(newest)| newest).unwrap_or_default();
    Ok(Some(Locked {
        now: first.now.to_jiff(),
        newest: newest.into_iter().map(|(id, version)| Ok((client(&id)?, version))).collect::<Result<_, Error>>()?,
        tickets: rows.into_iter().map(|row| row.ticket.try_into()).collect::<Result<_, _>>()?,
    }))
}

/// Those of the tickets that wait for an instant, without locking them.
pub async fn tickets(connection: &mut PgConnection, keys: &[TicketKey]) -> Result<Vec<Ticket>, Error> {
    let (clients, ids) = columns(keys);
    let rows: Vec<TicketRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, reference, is_registered, contract_version, revision, next_at, is_settled,
                changes
         FROM ticket
         WHERE (client_id, ticket_id) IN (SELECT UNNEST($1::text[]), UNNEST($2::uuid[])) AND next_at IS NOT NULL",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Ticket::try_from).collect()
}

/// Locks those of the tickets that are due at `now`, in the same order as [`lock`].
pub async fn lock_due(connection: &mut PgConnection, keys: &[TicketKey], now: Timestamp) -> Result<Vec<Ticket>, Error> {
    let (clients, ids) = columns(keys);
    let rows: Vec<TicketRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, reference, is_registered, contract_version, revision, next_at, is_settled,
                changes
         FROM ticket
         WHERE (client_id, ticket_id) IN (SELECT UNNEST($1::text[]), UNNEST($2::uuid[])) AND next_at <= $3
         ORDER BY client_id, ticket_id FOR UPDATE",
    )
    .bind(clients)
    .bind(ids)
    .bind(jiff_sqlx::Timestamp::from(now))
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(Ticket::try_from).collect()
}

/// Holds the rows that will be changed when these tickets are due, and lets go of them at once: a page that is changed
/// for the first time since a checkpoint goes whole into Postgres' log, which is most of what a change costs, and is done
/// by then. Rows that somebody else holds are passed over; nothing is kept, so that nobody waits for the disk.
pub async fn make_ready(connection: &mut PgConnection, keys: &[TicketKey]) -> Result<(), Error> {
    let (clients, ids) = columns(keys);
    sqlx::query("SET LOCAL synchronous_commit = off").execute(&mut *connection).await?;
    let _held: i64 = sqlx::query_scalar(
        "WITH due AS MATERIALIZED (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id),
              tickets AS (SELECT t.shard, t.next_at, t.client_id, t.ticket_id FROM ticket t
                          JOIN due d ON t.client_id = d.client_id AND t.ticket_id = d.ticket_id
                          FOR NO KEY UPDATE OF t SKIP LOCKED),
              clocks AS (SELECT 1 FROM clock c JOIN due d ON c.client_id = d.client_id AND c.ticket_id = d.ticket_id
                         WHERE c.next_at IS NOT NULL FOR NO KEY UPDATE OF c SKIP LOCKED),
              alarms AS (SELECT 1 FROM alarm a
                         JOIN tickets t ON a.shard = t.shard AND a.next_at = t.next_at
                              AND a.client_id = t.client_id AND a.ticket_id = t.ticket_id
                         FOR NO KEY UPDATE OF a SKIP LOCKED)
         SELECT (SELECT count(*) FROM clocks) + (SELECT count(*) FROM alarms)",
    )
    .bind(clients)
    .bind(ids)
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// A ticket by its reference or its id, if it is in the transaction's scope and not confidential for whoever asks.
pub async fn find(connection: &mut PgConnection, ticket: &str, who: &str) -> Result<Option<Ticket>, Error> {
    let row: Option<TicketRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, reference, is_registered, contract_version, revision, next_at, is_settled,
                changes
         FROM ticket
         WHERE CASE WHEN $2::uuid IS NULL THEN reference = $1 ELSE ticket_id = $2 END AND reference <> ''
           AND may_read(client_id, ticket_id, $3) LIMIT 1",
    )
    .bind(ticket)
    .bind(Uuid::try_parse(ticket).ok())
    .bind(who)
    .fetch_optional(connection)
    .await?;
    row.map(Ticket::try_from).transpose()
}

/// Saves what changed in tickets that are locked.
pub fn save(writes: &mut Writes, tickets: &[Ticket]) {
    if tickets.is_empty() {
        return;
    }
    let next = |one: &Ticket| one.next_at.map(jiff_sqlx::Timestamp::from);
    writes
        .add(
            "UPDATE ticket t SET reference = n.reference, is_registered = n.is_registered,
                    contract_version = n.contract_version, revision = n.revision, next_at = n.next_at,
                    is_settled = n.is_settled, changes = n.changes
             FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                   UNNEST($3::text[]) AS reference, UNNEST($4::bool[]) AS is_registered,
                   UNNEST($5::bigint[]) AS contract_version, UNNEST($6::bigint[]) AS revision,
                   UNNEST($7::timestamptz[]) AS next_at, UNNEST($8::bool[]) AS is_settled,
                   UNNEST($9::bigint[]) AS changes) AS n
             WHERE t.client_id = n.client_id AND t.ticket_id = n.ticket_id",
        )
        .bind(tickets.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.reference.as_str()).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.is_registered).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.contract_version).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.revision).collect::<Vec<_>>())
        .bind(tickets.iter().map(next).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.is_settled).collect::<Vec<_>>())
        .bind(tickets.iter().map(|one| one.changes).collect::<Vec<_>>());
}

/// Adds facts to the set; those that are in it stay as they are.
pub fn add_facts(writes: &mut Writes, facts: &[(TicketKey, Uuid, Fact)]) {
    let (clients, ids) = columns(facts.iter().map(|(key, ..)| key));
    let kind = |fact: &Fact| Json(Happened { kind: fact.kind.clone(), by: fact.by.clone() });
    writes
        .add(
            "INSERT INTO fact (client_id, ticket_id, event_id, source, revision, occurred_at, kind)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::smallint[]),
                    UNNEST($5::bigint[]), UNNEST($6::timestamptz[]), UNNEST($7::jsonb[])
             ON CONFLICT DO NOTHING",
        )
        .bind(clients)
        .bind(ids)
        .bind(facts.iter().map(|(_, event_id, _)| *event_id).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| fact.key.source.into()).collect::<Vec<i16>>())
        .bind(facts.iter().map(|(.., fact)| fact.key.revision.cast_signed()).collect::<Vec<_>>())
        .bind(facts.iter().map(|(.., fact)| fact.key.at.into()).collect::<Vec<jiff_sqlx::Timestamp>>())
        .bind(facts.iter().map(|(.., fact)| kind(fact)).collect::<Vec<_>>());
}

#[derive(sqlx::FromRow)]
struct FactRow {
    client_id: String,
    ticket_id: Uuid,
    source: i16,
    revision: i64,
    occurred_at: jiff_sqlx::Timestamp,
    kind: Json<Happened>,
}

/// Whose count the revision of what was agreed upon is: ours.
pub const AGREED: u8 = 4;

/// All facts of the tickets, in no order. An edit of the contract that holds for open tickets is a fact of each that was
/// registered under a former version: it is kept once, with the version.
pub async fn facts(connection: &mut PgConnection, keys: &[TicketKey]) -> Result<HashMap<TicketKey, Vec<Fact>>, Error> {
    let (clients, ids) = columns(keys);
    let rows: Vec<FactRow> = sqlx::query_as(
        "SELECT client_id, ticket_id, source, revision, occurred_at, kind FROM fact
         WHERE (client_id, ticket_id) IN (SELECT UNNEST($1::text[]), UNNEST($2::uuid[]))
         UNION ALL
         SELECT t.client_id, t.ticket_id, $3, v.version, v.applied_at,
                jsonb_build_object('type', 'terms_changed', 'version', v.version, 'from', v.holds_from,
                                   'by', v.applied_by)
         FROM contract_version v JOIN ticket t ON t.client_id = v.client_id AND t.contract_version < v.version
         WHERE v.holds_from IS NOT NULL AND v.client_id = ANY($1)
           AND (t.client_id, t.ticket_id) IN (SELECT UNNEST($1::text[]), UNNEST($2::uuid[]))",
    )
    .bind(clients)
    .bind(ids)
    .bind(i16::from(EDIT))
    .fetch_all(connection)
    .await?;
    let mut facts: HashMap<TicketKey, Vec<Fact>> = HashMap::new();
    for row in rows {
        let source = u8::try_from(row.source).map_err(|error| Error::Internal(error.into()))?;
        let key = Key { at: row.occurred_at.to_jiff(), source, revision: row.revision.cast_unsigned() };
        let Happened { kind, by } = row.kind.0;
        facts.entry((client(&row.client_id)?, row.ticket_id)).or_default().push(Fact { key, kind, by });
    }
    Ok(facts)
}

/// How much deeper than it gives out [`due`] looks for clients that wait behind others.
const DEEPER: i64 = 16;

/// Of each shard the tickets that are due before `until`, at most `most`: where there are more, clients take turns, each
/// with its oldest first. Asked by the machinery.
pub async fn due(
    connection: &mut PgConnection,
    shards: &[i16],
    until: Timestamp,
    most: i64,
) -> Result<Vec<(Timestamp, TicketKey)>, Error> {
    let rows: Vec<(String, Uuid, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "SELECT due.client_id, due.ticket_id, due.next_at FROM UNNEST($1::smallint[]) AS held (shard)
         CROSS JOIN LATERAL (
             SELECT client_id, ticket_id, next_at,
                    row_number() OVER (PARTITION BY client_id ORDER BY next_at) AS turn
             FROM (SELECT client_id, ticket_id, next_at FROM alarm
                   WHERE alarm.shard = held.shard AND next_at < $2 ORDER BY next_at LIMIT $4) AS oldest
             ORDER BY turn, next_at LIMIT $3) AS due",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(until))
    .bind(most)
    .bind(most.saturating_mul(DEEPER))
    .fetch_all(connection)
    .await?;
    rows.into_iter()
        .map(|(client_id, ticket_id, next_at)| Ok((next_at.to_jiff(), (client(&client_id)?, ticket_id))))
        .collect()
}

/// Which of the leased shards (shard, epoch) are still the holder's.
pub async fn still_held(
    connection: &mut PgConnection,
    holder: Uuid,
    leases: &BTreeMap<i16, i64>,
) -> Result<HashSet<i16>, Error> {
    let (shards, epochs): (Vec<i16>, Vec<i64>) = leases.iter().map(|(shard, epoch)| (*shard, *epoch)).unzip();
    let held: Vec<i16> = sqlx::query_scalar(
        "SELECT shard FROM lease WHERE purpose = 'alarm' AND holder = $1
         AND (shard, epoch) IN (SELECT UNNEST($2::smallint[]), UNNEST($3::bigint[]))",
    )
    .bind(holder)
    .bind(shards)
    .bind(epochs)
    .fetch_all(connection)
    .await?;
    Ok(held.into_iter().collect())
}

/// The scope of these tickets' clients.
pub fn scope_of<'k>(keys: impl IntoIterator<Item = &'k TicketKey>) -> Scope {
    Scope::of_all(keys.into_iter().map(|(client_id, _)| client_id))
}
