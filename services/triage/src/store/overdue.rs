//! Tickets on which something passes its time.

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

/// Tickets of one look.
const MOST: i64 = 1_000;

/// Tickets of a client whose approvals or time-boxes pass until then, the earliest first. `front`: the tiers that have
/// time-boxes; `shortest_for`: the shortest of them. Some may turn out to have more time.
///
/// # Errors
/// If the store failed.
pub async fn until(
    connection: &mut PgConnection,
    client_id: &ClientId,
    front: &[i32],
    shortest_for: SignedDuration,
    until: Timestamp,
) -> Result<Vec<Uuid>, Error> {
    let shortest_us = i64::try_from(shortest_for.as_micros()).unwrap_or(i64::MAX);
    // Few have approvals, and whoever works on something has a claim: both are found without looking at all tickets.
    Ok(sqlx::query_scalar(
        "SELECT ticket_id FROM (
             SELECT t.ticket_id, min((approval->>'due_at')::timestamptz) AS due_at
             FROM ticket t, jsonb_array_elements(t.fulfilment->'approvals') AS approval
             WHERE t.client_id = $1 AND t.asked_approvers IS NOT NULL
               AND approval->>'state' = 'pending' AND approval->>'overdue_at' IS NULL
               AND (approval->>'due_at')::timestamptz <= $4
             GROUP BY t.ticket_id
             UNION ALL
             SELECT t.ticket_id, t.handling_since_at + ($3 - coalesce(t.handled_us, 0)) * interval '1 microsecond'
             FROM claim c JOIN ticket t ON t.client_id = c.client_id AND t.ticket_id = c.ticket_id
             WHERE c.client_id = $1 AND t.state = 'in_progress' AND t.tier = ANY($2)
               AND t.time_box_overrun_at IS NULL
               AND t.handling_since_at + ($3 - coalesce(t.handled_us, 0)) * interval '1 microsecond' <= $4) AS passing
         ORDER BY due_at, ticket_id LIMIT $5",
    )
    .bind(client_id.as_str())
    .bind(front)
    .bind(shortest_us)
    .bind(jiff_sqlx::Timestamp::from(until))
    .bind(MOST)
    .fetch_all(connection)
    .await?)
}
