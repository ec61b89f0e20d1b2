//! Tells of what has passed its time, each once: under the ticket's lock, whoever else looks.

use chassis::{Clock, Error, Scope, new_id, store as kept};
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::{Change, Desk, Models, posts, record};
use crate::domain::SupportModel;
use crate::domain::overdue::{coming, passed};
use crate::store::posts::watch;
use crate::store::{self, Key, overdue};

/// What passes sooner than this is looked at when it does; the rest is found by a later look.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// Tickets of one transaction.
const MOST: usize = 200;

/// Looks at a client's approvals and time-boxes, and tells of those that have passed.
///
/// # Errors
/// If the store failed; nothing was told then.
pub async fn look(desk: &Desk, client_id: &ClientId) -> Result<(), Error> {
    let scope = Scope::of(client_id);
    let (models, clock, client) = (desk.models.clone(), desk.ground.clock.clone(), client_id.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(tell(connection, client, models, clock))).await
}

async fn tell(connection: &mut PgConnection, client_id: ClientId, models: Models, clock: Clock) -> Result<(), Error> {
    let now = kept::now(connection, &clock).await?;
    let model = models.one(connection, &client_id).await?;
    let front: Vec<i32> = model.tiers.keys().copied().filter(|tier| model.is_front(*tier)).collect();
    let until = now.saturating_add(AHEAD).unwrap_or(now);
    let found = overdue::until(connection, &client_id, &front, model.shortest_time_box(), until).await?;
    let is_all = found.len() <= MOST;
    let keys: Vec<Key> = found.into_iter().take(MOST).map(|ticket_id| (client_id.clone(), ticket_id)).collect();
    let known = store::ticket::lock_known(connection, &keys).await?;
    let mut next_at: Option<Timestamp> = None;
    let mut changes = Vec::new();
    for ticket in known.values() {
        let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: None };
        for (at, event) in passed(&ticket.work, &model, now) {
            posts::by_desk(&mut change, event, new_id(), at, now, "the watch");
        }
        next_at = earliest(next_at, &change, &model);
        if !change.happened.is_empty() {
            changes.push(change);
        }
    }
    changes.sort_by_key(|change| change.ticket.ticket_id);
    record(connection, &changes, |_| Some(&*model)).await?;
    let next_at = if is_all { next_at.filter(|at| *at <= until) } else { Some(now) };
    match next_at {
        Some(at) => watch(connection, &client_id, at).await,
        None => Ok(()),
    }
}

/// When there is something to tell next.
fn earliest(known: Option<Timestamp>, change: &Change, model: &SupportModel) -> Option<Timestamp> {
    let next = coming(&change.ticket.work, model).first().map(crate::domain::overdue::Step::at);
    [known, next].into_iter().flatten().min()
}
