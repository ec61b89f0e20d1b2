//! How clients' contacts are taken in.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

/// An encoded `IntakeSettings`.
pub async fn settings(connection: &mut PgConnection, client_id: &str, version: i64) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar("SELECT body FROM intake_settings WHERE client_id = $1 AND version = $2")
        .bind(client_id)
        .bind(version)
        .fetch_optional(connection)
        .await?)
}

/// The settings that hold for a client now; `None` in the middle: it has none; on the outside: there is no such client.
pub async fn present_settings(
    connection: &mut PgConnection,
    client_id: &ClientId,
) -> Result<Option<Option<Vec<u8>>>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT s.body FROM client c
         LEFT JOIN intake_settings s ON s.client_id = c.client_id AND s.version = c.settings_version
         WHERE c.client_id = $1",
    )
    .bind(client_id.as_str())
    .fetch_optional(connection)
    .await?)
}

/// Keeps a version, which holds from then on.
pub async fn save_settings(
    connection: &mut PgConnection,
    client_id: &ClientId,
    version: i64,
    body: Vec<u8>,
    applied_at: Timestamp,
    applied_by: &str,
) -> Result<(), Error> {
    sqlx::query(
        "WITH holds AS (UPDATE client SET settings_version = $2 WHERE client_id = $1)
         INSERT INTO intake_settings (client_id, version, body, applied_at, applied_by) VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(client_id.as_str())
    .bind(version)
    .bind(body)
    .bind(jiff_sqlx::Timestamp::from(applied_at))
    .bind(applied_by)
    .execute(connection)
    .await?;
    Ok(())
}
