//! A contract, facts and an as-of instant in one JSON document, with what should come of it: the
//! form of golden cases and of previews.

use std::collections::BTreeMap;
use std::fmt::Display;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, Reminder, State, Warning, clocks};
use super::contract::{Complaint, Contract, Metric, TermsBook};
use super::fact::Fact;
use super::once::{Name, once};

#[cfg(test)]
mod tests;

/// What would the clocks do?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// A sentence.
    #[serde(default)]
    pub name: String,
    /// The promises.
    pub contract: Contract,
    /// Other versions of the contract that facts name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "once")]
    pub versions: BTreeMap<Version, Contract>,
    /// In any order.
    pub facts: Vec<Fact>,
    /// The as-of instant.
    pub until: Timestamp,
    /// What should come of it; nothing when one only asks.
    #[serde(default)]
    pub expect: Vec<Shown>,
}

impl Case {
    /// The clocks as of `until`.
    ///
    /// # Errors
    /// Everything that is wrong with the contract; of other versions with their path, as `versions.2.targets`.
    pub fn shown(&self) -> Result<Vec<Shown>, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let first = self.contract.checked().map_err(|found| complaints.extend(found)).unwrap_or_default();
        let mut later = Vec::with_capacity(self.versions.len());
        for (Version(version), contract) in &self.versions {
            match contract.checked() {
                Ok(terms) => later.push((*version, terms)),
                Err(found) => complaints.extend(found.into_iter().map(|complaint| Complaint {
                    path: format!("versions.{version}.{}", complaint.path),
                    ..complaint
                })),
            }
        }
        if !complaints.is_empty() {
            return Err(complaints);
        }
        let book = later.iter().fold(TermsBook::from(&first), |book, (version, terms)| book.with(*version, terms));
        Ok(clocks(book, &self.facts, self.until).into_iter().map(Shown::from).collect())
    }
}

/// The number of a version, written as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Name for Version {
    fn name(&self) -> impl Display {
        self.0
    }
}

/// A clock as golden cases and previews show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "as in Clock")]
pub struct Shown {
    pub metric: Metric,
    pub cycle: u32,
    pub state: State,
    pub due_at: Option<Timestamp>,
    pub breached_at: Option<Timestamp>,
    pub stopped_at: Option<Timestamp>,
    pub elapsed_ms: i64,
    pub warnings: Vec<Warning>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<Reminder>,
}

impl From<Clock> for Shown {
    fn from(clock: Clock) -> Self {
        Self {
            metric: clock.metric,
            cycle: clock.cycle,
            state: clock.state,
            due_at: clock.due_at,
            breached_at: clock.breached_at,
            stopped_at: clock.stopped_at,
            elapsed_ms: super::millis(clock.elapsed),
            warnings: clock.warnings,
            reminders: clock.reminders,
        }
    }
}
