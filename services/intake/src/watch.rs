//! The watch: ends hold-offs, and notices signs of life that stay away.
//!
//! The rows are the truth and the database's clock decides. Replicas share the work by leases; what happens happens once
//! all the same, because the row that says so goes in the same transaction.

use std::time::Duration;

use chassis::lease::Leases;
use chassis::{Error, Ground, store as kept};
use jiff::Timestamp;

use crate::handle::{alerts, heartbeats};
use crate::settings::Settings;
use crate::store::{self, Due};

/// How long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(1);
/// What is done of one kind in a round.
const BATCH: i64 = 500;

/// Watches until the service stops, then gives its shards back.
pub async fn run(ground: Ground, settings: Settings, leases: Leases) {
    while !ground.stop.is_asked() {
        let until = match round(&ground, &settings, &leases).await {
            Ok(None) => continue,
            Ok(Some(until)) => until,
            Err(error) => {
                tracing::warn!(error = %error.chain(), "the watch over alerts could not do what is due; trying again");
                None
            }
        };
        tokio::select! {
            () = ground.clock.wait_until(until, SLEEP) => {}
            () = leases.changed() => {}
            () = ground.stop.asked() => {}
        }
    }
    ground.stop.doors_closed().await;
    leases.release(&ground).await;
}

/// Does what is due. `None`: there may be more; else when there is something next, by our clock.
async fn round(ground: &Ground, settings: &Settings, leases: &Leases) -> Result<Option<Option<Timestamp>>, Error> {
    let shards: Vec<i16> = leases.held().keys().copied().collect();
    if shards.is_empty() {
        return Ok(Some(None));
    }
    let clock = ground.clock.clone();
    let Due { alerts: over, heartbeats: missed, next_at } = ground
        .store
        .machinery(move |connection| {
            Box::pin(async move {
                let now = kept::now(connection, &clock).await?;
                let ahead_by = clock.behind_by(now);
                let mut due = store::due(connection, &shards, now, BATCH).await?;
                due.next_at = due.next_at.map(|at| at.saturating_sub(ahead_by).unwrap_or(at));
                Ok::<_, Error>(due)
            })
        })
        .await?;
    let is_full = |count: usize| i64::try_from(count).is_ok_and(|count| count >= BATCH);
    let is_more = is_full(over.len()) || is_full(missed.len());
    alerts::clear(ground, over).await?;
    for (client_id, name) in missed {
        heartbeats::miss(ground, settings, client_id, name).await?;
    }
    Ok((!is_more).then_some(next_at))
}
