//! Other time zone rules than last time: then all clocks that run are computed anew.

use std::time::Duration;

use chassis::{Error, Scope};
use jiff::Timestamp;
use sqlx::PgConnection;

use crate::domain::zone::rules_version;
use crate::handle::Timer;
use crate::store;

/// How long to wait for a store that cannot be reached.
const AGAIN: Duration = Duration::from_secs(2);

/// Compares the rules once the store can be reached; lets the alarm look at all open tickets if they are others.
pub async fn follow(timer: Timer) {
    let stop = timer.ground.stop.clone();
    loop {
        match compare(&timer).await {
            Ok(true) => {
                let rules = rules_version();
                return tracing::info!(rules, "the time zone rules are new here; clocks that run go by them");
            }
            Ok(false) => return,
            Err(error) => tracing::debug!(error = %error.chain(), "the time zone rules are compared later"),
        }
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            () = stop.asked() => return,
        }
    }
}

async fn compare(timer: &Timer) -> Result<bool, Error> {
    let (store, rules, now) = (&timer.ground.store, rules_version(), timer.ground.clock.now());
    let is_new = store.unit_of_work(&Scope::Every, move |connection| Box::pin(look(connection, rules, now))).await?;
    if is_new {
        // Afterwards: whoever dies in between lets them be looked at once more.
        store.machinery(move |connection| Box::pin(store::save_zone_rules(connection, rules))).await?;
    }
    Ok(is_new)
}

async fn look(connection: &mut PgConnection, rules: &str, now: Timestamp) -> Result<bool, Error> {
    let known = store::zone_rules(connection).await?;
    if known.as_ref().is_some_and(|known| known != rules) {
        store::look_at_all_anew(connection, now).await?;
    }
    Ok(known.is_none_or(|known| known != rules))
}
