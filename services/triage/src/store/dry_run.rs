//! The tickets whose recorded history is looked through.

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

/// How many of a client's tickets may have lived in a period.
///
/// # Errors
/// If the store failed.
pub async fn count(
    connection: &mut PgConnection,
    client_id: &ClientId,
    from: Timestamp,
    until: Timestamp,
) -> Result<u64, Error> {
    let count: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM ticket WHERE client_id = $1 AND registered_at < $3
             AND (changed_at >= $2 OR state NOT IN ('closed', 'cancelled'))",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(from))
    .bind(jiff_sqlx::Timestamp::from(until))
    .fetch_one(connection)
    .await?;
    Ok(count.unsigned_abs())
}

/// The next of them, by their ids.
///
/// # Errors
/// If the store failed.
pub async fn after(
    connection: &mut PgConnection,
    client_id: &ClientId,
    from: Timestamp,
    until: Timestamp,
    after: Uuid,
    most: i64,
) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar(
        "SELECT ticket_id FROM ticket WHERE client_id = $1 AND registered_at < $3 AND ticket_id > $4
             AND (changed_at >= $2 OR state NOT IN ('closed', 'cancelled'))
         ORDER BY ticket_id LIMIT $5",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(from))
    .bind(jiff_sqlx::Timestamp::from(until))
    .bind(after)
    .bind(most)
    .fetch_all(connection)
    .await?)
}
