//! Looking at tickets: from their facts to what is to be kept and said of them, now or as of an instant to come.

use std::collections::HashMap;

use chassis::Error;
use chassis::outbox::{self, Announcement};
use chassis::writes::Writes;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Armed, Timer};
use crate::domain::clock::clocks;
use crate::domain::edit::is_settled;
use crate::domain::fact::{Fact, Key};
use crate::domain::told::{Occasion, Said, Told, tell, told_until};
use crate::promises::Record;
use crate::store::{self, ClockChange, Ticket, TicketKey};
use crate::wire;

#[cfg(test)]
mod tests;

/// A ticket, and why we look at it.
#[derive(Debug, Clone)]
pub(super) struct Touched {
    /// As it is kept.
    pub before: Ticket,
    pub ticket: Ticket,
    pub as_of: Timestamp,
    /// What was not known before.
    pub news: Vec<Key>,
    pub occasion: Occasion,
    pub cause_id: Option<Uuid>,
    pub traceparent: Option<String>,
}

impl Touched {
    /// Looked at because its time has come; `None` if there is nothing that it waits for.
    pub fn by_time(ticket: Ticket, now: Timestamp) -> Option<Self> {
        let at = ticket.next_at?;
        // An alarm at an instant has rung as of every later one.
        let just_after = at.saturating_add(SignedDuration::from_millis(1)).unwrap_or(at);
        Some(Self {
            before: ticket.clone(),
            ticket,
            as_of: now.max(just_after),
            news: Vec::new(),
            occasion: Occasion::Time { at },
            cause_id: None,
            traceparent: None,
        })
    }
}

/// A ticket that was looked at: how it is to be kept, and what is to be said of it.
#[derive(Debug, Clone)]
pub struct Looked {
    touched: Touched,
    rows: Vec<ClockChange>,
    said: Vec<Said>,
}

impl Looked {
    /// Whose clocks.
    pub fn key(&self) -> TicketKey {
        self.touched.ticket.key()
    }

    /// Of a ticket to which nothing happens.
    #[cfg(test)]
    pub(crate) fn unmoved(ticket: Ticket) -> Self {
        let before = ticket.clone();
        let (occasion, as_of) = (Occasion::Time { at: Timestamp::MIN }, Timestamp::MIN);
        let touched = Touched { before, ticket, as_of, news: Vec::new(), occasion, cause_id: None, traceparent: None };
        Self { touched, rows: Vec::new(), said: Vec::new() }
    }

    /// What is said of it is a part of this work, in a trace.
    pub(super) fn led_to_by(&mut self, traceparent: Option<String>) {
        self.touched.traceparent = traceparent;
    }

    /// The instant that it waits for.
    pub const fn at(&self) -> Option<Timestamp> {
        self.touched.before.next_at
    }
}

/// Looks at tickets as of the instants that they wait for, if nothing happens to them until then. Keeps nothing, but
/// makes their rows ready to be changed.
///
/// # Errors
/// If the store failed.
pub async fn look_ahead(timer: &Timer, keys: Vec<TicketKey>) -> Result<Vec<Looked>, Error> {
    let scope = store::scope_of(&keys);
    let (work, wanted) = (timer.clone(), keys.clone());
    let look = timer.ground.store.read(&scope, move |connection| {
        Box::pin(async move {
            // First of all: what happens from here on makes another ticket of it.
            let tickets = store::tickets(connection, &wanted).await?;
            let touched = tickets.into_iter().filter_map(|ticket| Touched::by_time(ticket, Timestamp::MIN)).collect();
            work.look(connection, touched).await
        })
    });
    let looked = look.await?;
    let ready = timer
        .ground
        .store
        .unit_of_work(&scope, move |connection| Box::pin(async move { store::make_ready(connection, &keys).await }));
    ready.await?;
    Ok(looked)
}

/// What was seen ahead of tickets that are still what they were then, and the tickets that must be looked at anew.
pub(super) fn still_true(mut ahead: Vec<Looked>, tickets: Vec<Ticket>) -> (Vec<Looked>, Vec<Ticket>) {
    let mut anew: HashMap<TicketKey, Ticket> = tickets.into_iter().map(|ticket| (ticket.key(), ticket)).collect();
    ahead.retain(|looked| {
        let key = looked.key();
        let is_same = anew.get(&key).is_some_and(|ticket| *ticket == looked.touched.before);
        if is_same {
            anew.remove(&key);
        }
        is_same
    });
    (ahead, anew.into_values().collect())
}

impl Timer {
    /// Computes the tickets' clocks and what differs from what was told of them.
    pub(super) async fn look(
        &self,
        connection: &mut PgConnection,
        touched: Vec<Touched>,
    ) -> Result<Vec<Looked>, Error> {
        let keys: Vec<TicketKey> = touched.iter().map(|one| one.ticket.key()).collect();
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let record = Record::read(connection, &self.promises, touched.iter().map(|one| &one.ticket)).await?;
        let told = store::clocks(connection, &keys).await?;
        let told = |key: &TicketKey| told.get(key).map_or(&[][..], Vec::as_slice);
        touched.into_iter().zip(&keys).map(|(one, key)| look_at(one, &record, told(key))).collect()
    }

    /// Keeps what was seen of tickets that are locked, and announces it.
    pub(super) async fn keep(
        &self,
        connection: &mut PgConnection,
        mut looked: Vec<Looked>,
        now: Timestamp,
    ) -> Result<Armed, Error> {
        let announcements = announce(&mut looked, now)?;
        let rows: Vec<(TicketKey, ClockChange)> = looked
            .iter_mut()
            .flat_map(|one| std::mem::take(&mut one.rows).into_iter().map(|row| (one.key(), row)))
            .collect();
        let mut writes = Writes::default();
        store::save_clocks(&mut writes, &rows);
        let armed = looked.iter().map(|one| (one.key(), one.touched.ticket.next_at)).collect();
        let touched = looked.into_iter().map(|one| one.touched);
        let changed: Vec<Ticket> = touched.filter(|one| one.before != one.ticket).map(|one| one.ticket).collect();
        store::save(&mut writes, &changed);
        outbox::add(&mut writes, &announcements);
        writes.run(connection).await?;
        Ok(armed)
    }
}

fn look_at(mut one: Touched, record: &Record, told: &[Told]) -> Result<Looked, Error> {
    let facts = record.facts(&one.ticket);
    one.as_of = one.as_of.max(told_until(told, one.before.next_at, facts, &one.news));
    one.ticket.is_settled = Some(is_settled(facts, one.as_of));
    let Some(terms) = record.book(&one.ticket)? else {
        return Ok(Looked { touched: one, rows: Vec::new(), said: Vec::new() });
    };
    let clocks = clocks(terms, facts, one.as_of);
    one.ticket.next_at = next_look(&clocks, facts, one.as_of);
    let tale = tell(one.ticket.ticket_id, told, &clocks, occasion(one.occasion, told, facts));
    let is_new = |row: &Told| told.iter().all(|told| (told.metric, told.cycle) != (row.metric, row.cycle));
    let rows = tale.rows.into_iter().map(|told| ClockChange { is_new: is_new(&told), told }).collect();
    Ok(Looked { touched: one, rows, said: tale.said })
}

/// Whoever looks at an instant that nothing was to happen at was sent there: the contract was edited, or the time zone
/// rules are others. That is no time that has passed.
pub(super) fn occasion(told_so: Occasion, told: &[Told], facts: &[Fact]) -> Occasion {
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

/// When to look again if nothing else happens: at the next alarm, or when a fact comes true that is told too early
/// because services' clocks differ.
pub(super) fn next_look(clocks: &[crate::domain::clock::Clock], facts: &[Fact], as_of: Timestamp) -> Option<Timestamp> {
    let alarms = clocks.iter().filter_map(|clock| clock.next.map(|next| next.at));
    let to_come = facts.iter().map(|fact| fact.key.at).filter(|at| *at > as_of);
    alarms.chain(to_come).min()
}

/// Counts and encodes what is said: oldest first over all tickets. Of one ticket it stands in order already, and the sort
/// is stable.
fn announce(looked: &mut [Looked], now: Timestamp) -> Result<Vec<Announcement>, Error> {
    let mut order: Vec<(usize, Said)> = Vec::new();
    for (index, one) in looked.iter_mut().enumerate() {
        order.extend(std::mem::take(&mut one.said).into_iter().map(|said| (index, said)));
    }
    order.sort_by_key(|(_, said)| said.order_at);
    let mut announcements = Vec::with_capacity(order.len());
    for (index, said) in order {
        let Some(Looked { touched: one, .. }) = looked.get_mut(index) else { continue };
        one.ticket.revision += 1;
        let event = wire::event(&one.ticket, &said, now, one.cause_id);
        announcements.push(Announcement::of(&event, one.traceparent.clone())?);
    }
    Ok(announcements)
}
