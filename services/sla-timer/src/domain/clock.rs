//! Where the promises of one ticket stand.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::contract::{Metric, Terms};
use super::fact::Fact;
use super::fold::Fold;

#[cfg(test)]
mod tests;

/// How a clock is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It counts, also after a breach.
    Running,
    /// It waits for a reason that the contract names, also after a breach.
    Paused,
    /// It ended at or before its due instant.
    Met,
    /// It ended after its due instant.
    Breached,
    /// It ended because nothing is owed any more. A breach that had happened stays on record.
    Cancelled,
}

/// A warning that was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Of the target.
    pub percent: u8,
    /// When it was due, not when somebody noticed.
    pub at: Timestamp,
}

/// What a clock says when it speaks up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alarm {
    /// So many percent of the target have elapsed.
    Warning {
        /// Of the target.
        percent: u8,
    },
    /// The target has elapsed.
    Breach,
}

/// The next thing a clock will say if nothing else happens to the ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Not before the as-of instant. It will have happened as of every later instant, that is,
    /// from one millisecond after it.
    pub at: Timestamp,
    /// What it will be.
    pub alarm: Alarm,
}

/// One promise on one ticket, as of an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clock {
    /// What it measures.
    pub metric: Metric,
    /// 1 for the first clock of its metric on the ticket, 2 for the second …
    pub cycle: u32,
    /// How it is doing.
    pub state: State,
    /// When it began to owe.
    pub started_at: Timestamp,
    /// How much service time it may take by the terms that held last.
    pub target: SignedDuration,
    /// The last due instant; once breached, that of the breach. None while paused and if it ended
    /// while paused, unless breached before; none if it can never come.
    pub due_at: Option<Timestamp>,
    /// When it was breached, if it was.
    pub breached_at: Option<Timestamp>,
    /// When it ended, if it did.
    pub stopped_at: Option<Timestamp>,
    /// Service time used, pauses left out; it keeps counting after a breach.
    pub elapsed: SignedDuration,
    /// The name of the calendar of the terms that held last.
    pub calendar: String,
    /// Those given, in order.
    pub warnings: Vec<Warning>,
    /// What to wait for. None when it is paused, breached or ended.
    pub next: Option<Next>,
}

/// All clocks of a ticket as of `until`: by metric, then cycle.
///
/// The facts may come in any order and any number of times; those after `until` are ignored.
/// A due instant or a warning has happened only if it lies strictly before `until`.
/// Costs O(n log n) for n facts.
#[must_use]
pub fn clocks(terms: &Terms, facts: &[Fact], until: Timestamp) -> Vec<Clock> {
    Fold::over(terms, facts, until, false).into_iter().map(|run| run.clock(terms)).collect()
}
