//! Reading the figures: each KPI's number and its tickets come from one and the same predicate.

use std::collections::BTreeMap;

use chassis::Error;
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{bound, words};

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
    /// Changes that ended in the period.
    Changes,
    /// Of those: successful, without an incident that one of them caused.
    ChangesSuccessful,
    /// Incidents that one of those changes caused.
    CausedIncidents,
    /// Major incidents that hit somebody in the period.
    MajorIncidents,
}

impl Kpi {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Registered,
        Self::Resolved,
        Self::Closed,
        Self::Cancelled,
        Self::Reopened,
        Self::Backlog,
        Self::Breached,
        Self::Changes,
        Self::ChangesSuccessful,
        Self::CausedIncidents,
        Self::MajorIncidents,
    ];
}

/// Which kinds of tickets count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kinds(i32);

impl Kinds {
    /// These `TicketKind`s; of none: all, also tickets without a kind.
    pub fn of(kinds: impl IntoIterator<Item = i32>) -> Self {
        Self(kinds.into_iter().filter(|kind| (0..=5).contains(kind)).fold(0, |bits, kind| bits | 1 << kind))
    }

    /// Whether it is all of them.
    pub fn is_all(self) -> bool {
        self.0 == 0
    }

    /// Bit n: the `TicketKind` n; 0: all.
    pub fn bits(self) -> i32 {
        self.0
    }

    /// The `TicketKind`s; none: all.
    pub fn numbers(self) -> Vec<i32> {
        (0..=5).filter(|kind| self.0 >> kind & 1 == 1).collect()
    }
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
    /// Tickets of these kinds only.
    pub kinds: Kinds,
}

struct Statements {
    count: &'static str,
    list: &'static str,
}

/// $1 clients, $2 from, $3 until, $4 the backlog's instant, $5 kinds, $6 a service; the list also $7 and $8 the last row's
/// key, $9 its length, $10 the one client, by which its rows come from the index in order, and $11 the reader.
macro_rules! statements {
    ($predicate:literal) => {
        Statements {
            count: concat!(
                "SELECT f.client_id, count(*) FROM ticket_figures f
                 WHERE f.client_id = ANY($1) AND f.registered_at IS NOT NULL
                   AND ($2::timestamptz, $3::timestamptz, $4::timestamptz, $6::text) IS NOT NULL
                   AND ($5::int = 0 OR ($5 >> f.kind::int) & 1 = 1) AND ",
                $predicate,
                " GROUP BY f.client_id"
            ),
            list: concat!(
                "SELECT f.ticket_id, f.reference, f.subject, f.priority, f.registered_at, f.resolved_at, f.closed_at,
                        f.kind
                 FROM ticket_figures f
                 WHERE f.client_id = $10 AND f.registered_at IS NOT NULL
                   AND ($2::timestamptz, $3::timestamptz, $4::timestamptz, $6::text) IS NOT NULL
                   AND ($5::int = 0 OR ($5 >> f.kind::int) & 1 = 1) AND ",
                $predicate,
                " AND (f.registered_at, f.ticket_id) > ($7, $8) AND may_read(f.client_id, f.ticket_id, $11)
                 ORDER BY f.registered_at, f.ticket_id LIMIT $9"
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
        Kpi::Changes => statements!(
            "(f.client_id, f.ticket_id) IN (
                 SELECT c.client_id, c.ticket_id FROM change_figures c
                 WHERE c.client_id = ANY($1) AND c.ended_at >= $2 AND c.ended_at < $3)"
        ),
        Kpi::ChangesSuccessful => statements!(
            "(f.client_id, f.ticket_id) IN (
                 SELECT c.client_id, c.ticket_id FROM change_figures c
                 WHERE c.client_id = ANY($1) AND c.ended_at >= $2 AND c.ended_at < $3 AND c.outcome = 1
                   AND NOT EXISTS (
                       SELECT FROM caused_by b
                       JOIN ticket_figures i ON i.client_id = b.client_id AND i.ticket_id = b.ticket_id
                       WHERE b.client_id = c.client_id AND b.cause_ticket_id = c.ticket_id AND i.kind = 1
                         AND b.linked_at < c.ended_at + interval '168 hours'))"
        ),
        Kpi::CausedIncidents => statements!(
            "f.kind = 1 AND (f.client_id, f.ticket_id) IN (
                 SELECT b.client_id, b.ticket_id FROM change_figures c
                 JOIN caused_by b ON b.client_id = c.client_id AND b.cause_ticket_id = c.ticket_id
                 WHERE c.client_id = ANY($1) AND c.ended_at >= $2 AND c.ended_at < $3
                   AND b.linked_at < c.ended_at + interval '168 hours')"
        ),
        Kpi::MajorIncidents => statements!(
            "f.cancelled_at IS NULL AND EXISTS (
                 SELECT FROM impairment m
                 WHERE m.client_id = f.client_id AND m.ticket_id = f.ticket_id AND m.impaired_from < $4
                   AND coalesce(m.impaired_until, f.resolved_at, f.closed_at, 'infinity') > $2
                   AND ($6 = '' OR $6 = ANY(m.services)))"
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
        .bind(window.kinds.bits())
        .bind("")
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
    /// The `TicketKind`.
    pub kind: i16,
}

/// The tickets behind a KPI after a place, by registration, but for confidential ones that are not for the reader's
/// eyes. A service chooses among major incidents only; empty: all.
///
/// # Errors
/// If the store failed.
pub async fn list(
    connection: &mut PgConnection,
    (kpi, service): (Kpi, &str),
    client_id: &ClientId,
    window: Window,
    (after, most, reader): (Option<(Timestamp, Uuid)>, i64, &str),
) -> Result<Vec<Row>, Error> {
    // Nothing is registered before the year 1.
    let (registered_at, ticket_id) = after.unwrap_or((Timestamp::constant(-62_167_219_200, 0), Uuid::nil()));
    Ok(sqlx::query_as(statements(kpi).list)
        .bind(vec![client_id.as_str()])
        .bind(bound(window.from))
        .bind(bound(window.until))
        .bind(bound(window.at))
        .bind(window.kinds.bits())
        .bind(service)
        .bind(bound(registered_at))
        .bind(ticket_id)
        .bind(most)
        .bind(client_id.as_str())
        .bind(reader)
        .fetch_all(connection)
        .await?)
}
