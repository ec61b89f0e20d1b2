//! Calendar months, and what a ticket costs in them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// A month of some year: `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Month {
    year: i16,
    month: i8,
}

/// The text is not a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a month looks like 2026-11")]
pub struct NotAMonth;

impl std::str::FromStr for Month {
    type Err = NotAMonth;

    fn from_str(text: &str) -> Result<Self, NotAMonth> {
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        let (year, month) = text.split_once('-').ok_or(NotAMonth)?;
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(NotAMonth);
        }
        let (year, month) = (year.parse().map_err(|_| NotAMonth)?, month.parse().map_err(|_| NotAMonth)?);
        if year < 1 || !(1..=12).contains(&month) { Err(NotAMonth) } else { Ok(Self { year, month }) }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Month {
    /// The month in which an instant lies.
    pub fn of(at: Timestamp, time_zone: &TimeZone) -> Self {
        let local = time_zone.to_datetime(at);
        Self { year: local.year(), month: local.month() }
    }

    /// The one after.
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self { year: self.year.saturating_add(1), month: 1 }
        } else {
            Self { month: self.month + 1, ..self }
        }
    }

    /// Its first instant; `None` at the end of all calendars.
    pub fn begins_at(self, time_zone: &TimeZone) -> Option<Timestamp> {
        let first = Date::new(self.year, self.month, 1).ok()?;
        Some(first.to_zoned(time_zone.clone()).ok()?.timestamp())
    }

    /// `[first instant, first instant of the next)`.
    pub fn bounds(self, time_zone: &TimeZone) -> Option<(Timestamp, Timestamp)> {
        Some((self.begins_at(time_zone)?, self.next().begins_at(time_zone)?))
    }
}

/// All months from the first's to the last's instant, each with its first instant, in order.
pub fn spanning(first: Timestamp, last: Timestamp, time_zone: &TimeZone) -> Vec<(Month, Timestamp)> {
    let end = Month::of(last, time_zone);
    let months = std::iter::successors(Some(Month::of(first, time_zone)), |month| Some(month.next()));
    months.take_while(|month| *month <= end).filter_map(|month| Some((month, month.begins_at(time_zone)?))).collect()
}

/// A client's operating costs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Costs {
    /// ISO 4217; empty where there are no months.
    pub currency: String,
    /// Cents per month.
    pub months: BTreeMap<Month, u64>,
}

impl Costs {
    /// The months with costs that a period touches.
    pub fn months_in(&self, from: Timestamp, until: Timestamp, time_zone: &TimeZone) -> Vec<CostMonth> {
        self.months
            .iter()
            .filter_map(|(month, cents)| {
                let (begins_at, ends_at) = month.bounds(time_zone)?;
                (begins_at < until && from < ends_at).then_some(CostMonth { begins_at, ends_at, cents: *cents })
            })
            .collect()
    }
}

/// A month with its costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CostMonth {
    /// Its first instant.
    pub begins_at: Timestamp,
    /// The next one's first instant.
    pub ends_at: Timestamp,
    /// What it cost.
    pub cents: u64,
}

/// Costs ÷ tickets, rounded half up to the cent; `None` without tickets.
pub fn cost_per_ticket(cents: u64, tickets: u64) -> Option<u64> {
    let doubled = u128::from(cents) * 2 + u128::from(tickets);
    let rounded = doubled.checked_div(u128::from(tickets) * 2)?;
    u64::try_from(rounded).ok()
}
