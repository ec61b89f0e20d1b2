//! From the outbox to JetStream: in commit order, hundreds in flight, and again from the start when the stream was lost.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::publish::PublishAck;
use futures::future::try_join_all;
use sqlx::PgConnection;
use tokio::time::Instant;
use tracing::Span;
use uuid::Uuid;

use crate::bus::jittered;
use crate::lease::Leases;
use crate::metrics::{Batch, watch};
use crate::{Error, Ground, stream_for, telemetry};

/// Rows read and published at once: all of them are in flight together.
const BATCH: i64 = 512;
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

#[derive(Debug, sqlx::FromRow)]
struct Row {
    xid: i64,
    position: i64,
    appended_on: jiff_sqlx::Date,
    shard: i16,
    event_id: Uuid,
    ticket_id: Uuid,
    subject: String,
    payload: Vec<u8>,
    traceparent: Option<String>,
}

/// Announces a service's facts until the service stops; then announces the rest and gives its shards back.
pub(crate) async fn run(ground: Ground, package: &'static str, leases: Leases) {
    let mut relay = Relay::new(ground, package, leases);
    let mut failures = 0;
    let mut quiet = 0;
    loop {
        let stopping = relay.ground.stop.are_doors_closed();
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
    }
    if let Err(error) = relay.save().await {
        tracing::warn!(error = %error.chain(), "the relay's cursors were not saved; some facts will be published again");
    }
    if let Err(error) = relay.leases.release(&relay.ground).await {
        tracing::warn!(error = %error.chain(), "the relay's leases were not released and will run out");
    }
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

    /// Publishes one batch in commit order and waits for all acknowledgements.
    async fn publish_next(&mut self) -> Result<Progress, Error> {
        let Some(from) = self.shards.values().map(|shard| shard.cursor).min() else { return Ok(Progress::None) };
        let rows = self.ground.store.look(move |connection| Box::pin(load_rows(connection, from))).await?;
        let Some(last) = rows.last() else { return Ok(Progress::None) };
        let is_full = rows.len() as i64 == BATCH;
        let end = Cursor { xid: last.xid, position: last.position, appended_on: last.appended_on.to_jiff() };
        let mut in_flight = Vec::with_capacity(rows.len());
        for row in rows {
            let cursor = self.shards.get(&row.shard).map(|shard| shard.cursor);
            if cursor.is_some_and(|cursor| (cursor.xid, cursor.position) < (row.xid, row.position)) {
                in_flight.push(self.publish(row).await?);
            }
        }
        let published = !in_flight.is_empty();
        if published {
            self.ground.metrics.batch(Batch::Relay, in_flight.len());
        }
        // Some may fail and others not: all are published again then, and the listeners drop what they have.
        let acknowledged = try_join_all(in_flight).await.map_err(|error| Error::Unavailable(error.into()))?;
        self.ground.metrics.published(acknowledged.len());
        let fresh = || acknowledged.iter().filter(|one| !one.duplicate).map(|one| one.sequence);
        if fresh().any(|sequence| sequence <= self.last_sequence) {
            // Another stream, or one without its end, that has meanwhile grown past what we know of it.
            (self.went_back, self.checked_at) = (true, None);
            return Ok(Progress::Full);
        }
        self.last_sequence = fresh().fold(self.last_sequence, u64::max);
        for shard in self.shards.values_mut() {
            shard.cursor = shard.cursor.max(end);
            shard.last_sequence = self.last_sequence;
        }
        self.is_unsaved = true;
        Ok(match (is_full, published) {
            (true, _) => Progress::Full,
            (false, true) => Progress::Some,
            (false, false) => Progress::None,
        })
    }

    /// Sends one message; its acknowledgement is awaited with the batch's.
    async fn publish(&self, row: Row) -> Result<impl Future<Output = Result<PublishAck, PublishError>> + use<>, Error> {
        let span = self.span_of(&row);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", row.event_id.to_string());
        if let Some(traceparent) = telemetry::traceparent_of(&span).or(row.traceparent) {
            headers.insert("traceparent", traceparent);
        }
        let sent = self
            .ground
            .bus
            .jetstream
            .publish_with_headers(row.subject, headers, row.payload.into())
            .await
            .map_err(|error| Error::Unavailable(error.into()))?;
        Ok(async move {
            let acknowledged = sent.into_future().await;
            if acknowledged.is_err() {
                span.record("otel.status_code", "ERROR");
            }
            acknowledged
        })
    }

    /// A fact's way to the bus, until its acknowledgement.
    fn span_of(&self, row: &Row) -> Span {
        let (service, traceparent) = (self.ground.service, row.traceparent.as_deref());
        let span = telemetry::publish(service, &row.subject, row.event_id, row.ticket_id, traceparent);
        if !span.is_none()
            && let Some(recorded_at) = watch::recorded_at(&row.payload)
        {
            let waited = self.ground.clock.now().duration_since(recorded_at);
            span.record("skranke.outbox.wait_us", i64::try_from(waited.as_micros()).unwrap_or(i64::MAX));
        }
        span
    }

    /// A stream that is another one, or shorter than what it once acknowledged, was lost: all that the outbox still
    /// keeps is published again. What the listeners know already, their inboxes drop.
    async fn check_stream(&mut self) -> Result<(), Error> {
        let jetstream = &self.ground.bus.jetstream;
        let found = jetstream.get_stream(&self.stream).await.map_err(|error| Error::Unavailable(error.into()))?;
        let info = found.cached_info();
        let (created_at, last_sequence) = (info.created.to_string(), info.state.last_sequence);
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

async fn save_shards(connection: &mut PgConnection, holder: Uuid, shards: BTreeMap<i16, Shard>) -> Result<(), Error> {
    let all = || shards.values();
    sqlx::query(
        "WITH ours AS (
             SELECT UNNEST($2::smallint[]) AS shard, UNNEST($3::bigint[]) AS epoch, UNNEST($4::bigint[]) AS xid,
                    UNNEST($5::bigint[]) AS position, UNNEST($6::text[]) AS appended_on,
                    UNNEST($7::text[]) AS stream_created_at, UNNEST($8::bigint[]) AS last_sequence),
         held AS MATERIALIZED (
             SELECT l.shard FROM lease l JOIN ours ON ours.shard = l.shard AND ours.epoch = l.epoch
             WHERE l.purpose = 'relay' AND l.holder = $1 FOR SHARE OF l)
         UPDATE relay_cursor c SET xid = ours.xid, position = ours.position, appended_on = ours.appended_on::date,
             stream_created_at = ours.stream_created_at, last_sequence = ours.last_sequence
         FROM ours JOIN held ON held.shard = ours.shard
         WHERE c.shard = ours.shard AND (c.xid, c.position, c.stream_created_at, c.last_sequence)
             IS DISTINCT FROM (ours.xid, ours.position, ours.stream_created_at, ours.last_sequence)",
    )
    .bind(holder)
    .bind(shards.keys().copied().collect::<Vec<i16>>())
    .bind(all().map(|shard| shard.epoch).collect::<Vec<i64>>())
    .bind(all().map(|shard| shard.cursor.xid).collect::<Vec<i64>>())
    .bind(all().map(|shard| shard.cursor.position).collect::<Vec<i64>>())
    .bind(all().map(|shard| shard.cursor.appended_on.to_string()).collect::<Vec<String>>())
    .bind(all().map(|shard| shard.created_at.clone()).collect::<Vec<String>>())
    .bind(all().map(|shard| i64::try_from(shard.last_sequence).unwrap_or(i64::MAX)).collect::<Vec<i64>>())
    .execute(connection)
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct ShardRow {
    shard: i16,
    xid: i64,
    position: i64,
    appended_on: jiff_sqlx::Date,
    stream_created_at: String,
    last_sequence: i64,
}

/// `new` is shard → epoch.
async fn load_shards(connection: &mut PgConnection, new: BTreeMap<i16, i64>) -> Result<Vec<(i16, Shard)>, Error> {
    let rows: Vec<ShardRow> = sqlx::query_as("SELECT * FROM relay_cursor WHERE shard = ANY($1)")
        .bind(new.keys().copied().collect::<Vec<i16>>())
        .fetch_all(connection)
        .await?;
    let with_epoch = |row: ShardRow| {
        let cursor = Cursor { xid: row.xid, position: row.position, appended_on: row.appended_on.to_jiff() };
        let last_sequence = row.last_sequence.unsigned_abs();
        let epoch = *new.get(&row.shard)?;
        Some((row.shard, Shard { epoch, cursor, created_at: row.stream_created_at, last_sequence }))
    };
    Ok(rows.into_iter().filter_map(with_epoch).collect())
}

/// Sequences are handed out before the commit, so a later row may become visible first. Reading only below the oldest
/// transaction that runs in the snapshot makes (xid, position) final: nothing can appear behind it.
///
/// A transaction that is seen to run in another database of the server after that will not write here. One that is not
/// seen any more may have been ours and ended since, so that it counts; the next reading is past it.
///
/// The day prunes partitions; a transaction that ran over midnight may have written to the day before.
async fn load_rows(connection: &mut PgConnection, from: Cursor) -> Result<Vec<Row>, Error> {
    Ok(sqlx::query_as(
        "SELECT xid, position, appended_on, shard, event_id, ticket_id, subject, payload, traceparent FROM outbox
         WHERE (xid, position) > ($1, $2) AND appended_on >= $3::date - 1
           AND xid < (SELECT coalesce(min(running::text::bigint), pg_snapshot_xmax(pg_current_snapshot())::text::bigint)
                      FROM pg_snapshot_xip(pg_current_snapshot()) AS running
                      WHERE NOT EXISTS (SELECT FROM pg_stat_get_activity(NULL) AS elsewhere
                                        WHERE elsewhere.backend_xid = running::xid AND elsewhere.datid
                                            <> (SELECT oid FROM pg_database WHERE datname = current_database())))
         ORDER BY xid, position LIMIT $4",
    )
    .bind(from.xid)
    .bind(from.position)
    .bind(jiff_sqlx::Date::from(from.appended_on))
    .bind(BATCH)
    .fetch_all(connection)
    .await?)
}

/// How many committed facts are not on the bus yet, as far as the saved cursors tell.
pub(crate) async fn depth(ground: &Ground) -> Result<u64, Error> {
    let depth = ground.store.machinery(|connection| Box::pin(count_waiting(connection, None))).await?;
    Ok(depth.unsigned_abs())
}

/// Rows counted at most: a lost stream makes all of them wait, and whoever watches wants no scan of a week.
const COUNTED: i64 = 100_000;

/// How many committed facts are not on the bus yet, up to [`COUNTED`], and the oldest one's payload.
pub(crate) async fn waiting(ground: &Ground) -> Result<(u64, Option<Vec<u8>>), Error> {
    let (depth, oldest) = ground.store.machinery(|connection| Box::pin(load_waiting(connection))).await?;
    Ok((depth.unsigned_abs(), oldest))
}

/// `most` is where the counting ends; `None`: it counts all.
async fn count_waiting(connection: &mut PgConnection, most: Option<i64>) -> Result<i64, Error> {
    Ok(sqlx::query_scalar(
        "SELECT count(*) FROM (
             SELECT FROM outbox o JOIN relay_cursor c ON c.shard = o.shard
             WHERE o.xid >= (SELECT min(xid) FROM relay_cursor) AND (o.xid, o.position) > (c.xid, c.position)
             LIMIT $1) waiting",
    )
    .bind(most)
    .fetch_one(connection)
    .await?)
}

async fn load_waiting(connection: &mut PgConnection) -> Result<(i64, Option<Vec<u8>>), Error> {
    let depth = count_waiting(connection, Some(COUNTED)).await?;
    if depth == 0 {
        return Ok((0, None));
    }
    let oldest = sqlx::query_scalar(
        "SELECT o.payload FROM outbox o JOIN relay_cursor c ON c.shard = o.shard
         WHERE o.xid >= (SELECT min(xid) FROM relay_cursor) AND (o.xid, o.position) > (c.xid, c.position)
         ORDER BY o.xid, o.position LIMIT 1",
    )
    .fetch_optional(connection)
    .await?;
    Ok((depth, oldest))
}
