//! Reports as callers see them.

use std::collections::BTreeMap;

use contracts::desk::v1::{Priority, TicketKind};
use contracts::reporting::v1 as proto;
use contracts::{ClientId, timestamp};
use jiff::SignedDuration;

use super::impact;
use crate::domain::Metric;
use crate::domain::months::Costs;
use crate::handle::kpis::{Behind, Kpis};
use crate::handle::rebuild::Progress;
use crate::store::breakdown::Open;
use crate::store::kpis::{Kpi, Window};

/// Where the ages of the backlog begin, in seconds; before the first is the youngest.
pub const AGES: [f64; 4] = [86_400.0, 259_200.0, 604_800.0, 2_592_000.0];
/// The ages' names, the youngest first.
pub const AGE_NAMES: [&str; 5] = ["< 1 day", "1–3 days", "3–7 days", "7–30 days", "≥ 30 days"];

/// One client's KPIs.
pub fn client_kpis(client_id: &ClientId, window: Window, time_zone: &str, kpis: &Kpis) -> proto::ClientKpis {
    let client = client_id.as_str();
    let number = |kpi: Kpi| {
        kpis.counts.get(&kpi).and_then(|counts| counts.get(client)).map_or(0, |tickets| tickets.unsigned_abs())
    };
    let (resolvings, reopenings) = kpis.transitions.get(client).copied().unwrap_or_default();
    let hits = kpis.hits.get(client).map_or(&[][..], Vec::as_slice);
    let (cost_per_ticket_cents, currency) = kpis.cost_per_ticket.get(client).cloned().unwrap_or_default();
    proto::ClientKpis {
        client_id: client.to_owned(),
        period: Some(proto::Period { from: Some(timestamp(window.from)), until: Some(timestamp(window.until)) }),
        registered: number(Kpi::Registered),
        resolved: number(Kpi::Resolved),
        closed: number(Kpi::Closed),
        cancelled: number(Kpi::Cancelled),
        reopened: number(Kpi::Reopened),
        backlog: number(Kpi::Backlog),
        time_to_resolve: kpis.times_to_resolve.get(client).map(|[mean, median, p90]| proto::TimeToResolve {
            mean_for: seconds(*mean),
            median_for: seconds(*median),
            p90_for: seconds(*p90),
        }),
        attainments: attainments(client, kpis),
        by_priority: counts(client, &kpis.by_priority, |priority| priority_word(*priority)),
        by_channel: counts(client, &kpis.by_channel, String::clone),
        by_month: counts(client, &kpis.by_month, ToString::to_string),
        cost_per_ticket_cents,
        currency,
        definitions: definitions(time_zone),
        by_waiting: counts(client, &kpis.by_waiting, |reason| reason_word(*reason).to_owned()),
        resolvings: resolvings.unsigned_abs(),
        reopenings: reopenings.unsigned_abs(),
        breached: number(Kpi::Breached),
        kinds: window.kinds.numbers(),
        by_kind: counts(client, &kpis.by_kind, |kind| kind_word(*kind)),
        change_success: Some(proto::ChangeSuccess {
            ended: number(Kpi::Changes),
            successful: number(Kpi::ChangesSuccessful),
            caused_incidents: number(Kpi::CausedIncidents),
        }),
        services: impact::services(window, hits),
        lost_work: Some(impact::lost_work(hits)),
        major_incidents: number(Kpi::MajorIncidents),
    }
}

/// Whether anything happened that is counted here.
pub fn says_anything(kpis: &proto::ClientKpis) -> bool {
    let counted = [kpis.registered, kpis.resolved, kpis.closed, kpis.cancelled, kpis.reopened, kpis.backlog];
    let transitions = [kpis.breached, kpis.resolvings, kpis.reopenings, kpis.major_incidents];
    let ended = kpis.attainments.iter().map(|one| one.ended).chain(kpis.change_success.map(|changes| changes.ended));
    counted.into_iter().chain(transitions).chain(ended).any(|tickets| tickets > 0)
}

fn kind_word(kind: i16) -> String {
    let word = TicketKind::try_from(i32::from(kind)).unwrap_or_default().as_str_name();
    match word.strip_prefix("TICKET_KIND_").unwrap_or(word) {
        "UNSPECIFIED" => "unknown".to_owned(),
        word => word.to_ascii_lowercase(),
    }
}

fn attainments(client: &str, kpis: &Kpis) -> Vec<proto::Attainment> {
    let of = |metric: Metric| {
        let told = kpis.attainments.iter().find(|(of, which, _, _)| of == client && *which == metric as i16);
        let (met, ended) = told.map_or((0, 0), |(_, _, met, ended)| (met.unsigned_abs(), ended.unsigned_abs()));
        // The numbers of domain::Metric are those of the proto's.
        proto::Attainment { metric: metric as i32, met, ended }
    };
    let is_shown = |metric: &Metric| Metric::USUAL.contains(metric) || of(*metric).ended > 0;
    Metric::ALL.into_iter().filter(is_shown).map(of).collect()
}

fn counts<T>(client: &str, rows: &[(String, T, i64)], name: impl Fn(&T) -> String) -> Vec<proto::Count> {
    let of_client = rows.iter().filter(|(of, _, _)| of == client);
    of_client.map(|(_, what, tickets)| proto::Count { name: name(what), tickets: tickets.unsigned_abs() }).collect()
}

/// To the microsecond, as the store measures.
fn seconds(length: f64) -> Option<prost_types::Duration> {
    let length = SignedDuration::try_from_secs_f64(length).ok()?;
    Some(contracts::duration(SignedDuration::from_micros(i64::try_from(length.as_micros()).ok()?)))
}

fn priority_word(priority: Option<i16>) -> String {
    priority.map_or_else(|| "untriaged".to_owned(), |priority| format!("P{priority}"))
}

fn reason_word(reason: i32) -> &'static str {
    match reason {
        1 => "requester",
        2 => "vendor",
        3 => "change",
        4 => "approval",
        5 => "parts",
        6 => "scheduled",
        _ => "unknown",
    }
}

/// One client's backlog.
pub fn client_backlog(client_id: &ClientId, rows: &[Open]) -> proto::ClientBacklog {
    let mut ages = [0_u64; AGE_NAMES.len()];
    let mut priorities: Vec<(Option<i16>, u64)> = vec![];
    let mut kinds: BTreeMap<i16, u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.client_id == client_id.as_str()) {
        let tickets = row.tickets.unsigned_abs();
        if let Some(count) = usize::try_from(row.age).ok().and_then(|age| ages.get_mut(age)) {
            *count += tickets;
        }
        *kinds.entry(row.kind).or_default() += tickets;
        match priorities.last_mut() {
            Some((known, count)) if *known == row.priority => *count += tickets,
            _ => priorities.push((row.priority, tickets)),
        }
    }
    let count = |name: &str, tickets: u64| proto::Count { name: name.to_owned(), tickets };
    proto::ClientBacklog {
        client_id: client_id.to_string(),
        open: ages.iter().sum(),
        by_age: AGE_NAMES.iter().zip(ages).map(|(name, tickets)| count(name, tickets)).collect(),
        by_priority: priorities
            .into_iter()
            .map(|(priority, tickets)| count(&priority_word(priority), tickets))
            .collect(),
        by_kind: kinds.into_iter().map(|(kind, tickets)| count(&kind_word(kind), tickets)).collect(),
    }
}

/// A ticket behind a KPI.
pub fn kpi_ticket(behind: &Behind) -> proto::KpiTicket {
    let row = &behind.row;
    proto::KpiTicket {
        ticket_id: row.ticket_id.to_string(),
        reference: row.reference.clone(),
        subject: row.subject.clone(),
        priority: row.priority.map_or(Priority::Unspecified.into(), i32::from),
        registered_at: Some(timestamp(row.registered_at.to_jiff())),
        resolved_at: row.resolved_at.map(|at| timestamp(at.to_jiff())),
        closed_at: row.closed_at.map(|at| timestamp(at.to_jiff())),
        kind: i32::from(row.kind),
        change: behind.change.map(|ended| proto::ChangeRecord {
            outcome: i32::from(ended.outcome),
            ended_at: Some(timestamp(ended.ended_at)),
            caused_incidents: ended.caused_incidents.unsigned_abs(),
        }),
        impairments: behind.hits.iter().map(impact::impairment).collect(),
    }
}

/// How far a rebuild has come.
pub fn progress(progress: Progress) -> proto::RebuildReportResponse {
    let Progress { facts, tickets_done, tickets_total, tickets_differed } = progress;
    proto::RebuildReportResponse { facts, tickets_done, tickets_total, tickets_differed }
}

/// A client's costs; empty where there are none.
pub fn costs(client_id: &ClientId, costs: Option<&Costs>) -> proto::Costs {
    let months = costs.map(|costs| &costs.months).into_iter().flatten();
    proto::Costs {
        client_id: client_id.to_string(),
        currency: costs.map(|costs| costs.currency.clone()).unwrap_or_default(),
        months: months.map(|(month, cents)| proto::MonthlyCost { month: month.to_string(), cents: *cents }).collect(),
    }
}

/// Which KPI's tickets are asked for.
pub fn kpi(asked: proto::Kpi) -> Option<Kpi> {
    match asked {
        proto::Kpi::Unspecified => None,
        proto::Kpi::Registered => Some(Kpi::Registered),
        proto::Kpi::Resolved => Some(Kpi::Resolved),
        proto::Kpi::Closed => Some(Kpi::Closed),
        proto::Kpi::Cancelled => Some(Kpi::Cancelled),
        proto::Kpi::Reopened => Some(Kpi::Reopened),
        proto::Kpi::Backlog => Some(Kpi::Backlog),
        proto::Kpi::Breached => Some(Kpi::Breached),
        proto::Kpi::Changes => Some(Kpi::Changes),
        proto::Kpi::ChangesSuccessful => Some(Kpi::ChangesSuccessful),
        proto::Kpi::CausedIncidents => Some(Kpi::CausedIncidents),
        proto::Kpi::MajorIncidents => Some(Kpi::MajorIncidents),
    }
}

/// Each figure's definition in words, by its name in the answer.
fn definitions(time_zone: &str) -> BTreeMap<String, String> {
    let months = format!("Tickets registered in the period, by month; months begin at midnight in {time_zone}.");
    let costs = format!(
        "Costs of the months that the period touches ÷ tickets registered in those whole months, rounded to the cent; \
         months without costs are left out on both sides. Months begin at midnight in {time_zone}."
    );
    [
        ("registered", "Tickets registered in the period."),
        (
            "resolved",
            "Tickets whose last resolving lies in the period and still holds: not reopened since. A ticket closed or \
             cancelled without having been resolved is not among them.",
        ),
        ("closed", "Tickets closed in the period and not reopened since."),
        ("cancelled", "Tickets cancelled in the period (withdrawn, duplicate, spam) and not revived since."),
        ("reopened", "Tickets with at least one reopening in the period."),
        (
            "backlog",
            "Tickets registered, and not resolved, cancelled or closed, at the end of the period, or now if that is \
             earlier.",
        ),
        (
            "time_to_resolve",
            "Registered → resolved in calendar time, waiting included, of the tickets under resolved: mean, median, \
             and the time within which nine of ten were resolved.",
        ),
        (
            "attainments",
            "Per promise: clocks met ÷ clocks ended in the period. Cancelled clocks and clocks that still run do not \
             count; a revoked breach counts as what it became.",
        ),
        ("breached", "Tickets with at least one clock that ended in the period and was broken."),
        ("by_priority", "Tickets registered in the period, by their present priority."),
        (
            "by_channel",
            "Tickets registered in the period, by how the contact came: the sender's contact_type where given, else \
             the channel.",
        ),
        ("by_month", months.as_str()),
        ("by_waiting", "Tickets registered in the period that ever waited, by what for; one may count several times."),
        ("resolvings", "Transitions into resolved in the period; a reopened ticket may have several."),
        ("reopenings", "Transitions out of resolved or closed into an open state in the period."),
        ("cost_per_ticket_cents", costs.as_str()),
        ("by_kind", "Tickets registered in the period, by their present kind."),
    ]
    .into_iter()
    .chain(impact::DEFINITIONS)
    .map(|(name, words)| (name.to_owned(), words.to_owned()))
    .collect()
}
