//! Where the promises of one ticket stand.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::contract::{Metric, TermsBook};
use super::fact::Fact;
use super::fold::Fold;
use super::run::Run;

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

/// That a clock spoke once more after its breach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reminder {
    /// 1 after the contract's `warn_after`, 2 after twice that …; what several facts at once jump over is left out.
    pub number: u8,
    /// When it was due, not when somebody noticed.
    pub at: Timestamp,
}

/// A due instant that somebody agreed upon with the requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedDue {
    /// The instant.
    pub due_at: Timestamp,
    /// Who, if that is known.
    pub by: Option<String>,
    /// What was agreed, in words.
    pub note: Option<String>,
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
    /// It elapsed a while ago.
    Reminder {
        /// As in [`Reminder`].
        number: u8,
    },
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
    /// The rule of those terms that gave the target; none if it is the base's.
    pub rule: Option<String>,
    /// The version of those terms; 0 where versions have no number.
    pub contract_version: u64,
    /// The due instant that holds in place of the target's.
    pub agreed: Option<AgreedDue>,
    /// Those given, in order.
    pub warnings: Vec<Warning>,
    /// Those given after the breach, in order.
    pub reminders: Vec<Reminder>,
    /// What to wait for. None when it is paused or ended, or was breached and will not remind of it.
    pub next: Option<Next>,
}

/// All clocks of a ticket as of `until`: by metric, then cycle.
///
/// The facts may come in any order and any number of times; those after `until` are ignored.
/// A due instant or a warning has happened only if it lies strictly before `until`.
/// Costs O(n log n) for n facts, and O(n) more for each edit of the contract that holds from the start.
#[must_use]
pub fn clocks<'t>(terms: impl Into<TermsBook<'t>>, facts: &'t [Fact], until: Timestamp) -> Vec<Clock> {
    Fold::over(&terms.into(), facts, until, false).into_iter().map(Run::clock).collect()
}
