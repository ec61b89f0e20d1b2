//! A contract, facts and an as-of instant in one JSON document, with what should come of it: the
//! form of golden cases and of previews.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, State, Warning, clocks};
use super::contract::{Complaint, Contract, Metric};
use super::fact::Fact;

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
    /// Everything that is wrong with the contract.
    pub fn shown(&self) -> Result<Vec<Shown>, Vec<Complaint>> {
        let terms = self.contract.terms()?;
        Ok(clocks(&terms, &self.facts, self.until).into_iter().map(Shown::from).collect())
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
        }
    }
}
