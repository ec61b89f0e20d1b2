//! Runs of runbooks, what they wrote, and their runners.

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::{Error, shard_of};

use super::{Key, columns, word};
use crate::domain::Word;
use crate::domain::runbook::{Outcome, RunState, Value};

/// A run as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub run_id: Uuid,
    /// On which ticket.
    pub ticket_id: Uuid,
    /// What that is called.
    pub reference: String,
    /// What is run.
    pub runbook: String,
    /// The same for people.
    pub title: String,
    /// By whom.
    pub runner: String,
    /// With what.
    pub parameters: Vec<Value>,
    /// Where it stands.
    pub state: RunState,
    /// How it ended; set exactly if it has.
    pub outcome: Option<Outcome>,
    /// The approval that it waited for; 0: none.
    pub approval: u32,
    /// Who wanted it.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// How long it may take.
    pub time_limit: SignedDuration,
    /// Bytes of output that are kept.
    pub output_limit: i64,
    /// It is not begun later.
    pub expires_at: Option<Timestamp>,
    /// It is taken for lost then.
    pub lost_at: Option<Timestamp>,
    /// When its runner was heard to begin.
    pub started_at: Option<Timestamp>,
    /// When it was known to have ended.
    pub ended_at: Option<Timestamp>,
    /// What the program said.
    pub exit_code: Option<i32>,
    /// Bytes of output, kept or not.
    pub output_bytes: i64,
    /// Bytes of output that are kept.
    pub kept_bytes: i64,
    /// Not all of it is kept.
    pub is_truncated: bool,
    /// Why it ended as it did.
    pub reason: String,
    /// Who wants it ended; empty: nobody.
    pub cancel_asked_by: String,
    /// When the watch looks at it.
    pub due_at: Option<Timestamp>,
}

/// A piece of what a run wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// 1, 2, 3 …
    pub sequence: u32,
    /// To standard error.
    pub is_error: bool,
    /// What.
    pub chunk: Vec<u8>,
}

/// A runner as it was heard last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub runner: String,
    /// When.
    pub seen_at: Timestamp,
    /// What it is.
    pub version: String,
    /// What its own list has.
    pub runbooks: Vec<String>,
}

impl FromRow<'_, PgRow> for Run {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let at = |column: &str| -> Result<Option<Timestamp>, sqlx::Error> {
            Ok(row.try_get::<Option<jiff_sqlx::Timestamp>, _>(column)?.map(jiff_sqlx::Timestamp::to_jiff))
        };
        let client_id: String = row.try_get("client_id")?;
        let outcome: Option<&str> = row.try_get("outcome")?;
        let Json(parameters) = row.try_get("parameters")?;
        Ok(Self {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            run_id: row.try_get("run_id")?,
            ticket_id: row.try_get("ticket_id")?,
            reference: row.try_get("reference")?,
            runbook: row.try_get("runbook")?,
            title: row.try_get("title")?,
            runner: row.try_get("runner")?,
            parameters,
            state: word(row.try_get("state")?)?,
            outcome: outcome.map(word).transpose()?,
            approval: row.try_get::<i32, _>("approval")?.unsigned_abs(),
            requested_by: row.try_get("requested_by")?,
            requested_at: at("requested_at")?.unwrap_or(Timestamp::UNIX_EPOCH),
            time_limit: SignedDuration::from_millis(row.try_get("time_limit_ms")?),
            output_limit: row.try_get("output_limit")?,
            expires_at: at("expires_at")?,
            lost_at: at("lost_at")?,
            started_at: at("started_at")?,
            ended_at: at("ended_at")?,
            exit_code: row.try_get("exit_code")?,
            output_bytes: row.try_get("output_bytes")?,
            kept_bytes: row.try_get("kept_bytes")?,
            is_truncated: row.try_get("is_truncated")?,
            reason: row.try_get("reason")?,
            cancel_asked_by: row.try_get("cancel_asked_by")?,
            due_at: at("due_at")?,
        })
    }
}

/// Where a page ends.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
pub struct LastRun {
    /// When it was asked for, in microseconds.
    pub requested_us: i64,
    /// Which.
    pub run_id: Uuid,
}

/// Keeps a new run.
///
/// # Errors
/// If the store failed.
pub async fn add(connection: &mut PgConnection, run: &Run) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO run (client_id, run_id, ticket_id, reference, runbook, title, runner, parameters, state, approval,
                          requested_by, requested_at, time_limit_ms, output_limit, expires_at, due_at, shard)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
    )
    .bind(run.client_id.as_str())
    .bind(run.run_id)
    .bind(run.ticket_id)
    .bind(&run.reference)
    .bind(&run.runbook)
    .bind(&run.title)
    .bind(&run.runner)
    .bind(Json(&run.parameters))
    .bind(run.state.word())
    .bind(i32::try_from(run.approval).unwrap_or(i32::MAX))
    .bind(&run.requested_by)
    .bind(jiff_sqlx::Timestamp::from(run.requested_at))
    .bind(i64::try_from(run.time_limit.as_millis()).unwrap_or(i64::MAX))
    .bind(run.output_limit)
    .bind(run.expires_at.map(jiff_sqlx::Timestamp::from))
    .bind(run.due_at.map(jiff_sqlx::Timestamp::from))
    .bind(shard_of(run.run_id))
    .execute(connection)
    .await?;
    Ok(())
}

/// Keeps what has changed of a run.
///
/// # Errors
/// If the store failed.
pub async fn keep(connection: &mut PgConnection, run: &Run) -> Result<(), Error> {
    let at = |at: Option<Timestamp>| at.map(jiff_sqlx::Timestamp::from);
    sqlx::query(
        "UPDATE run SET state = $3, outcome = $4, expires_at = $5, lost_at = $6, started_at = $7, ended_at = $8,
                        exit_code = $9, output_bytes = $10, kept_bytes = $11, is_truncated = $12, reason = $13,
                        cancel_asked_by = $14, due_at = $15
         WHERE client_id = $1 AND run_id = $2",
    )
    .bind(run.client_id.as_str())
    .bind(run.run_id)
    .bind(run.state.word())
    .bind(run.outcome.map(Word::word))
    .bind(at(run.expires_at))
    .bind(at(run.lost_at))
    .bind(at(run.started_at))
    .bind(at(run.ended_at))
    .bind(run.exit_code)
    .bind(run.output_bytes)
    .bind(run.kept_bytes)
    .bind(run.is_truncated)
    .bind(&run.reason)
    .bind(&run.cancel_asked_by)
    .bind(at(run.due_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// One run of those in scope.
///
/// # Errors
/// If the store failed.
pub async fn find(connection: &mut PgConnection, run_id: Uuid) -> Result<Option<Run>, Error> {
    let found = sqlx::query_as("SELECT * FROM run WHERE run_id = $1").bind(run_id);
    Ok(found.fetch_optional(connection).await?)
}

/// These runs, locked. Whoever changes runs holds their tickets' locks before.
///
/// # Errors
/// If the store failed.
pub async fn lock(connection: &mut PgConnection, keys: &[Key]) -> Result<Vec<Run>, Error> {
    let (client_ids, run_ids) = columns(keys);
    Ok(sqlx::query_as(
        "SELECT r.* FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS run_id) AS k
         JOIN run r ON r.client_id = k.client_id AND r.run_id = k.run_id
         ORDER BY r.client_id, r.run_id FOR UPDATE OF r",
    )
    .bind(client_ids)
    .bind(run_ids)
    .fetch_all(connection)
    .await?)
}

/// The tickets of these runs.
///
/// # Errors
/// If the store failed.
pub async fn tickets(connection: &mut PgConnection, keys: &[Key]) -> Result<Vec<Key>, Error> {
    let (client_ids, run_ids) = columns(keys);
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT DISTINCT r.client_id, r.ticket_id
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS run_id) AS k
         JOIN run r ON r.client_id = k.client_id AND r.run_id = k.run_id",
    )
    .bind(client_ids)
    .bind(run_ids)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(owned).collect()
}

fn owned((client_id, id): (String, Uuid)) -> Result<Key, Error> {
    Ok((ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?, id))
}

/// How many runs of a ticket are not over, and how many there are.
///
/// # Errors
/// If the store failed.
pub async fn count(connection: &mut PgConnection, ticket: &Key) -> Result<(i64, i64), Error> {
    Ok(sqlx::query_as(
        "SELECT count(*) FILTER (WHERE state <> 'ended'), count(*) FROM run WHERE client_id = $1 AND ticket_id = $2",
    )
    .bind(ticket.0.as_str())
    .bind(ticket.1)
    .fetch_one(connection)
    .await?)
}

/// Has the watch look at the runs of these tickets that wait for an approval.
///
/// # Errors
/// If the store failed.
pub async fn wake(connection: &mut PgConnection, tickets: &[Key], at: Timestamp) -> Result<(), Error> {
    let (client_ids, ticket_ids) = columns(tickets);
    sqlx::query(
        "UPDATE run r SET due_at = $3
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         WHERE r.client_id = k.client_id AND r.ticket_id = k.ticket_id AND r.state = 'waiting'",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .bind(jiff_sqlx::Timestamp::from(at))
    .execute(connection)
    .await?;
    Ok(())
}

/// A page of runs, the newest first. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn page(
    connection: &mut PgConnection,
    clients: Option<&[String]>,
    ticket_id: Option<Uuid>,
    reader: &str,
    after: Option<LastRun>,
    size: i64,
) -> Result<Vec<Run>, Error> {
    let mut query =
        sqlx::QueryBuilder::<sqlx::Postgres>::new("SELECT * FROM run WHERE may_read(client_id, ticket_id, ");
    query.push_bind(reader).push(")");
    if let Some(clients) = clients {
        query.push(" AND client_id = ANY(").push_bind(clients).push(")");
    }
    if let Some(ticket_id) = ticket_id {
        query.push(" AND ticket_id = ").push_bind(ticket_id);
    }
    if let Some(LastRun { requested_us, run_id }) = after {
        let requested_at = Timestamp::from_microsecond(requested_us).unwrap_or(Timestamp::MIN);
        query.push(" AND (requested_at, run_id) < (").push_bind(jiff_sqlx::Timestamp::from(requested_at));
        query.push(", ").push_bind(run_id).push(")");
    }
    query.push(" ORDER BY requested_at DESC, run_id DESC LIMIT ").push_bind(size);
    Ok(query.build_query_as().fetch_all(connection).await?)
}

/// What a run wrote after a piece, in order.
///
/// # Errors
/// If the store failed.
pub async fn output(connection: &mut PgConnection, run: &Key, after: u32, most: i64) -> Result<Vec<Output>, Error> {
    let rows: Vec<(i32, bool, Vec<u8>)> = sqlx::query_as(
        "SELECT sequence, is_error, chunk FROM run_output
         WHERE client_id = $1 AND run_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
    )
    .bind(run.0.as_str())
    .bind(run.1)
    .bind(i32::try_from(after).unwrap_or(i32::MAX))
    .bind(most)
    .fetch_all(connection)
    .await?;
    let piece =
        |(sequence, is_error, chunk): (i32, bool, _)| Output { sequence: sequence.unsigned_abs(), is_error, chunk };
    Ok(rows.into_iter().map(piece).collect())
}

/// Keeps pieces of output; one that is there stays. Returns the bytes of each that is new.
///
/// # Errors
/// If the store failed.
pub async fn add_output(connection: &mut PgConnection, pieces: &[(Key, &Output)]) -> Result<Vec<(Uuid, i64)>, Error> {
    let number = |sequence: u32| i32::try_from(sequence).unwrap_or(i32::MAX);
    Ok(sqlx::query_as(
        "INSERT INTO run_output (client_id, run_id, sequence, is_error, chunk)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::int[]), UNNEST($4::bool[]), UNNEST($5::bytea[])
         ON CONFLICT DO NOTHING RETURNING run_id, length(chunk)::bigint",
    )
    .bind(pieces.iter().map(|((client_id, _), _)| client_id.as_str()).collect::<Vec<_>>())
    .bind(pieces.iter().map(|((_, run_id), _)| *run_id).collect::<Vec<_>>())
    .bind(pieces.iter().map(|(_, piece)| number(piece.sequence)).collect::<Vec<_>>())
    .bind(pieces.iter().map(|(_, piece)| piece.is_error).collect::<Vec<_>>())
    .bind(pieces.iter().map(|(_, piece)| piece.chunk.as_slice()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

/// Keeps what a runner said of itself.
///
/// # Errors
/// If the store failed.
pub async fn hear(connection: &mut PgConnection, runner: &Runner) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO runner (client_id, runner, seen_at, version, runbooks) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (client_id, runner) DO UPDATE SET seen_at = greatest(runner.seen_at, excluded.seen_at),
             version = excluded.version, runbooks = excluded.runbooks",
    )
    .bind(runner.client_id.as_str())
    .bind(&runner.runner)
    .bind(jiff_sqlx::Timestamp::from(runner.seen_at))
    .bind(&runner.version)
    .bind(&runner.runbooks)
    .execute(connection)
    .await?;
    Ok(())
}

/// The runners of a client that were ever heard.
///
/// # Errors
/// If the store failed.
pub async fn runners(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Runner>, Error> {
    let rows: Vec<(String, jiff_sqlx::Timestamp, String, Vec<String>)> =
        sqlx::query_as("SELECT runner, seen_at, version, runbooks FROM runner WHERE client_id = $1 ORDER BY runner")
            .bind(client_id.as_str())
            .fetch_all(connection)
            .await?;
    let one = |(runner, seen_at, version, runbooks): (String, jiff_sqlx::Timestamp, String, Vec<String>)| Runner {
        client_id: client_id.clone(),
        runner,
        seen_at: seen_at.to_jiff(),
        version,
        runbooks,
    };
    Ok(rows.into_iter().map(one).collect())
}

/// Runs for which something is due, as machinery.
///
/// # Errors
/// If the store failed.
pub async fn due(connection: &mut PgConnection, shards: &[i16], now: Timestamp, most: i64) -> Result<Vec<Key>, Error> {
    let rows: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT client_id, run_id FROM run WHERE shard = ANY($1) AND due_at <= $2
         ORDER BY due_at, client_id, run_id LIMIT $3",
    )
    .bind(shards)
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(most)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(owned).collect()
}
