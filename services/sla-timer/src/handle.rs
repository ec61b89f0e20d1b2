//! The one write path: inbox → lock → facts → compute → what differs from what was told → save + outbox → commit.

mod agreed;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chassis::outbox::{self, Announcement};
use chassis::{Error, Ground, inbox, shard_of, store as kept};
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::alarm::Near;
use crate::domain::clock::clocks;
use crate::domain::edit::is_settled;
use crate::domain::fact::{Fact, Key};
use crate::domain::told::{Occasion, Said, Told, tell, told_until};
use crate::promises::{Promises, Record};
use crate::store::{self, Ticket, TicketKey};
use crate::wire::{self, News};

pub use agreed::{Agreement, NotAgreed};

/// What all ways in share. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Timer {
    pub ground: Ground,
    pub promises: Promises,
    /// What rings soon.
    pub near: Near,
}

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

/// Lets those of the tickets that are due speak, in one unit of work.
///
/// # Errors
/// If the store failed; then nothing was announced.
pub async fn fire(timer: &Timer, due: Vec<TicketKey>, fence: Fence) -> Result<(), Error> {
    let scope = store::scope_of(&due);
    let work = timer.clone();
    let armed = timer
        .ground
        .store
        .unit_of_work(&scope, move |connection| Box::pin(async move { work.fire(connection, due, fence).await }))
        .await?;
    timer.near.arm(&timer.ground.clock, armed);
    Ok(())
}

/// A locked ticket, and why we look at it.
#[derive(Debug)]
struct Touched {
    /// As it is kept.
    before: Ticket,
    ticket: Ticket,
    as_of: Timestamp,
    /// What was not known before.
    news: Vec<Key>,
    occasion: Occasion,
    cause_id: Option<Uuid>,
    traceparent: Option<String>,
}

impl Timer {
    async fn learn(&self, connection: &mut PgConnection, mut news: Vec<News>) -> Result<Armed, Error> {
        let events: Vec<_> = news.iter().map(|one| (one.client_id.clone(), one.event_id)).collect();
        let new = inbox::remember_events(connection, &events).await?;
        // The same message twice in one batch is new twice; its facts are a set.
        news.retain(|one| new.contains(&one.event_id));
        if news.is_empty() {
            return Ok(Vec::new());
        }
        let now = kept::now(connection, &self.ground.clock).await?;
        let mut wanted: BTreeMap<TicketKey, String> = BTreeMap::new();
        for one in &news {
            let reference = wanted.entry((one.client_id.clone(), one.ticket_id)).or_default();
            if reference.is_empty() {
                reference.clone_from(&one.reference);
            }
        }
        // Before any ticket is held, as whoever edits a contract does it.
        let registering: BTreeSet<ClientId> =
            news.iter().filter(|one| one.registers).map(|one| one.client_id.clone()).collect();
        store::share_versions(connection, &registering).await?;
        let tickets = store::lock(connection, &wanted).await?;
        let mut facts = Vec::new();
        for one in &news {
            let key = (one.client_id.clone(), one.ticket_id);
            facts.extend(one.facts.iter().map(|witnessed| (key.clone(), witnessed.event_id, witnessed.fact.clone())));
        }
        store::add_facts(connection, &facts).await?;
        let mut touched: Vec<Touched> =
            tickets.into_iter().map(|ticket| touched_by(ticket, &wanted, &news, now)).collect();
        give_contracts(connection, &mut touched, &news).await?;
        self.tell(connection, touched, now).await
    }

    async fn fire(&self, connection: &mut PgConnection, mut due: Vec<TicketKey>, fence: Fence) -> Result<Armed, Error> {
        let now = kept::now(connection, &self.ground.clock).await?;
        let held = store::still_held(connection, fence.holder, &fence.leases).await?;
        due.retain(|(_, ticket_id)| held.contains(&shard_of(*ticket_id)));
        let tickets = store::lock_due(connection, &due, now).await?;
        let touched = tickets
            .into_iter()
            .filter_map(|ticket| {
                let at = ticket.next_at?;
                // An alarm at an instant has rung as of every later one.
                let just_after = at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(at);
                Some(Touched {
                    before: ticket.clone(),
                    ticket,
                    as_of: now.max(just_after),
                    news: Vec::new(),
                    occasion: Occasion::Time { at },
                    cause_id: None,
                    traceparent: chassis::telemetry::traceparent(),
                })
            })
            .collect();
        self.tell(connection, touched, now).await
    }

    /// Computes the clocks of tickets that are locked, announces what differs from what was told, and keeps it.
    async fn tell(
        &self,
        connection: &mut PgConnection,
        mut touched: Vec<Touched>,
        now: Timestamp,
    ) -> Result<Armed, Error> {
        let keys: Vec<TicketKey> = touched.iter().map(|one| one.ticket.key()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let record = Record::read(connection, &self.promises, touched.iter().map(|one| &one.ticket)).await?;
        let told = store::clocks(connection, &keys).await?;
        let mut rows: Vec<(TicketKey, Told)> = Vec::new();
        let mut said: Vec<(usize, Said)> = Vec::new();
        for (index, one) in touched.iter_mut().enumerate() {
            let (key, facts) = (one.ticket.key(), record.facts(&one.ticket));
            let told = told.get(&key).map_or(&[][..], Vec::as_slice);
            one.as_of = one.as_of.max(told_until(told, one.before.next_at, facts, &one.news));
            one.ticket.is_settled = Some(is_settled(facts, one.as_of));
            let Some(terms) = record.book(&one.ticket)? else { continue };
            let clocks = clocks(terms, facts, one.as_of);
            one.ticket.next_at = next_look(&clocks, facts, one.as_of);
            let tale = tell(key.1, told, &clocks, occasion(one.occasion, told, facts));
            rows.extend(tale.rows.into_iter().map(|row| (key.clone(), row)));
            said.extend(tale.said.into_iter().map(|one| (index, one)));
        }
        // Oldest first over all tickets; of one ticket they stand in order already, and the sort is stable.
        said.sort_by_key(|(_, said)| said.order_at);
        let announcements = announce(&mut touched, &said, now)?;
        store::save_clocks(connection, &rows, &told).await?;
        let armed = touched.iter().map(|one| (one.ticket.key(), one.ticket.next_at)).collect();
        let changed: Vec<Ticket> =
            touched.into_iter().filter(|one| one.before != one.ticket).map(|one| one.ticket).collect();
        store::save(connection, &changed).await?;
        outbox::append(connection, &announcements).await?;
        Ok(armed)
    }
}

/// Whoever looks at an instant that nothing was to happen at was sent there: the contract was edited, or the time zone
/// rules are others. That is no time that has passed.
fn occasion(told_so: Occasion, told: &[Told], facts: &[Fact]) -> Occasion {
    match told_so {
        Occasion::Time { at }
            if told.iter().all(|clock| clock.next.is_none_or(|next| next.at != at))
                && facts.iter().all(|fact| fact.key.at != at || fact.key.source == store::EDIT) =>
        {
            Occasion::Facts { at }
        }
        occasion => occasion,
    }
}

/// What the news tell of one ticket.
fn touched_by(before: Ticket, references: &BTreeMap<TicketKey, String>, news: &[News], now: Timestamp) -> Touched {
    let key = before.key();
    let mut ticket = before.clone();
    if ticket.reference.is_empty() {
        ticket.reference = references.get(&key).cloned().unwrap_or_default();
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
async fn give_contracts(connection: &mut PgConnection, touched: &mut [Touched], news: &[News]) -> Result<(), Error> {
    let registers: BTreeSet<(&str, Uuid)> =
        news.iter().filter(|one| one.registers).map(|one| (one.client_id.as_str(), one.ticket_id)).collect();
    let mut fresh: Vec<&mut Ticket> = touched
        .iter_mut()
        .map(|one| &mut one.ticket)
        .filter(|one| !one.is_registered && registers.contains(&(one.client_id.as_str(), one.ticket_id)))
        .collect();
    if fresh.is_empty() {
        return Ok(());
    }
    let clients = fresh.iter().map(|one| one.client_id.clone()).collect();
    let newest: HashMap<_, i64> = store::newest_of(connection, &clients).await?;
    for ticket in &mut fresh {
        ticket.is_registered = true;
        ticket.contract_version = newest.get(&ticket.client_id).copied();
    }
    Ok(())
}

/// When to look again if nothing else happens: at the next alarm, or when a fact comes true that is told too early
/// because services' clocks differ.
fn next_look(clocks: &[crate::domain::clock::Clock], facts: &[Fact], as_of: Timestamp) -> Option<Timestamp> {
    let alarms = clocks.iter().filter_map(|clock| clock.next.map(|next| next.at));
    let to_come = facts.iter().map(|fact| fact.key.at).filter(|at| *at > as_of);
    alarms.chain(to_come).min()
}

/// Counts and encodes what is said.
fn announce(touched: &mut [Touched], said: &[(usize, Said)], now: Timestamp) -> Result<Vec<Announcement>, Error> {
    let mut announcements = Vec::with_capacity(said.len());
    for (index, said) in said {
        let Some(one) = touched.get_mut(*index) else { continue };
        one.ticket.revision += 1;
        let event = wire::event(&one.ticket, said, now, one.cause_id);
        announcements.push(Announcement::of(&event, one.traceparent.clone())?);
    }
    Ok(announcements)
}

#[cfg(test)]
mod tests;
