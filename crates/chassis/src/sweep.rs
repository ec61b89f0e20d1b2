//! Rows that a service keeps for a while only: deleted in small batches once they are old.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sqlx::AssertSqlSafe;

use crate::{Error, Ground, Scope, store as kept};

/// How long after the start: who waits for the service comes first.
const AFTER: Duration = Duration::from_secs(5);
/// How often.
const EVERY: Duration = Duration::from_secs(3600);
/// Rows of one transaction.
const BATCH: i64 = 1_000;

/// What is kept for a while only.
#[derive(Debug, Clone, Copy)]
pub struct Sweep {
    /// Of what, for the log.
    pub what: &'static str,
    /// For so many days.
    pub days: i64,
    /// Deletes rows of before `$1`, about `$2` of them.
    pub sql: &'static str,
}

/// Sweeps soon after the start and every hour, until the service stops. Any replica may: what one has deleted, another does not
/// find.
pub async fn run(ground: Ground, sweeps: &'static [Sweep]) {
    tokio::select! {
        () = tokio::time::sleep(AFTER) => {}
        () = ground.stop.asked() => {}
    }
    while !ground.stop.is_asked() {
        for sweep in sweeps {
            match all(&ground, *sweep).await {
                Ok(0) => {}
                Ok(rows) => tracing::info!(rows, what = sweep.what, days = sweep.days, "what was old was deleted"),
                Err(error) => {
                    tracing::warn!(error = %error.chain(), what = sweep.what, "what is old cannot be deleted now");
                }
            }
        }
        let until = ground.clock.now().checked_add(SignedDuration::from_hours(1)).ok();
        tokio::select! {
            () = ground.clock.wait_until(until, EVERY) => {}
            () = ground.stop.asked() => {}
        }
    }
}

/// All that is old by now, batch by batch.
async fn all(ground: &Ground, sweep: Sweep) -> Result<u64, Error> {
    let mut rows = 0;
    while !ground.stop.is_asked() {
        let some = some(ground, sweep).await?;
        if some == 0 {
            break;
        }
        rows += some;
    }
    Ok(rows)
}

async fn some(ground: &Ground, sweep: Sweep) -> Result<u64, Error> {
    let clock = ground.clock.clone();
    let swept = ground.store.unit_of_work(&Scope::Every, move |connection| {
        Box::pin(async move {
            let now = kept::now(connection, &clock).await?;
            let before = now.checked_sub(SignedDuration::from_hours(24 * sweep.days)).unwrap_or(Timestamp::MIN);
            let swept = sqlx::query(AssertSqlSafe(sweep.sql))
                .bind(jiff_sqlx::Timestamp::from(before))
                .bind(BATCH)
                .execute(connection)
                .await?;
            Ok::<_, Error>(swept.rows_affected())
        })
    });
    swept.await
}
