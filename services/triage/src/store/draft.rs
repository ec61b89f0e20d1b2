//! Who is at a ticket, drafts, and who was faster.

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::Error;

use super::{Key, word};
use crate::domain::{Actor, ActorKind, Word};

/// Those at one ticket that are told.
const MOST_PRESENT: i64 = 50;
/// Drafts of one answer.
const MOST_DRAFTS: i64 = 200;
/// Others' words that are told with a draft.
const MOST_OVERTAKING: i64 = 20;

/// Somebody at a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// Who.
    pub agent: String,
    /// Else they look.
    pub is_writing: bool,
    /// Unless they say so again.
    pub until_at: Timestamp,
}

impl FromRow<'_, PgRow> for Present {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            agent: row.try_get("agent")?,
            is_writing: row.try_get("is_writing")?,
            until_at: row.try_get::<jiff_sqlx::Timestamp, _>("until_at")?.to_jiff(),
        })
    }
}

/// Who is at a ticket, those that write first.
///
/// # Errors
/// If the store failed.
pub async fn present(connection: &mut PgConnection, key: &Key, now: Timestamp) -> Result<Vec<Present>, Error> {
    Ok(sqlx::query_as(
        "SELECT agent, is_writing, until_at FROM presence
         WHERE client_id = $1 AND ticket_id = $2 AND until_at > $3 ORDER BY is_writing DESC, agent LIMIT $4",
    )
    .bind(key.0.as_str())
    .bind(key.1)
    .bind(jiff_sqlx::Timestamp::from(now))
    .bind(MOST_PRESENT)
    .fetch_all(connection)
    .await?)
}

/// Somebody is at a ticket; whoever's time is over at this client is forgotten.
///
/// # Errors
/// If the store failed.
pub async fn be_present(connection: &mut PgConnection, key: &Key, one: &Present, now: Timestamp) -> Result<(), Error> {
    // What others sweep is left to them: nobody waits for anybody.
    sqlx::query(
        "DELETE FROM presence p USING (
             SELECT client_id, ticket_id, agent FROM presence WHERE client_id = $1 AND until_at <= $2
             ORDER BY until_at LIMIT 100 FOR UPDATE SKIP LOCKED) AS old
         WHERE p.client_id = old.client_id AND p.ticket_id = old.ticket_id AND p.agent = old.agent",
    )
    .bind(key.0.as_str())
    .bind(jiff_sqlx::Timestamp::from(now))
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "INSERT INTO presence (client_id, ticket_id, agent, is_writing, until_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (client_id, ticket_id, agent) DO UPDATE
         SET is_writing = excluded.is_writing, until_at = excluded.until_at",
    )
    .bind(key.0.as_str())
    .bind(key.1)
    .bind(&one.agent)
    .bind(one.is_writing)
    .bind(jiff_sqlx::Timestamp::from(one.until_at))
    .execute(connection)
    .await?;
    Ok(())
}

/// Somebody is there no longer.
///
/// # Errors
/// If the store failed.
pub async fn go(connection: &mut PgConnection, key: &Key, agent: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM presence WHERE client_id = $1 AND ticket_id = $2 AND agent = $3")
        .bind(key.0.as_str())
        .bind(key.1)
        .bind(agent)
        .execute(connection)
        .await?;
    Ok(())
}

/// What somebody is about to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// On which ticket.
    pub key: Key,
    /// The ticket's.
    pub reference: String,
    /// Who.
    pub agent: String,
    /// What.
    pub body: String,
    /// To whom, as on the wire.
    pub visibility: i16,
    /// 1, 2, 3 …
    pub version: i64,
    /// When it was saved first.
    pub begun_at: Timestamp,
    /// When it was saved last.
    pub saved_at: Timestamp,
}

impl FromRow<'_, PgRow> for Draft {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        let client_id = ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Self {
            key: (client_id, row.try_get("ticket_id")?),
            reference: row.try_get("reference")?,
            agent: row.try_get("agent")?,
            body: row.try_get("body")?,
            visibility: row.try_get("visibility")?,
            version: row.try_get("version")?,
            begun_at: row.try_get::<jiff_sqlx::Timestamp, _>("begun_at")?.to_jiff(),
            saved_at: row.try_get::<jiff_sqlx::Timestamp, _>("saved_at")?.to_jiff(),
        })
    }
}

/// An agent's draft on a ticket.
///
/// # Errors
/// If the store failed.
pub async fn find(connection: &mut PgConnection, key: &Key, agent: &str) -> Result<Option<Draft>, Error> {
    Ok(sqlx::query_as(
        "SELECT d.*, t.reference FROM draft d
         JOIN ticket t ON t.client_id = d.client_id AND t.ticket_id = d.ticket_id
         WHERE d.client_id = $1 AND d.ticket_id = $2 AND d.agent = $3",
    )
    .bind(key.0.as_str())
    .bind(key.1)
    .bind(agent)
    .fetch_optional(connection)
    .await?)
}

/// An agent's drafts, the one saved last first. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn list(
    connection: &mut PgConnection,
    clients: Option<Vec<String>>,
    agent: &str,
) -> Result<Vec<Draft>, Error> {
    Ok(sqlx::query_as(
        "SELECT d.*, t.reference FROM draft d
         JOIN ticket t ON t.client_id = d.client_id AND t.ticket_id = d.ticket_id
         WHERE d.agent = $2 AND ($1::text[] IS NULL OR d.client_id = ANY($1))
           AND may_read(d.client_id, d.ticket_id, $2)
         ORDER BY d.saved_at DESC, d.ticket_id LIMIT $3",
    )
    .bind(clients)
    .bind(agent)
    .bind(MOST_DRAFTS)
    .fetch_all(connection)
    .await?)
}

/// How many drafts an agent has at a client.
///
/// # Errors
/// If the store failed.
pub async fn count(connection: &mut PgConnection, client_id: &ClientId, agent: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM draft WHERE client_id = $1 AND agent = $2")
        .bind(client_id.as_str())
        .bind(agent)
        .fetch_one(connection)
        .await?)
}

/// Keeps a draft, if it is new or was at the version before.
///
/// # Errors
/// If the store failed.
pub async fn put(connection: &mut PgConnection, draft: &Draft) -> Result<bool, Error> {
    let written = sqlx::query(
        "INSERT INTO draft AS known (client_id, ticket_id, agent, body, visibility, version, begun_at, saved_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (client_id, ticket_id, agent) DO UPDATE
         SET body = excluded.body, visibility = excluded.visibility, version = excluded.version,
             saved_at = excluded.saved_at
         WHERE known.version = excluded.version - 1",
    )
    .bind(draft.key.0.as_str())
    .bind(draft.key.1)
    .bind(&draft.agent)
    .bind(&draft.body)
    .bind(draft.visibility)
    .bind(draft.version)
    .bind(jiff_sqlx::Timestamp::from(draft.begun_at))
    .bind(jiff_sqlx::Timestamp::from(draft.saved_at))
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Forgets a draft that is at this version.
///
/// # Errors
/// If the store failed.
pub async fn discard(connection: &mut PgConnection, draft: &Draft) -> Result<bool, Error> {
    let gone = sqlx::query("DELETE FROM draft WHERE client_id = $1 AND ticket_id = $2 AND agent = $3 AND version = $4")
        .bind(draft.key.0.as_str())
        .bind(draft.key.1)
        .bind(&draft.agent)
        .bind(draft.version)
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}

/// The desk's words to a requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// On which ticket.
    pub key: Key,
    /// The event that told of them.
    pub event_id: Uuid,
    /// When.
    pub written_at: Timestamp,
    /// Who wrote.
    pub by: String,
}

/// Keeps who answered requesters.
///
/// # Errors
/// If the store failed.
pub async fn keep_answers(connection: &mut PgConnection, answers: &[Answer]) -> Result<(), Error> {
    if answers.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO answered (client_id, ticket_id, event_id, written_at, actor_id)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::timestamptz[]),
                UNNEST($5::text[])
         ON CONFLICT DO NOTHING",
    )
    .bind(answers.iter().map(|it| it.key.0.as_str()).collect::<Vec<_>>())
    .bind(answers.iter().map(|it| it.key.1).collect::<Vec<_>>())
    .bind(answers.iter().map(|it| it.event_id).collect::<Vec<_>>())
    .bind(answers.iter().map(|it| jiff_sqlx::Timestamp::from(it.written_at)).collect::<Vec<_>>())
    .bind(answers.iter().map(|it| it.by.as_str()).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// What others have said on the draft's ticket since it was begun, the newest first.
///
/// # Errors
/// If the store failed.
pub async fn overtaken_by(connection: &mut PgConnection, draft: &Draft) -> Result<Vec<(Actor, Timestamp)>, Error> {
    let rows: Vec<(String, String, jiff_sqlx::Timestamp)> = sqlx::query_as(
        "SELECT kind, actor_id, written_at FROM (
             SELECT $5 AS kind, actor_id, written_at, event_id FROM answered
             WHERE client_id = $1 AND ticket_id = $2 AND actor_id <> $3
             UNION ALL
             SELECT $6, actor_id, written_at, event_id FROM reply WHERE client_id = $1 AND ticket_id = $2) AS said
         WHERE written_at > $4 ORDER BY written_at DESC, event_id LIMIT $7",
    )
    .bind(draft.key.0.as_str())
    .bind(draft.key.1)
    .bind(&draft.agent)
    .bind(jiff_sqlx::Timestamp::from(draft.begun_at))
    .bind(ActorKind::Agent.word())
    .bind(ActorKind::Requester.word())
    .bind(MOST_OVERTAKING)
    .fetch_all(connection)
    .await?;
    let said = |(kind, actor_id, at): (String, String, jiff_sqlx::Timestamp)| {
        Ok((Actor { kind: word(&kind)?, actor_id }, at.to_jiff()))
    };
    rows.into_iter().map(said).collect::<Result<_, sqlx::Error>>().map_err(Error::from)
}
