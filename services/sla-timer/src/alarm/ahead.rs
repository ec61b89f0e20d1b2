//! Seen ahead: what is to be kept and said of tickets that are due soon, computed while there is time.
//!
//! When the instant comes, only the keeping and the announcing are left, unless something happened to the ticket since:
//! then it is looked at anew. So nothing here is ever the truth; without it everything is only later.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::near::Due;
use crate::handle::Looked;
use crate::store::TicketKey;

#[cfg(test)]
mod tests;

/// Tickets seen ahead at most, of about 2 kB each.
const MOST: usize = 16_384;
/// Tickets looked at in one transaction.
const BATCH: usize = 512;
/// What is due sooner than that is looked at when it is due.
const LEAD: SignedDuration = SignedDuration::from_millis(30);
/// What was not fetched so long after its instant is forgotten.
const KEPT_FOR: SignedDuration = SignedDuration::from_secs(5);

/// What was seen, and what is to be seen next.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    seen: HashMap<TicketKey, Looked>,
    /// Soonest first.
    wanted: VecDeque<Due>,
}

impl Ahead {
    /// Wants to see these, the soonest first, but for those that were seen already.
    pub fn want(&mut self, due: &[Due], now: Timestamp) {
        let oldest = now.saturating_sub(KEPT_FOR).unwrap_or(now);
        self.seen.retain(|_, looked| looked.at().is_some_and(|at| at >= oldest));
        let is_seen = |(at, key): &&Due| self.seen.get(key).is_some_and(|looked| looked.at() == Some(*at));
        let mut wanted: Vec<Due> = due.iter().filter(|due| !is_seen(due)).cloned().collect();
        wanted.sort();
        self.wanted = wanted.into();
    }

    /// The next tickets to look at, as far as there is time before they are due.
    pub fn next(&mut self, now: Timestamp) -> Vec<TicketKey> {
        let soonest = now.saturating_add(LEAD).unwrap_or(now);
        while self.wanted.pop_front_if(|(at, _)| *at <= soonest).is_some() {}
        let room = BATCH.min(MOST.saturating_sub(self.seen.len())).min(self.wanted.len());
        self.wanted.drain(..room).map(|(_, key)| key).collect()
    }

    /// Remembers what was seen.
    pub fn add(&mut self, seen: Vec<Looked>) {
        self.seen.extend(seen.into_iter().map(|looked| (looked.key(), looked)));
    }

    /// Gives out what was seen of tickets that are fired.
    pub fn take(&mut self, due: &[Due]) -> Vec<Looked> {
        due.iter().filter_map(|(_, key)| self.seen.remove(key)).collect()
    }

    /// Forgets everything.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
