//! Major incidents, and those who lag behind them.

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::Error;

use super::Key;

/// A child that lags behind its parent.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The child.
    pub child: Key,
    /// Of the fact that made it one.
    pub revision: i64,
    /// The parent.
    pub parent_id: Uuid,
    /// When it became one.
    pub linked_at: Timestamp,
    /// The last status that it was told of.
    pub told: i32,
    /// When the parent was resolved that it was resolved with last.
    pub settled_at: Option<Timestamp>,
}

/// What became of such a child.
#[derive(Debug, Clone)]
pub struct CaughtUp {
    /// The child.
    pub behind: Behind,
    /// The last status that it was told of.
    pub told: i32,
    /// When the parent was resolved that it was resolved with last.
    pub settled_at: Option<Timestamp>,
}

/// Children of these major incidents that lag behind them, in no order; and what was merged into the children, or into
/// the major incidents themselves, whose requesters are to be told as well.
///
/// # Errors
/// If the store failed.
pub async fn behind(
    connection: &mut PgConnection,
    client_id: &ClientId,
    majors: &[Uuid],
    limit: i64,
) -> Result<Vec<Behind>, Error> {
    type Row = (Uuid, i64, Uuid, jiff_sqlx::Timestamp, i32, Option<jiff_sqlx::Timestamp>);
    let rows: Vec<Row> = sqlx::query_as(
        "WITH RECURSIVE hit AS (
             SELECT m.ticket_id AS major_id, m.ticket_id FROM major m
             WHERE m.client_id = $1 AND m.ticket_id = ANY($2)
             UNION
             SELECT m.ticket_id, r.ticket_id FROM major m
             JOIN relation r ON r.client_id = m.client_id AND r.other_id = m.ticket_id AND r.kind = 'child_of'
                 AND r.unlinked_at IS NULL
             WHERE m.client_id = $1 AND m.ticket_id = ANY($2)
             UNION
             SELECT hit.major_id, r.ticket_id FROM hit
             JOIN relation r ON r.client_id = $1 AND r.other_id = hit.ticket_id AND r.kind = 'merged_into'
                 AND r.unlinked_at IS NULL)
         SELECT r.ticket_id, r.revision, r.other_id, r.linked_at, r.told, r.settled_at
         FROM major m
         JOIN ticket p ON p.client_id = m.client_id AND p.ticket_id = m.ticket_id
         JOIN relation r ON r.client_id = m.client_id AND r.other_id = m.ticket_id AND r.kind = 'child_of'
             AND r.unlinked_at IS NULL
         WHERE m.client_id = $1 AND m.ticket_id = ANY($2)
           AND (r.told < m.status_number
                OR (p.state IN ('resolved', 'closed') AND r.settled_at IS DISTINCT FROM p.resolved_at))
         UNION ALL
         SELECT r.ticket_id, r.revision, hit.major_id, r.linked_at, r.told, r.settled_at
         FROM hit
         JOIN major m ON m.client_id = $1 AND m.ticket_id = hit.major_id
         JOIN relation r ON r.client_id = $1 AND r.other_id = hit.ticket_id AND r.kind = 'merged_into'
             AND r.unlinked_at IS NULL
         WHERE r.told < m.status_number
         LIMIT $3",
    )
    .bind(client_id.as_str())
    .bind(majors)
    .bind(limit)
    .fetch_all(connection)
    .await?;
    let one = |(ticket_id, revision, parent_id, linked_at, told, settled_at): Row| Behind {
        child: (client_id.clone(), ticket_id),
        revision,
        parent_id,
        linked_at: linked_at.to_jiff(),
        told,
        settled_at: settled_at.map(jiff_sqlx::Timestamp::to_jiff),
    };
    Ok(rows.into_iter().map(one).collect())
}

/// Notes what became of children that lagged behind.
///
/// # Errors
/// If the store failed.
pub async fn catch_up(connection: &mut PgConnection, children: &[CaughtUp]) -> Result<(), Error> {
    let settled: Vec<Option<jiff_sqlx::Timestamp>> =
        children.iter().map(|one| one.settled_at.map(Into::into)).collect();
    sqlx::query(
        "UPDATE relation r SET told = u.told, settled_at = u.settled_at
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id,
                      UNNEST($3::bigint[]) AS revision, UNNEST($4::int[]) AS told,
                      UNNEST($5::timestamptz[]) AS settled_at) AS u
         WHERE r.client_id = u.client_id AND r.ticket_id = u.ticket_id AND r.revision = u.revision",
    )
    .bind(children.iter().map(|one| one.behind.child.0.as_str()).collect::<Vec<_>>())
    .bind(children.iter().map(|one| one.behind.child.1).collect::<Vec<_>>())
    .bind(children.iter().map(|one| one.behind.revision).collect::<Vec<_>>())
    .bind(children.iter().map(|one| one.told).collect::<Vec<_>>())
    .bind(settled)
    .execute(connection)
    .await?;
    Ok(())
}

/// The client's major incidents for which something may be left to do. They are quiet from now on, until something
/// happens to them: that comes before, and is seen, or waits until we are done.
///
/// # Errors
/// If the store failed.
pub async fn take_busy(connection: &mut PgConnection, client_id: &ClientId) -> Result<Vec<Uuid>, Error> {
    Ok(sqlx::query_scalar("UPDATE major SET is_quiet = true WHERE client_id = $1 AND NOT is_quiet RETURNING ticket_id")
        .bind(client_id.as_str())
        .fetch_all(connection)
        .await?)
}

/// There may be more to do for these.
///
/// # Errors
/// If the store failed.
pub async fn keep_busy(connection: &mut PgConnection, client_id: &ClientId, majors: &[Uuid]) -> Result<(), Error> {
    sqlx::query("UPDATE major SET is_quiet = false WHERE client_id = $1 AND ticket_id = ANY($2)")
        .bind(client_id.as_str())
        .bind(majors)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a client has major incidents whose children may lag behind.
///
/// # Errors
/// If the store failed.
pub async fn has_busy(connection: &mut PgConnection, client_id: &ClientId) -> Result<bool, Error> {
    Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM major WHERE client_id = $1 AND NOT is_quiet)")
        .bind(client_id.as_str())
        .fetch_one(connection)
        .await?)
}

/// Tickets were merged into these: major incidents that they are, or are children of, may have somebody to tell.
///
/// # Errors
/// If the store failed.
pub async fn wake_by_merges(connection: &mut PgConnection, into: &[Key]) -> Result<(), Error> {
    if into.is_empty() {
        return Ok(());
    }
    let (client_ids, ticket_ids) = super::columns(into);
    sqlx::query(
        "UPDATE major m SET is_quiet = false
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::uuid[]) AS ticket_id) AS k
         WHERE m.client_id = k.client_id AND m.is_quiet
           AND (m.ticket_id = k.ticket_id
                OR EXISTS (SELECT 1 FROM relation r WHERE r.client_id = k.client_id AND r.ticket_id = k.ticket_id
                           AND r.other_id = m.ticket_id AND r.kind = 'child_of' AND r.unlinked_at IS NULL))",
    )
    .bind(client_ids)
    .bind(ticket_ids)
    .execute(connection)
    .await?;
    Ok(())
}
