//! The clients' support models, each version as it was applied.

use std::collections::HashMap;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::Error;

/// The newest models of these clients, encoded. Clients without one are left out.
///
/// # Errors
/// If the store failed.
pub async fn newest(connection: &mut PgConnection, clients: &[ClientId]) -> Result<HashMap<ClientId, Vec<u8>>, Error> {
    if clients.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<&str> = clients.iter().map(ClientId::as_str).collect();
    let rows: Vec<(String, Vec<u8>)> = sqlx::query_as(
        "SELECT m.client_id, m.payload FROM UNNEST($1::text[]) AS c(client_id)
         CROSS JOIN LATERAL (SELECT * FROM support_model s WHERE s.client_id = c.client_id
                             ORDER BY version DESC LIMIT 1) m",
    )
    .bind(wanted)
    .fetch_all(connection)
    .await?;
    let client = |text: &str| ClientId::new(text).map_err(|error| Error::Internal(error.into()));
    rows.into_iter().map(|(client_id, payload)| Ok((client(&client_id)?, payload))).collect()
}

/// The number of the newest version of each of these clients. Clients without a model are left out.
///
/// # Errors
/// If the store failed.
pub async fn versions(connection: &mut PgConnection, clients: &[ClientId]) -> Result<HashMap<ClientId, u64>, Error> {
    if clients.is_empty() {
        return Ok(HashMap::new());
    }
    let wanted: Vec<&str> = clients.iter().map(ClientId::as_str).collect();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT m.client_id, m.version FROM UNNEST($1::text[]) AS c(client_id)
         CROSS JOIN LATERAL (SELECT s.client_id, s.version FROM support_model s WHERE s.client_id = c.client_id
                             ORDER BY version DESC LIMIT 1) m",
    )
    .bind(wanted)
    .fetch_all(connection)
    .await?;
    let client = |text: &str| ClientId::new(text).map_err(|error| Error::Internal(error.into()));
    rows.into_iter().map(|(client_id, version)| Ok((client(&client_id)?, version.unsigned_abs()))).collect()
}

/// One version, encoded.
///
/// # Errors
/// If the store failed.
pub async fn version(
    connection: &mut PgConnection,
    client_id: &ClientId,
    version: i64,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar("SELECT payload FROM support_model WHERE client_id = $1 AND version = $2")
        .bind(client_id.as_str())
        .bind(version)
        .fetch_optional(connection)
        .await?)
}

/// Makes everybody wait who is about to apply a model to the same client.
///
/// # Errors
/// If the store failed.
pub async fn lock(connection: &mut PgConnection, client_id: &ClientId) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('support_model'), hashtext($1))")
        .bind(client_id.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// Keeps a new version.
///
/// # Errors
/// If the store failed, or the version exists.
pub async fn add(
    connection: &mut PgConnection,
    client_id: &ClientId,
    version: i64,
    payload: Vec<u8>,
    applied_at: Timestamp,
    applied_by: &str,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO support_model (client_id, version, payload, applied_at, applied_by) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(client_id.as_str())
    .bind(version)
    .bind(payload)
    .bind(jiff_sqlx::Timestamp::from(applied_at))
    .bind(applied_by)
    .execute(connection)
    .await?;
    Ok(())
}

/// The clients in scope that have a model.
///
/// # Errors
/// If the store failed.
pub async fn clients(connection: &mut PgConnection) -> Result<Vec<ClientId>, Error> {
    let rows: Vec<String> = sqlx::query_scalar("SELECT DISTINCT client_id FROM support_model ORDER BY client_id")
        .fetch_all(connection)
        .await?;
    rows.iter().map(|text| ClientId::new(text).map_err(|error| Error::Internal(error.into()))).collect()
}
