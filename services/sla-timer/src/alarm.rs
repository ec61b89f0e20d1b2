//! The alarm: sleeps until the next due instant by the given clock, then lets what is due speak.
//!
//! The row is the truth. Memory holds the next two seconds only and is filled from the rows at least every second, so
//! what another replica armed, or was missed by whatever accident, is found; within that a commit of this process wakes
//! the alarm at once. The database's clock decides what is due, the monotonic one how long to sleep.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::lease::Leases;
use chassis::{Clock, Error, shard_of, store as kept, telemetry};
use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tracing::Instrument;

use crate::handle::{Armed, Fence, Timer, fire};
use crate::store::{self, TicketKey};

#[cfg(test)]
mod tests;

/// How far memory looks ahead.
const AHEAD: SignedDuration = SignedDuration::from_secs(2);
/// How long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(1);
/// Tickets read of each shard at once.
const PER_SHARD: i64 = 200;
/// Tickets that share a transaction.
const BATCH: usize = 200;
/// Transactions under way at once.
const AT_ONCE: usize = 4;
/// How long a ticket that cannot be fired is left alone.
const REST: SignedDuration = SignedDuration::from_secs(60);

/// A ticket that is due soon.
type Due = (Timestamp, TicketKey);

/// The near future. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Near {
    due: Arc<Mutex<BTreeSet<Due>>>,
    earlier: Arc<Notify>,
}

impl Near {
    /// Notes what a commit has armed, and wakes the alarm if it is the first thing to come.
    pub fn arm(&self, clock: &Clock, armed: Armed) {
        let horizon = clock.now().saturating_add(AHEAD).unwrap_or(Timestamp::MAX);
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let first = due.first().map(|(at, _)| *at);
        due.extend(armed.into_iter().filter_map(|(key, at)| Some((at.filter(|at| *at <= horizon)?, key))));
        if due.first().map(|(at, _)| *at) != first {
            self.earlier.notify_one();
        }
    }

    fn add(&self, found: impl IntoIterator<Item = Due>) {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }

    fn len(&self) -> usize {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn first_at(&self) -> Option<Timestamp> {
        self.due.lock().unwrap_or_else(PoisonError::into_inner).first().map(|(at, _)| *at)
    }

    /// Takes out what is due at `now`. Whoever takes it fires it or finds it again in the rows.
    fn take(&self, now: Timestamp) -> BTreeSet<Due> {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        let (taken, rest) = std::mem::take(&mut *due).into_iter().partition(|(at, _)| *at <= now);
        *due = rest;
        taken
    }
}

/// Rings until the service stops, then gives its shards back.
pub async fn run(timer: Timer, leases: Leases) {
    let mut alarm = Alarm { timer, leases, ahead_by: SignedDuration::ZERO, read_at: None, resting: BTreeMap::new() };
    let stop = alarm.timer.ground.stop.clone();
    while !stop.is_asked() {
        let until = match alarm.ring().await {
            Ok(until) => until,
            Err(error) => {
                tracing::warn!(error = %error.chain(), "the alarm could not look at what is due; trying again");
                None
            }
        };
        tokio::select! {
            () = alarm.timer.ground.clock.wait_until(until, SLEEP) => {}
            () = alarm.timer.near.earlier.notified() => {}
            () = alarm.leases.changed() => {}
            () = stop.asked() => {}
        }
    }
    stop.doors_closed().await;
    if let Err(error) = alarm.leases.release(&alarm.timer.ground).await {
        tracing::warn!(error = %error.chain(), "the alarm's leases were not released and will run out");
    }
}

struct Alarm {
    timer: Timer,
    leases: Leases,
    /// How much later it is by the database's clock.
    ahead_by: SignedDuration,
    /// When the rows were read last, by our clock.
    read_at: Option<Timestamp>,
    /// Tickets that cannot be fired, until when.
    resting: BTreeMap<TicketKey, Timestamp>,
}

impl Alarm {
    /// Fires all that is due. Returns when to look again by our clock.
    async fn ring(&mut self) -> Result<Option<Timestamp>, Error> {
        let leases = self.leases.held();
        if leases.is_empty() {
            drop(self.timer.near.take(Timestamp::MAX));
            return Ok(None);
        }
        loop {
            let is_all = self.read(&leases).await?;
            self.timer.ground.metrics.clocks_due(self.timer.near.len());
            let due = self.take_due(&leases);
            let is_quiet = due.is_empty();
            let went_well = self.fire_all(due, &leases).await;
            // What was armed meanwhile and is due already rings now; of a long list the rest is read first.
            let is_done = is_all && self.timer.near.first_at().is_none_or(|at| at > self.now());
            if is_quiet || is_done || !went_well || self.timer.ground.stop.is_asked() {
                break;
            }
        }
        let sooner = self.timer.near.first_at().map(|at| at.saturating_sub(self.ahead_by).unwrap_or(at));
        let again = self.read_at.and_then(|at| at.checked_add(SLEEP).ok());
        Ok(sooner.into_iter().chain(again).min())
    }

    /// Now by the database's clock, as far as we know it.
    fn now(&self) -> Timestamp {
        let now = self.timer.ground.clock.now();
        now.saturating_add(self.ahead_by).unwrap_or(now)
    }

    /// Fills memory from the rows. Returns whether that was all.
    async fn read(&mut self, leases: &BTreeMap<i16, i64>) -> Result<bool, Error> {
        let shards: Vec<i16> = leases.keys().copied().collect();
        let clock = self.timer.ground.clock.clone();
        let (now, found) = self
            .timer
            .ground
            .store
            .machinery(move |connection| {
                Box::pin(async move {
                    let now = kept::now(connection, &clock).await?;
                    let until = now.saturating_add(AHEAD).unwrap_or(now);
                    Ok::<_, Error>((now, store::due(connection, &shards, until, PER_SHARD).await?))
                })
            })
            .await?;
        let ours = self.timer.ground.clock.now();
        self.read_at = Some(ours);
        if matches!(self.timer.ground.clock, Clock::System) {
            self.ahead_by = now.duration_since(ours);
        }
        let mut of_shard: BTreeMap<i16, i64> = BTreeMap::new();
        for (_, (_, ticket_id)) in &found {
            *of_shard.entry(shard_of(*ticket_id)).or_default() += 1;
        }
        self.timer.near.add(found);
        Ok(of_shard.values().all(|count| *count < PER_SHARD))
    }

    fn take_due(&mut self, leases: &BTreeMap<i16, i64>) -> BTreeSet<Due> {
        let now = self.now();
        self.resting.retain(|_, until| *until > now);
        let mut due = self.timer.near.take(now);
        due.retain(|(_, key)| leases.contains_key(&shard_of(key.1)) && !self.resting.contains_key(key));
        due
    }

    /// Returns whether the store was there for all of it.
    async fn fire_all(&mut self, due: BTreeSet<Due>, leases: &BTreeMap<i16, i64>) -> bool {
        let fence = Fence { holder: self.leases.holder(), leases: leases.clone() };
        let due_at: BTreeMap<TicketKey, Timestamp> = due.iter().rev().map(|(at, key)| (key.clone(), *at)).collect();
        let batches = fair_batches(due);
        let this = &*self;
        let outcomes: Vec<Result<Vec<TicketKey>, Error>> = futures::stream::iter(batches)
            .map(|batch| this.fire_measured(batch, fence.clone(), &due_at))
            .buffered(AT_ONCE)
            .collect()
            .await;
        let until = self.now().saturating_add(REST).unwrap_or(Timestamp::MAX);
        let mut went_well = true;
        for outcome in outcomes {
            match outcome {
                Ok(failed) => self.resting.extend(failed.into_iter().map(|key| (key, until))),
                Err(error) => {
                    tracing::warn!(error = %error.chain(), "what is due could not be fired; trying again");
                    went_well = false;
                }
            }
        }
        went_well
    }

    /// Fires a batch in a trace of its own, and measures how late its clocks spoke.
    async fn fire_measured(
        &self,
        batch: Vec<TicketKey>,
        fence: Fence,
        due_at: &BTreeMap<TicketKey, Timestamp>,
    ) -> Result<Vec<TicketKey>, Error> {
        let ground = &self.timer.ground;
        let span = telemetry::begun(ground.service, "ring", batch.len());
        let keys = batch.clone();
        let failed = fire_batch(&self.timer, batch, fence).instrument(span).await?;
        let now = self.now();
        for (key, at) in keys.iter().filter_map(|key| Some((key, due_at.get(key)?))) {
            if !failed.contains(key) {
                ground.metrics.clock_spoke(Duration::try_from(now.duration_since(*at)).unwrap_or_default());
            }
        }
        Ok(failed)
    }
}

/// Fires a batch; if one ticket spoils it, each for itself. Returns those that must rest.
async fn fire_batch(timer: &Timer, batch: Vec<TicketKey>, fence: Fence) -> Result<Vec<TicketKey>, Error> {
    match fire(timer, batch.clone(), fence.clone()).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error @ Error::Unavailable(_)) => return Err(error),
        Err(Error::Internal(_)) => {}
    }
    let mut failed = Vec::new();
    for key in batch {
        if let Err(error) = fire(timer, vec![key.clone()], fence.clone()).await {
            tracing::error!(error = %error.chain(), client_id = %key.0, ticket_id = %key.1, "a ticket's clocks cannot be fired");
            failed.push(key);
        }
    }
    Ok(failed)
}

/// Batches of tickets, each ticket once: clients take turns, each with its oldest first.
fn fair_batches(due: BTreeSet<Due>) -> Vec<Vec<TicketKey>> {
    let mut seen = BTreeSet::new();
    let mut by_client: BTreeMap<_, VecDeque<TicketKey>> = BTreeMap::new();
    let mut turns: VecDeque<contracts::ClientId> = VecDeque::new();
    for (_, key) in due {
        if !seen.insert(key.clone()) {
            continue;
        }
        let queue = by_client.entry(key.0.clone()).or_default();
        if queue.is_empty() {
            // In the order of each client's oldest.
            turns.push_back(key.0.clone());
        }
        queue.push_back(key);
    }
    let mut batches: Vec<Vec<TicketKey>> = Vec::new();
    while let Some(client_id) = turns.pop_front() {
        let Some(queue) = by_client.get_mut(&client_id) else { continue };
        let Some(key) = queue.pop_front() else { continue };
        if !queue.is_empty() {
            turns.push_back(client_id);
        }
        match batches.last_mut() {
            Some(batch) if batch.len() < BATCH => batch.push(key),
            _ => batches.push(vec![key]),
        }
    }
    batches
}
