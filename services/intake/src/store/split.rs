//! What a ticket that is split began with.

use chassis::Error;
use sqlx::PgConnection;

use super::Found;

/// The encoded registration of a ticket.
pub async fn ticket_body(connection: &mut PgConnection, found: &Found) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar("SELECT body FROM ticket WHERE client_id = $1 AND ticket_id = $2")
        .bind(&found.client_id)
        .bind(found.ticket_id)
        .fetch_optional(connection)
        .await?)
}
