//! The set of promises for a client: as written, what is wrong with it, and ready to compute with.

mod lint;
mod problem;
mod terms;

use std::collections::BTreeMap;
use std::fmt::Display;

use conditions::Rule;
use serde::{Deserialize, Deserializer, Serialize};

use super::calendar::CalendarSpec;
use super::field::Field;
use super::once::{Name, once};

pub use lint::{Advice, Hint};
pub use problem::{Complaint, Problem};
pub(super) use terms::{InForce, Promise, Promises};
pub use terms::{Terms, TermsBook};

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
    /// During a major incident, from one news of its status to the next.
    Update,
    /// From entering a tier to leaving it.
    Tier,
    /// From the begin of a wait for a vendor to its end.
    Vendor,
    /// From the promise to call back to the call.
    Callback,
}

/// How many metrics there are.
pub(super) const METRICS: usize = 7;

impl Metric {
    /// In the order in which clocks are told.
    pub const ALL: [Self; METRICS] = [
        Self::FirstResponse,
        Self::NextResponse,
        Self::Resolution,
        Self::Update,
        Self::Tier,
        Self::Vendor,
        Self::Callback,
    ];

    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["first_response", "next_response", "resolution", "update", "tier", "vendor", "callback"][self as usize]
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

impl WaitingReason {
    /// As in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ["requester", "vendor", "change", "approval", "parts", "scheduled"][self as usize]
    }
}

impl Name for Priority {
    fn name(&self) -> impl Display {
        Self::name(*self)
    }
}

impl Name for Metric {
    fn name(&self) -> impl Display {
        Self::name(*self)
    }
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

/// What a rule writes in place of a length where nothing is promised.
pub const NOTHING: &str = "none";

/// One promise, as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Service time: `45s`, `30m`, `1h30m`, `16h`. In a rule also `none`: nothing is promised.
    pub within: String,
    /// The name of one of the contract's calendars; not needed for `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// What is promised, by priority and metric.
pub type Targets = BTreeMap<Priority, BTreeMap<Metric, Target>>;

/// Other promises for some tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromiseRule {
    /// What people call it.
    pub rule: String,
    /// For which tickets, as they are then.
    pub when: Rule<Field>,
    /// What it promises them; of the rest it says nothing.
    #[serde(deserialize_with = "rows")]
    pub targets: Targets,
}

/// A contract as written, not yet validated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// Service hours by name.
    #[serde(deserialize_with = "once")]
    pub calendars: BTreeMap<String, CalendarSpec>,
    /// A metric that is missing for a priority has no clock, unless a rule promises it.
    #[serde(deserialize_with = "rows")]
    pub targets: Targets,
    /// Tried in order: for a priority and metric the first that holds and names them decides, otherwise `targets`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<PromiseRule>,
    /// The waiting reasons that pause a metric.
    #[serde(default, deserialize_with = "once")]
    pub pause_on: BTreeMap<Metric, Vec<WaitingReason>>,
    /// `resume` if not said.
    #[serde(default)]
    pub on_reopen: OnReopen,
    /// Percentages of a target at which a clock warns; 50, 75 and 90 if not said.
    #[serde(default = "usual_warnings")]
    pub warn_at: Vec<i64>,
    /// How much service time after the breach, and again and again, a clock speaks once more; never if not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warn_after: Option<String>,
}

fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Row(#[serde(deserialize_with = "once")] BTreeMap<Metric, Target>);

    let rows: BTreeMap<Priority, Row> = once(deserializer)?;
    Ok(rows.into_iter().map(|(priority, Row(row))| (priority, row)).collect())
}

fn usual_warnings() -> Vec<i64> {
    vec![50, 75, 90]
}

impl Contract {
    /// Reads a contract from JSON.
    ///
    /// # Errors
    /// What does not fit the form, with its path: `calendars.office.special_days: …`.
    pub fn read(json: &str) -> Result<Self, String> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let contract = serde_path_to_error::deserialize(&mut reader).map_err(|error| error.to_string())?;
        reader.end().map_err(|error| error.to_string())?;
        Ok(contract)
    }

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
        self.checked().err().unwrap_or_default()
    }

    /// The contract ready to compute with, if it can be saved.
    ///
    /// # Errors
    /// All its complaints, as [`Self::check`] gives them.
    pub fn checked(&self) -> Result<Terms, Vec<Complaint>> {
        let terms = self.terms()?;
        let complaints = lint::complaints(self, &terms);
        if complaints.is_empty() { Ok(terms) } else { Err(complaints) }
    }
}
