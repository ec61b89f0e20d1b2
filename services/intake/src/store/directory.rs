//! Clients and requesters.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use prost::Message as _;
use sqlx::PgConnection;

use crate::wire::{ApplyDirectoryRequest, Client, Requester};

#[derive(sqlx::FromRow)]
struct ClientRow {
    client_id: String,
    name: String,
    reference_prefix: String,
    languages: Vec<String>,
    time_zone: String,
    version: i64,
}

impl From<ClientRow> for Client {
    fn from(row: ClientRow) -> Self {
        Self {
            client_id: row.client_id,
            name: row.name,
            reference_prefix: row.reference_prefix,
            languages: row.languages,
            time_zone: row.time_zone,
            version: row.version.unsigned_abs(),
        }
    }
}

/// A client, locked against other changes of its directory.
pub async fn client_for_update(connection: &mut PgConnection, client_id: &ClientId) -> Result<Option<Client>, Error> {
    // A client that does not exist yet cannot be locked by its row.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('directory ' || $1))")
        .bind(client_id.as_str())
        .execute(&mut *connection)
        .await?;
    client(connection, client_id).await
}

/// A client.
pub async fn client(connection: &mut PgConnection, client_id: &ClientId) -> Result<Option<Client>, Error> {
    let row: Option<ClientRow> = sqlx::query_as(
        "SELECT client_id, name, reference_prefix, languages, time_zone, version FROM client WHERE client_id = $1",
    )
    .bind(client_id.as_str())
    .fetch_optional(connection)
    .await?;
    Ok(row.map(Into::into))
}

/// Clients after `after`, by client_id.
pub async fn clients(connection: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<Client>, Error> {
    let rows: Vec<ClientRow> = sqlx::query_as(
        "SELECT client_id, name, reference_prefix, languages, time_zone, version FROM client
         WHERE client_id > $1 ORDER BY client_id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The requesters that the client's file names, by e-mail address.
pub async fn applied_requesters(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Requester>, Error> {
    let body: Option<Vec<u8>> =
        sqlx::query_scalar("SELECT body FROM directory_version WHERE client_id = $1 ORDER BY version DESC LIMIT 1")
            .bind(client_id.as_str())
            .fetch_optional(connection)
            .await?;
    let Some(body) = body else { return Ok(Vec::new()) };
    let applied = ApplyDirectoryRequest::decode(body.as_slice())
        .map_err(|error| Error::internal(format!("a version of the directory: {error}")))?;
    Ok(applied.requesters)
}

/// Saves a client. False if another client's references begin as its would: only the unique index tells, row-level
/// security hides the other.
///
/// # Errors
/// If the store failed.
pub async fn save_client(connection: &mut PgConnection, client: &Client, changed_at: Timestamp) -> Result<bool, Error> {
    let saved = sqlx::query(
        "INSERT INTO client (client_id, name, reference_prefix, languages, time_zone, version, changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (client_id) DO UPDATE SET name = excluded.name, reference_prefix = excluded.reference_prefix,
             languages = excluded.languages, time_zone = excluded.time_zone, version = excluded.version,
             changed_at = excluded.changed_at",
    )
    .bind(&client.client_id)
    .bind(&client.name)
    .bind(&client.reference_prefix)
    .bind(&client.languages)
    .bind(&client.time_zone)
    .bind(i64::try_from(client.version).unwrap_or(i64::MAX))
    .bind(jiff_sqlx::Timestamp::from(changed_at))
    .execute(connection)
    .await;
    match saved {
        Ok(_) => Ok(true),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Keeps a version of the directory.
pub async fn insert_version(
    connection: &mut PgConnection,
    client: &Client,
    body: Vec<u8>,
    applied_at: Timestamp,
    applied_by: &str,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO directory_version (client_id, version, body, applied_at, applied_by) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&client.client_id)
    .bind(i64::try_from(client.version).unwrap_or(i64::MAX))
    .bind(body)
    .bind(jiff_sqlx::Timestamp::from(applied_at))
    .bind(applied_by)
    .execute(connection)
    .await?;
    Ok(())
}
