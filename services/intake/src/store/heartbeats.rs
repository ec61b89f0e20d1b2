//! Signs of life, and what is due: hold-offs that end and signs that stay away.

use chassis::Error;
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

/// A sign of life that is expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub name: String,
    /// How often it comes.
    pub every: SignedDuration,
    /// How late it may be.
    pub grace: SignedDuration,
    /// An `AlertSeverity`.
    pub severity: i16,
    /// When the last one came.
    pub beaten_at: Timestamp,
    /// Silent from then on; `None`: it is silent.
    pub due_at: Option<Timestamp>,
}

type Row = (String, String, i64, i64, i16, jiff_sqlx::Timestamp, Option<jiff_sqlx::Timestamp>);

fn heartbeat((client_id, name, every, grace, severity, beaten_at, due_at): Row) -> Result<Heartbeat, Error> {
    Ok(Heartbeat {
        client_id: ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?,
        name,
        every: SignedDuration::from_micros(every),
        grace: SignedDuration::from_micros(grace),
        severity,
        beaten_at: beaten_at.to_jiff(),
        due_at: due_at.map(jiff_sqlx::Timestamp::to_jiff),
    })
}

/// A client's signs of life, by name; or one of them.
pub async fn heartbeats(
    connection: &mut PgConnection,
    client_id: &ClientId,
    name: Option<&str>,
) -> Result<Vec<Heartbeat>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT client_id, name, every_us, grace_us, severity, beaten_at, due_at FROM heartbeat
         WHERE client_id = $1 AND ($2::text IS NULL OR name = $2) ORDER BY name",
    )
    .bind(client_id.as_str())
    .bind(name)
    .fetch_all(connection)
    .await?;
    rows.into_iter().map(heartbeat).collect()
}

/// The shard of a sign of life.
fn shard(client_id: &ClientId, name: &str) -> i16 {
    chassis::shard_of(Uuid::new_v5(&Uuid::nil(), format!("{client_id}/{name}").as_bytes()))
}

/// Keeps a sign of life as it is now.
pub async fn save_heartbeat(connection: &mut PgConnection, one: &Heartbeat) -> Result<(), Error> {
    let micros = |length: SignedDuration| i64::try_from(length.as_micros()).unwrap_or(i64::MAX);
    sqlx::query(
        "INSERT INTO heartbeat (client_id, name, every_us, grace_us, severity, beaten_at, due_at, shard)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (client_id, name) DO UPDATE SET every_us = excluded.every_us, grace_us = excluded.grace_us,
             severity = excluded.severity, beaten_at = excluded.beaten_at, due_at = excluded.due_at",
    )
    .bind(one.client_id.as_str())
    .bind(&one.name)
    .bind(micros(one.every))
    .bind(micros(one.grace))
    .bind(one.severity)
    .bind(jiff_sqlx::Timestamp::from(one.beaten_at))
    .bind(one.due_at.map(jiff_sqlx::Timestamp::from))
    .bind(shard(&one.client_id, &one.name))
    .execute(connection)
    .await?;
    Ok(())
}

/// It is expected no longer.
pub async fn end_heartbeat(connection: &mut PgConnection, client_id: &ClientId, name: &str) -> Result<(), Error> {
    sqlx::query("DELETE FROM heartbeat WHERE client_id = $1 AND name = $2")
        .bind(client_id.as_str())
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// How many signs of life a client expects.
pub async fn count_heartbeats(connection: &mut PgConnection, client_id: &ClientId) -> Result<i64, Error> {
    Ok(sqlx::query_scalar("SELECT count(*) FROM heartbeat WHERE client_id = $1")
        .bind(client_id.as_str())
        .fetch_one(connection)
        .await?)
}

/// What is due, as the machinery sees it.
#[derive(Debug, Default)]
pub struct Due {
    /// Alerts whose hold-off is over.
    pub alerts: Vec<(ClientId, Uuid)>,
    /// Signs of life that stay away.
    pub heartbeats: Vec<(ClientId, String)>,
    /// When there is something next.
    pub next_at: Option<Timestamp>,
}

/// What is due in these shards, the oldest first.
pub async fn due(connection: &mut PgConnection, shards: &[i16], now: Timestamp, most: i64) -> Result<Due, Error> {
    let now = jiff_sqlx::Timestamp::from(now);
    let alerts: Vec<(String, Uuid)> = sqlx::query_as(
        "SELECT client_id, alert_id FROM alert WHERE shard = ANY($1) AND clears_at <= $2
         ORDER BY clears_at, alert_id LIMIT $3",
    )
    .bind(shards)
    .bind(now)
    .bind(most)
    .fetch_all(&mut *connection)
    .await?;
    let heartbeats: Vec<(String, String)> = sqlx::query_as(
        "SELECT client_id, name FROM heartbeat WHERE shard = ANY($1) AND due_at <= $2 ORDER BY due_at, name LIMIT $3",
    )
    .bind(shards)
    .bind(now)
    .bind(most)
    .fetch_all(&mut *connection)
    .await?;
    let next_at: Option<jiff_sqlx::Timestamp> = sqlx::query_scalar(
        "SELECT least((SELECT min(clears_at) FROM alert WHERE shard = ANY($1) AND clears_at > $2),
                      (SELECT min(due_at) FROM heartbeat WHERE shard = ANY($1) AND due_at > $2))",
    )
    .bind(shards)
    .bind(now)
    .fetch_one(connection)
    .await?;
    let client = |text: &str| ClientId::new(text).map_err(|error| Error::Internal(error.into()));
    let alerts: Result<Vec<_>, Error> = alerts.into_iter().map(|(one, id)| Ok((client(&one)?, id))).collect();
    let heartbeats: Result<Vec<_>, Error> =
        heartbeats.into_iter().map(|(one, name)| Ok((client(&one)?, name))).collect();
    Ok(Due { alerts: alerts?, heartbeats: heartbeats?, next_at: next_at.map(jiff_sqlx::Timestamp::to_jiff) })
}
