//! The promises to a client: calendars, targets, and when a clock stands still.

use std::{collections::BTreeMap, fmt, str::FromStr};

use conditions::Rule;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sla_timer::domain::contract::NOTHING;

use super::{
    rule::PromiseField,
    text::text_form,
    words::{Metric, OnReopen, Priority, WaitingReason, Weekday},
};

/// A contract with a client (SLA).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// What people call it.
    pub name: String,
    /// Service hours, by the name that targets use.
    pub calendars: BTreeMap<String, Calendar>,
    /// What is promised for each priority. A metric that is missing has no clock, unless a rule promises it.
    pub targets: BTreeMap<Priority, BTreeMap<Metric, Target>>,
    /// Other promises for some tickets. Tried in order: for a priority and metric the first that holds and names them
    /// decides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PromiseRule>,
    /// The waiting reasons that pause a metric.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pause_on: BTreeMap<Metric, Vec<WaitingReason>>,
    /// What clocks do on a reopening.
    #[serde(default = "resume")]
    pub on_reopen: OnReopen,
    /// Percentages of the target at which a warning is given, rising.
    #[serde(default = "usual_warnings")]
    pub warn_at: Vec<u32>,
    /// How much service time after the breach, and again and again, a clock speaks once more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_after: Option<Within>,
}

/// Other promises for some tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PromiseRule {
    /// What people call it.
    pub rule: String,
    /// For which tickets, as they are then.
    pub when: Rule<PromiseField>,
    /// What it promises them.
    pub targets: BTreeMap<Priority, BTreeMap<Metric, RuleTarget>>,
}

/// One promise of a rule; `none` promises nothing and needs no calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleTarget {
    /// How much service time may pass, or `none`.
    pub within: WithinOrNone,
    /// The calendar that measures it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// Service time, or that nothing is promised; written `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum WithinOrNone {
    /// Service time.
    Within(Within),
    /// Nothing is promised.
    None,
}

impl FromStr for WithinOrNone {
    type Err = NotWithin;

    fn from_str(text: &str) -> Result<Self, NotWithin> {
        if text == NOTHING { Ok(Self::None) } else { text.parse().map(Self::Within) }
    }
}

impl fmt::Display for WithinOrNone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(within) => within.fmt(f),
            Self::None => f.write_str(NOTHING),
        }
    }
}

fn resume() -> OnReopen {
    OnReopen::Resume
}

fn usual_warnings() -> Vec<u32> {
    vec![50, 75, 90]
}

/// Service hours in a time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Calendar {
    /// The IANA name of the time zone, such as `Europe/Oslo`.
    pub time_zone: String,
    /// Open hours by weekday; a day that is missing is closed.
    pub weekly: BTreeMap<Weekday, Vec<Interval>>,
    /// Dates with hours of their own; none means closed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub special_days: BTreeMap<Date, Vec<Interval>>,
}

impl Calendar {
    /// Is it open at some time, this year or another?
    pub fn ever_opens(&self) -> bool {
        self.weekly.values().any(|day| !day.is_empty())
    }
}

/// One promise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// How much service time may pass.
    pub within: Within,
    /// The calendar that measures it.
    pub calendar: String,
}

/// Service time, in whole seconds; written `45s`, `30m`, `1h30m`, `16h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Within {
    /// The length.
    pub seconds: u64,
}

/// The text is not a length of time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a length of time; write it like 45s, 30m, 1h30m or 16h")]
pub struct NotWithin(String);

impl FromStr for Within {
    type Err = NotWithin;

    fn from_str(text: &str) -> Result<Self, NotWithin> {
        let refuse = || NotWithin(text.to_owned());
        let (mut rest, mut seconds) = (text, 0_u64);
        for (unit, worth) in [('h', 3_600_u64), ('m', 60), ('s', 1)] {
            let Some((number, after)) = rest.split_once(unit) else { continue };
            if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(refuse());
            }
            let number: u64 = number.parse().map_err(|_| refuse())?;
            seconds = number.checked_mul(worth).and_then(|more| seconds.checked_add(more)).ok_or_else(refuse)?;
            rest = after;
        }
        if text.is_empty() || !rest.is_empty() { Err(refuse()) } else { Ok(Self { seconds }) }
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.seconds / 3_600, 'h'), (self.seconds / 60 % 60, 'm'), (self.seconds % 60, 's')];
        if self.seconds == 0 {
            return f.write_str("0s");
        }
        parts.iter().filter(|(number, _)| *number > 0).try_for_each(|(number, unit)| write!(f, "{number}{unit}"))
    }
}

/// Open hours within one day, in minutes since midnight; written `08:00-16:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval {
    /// The first open minute.
    pub from_minute: u16,
    /// The first closed minute; 1440 for `24:00`.
    pub to_minute: u16,
}

/// The text is not an interval of a day.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an interval of a day; write it like 08:00-16:00, from before to, at most to 24:00")]
pub struct NotInterval(String);

impl FromStr for Interval {
    type Err = NotInterval;

    fn from_str(text: &str) -> Result<Self, NotInterval> {
        let minute = |text: &str| -> Option<u16> {
            let (hour, minute) = text.split_once(':')?;
            let number = |digits: &str| -> Option<u16> {
                let well_formed = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
                if well_formed { digits.parse().ok() } else { None }
            };
            let (hour, minute) = (number(hour)?, number(minute)?);
            (minute < 60 && hour * 60 + minute <= 1_440).then_some(hour * 60 + minute)
        };
        text.split_once('-')
            .and_then(|(from, to)| Some((minute(from)?, minute(to)?)))
            .filter(|(from, to)| from < to)
            .map(|(from_minute, to_minute)| Self { from_minute, to_minute })
            .ok_or_else(|| NotInterval(text.to_owned()))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = (self.from_minute, self.to_minute);
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

text_form!(Within, "Within", r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$", "Service time, like 45s, 30m, 1h30m or 16h.");
text_form!(
    WithinOrNone,
    "WithinOrNone",
    r"^(none|([0-9]+h)?([0-9]+m)?([0-9]+s)?)$",
    "Service time, like 45s, 30m, 1h30m or 16h; or none."
);
text_form!(Interval, "Interval", r"^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$", "Open hours, like 08:00-16:00.");
