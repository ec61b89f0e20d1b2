//! Reading reports: everything in one answer comes from one state of the store.

use std::collections::BTreeMap;

use chassis::store::Store;
use chassis::{Error, Scope};
use contracts::ClientId;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::PgConnection;

use crate::domain::months::{self, CostMonth, Month};
use crate::store;
use crate::store::kpis::{self as read, Kpi, PerClient, Window};

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
    /// Cents, and the currency.
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

/// The KPIs of these clients.
///
/// # Errors
/// If the store failed.
pub async fn kpis(of: &Store, clients: Vec<ClientId>, window: Window, time_zone: TimeZone) -> Result<Kpis, Error> {
    let scope = Scope::of_all(&clients);
    of.read(&scope, move |connection| {
        Box::pin(async move {
            store::one_snapshot(connection).await?;
            let mut kpis = Kpis::default();
            for kpi in Kpi::ALL {
                kpis.counts.insert(kpi, read::count(connection, kpi, &clients, window).await?);
            }
            kpis.times_to_resolve = read::times_to_resolve(connection, &clients, window).await?;
            kpis.attainments = read::attainments(connection, &clients, window).await?;
            kpis.transitions = read::transitions(connection, &clients, window).await?;
            kpis.by_priority = read::by_priority(connection, &clients, window).await?;
            kpis.by_channel = read::by_channel(connection, &clients, window).await?;
            kpis.by_waiting = read::by_waiting(connection, &clients, window).await?;
            kpis.by_month = by_month(connection, &clients, window, &time_zone).await?;
            kpis.cost_per_ticket = cost_per_ticket(connection, &clients, window, &time_zone).await?;
            Ok(kpis)
        })
    })
    .await
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
