//! Tickets as they are now, and what stands beside them.

use std::collections::HashMap;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::writes::Writes;
use chassis::{Error, Scope};

use super::{Key, columns, word};
use crate::domain::fulfilment::Fulfilment;
use crate::domain::relation::Ties;
use crate::domain::{
    Callback, Classification, Handling, Matter, Member, Placement, Resolution, Swarm, Ticket, Waiting, Word, Work,
};

mod row;

pub use row::save;

/// How a caller names a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// `ACME-1042`
    Reference(String),
    /// Its id.
    Id(Uuid),
}

/// A ticket with all that stands beside it.
#[derive(Debug, Clone)]
pub struct Found {
    /// The ticket.
    pub ticket: Ticket,
    /// Its description.
    pub description: String,
    /// What was suggested, encoded; empty if nothing was.
    pub suggestions: Vec<u8>,
    /// What similar tickets ended as when it was registered, encoded; empty if none were similar.
    pub learned: Vec<u8>,
    /// When the owner's claim lapses.
    pub lapses_at: Option<Timestamp>,
}

/// The suggestions for one ticket.
#[derive(Debug, Clone)]
pub struct Suggested {
    /// The event that told of them.
    pub event_id: Uuid,
    /// When it says so.
    pub suggested_at: Timestamp,
    /// Encoded.
    pub payload: Vec<u8>,
}

pub(super) struct Kept(pub(super) Ticket);

impl FromRow<'_, PgRow> for Kept {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        let at = |column: &str| row.try_get::<jiff_sqlx::Timestamp, _>(column).map(jiff_sqlx::Timestamp::to_jiff);
        let channel: Option<&str> = row.try_get("channel")?;
        let matter = Matter {
            reference: row.try_get("reference")?,
            subject: row.try_get("subject")?,
            channel: channel.map(word).transpose()?,
            requester_email: row.try_get("requester_email")?,
            requester_name: row.try_get("requester_name")?,
            language: row.try_get("language")?,
            source: row.try_get("source")?,
            external_ref: row.try_get("external_ref")?,
            registered_at: at("registered_at")?,
            completeness: row.try_get::<Option<i16>, _>("completeness")?.and_then(|score| u32::try_from(score).ok()),
        };
        Ok(Self(Ticket {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            ticket_id: row.try_get("ticket_id")?,
            matter,
            work: work(row)?,
        }))
    }
}

fn work(row: &PgRow) -> Result<Work, sqlx::Error> {
    let at = |column: &str| row.try_get::<jiff_sqlx::Timestamp, _>(column).map(jiff_sqlx::Timestamp::to_jiff);
    let if_at = |column: &str| {
        row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column).map(|at| at.map(jiff_sqlx::Timestamp::to_jiff))
    };
    let count = |column: &str| row.try_get::<i32, _>(column).map(i32::unsigned_abs);
    // Rows of an older version have none of the later columns.
    let if_count =
        |column: &str| row.try_get::<Option<i32>, _>(column).map(|count| count.unwrap_or_default().unsigned_abs());
    let waiting: Option<&str> = row.try_get("waiting_reason")?;
    let code: Option<&str> = row.try_get("resolution_code")?;
    let note: String = row.try_get("resolution_note")?;
    Ok(Work {
        revision: row.try_get::<i64, _>("revision")?.unsigned_abs(),
        state: word(row.try_get("state")?)?,
        classification: classification(row)?,
        placement: Placement {
            queue: row.try_get("queue")?,
            tier: row.try_get("tier")?,
            rule: row.try_get("queue_rule")?,
        },
        owner: row.try_get("owner")?,
        waiting: match (waiting, if_at("waiting_since_at")?) {
            (Some(reason), Some(since_at)) => Some(Waiting { reason: word(reason)?, since_at }),
            _ => None,
        },
        resolution: match (code, if_at("resolved_at")?) {
            (Some(code), Some(resolved_at)) => Some(Resolution { code: word(code)?, note, resolved_at }),
            _ => None,
        },
        closed_at: if_at("closed_at")?,
        changed_at: at("changed_at")?,
        reopenings: count("reopenings")?,
        hand_overs: count("hand_overs")?,
        returns: if_count("returns")?,
        ping_pongs: if_count("ping_pongs")?,
        came_from: row.try_get::<Option<String>, _>("came_from")?.unwrap_or_default(),
        callback: match (if_at("callback_promised_at")?, if_at("callback_due_at")?) {
            (Some(promised_at), Some(due_at)) => Some(Callback { promised_at, due_at }),
            _ => None,
        },
        swarm: row.try_get::<Option<Json<SwarmRow>>, _>("swarm")?.map(|Json(swarm)| swarm.read()).transpose()?,
        handling: Handling {
            handled_for: SignedDuration::from_micros(row.try_get::<Option<i64>, _>("handled_us")?.unwrap_or_default()),
            since_at: if_at("handling_since_at")?,
        },
        time_box_overrun_at: if_at("time_box_overrun_at")?,
        ties: row.try_get::<Option<Json<Ties>>, _>("ties")?.map(|Json(ties)| ties).unwrap_or_default(),
        fulfilment: row.try_get::<Option<Json<Fulfilment>>, _>("fulfilment")?.map(|Json(it)| it).unwrap_or_default(),
        workspace: row.try_get::<Option<Json<_>>, _>("workspace")?.map(|Json(it)| it).unwrap_or_default(),
    })
}

/// A swarm as its column has it.
#[derive(Debug, Serialize, Deserialize)]
struct SwarmRow {
    kind: String,
    /// Agent, joined, left.
    members: Vec<(String, Option<Timestamp>, Option<Timestamp>)>,
}

impl SwarmRow {
    fn read(self) -> Result<Swarm, sqlx::Error> {
        let member = |(agent, joined_at, left_at)| Member { agent, joined_at, left_at };
        Ok(Swarm { kind: word(&self.kind)?, members: self.members.into_iter().map(member).collect() })
    }

    fn of(swarm: &Swarm) -> Self {
        let member = |member: &Member| (member.agent.clone(), member.joined_at, member.left_at);
        Self { kind: swarm.kind.word().to_owned(), members: swarm.members.iter().map(member).collect() }
    }
}

fn classification(row: &PgRow) -> Result<Classification, sqlx::Error> {
    let priority: i16 = row.try_get("priority")?;
    Ok(Classification {
        kind: word(row.try_get("kind")?)?,
        category: row.try_get("category")?,
        subcategory: row.try_get("subcategory")?,
        impact: word(row.try_get("impact")?)?,
        urgency: word(row.try_get("urgency")?)?,
        priority: Word::from_number(i32::from(priority))
            .ok_or_else(|| sqlx::Error::Decode(format!("there is no priority {priority}").into()))?,
        priority_rule: row.try_get("priority_rule")?,
        model_version: row.try_get::<i64, _>("model_version")?.unsigned_abs(),
    })
}

/// The clients of a scope for an index condition: the guard's own condition is none. `None`: all.
pub fn clients_of(scope: &Scope) -> Option<Vec<String>> {
    match scope {
        Scope::Clients(clients) => Some(clients.iter().map(ToString::to_string).collect()),
        Scope::Every => None,
    }
}

const BESIDE: &str = "SELECT t.*, coalesce(d.description, '') AS description, s.payload AS suggestions,
        c.lapses_at, n.proposals AS learned
    FROM ticket t
    LEFT JOIN description d ON d.client_id = t.client_id AND d.ticket_id = t.ticket_id
    LEFT JOIN suggestion s ON s.client_id = t.client_id AND s.ticket_id = t.ticket_id
    LEFT JOIN claim c ON c.client_id = t.client_id AND c.ticket_id = t.ticket_id
    LEFT JOIN neighbour n ON n.client_id = t.client_id AND n.ticket_id = t.ticket_id ";

/// One ticket of those in scope.
///
/// # Errors
/// If the store failed.
pub async fn find(connection: &mut PgConnection, name: &Name) -> Result<Option<Found>, Error> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(BESIDE);
    match name {
        Name::Reference(reference) => query.push("WHERE t.reference = ").push_bind(reference),
        Name::Id(ticket_id) => query.push("WHERE t.ticket_id = ").push_bind(ticket_id),
    };
    let row = query.build().fetch_optional(connection).await?;
    row.map(|row| found(&row)).transpose()
}

/// Those of these tickets that are in scope, locked for a change; always in one order, so that two transactions never
/// wait for each other.
///
/// # Errors
/// If the store failed.
pub async fn lock(connection: &mut PgConnection, names: &[&Name]) -> Result<Vec<Found>, Error> {
    let (mut references, mut ids): (Vec<&str>, Vec<Uuid>) = (Vec::new(), Vec::new());
    for name in names {
        match name {
            Name::Reference(reference) => references.push(reference),
            Name::Id(ticket_id) => ids.push(*ticket_id),
        }
    }
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(BESIDE);
    query.push("WHERE t.reference = ANY(").push_bind(references).push(") OR t.ticket_id = ANY(").push_bind(ids);
    query.push(") ORDER BY t.client_id, t.ticket_id FOR UPDATE OF t");
    query.build().fetch_all(connection).await?.iter().map(found).collect()
}

fn found(row: &PgRow) -> Result<Found, Error> {
    let lapses_at: Option<jiff_sqlx::Timestamp> = row.try_get("lapses_at")?;
    Ok(Found {
        ticket: Kept::from_row(row)?.0,
        description: row.try_get("description")?,
        suggestions: row.try_get::<Option<Vec<u8>>, _>("suggestions")?.unwrap_or_default(),
        learned: row.try_get::<Option<Vec<u8>>, _>("learned")?.unwrap_or_default(),
        lapses_at: lapses_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// Whether there is such a ticket of this client, other than this one.
///
/// # Errors
/// If the store failed.
pub async fn is_another(connection: &mut PgConnection, ticket: &Ticket, reference: &str) -> Result<bool, Error> {
    Ok(sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM ticket WHERE reference = $1 AND client_id = $2 AND ticket_id <> $3)",
    )
    .bind(reference)
    .bind(ticket.client_id.as_str())
    .bind(ticket.ticket_id)
    .fetch_one(connection)
    .await?)
}

/// Those of these tickets that are known.
///
/// # Errors
/// If the store failed.
pub async fn known(connection: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Ticket>, Error> {
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<Kept> = sqlx::query_as(
        "SELECT t.* FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN ticket t ON t.client_id = k.client_id AND t.ticket_id = k.ticket_id",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Kept(ticket)| ((ticket.client_id.clone(), ticket.ticket_id), ticket)).collect())
}

/// Those of these tickets that are known, locked for a change.
///
/// # Errors
/// If the store failed.
pub async fn lock_known(connection: &mut PgConnection, keys: &[Key]) -> Result<HashMap<Key, Ticket>, Error> {
    let (client_ids, ticket_ids) = columns(keys);
    let rows: Vec<Kept> = sqlx::query_as(
        "SELECT t.* FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN ticket t ON t.client_id = k.client_id AND t.ticket_id = k.ticket_id
         ORDER BY t.client_id, t.ticket_id FOR UPDATE OF t",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Kept(ticket)| ((ticket.client_id.clone(), ticket.ticket_id), ticket)).collect())
}

/// Keeps the descriptions of new tickets.
pub fn describe(writes: &mut Writes, described: &[(Key, String)]) {
    if described.is_empty() {
        return;
    }
    writes
        .add(
            "INSERT INTO description (client_id, ticket_id, description)
             SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::text[]) ON CONFLICT DO NOTHING",
        )
        .bind(described.iter().map(|((client_id, _), _)| client_id.as_str()).collect::<Vec<_>>())
        .bind(described.iter().map(|((_, ticket_id), _)| *ticket_id).collect::<Vec<_>>())
        .bind(described.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>());
}

/// Keeps what was suggested last, whatever the order in which it is learned; the ticket may come later.
///
/// # Errors
/// If the store failed.
pub async fn suggest(connection: &mut PgConnection, suggested: &HashMap<Key, Suggested>) -> Result<(), Error> {
    let mut suggested: Vec<_> = suggested.iter().collect();
    suggested.sort_by_key(|(key, _)| (*key).clone());
    let client_ids: Vec<&str> = suggested.iter().map(|((client_id, _), _)| client_id.as_str()).collect();
    let ticket_ids: Vec<Uuid> = suggested.iter().map(|((_, ticket_id), _)| *ticket_id).collect();
    let event_ids: Vec<Uuid> = suggested.iter().map(|(_, one)| one.event_id).collect();
    let instants: Vec<jiff_sqlx::Timestamp> = suggested.iter().map(|(_, one)| one.suggested_at.into()).collect();
    let payloads: Vec<&[u8]> = suggested.iter().map(|(_, one)| one.payload.as_slice()).collect();
    sqlx::query(
        "INSERT INTO suggestion AS known (client_id, ticket_id, event_id, suggested_at, payload)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::timestamptz[]),
                UNNEST($5::bytea[])
         ON CONFLICT (client_id, ticket_id) DO UPDATE
         SET event_id = excluded.event_id, suggested_at = excluded.suggested_at, payload = excluded.payload
         WHERE (known.suggested_at, known.event_id) < (excluded.suggested_at, excluded.event_id)",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(event_ids)
    .bind(instants)
    .bind(payloads)
    .execute(connection)
    .await?;
    Ok(())
}
