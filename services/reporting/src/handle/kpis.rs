//! Reading reports: everything in one answer comes from one state of the store.

use std::collections::BTreeMap;

use chassis::store::Store;
use chassis::{Error, Scope};
use contracts::ClientId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::impact::Hit;
use crate::domain::months::{self, CostMonth, Month};
use crate::store;
use crate::store::breakdown as read;
use crate::store::kpis::{self, Kinds, Kpi, PerClient, Row, Window};

/// Everything that the KPIs of some clients are told from.
#[derive(Debug, Default)]
pub struct Kpis {
    /// The numbers with tickets behind them.
    pub counts: BTreeMap<Kpi, PerClient<i64>>,
    /// Mean, median, p90 in seconds.
    pub times_to_resolve: PerClient<[f64; 3]>,
    /// Client, metric, met, ended.
    pub attainments: Vec<(String, i16, i64, i64)>,
    /// Into resolved; out of resolved or closed.
    pub transitions: PerClient<(i64, i64)>,
    /// Client, priority, tickets.
    pub by_priority: Vec<(String, Option<i16>, i64)>,
    /// Client, word, tickets.
    pub by_channel: Vec<(String, String, i64)>,
    /// Client, month, tickets.
    pub by_month: Vec<(String, Month, i64)>,
    /// Client, `WaitingReason`, tickets.
    pub by_waiting: Vec<(String, i32, i64)>,
    /// Client, `TicketKind`, tickets.
    pub by_kind: Vec<(String, i16, i64)>,
    /// The parts of major incidents that lie in the period.
    pub hits: PerClient<Vec<Hit>>,
    /// Cents, and the currency; nothing where not all kinds count.
    pub cost_per_ticket: PerClient<(Option<u64>, String)>,
}

/// The clients that a request is for: those named, which the scope covers, or all of the scope.
///
/// # Errors
/// If the store failed.
pub async fn clients_of(of: &Store, scope: &Scope, named: Vec<ClientId>) -> Result<Vec<ClientId>, Error> {
    match scope {
        _ if !named.is_empty() => Ok(named),
        Scope::Clients(clients) => Ok(clients.iter().cloned().collect()),
        Scope::Every => of.read(scope, |connection| Box::pin(async move { store::clients(connection).await })).await,
    }
}

/// The KPIs of these clients, one for each of the windows; all from one state of the store.
///
/// # Errors
/// If the store failed.
pub async fn kpis(
    of: &Store,
    clients: Vec<ClientId>,
    windows: Vec<Window>,
    time_zone: TimeZone,
) -> Result<Vec<Kpis>, Error> {
    let scope = Scope::of_all(&clients);
    of.read(&scope, move |connection| {
        Box::pin(async move {
            store::one_snapshot(connection).await?;
            let mut told = Vec::with_capacity(windows.len());
            for window in windows {
                told.push(kpis_of(connection, &clients, window, &time_zone).await?);
            }
            Ok(told)
        })
    })
    .await
}

async fn kpis_of(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
    time_zone: &TimeZone,
) -> Result<Kpis, Error> {
    let mut kpis = Kpis::default();
    for kpi in Kpi::ALL {
        kpis.counts.insert(kpi, kpis::count(connection, kpi, clients, window).await?);
    }
    kpis.times_to_resolve = read::times_to_resolve(connection, clients, window).await?;
    kpis.attainments = read::attainments(connection, clients, window).await?;
    kpis.transitions = read::transitions(connection, clients, window).await?;
    kpis.by_priority = read::by_priority(connection, clients, window).await?;
    kpis.by_channel = read::by_channel(connection, clients, window).await?;
    kpis.by_waiting = read::by_waiting(connection, clients, window).await?;
    kpis.by_kind = read::by_kind(connection, clients, window).await?;
    kpis.by_month = by_month(connection, clients, window, time_zone).await?;
    kpis.hits = store::impact::hits(connection, clients, window, None).await?;
    // What a desk costs is not booked by kind.
    if window.kinds.is_all() {
        kpis.cost_per_ticket = cost_per_ticket(connection, clients, window, time_zone).await?;
    }
    Ok(kpis)
}

/// A ticket behind a KPI, with what its part in the figure comes from.
#[derive(Debug)]
pub struct Behind {
    /// The ticket.
    pub row: Row,
    /// For changes: how it ended.
    pub change: Option<store::impact::Ended>,
    /// For major incidents: whom they hit, in the period.
    pub hits: Vec<Hit>,
}

/// The tickets behind a KPI after `after`.
///
/// # Errors
/// If the store failed.
pub async fn behind(
    connection: &mut PgConnection,
    (kpi, service): (Kpi, &str),
    client_id: &ClientId,
    window: Window,
    wanted: (Option<(Timestamp, Uuid)>, i64, &str),
) -> Result<Vec<Behind>, Error> {
    let rows = kpis::list(connection, (kpi, service), client_id, window, wanted).await?;
    let tickets: Vec<Uuid> = rows.iter().map(|row| row.ticket_id).collect();
    let changes = match kpi {
        Kpi::Changes | Kpi::ChangesSuccessful => store::impact::changes(connection, client_id, &tickets).await?,
        _ => BTreeMap::new(),
    };
    let mut hits: Vec<Hit> = match kpi {
        Kpi::MajorIncidents => {
            let mut all =
                store::impact::hits(connection, std::slice::from_ref(client_id), window, Some(&tickets)).await?;
            all.remove(client_id.as_str()).unwrap_or_default()
        }
        _ => vec![],
    };
    hits.retain(|hit| service.is_empty() || hit.services.contains(service));
    let told = rows.into_iter().map(|row| Behind {
        change: changes.get(&row.ticket_id).copied(),
        hits: hits.iter().filter(|hit| hit.ticket_id == row.ticket_id).cloned().collect(),
        row,
    });
    Ok(told.collect())
}

/// The windows that a request is for: its own, or one for each kind of its own.
pub fn by_kind(window: Window, is_by_kind: bool) -> Vec<Window> {
    if !is_by_kind {
        return vec![window];
    }
    let numbers = if window.kinds.is_all() { (0..=5).collect() } else { window.kinds.numbers() };
    numbers.into_iter().map(|kind| Window { kinds: Kinds::of([kind]), ..window }).collect()
}

async fn by_month(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
    time_zone: &TimeZone,
) -> Result<Vec<(String, Month, i64)>, Error> {
    let Some((first, last)) = read::registration_span(connection, clients, window).await? else { return Ok(vec![]) };
    let (months, begins): (Vec<Month>, Vec<Timestamp>) = months::spanning(first, last, time_zone).into_iter().unzip();
    let rows = read::by_month(connection, clients, window, &begins).await?;
    rows.into_iter()
        .map(|(client_id, nth, tickets)| {
            let month = usize::try_from(nth).ok().and_then(|nth| months.get(nth.checked_sub(1)?));
            let month = month.ok_or_else(|| Error::internal("a ticket lies in no month of its span"))?;
            Ok((client_id, *month, tickets))
        })
        .collect()
}

async fn cost_per_ticket(
    connection: &mut PgConnection,
    clients: &[ClientId],
    window: Window,
    time_zone: &TimeZone,
) -> Result<PerClient<(Option<u64>, String)>, Error> {
    let costs = store::costs::load(connection, clients).await?;
    let months: Vec<(String, CostMonth)> = costs
        .iter()
        .flat_map(|(client_id, costs)| {
            let months = costs.months_in(window.from, window.until, time_zone);
            months.into_iter().map(|month| (client_id.clone(), month))
        })
        .collect();
    let tickets = read::registered_in(connection, &months).await?;
    let mut cents: PerClient<u64> = PerClient::new();
    for (client_id, month) in &months {
        *cents.entry(client_id.clone()).or_default() += month.cents;
    }
    let told = costs.into_iter().map(|(client_id, costs)| {
        let tickets = tickets.get(&client_id).map_or(0, |tickets| tickets.unsigned_abs());
        let each = cents.get(&client_id).and_then(|cents| months::cost_per_ticket(*cents, tickets));
        (client_id, (each, costs.currency))
    });
    Ok(told.collect())
}
