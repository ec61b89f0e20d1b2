//! What triage learns from other services, whole batches at a time.

use std::collections::{BTreeSet, HashMap, HashSet};

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Error, Ground, Scope, inbox};

use super::{Change, record};
use crate::domain::{Case, Happened, Reply, SupportModel, Ticket};
use crate::store::ticket::Suggested;
use crate::store::{self, Key};
use crate::wire;
use crate::wire::heard::{Heard, Told};

/// Learns a batch of intake's facts in one transaction and a handful of statements. Repeats change nothing, and the
/// order does not matter.
///
/// # Errors
/// If the store failed; nothing was learned then.
pub async fn tickets(ground: &Ground, heard: Vec<Heard>) -> Result<(), Error> {
    if heard.is_empty() {
        return Ok(());
    }
    let now = ground.clock.now();
    let scope = Scope::of_all(heard.iter().map(|one| &one.client_id));
    ground.store.unit_of_work(&scope, move |connection| Box::pin(learn(connection, heard, now))).await
}

/// Keeps a batch of suggestions, the last per ticket.
///
/// # Errors
/// If the store failed; nothing was kept then.
pub async fn suggestions(ground: &Ground, suggested: Vec<(Key, Suggested)>) -> Result<(), Error> {
    let mut last: HashMap<Key, Suggested> = HashMap::new();
    for (key, one) in suggested {
        let is_later = |known: &Suggested| (known.suggested_at, known.event_id) < (one.suggested_at, one.event_id);
        if last.get(&key).is_none_or(is_later) {
            last.insert(key, one);
        }
    }
    if last.is_empty() {
        return Ok(());
    }
    // The upsert itself is repeatable and free of order, so the inbox has nothing to add.
    let scope = Scope::of_all(last.keys().map(|(client_id, _)| client_id));
    ground
        .store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move { store::ticket::suggest(connection, &last).await })
        })
        .await
}

fn key_of(heard: &Heard) -> Key {
    (heard.client_id.clone(), heard.ticket_id)
}

/// The distinct keys of those messages that are of a kind.
fn keys(heard: &[Heard], of_kind: impl Fn(&Told) -> bool) -> Vec<Key> {
    heard.iter().filter(|one| of_kind(&one.told)).map(key_of).collect::<BTreeSet<_>>().into_iter().collect()
}

async fn learn(connection: &mut PgConnection, mut heard: Vec<Heard>, now: Timestamp) -> Result<(), Error> {
    let ids: Vec<(ClientId, Uuid)> = heard.iter().map(|one| (one.client_id.clone(), one.event_id)).collect();
    let mut new = inbox::remember_events(connection, &ids).await?;
    heard.retain(|one| new.remove(&one.event_id));
    if heard.is_empty() {
        return Ok(());
    }
    let all = keys(&heard, |_| true);
    store::lock_learning(connection, &all).await?;
    let known = store::ticket::lock_known(connection, &all).await?;
    let models = models(connection, &heard).await?;
    let replies = replies(connection, &heard).await?;
    let mut cases = open(connection, &heard, &known).await?;
    let default = SupportModel::default();
    for one in &heard {
        let Some(case) = cases.get_mut(&key_of(one)) else { continue };
        let model = models.get(&one.client_id).unwrap_or(&default);
        let cause_id = one.event_id.to_string();
        match &one.told {
            Told::Registered(arrival) => case.register(arrival, model, now, &cause_id),
            Told::Imported(arrival, facts) => case.import(arrival, facts, model, now, &cause_id),
            Told::Replied(_) => {}
        }
    }
    for (key, replies) in &replies {
        if let Some(case) = cases.get_mut(key) {
            case.answer(replies, now);
        }
    }
    describe(connection, &heard, &known).await?;
    let mut traces: HashMap<Key, Option<String>> =
        heard.iter().map(|one| (key_of(one), one.traceparent.clone())).collect();
    let changed = all.iter().filter_map(|key| {
        let case = cases.get(key)?;
        let happened = case.fresh().to_vec();
        let ticket = case.ticket().filter(|_| !happened.is_empty())?;
        Some(Change { ticket, happened, traceparent: traces.remove(key).flatten() })
    });
    record(connection, &changed.collect::<Vec<_>>()).await
}

/// The cases that may change. A ticket that is known and only told of as registered is none.
async fn open(
    connection: &mut PgConnection,
    heard: &[Heard],
    known: &HashMap<Key, Ticket>,
) -> Result<HashMap<Key, Case>, Error> {
    let mut to_read = keys(heard, |told| !matches!(told, Told::Registered(_)));
    to_read.retain(|key| known.contains_key(key));
    let mut histories = store::history::load(connection, &to_read).await?;
    let mut cases = HashMap::new();
    for key in to_read {
        let (Some(ticket), Some(entries)) = (known.get(&key), histories.remove(&key)) else { continue };
        let history: Result<Vec<Happened>, Error> = entries.iter().map(wire::event::happened).collect();
        cases.insert(key, Case::known(ticket.clone(), history?));
    }
    for key in keys(heard, |_| true) {
        if !known.contains_key(&key) {
            cases.insert(key.clone(), Case::unknown(key.0, key.1));
        }
    }
    Ok(cases)
}

async fn models(connection: &mut PgConnection, heard: &[Heard]) -> Result<HashMap<ClientId, SupportModel>, Error> {
    let arrived = keys(heard, |told| !matches!(told, Told::Replied(_)));
    let clients: BTreeSet<ClientId> = arrived.into_iter().map(|(client_id, _)| client_id).collect();
    let clients: Vec<ClientId> = clients.into_iter().collect();
    let newest = store::model::newest(connection, &clients).await?;
    newest.into_iter().map(|(client_id, payload)| Ok((client_id, wire::model::kept(&payload)?))).collect()
}

/// Keeps the new replies, and returns all there are on the tickets whose waits may have to be looked at again.
async fn replies(connection: &mut PgConnection, heard: &[Heard]) -> Result<HashMap<Key, Vec<Reply>>, Error> {
    let reply = |one: &Heard| match &one.told {
        Told::Replied(reply) => Some((key_of(one), reply.clone())),
        Told::Registered(_) | Told::Imported(..) => None,
    };
    let new: Vec<(Key, Reply)> = heard.iter().filter_map(reply).collect();
    let new_ids: HashSet<Uuid> = new.iter().map(|(_, reply)| reply.event_id).collect();
    store::history::keep_replies(connection, &new).await?;
    let concerned = keys(heard, |told| !matches!(told, Told::Registered(_)));
    let mut by_ticket: HashMap<Key, Vec<Reply>> = HashMap::new();
    for (key, mut reply) in store::history::replies(connection, &concerned).await? {
        reply.is_new = new_ids.contains(&reply.event_id);
        by_ticket.entry(key).or_default().push(reply);
    }
    Ok(by_ticket)
}

async fn describe(connection: &mut PgConnection, heard: &[Heard], known: &HashMap<Key, Ticket>) -> Result<(), Error> {
    let description = |one: &Heard| match &one.told {
        Told::Registered(arrival) | Told::Imported(arrival, _) => Some((key_of(one), arrival.description.clone())),
        Told::Replied(_) => None,
    };
    let mut described: Vec<(Key, String)> = heard
        .iter()
        .filter_map(description)
        .filter(|(key, text)| !known.contains_key(key) && !text.is_empty())
        .collect();
    described.sort();
    store::ticket::describe(connection, &described).await
}
