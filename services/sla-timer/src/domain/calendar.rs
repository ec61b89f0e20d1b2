//! Service hours: when is it open, and how long?
//!
//! An instant is inside service hours if and only if its local wall-clock time lies in an
//! interval of its local date. So a repeated hour in autumn counts twice if it is open, and a
//! skipped hour counts nothing.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::LazyLock;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::contract::{Complaint, Problem};
use super::hours::{DAY, Fault, Hours};
use super::once::{Name, once};
use super::zone::Zone;
use super::{Millis, millis, timestamp};

#[cfg(test)]
mod tests;

/// A day of the week, written `mon` … `sun`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl Weekday {
    /// Monday first.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["mon", "tue", "wed", "thu", "fri", "sat", "sun"][self as usize]
    }
}

impl Name for Weekday {
    fn name(&self) -> impl Display {
        Self::name(*self)
    }
}

/// A calendar as written, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalendarSpec {
    /// An IANA name, as `Europe/Oslo`.
    pub time_zone: String,
    /// Intervals `HH:MM-HH:MM` of wall-clock time; `24:00` may end one, none crosses midnight.
    /// A missing day is closed.
    #[serde(default, deserialize_with = "once")]
    pub weekly: BTreeMap<Weekday, Vec<String>>,
    /// By date `YYYY-MM-DD`: the intervals that replace those of that date; none = closed.
    #[serde(default, deserialize_with = "once")]
    pub special_days: BTreeMap<String, Vec<String>>,
}

/// Service hours, validated and ready to measure.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: Zone,
    weekly: [Hours; 7],
    /// Open time of the week before each of its days, and of the whole week.
    open_before_weekday: [Millis; 8],
    special: Vec<SpecialDay>,
}

#[derive(Debug, Clone)]
struct SpecialDay {
    /// Days since 1970-01-01.
    day: i64,
    hours: Hours,
    /// How much more (or, negative, less) is open because of this special day and those before it.
    excess: Millis,
}

impl Calendar {
    /// Reads a calendar, or says everything that is wrong with it, each with the path of its field.
    ///
    /// # Errors
    /// Unknown zone, malformed or overlapping interval, date that is none, no open time in any year.
    pub fn new(spec: &CalendarSpec) -> Result<Self, Vec<Complaint>> {
        Self::read("", spec)
    }

    /// As [`Self::new`], the paths under `path` (empty, or ending in a dot).
    pub(super) fn read(path: &str, spec: &CalendarSpec) -> Result<Self, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let zone = Zone::named(&spec.time_zone);
        if zone.is_none() {
            complaints.push(Complaint::new(format!("{path}time_zone"), Problem::UnknownZone(spec.time_zone.clone())));
        }
        let mut hours = |path: String, written: &[String]| {
            Hours::read(written, |index, fault| {
                let text = written[index].clone();
                let problem = match fault {
                    Fault::Malformed => Problem::MalformedInterval(text),
                    Fault::Backwards => Problem::BackwardsInterval(text),
                    Fault::Overlapping => Problem::OverlappingInterval(text),
                };
                complaints.push(Complaint::new(format!("{path}[{index}]"), problem));
            })
        };
        let mut weekly: [Hours; 7] = Default::default();
        for (day, written) in &spec.weekly {
            weekly[*day as usize] = hours(format!("{path}weekly.{}", day.name()), written);
        }
        let mut dates = Vec::with_capacity(spec.special_days.len());
        let mut strangers = Vec::new();
        for (written, intervals) in &spec.special_days {
            let at = format!("{path}special_days.{written}");
            let hours = hours(at.clone(), intervals);
            match date(written) {
                Some(day) => dates.push((day, hours)),
                None => strangers.push(Complaint::new(at, Problem::NotADate(written.clone()))),
            }
        }
        complaints.extend(strangers);
        match zone {
            Some(zone) if complaints.is_empty() => {
                let calendar = Self::build(zone, weekly, dates);
                if calendar.never_opens() {
                    return Err(vec![Complaint::new(path.trim_end_matches('.'), Problem::NeverOpen)]);
                }
                Ok(calendar)
            }
            _ => Err(complaints),
        }
    }

    /// Open round the clock.
    pub(super) fn always() -> &'static Self {
        static ALWAYS: LazyLock<Calendar> = LazyLock::new(|| Calendar {
            zone: Zone::utc(),
            weekly: std::array::from_fn(|_| Hours::whole_day()),
            open_before_weekday: [0, DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY, 6 * DAY, 7 * DAY],
            special: Vec::new(),
        });
        &ALWAYS
    }

    fn build(zone: Zone, weekly: [Hours; 7], mut dates: Vec<(i64, Hours)>) -> Self {
        let mut open_before_weekday = [0; 8];
        for (day, hours) in weekly.iter().enumerate() {
            open_before_weekday[day + 1] = open_before_weekday[day] + hours.open_for();
        }
        dates.sort_unstable_by_key(|(day, _)| *day);
        let mut excess = 0;
        let special = dates
            .into_iter()
            .map(|(day, hours)| {
                excess += hours.open_for() - weekly[weekday(day)].open_for();
                SpecialDay { day, hours, excess }
            })
            .collect();
        Self { zone, weekly, open_before_weekday, special }
    }

    /// Special days are finitely many, so only they need a look when no weekday opens. The zone
    /// has a say: an interval inside a skipped hour never comes.
    fn never_opens(&self) -> bool {
        let opens = |special: &SpecialDay| {
            let noon = special.day * DAY + DAY / 2;
            self.open_between(noon - 2 * DAY, noon + 2 * DAY) > 0
        };
        self.open_before_weekday[7] == 0 && !self.special.iter().any(opens)
    }

    /// The open time in `[from, until)`; zero if `until` is not after `from`.
    #[must_use]
    pub fn elapsed(&self, from: Timestamp, until: Timestamp) -> SignedDuration {
        SignedDuration::from_millis(self.open_between(from.as_millisecond(), until.as_millisecond()))
    }

    /// The earliest instant `t ≥ start` with `elapsed(start, t) ≥ length`. `None`: never, which
    /// happens only where nothing but special days opens, or past the year 9999.
    #[must_use]
    pub fn due(&self, start: Timestamp, length: SignedDuration) -> Option<Timestamp> {
        self.reached(start.as_millisecond(), millis(length)).map(timestamp)
    }

    pub(super) fn open_between(&self, from: Millis, until: Millis) -> Millis {
        let (mut at, mut open) = (from, 0);
        while at < until {
            let stretch = self.zone.stretch(at);
            let end = stretch.until.min(until);
            open += self.open_before(end + stretch.offset) - self.open_before(at + stretch.offset);
            at = end;
        }
        open
    }

    pub(super) fn reached(&self, start: Millis, length: Millis) -> Option<Millis> {
        if length <= 0 {
            return Some(start);
        }
        let last = Timestamp::MAX.as_millisecond();
        let (mut at, mut rest) = (start, length);
        while at < last && !self.is_over(at) {
            let stretch = self.zone.stretch(at);
            let end = stretch.until.min(last);
            let before = self.open_before(at + stretch.offset);
            let open = self.open_before(end + stretch.offset) - before;
            if open >= rest {
                return Some(self.reaching(at + stretch.offset, before + rest) - stretch.offset);
            }
            rest -= open;
            at = end;
        }
        None
    }

    /// Hands the open intervals within `[from, until)` to `each`, in order; adjoining ones may
    /// come as two. Costs as much as there are days.
    pub(super) fn each_open(&self, from: Millis, until: Millis, mut each: impl FnMut(Millis, Millis)) {
        let mut at = from;
        while at < until {
            let stretch = self.zone.stretch(at);
            let end = stretch.until.min(until);
            let (first, last) = (at + stretch.offset, end + stretch.offset);
            for day in first.div_euclid(DAY)..=last.div_euclid(DAY) {
                for &(open, close) in self.hours(day).intervals() {
                    let (open, close) = ((day * DAY + open).max(first), (day * DAY + close).min(last));
                    if open < close {
                        each(open - stretch.offset, close - stretch.offset);
                    }
                }
            }
            at = end;
        }
    }

    /// Whether nothing opens any more from here on.
    fn is_over(&self, at: Millis) -> bool {
        self.open_before_weekday[7] == 0 && self.special.last().is_none_or(|special| (special.day + 3) * DAY < at)
    }

    fn hours(&self, day: i64) -> &Hours {
        match self.special.binary_search_by_key(&day, |special| special.day) {
            Ok(index) => &self.special[index].hours,
            Err(_) => &self.weekly[weekday(day)],
        }
    }

    /// The open wall-clock time before `local`, counted from a fixed Monday long ago.
    fn open_before(&self, local: Millis) -> Millis {
        let day = local.div_euclid(DAY);
        self.open_before_day(day) + self.hours(day).open_before(local.rem_euclid(DAY))
    }

    fn open_before_day(&self, day: i64) -> Millis {
        let week = (day + EPOCH_WEEKDAY).div_euclid(7);
        let before = self.special.partition_point(|special| special.day < day);
        let excess = before.checked_sub(1).map_or(0, |index| self.special[index].excess);
        week * self.open_before_weekday[7] + self.open_before_weekday[weekday(day)] + excess
    }

    /// The earliest wall-clock time after `local` before which `open` was open. The caller knows
    /// that there is one, and that `open` is more than was open before `local`.
    fn reaching(&self, local: Millis, open: Millis) -> Millis {
        let mut first = local.div_euclid(DAY);
        let mut step = 1;
        while self.open_before_day(first + step) < open {
            first += step;
            step *= 2;
        }
        // The day sought is one of first .. first + step.
        let mut last = first + step - 1;
        while first < last {
            let middle = first + (last - first) / 2;
            if self.open_before_day(middle + 1) < open {
                first = middle + 1;
            } else {
                last = middle;
            }
        }
        first * DAY + self.hours(first).reaching(open - self.open_before_day(first))
    }
}

/// 1970-01-01 was a Thursday: day 0 is three days after a Monday.
const EPOCH_WEEKDAY: i64 = 3;

/// Monday = 0.
fn weekday(day: i64) -> usize {
    usize::try_from((day + EPOCH_WEEKDAY).rem_euclid(7)).unwrap_or_default()
}

/// Days since 1970-01-01 of a date written `YYYY-MM-DD`, and no other way.
fn date(text: &str) -> Option<i64> {
    let date: Date = text.parse().ok()?;
    if date.to_string() != text {
        return None;
    }
    let midnight = date.to_datetime(jiff::civil::Time::midnight());
    let instant = jiff::tz::TimeZone::UTC.to_timestamp(midnight).ok()?;
    Some(instant.as_millisecond().div_euclid(DAY))
}
