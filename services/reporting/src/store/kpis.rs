//! Reading the figures: each KPI's number and its tickets come from one and the same predicate.

use std::collections::BTreeMap;

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{bound, words};
use crate::domain::months::CostMonth;

/// A number that is the number of its tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kpi {
    /// Registered in the period.
    Registered,
    /// Resolved in the period, by the last resolving.
    Resolved,
    /// Closed in the period.
    Closed,
    /// Cancelled in the period.
    Cancelled,
    /// With a reopening in the period.
    Reopened,
    /// Open at an instant.
    Backlog,
    /// With a promise that ended in the period, broken.
    Breached,
}

impl Kpi {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Registered,
        Self::Resolved,
        Self::Closed,
        Self::Cancelled,
        Self::Reopened,
        Self::Backlog,
        Self::Breached,
    ];
}

/// What a figure is asked for: `[from, until)`, and the instant of the backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The period's first instant.
    pub from: Timestamp,
    /// The first after it.
    pub until: Timestamp,
    /// The period's end, or now if that is earlier.
    pub at: Timestamp,
}

struct Statements {
    count: &'static str,
    list: &'static str,
}

/// $1 clients, $2 from, $3 until, $4 the backlog's instant; the list also $5 and $6 the last row's key, $7 its length and
/// $8 the one client, by which its rows come from the index in order.
macro_rules! statements {
    ($predicate:literal) => {
        Statements {
            count: concat!(
                "SELECT f.client_id, count(*) FROM ticket_figures f
                 WHERE f.client_id = ANY($1) AND f.registered_at IS NOT NULL
                   AND ($2::timestamptz, $3::timestamptz, $4::timestamptz) IS NOT NULL AND ",
                $predicate,
                " GROUP BY f.client_id"
            ),
            list: concat!(
                "SELECT f.ticket_id, f.reference, f.subject, f.priority, f.registered_at, f.resolved_at, f.closed_at
                 FROM ticket_figures f
                 WHERE f.client_id = $8 AND f.registered_at IS NOT NULL
                   AND ($2::timestamptz, $3::timestamptz, $4::timestamptz) IS NOT NULL AND ",
                $predicate,
                " AND (f.registered_at, f.ticket_id) > ($5, $6)
                 ORDER BY f.registered_at, f.ticket_id LIMIT $7"
            ),
        }
    };
}

const fn statements(kpi: Kpi) -> Statements {
    match kpi {
        Kpi::Registered => statements!("f.registered_at >= $2 AND f.registered_at < $3"),
        Kpi::Resolved => statements!("f.resolved_at >= $2 AND f.resolved_at < $3"),
        Kpi::Closed => statements!("f.closed_at >= $2 AND f.closed_at < $3"),
        Kpi::Cancelled => statements!("f.cancelled_at >= $2 AND f.cancelled_at < $3"),
        Kpi::Reopened => statements!(
            "f.reopenings > 0 AND (f.client_id, f.ticket_id) IN (
                 SELECT o.client_id, o.ticket_id FROM open_interval o
                 WHERE o.client_id = ANY($1) AND o.opened_by = 2 AND o.opened_at >= $2 AND o.opened_at < $3)"
        ),
        Kpi::Backlog => statements!(
            "f.registered_at <= $4 AND (f.client_id, f.ticket_id) IN (
                 SELECT o.client_id, o.ticket_id FROM open_interval o
                 WHERE o.client_id = ANY($1) AND o.opened_at <= $4 AND (o.ended_at IS NULL OR o.ended_at > $4))"
        ),
        Kpi::Breached => statements!(
            "(f.client_id, f.ticket_id) IN (
                 SELECT c.client_id, c.ticket_id FROM clock_figures c
                 WHERE c.client_id = ANY($1) AND c.state = 4 AND c.ended_at >= $2 AND c.ended_at < $3)"
        ),
    }
}

/// Numbers per client.
pub type PerClient<T> = BTreeMap<String, T>;

/// How many tickets are behind a KPI, for the clients that have any.
///
/// # Errors
/// If the store failed.
pub async fn count(
    connection: &mut PgConnection,
    kpi: Kpi,
    clients: &[ClientId],
    window: Window,
) -> Result<PerClient<i64>, Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as(statements(kpi).count)
        .bind(words(clients))
        .bind(bound(window.from))
        .bind(bound(window.until))
        .bind(bound(window.at))
        .fetch_all(connection)
        .await?;
    Ok(rows.into_iter().collect())
}

/// A ticket behind a KPI.
#[derive(Debug, sqlx::FromRow)]
pub struct Row {
    /// Its id.
    pub ticket_id: Uuid,
    /// `ACME-1042`
    pub reference: String,
    /// One line.
    pub subject: String,
    /// 1 to 5.
    pub priority: Option<i16>,
    /// When it began.
    pub registered_at: jiff_sqlx::Timestamp,
    /// By the last resolving, while it holds.
    pub resolved_at: Option<jiff_sqlx::Timestamp>,
    /// While it holds.
    pub closed_at: Option<jiff_sqlx::Timestamp>,
}

/// The tickets behind a KPI after `after`, by registration.
///
/// # Errors
/// If the store failed.
pub async fn list(
    connection: &mut PgConnection,
    kpi: Kpi,
    client_id: &ClientId,
    window: Window,
    after: Option<(Timestamp, Uuid)>,
    most: i64,
) -> Result<Vec<Row>, Error> {
    // Nothing is registered before the year 1.
    let (registered_at, ticket_id) = after.unwrap_or((Timestamp::constant(-62_167_219_200, 0), Uuid::nil()));
    Ok(sqlx::query_as(statements(kpi).list)
        .bind(vec![client_id.as_str()])
        .bind(bound(window.from))
        .bind(bound(window.until))
        .bind(bound(window.at))
        .bind(bound(registered_at))
        .bind(ticket_id)
        .bind(most)
        .bind(client_id.as_str())
        .fetch_all(connection)
        .await?)
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
    let rows: Vec<(String, f64, f64, f64)> = sqlx::query_as(
        "SELECT client_id, avg(took), percentile_cont(0.5) WITHIN GROUP (ORDER BY took),
                percentile_cont(0.9) WITHIN GROUP (ORDER BY took)
         FROM (SELECT client_id, greatest(0, extract(epoch FROM resolved_at - registered_at))::float8 AS took
               FROM ticket_figures
               WHERE client_id = ANY($1) AND registered_at IS NOT NULL AND resolved_at >= $2 AND resolved_at < $3) AS t
         GROUP BY client_id",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    Ok(sqlx::query_as(
        "SELECT client_id, c.metric, count(*) FILTER (WHERE c.state = 3), count(*)
         FROM clock_figures c JOIN ticket_figures f USING (client_id, ticket_id)
         WHERE client_id = ANY($1) AND f.registered_at IS NOT NULL
           AND c.state IN (3, 4) AND c.ended_at >= $2 AND c.ended_at < $3
         GROUP BY client_id, c.metric",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    let rows: Vec<(String, i64, i64)> = sqlx::query_as(
        "SELECT client_id, count(*) FILTER (WHERE ended_by = 1 AND ended_at >= $2 AND ended_at < $3),
                count(*) FILTER (WHERE opened_by = 2 AND opened_at >= $2 AND opened_at < $3)
         FROM open_interval WHERE client_id = ANY($1) GROUP BY client_id",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    Ok(sqlx::query_as(
        "SELECT client_id, priority, count(*) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
         GROUP BY client_id, priority ORDER BY client_id, priority NULLS LAST",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    Ok(sqlx::query_as(
        "SELECT client_id, contact, count(*) AS tickets FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
         GROUP BY client_id, contact ORDER BY client_id, tickets DESC, contact",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    Ok(sqlx::query_as(
        "SELECT client_id, reason, count(*) FROM ticket_figures CROSS JOIN generate_series(0, 6) AS reason
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
           AND waited_for <> 0 AND waited_for::int & (1 << reason) <> 0
         GROUP BY client_id, reason ORDER BY client_id, reason",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    let (first, last): (Option<jiff_sqlx::Timestamp>, Option<jiff_sqlx::Timestamp>) = sqlx::query_as(
        "SELECT min(registered_at), max(registered_at) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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
    Ok(sqlx::query_as(
        "SELECT client_id, width_bucket(registered_at, $4::timestamptz[]) AS month, count(*) FROM ticket_figures
         WHERE client_id = ANY($1) AND registered_at >= $2 AND registered_at < $3
         GROUP BY client_id, month ORDER BY client_id, month",
    )
    .bind(words(clients))
    .bind(bound(window.from))
    .bind(bound(window.until))
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

/// The backlog at an instant: client, priority, which age (0 is the youngest), tickets. `ages` are seconds, growing.
///
/// # Errors
/// If the store failed.
pub async fn backlog(
    connection: &mut PgConnection,
    clients: &[ClientId],
    at: Timestamp,
    ages: &[f64],
) -> Result<Vec<(String, Option<i16>, i32, i64)>, Error> {
    Ok(sqlx::query_as(
        "SELECT client_id, f.priority,
                width_bucket(extract(epoch FROM $2::timestamptz - f.registered_at)::float8, $3::float8[]) AS age,
                count(*)
         FROM open_interval o JOIN ticket_figures f USING (client_id, ticket_id)
         WHERE client_id = ANY($1) AND o.opened_at <= $2 AND (o.ended_at IS NULL OR o.ended_at > $2)
           AND f.registered_at <= $2
         GROUP BY client_id, f.priority, age ORDER BY client_id, f.priority NULLS LAST, age",
    )
    .bind(words(clients))
    .bind(bound(at))
    .bind(ages)
    .fetch_all(connection)
    .await?)
}
