//! From the outbox to JetStream: in commit order, hundreds in flight, and again from the start when the stream was lost.

mod publish;
mod rows;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::bus::jittered;
use crate::lease::Leases;
use crate::metrics::Batch;
use crate::{Error, Ground, stream_for};
use publish::publish;
use rows::{Row, load_rows, load_shards, save_shards};
pub(crate) use rows::{depth, waiting};

/// Rows read and published at once: all of them are in flight together. At most 1,000, which is what JetStream takes as
/// one.
const BATCH: i64 = 512;
/// From the beginning of one round to that of the next, at least, while there is no more than a batch: what is committed
/// meanwhile goes together. A lone fact never waits. Each round syncs the bus' disk as intake's next group syncs its own:
/// with 3 ms a post on one of eight connections was acknowledged after 8.0 ms (p99) instead of 6.2.
const GATHERS_FOR: Duration = Duration::from_millis(8);
/// How long to wait for another process' commits; our own wake us.
const IDLE_POLL: Duration = Duration::from_millis(200);
/// How soon to look again while a commit may still be hidden behind an older running transaction.
const BUSY_POLL: Duration = Duration::from_millis(5);
/// How often the stream is compared with what we have seen of it.
const STREAM_CHECK_EVERY: Duration = Duration::from_secs(2);
/// How often the cursors are saved while there is much to do. What is published twice after a crash is dropped by the
/// listeners' inboxes.
const SAVE_EVERY: Duration = Duration::from_millis(500);
/// The same while there is little to do.
const SAVE_EVERY_WHEN_IDLE: Duration = Duration::from_millis(150);

/// A place in the outbox, in commit order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Cursor {
    xid: i64,
    position: i64,
    appended_on: jiff::civil::Date,
}

impl Cursor {
    const BEGINNING: Self = Self { xid: 0, position: 0, appended_on: jiff::civil::Date::constant(1970, 1, 1) };
}

/// How far a shard is announced, and on which stream: up to `cursor`, all is in the stream that was created at
/// `created_at`, by `last_sequence` at the latest.
#[derive(Debug, Clone)]
struct Shard {
    epoch: i64,
    cursor: Cursor,
    /// Empty: nothing was announced yet.
    created_at: String,
    last_sequence: u64,
}

/// Announces a service's facts until the service stops; then announces the rest and gives its shards back.
pub(crate) async fn run(ground: Ground, package: &'static str, leases: Leases) {
    let mut relay = Relay::new(ground, package, leases);
    let mut failures = 0;
    let mut quiet = 0;
    loop {
        let stopping = relay.ground.stop.are_doors_closed();
        let begun_at = Instant::now();
        match relay.round().await {
            Ok(Progress::Full) => continue,
            Ok(Progress::Some) => quiet = 0,
            Ok(Progress::None) => quiet += 1,
            Err(error) => {
                if failures % 20 == 0 {
                    tracing::warn!(error = %error.chain(), "facts wait in the outbox");
                }
                failures += 1;
                if stopping {
                    break;
                }
                tokio::time::sleep(jittered(Duration::from_millis(20), failures, Duration::from_secs(2))).await;
                continue;
            }
        };
        failures = 0;
        if stopping {
            break;
        }
        tokio::select! {
            () = relay.ground.store.committed() => quiet = 0,
            () = relay.leases.changed() => {}
            () = relay.ground.stop.doors_closed() => {}
            () = tokio::time::sleep(BUSY_POLL.saturating_mul(1 << quiet.min(16)).min(IDLE_POLL)) => {}
        }
        tokio::time::sleep_until(begun_at + GATHERS_FOR).await;
    }
    if let Err(error) = relay.save().await {
        tracing::warn!(error = %error.chain(), "the relay's cursors were not saved; some facts will be published again");
    }
    relay.leases.release(&relay.ground).await;
}

enum Progress {
    None,
    Some,
    Full,
}

struct Relay {
    ground: Ground,
    stream: String,
    leases: Leases,
    shards: BTreeMap<i16, Shard>,
    /// The highest sequence that was acknowledged to us.
    last_sequence: u64,
    /// An acknowledgement below it: the stream is not what it was.
    went_back: bool,
    /// `None`: look at the stream before anything is published.
    checked_at: Option<Instant>,
    /// The stream takes atomic batches.
    takes_batches: bool,
    /// Read while the batch before was on its way: what comes after this place.
    ahead: Option<(Cursor, Vec<Row>)>,
    saved_at: Instant,
    is_unsaved: bool,
}

impl Relay {
    fn new(ground: Ground, package: &'static str, leases: Leases) -> Self {
        Self {
            ground,
            stream: stream_for(package),
            leases,
            shards: BTreeMap::new(),
            last_sequence: 0,
            went_back: false,
            checked_at: None,
            takes_batches: false,
            ahead: None,
            saved_at: Instant::now(),
            is_unsaved: false,
        }
    }

    async fn round(&mut self) -> Result<Progress, Error> {
        self.follow_leases().await?;
        if self.shards.is_empty() {
            return Ok(Progress::None);
        }
        if self.checked_at.is_none_or(|checked_at| checked_at.elapsed() >= STREAM_CHECK_EVERY) {
            self.check_stream().await?;
            self.checked_at = Some(Instant::now());
        }
        let progress = self.publish_next().await?;
        let is_idle = matches!(progress, Progress::None);
        let save_every = if is_idle { SAVE_EVERY_WHEN_IDLE } else { SAVE_EVERY };
        if self.is_unsaved && self.saved_at.elapsed() >= save_every {
            self.save().await?;
        }
        Ok(progress)
    }

    /// Loads the cursors of new shards, forgets those of lost ones.
    async fn follow_leases(&mut self) -> Result<(), Error> {
        let held = self.leases.held();
        self.shards.retain(|shard, known| held.get(shard) == Some(&known.epoch));
        let new: BTreeMap<i16, i64> = held.into_iter().filter(|(shard, _)| !self.shards.contains_key(shard)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let rows = self.ground.store.machinery(move |connection| Box::pin(load_shards(connection, new))).await?;
        self.shards.extend(rows);
        self.checked_at = None;
        Ok(())
    }

    /// Publishes one batch in commit order; returns when all of it is stored. Of much, the next batch is read meanwhile.
    async fn publish_next(&mut self) -> Result<Progress, Error> {
        let Some(from) = self.shards.values().map(|shard| shard.cursor).min() else { return Ok(Progress::None) };
        let mut rows = match self.ahead.take() {
            Some((place, rows)) if place == from => rows,
            _ => self.read(from).await?,
        };
        let Some(last) = rows.last() else { return Ok(Progress::None) };
        let is_full = rows.len() as i64 == BATCH;
        let end = Cursor { xid: last.xid, position: last.position, appended_on: last.appended_on.to_jiff() };
        rows.retain(|row| {
            let cursor = self.shards.get(&row.shard).map(|shard| shard.cursor);
            cursor.is_some_and(|cursor| (cursor.xid, cursor.position) < (row.xid, row.position))
        });
        let count = rows.len();
        if count > 0 {
            self.ground.metrics.batch(Batch::Relay, count);
        }
        let sending = publish(&self.ground, rows, self.takes_batches);
        let (stored, ahead) = match is_full {
            true => tokio::join!(sending, self.read(end)),
            false => (sending.await, Ok(Vec::new())),
        };
        let stored = stored?;
        self.ground.metrics.published(count);
        if stored.first.is_some_and(|first| first <= self.last_sequence) {
            // Another stream, or one without its end, that has meanwhile grown past what we know of it.
            (self.went_back, self.checked_at) = (true, None);
            return Ok(Progress::Full);
        }
        self.last_sequence = self.last_sequence.max(stored.last.unwrap_or_default());
        for shard in self.shards.values_mut() {
            shard.cursor = shard.cursor.max(end);
            shard.last_sequence = self.last_sequence;
        }
        self.is_unsaved = true;
        if is_full {
            self.ahead = ahead.ok().filter(|rows| !rows.is_empty()).map(|rows| (end, rows));
        }
        Ok(match (is_full, count > 0) {
            (true, _) => Progress::Full,
            (false, true) => Progress::Some,
            (false, false) => Progress::None,
        })
    }

    async fn read(&self, from: Cursor) -> Result<Vec<Row>, Error> {
        self.ground.store.look(move |connection| Box::pin(load_rows(connection, from))).await
    }

    /// A stream that is another one, or shorter than what it once acknowledged, was lost: all that the outbox still
    /// keeps is published again. What the listeners know already, their inboxes drop.
    async fn check_stream(&mut self) -> Result<(), Error> {
        let jetstream = &self.ground.bus.jetstream;
        let found = jetstream.get_stream(&self.stream).await.map_err(|error| Error::Unavailable(error.into()))?;
        let info = found.cached_info();
        let (created_at, last_sequence) = (info.created.to_string(), info.state.last_sequence);
        self.takes_batches = info.config.allow_atomic_publish;
        let mut lost = 0;
        for shard in self.shards.values_mut() {
            let is_another = !shard.created_at.is_empty() && shard.created_at != created_at;
            if is_another || self.went_back || shard.last_sequence > last_sequence {
                (shard.cursor, shard.last_sequence) = (Cursor::BEGINNING, 0);
                lost += 1;
            }
            shard.created_at.clone_from(&created_at);
        }
        self.last_sequence = self.shards.values().map(|shard| shard.last_sequence).max().unwrap_or_default();
        if lost > 0 {
            tracing::warn!(stream = self.stream, shards = lost, "the stream was lost; everything is published again");
            // Before anything is published: a stream that has grown past its former length tells nothing any more.
            self.save().await?;
        }
        self.went_back = false;
        Ok(())
    }

    /// Saves how far our shards are. Whoever took one over since is not disturbed: its epoch is another one.
    async fn save(&mut self) -> Result<(), Error> {
        let holder = self.leases.holder();
        let shards = self.shards.clone();
        self.ground.store.machinery(move |connection| Box::pin(save_shards(connection, holder, shards))).await?;
        (self.is_unsaved, self.saved_at) = (false, Instant::now());
        Ok(())
    }
}
