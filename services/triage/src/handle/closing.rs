//! Reminders, questions and ends that come by themselves: each once, when it was due.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Clock, Error, Scope, store as kept};

use super::{Change, Desk, Models, posts, record};
use crate::domain::closing::{next, since};
use crate::domain::{Case, Event, Reply, SupportModel, Ticket};
use crate::store::closing::{self as rows, Pending};
use crate::store::{self, Key};
use crate::wire::heard::{Heard, Told};

/// Tickets that are planned anew in one statement.
const BATCH: usize = 500;

/// Notes what is due on tickets that have begun or ended to wait, or to be resolved.
pub(super) async fn follow<'a>(
    connection: &mut PgConnection,
    changes: &[Change],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<(), Error> {
    let concerns = |event: &Event| {
        matches!(event, Event::Waiting { .. } | Event::Resumed { .. } | Event::Resolved { .. } | Event::Reopened { .. })
            || matches!(event, Event::Closed { .. } | Event::Cancelled { .. } | Event::Tied(_) | Event::Fulfilment(_))
            || matches!(event, Event::HandedOver { .. })
    };
    let has_policy = |change: &&Change| {
        model_of(&change.ticket.client_id)
            .is_some_and(|model| model.closing != crate::domain::closing::Policy::default())
    };
    let concerned = changes.iter().filter(|change| change.happened.iter().any(|happened| concerns(&happened.event)));
    let concerned: Vec<&Ticket> = concerned.filter(has_policy).map(|change| &change.ticket).collect();
    plan(connection, &concerned, model_of).await
}

fn key_of(ticket: &Ticket) -> Key {
    (ticket.client_id.clone(), ticket.ticket_id)
}

/// Notes what is due next on these tickets. Steps that were done in the same wait stay done.
async fn plan<'a>(
    connection: &mut PgConnection,
    tickets: &[&Ticket],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<(), Error> {
    if tickets.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key> = tickets.iter().map(|ticket| key_of(ticket)).collect();
    let done: HashMap<Key, (Timestamp, u32)> =
        rows::done(connection, &keys).await?.into_iter().map(|(key, since, done)| (key, (since, done))).collect();
    let (mut pending, mut over) = (Vec::new(), Vec::new());
    for ticket in tickets {
        let key = key_of(ticket);
        let same_wait = done.get(&key).filter(|(since_at, _)| since(&ticket.work) == Some(*since_at));
        let done_by_now = same_wait.map_or(0, |(_, done)| *done);
        let is_aside = ticket.work.ties.merged.is_some();
        let due =
            model_of(&ticket.client_id).filter(|_| !is_aside).and_then(|model| next(&ticket.work, done_by_now, model));
        match due {
            Some(due) => {
                pending.push(Pending { key, since_at: due.since_at, done: done_by_now, due_at: due.due_at });
            }
            None if done.contains_key(&key) => over.push(key),
            None => {}
        }
    }
    rows::forget(connection, &over).await?;
    rows::put(connection, &pending).await
}

/// What it makes of tickets that are over that their requesters write again: in the order in which they wrote.
pub(super) fn write_again(
    cases: &mut HashMap<Key, Case>,
    heard: &[Heard],
    models: &HashMap<ClientId, Arc<SupportModel>>,
    now: Timestamp,
) {
    let mut replies: Vec<(&Heard, &Reply)> = heard
        .iter()
        .filter_map(|one| match &one.told {
            Told::Replied(reply) => Some((one, reply)),
            _ => None,
        })
        .collect();
    replies.sort_by_key(|(_, reply)| (reply.written_at, reply.event_id));
    for (one, reply) in replies {
        let case = cases.get_mut(&(one.client_id.clone(), one.ticket_id));
        if let (Some(case), Some(model)) = (case, models.get(&one.client_id)) {
            case.write_again(reply, model, now);
        }
    }
}

/// Plans all tickets of a client anew: its model has become another.
///
/// # Errors
/// If the store failed; nothing was changed then.
pub async fn plan_all(desk: &Desk, client_id: &ClientId) -> Result<(), Error> {
    let scope = Scope::of(client_id);
    let (models, client_id) = (desk.models.clone(), client_id.clone());
    let store = &desk.ground.store;
    let planned = store.unit_of_work(&scope, move |connection| {
        Box::pin(async move {
            let model = models.one(connection, &client_id).await?;
            for some in rows::concerned(connection, &client_id).await?.chunks(BATCH) {
                let keys: Vec<Key> = some.iter().map(|id| (client_id.clone(), *id)).collect();
                let known = store::ticket::lock_known(connection, &keys).await?;
                let tickets: Vec<&Ticket> = known.values().collect();
                plan(connection, &tickets, |_| Some(&*model)).await?;
            }
            Ok::<_, Error>(())
        })
    });
    planned.await
}

/// Does what is due on these tickets by the store's clock: each step once, whoever else tries, because the row that says
/// so goes on in the same transaction.
///
/// # Errors
/// If the store failed; nothing was done then.
pub async fn act(desk: &Desk, keys: Vec<Key>) -> Result<(), Error> {
    if keys.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(keys.iter().map(|(client_id, _)| client_id));
    let (models, clock) = (desk.models.clone(), desk.ground.clock.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(act_all(connection, keys, models, clock))).await
}

async fn act_all(connection: &mut PgConnection, keys: Vec<Key>, models: Models, clock: Clock) -> Result<(), Error> {
    let now = kept::now(connection, &clock).await?;
    let known = store::ticket::lock_known(connection, &keys).await?;
    // Read under the tickets' locks: whoever was first has moved them on.
    let done = rows::done(connection, &keys).await?;
    let clients: BTreeSet<ClientId> = keys.iter().map(|(client_id, _)| client_id.clone()).collect();
    let models = models.of(connection, &Vec::from_iter(clients)).await?;
    let (mut changes, mut pending, mut over) = (Vec::new(), BTreeMap::new(), Vec::new());
    for (key, since_at, done) in done {
        let (Some(ticket), Some(model)) = (known.get(&key), models.get(&key.0)) else { continue };
        let is_same = since(&ticket.work) == Some(since_at) && ticket.work.ties.merged.is_none();
        let Some(due) = next(&ticket.work, done, model).filter(|_| is_same) else {
            over.push(key);
            continue;
        };
        if due.due_at > now {
            // The model has become another meanwhile.
            pending.insert(key.clone(), Pending { key, since_at, done, due_at: due.due_at });
            continue;
        }
        let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: None };
        for (event, at) in due.events.into_iter().zip(1..) {
            let name = format!("closing/{since_at}/{done}/{at}");
            let event_id = Uuid::new_v5(&ticket.ticket_id, name.as_bytes());
            posts::by_desk(&mut change, event, event_id, due.due_at, now, "the watch");
        }
        let after = next(&change.ticket.work, done + 1, model).filter(|after| after.since_at == since_at);
        if let Some(after) = after {
            let row = Pending { key: key.clone(), since_at, done: done + 1, due_at: after.due_at };
            pending.insert(key, row);
        } else if since(&change.ticket.work) == Some(since_at) {
            over.push(key);
        }
        changes.push(change);
    }
    rows::forget(connection, &over).await?;
    let pending: Vec<Pending> = pending.into_values().collect();
    rows::put(connection, &pending).await?;
    record(connection, &changes, |client_id| models.get(client_id).map(|model| &**model)).await.map(drop)
}
