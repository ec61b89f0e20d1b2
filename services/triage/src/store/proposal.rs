//! Tickets that look like one problem.

use std::collections::{BTreeSet, HashMap};

use contracts::ClientId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::Error;

use super::Key;
use crate::domain::recurrence::Incident;
use crate::domain::relation::Other;

/// Incidents of a client that are looked at, the newest.
const MOST_INCIDENTS: i64 = 3_000;
/// Proposals of a client that incidents are compared with, the newest.
const MOST_COMPARED: i64 = 500;

/// What was decided about a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// It is this problem.
    Accepted(Uuid),
    /// It is none, for this reason.
    Dismissed(String),
}

/// A proposal as it is kept.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub proposal_id: Uuid,
    /// What was decided.
    pub decision: Decision,
    /// By what it is recognised.
    pub words: BTreeSet<String>,
    /// Those that speak, oldest first.
    pub ticket_ids: Vec<Uuid>,
    /// When it was found.
    pub found_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
}

impl FromRow<'_, PgRow> for Proposal {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        let terms: String = row.try_get("terms")?;
        let problem_id: Option<Uuid> = row.try_get("problem_id")?;
        let decided_at: Option<jiff_sqlx::Timestamp> = row.try_get("decided_at")?;
        let decision = match (row.try_get::<&str, _>("state")?, problem_id) {
            ("accepted", Some(problem_id)) => Decision::Accepted(problem_id),
            ("dismissed", _) => Decision::Dismissed(row.try_get("reason")?),
            _ => Decision::Open,
        };
        Ok(Self {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            proposal_id: row.try_get("proposal_id")?,
            decision,
            words: terms.split('\n').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
            ticket_ids: row.try_get("ticket_ids")?,
            found_at: row.try_get::<jiff_sqlx::Timestamp, _>("found_at")?.to_jiff(),
            decided_at: decided_at.map(jiff_sqlx::Timestamp::to_jiff),
        })
    }
}

/// The last of a page.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LastKey {
    /// Its instant, in microseconds.
    pub found_us: i64,
    /// Its id.
    pub proposal_id: Uuid,
}

/// A page of proposals, newest first, with those of their tickets that the reader may look into: none without any.
/// `clients`: `None` for all in scope.
///
/// # Errors
/// If the store failed.
pub async fn page(
    connection: &mut PgConnection,
    clients: Option<&[String]>,
    decided: bool,
    reader: &str,
    after: Option<LastKey>,
    size: i64,
) -> Result<Vec<Proposal>, Error> {
    let mut query = sqlx::QueryBuilder::<sqlx::Postgres>::new(
        "SELECT p.client_id, p.proposal_id, p.state, p.terms, p.found_at, p.decided_at, p.reason, p.problem_id,
                shown.ticket_ids
         FROM proposal p CROSS JOIN LATERAL (
             SELECT array_agg(u.ticket_id ORDER BY u.place) AS ticket_ids
             FROM UNNEST(p.ticket_ids) WITH ORDINALITY AS u(ticket_id, place)
             WHERE may_read(p.client_id, u.ticket_id, ",
    );
    query.push_bind(reader).push(")) AS shown WHERE shown.ticket_ids IS NOT NULL");
    if let Some(clients) = clients {
        query.push(" AND p.client_id = ANY(").push_bind(clients).push(")");
    }
    if !decided {
        query.push(" AND p.state = 'open'");
    }
    if let Some(LastKey { found_us, proposal_id }) = after {
        let found_at = Timestamp::from_microsecond(found_us).unwrap_or(Timestamp::MIN);
        query.push(" AND (p.found_at, p.proposal_id) < (").push_bind(jiff_sqlx::Timestamp::from(found_at));
        query.push(", ").push_bind(proposal_id).push(")");
    }
    query.push(" ORDER BY p.found_at DESC, p.proposal_id DESC LIMIT ").push_bind(size);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// One proposal of those in scope, locked.
///
/// # Errors
/// If the store failed.
pub async fn find(connection: &mut PgConnection, proposal_id: Uuid) -> Result<Option<Proposal>, Error> {
    Ok(sqlx::query_as("SELECT * FROM proposal WHERE proposal_id = $1 FOR UPDATE")
        .bind(proposal_id)
        .fetch_optional(connection)
        .await?)
}

/// Keeps a proposal as it is now.
///
/// # Errors
/// If the store failed.
pub async fn keep(connection: &mut PgConnection, proposal: &Proposal) -> Result<(), Error> {
    let (state, problem_id, reason) = match &proposal.decision {
        Decision::Open => ("open", None, ""),
        Decision::Accepted(problem_id) => ("accepted", Some(*problem_id), ""),
        Decision::Dismissed(reason) => ("dismissed", None, reason.as_str()),
    };
    sqlx::query(
        "INSERT INTO proposal (client_id, proposal_id, state, terms, ticket_ids, found_at, decided_at, reason, problem_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (client_id, proposal_id) DO UPDATE SET state = excluded.state, ticket_ids = excluded.ticket_ids,
             decided_at = excluded.decided_at, reason = excluded.reason, problem_id = excluded.problem_id",
    )
    .bind(proposal.client_id.as_str())
    .bind(proposal.proposal_id)
    .bind(state)
    .bind(Vec::from_iter(proposal.words.iter().map(String::as_str)).join("\n"))
    .bind(&proposal.ticket_ids)
    .bind(jiff_sqlx::Timestamp::from(proposal.found_at))
    .bind(proposal.decided_at.map(jiff_sqlx::Timestamp::from))
    .bind(reason)
    .bind(problem_id)
    .execute(connection)
    .await?;
    Ok(())
}

/// What incidents of a client are compared with: all that are open, the newest of the decided.
///
/// # Errors
/// If the store failed.
pub async fn compared(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Proposal>, Error> {
    Ok(sqlx::query_as("SELECT * FROM proposal WHERE client_id = $1 ORDER BY found_at DESC, proposal_id DESC LIMIT $2")
        .bind(client_id.as_str())
        .bind(MOST_COMPARED)
        .fetch_all(connection)
        .await?)
}

/// The references of these tickets.
///
/// # Errors
/// If the store failed.
pub async fn references(connection: &mut PgConnection, ticket_ids: &[Uuid]) -> Result<HashMap<Uuid, Other>, Error> {
    let rows: Vec<(Uuid, String)> = sqlx::query_as("SELECT ticket_id, reference FROM ticket WHERE ticket_id = ANY($1)")
        .bind(ticket_ids)
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().map(|(ticket_id, reference)| (ticket_id, Other { ticket_id, reference })).collect())
}

/// Takes the next look at a client's incidents, if it is due and there may be something new to see: from then on nobody
/// else takes it. Tickets may become known some minutes after younger ones. Returns whether to look.
///
/// # Errors
/// If the store failed.
pub async fn begin_look(
    connection: &mut PgConnection,
    client_id: &ClientId,
    now: Timestamp,
    not_after: Timestamp,
) -> Result<bool, Error> {
    let newest: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "SELECT registered_at FROM ticket WHERE client_id = $1 ORDER BY registered_at DESC, ticket_id DESC LIMIT 1",
    )
    .bind(client_id.as_str())
    .fetch_optional(&mut *connection)
    .await?;
    let Some(newest) = newest else { return Ok(false) };
    let taken = sqlx::query(
        "INSERT INTO recurrence_look AS known (client_id, looked_at, seen_until) VALUES ($1, $2, $3)
         ON CONFLICT (client_id) DO UPDATE SET looked_at = excluded.looked_at, seen_until = excluded.seen_until
         WHERE known.looked_at <= $4
           AND (known.seen_until < excluded.seen_until
                OR known.looked_at < excluded.seen_until + interval '10 minutes')",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(newest)
    .bind(jiff_sqlx::Timestamp::from(not_after))
    .execute(connection)
    .await?;
    Ok(taken.rows_affected() > 0)
}

/// A client's incidents since then that are nobody's instance, the newest.
///
/// # Errors
/// If the store failed.
pub async fn incidents(
    connection: &mut PgConnection,
    client_id: &ClientId,
    since: Timestamp,
) -> Result<Vec<Incident>, Error> {
    let rows: Vec<(Uuid, jiff_sqlx::Timestamp, String)> = sqlx::query_as(
        "SELECT t.ticket_id, t.registered_at, n.terms
         FROM ticket t JOIN neighbour n ON n.client_id = t.client_id AND n.ticket_id = t.ticket_id
         WHERE t.client_id = $1 AND t.registered_at >= $2 AND t.kind = 'incident' AND t.state <> 'cancelled'
           AND NOT EXISTS (SELECT 1 FROM relation r WHERE r.client_id = t.client_id AND r.ticket_id = t.ticket_id
                           AND r.kind IN ('instance_of', 'child_of') AND r.unlinked_at IS NULL)
         ORDER BY t.registered_at DESC, t.ticket_id DESC LIMIT $3",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(since))
    .bind(MOST_INCIDENTS)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(ticket_id, at, terms)| Incident::new(ticket_id, at.to_jiff(), &terms)).collect())
}

/// The key of a client's ticket.
pub fn key_of(client_id: &ClientId, ticket_id: Uuid) -> Key {
    (client_id.clone(), ticket_id)
}
