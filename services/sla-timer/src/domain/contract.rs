//! The set of promises for a client: as written, what is wrong with it, and ready to compute with.

use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::Millis;
use super::calendar::{Calendar, CalendarSpec};

#[cfg(test)]
mod tests;

/// P1 (business critical) … P5 (harmless).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Priority {
    P1,
    P2,
    P3,
    P4,
    P5,
}

impl Priority {
    /// Most urgent first.
    pub const ALL: [Self; 5] = [Self::P1, Self::P2, Self::P3, Self::P4, Self::P5];

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["P1", "P2", "P3", "P4", "P5"][self as usize]
    }
}

/// What a clock measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// From the registration to the first public human answer.
    FirstResponse,
    /// From the oldest unanswered message of the requester to the next public answer.
    NextResponse,
    /// From the registration to the resolution.
    Resolution,
}

impl Metric {
    /// In the order in which clocks are told.
    pub const ALL: [Self; 3] = [Self::FirstResponse, Self::NextResponse, Self::Resolution];

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["first_response", "next_response", "resolution"][self as usize]
    }
}

/// Why a ticket waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum WaitingReason {
    Requester,
    Vendor,
    Change,
    Approval,
    Parts,
    Scheduled,
}

/// What becomes of the resolution clock when a resolved ticket is reopened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnReopen {
    /// It goes on; the time while resolved does not count.
    #[default]
    Resume,
    /// A new cycle; the old one stays.
    Restart,
    /// It goes on; the time while resolved counts.
    Continue,
    /// It stays as it ended.
    None,
}

/// One promise, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Service time: `45s`, `30m`, `1h30m`, `16h`.
    pub within: String,
    /// The name of one of the contract's calendars.
    pub calendar: String,
}

/// A contract as written, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Service hours by name.
    pub calendars: BTreeMap<String, CalendarSpec>,
    /// A metric that is missing for a priority has no clock.
    pub targets: BTreeMap<Priority, BTreeMap<Metric, Target>>,
    /// The waiting reasons that pause a metric.
    #[serde(default)]
    pub pause_on: BTreeMap<Metric, Vec<WaitingReason>>,
    /// `resume` if not said.
    #[serde(default)]
    pub on_reopen: OnReopen,
    /// Percentages of a target at which a clock warns; 50, 75 and 90 if not said.
    #[serde(default = "usual_warnings")]
    pub warn_at: Vec<i64>,
}

fn usual_warnings() -> Vec<i64> {
    vec![50, 75, 90]
}

/// One thing that is wrong with a contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {problem}")]
pub struct Complaint {
    /// The field, as `calendars.office.weekly.mon[0]`.
    pub path: String,
    /// What is wrong with it.
    pub problem: Problem,
}

impl Complaint {
    pub(super) fn new(path: impl Into<String>, problem: Problem) -> Self {
        Self { path: path.into(), problem }
    }
}

/// What can be wrong. The text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Problem {
    #[error("there is no time zone {0:?}; write an IANA name as \"Europe/Oslo\"")]
    UnknownZone(String),
    #[error("{0:?} is not an interval; write \"HH:MM-HH:MM\", at the latest \"24:00\"")]
    MalformedInterval(String),
    #[error("{0:?} does not end after it begins; split what crosses midnight over two days")]
    BackwardsInterval(String),
    #[error("{0:?} overlaps another interval of that day; join them")]
    OverlappingInterval(String),
    #[error("{0:?} is not a date; write \"YYYY-MM-DD\"")]
    NotADate(String),
    #[error("the calendar has no open time in any year; give it at least one interval")]
    NeverOpen,
    #[error("{0:?} is not a length of service time; write hours, minutes and seconds as \"1h30m\"")]
    NotALength(String),
    #[error("{0:?} is not positive; a target is at least \"1s\"")]
    NotPositive(String),
    #[error("{0:?} is too long; a target is at most \"100000h\"")]
    TooLong(String),
    #[error("there is no calendar {0:?} in this contract")]
    UnknownCalendar(String),
    #[error("the first response is promised later than the resolution; make it at most that of resolution")]
    ResponseAboveResolution,
    #[error("{0} is not a percentage to warn at; choose 1 to 99")]
    PercentOutOfRange(i64),
    #[error("{0} percent stands here twice; leave one")]
    DuplicatePercent(i64),
}

impl Problem {
    /// A word for programs. It is part of the contract with them: never rename one.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnknownZone(_) => "UNKNOWN_ZONE",
            Self::MalformedInterval(_) => "MALFORMED_INTERVAL",
            Self::BackwardsInterval(_) => "BACKWARDS_INTERVAL",
            Self::OverlappingInterval(_) => "OVERLAPPING_INTERVAL",
            Self::NotADate(_) => "NOT_A_DATE",
            Self::NeverOpen => "NEVER_OPEN",
            Self::NotALength(_) => "NOT_A_LENGTH",
            Self::NotPositive(_) => "NOT_POSITIVE",
            Self::TooLong(_) => "TOO_LONG",
            Self::UnknownCalendar(_) => "UNKNOWN_CALENDAR",
            Self::ResponseAboveResolution => "RESPONSE_ABOVE_RESOLUTION",
            Self::PercentOutOfRange(_) => "PERCENT_OUT_OF_RANGE",
            Self::DuplicatePercent(_) => "DUPLICATE_PERCENT",
        }
    }
}

/// About eleven years: far enough, and no sum of it overflows.
const LONGEST: Millis = 100_000 * 60 * 60 * 1000;

/// One promise, ready to compute with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Promise<'t> {
    pub(super) within: Millis,
    pub(super) calendar: &'t Calendar,
    pub(super) calendar_name: &'t str,
}

/// A contract without fault, ready to compute with.
#[derive(Debug, Clone)]
pub struct Terms {
    calendars: Vec<(String, Calendar)>,
    /// By priority and metric: how long, and which calendar.
    promises: [[Option<(Millis, usize)>; 3]; 5],
    /// By metric: a bit for each reason that pauses it.
    pauses: [u8; 3],
    on_reopen: OnReopen,
    /// Ascending.
    warn_at: Vec<u8>,
}

impl Terms {
    pub(super) fn promise(&self, priority: Priority, metric: Metric) -> Option<Promise<'_>> {
        let (within, calendar) = self.promises[priority as usize][metric as usize]?;
        let (calendar_name, calendar) = self.calendars.get(calendar)?;
        Some(Promise { within, calendar, calendar_name })
    }

    pub(super) const fn pauses(&self, metric: Metric, reason: WaitingReason) -> bool {
        self.pauses[metric as usize] & (1 << reason as u8) != 0
    }

    pub(super) const fn on_reopen(&self) -> OnReopen {
        self.on_reopen
    }

    /// The warning percentages, ascending.
    pub(super) fn warn_at(&self) -> &[u8] {
        &self.warn_at
    }
}

impl Contract {
    /// The same promises written in one way, to compare them: what has no order is sorted.
    #[must_use]
    pub fn canonical(mut self) -> Self {
        for reasons in self.pause_on.values_mut() {
            reasons.sort_unstable();
            reasons.dedup();
        }
        self.pause_on.retain(|_, reasons| !reasons.is_empty());
        self.warn_at.sort_unstable();
        self
    }

    /// Everything that is wrong with the contract; nothing if it can be saved.
    #[must_use]
    pub fn check(&self) -> Vec<Complaint> {
        self.terms().err().unwrap_or_default()
    }

    /// The contract ready to compute with.
    ///
    /// # Errors
    /// All its complaints, as [`Self::check`] gives them.
    pub fn terms(&self) -> Result<Terms, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let mut calendars = Vec::with_capacity(self.calendars.len());
        for (name, spec) in &self.calendars {
            match Calendar::read(&format!("calendars.{name}."), spec) {
                Ok(calendar) => calendars.push((name.clone(), calendar)),
                Err(found) => complaints.extend(found),
            }
        }
        let promises = self.promises(&mut complaints);
        let warn_at = self.warnings(&mut complaints);
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let mut pauses = [0; 3];
        for (metric, reasons) in &self.pause_on {
            pauses[*metric as usize] = reasons.iter().fold(0, |set, reason| set | 1 << *reason as u8);
        }
        Ok(Terms { calendars, promises, pauses, on_reopen: self.on_reopen, warn_at })
    }

    fn promises(&self, complaints: &mut Vec<Complaint>) -> [[Option<(Millis, usize)>; 3]; 5] {
        let mut promises = [[None; 3]; 5];
        for (priority, targets) in &self.targets {
            let row = &mut promises[*priority as usize];
            for (metric, target) in targets {
                let path = format!("targets.{}.{}", priority.name(), metric.name());
                let within = within(&target.within)
                    .map_err(|problem| complaints.push(Complaint::new(format!("{path}.within"), problem)));
                // Calendars stand in the same order in the prepared terms.
                let calendar = self.calendars.keys().position(|name| *name == target.calendar);
                if calendar.is_none() {
                    let problem = Problem::UnknownCalendar(target.calendar.clone());
                    complaints.push(Complaint::new(format!("{path}.calendar"), problem));
                }
                row[*metric as usize] = within.ok().zip(calendar);
            }
            // Lengths in different service hours cannot be compared.
            if let [Some((response, here)), _, Some((resolution, there))] = *row
                && here == there
                && response > resolution
            {
                let path = format!("targets.{}.first_response.within", priority.name());
                complaints.push(Complaint::new(path, Problem::ResponseAboveResolution));
            }
        }
        promises
    }

    fn warnings(&self, complaints: &mut Vec<Complaint>) -> Vec<u8> {
        let mut warn_at = Vec::with_capacity(self.warn_at.len());
        for (index, &percent) in self.warn_at.iter().enumerate() {
            let problem = match u8::try_from(percent) {
                Ok(found) if warn_at.contains(&found) => Problem::DuplicatePercent(percent),
                Ok(found @ 1..=99) => {
                    warn_at.push(found);
                    continue;
                }
                _ => Problem::PercentOutOfRange(percent),
            };
            complaints.push(Complaint::new(format!("warn_at[{index}]"), problem));
        }
        warn_at.sort_unstable();
        warn_at
    }
}

/// A positive length of whole seconds.
fn within(text: &str) -> Result<Millis, Problem> {
    let length = SignedDuration::from_str(text).map_err(|_unreadable| Problem::NotALength(text.to_owned()))?;
    if length.subsec_nanos() != 0 {
        return Err(Problem::NotALength(text.to_owned()));
    }
    match length.as_secs() {
        ..=0 => Err(Problem::NotPositive(text.to_owned())),
        seconds if seconds > LONGEST / 1000 => Err(Problem::TooLong(text.to_owned())),
        seconds => Ok(seconds * 1000),
    }
}
