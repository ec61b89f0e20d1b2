//! Approvals that wait for somebody, and changes by their windows.

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::Error;

use super::ticket::Kept;
use crate::domain::Ticket;

/// Tickets of one answer.
const MOST: i64 = 1_000;
/// Other changes that are named beside one.
const MOST_COLLISIONS: i64 = 20;

/// Tickets on which somebody's answer is wanted, the oldest first. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn waiting_for(
    connection: &mut PgConnection,
    clients: Option<Vec<String>>,
    approver: &str,
    reader: &str,
) -> Result<Vec<Ticket>, Error> {
    let rows: Vec<Kept> = sqlx::query_as(
        "SELECT t.* FROM ticket t
         WHERE t.asked_approvers IS NOT NULL AND lower($2) = ANY(t.asked_approvers)
           AND ($1::text[] IS NULL OR t.client_id = ANY($1)) AND may_read(t.client_id, t.ticket_id, $4)
         ORDER BY t.registered_at, t.ticket_id LIMIT $3",
    )
    .bind(clients)
    .bind(approver)
    .bind(MOST)
    .bind(reader)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Kept(ticket)| ticket).collect())
}

/// Tickets whose changes' windows touch a period, by the begin of their windows. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn changes(
    connection: &mut PgConnection,
    clients: Option<Vec<String>>,
    from_at: Timestamp,
    until_at: Timestamp,
    reader: &str,
) -> Result<Vec<Ticket>, Error> {
    let rows: Vec<Kept> = sqlx::query_as(
        "SELECT t.* FROM ticket t
         WHERE t.change_until_at > $2 AND t.change_from_at < $3 AND ($1::text[] IS NULL OR t.client_id = ANY($1))
           AND may_read(t.client_id, t.ticket_id, $5)
         ORDER BY t.change_from_at, t.ticket_id LIMIT $4",
    )
    .bind(clients)
    .bind(jiff_sqlx::Timestamp::from(from_at))
    .bind(jiff_sqlx::Timestamp::from(until_at))
    .bind(MOST)
    .bind(reader)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|Kept(ticket)| ticket).collect())
}

/// The references of this client's other open changes whose windows touch this one, but for confidential ones: whoever
/// reads the one may not be who reads the other.
///
/// # Errors
/// If the store failed.
pub async fn collisions(
    connection: &mut PgConnection,
    ticket: &Ticket,
    from_at: Timestamp,
    until_at: Timestamp,
) -> Result<Vec<String>, Error> {
    let client_id: &ClientId = &ticket.client_id;
    Ok(sqlx::query_scalar(
        "SELECT reference FROM ticket
         WHERE client_id = $1 AND change_until_at > $3 AND change_from_at < $4 AND ticket_id <> $2 AND is_open
           AND fulfilment->'change'->>'ended_at' IS NULL AND may_read(client_id, ticket_id, '')
         ORDER BY change_from_at, ticket_id LIMIT $5",
    )
    .bind(client_id.as_str())
    .bind(ticket.ticket_id)
    .bind(jiff_sqlx::Timestamp::from(from_at))
    .bind(jiff_sqlx::Timestamp::from(until_at))
    .bind(MOST_COLLISIONS)
    .fetch_all(connection)
    .await?)
}
