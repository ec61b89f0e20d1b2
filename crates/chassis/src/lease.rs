//! Who works on which of the 64 shards: leases with an epoch that fences their former holders.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use uuid::Uuid;

use crate::{Error, Ground, new_id};

/// How long a lease lasts by the database's clock.
pub const LEASE_FOR: Duration = Duration::from_secs(10);
/// A lease that lasts longer is of a time that the database's clock was put back from: its holder may be gone, and
/// nobody would take over until that time comes again.
const AT_MOST: Duration = Duration::from_secs(2 * LEASE_FOR.as_secs());
/// How often it is renewed. What a lost holder had is another one's this long after its leases ran out, at the latest.
const RENEW_EVERY: Duration = Duration::from_millis(1_500);
/// A holder that could not renew for so long, by its own monotonic clock, holds nothing any more.
const FENCE_AFTER: Duration = Duration::from_secs(8);

/// The shards that this process holds for one purpose.
#[derive(Debug, Clone)]
pub struct Leases {
    purpose: &'static str,
    holder: Uuid,
    held: Arc<Mutex<Held>>,
    changed: Arc<tokio::sync::Notify>,
}

#[derive(Debug, Default)]
struct Held {
    /// Shard → epoch.
    shards: BTreeMap<i16, i64>,
    /// By the monotonic clock: when the last successful renewal was *begun*.
    renewed_at: Option<Instant>,
}

impl Leases {
    /// No shards yet; [`Leases::keep`] gets them.
    pub fn new(purpose: &'static str) -> Self {
        Self { purpose, holder: new_id(), held: Arc::default(), changed: Arc::default() }
    }

    /// Shard → epoch, as far as it is certain that they are still ours.
    pub fn held(&self) -> BTreeMap<i16, i64> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match held.renewed_at {
            Some(renewed_at) if renewed_at.elapsed() < FENCE_AFTER => held.shards.clone(),
            _ => BTreeMap::new(),
        }
    }

    /// Resolves after the set of shards has changed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Gets and renews a fair share of the shards until the service stops, then gives them back.
    pub async fn keep(self, ground: Ground) {
        while !ground.stop.are_doors_closed() {
            if let Err(error) = self.renew(&ground).await {
                tracing::warn!(error = %error.chain(), purpose = self.purpose, "leases could not be renewed");
            }
            tokio::select! {
                () = tokio::time::sleep(RENEW_EVERY) => {}
                () = ground.stop.doors_closed() => {}
            }
        }
    }

    /// One round: renew what is ours, take what is free up to a fair share, release what is above it.
    ///
    /// # Errors
    /// If the store failed; what was held stays held until it fences itself.
    pub async fn renew(&self, ground: &Ground) -> Result<(), Error> {
        let begun_at = Instant::now();
        let (purpose, holder) = (self.purpose, self.holder);
        let shards = ground
            .store
            .machinery(move |connection| Box::pin(async move { renew_rows(connection, purpose, holder).await }))
            .await?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        ground.metrics.leases(purpose, shards.len());
        let is_changed = held.shards != shards;
        held.shards = shards;
        held.renewed_at = Some(begun_at);
        drop(held);
        if is_changed {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Gives all shards back, so that another replica has them at once. If the store fails, they run out by themselves.
    pub async fn release(&self, ground: &Ground) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).shards.clear();
        let (purpose, holder) = (self.purpose, self.holder);
        ground.metrics.leases(purpose, 0);
        let released = ground.store.machinery(move |connection| Box::pin(release_rows(connection, purpose, holder)));
        if let Err(error) = released.await {
            tracing::warn!(error = %error.chain(), purpose, "leases were not released and will run out");
        }
    }

    /// Who we are in the lease table.
    pub fn holder(&self) -> Uuid {
        self.holder
    }
}

/// One replica at a time: the shares then add up, and nobody waits in a circle.
async fn take_turn(connection: &mut PgConnection, purpose: &str) -> Result<(), Error> {
    sqlx::query("SELECT pg_advisory_xact_lock(hashtext('lease ' || $1))").bind(purpose).execute(connection).await?;
    Ok(())
}

async fn release_rows(connection: &mut PgConnection, purpose: &str, holder: Uuid) -> Result<(), Error> {
    take_turn(connection, purpose).await?;
    sqlx::query("UPDATE lease SET expires_at = '-infinity', holder = NULL WHERE purpose = $1 AND holder = $2")
        .bind(purpose)
        .bind(holder)
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM lease_holder WHERE purpose = $1 AND holder = $2")
        .bind(purpose)
        .bind(holder)
        .execute(connection)
        .await?;
    Ok(())
}

async fn renew_rows(connection: &mut PgConnection, purpose: &str, holder: Uuid) -> Result<BTreeMap<i16, i64>, Error> {
    let seconds = LEASE_FOR.as_secs_f64();
    take_turn(connection, purpose).await?;
    sqlx::query(
        "INSERT INTO lease_holder (purpose, holder, seen_until) VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (purpose, holder) DO UPDATE SET seen_until = excluded.seen_until",
    )
    .bind(purpose)
    .bind(holder)
    .bind(seconds)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "DELETE FROM lease_holder WHERE purpose = $1 AND seen_until NOT BETWEEN clock_timestamp()
             AND clock_timestamp() + make_interval(secs => $2)",
    )
    .bind(purpose)
    .bind(AT_MOST.as_secs_f64())
    .execute(&mut *connection)
    .await?;
    let (holders, shards): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM lease_holder WHERE purpose = $1), (SELECT count(*) FROM lease WHERE purpose = $1)",
    )
    .bind(purpose)
    .fetch_one(&mut *connection)
    .await?;
    let share = (shards + holders - 1) / holders.max(1);
    // Ours first, then the free ones; a lease that ran out is taken over with the next epoch even if it was ours,
    // because another holder may have worked in between.
    let rows: Vec<(i16, i64)> = sqlx::query_as(
        "WITH chosen AS (
             SELECT shard FROM lease
             WHERE purpose = $1 AND (holder = $2 OR holder IS NULL OR expires_at NOT BETWEEN clock_timestamp()
                 AND clock_timestamp() + make_interval(secs => $5))
             ORDER BY (holder = $2 AND expires_at >= clock_timestamp()) DESC NULLS LAST, shard
             LIMIT $3),
         locked AS MATERIALIZED (
             SELECT shard FROM lease WHERE purpose = $1 AND shard IN (SELECT shard FROM chosen)
             ORDER BY shard FOR UPDATE)
         UPDATE lease SET
             epoch = epoch + CASE WHEN holder = $2 AND expires_at >= clock_timestamp() THEN 0 ELSE 1 END,
             holder = $2, expires_at = clock_timestamp() + make_interval(secs => $4)
         WHERE purpose = $1 AND shard IN (SELECT shard FROM locked)
         RETURNING shard, epoch",
    )
    .bind(purpose)
    .bind(holder)
    .bind(share)
    .bind(seconds)
    .bind(AT_MOST.as_secs_f64())
    .fetch_all(&mut *connection)
    .await?;
    let held: BTreeMap<i16, i64> = rows.into_iter().collect();
    sqlx::query(
        "UPDATE lease SET holder = NULL, expires_at = '-infinity'
         WHERE purpose = $1 AND holder = $2 AND shard <> ALL($3)",
    )
    .bind(purpose)
    .bind(holder)
    .bind(held.keys().copied().collect::<Vec<i16>>())
    .execute(connection)
    .await?;
    Ok(held)
}
