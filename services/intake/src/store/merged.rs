//! Which ticket ended as part of which other one: alerts follow.

use chassis::Error;
use contracts::ClientId;
use sqlx::PgConnection;
use uuid::Uuid;

/// What was heard of a ticket.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub ticket_id: Uuid,
    /// What it became part of; `None`: it is one of its own again.
    pub into: Option<Uuid>,
    /// Of triage's fact.
    pub revision: i64,
}

/// Keeps what was heard, the newest of each ticket.
pub async fn keep_merges(connection: &mut PgConnection, merges: &[Merged]) -> Result<(), Error> {
    if merges.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO merged_ticket AS known (client_id, ticket_id, into_ticket_id, heard_revision)
         SELECT DISTINCT ON (client_id, ticket_id) client_id, ticket_id, into_ticket_id, heard_revision
         FROM UNNEST($1::text[], $2::uuid[], $3::uuid[], $4::bigint[])
              AS heard (client_id, ticket_id, into_ticket_id, heard_revision)
         ORDER BY client_id, ticket_id, heard_revision DESC
         ON CONFLICT (client_id, ticket_id) DO UPDATE
         SET into_ticket_id = excluded.into_ticket_id, heard_revision = excluded.heard_revision
         WHERE known.heard_revision < excluded.heard_revision",
    )
    .bind(merges.iter().map(|one| one.client_id.as_str()).collect::<Vec<_>>())
    .bind(merges.iter().map(|one| one.ticket_id).collect::<Vec<_>>())
    .bind(merges.iter().map(|one| one.into).collect::<Vec<_>>())
    .bind(merges.iter().map(|one| one.revision).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// The tickets into which those were merged get their alerts: a row for each that has none yet, over if it is. Needs the
/// clients' rows held.
pub async fn adopt(connection: &mut PgConnection, merged: &[(&str, Uuid)]) -> Result<(), Error> {
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = merged.iter().copied().unzip();
    // Resolved, closed, cancelled, as far as was heard. What is heard later moves it on.
    sqlx::query(
        "INSERT INTO alerted (client_id, ticket_id, reference, fingerprint, is_storm, alerts, posts, told_posts,
                              told_at, last_at, is_cleared, is_over, heard_revision, adopted)
         SELECT t.client_id, t.ticket_id, t.reference, '', false, 0, 0, 0, max(a.told_at), max(a.last_at),
                bool_and(a.is_cleared),
                coalesce((SELECT r.state IN (3, 5, 6) FROM receipt r
                          WHERE r.client_id = t.client_id AND r.ticket_id = t.ticket_id
                          ORDER BY r.revision DESC LIMIT 1), false), 0, true
         FROM UNNEST($1::text[], $2::uuid[]) AS w (client_id, ticket_id)
         CROSS JOIN LATERAL merged_with(w.client_id, w.ticket_id) AS m (ticket_id)
         JOIN alerted a ON a.client_id = w.client_id AND a.ticket_id = m.ticket_id
         JOIN ticket t ON t.client_id = w.client_id AND t.ticket_id = stays_as(w.client_id, w.ticket_id)
         GROUP BY t.client_id, t.ticket_id, t.reference
         ON CONFLICT DO NOTHING",
    )
    .bind(clients)
    .bind(ids)
    .execute(connection)
    .await?;
    Ok(())
}

/// The ticket at the end of the merges of each of these, if alerts are on it: whose alerts are over with it.
pub async fn stays_as(connection: &mut PgConnection, of: &[(&str, Uuid)]) -> Result<Vec<(String, Uuid, bool)>, Error> {
    let (clients, ids): (Vec<&str>, Vec<Uuid>) = of.iter().copied().unzip();
    Ok(sqlx::query_as(
        "SELECT DISTINCT a.client_id, a.ticket_id, a.is_over
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS w
         JOIN alerted a ON a.client_id = w.client_id AND a.ticket_id = stays_as(w.client_id, w.ticket_id)",
    )
    .bind(clients)
    .bind(ids)
    .fetch_all(connection)
    .await?)
}
