//! Hours of a day, a week, a calendar; always by the local wall clock.
//!
//! **An instant is inside if and only if its local wall-clock time lies in a span of its local date.** So a repeated
//! hour in autumn counts twice and a skipped one counts nothing, as for promises. A span of a shift may end on the next
//! day: then it lies in the span of the date before as well.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::TimeZone;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// From a minute of the day until another; if that is not later, until it on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first minute inside.
    pub from: u16,
    /// The first minute outside; 1440 for `24:00`.
    pub until: u16,
}

impl Span {
    /// Reads `08:00-16:00` or `22:00-06:00`; `None` if it is none.
    pub fn read(text: &str) -> Option<Self> {
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.split_once(':')?;
            let number = |digits: &str| {
                let well_formed = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
                if well_formed { digits.parse::<u16>().ok() } else { None }
            };
            let (hour, minute) = (number(hour)?, number(minute)?);
            (minute < 60 && hour * 60 + minute <= DAY).then_some(hour * 60 + minute)
        };
        let (from, until) = text.split_once('-')?;
        let (from, until) = (minute(from)?, minute(until)?);
        (from < DAY && from != until).then_some(Self { from, until })
    }

    /// Whether it ends on the next day.
    pub fn crosses_midnight(self) -> bool {
        self.until < self.from
    }

    fn begun_on_the_day(self, minute: u16) -> bool {
        self.from <= minute && (self.crosses_midnight() || minute < self.until)
    }

    fn begun_the_day_before(self, minute: u16) -> bool {
        self.crosses_midnight() && minute < self.until
    }

    /// When it begins and when it ends if it begins on this date.
    pub fn edges(self, date: Date) -> Option<(DateTime, DateTime)> {
        let last = if self.crosses_midnight() || self.until == DAY { date.tomorrow().ok()? } else { date };
        Some((at_minute(date, self.from)?, at_minute(last, self.until % DAY)?))
    }
}

fn at_minute(date: Date, minute: u16) -> Option<DateTime> {
    let (hour, minute) = (i8::try_from(minute / 60).ok()?, i8::try_from(minute % 60).ok()?);
    Some(date.to_datetime(jiff::civil::Time::new(hour, minute, 0, 0).ok()?))
}

/// The spans of a week; Monday first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weekly([Vec<Span>; 7]);

impl Weekly {
    /// The spans of a day of the week.
    pub fn of(&self, day: Weekday) -> &[Span] {
        self.0.get(usize::from(day.to_monday_zero_offset().unsigned_abs())).map_or(&[], Vec::as_slice)
    }

    /// Adds spans to a day of the week.
    pub fn add(&mut self, day: Weekday, spans: impl IntoIterator<Item = Span>) {
        if let Some(day) = self.0.get_mut(usize::from(day.to_monday_zero_offset().unsigned_abs())) {
            day.extend(spans);
        }
    }

    /// Whether it has none at all.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Vec::is_empty)
    }
}

/// The day of the week by the word that files use: `mon` … `sun`.
pub fn weekday(word: &str) -> Option<Weekday> {
    let at = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"].iter().position(|day| *day == word)?;
    Weekday::from_monday_zero_offset(i8::try_from(at).ok()?).ok()
}

/// Whether a local time lies in the spans that each date has.
pub(super) fn holds<'a, I>(local: DateTime, of: impl Fn(Date) -> I) -> bool
where
    I: IntoIterator<Item = &'a Span>,
{
    let time = local.time();
    let minute = u16::from(time.hour().unsigned_abs()) * 60 + u16::from(time.minute().unsigned_abs());
    let today = local.date();
    of(today).into_iter().any(|span| span.begun_on_the_day(minute))
        || today.yesterday().is_ok_and(|date| of(date).into_iter().any(|span| span.begun_the_day_before(minute)))
}

/// Open hours, as contracts have them.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    /// Whose wall clock it is.
    pub zone: TimeZone,
    /// By the day of the week.
    pub weekly: Weekly,
    /// Dates with hours of their own.
    pub special_days: BTreeMap<Date, Vec<Span>>,
}

impl Calendar {
    /// The hours of a date.
    pub fn of(&self, date: Date) -> &[Span] {
        self.special_days.get(&date).map_or_else(|| self.weekly.of(date.weekday()), Vec::as_slice)
    }

    /// Whether it is open then.
    pub fn is_open(&self, at: Timestamp) -> bool {
        holds(self.zone.to_datetime(at), |date| self.of(date))
    }

    /// When it opens next, within so many days; `at` itself if it is open then.
    pub fn opens_at(&self, at: Timestamp, days: i8) -> Option<Timestamp> {
        if self.is_open(at) {
            return Some(at);
        }
        let today = self.zone.to_datetime(at).date();
        let edges = dates(today, days).flat_map(|date| self.of(date).iter().filter_map(move |span| span.edges(date)));
        let instants = instants(&self.zone, at, days, edges.map(|(begins, _)| begins));
        instants.into_iter().find(|one| *one > at && self.is_open(*one))
    }
}

/// The day before, the day itself, and so many after it.
pub(super) fn dates(today: Date, days: i8) -> impl Iterator<Item = Date> {
    (-1..=i64::from(days)).filter_map(move |by| today.checked_add(jiff::Span::new().days(by)).ok())
}

/// Every instant at which one of these local times may be reached, and every change of the zone's offset within so many
/// days: at none besides can anything begin or end. In their order.
pub(super) fn instants(
    zone: &TimeZone,
    at: Timestamp,
    days: i8,
    local: impl Iterator<Item = DateTime>,
) -> Vec<Timestamp> {
    let both = local.flat_map(|local| {
        let ambiguous = zone.to_ambiguous_timestamp(local);
        [ambiguous.earlier().ok(), ambiguous.later().ok()].into_iter().flatten()
    });
    let mut all: Vec<Timestamp> = both.collect();
    let horizon = at.saturating_add(jiff::SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MAX);
    let changes = zone.following(at).map(|change| change.timestamp());
    all.extend(changes.take_while(|change| *change <= horizon).take(8));
    all.sort_unstable();
    all.dedup();
    all
}
