//! Posts outlive people: claims that lapse, work that is stale, owners found by themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::writes::Writes;
use chassis::{Clock, Error, Scope, store as kept};

use super::{Change, Desk, Models, record, record_with, waits_for_owner};
use crate::domain::lapse::lapse;
use crate::domain::{Actor, Event, Happened, SupportModel, Ticket, assign, evolve};
use crate::store::posts::{self, Claim};
use crate::store::{self, Key};
use crate::wire;

/// How often a client is looked after without any reason.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Tickets of one kind that are looked after in one transaction.
const MOST: i64 = 200;
/// The rule that moves tickets of a queue which the model no longer has.
const VANISHED: &str = "its queue is not in the support model any more";

/// Lets the claims on these tickets lapse that have come to their end by the store's clock: each once, whoever else
/// tries, because the claim goes in the same transaction. Returns the clients of tickets that wait for another owner.
///
/// # Errors
/// If the store failed; nothing has lapsed then.
pub async fn let_lapse(desk: &Desk, keys: Vec<Key>) -> Result<BTreeSet<ClientId>, Error> {
    if keys.is_empty() {
        return Ok(BTreeSet::new());
    }
    let scope = Scope::of_all(keys.iter().map(|(client_id, _)| client_id));
    let (models, clock) = (desk.models.clone(), desk.ground.clock.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(lapse_all(connection, keys, models, clock))).await
}

async fn lapse_all(
    connection: &mut PgConnection,
    keys: Vec<Key>,
    models: Models,
    clock: Clock,
) -> Result<BTreeSet<ClientId>, Error> {
    let now = kept::now(connection, &clock).await?;
    let known = store::ticket::lock_known(connection, &keys).await?;
    let due = posts::lapsed(connection, &keys, now).await?;
    let clients: BTreeSet<ClientId> = due.iter().map(|claim| claim.key.0.clone()).collect();
    let models = models.of(connection, &Vec::from_iter(clients)).await?;
    let due_keys: Vec<Key> = due.iter().map(|claim| claim.key.clone()).collect();
    let histories = store::history::load(connection, &due_keys).await?;
    let replies = store::history::replies(connection, &due_keys).await?;
    let (mut changes, mut gone, mut moved) = (Vec::new(), Vec::new(), Vec::new());
    for claim in due {
        let (Some(ticket), Some(model)) = (known.get(&claim.key), models.get(&claim.key.0)) else { continue };
        let lapses_at = claim.lapses_at.unwrap_or(now);
        let agent = model.agents.get(&claim.owner);
        let still_there = agent.map_or(model.agents.is_empty(), |agent| agent.is_there(&model.zone, lapses_at));
        if still_there {
            // The roster has become another since.
            moved.push(Claim { lapses_at: model.lapses_at(&claim.owner, now), ..claim });
            continue;
        }
        let since: Result<Vec<Happened>, Error> = histories
            .get(&claim.key)
            .into_iter()
            .flatten()
            .filter(|entry| entry.revision > claim.revision)
            .map(wire::event::happened)
            .collect();
        let wrote = replies.iter().filter(|(key, reply)| *key == claim.key && reply.written_at > claim.claimed_at);
        match lapse(&ticket.work, &claim.owner, &since?, wrote.count(), model, lapses_at) {
            Some(events) => changes.push(lapsed(ticket, &claim, events, lapses_at, now)),
            None => gone.push(claim.key),
        }
    }
    posts::set_lapses(connection, &moved).await?;
    let mut writes = Writes::default();
    posts::end_claims(&mut writes, &gone);
    record_with(connection, writes, &changes, |client_id| models.get(client_id).map(|model| &**model)).await?;
    let waits = changes.iter().map(|change| &change.ticket);
    let waits =
        waits.filter(|ticket| models.get(&ticket.client_id).is_some_and(|model| waits_for_owner(ticket, model)));
    Ok(waits.map(|ticket| ticket.client_id.clone()).collect())
}

/// The same lapse has the same ids, whoever lets it happen; it happened when it was due.
fn lapsed(ticket: &Ticket, claim: &Claim, events: Vec<Event>, lapses_at: Timestamp, now: Timestamp) -> Change {
    let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: None };
    for (at, event) in events.into_iter().enumerate() {
        let name = format!("lapse/{}/{at}", claim.revision);
        let event_id = Uuid::new_v5(&ticket.ticket_id, name.as_bytes());
        by_desk(&mut change, event, event_id, lapses_at, now, "the watch");
    }
    change
}

pub(super) fn by_desk(change: &mut Change, event: Event, event_id: Uuid, at: Timestamp, now: Timestamp, cause: &str) {
    let work = &mut change.ticket.work;
    let happened = Happened {
        event_id,
        revision: work.revision + 1,
        occurred_at: at.max(work.changed_at),
        recorded_at: now,
        actor: Actor::desk(),
        cause_id: cause.to_owned(),
        event,
    };
    *work = evolve(work.clone(), &happened);
    change.happened.push(happened);
}

/// Looks after a client: moves what lies in queues that are no more, notes when claims end by the newest roster, and
/// gives what waits for an owner to those who are there. One replica at a time, by the lock on the client's row.
///
/// # Errors
/// If the store failed; nothing was changed then.
pub async fn look_after(desk: &Desk, client_id: ClientId) -> Result<(), Error> {
    let scope = Scope::of(&client_id);
    let (models, clock) = (desk.models.clone(), desk.ground.clock.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(look(connection, client_id, models, clock))).await
}

async fn look(connection: &mut PgConnection, client_id: ClientId, models: Models, clock: Clock) -> Result<(), Error> {
    let now = kept::now(connection, &clock).await?;
    let next = now.saturating_add(LOOK_EVERY).unwrap_or(now);
    if !posts::look_after(connection, &client_id, now, next).await? {
        return Ok(());
    }
    let model = models.one(connection, &client_id).await?;
    let stranded = posts::stranded(connection, &client_id, MOST).await?;
    let is_all = |found: usize| i64::try_from(found).is_ok_and(|found| found < MOST);
    let moved: Vec<Change> = stranded.iter().map(|ticket| rerouted(ticket, &model, now)).collect();
    record(connection, &moved, |_| Some(&*model)).await?;
    // Read after the moves: those have no owner any more.
    let unclaimed = posts::unclaimed(connection, &client_id, MOST).await?;
    let mut writes = Writes::default();
    posts::keep_claims(&mut writes, &adopted(&unclaimed, &model, now));
    writes.run(connection).await?;
    follow_roster(connection, &client_id, &model, now).await?;
    let given = give(connection, &client_id, &model, now).await?;
    let is_more_to_tell = super::confidential::tell(connection, &client_id, &model, now).await?;
    let is_more_to_find = store::words::catch_up(connection, &client_id, now).await?;
    let is_more_to_tell = is_more_to_tell || is_more_to_find;
    if !is_all(stranded.len()) || !is_all(unclaimed.len()) || given || is_more_to_tell {
        // There may be more: at once.
        posts::watch(connection, &client_id, now).await?;
    }
    Ok(())
}

fn rerouted(ticket: &Ticket, model: &SupportModel, now: Timestamp) -> Change {
    let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: None };
    let placement = &ticket.work.placement;
    let event = Event::HandedOver {
        from_queue: placement.queue.clone(),
        from_tier: placement.tier,
        queue: model.default_queue.clone(),
        tier: model.tier_of(&model.default_queue),
        reason: VANISHED.to_owned(),
        note: String::new(),
        insufficient_information: false,
        warm: false,
    };
    let event_id = chassis::new_id();
    by_desk(&mut change, event, event_id, now, now, &format!("support model v{}", model.version));
    change
}

/// Claims for work that has an owner and none.
fn adopted(tickets: &[Ticket], model: &SupportModel, now: Timestamp) -> Vec<Claim> {
    let claim = |ticket: &Ticket| {
        let owner = ticket.work.owner.clone()?;
        let lapses_at = model.lapses_now_at(&owner, None, now);
        let (revision, claimed_at) = (i64::try_from(ticket.work.revision).ok()?, ticket.work.changed_at);
        Some(Claim { key: (ticket.client_id.clone(), ticket.ticket_id), owner, revision, claimed_at, lapses_at })
    };
    tickets.iter().filter_map(claim).collect()
}

/// What ends by another roster than it did ends then. What is over by now stays over.
async fn follow_roster(
    connection: &mut PgConnection,
    client_id: &ClientId,
    model: &SupportModel,
    now: Timestamp,
) -> Result<(), Error> {
    let mut by_owner: HashMap<String, BTreeMap<Option<Timestamp>, Option<Timestamp>>> = HashMap::new();
    let mut changed = Vec::new();
    for claim in posts::claims_of(connection, client_id).await? {
        if claim.lapses_at.is_some_and(|at| at <= now) {
            continue;
        }
        let known = by_owner.entry(claim.owner.clone()).or_default();
        let lapses_at =
            *known.entry(claim.lapses_at).or_insert_with(|| model.lapses_now_at(&claim.owner, claim.lapses_at, now));
        if lapses_at != claim.lapses_at {
            changed.push(Claim { lapses_at, ..claim });
        }
    }
    posts::set_lapses(connection, &changed).await
}

/// Gives what waits for an owner to those who are there. Returns whether there may be more.
async fn give(
    connection: &mut PgConnection,
    client_id: &ClientId,
    model: &Arc<SupportModel>,
    now: Timestamp,
) -> Result<bool, Error> {
    let queues: Vec<&str> = model.queues.keys().map(String::as_str).filter(|queue| model.assigns(queue)).collect();
    let mut may_be_more = false;
    for queue in queues {
        let on_duty: Vec<&str> = model.on_duty_at(queue, now).iter().map(|agent| agent.agent.as_str()).collect();
        if on_duty.is_empty() {
            continue;
        }
        let waiting = posts::unowned(connection, client_id, &[queue], MOST).await?;
        if waiting.is_empty() {
            continue;
        }
        let is_limited = model.queues.get(queue).is_some_and(|queue| queue.work_limit > 0);
        let mut loads = posts::loads(connection, client_id, queue, &on_duty, is_limited).await?;
        let mut changes = Vec::new();
        for ticket in &waiting {
            let Some((owner, way)) = model.chosen(&ticket.work, now, &loads) else { break };
            assign::took(&mut loads, &owner);
            let mut change = Change { ticket: ticket.clone(), happened: Vec::new(), traceparent: None };
            let event = Event::Assigned { owner, way, reason: String::new() };
            by_desk(&mut change, event, chassis::new_id(), now, now, "the watch");
            changes.push(change);
        }
        may_be_more |= i64::try_from(changes.len()).is_ok_and(|given| given >= MOST);
        record(connection, &changes, |_| Some(&**model)).await?;
        let turns = loads.into_iter().map(|(agent, load)| (agent, load.turn)).filter(|(_, turn)| *turn > 0).collect();
        posts::keep_turns(connection, client_id, queue, &turns).await?;
    }
    Ok(may_be_more)
}
