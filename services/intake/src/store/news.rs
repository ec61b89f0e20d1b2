//! Many messages at once.

use std::collections::HashMap;

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

/// A message to keep, and the revision that its fact has.
#[derive(Debug)]
pub struct NewMessage {
    /// Whose.
    pub client_id: ClientId,
    /// On which ticket.
    pub ticket_id: Uuid,
    /// Of the fact that tells of it.
    pub revision: i64,
    /// Its id.
    pub message_id: Uuid,
    /// Encoded.
    pub body: Vec<u8>,
    /// When it was written.
    pub written_at: Timestamp,
}

/// Locks these tickets: id, revision and encoded registration of each.
pub async fn hold(
    connection: &mut PgConnection,
    keys: &[(ClientId, Uuid)],
) -> Result<Vec<(Uuid, i64, Vec<u8>)>, Error> {
    let mut keys: Vec<&(ClientId, Uuid)> = keys.iter().collect();
    keys.sort_unstable();
    keys.dedup();
    Ok(sqlx::query_as(
        "SELECT t.ticket_id, t.revision, t.body
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         JOIN ticket t ON t.client_id = k.client_id AND t.ticket_id = k.ticket_id
         ORDER BY t.client_id, t.ticket_id FOR UPDATE OF t",
    )
    .bind(keys.iter().map(|(client_id, _)| client_id.as_str()).collect::<Vec<_>>())
    .bind(keys.iter().map(|(_, ticket_id)| *ticket_id).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

/// Keeps messages on tickets that are held, and counts their facts.
pub async fn insert_messages(connection: &mut PgConnection, messages: &[NewMessage]) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let written: Vec<jiff_sqlx::Timestamp> = messages.iter().map(|one| one.written_at.into()).collect();
    sqlx::query(
        "INSERT INTO message (client_id, ticket_id, message_id, body, written_at)
         SELECT UNNEST($1::text[]), UNNEST($2::uuid[]), UNNEST($3::uuid[]), UNNEST($4::bytea[]),
                UNNEST($5::timestamptz[])",
    )
    .bind(messages.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
    .bind(messages.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
    .bind(messages.iter().map(|one| one.message_id).collect::<Vec<_>>())
    .bind(messages.iter().map(|one| one.body.as_slice()).collect::<Vec<_>>())
    .bind(written)
    .execute(&mut *connection)
    .await?;
    let last: HashMap<(&str, Uuid), i64> =
        messages.iter().map(|one| ((one.client_id.as_str(), one.ticket_id), one.revision)).collect();
    sqlx::query(
        "UPDATE ticket t SET revision = k.revision
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                      UNNEST($3::bigint[]) AS revision) AS k
         WHERE t.client_id = k.client_id AND t.ticket_id = k.ticket_id",
    )
    .bind(last.keys().map(|(client_id, _)| *client_id).collect::<Vec<_>>())
    .bind(last.keys().map(|(_, ticket_id)| *ticket_id).collect::<Vec<_>>())
    .bind(last.values().copied().collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}
