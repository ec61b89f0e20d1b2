//! Views of agents and teams.

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgConnection, Row};
use uuid::Uuid;

use chassis::Error;

/// Views of one answer.
const MOST: i64 = 1_000;

/// Whose a view is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// An agent's own.
    Agent(String),
    /// A team's.
    Team(String),
}

impl Holder {
    fn columns(&self) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Agent(agent) => (Some(agent), None),
            Self::Team(team) => (None, Some(team)),
        }
    }
}

/// A view as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Whose tickets.
    pub client_id: ClientId,
    /// Which.
    pub view_id: Uuid,
    /// What it is called.
    pub name: String,
    /// Whose.
    pub holder: Holder,
    /// Filter, order, columns, encoded.
    pub payload: Vec<u8>,
    /// 1, 2, 3 …
    pub version: i64,
    /// When it was saved last.
    pub changed_at: Timestamp,
    /// By whom.
    pub changed_by: String,
}

impl FromRow<'_, PgRow> for View {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let client_id: String = row.try_get("client_id")?;
        let (agent, team): (Option<String>, Option<String>) = (row.try_get("agent")?, row.try_get("team")?);
        Ok(Self {
            client_id: ClientId::new(&client_id).map_err(|error| sqlx::Error::Decode(error.into()))?,
            view_id: row.try_get("view_id")?,
            name: row.try_get("name")?,
            holder: agent.map_or_else(|| Holder::Team(team.unwrap_or_default()), Holder::Agent),
            payload: row.try_get("payload")?,
            version: row.try_get("version")?,
            changed_at: row.try_get::<jiff_sqlx::Timestamp, _>("changed_at")?.to_jiff(),
            changed_by: row.try_get("changed_by")?,
        })
    }
}

/// One of those in scope; others' own are there as well.
///
/// # Errors
/// If the store failed.
pub async fn find(connection: &mut PgConnection, view_id: Uuid) -> Result<Option<View>, Error> {
    Ok(sqlx::query_as("SELECT * FROM saved_view WHERE view_id = $1").bind(view_id).fetch_optional(connection).await?)
}

/// The agent's own and those of all teams, by name. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn list(
    connection: &mut PgConnection,
    clients: Option<Vec<String>>,
    agent: &str,
) -> Result<Vec<View>, Error> {
    Ok(sqlx::query_as(
        "SELECT * FROM saved_view
         WHERE (agent = $2 OR team IS NOT NULL) AND ($1::text[] IS NULL OR client_id = ANY($1))
         ORDER BY lower(name), client_id, view_id LIMIT $3",
    )
    .bind(clients)
    .bind(agent)
    .bind(MOST)
    .fetch_all(connection)
    .await?)
}

/// The views of one holder, for whoever adds to them: one at a time.
///
/// # Errors
/// If the store failed.
pub async fn of_holder(
    connection: &mut PgConnection,
    client_id: &ClientId,
    holder: &Holder,
) -> Result<Vec<View>, Error> {
    let (agent, team) = holder.columns();
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended(concat_ws('/', 'view', $1, $2, $3), 0))")
        .bind(client_id.as_str())
        .bind(agent)
        .bind(team)
        .execute(&mut *connection)
        .await?;
    Ok(sqlx::query_as("SELECT * FROM saved_view WHERE client_id = $1 AND (agent = $2 OR team = $3)")
        .bind(client_id.as_str())
        .bind(agent)
        .bind(team)
        .fetch_all(connection)
        .await?)
}

/// Keeps a view, if it is new or was at the version before.
///
/// # Errors
/// If the store failed.
pub async fn put(connection: &mut PgConnection, view: &View) -> Result<bool, Error> {
    let (agent, team) = view.holder.columns();
    let written = sqlx::query(
        "INSERT INTO saved_view AS known
             (client_id, view_id, name, agent, team, payload, version, changed_at, changed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (client_id, view_id) DO UPDATE
         SET name = excluded.name, payload = excluded.payload, version = excluded.version,
             changed_at = excluded.changed_at, changed_by = excluded.changed_by
         WHERE known.version = excluded.version - 1",
    )
    .bind(view.client_id.as_str())
    .bind(view.view_id)
    .bind(&view.name)
    .bind(agent)
    .bind(team)
    .bind(&view.payload)
    .bind(view.version)
    .bind(jiff_sqlx::Timestamp::from(view.changed_at))
    .bind(&view.changed_by)
    .execute(connection)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// Forgets a view that is at this version.
///
/// # Errors
/// If the store failed.
pub async fn delete(connection: &mut PgConnection, view: &View) -> Result<bool, Error> {
    let gone = sqlx::query("DELETE FROM saved_view WHERE client_id = $1 AND view_id = $2 AND version = $3")
        .bind(view.client_id.as_str())
        .bind(view.view_id)
        .bind(view.version)
        .execute(connection)
        .await?;
    Ok(gone.rows_affected() == 1)
}
