//! What triage learns from other services, whole batches at a time.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::writes::Writes;
use chassis::{Error, Ground, Scope, inbox};

use super::{
    Change, Desk, Memories, Models, automation, closing, draft, neighbours, record_with, waits_for_owner, workspace,
};
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
pub async fn tickets(desk: &Desk, heard: Vec<Heard>) -> Result<(), Error> {
    if heard.is_empty() {
        return Ok(());
    }
    let now = desk.ground.clock.now();
    let scope = Scope::of_all(heard.iter().map(|one| &one.client_id));
    let (store, models, memories) = (&desk.ground.store, desk.models.clone(), desk.memories.clone());
    let wait =
        store.unit_of_work(&scope, move |connection| Box::pin(learn(connection, models, memories, heard, now))).await?;
    for client_id in wait {
        desk.bell.ring(&client_id);
    }
    Ok(())
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

pub(super) fn key_of(heard: &Heard) -> Key {
    (heard.client_id.clone(), heard.ticket_id)
}

/// The distinct keys of those messages that are of a kind.
fn keys(heard: &[Heard], of_kind: impl Fn(&Told) -> bool) -> Vec<Key> {
    heard.iter().filter(|one| of_kind(&one.told)).map(key_of).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Whether it may change a ticket.
const fn is_learned(told: &Told) -> bool {
    !matches!(told, Told::Asked(_))
}

/// Returns the clients of tickets that wait for an owner who is found by itself.
async fn learn(
    connection: &mut PgConnection,
    models: Models,
    memories: Memories,
    mut heard: Vec<Heard>,
    now: Timestamp,
) -> Result<BTreeSet<ClientId>, Error> {
    let ids: Vec<(ClientId, Uuid)> = heard.iter().map(|one| (one.client_id.clone(), one.event_id)).collect();
    let mut writes = Writes::default();
    inbox::add_events(&mut writes, &ids);
    store::add_lock_learning_of_new(&mut writes, &keys(&heard, is_learned));
    let mut new = inbox::new_events(connection, writes).await?;
    heard.retain(|one| new.remove(&one.event_id));
    if heard.is_empty() {
        return Ok(BTreeSet::new());
    }
    keep_asked(connection, &heard).await?;
    heard.retain(|one| is_learned(&one.told));
    let mut all = keys(&heard, |_| true);
    let mut known = store::ticket::lock_known(connection, &all).await?;
    pass_on(connection, &mut heard, &mut all, &mut known).await?;
    let models = models_of(connection, &models, &heard).await?;
    let replies = replies(connection, &heard).await?;
    let proposals = memories.propose(connection, &neighbours::arrived(&heard, &known), now).await?;
    let mut cases = open(connection, &heard, &known).await?;
    let default = SupportModel::default();
    for one in &heard {
        let Some(case) = cases.get_mut(&key_of(one)) else { continue };
        let model = models.get(&one.client_id).map_or(&default, |model| &**model);
        let cause_id = one.event_id.to_string();
        match &one.told {
            Told::Registered(arrival) => {
                let learned = neighbours::applied(model, proposals.get(&key_of(one)));
                case.register(arrival, learned.as_ref().unwrap_or(model), now, &cause_id);
            }
            Told::Imported(arrival, facts) => case.import(arrival, facts, model, now, &cause_id),
            Told::Replied(_) | Told::Asked(_) | Told::Noted(_) | Told::Monitored(..) => {}
        }
    }
    monitor(&mut cases, &heard, now)?;
    for (key, replies) in &replies {
        if let Some(case) = cases.get_mut(key) {
            case.answer(replies, now);
        }
    }
    closing::write_again(&mut cases, &heard, &models, now);
    workspace::mention(&mut cases, &heard, |client_id| models.get(client_id).map(|model| &**model), now)?;
    let mut traces: HashMap<Key, Option<String>> =
        heard.iter().map(|one| (key_of(one), one.traceparent.clone())).collect();
    let changed = all.iter().filter_map(|key| {
        let case = cases.get(key)?;
        let happened = case.fresh().to_vec();
        let ticket = case.ticket().filter(|_| !happened.is_empty())?;
        Some(Change { ticket, happened, traceparent: traces.remove(key).flatten() })
    });
    let changed: Vec<Change> = changed.collect();
    let model_of = |client_id: &ClientId| models.get(client_id).map(|model| &**model);
    let mut writes = Writes::default();
    describe(&mut writes, &heard, &known);
    neighbours::remember(&mut writes, &heard, &changed, &proposals, model_of);
    record_with(connection, writes, &changed, model_of).await?;
    automation::hear(connection, &heard, model_of, now).await?;
    automation::judge(connection, &heard, &changed, model_of).await?;
    let tickets = changed.iter().map(|change| &change.ticket);
    let wait = tickets.filter(|ticket| model_of(&ticket.client_id).is_some_and(|model| waits_for_owner(ticket, model)));
    Ok(wait.map(|ticket| ticket.client_id.clone()).collect())
}

/// What requesters write on a ticket while it is merged into another one counts there as well, and so on to the end of
/// the chain.
async fn pass_on(
    connection: &mut PgConnection,
    heard: &mut Vec<Heard>,
    all: &mut Vec<Key>,
    known: &mut HashMap<Key, Ticket>,
) -> Result<(), Error> {
    let reply = |one: &Heard| match &one.told {
        Told::Replied(reply) => Some((key_of(one), reply.event_id, reply.written_at)),
        _ => None,
    };
    let mut written: Vec<(Key, Uuid, Timestamp)> = heard.iter().filter_map(reply).collect();
    written.retain(|(key, ..)| known.contains_key(key));
    while !written.is_empty() {
        let further = store::relation::merged_at(connection, &written).await?;
        written.clear();
        for (event_id, to) in further {
            let is_heard = |one: &Heard| one.event_id == event_id && key_of(one) == to;
            let Some(from) = heard.iter().find(|one| one.event_id == event_id).cloned() else { continue };
            if heard.iter().any(is_heard) {
                continue;
            }
            written.extend(reply(&Heard { ticket_id: to.1, ..from.clone() }));
            heard.push(Heard { ticket_id: to.1, ..from });
        }
        let new: BTreeSet<Key> = written.iter().map(|(key, ..)| key.clone()).filter(|key| !all.contains(key)).collect();
        let new: Vec<Key> = new.into_iter().collect();
        if !new.is_empty() {
            store::lock_learning(connection, &new).await?;
            known.extend(store::ticket::lock_known(connection, &new).await?);
            all.extend(new);
        }
    }
    Ok(())
}

/// What monitoring tells comes after the registrations of the same batch, in its own order. A ticket that is not known
/// yet will be: its registration is on the same stream, so that the fact is tried again.
fn monitor(cases: &mut HashMap<Key, Case>, heard: &[Heard], now: Timestamp) -> Result<(), Error> {
    let mut told: Vec<_> = heard
        .iter()
        .filter_map(|one| match &one.told {
            Told::Monitored(told, by, at) => Some((one, told, by, *at)),
            _ => None,
        })
        .collect();
    told.sort_by_key(|(one, told, ..)| (one.ticket_id, told.revision));
    for (one, told, by, at) in told {
        let case = cases.get_mut(&key_of(one)).filter(|case| case.ticket().is_some());
        let case = case.ok_or_else(|| Error::internal("monitoring tells of a ticket that is not known yet"))?;
        case.monitor(told, one.event_id, by, at, now);
    }
    Ok(())
}

/// Keeps when the desk wrote to requesters: it ends nothing, and may be there before the ticket is.
async fn keep_asked(connection: &mut PgConnection, heard: &[Heard]) -> Result<(), Error> {
    let mut asked: BTreeMap<Key, Timestamp> = BTreeMap::new();
    for one in heard {
        if let Told::Asked(wrote) = &one.told {
            let at = wrote.at;
            asked.entry(key_of(one)).and_modify(|known| *known = at.max(*known)).or_insert(at);
        }
    }
    draft::keep_answers(connection, heard).await?;
    store::posts::keep_asked(connection, &asked).await
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

async fn models_of(
    connection: &mut PgConnection,
    models: &Models,
    heard: &[Heard],
) -> Result<HashMap<ClientId, Arc<SupportModel>>, Error> {
    let arrived = keys(heard, |_| true);
    let clients: BTreeSet<ClientId> = arrived.into_iter().map(|(client_id, _)| client_id).collect();
    let clients: Vec<ClientId> = clients.into_iter().collect();
    models.of(connection, &clients).await
}

/// Keeps the new replies, and returns all there are on the tickets whose waits may have to be looked at again.
async fn replies(connection: &mut PgConnection, heard: &[Heard]) -> Result<HashMap<Key, Vec<Reply>>, Error> {
    let reply = |one: &Heard| match &one.told {
        Told::Replied(reply) => Some((key_of(one), reply.clone())),
        Told::Registered(_) | Told::Imported(..) | Told::Asked(_) | Told::Noted(_) | Told::Monitored(..) => None,
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

fn describe(writes: &mut Writes, heard: &[Heard], known: &HashMap<Key, Ticket>) {
    let description = |one: &Heard| match &one.told {
        Told::Registered(arrival) | Told::Imported(arrival, _) => Some((key_of(one), arrival.description.clone())),
        Told::Replied(_) | Told::Asked(_) | Told::Noted(_) | Told::Monitored(..) => None,
    };
    let mut described: Vec<(Key, String)> = heard
        .iter()
        .filter_map(description)
        .filter(|(key, text)| !known.contains_key(key) && !text.is_empty())
        .collect();
    described.sort();
    store::ticket::describe(writes, &described);
}
