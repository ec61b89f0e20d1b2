//! Requests, with everything that is wrong with them said at once.

use std::collections::BTreeMap;

use chassis::status::Violation;
use contracts::ClientId;
use contracts::reporting::v1 as proto;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::instant;
use crate::domain::months::{Costs, Month};
use crate::store::kpis::{Kinds, Kpi};

/// Most clients that one request names.
pub const MAX_CLIENTS: usize = 1_000;
/// Longest name of a time zone, in bytes.
pub const MAX_TIME_ZONE: usize = 64;
/// Most months of costs: a hundred years.
pub const MAX_MONTHS: usize = 1_200;
/// Most cents of one month: ten thousand million in the currency's unit.
pub const MAX_CENTS: u64 = 1_000_000_000_000;
/// Longest name of a service, in characters.
pub const MAX_SERVICE: usize = super::facts::MAX_WORD;
/// Tickets on a page if the caller does not say.
pub const PAGE: u32 = 50;
/// Most tickets on a page.
pub const MAX_PAGE: u32 = 1_000;

/// `[from, until)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its first instant.
    pub from: Timestamp,
    /// The first after it.
    pub until: Timestamp,
}

/// The named clients.
///
/// # Errors
/// All violations.
pub fn client_ids(named: &[String]) -> Result<Vec<ClientId>, Vec<Violation>> {
    if named.len() > MAX_CLIENTS {
        return Err(vec![Violation::new("client_ids", format!("must be at most {MAX_CLIENTS}"))]);
    }
    let mut violations = vec![];
    let mut clients = vec![];
    for (nth, text) in named.iter().enumerate() {
        match ClientId::new(text) {
            Ok(client_id) => clients.push(client_id),
            Err(why) => violations.push(Violation::new(format!("client_ids[{nth}]"), format!("is malformed: {why}"))),
        }
    }
    clients.sort_unstable();
    clients.dedup();
    if violations.is_empty() { Ok(clients) } else { Err(violations) }
}

/// One client.
///
/// # Errors
/// What is wrong with it.
pub fn client_id(field: &str, text: &str) -> Result<ClientId, Violation> {
    ClientId::new(text).map_err(|why| Violation::new(field, format!("is malformed: {why}")))
}

/// The period.
///
/// # Errors
/// What is wrong with it.
pub fn period(period: Option<&proto::Period>) -> Result<Period, Violation> {
    let period = period.ok_or_else(|| Violation::new("period", "is needed: from and until"))?;
    let at = |field: &str, at: Option<&prost_types::Timestamp>| {
        instant(at).ok_or_else(|| Violation::new(field, "must be an instant of the years 1 to 9998"))
    };
    let from = at("period.from", period.from.as_ref())?;
    let until = at("period.until", period.until.as_ref())?;
    if from < until {
        Ok(Period { from, until })
    } else {
        Err(Violation::new("period.until", "must be after period.from"))
    }
}

/// The kinds that count; none are named: all.
///
/// # Errors
/// What is wrong with them.
pub fn kinds(named: &[i32]) -> Result<Kinds, Violation> {
    let is_known = |kind: &&i32| (1..=5).contains(*kind);
    match named.iter().find(|kind| !is_known(kind)) {
        Some(_) => Err(Violation::new("kinds", "must be kinds of tickets")),
        None => Ok(Kinds::of(named.iter().copied())),
    }
}

/// The service that the tickets of a KPI are asked for; empty: all.
///
/// # Errors
/// What is wrong with it.
pub fn service(service: &str, kpi: Option<Kpi>) -> Result<String, Violation> {
    if !service.is_empty() && kpi.is_some_and(|kpi| kpi != Kpi::MajorIncidents) {
        return Err(Violation::new("service", "is for major incidents only; leave it out"));
    }
    if service.chars().count() > MAX_SERVICE || service.contains('\0') {
        return Err(Violation::new("service", format!("must be a text of at most {MAX_SERVICE} characters")));
    }
    Ok(service.to_owned())
}

/// An instant, if one is named.
///
/// # Errors
/// What is wrong with it.
pub fn optional_instant(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Option<Timestamp>, Violation> {
    match at {
        None => Ok(None),
        at => instant(at).map(Some).ok_or_else(|| Violation::new(field, "must be an instant of the years 1 to 9998")),
    }
}

/// The time zone; UTC where none is named.
///
/// # Errors
/// What is wrong with it.
pub fn time_zone(name: &str) -> Result<TimeZone, Violation> {
    if name.is_empty() {
        return Ok(TimeZone::UTC);
    }
    if name.len() > MAX_TIME_ZONE {
        return Err(Violation::new("time_zone", format!("must be at most {MAX_TIME_ZONE} bytes")));
    }
    TimeZone::get(name).map_err(|_| Violation::new("time_zone", "must be an IANA time zone such as Europe/Lisbon"))
}

/// The costs of a client.
///
/// # Errors
/// All violations.
pub fn costs(costs: Option<&proto::Costs>) -> Result<(ClientId, Costs), Vec<Violation>> {
    let Some(costs) = costs else { return Err(vec![Violation::new("costs", "are needed")]) };
    if costs.months.len() > MAX_MONTHS {
        return Err(vec![Violation::new("costs.months", format!("must be at most {MAX_MONTHS}"))]);
    }
    let mut violations = vec![];
    let client = client_id("costs.client_id", &costs.client_id).map_err(|one| violations.push(one)).ok();
    let is_currency = costs.currency.len() == 3 && costs.currency.bytes().all(|byte| byte.is_ascii_uppercase());
    let says_nothing = costs.months.is_empty() && costs.currency.is_empty();
    if !(is_currency || says_nothing) {
        violations.push(Violation::new("costs.currency", "must be three letters of ISO 4217 such as NOK"));
    }
    let mut months = BTreeMap::new();
    for (nth, one) in costs.months.iter().enumerate() {
        if one.cents > MAX_CENTS {
            violations
                .push(Violation::new(format!("costs.months[{nth}].cents"), format!("must be at most {MAX_CENTS}")));
        }
        match one.month.parse::<Month>() {
            Err(why) => {
                violations.push(Violation::new(format!("costs.months[{nth}].month"), format!("is wrong: {why}")))
            }
            Ok(month) => {
                if months.insert(month, one.cents).is_some() {
                    violations.push(Violation::new(format!("costs.months[{nth}].month"), "is there twice"));
                }
            }
        }
    }
    match client {
        Some(client) if violations.is_empty() => Ok((client, Costs { currency: costs.currency.clone(), months })),
        _ => Err(violations),
    }
}
