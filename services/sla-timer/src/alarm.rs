//! The alarm: sleeps until the next due instant by the given clock, then lets what is due speak.
//!
//! The row is the truth. Memory holds the next three seconds only and is filled from the rows every second, so that what
//! another replica armed, or was missed by whatever accident, is found; within that a commit of this process wakes the
//! alarm at once. Reading goes on beside the firing, and begins early when of a long list the part that was read runs
//! out. The database's clock decides what is due, the monotonic one how long to sleep.
//!
//! What is due soon is computed ahead, so that at its instant only the keeping and the announcing are left.
//!
//! What becomes due goes out at once in whatever there is; while transactions are under way the next batch gathers, so
//! batches grow with the load. What is overdue goes out one batch after the other, so that it is told in due order.

mod ahead;
mod near;

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use chassis::lease::Leases;
use chassis::{Error, shard_of, store as kept, telemetry};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use jiff::{SignedDuration, Timestamp};
use tokio::time::MissedTickBehavior;
use tracing::Instrument;

use crate::handle::{Fence, Looked, Timer, fire, look_ahead};
use crate::store::{self, TicketKey};
use ahead::Ahead;
pub use near::Near;
use near::{AHEAD, Due, MOST};

#[cfg(test)]
mod tests;

/// How often the rows are read, and how long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(1);
/// Tickets read of each of the 64 shards at once; together what memory holds at most.
const PER_SHARD: i64 = MOST as i64 / 64;
/// Of a long list the next part is read when so few are left.
const FEW: usize = MOST / 8;
/// Tickets that share a transaction.
const BATCH: usize = 400;
/// Transactions under way at once.
const AT_ONCE: usize = 2;
/// What is later than this is told in the order of the due instants, one transaction after the other.
const OVERDUE: SignedDuration = SignedDuration::from_secs(1);
/// How long a ticket that cannot be fired is left alone.
const REST: SignedDuration = SignedDuration::from_secs(60);

/// Rings until the service stops, then gives its shards back.
pub async fn run(timer: Timer, leases: Leases) {
    let mut alarm = Alarm::new(timer, leases);
    let ground = alarm.timer.ground.clone();
    let mut working: FuturesUnordered<BoxFuture<'static, Done>> = FuturesUnordered::new();
    let mut every = tokio::time::interval(SLEEP);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if !ground.stop.is_asked() {
            working.extend(alarm.begin());
        } else if working.is_empty() {
            break;
        }
        let near = alarm.timer.near.clone();
        tokio::select! {
            Some(done) = working.next(), if !working.is_empty() => alarm.take_in(done),
            () = ground.clock.wait_until(alarm.looks_at(), SLEEP), if alarm.has_room() => {}
            () = near.earlier.notified(), if alarm.has_room() => {}
            _ = every.tick() => alarm.must_read = true,
            () = alarm.leases.changed() => alarm.must_read = true,
            () = ground.stop.asked(), if !ground.stop.is_asked() => {}
        }
    }
    ground.stop.doors_closed().await;
    alarm.leases.release(&ground).await;
}

/// What has come to its end.
enum Done {
    Read(Result<Found, Error>),
    /// Looked at what is due soon.
    Looked(Result<Vec<Looked>, Error>),
    /// The tickets of a batch, and which of them must rest.
    Fired(Vec<TicketKey>, Result<Vec<TicketKey>, Error>),
}

/// What was read.
struct Found {
    /// How much later it is by the database's clock.
    ahead_by: SignedDuration,
    due: Vec<Due>,
    /// There may be more.
    is_cut: bool,
}

struct Alarm {
    timer: Timer,
    leases: Leases,
    /// How much later it is by the database's clock.
    ahead_by: SignedDuration,
    /// When the rows were read last, by our clock.
    read_at: Option<Timestamp>,
    must_read: bool,
    is_reading: bool,
    /// The last reading left something in the rows.
    is_cut: bool,
    ahead: Ahead,
    is_looking: bool,
    /// Batches under way, and their tickets.
    batches: usize,
    flying: HashSet<TicketKey>,
    /// Tickets fired since the last reading began, which may have seen them as they were.
    landed: HashSet<TicketKey>,
    /// Tickets that cannot be fired, until when.
    resting: BTreeMap<TicketKey, Timestamp>,
}

impl Alarm {
    fn new(timer: Timer, leases: Leases) -> Self {
        Self {
            timer,
            leases,
            ahead_by: SignedDuration::ZERO,
            read_at: None,
            must_read: true,
            is_reading: false,
            is_cut: false,
            ahead: Ahead::default(),
            is_looking: false,
            batches: 0,
            flying: HashSet::new(),
            landed: HashSet::new(),
            resting: BTreeMap::new(),
        }
    }

    /// Begins what there is to do: a reading, and batches of what is due.
    fn begin(&mut self) -> Vec<BoxFuture<'static, Done>> {
        let mut begun: Vec<BoxFuture<'static, Done>> = Vec::new();
        let leases = self.leases.held();
        if leases.is_empty() {
            self.timer.near.forget();
            self.ahead.forget();
            return begun;
        }
        if self.wants_to_read() {
            self.must_read = false;
            self.is_reading = true;
            self.read_at = Some(self.timer.ground.clock.now());
            self.landed.clear();
            begun.push(Box::pin(read(self.timer.clone(), leases.keys().copied().collect())));
        }
        let now = self.now();
        self.resting.retain(|_, until| *until > now);
        while self.has_room() {
            let resting = &self.resting;
            let fires = |key: &TicketKey| leases.contains_key(&shard_of(key.1)) && !resting.contains_key(key);
            let due = self.timer.near.take(now, BATCH, fires);
            if due.is_empty() {
                break;
            }
            self.batches += 1;
            self.flying.extend(due.iter().map(|(_, key)| key.clone()));
            let fence = Fence { holder: self.leases.holder(), leases: leases.clone() };
            let seen = self.ahead.take(&due);
            begun.push(Box::pin(fire_measured(self.timer.clone(), due, seen, fence, self.ahead_by)));
        }
        let wanted = if self.is_looking { Vec::new() } else { self.ahead.next(now) };
        if !wanted.is_empty() {
            self.is_looking = true;
            let timer = self.timer.clone();
            begun.push(Box::pin(async move { Done::Looked(look_ahead(&timer, wanted).await) }));
        }
        begun
    }

    fn wants_to_read(&self) -> bool {
        let is_time = self.read_at.and_then(|at| at.checked_add(SLEEP).ok()).is_none_or(|at| at <= self.clock_now());
        let runs_out = self.is_cut && self.timer.near.len() < FEW;
        !self.is_reading && (self.must_read || is_time || runs_out)
    }

    /// Whether another batch may begin.
    fn has_room(&self) -> bool {
        let oldest = self.timer.near.first_at();
        let is_overdue = oldest.is_some_and(|at| self.now().duration_since(at) > OVERDUE);
        self.batches < if is_overdue { 1 } else { AT_ONCE }
    }

    fn take_in(&mut self, done: Done) {
        match done {
            Done::Read(found) => {
                self.is_reading = false;
                match found {
                    Ok(found) => self.remember(found),
                    Err(error) => {
                        tracing::warn!(error = %error.chain(), "the alarm could not look at what is due; trying again");
                    }
                }
            }
            Done::Looked(seen) => {
                self.is_looking = false;
                match seen {
                    Ok(seen) => self.ahead.add(seen),
                    // They are looked at when they are due.
                    Err(error) => tracing::debug!(error = %error.chain(), "the alarm could not look ahead"),
                }
            }
            Done::Fired(batch, outcome) => {
                self.batches -= 1;
                for key in &batch {
                    self.flying.remove(key);
                }
                match outcome {
                    Ok(failed) => {
                        let until = self.now().saturating_add(REST).unwrap_or(Timestamp::MAX);
                        self.resting.extend(failed.into_iter().map(|key| (key, until)));
                        self.landed.extend(batch);
                    }
                    // The next reading finds them again.
                    Err(error) => {
                        tracing::warn!(error = %error.chain(), "what is due could not be fired; trying again");
                    }
                }
            }
        }
    }

    fn remember(&mut self, found: Found) {
        let Found { ahead_by, mut due, is_cut } = found;
        self.ahead_by = ahead_by;
        self.timer.near.goes_by(ahead_by);
        let is_busy =
            |key: &TicketKey| self.flying.contains(key) || self.landed.contains(key) || self.resting.contains_key(key);
        due.retain(|(_, key)| !is_busy(key));
        // Where nothing new was found, the next second is soon enough.
        self.is_cut = is_cut && !due.is_empty();
        self.ahead.want(&due, self.now());
        self.timer.near.add(due);
        self.timer.ground.metrics.clocks_due(self.timer.near.len() + self.flying.len());
    }

    /// When to look again, by our clock.
    fn looks_at(&self) -> Option<Timestamp> {
        let sooner = self.timer.near.first_at().map(|at| at.saturating_sub(self.ahead_by).unwrap_or(at));
        let again = self.read_at.filter(|_| !self.is_reading).and_then(|at| at.checked_add(SLEEP).ok());
        sooner.into_iter().chain(again).min()
    }

    fn clock_now(&self) -> Timestamp {
        self.timer.ground.clock.now()
    }

    /// Now by the database's clock, as far as we know it.
    fn now(&self) -> Timestamp {
        let now = self.clock_now();
        now.saturating_add(self.ahead_by).unwrap_or(now)
    }
}

/// Reads what is due soon.
async fn read(timer: Timer, shards: Vec<i16>) -> Done {
    let clock = timer.ground.clock.clone();
    let found = timer.ground.store.machinery(move |connection| {
        Box::pin(async move {
            let now = kept::now(connection, &clock).await?;
            // Right after the answer: what we take for the database's now is never later than it is.
            let ahead_by = clock.behind_by(now);
            let until = now.saturating_add(AHEAD).unwrap_or(now);
            let due = store::due(connection, &shards, until, PER_SHARD).await?;
            Ok::<_, Error>(Found { ahead_by, is_cut: is_cut(&due), due })
        })
    });
    Done::Read(found.await)
}

/// Whether of some shard only a part was read.
fn is_cut(due: &[Due]) -> bool {
    let mut of_shard: BTreeMap<i16, i64> = BTreeMap::new();
    for (_, (_, ticket_id)) in due {
        *of_shard.entry(shard_of(*ticket_id)).or_default() += 1;
    }
    of_shard.values().any(|count| *count >= PER_SHARD)
}

/// Fires a batch in a trace of its own, and measures how late its clocks spoke.
async fn fire_measured(timer: Timer, due: Vec<Due>, seen: Vec<Looked>, fence: Fence, ahead_by: SignedDuration) -> Done {
    let span = telemetry::begun(timer.ground.service, "ring", due.len());
    let batch: Vec<TicketKey> = due.iter().map(|(_, key)| key.clone()).collect();
    let outcome = fire_batch(&timer, batch.clone(), seen, fence).instrument(span).await;
    if let Ok(failed) = &outcome {
        let now = timer.ground.clock.now();
        let now = now.saturating_add(ahead_by).unwrap_or(now);
        for (at, _) in due.iter().filter(|(_, key)| !failed.contains(key)) {
            timer.ground.metrics.clock_spoke(Duration::try_from(now.duration_since(*at)).unwrap_or_default());
        }
    }
    Done::Fired(batch, outcome)
}

/// Fires a batch; if one ticket spoils it, each for itself. Returns those that must rest.
async fn fire_batch(
    timer: &Timer,
    batch: Vec<TicketKey>,
    seen: Vec<Looked>,
    fence: Fence,
) -> Result<Vec<TicketKey>, Error> {
    match fire(timer, batch.clone(), seen, fence.clone()).await {
        Ok(()) => return Ok(Vec::new()),
        Err(error @ Error::Unavailable(_)) => return Err(error),
        Err(Error::Internal(_)) => {}
    }
    let mut failed = Vec::new();
    for key in batch {
        if let Err(error) = fire(timer, vec![key.clone()], Vec::new(), fence.clone()).await {
            tracing::error!(error = %error.chain(), client_id = %key.0, ticket_id = %key.1, "a ticket's clocks cannot be fired");
            failed.push(key);
        }
    }
    Ok(failed)
}
