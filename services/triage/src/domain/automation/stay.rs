//! Where a ticket stays, and since when.

use jiff::Timestamp;
use uuid::Uuid;

use super::super::event::{Happened, evolve};
use super::super::ticket::Work;
use super::super::words::{State, WaitingReason, Word, words};

words!(
    /// Where a ticket stays.
    Stay {
        /// In its queue.
        Queued = 1 "queued",
        /// Somebody works on it.
        InProgress = 2 "in_progress",
        /// It stands still.
        Waiting = 3 "waiting",
        /// It is resolved.
        Resolved = 4 "resolved",
        /// It is open, and nobody has it.
        Unowned = 5 "unowned",
        /// It is neither resolved nor over.
        Open = 6 "open",
    }
);

/// A stay of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stayed {
    /// The fact that began it.
    pub fact_id: Uuid,
    /// When.
    pub since_at: Timestamp,
    /// When it was over.
    pub until_at: Option<Timestamp>,
}

impl Stay {
    /// Whether a ticket is there now. `reason`: only while it waits for this.
    pub fn holds(self, reason: Option<WaitingReason>, work: &Work) -> bool {
        match self {
            Self::Queued => work.state == State::Queued,
            Self::InProgress => work.state == State::InProgress,
            Self::Waiting => {
                work.state == State::Waiting
                    && reason.is_none_or(|reason| work.waiting.is_some_and(|waiting| waiting.reason == reason))
            }
            Self::Resolved => work.state == State::Resolved,
            Self::Unowned => work.state.is_open() && work.owner.is_none(),
            Self::Open => work.state.is_open(),
        }
    }

    /// Every stay there in a history, in the order of time.
    pub fn all(self, reason: Option<WaitingReason>, registered_at: Timestamp, history: &[Happened]) -> Vec<Stayed> {
        let mut in_order: Vec<&Happened> = history.iter().collect();
        in_order.sort_by_key(|happened| (happened.occurred_at, happened.revision));
        let mut work = Work::registered(registered_at);
        let mut stays: Vec<Stayed> = Vec::new();
        let mut is_there = false;
        for happened in in_order {
            work = evolve(work, happened);
            let was_there = std::mem::replace(&mut is_there, self.holds(reason, &work));
            match (was_there, is_there) {
                (false, true) => {
                    stays.push(Stayed { fact_id: happened.event_id, since_at: happened.occurred_at, until_at: None })
                }
                (true, false) => {
                    if let Some(last) = stays.last_mut() {
                        last.until_at = Some(happened.occurred_at);
                    }
                }
                _ => {}
            }
        }
        stays
    }

    /// The stay that lasts.
    pub fn now(self, reason: Option<WaitingReason>, registered_at: Timestamp, history: &[Happened]) -> Option<Stayed> {
        self.all(reason, registered_at, history).into_iter().next_back().filter(|stay| stay.until_at.is_none())
    }
}
