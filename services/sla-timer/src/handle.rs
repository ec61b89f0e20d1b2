//! The one write path: inbox → lock → facts → compute → what differs from what was told → save + outbox → commit.

mod agreed;
mod look;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chassis::writes::Writes;
use chassis::{Error, Ground, inbox, shard_of, store as kept};
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::alarm::Near;
use crate::domain::told::Occasion;
use crate::promises::Promises;
use crate::store::{self, Ticket, TicketKey};
use crate::wire::News;

pub use agreed::{Agreement, NotAgreed};
pub use look::{Looked, look_ahead};
use look::{Touched, still_true};

/// What all ways in share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Timer {
    pub ground: Ground,
    pub promises: Promises,
    /// What rings soon.
    pub near: Near,
}

/// Only what is due so soon can somebody have looked at ahead before this transaction ends.
const SOON: SignedDuration = SignedDuration::from_mins(5);

/// Whose shards are worked on: checked in the transaction, so that a former holder announces nothing.
#[derive(Debug, Clone)]
pub struct Fence {
    pub holder: Uuid,
    /// Shard → epoch.
    pub leases: BTreeMap<i16, i64>,
}

/// Tickets and when to look at them again.
pub type Armed = Vec<(TicketKey, Option<Timestamp>)>;

impl Timer {
    pub fn new(ground: &Ground) -> Self {
        Self { ground: ground.clone(), promises: Promises::default(), near: Near::default() }
    }
}

/// Takes in what a batch of messages tells, in one unit of work.
///
/// # Errors
/// If the store failed; then nothing was kept.
pub async fn learn(timer: &Timer, mut news: Vec<News>) -> Result<(), Error> {
    news.retain(|one| !one.facts.is_empty());
    if news.is_empty() {
        return Ok(());
    }
    let scope = chassis::Scope::of_all(news.iter().map(|one| &one.client_id));
    let work = timer.clone();
    let armed = timer
        .ground
        .store
        .unit_of_work(&scope, move |connection| Box::pin(async move { work.learn(connection, news).await }))
        .await?;
    timer.near.arm(&timer.ground.clock, armed);
    Ok(())
}

/// Lets those of the tickets that are due speak, in one unit of work; `ahead` is what [`look_ahead`] saw of them.
///
/// # Errors
/// If the store failed; then nothing was announced.
pub async fn fire(timer: &Timer, due: Vec<TicketKey>, ahead: Vec<Looked>, fence: Fence) -> Result<(), Error> {
    let scope = store::scope_of(&due);
    let work = timer.clone();
    let armed = timer
        .ground
        .store
        .unit_of_work(&scope, move |connection| Box::pin(async move { work.fire(connection, due, ahead, fence).await }))
        .await?;
    timer.near.arm(&timer.ground.clock, armed);
    Ok(())
}

impl Timer {
    async fn learn(&self, connection: &mut PgConnection, mut news: Vec<News>) -> Result<Armed, Error> {
        let events: Vec<_> = news.iter().map(|one| (one.client_id.clone(), one.event_id)).collect();
        let mut wanted: BTreeMap<TicketKey, String> = BTreeMap::new();
        let mut facts = Vec::new();
        for one in &news {
            let key = (one.client_id.clone(), one.ticket_id);
            facts.extend(one.facts.iter().map(|witnessed| (key.clone(), witnessed.event_id, witnessed.fact.clone())));
            let reference = wanted.entry(key).or_default();
            if reference.is_empty() {
                reference.clone_from(&one.reference);
            }
        }
        let registering: BTreeSet<ClientId> =
            news.iter().filter(|one| one.registers).map(|one| one.client_id.clone()).collect();
        let mut writes = Writes::default();
        inbox::add_events(&mut writes, &events);
        // Before any ticket is held, as whoever edits a contract does it.
        store::add_tickets(&mut writes, &wanted, &registering);
        // What was told before is among the facts.
        store::add_facts(&mut writes, &facts);
        let new = inbox::new_events(connection, writes).await?;
        // The same message twice in one batch is new twice; its facts are a set.
        news.retain(|one| new.contains(&one.event_id));
        if news.is_empty() {
            return Ok(Vec::new());
        }
        let told: HashSet<(&ClientId, Uuid)> = news.iter().map(|one| (&one.client_id, one.ticket_id)).collect();
        wanted.retain(|(client_id, ticket_id), _| told.contains(&(client_id, *ticket_id)));
        let Some(locked) = store::lock(connection, wanted.keys(), &registering).await? else {
            return Err(Error::internal("tickets vanished while they were taken in"));
        };
        let now = if self.ground.clock.passes() { locked.now } else { self.ground.clock.now() };
        let mut touched: Vec<Touched> =
            locked.tickets.into_iter().map(|ticket| touched_by(ticket, &wanted, &news, now)).collect();
        give_contracts(&mut touched, &news, &locked.newest);
        self.tell(connection, touched, now).await
    }

    async fn fire(
        &self,
        connection: &mut PgConnection,
        mut due: Vec<TicketKey>,
        ahead: Vec<Looked>,
        fence: Fence,
    ) -> Result<Armed, Error> {
        let now = kept::now(connection, &self.ground.clock).await?;
        let held = store::still_held(connection, fence.holder, &fence.leases).await?;
        due.retain(|(_, ticket_id)| held.contains(&shard_of(*ticket_id)));
        let tickets = store::lock_due(connection, &due, now).await?;
        let (mut looked, anew) = still_true(ahead, tickets);
        let anew = anew.into_iter().filter_map(|ticket| Touched::by_time(ticket, now)).collect();
        looked.extend(self.look(connection, anew).await?);
        let traceparent = chassis::telemetry::traceparent();
        looked.iter_mut().for_each(|one| one.led_to_by(traceparent.clone()));
        self.keep(connection, looked, now).await
    }

    /// Computes the clocks of tickets that are locked, announces what differs from what was told, and keeps it.
    async fn tell(&self, connection: &mut PgConnection, touched: Vec<Touched>, now: Timestamp) -> Result<Armed, Error> {
        let looked = self.look(connection, touched).await?;
        self.keep(connection, looked, now).await
    }
}

/// What the news tell of one ticket.
fn touched_by(before: Ticket, references: &BTreeMap<TicketKey, String>, news: &[News], now: Timestamp) -> Touched {
    let key = before.key();
    let mut ticket = before.clone();
    if ticket.reference.is_empty() {
        ticket.reference = references.get(&key).cloned().unwrap_or_default();
    }
    if before.next_at.is_some_and(|at| at <= now.saturating_add(SOON).unwrap_or(now)) {
        ticket.changes += 1;
    }
    let told = || {
        news.iter()
            .filter(|one| (one.ticket_id, &one.client_id) == (key.1, &key.0))
            .flat_map(|one| one.facts.iter().map(move |witnessed| (witnessed.fact.key, one)))
    };
    // The latest that has happened by now is what the announcements answer to.
    let latest = told().filter(|(fact, _)| fact.at <= now).max_by_key(|(fact, _)| *fact);
    Touched {
        ticket,
        before,
        as_of: now,
        news: told().map(|(fact, _)| fact).collect(),
        occasion: Occasion::Facts { at: latest.map_or(now, |(fact, _)| fact.at) },
        cause_id: latest.map(|(_, one)| one.event_id),
        traceparent: latest.and_then(|(_, one)| one.traceparent.clone()),
    }
}

/// Gives tickets whose registration is new their client's newest contract.
fn give_contracts(touched: &mut [Touched], news: &[News], newest: &HashMap<ClientId, i64>) {
    let registers: BTreeSet<(&str, Uuid)> =
        news.iter().filter(|one| one.registers).map(|one| (one.client_id.as_str(), one.ticket_id)).collect();
    let fresh = touched
        .iter_mut()
        .map(|one| &mut one.ticket)
        .filter(|one| !one.is_registered && registers.contains(&(one.client_id.as_str(), one.ticket_id)));
    for ticket in fresh {
        ticket.is_registered = true;
        ticket.contract_version = newest.get(&ticket.client_id).copied();
    }
}

#[cfg(test)]
mod tests;
