//! The near future in memory: what is due soon, by client, so that no client waits for another's thousand.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chassis::Clock;
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::handle::Armed;
use crate::store::TicketKey;

/// How far memory looks ahead.
pub(super) const AHEAD: SignedDuration = SignedDuration::from_secs(3);
/// Tickets that memory holds at most; what is beyond stays in the rows until there is room.
pub(super) const MOST: usize = 65_536;

/// A ticket that is due soon.
pub(super) type Due = (Timestamp, TicketKey);

/// The near future. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Near {
    queues: Arc<Mutex<Queues>>,
    pub(super) earlier: Arc<Notify>,
}

/// Tickets by client, each client's oldest first.
#[derive(Debug, Default)]
struct Queues {
    by_client: BTreeMap<ClientId, BTreeSet<(Timestamp, Uuid)>>,
    len: usize,
    /// How much later it is by the database's clock.
    ahead_by: SignedDuration,
    /// Who has given the last one.
    last: Option<ClientId>,
}

impl Near {
    /// Notes what a commit has armed, and wakes the alarm if it is the first thing to come.
    pub fn arm(&self, clock: &Clock, armed: Armed) {
        let mut queues = self.queues();
        let ahead = queues.ahead_by.saturating_add(AHEAD);
        let horizon = clock.now().saturating_add(ahead).unwrap_or(Timestamp::MAX);
        let first = queues.first_at();
        for (key, at) in armed {
            if let Some(at) = at.filter(|at| *at <= horizon) {
                queues.push(at, key);
            }
        }
        if queues.first_at() != first {
            self.earlier.notify_one();
        }
    }

    /// Notes how much later it is by the database's clock, which says what is near.
    pub(super) fn goes_by(&self, ahead_by: SignedDuration) {
        self.queues().ahead_by = ahead_by;
    }

    pub(super) fn add(&self, found: impl IntoIterator<Item = Due>) {
        let mut queues = self.queues();
        for (at, key) in found {
            queues.push(at, key);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.queues().len
    }

    pub(super) fn first_at(&self) -> Option<Timestamp> {
        self.queues().first_at()
    }

    pub(super) fn forget(&self) {
        let mut queues = self.queues();
        *queues = Queues { ahead_by: queues.ahead_by, ..Queues::default() };
    }

    /// Takes out what is due at `now`, each ticket once and `most` of them: clients take turns, each with its oldest
    /// first. Whoever takes it fires it or finds it again in the rows.
    pub(super) fn take(&self, now: Timestamp, most: usize, fires: impl Fn(&TicketKey) -> bool) -> Vec<Due> {
        self.queues().take(now, most, fires)
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn push(&mut self, at: Timestamp, (client_id, ticket_id): TicketKey) {
        if self.len < MOST && self.by_client.entry(client_id).or_default().insert((at, ticket_id)) {
            self.len += 1;
        }
    }

    fn first_at(&self) -> Option<Timestamp> {
        self.by_client.values().filter_map(|queue| Some(queue.first()?.0)).min()
    }

    fn take(&mut self, now: Timestamp, most: usize, fires: impl Fn(&TicketKey) -> bool) -> Vec<Due> {
        let mut turns = self.turns(now);
        let (mut taken, mut seen) = (Vec::new(), BTreeSet::new());
        while taken.len() < most
            && let Some(client_id) = turns.pop_front()
        {
            let Some(queue) = self.by_client.get_mut(&client_id) else { continue };
            while let Some((at, ticket_id)) = queue.first().copied().filter(|(at, _)| *at <= now) {
                queue.pop_first();
                self.len -= 1;
                let key = (client_id.clone(), ticket_id);
                if fires(&key) && seen.insert(key.clone()) {
                    taken.push((at, key));
                    self.last = Some(client_id.clone());
                    turns.push_back(client_id);
                    break;
                }
            }
        }
        self.by_client.retain(|_, queue| !queue.is_empty());
        taken
    }

    /// Clients with something due, in the order of each one's oldest; but first those who were not reached last time.
    fn turns(&self, now: Timestamp) -> VecDeque<ClientId> {
        let first = |queue: &BTreeSet<(Timestamp, Uuid)>| queue.first().map(|(at, _)| *at).filter(|at| *at <= now);
        let mut turns: Vec<(bool, Timestamp, &ClientId)> = self
            .by_client
            .iter()
            .filter_map(|(client_id, queue)| Some((self.last.as_ref() == Some(client_id), first(queue)?, client_id)))
            .collect();
        turns.sort();
        turns.into_iter().map(|(_, _, client_id)| client_id.clone()).collect()
    }
}
