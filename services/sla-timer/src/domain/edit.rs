//! An edited contract and the tickets that are open: which those are, and what the edit does to their clocks.

use jiff::Timestamp;
use uuid::Uuid;

use super::clock::{Clock, State};
use super::contract::Metric;
use super::fact::{Fact, Kind, in_effect};

#[cfg(test)]
mod tests;

/// Clocks that a preview lists; of the others only the number is told.
pub const MOST_EDITED: usize = 1_000;

/// Whether a ticket is resolved or over as of `until`: then an edit of its contract is of no concern to it, unless it is
/// reopened.
#[must_use]
pub fn is_settled(facts: &[Fact], until: Timestamp) -> bool {
    let facts = in_effect(facts.iter().filter(|fact| fact.key.at <= until));
    let mut settled = false;
    for fact in facts {
        match fact.kind {
            Kind::Cancelled => return true,
            Kind::Resolved | Kind::Closed => settled = true,
            Kind::Reopened => settled = false,
            _ => {}
        }
    }
    settled
}

/// What an edit does to a clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edited {
    /// Which promise.
    pub metric: Metric,
    /// 1, 2, 3 …
    pub cycle: u32,
    /// What becomes of it.
    pub effect: Effect,
    /// None while paused, or if there is none yet.
    pub was_due_at: Option<Timestamp>,
    /// None while paused, or if there is none any more.
    pub would_be_due_at: Option<Timestamp>,
    /// The edit breaks it.
    pub would_breach: bool,
}

/// What becomes of a clock by an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It begins.
    Started,
    /// It gets another target, calendar or due instant.
    Changed,
    /// Nothing is promised any more.
    Cancelled,
}

/// The clocks of a ticket that an edit changes; both sides as of the same instant, in the same order.
#[must_use]
pub fn edited(before: &[Clock], after: &[Clock]) -> Vec<Edited> {
    after.iter().filter_map(|now| effect(before.iter().find(|was| is_same(was, now)), now)).collect()
}

fn is_same(one: &Clock, other: &Clock) -> bool {
    (one.metric, one.cycle) == (other.metric, other.cycle)
}

fn effect(was: Option<&Clock>, now: &Clock) -> Option<Edited> {
    let effect = match was {
        None => Effect::Started,
        Some(was) if !is_alive(was) => return None,
        Some(_) if now.state == State::Cancelled => Effect::Cancelled,
        Some(was) if promised(was) == promised(now) => return None,
        Some(_) => Effect::Changed,
    };
    Some(Edited {
        metric: now.metric,
        cycle: now.cycle,
        effect,
        was_due_at: was.and_then(|was| was.due_at),
        would_be_due_at: now.due_at,
        would_breach: now.breached_at.is_some() && was.is_none_or(|was| was.breached_at.is_none()),
    })
}

/// Whether a clock runs or pauses.
#[must_use]
pub const fn is_alive(clock: &Clock) -> bool {
    matches!(clock.state, State::Running | State::Paused)
}

fn promised(clock: &Clock) -> (jiff::SignedDuration, &str, Option<Timestamp>) {
    (clock.target, &clock.calendar, clock.due_at)
}

/// What an edit does to all open tickets of a client.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct EditSummary {
    pub tickets: u64,
    /// That run or pause before the edit.
    pub clocks: u64,
    pub changed: u64,
    pub cancelled: u64,
    pub started: u64,
    pub breached: u64,
    /// Whose clock, and what becomes of it; at most [`MOST_EDITED`].
    pub edited: Vec<(Uuid, String, Edited)>,
    pub left_out: u64,
}

impl EditSummary {
    /// Names these tickets no longer; the figures still count them.
    pub fn leave_out(&mut self, is_hidden: impl Fn(Uuid) -> bool) {
        let before = self.edited.len();
        self.edited.retain(|(ticket_id, ..)| !is_hidden(*ticket_id));
        self.left_out += (before - self.edited.len()) as u64;
    }

    /// Counts one ticket.
    pub fn add(&mut self, ticket_id: Uuid, reference: &str, before: &[Clock], after: &[Clock]) {
        self.tickets += 1;
        self.clocks += before.iter().filter(|clock| is_alive(clock)).count() as u64;
        for one in edited(before, after) {
            match one.effect {
                Effect::Started => self.started += 1,
                Effect::Changed => self.changed += 1,
                Effect::Cancelled => self.cancelled += 1,
            }
            self.breached += u64::from(one.would_breach);
            if self.edited.len() < MOST_EDITED {
                self.edited.push((ticket_id, reference.to_owned(), one));
            } else {
                self.left_out += 1;
            }
        }
    }
}
