//! Recorded history in SQL: which tickets were registered when, in pages.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Ticket, TicketRow, client};

/// Where a page ended: the instant of a registration, and whose.
pub type Place = (Timestamp, Uuid);

/// A registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub ticket: Ticket,
    pub registered_at: Timestamp,
}

impl Registration {
    pub const fn place(&self) -> Place {
        (self.registered_at, self.ticket.ticket_id)
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    occurred_at: jiff_sqlx::Timestamp,
    #[sqlx(flatten)]
    ticket: TicketRow,
}

/// The clients that have tickets, in order, for a scope of all of them.
pub async fn clients(connection: &mut PgConnection) -> Result<Vec<ClientId>, Error> {
    // One step of the index per client instead of one per ticket.
    let rows: Vec<String> = sqlx::query_scalar(
        "WITH RECURSIVE step AS (
             (SELECT client_id FROM ticket ORDER BY client_id LIMIT 1)
             UNION ALL
             SELECT (SELECT next.client_id FROM ticket next WHERE next.client_id > step.client_id
                     ORDER BY next.client_id LIMIT 1)
             FROM step WHERE step.client_id IS NOT NULL
         )
         SELECT client_id FROM step WHERE client_id IS NOT NULL",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(|text| client(text)).collect()
}

/// How many registrations these clients have in [from, until). A ticket that was imported again has several.
pub async fn count(
    connection: &mut PgConnection,
    clients: &[ClientId],
    from: Timestamp,
    until: Timestamp,
) -> Result<i64, Error> {
    let clients: Vec<&str> = clients.iter().map(ClientId::as_str).collect();
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM fact WHERE client_id = ANY($1) AND kind ->> 'type' = 'registered'
         AND occurred_at >= $2 AND occurred_at < $3",
    )
    .bind(clients)
    .bind(jiff_sqlx::Timestamp::from(from))
    .bind(jiff_sqlx::Timestamp::from(until))
    .fetch_one(connection)
    .await?)
}

/// The next registrations of a client after a place and before `until`, in order, at most `most`. Of a ticket that was
/// imported again there may be several.
pub async fn registrations(
    connection: &mut PgConnection,
    client_id: &ClientId,
    after: Place,
    until: Timestamp,
    most: i64,
) -> Result<Vec<Registration>, Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT told.occurred_at, client_id, ticket_id, reference, is_registered, contract_version, revision, next_at,
                is_settled, changes
         FROM (SELECT client_id, ticket_id, occurred_at FROM fact
               WHERE client_id = $1 AND kind ->> 'type' = 'registered'
                 AND (occurred_at, ticket_id) > ($2, $3) AND occurred_at < $4
               ORDER BY occurred_at, ticket_id LIMIT $5) AS told
         JOIN ticket USING (client_id, ticket_id)
         ORDER BY told.occurred_at, ticket_id",
    )
    .bind(client_id.as_str())
    .bind(jiff_sqlx::Timestamp::from(after.0))
    .bind(after.1)
    .bind(jiff_sqlx::Timestamp::from(until))
    .bind(most)
    .fetch_all(connection)
    .await?;
    let registration =
        |row: Row| Ok(Registration { ticket: row.ticket.try_into()?, registered_at: row.occurred_at.to_jiff() });
    rows.into_iter().map(registration).collect()
}
