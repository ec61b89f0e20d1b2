//! The watch: lets claims lapse when they end, and looks after work that is stale.
//!
//! The rows are the truth and the database's clock decides. Replicas share the work by leases; what happens happens
//! once all the same, because the row that says so goes in the same transaction. A bell in this process wakes it at
//! once where a commit has left something to do.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chassis::lease::Leases;
use chassis::{Error, store as kept};
use contracts::ClientId;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::handle::Desk;
use crate::handle::posts::{let_lapse, look_after};
use crate::handle::{closing, overdue, push, recurrence};
use crate::news::News;
use crate::store::{Key, closing as closing_rows, posts};

/// How long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(1);
/// Claims that lapse in one transaction.
const BATCH: i64 = 100;
/// How often clients without a row are looked for.
const ROUNDS: u32 = 60;

/// Wakes the watch for a client. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Bell {
    clients: Arc<Mutex<BTreeSet<ClientId>>>,
    rung: Arc<Notify>,
}

impl Bell {
    /// There is something to look after.
    pub fn ring(&self, client_id: &ClientId) {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(client_id.clone());
        self.rung.notify_one();
    }

    fn taken(&self) -> BTreeSet<ClientId> {
        std::mem::take(&mut self.clients.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What there is to do.
#[derive(Debug, Default)]
struct Due {
    claims: Vec<Key>,
    /// On which something happens by itself.
    closing: Vec<Key>,
    clients: Vec<ClientId>,
    /// When there is something next, by our clock.
    next_at: Option<Timestamp>,
}

/// What to do after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Another one.
    Round,
    /// Sleep, at most until then by our clock.
    Sleep(Option<Timestamp>),
}

/// Watches until the service stops, then gives its shards back.
pub async fn run(desk: Desk, news: News, leases: Leases) {
    let ground = desk.ground.clone();
    let mut rounds_until_search = 0;
    while !ground.stop.is_asked() {
        let next = watch(&desk, &news, &leases, &mut rounds_until_search).await.unwrap_or_else(|error| {
            tracing::warn!(error = %error.chain(), "the watch could not look after what is due; trying again");
            Next::Sleep(None)
        });
        let Next::Sleep(until) = next else { continue };
        tokio::select! {
            () = ground.clock.wait_until(until, SLEEP) => {}
            () = desk.bell.rung.notified() => {}
            () = leases.changed() => {}
            () = ground.stop.asked() => {}
        }
    }
    ground.stop.doors_closed().await;
    leases.release(&ground).await;
}

async fn watch(desk: &Desk, news: &News, leases: &Leases, rounds_until_search: &mut u32) -> Result<Next, Error> {
    let mut clients = desk.bell.taken();
    let shards: Vec<i16> = leases.held().keys().copied().collect();
    let due = if shards.is_empty() { Due::default() } else { read(desk, shards, *rounds_until_search == 0).await? };
    *rounds_until_search = rounds_until_search.checked_sub(1).unwrap_or(ROUNDS);
    let is_idle = due.closing.is_empty() && due.claims.is_empty() && due.clients.is_empty() && clients.is_empty();
    let is_full = i64::try_from(due.claims.len().max(due.closing.len())).is_ok_and(|count| count >= BATCH);
    // First what the roster says anew: whoever is away now loses what they have in the next round.
    let looked_through = due.clients.clone();
    clients.extend(due.clients);
    for client_id in clients {
        let is_due = looked_through.contains(&client_id);
        if let Err(error) = look_at(desk, &client_id, is_due).await {
            // Its row may say only in a minute that it is due.
            desk.bell.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(client_id);
            return Err(error);
        }
    }
    act_each(desk, due.closing).await?;
    for client_id in let_lapse_each(desk, due.claims).await? {
        desk.bell.ring(&client_id);
    }
    if is_idle {
        let now = desk.ground.clock.now();
        // What is due and did not go stays for the next second.
        return Ok(Next::Sleep(due.next_at.filter(|at| *at > now)));
    }
    news.ring();
    Ok(if is_full { Next::Round } else { Next::Sleep(None) })
}

/// What is stale, what major incidents push along, and once in a while what keeps coming back.
async fn look_at(desk: &Desk, client_id: &ClientId, is_due: bool) -> Result<(), Error> {
    look_after(desk, client_id.clone()).await?;
    if push::push(desk, client_id).await? {
        desk.bell.ring(client_id);
    }
    if is_due {
        overdue::look(desk, client_id).await?;
        recurrence::look(desk, client_id).await?;
    }
    Ok(())
}

/// If one ticket spoils the batch, each for itself.
async fn act_each(desk: &Desk, keys: Vec<Key>) -> Result<(), Error> {
    match closing::act(desk, keys.clone()).await {
        Err(Error::Internal(_)) => {}
        ended => return ended,
    }
    for key in keys {
        if let Err(error) = closing::act(desk, vec![key.clone()]).await {
            tracing::error!(error = %error.chain(), client_id = %key.0, ticket_id = %key.1, "nothing can end by itself");
        }
    }
    Ok(())
}

/// The same for claims.
async fn let_lapse_each(desk: &Desk, keys: Vec<Key>) -> Result<BTreeSet<ClientId>, Error> {
    match let_lapse(desk, keys.clone()).await {
        Ok(clients) => return Ok(clients),
        Err(error @ Error::Unavailable(_)) => return Err(error),
        Err(Error::Internal(_)) => {}
    }
    let mut clients = BTreeSet::new();
    for key in keys {
        match let_lapse(desk, vec![key.clone()]).await {
            Ok(some) => clients.extend(some),
            Err(error) => {
                tracing::error!(error = %error.chain(), client_id = %key.0, ticket_id = %key.1, "a claim cannot lapse");
            }
        }
    }
    Ok(clients)
}

async fn read(desk: &Desk, shards: Vec<i16>, is_thorough: bool) -> Result<Due, Error> {
    let clock = desk.ground.clock.clone();
    let machinery = desk.ground.store.machinery(move |connection| {
        Box::pin(async move {
            let now = kept::now(connection, &clock).await?;
            let ahead_by = clock.behind_by(now);
            if is_thorough {
                posts::watch_all(connection).await?;
            }
            let claims = posts::due(connection, &shards, now, BATCH).await?;
            let closing = closing_rows::due(connection, &shards, now, BATCH).await?;
            let clients = posts::unwatched(connection, &shards, now).await?;
            let next_at = posts::next_at(connection, &shards).await?;
            let closing_at = closing_rows::next_at(connection, &shards).await?;
            let next_at = [next_at, closing_at].into_iter().flatten().min();
            let next_at = next_at.map(|at| at.saturating_sub(ahead_by).unwrap_or(at));
            Ok::<_, Error>(Due { claims, closing, clients, next_at })
        })
    });
    machinery.await
}
