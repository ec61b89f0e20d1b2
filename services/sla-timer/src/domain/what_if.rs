//! Recorded history against a drafted contract: what would have been kept and what broken?

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::clock::{Clock, State};
use super::contract::Metric;

#[cfg(test)]
mod tests;

/// Changes that are listed; of the others only the number is told.
pub const MOST_CHANGES: usize = 10_000;

/// Where clocks stand, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standings {
    /// Ended at or before their due instant.
    pub met: u64,
    /// Ended after it.
    pub breached: u64,
    /// They run or pause.
    pub open: u64,
    /// Those of them that are breached already.
    pub open_breached: u64,
    /// Ended because nothing was owed any more.
    pub cancelled: u64,
}

impl Standings {
    /// What attainment counts: met ÷ ended.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.met + self.breached
    }

    fn count(&mut self, clock: &Clock) {
        match clock.state {
            State::Met => self.met += 1,
            State::Breached => self.breached += 1,
            State::Cancelled => self.cancelled += 1,
            State::Running | State::Paused => {
                self.open += 1;
                self.open_breached += u64::from(clock.breached_at.is_some());
            }
        }
    }
}

/// A client's clocks of one metric under both contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Under the contract that each ticket has.
    pub recorded: Standings,
    /// Under the draft.
    pub drafted: Standings,
    /// Clocks breached under the draft only.
    pub breaches_gained: u64,
    /// Clocks breached under the recorded contract only.
    pub breaches_lost: u64,
}

/// Whose clocks they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketName {
    /// Of which client.
    pub client_id: String,
    /// Its id.
    pub ticket_id: Uuid,
    /// What people call it.
    pub reference: String,
}

/// A clock as one of the contracts has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// As of a clock.
    pub due_at: Option<Timestamp>,
    /// Service time used, by this side's calendar.
    pub elapsed: SignedDuration,
}

impl From<&Clock> for Side {
    fn from(clock: &Clock) -> Self {
        Self { due_at: clock.due_at, elapsed: clock.elapsed }
    }
}

/// A clock that is breached on one side only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Whose.
    pub ticket: TicketName,
    /// What it measures.
    pub metric: Metric,
    /// Which clock of its metric.
    pub cycle: u32,
    /// Whether the draft has the breach; otherwise the recorded contract has it.
    pub gained: bool,
    /// Under the recorded contract; none if that has no such clock.
    pub recorded: Option<Side>,
    /// Under the draft; none if that has no such clock.
    pub drafted: Option<Side>,
}

/// All of it, summed up ticket by ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// Tickets that were looked at.
    pub tickets: u64,
    /// By client and metric; those without any clock are not there.
    pub figures: BTreeMap<(String, Metric), Figures>,
    /// In the order in which the tickets came, at most [`MOST_CHANGES`].
    pub changes: Vec<Change>,
    /// How many more changes there were.
    pub changes_left_out: u64,
}

impl Summary {
    /// Adds a ticket: its clocks under the recorded contract and under the draft, both as of one instant.
    pub fn add(&mut self, ticket: &TicketName, recorded: &[Clock], drafted: &[Clock]) {
        self.tickets += 1;
        for clock in recorded {
            self.figures(ticket, clock.metric).recorded.count(clock);
        }
        for clock in drafted {
            self.figures(ticket, clock.metric).drafted.count(clock);
        }
        let key = |clock: &Clock| (clock.metric, clock.cycle);
        let keys: BTreeSet<(Metric, u32)> = recorded.iter().chain(drafted).map(key).collect();
        for (metric, cycle) in keys {
            let of = |clocks: &'_ [Clock]| clocks.iter().position(|clock| key(clock) == (metric, cycle));
            let recorded = of(recorded).map(|at| &recorded[at]);
            let drafted = of(drafted).map(|at| &drafted[at]);
            let is_breached = |clock: Option<&Clock>| clock.is_some_and(|clock| clock.breached_at.is_some());
            let gained = is_breached(drafted);
            if gained == is_breached(recorded) {
                continue;
            }
            let figures = self.figures(ticket, metric);
            if gained {
                figures.breaches_gained += 1;
            } else {
                figures.breaches_lost += 1;
            }
            if self.changes.len() == MOST_CHANGES {
                self.changes_left_out += 1;
                continue;
            }
            let (recorded, drafted) = (recorded.map(Side::from), drafted.map(Side::from));
            self.changes.push(Change { ticket: ticket.clone(), metric, cycle, gained, recorded, drafted });
        }
    }

    /// Names these tickets no longer; the figures still count them.
    pub fn leave_out(&mut self, is_hidden: impl Fn(&TicketName) -> bool) {
        let before = self.changes.len();
        self.changes.retain(|change| !is_hidden(&change.ticket));
        self.changes_left_out += (before - self.changes.len()) as u64;
    }

    fn figures(&mut self, ticket: &TicketName, metric: Metric) -> &mut Figures {
        self.figures.entry((ticket.client_id.clone(), metric)).or_default()
    }
}
