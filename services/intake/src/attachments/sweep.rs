//! Takes away what no row names: halves of files, and files whose row never came.

use std::collections::HashSet;
use std::time::Duration;

use chassis::Ground;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};

use super::Shelf;
use super::shelf::Lying;
use crate::store::attachments as rows;

/// How often. The first time is at the start.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// How soon again where it failed.
const AGAIN: Duration = Duration::from_secs(60);
/// So old is what is taken away: nothing comes for longer.
const AGE: SignedDuration = SignedDuration::from_hours(1);
/// Objects that are looked up at once.
const BATCH: usize = 1_000;

/// Sweeps until the service stops. Any replica may: what one has taken away, another does not find.
pub async fn run(ground: Ground, shelf: Shelf) {
    while !ground.stop.is_asked() {
        let pause = match sweep(&ground, &shelf).await {
            Ok(0) => EVERY,
            Ok(removed) => {
                tracing::info!(removed, "files that belong to no ticket were taken away");
                EVERY
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the object store cannot be swept now; trying again");
                AGAIN
            }
        };
        tokio::select! {
            () = ground.clock.wait_until(None, pause) => {}
            () = ground.stop.asked() => {}
        }
    }
}

async fn sweep(ground: &Ground, shelf: &Shelf) -> anyhow::Result<usize> {
    let now = ground.clock.now();
    let until = now.checked_sub(AGE)?;
    let mut removed = shelf.remove_half(until).await?;
    let mut batch: Vec<Lying> = Vec::new();
    let mut lying = shelf.lying();
    loop {
        let next = lying.try_next().await?;
        let is_end = next.is_none();
        batch.extend(next.filter(|one| one.since_at < until));
        if is_end || batch.len() >= BATCH {
            removed += remove_unknown(ground, shelf, std::mem::take(&mut batch), until).await?;
        }
        if is_end {
            return Ok(removed);
        }
    }
}

async fn remove_unknown(ground: &Ground, shelf: &Shelf, batch: Vec<Lying>, until: Timestamp) -> anyhow::Result<usize> {
    let asked = batch.clone();
    let known: HashSet<(String, String)> = ground
        .store
        .machinery(move |connection| Box::pin(async move { rows::known(connection, &asked).await }))
        .await?
        .into_iter()
        .collect();
    let unknown = batch.into_iter().filter(|one| !known.contains(&(one.client_id.clone(), one.sha256.clone())));
    let mut removed = 0;
    for one in unknown.filter(|one| one.since_at < until) {
        shelf.remove(&one).await?;
        removed += 1;
    }
    Ok(removed)
}
