//! Looks at what rules have to look at: facts at once, stays and times of day when they are due by the database's clock.
//!
//! As with the watch the rows are the truth. It works on the shards that the watch holds; what is done is done once all
//! the same, because what had to be looked at goes away in the same transaction.

use std::time::Duration;

use chassis::lease::Leases;
use chassis::{Error, store as kept};
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};

use crate::handle::Desk;
use crate::handle::automation::carry::{self, Named};
use crate::handle::automation::plan;
use crate::news::News;
use crate::store::automation as rows;

/// How long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(1);
/// How long it gathers after something was committed here.
const GATHER: Duration = Duration::from_millis(20);
/// What is looked at in one transaction.
const BATCH: i64 = 100;
/// How much later it is tried again what cannot be looked at.
const LATER: SignedDuration = SignedDuration::from_mins(1);

/// What there is to do.
#[derive(Debug, Default)]
struct Due {
    named: Vec<Named>,
    clients: Vec<ClientId>,
    /// When there is something next, by our clock.
    next_at: Option<Timestamp>,
}

/// Looks until the service stops.
pub async fn run(desk: Desk, news: News, leases: Leases) {
    let ground = desk.ground.clone();
    let mut rings = news.listen();
    while !ground.stop.is_asked() {
        rings.mark_unchanged();
        let until = match round(&desk, &news, &leases).await {
            Ok(Some(until)) => until,
            Ok(None) => continue,
            Err(error) => {
                tracing::warn!(error = %error.chain(), "rules could not be looked at; trying again");
                None
            }
        };
        let has_rules = desk.models.has_rules();
        tokio::select! {
            () = ground.clock.wait_until(until, SLEEP) => {}
            Ok(()) = rings.changed(), if has_rules => tokio::time::sleep(GATHER).await,
            () = ground.stop.asked() => {}
        }
    }
}

/// One round. `None`: there may be more at once; else until when to sleep.
async fn round(desk: &Desk, news: &News, leases: &Leases) -> Result<Option<Option<Timestamp>>, Error> {
    let shards: Vec<i16> = leases.held().keys().copied().collect();
    if shards.is_empty() {
        return Ok(Some(None));
    }
    let due = read(desk, shards).await?;
    let is_idle = due.named.is_empty() && due.clients.is_empty();
    for client_id in &due.clients {
        plan::look_through(desk, client_id).await?;
    }
    carry_out_each(desk, due.named).await?;
    if is_idle {
        let now = desk.ground.clock.now();
        // What is due and did not go stays for the next second.
        return Ok(Some(due.next_at.filter(|at| *at > now)));
    }
    news.ring();
    Ok(None)
}

/// If one spoils the batch, each for itself; what cannot be looked at comes later, so that it holds up nothing else.
async fn carry_out_each(desk: &Desk, named: Vec<Named>) -> Result<(), Error> {
    match carry::carry_out(desk, named.clone()).await {
        Ok(clients) => {
            clients.iter().for_each(|client_id| desk.bell.ring(client_id));
            return Ok(());
        }
        Err(error @ Error::Unavailable(_)) => return Err(error),
        Err(Error::Internal(_)) => {}
    }
    for one in named {
        match carry::carry_out(desk, vec![one.clone()]).await {
            Ok(clients) => clients.iter().for_each(|client_id| desk.bell.ring(client_id)),
            Err(error @ Error::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::error!(error = %error.chain(), client_id = %one.0, ticket_id = %one.2, "rules cannot look at it");
                carry::put_off(desk, one, LATER).await?;
            }
        }
    }
    Ok(())
}

async fn read(desk: &Desk, shards: Vec<i16>) -> Result<Due, Error> {
    let clock = desk.ground.clock.clone();
    let machinery = desk.ground.store.machinery(move |connection| {
        Box::pin(async move {
            let now = kept::now(connection, &clock).await?;
            let ahead_by = clock.behind_by(now);
            let named = rows::due(connection, &shards, now, BATCH).await?;
            let clients = rows::clients_due(connection, &shards, now).await?;
            let next_at = rows::next_at(connection, &shards).await?;
            let next_at = next_at.map(|at| at.saturating_sub(ahead_by).unwrap_or(at));
            Ok::<_, Error>(Due { named, clients, next_at })
        })
    });
    machinery.await
}
