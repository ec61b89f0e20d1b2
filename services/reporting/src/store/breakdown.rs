//! Figures that are no count of tickets, or a count by something.

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::QueryAs;
use sqlx::{FromRow, PgConnection, Postgres};

use super::kpis::{Kinds, PerClient, Window};
use super::{bound, words};
use crate::domain::months::CostMonth;

/// A question about these clients' tickets ($1) in a period ($2 to $3), of some kinds ($4).
fn asked<'q, R>(sql: &'static str, clients: &'q [ClientId], window: Window) -> QueryAs<'q, Postgres, R, PgArguments>
where
    R: for<'r> FromRow<'r, PgRow>,
{
    sqlx::query_as(sql)
        .bind(words(clients))
        .bind(bound(window.from))
        .bind(bound(window.until))
        .bind(window.kinds.bits())
}

/// Mean, median and p90 of registered → resolved of the tickets resolved in the period, in seconds.
///
/// # Errors
/// If the store failed.
pub async fn times_to_resolve(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<PerClient<[f64; 3]>, Error> {
    let rows: Vec<(String, f64, f64, f64)> = asked(
        "SELECT client_id, avg(took), percentile_cont(0.5) WITHIN GROUP (ORDER BY took),
                percentile_cont(0.9) WITHIN GROUP (ORDER BY took)
         FROM (SELECT client_id, greatest(0, extract(epoch FROM resolved_at - registered_at))::float8 AS took
               FROM ticket_figures
               WHERE client_id = ANY($1) AND registered_at IS NOT NULL AND resolved_at >= $2 AND resolved_at < $3
                 AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1)) AS t
         GROUP BY client_id",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(client_id, mean, median, p90)| (client_id, [mean, median, p90])).collect())
}

/// Promises that ended in the period: client, metric, met, ended. Cancelled ones are none.
///
/// # Errors
/// If the store failed.
pub async fn attainments(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<Vec<(String, i16, i64, i64)>, Error> {
    Ok(asked(
        "SELECT client_id, c.metric, count(*) FILTER (WHERE c.state = 3), count(*)
         FROM clock_figures c JOIN ticket_figures f USING (client_id, ticket_id)
         WHERE client_id = ANY($1) AND f.registered_at IS NOT NULL
           AND c.state IN (3, 4) AND c.ended_at >= $2 AND c.ended_at < $3
           AND ($4::int = 0 OR ($4 >> f.kind::int) & 1 = 1)
         GROUP BY client_id, c.metric",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?)
}

/// Transitions in the period: client, into resolved, out of resolved or closed into an open state.
///
/// # Errors
/// If the store failed.
pub async fn transitions(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<PerClient<(i64, i64)>, Error> {
    let rows: Vec<(String, i64, i64)> = asked(
        "SELECT client_id, count(*) FILTER (WHERE ended_by = 1 AND ended_at >= $2 AND ended_at < $3),
                count(*) FILTER (WHERE opened_by = 2 AND opened_at >= $2 AND opened_at < $3)
         FROM open_interval JOIN ticket_figures f USING (client_id, ticket_id)
         WHERE client_id = ANY($1) AND ($4::int = 0 OR ($4 >> f.kind::int) & 1 = 1) GROUP BY client_id",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(client_id, resolvings, reopenings)| (client_id, (resolvings, reopenings))).collect())
}

/// Tickets registered in the period by priority (none: not triaged yet).
///
/// # Errors
/// If the store failed.
pub async fn by_priority(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<Vec<(String, Option<i16>, i64)>, Error> {
    Ok(asked(
        "SELECT client_id, priority, count(*) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1)
         GROUP BY client_id, priority ORDER BY client_id, priority NULLS LAST",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?)
}

/// Tickets registered in the period by `TicketKind` (0: nobody has said).
///
/// # Errors
/// If the store failed.
pub async fn by_kind(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<Vec<(String, i16, i64)>, Error> {
    Ok(asked(
        "SELECT client_id, kind, count(*) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1)
         GROUP BY client_id, kind ORDER BY client_id, kind",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?)
}

/// Tickets registered in the period by how the contact came, the most frequent first.
///
/// # Errors
/// If the store failed.
pub async fn by_channel(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<Vec<(String, String, i64)>, Error> {
    Ok(asked(
        "SELECT client_id, contact, count(*) AS tickets FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1)
         GROUP BY client_id, contact ORDER BY client_id, tickets DESC, contact",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?)
}

/// Tickets registered in the period that ever waited: client, `WaitingReason`, tickets.
///
/// # Errors
/// If the store failed.
pub async fn by_waiting(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<Vec<(String, i32, i64)>, Error> {
    Ok(asked(
        "SELECT client_id, reason, count(*) FROM ticket_figures CROSS JOIN generate_series(0, 6) AS reason
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1) AND waited_for <> 0 AND waited_for::int & (1 << reason) <> 0
         GROUP BY client_id, reason ORDER BY client_id, reason",
        clients,
        window,
    )
    .fetch_all(connection)
    .await?)
}

/// The first and the last registration in the period, of all these clients together.
///
/// # Errors
/// If the store failed.
pub async fn registration_span(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
) -> Result<Option<(Timestamp, Timestamp)>, Error> {
    let (first, last): (Option<jiff_sqlx::Timestamp>, Option<jiff_sqlx::Timestamp>) = asked(
        "SELECT min(registered_at), max(registered_at) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1)",
        clients,
        window,
    )
    .fetch_one(connection)
    .await?;
    Ok(first.zip(last).map(|(first, last)| (first.to_jiff(), last.to_jiff())))
}

/// Tickets registered in the period by month: client, which of the months (1 is the first), tickets.
///
/// # Errors
/// If the store failed.
pub async fn by_month(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
    begins: &[Timestamp],
) -> Result<Vec<(String, i32, i64)>, Error> {
    Ok(asked(
        "SELECT client_id, width_bucket(registered_at, $5::timestamptz[]) AS month, count(*) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND ($4::int = 0 OR ($4 >> kind::int) & 1 = 1)
         GROUP BY client_id, month ORDER BY client_id, month",
        clients,
        window,
    )
    .bind(begins.iter().copied().map(bound).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?)
}

/// Tickets registered in the months of each client's costs, all of each month.
///
/// # Errors
/// If the store failed.
pub async fn registered_in(
    connection: &mut PgConnection,
    months: &[(String, CostMonth)],
) -> Result<PerClient<i64>, Error> {
    if months.is_empty() {
        return Ok(PerClient::new());
    }
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT f.client_id, count(*)
         FROM (SELECT UNNEST($1::text[]) AS client_id, UNNEST($2::timestamptz[]) AS begins_at,
               UNNEST($3::timestamptz[]) AS ends_at) AS m
         JOIN ticket_figures f
           ON f.client_id = m.client_id AND f.registered_at >= m.begins_at AND f.registered_at < m.ends_at
         GROUP BY f.client_id",
    )
    .bind(months.iter().map(|(client_id, _)| client_id.as_str()).collect::<Vec<_>>())
    .bind(months.iter().map(|(_, month)| bound(month.begins_at)).collect::<Vec<_>>())
    .bind(months.iter().map(|(_, month)| bound(month.ends_at)).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().collect())
}

/// Tickets of one priority, age and kind.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Open {
    /// Whose.
    pub client_id: String,
    /// 1 to 5.
    pub priority: Option<i16>,
    /// Which age; 0 is the youngest.
    pub age: i32,
    /// The `TicketKind`.
    pub kind: i16,
    /// How many.
    pub tickets: i64,
}

/// The backlog at an instant, by client, priority, age and kind. `ages` are seconds, growing.
///
/// # Errors
/// If the store failed.
pub async fn backlog(
    connection: &mut PgConnection,
    clients: &[ClientId],
    (at, kinds): (Timestamp, Kinds),
    ages: &[f64],
) -> Result<Vec<Open>, Error> {
    Ok(sqlx::query_as(
        "SELECT client_id, f.priority, f.kind,
                width_bucket(extract(epoch FROM $2::timestamptz - f.registered_at)::float8, $3::float8[]) AS age,
                count(*) AS tickets
         FROM open_interval o JOIN ticket_figures f USING (client_id, ticket_id)
         WHERE client_id = ANY($1) AND o.opened_at <= $2 AND (o.ended_at IS NULL OR o.ended_at > $2)
           AND f.registered_at <= $2 AND ($4::int = 0 OR ($4 >> f.kind::int) & 1 = 1)
         GROUP BY client_id, f.priority, age, f.kind ORDER BY client_id, f.priority NULLS LAST, age, f.kind",
    )
    .bind(words(clients))
    .bind(bound(at))
    .bind(ages)
    .bind(kinds.bits())
    .fetch_all(connection)
    .await?)
}
