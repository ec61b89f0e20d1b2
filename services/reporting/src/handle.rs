//! Units of work: taking facts in, rebuilding, reading reports.

pub mod kpis;
pub mod rebuild;

use std::collections::HashMap;

use anyhow::Context;
use chassis::consume::{Delivery, Failure};
use chassis::store::Store;
use chassis::{Error, Scope};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{self, Fact, Figures, Source};
use crate::store::{self, Key, NewFact};
use crate::wire::facts::{self, CLOCKS, Facts, IMPACT, LIFE};

/// Keeps a batch of facts and brings the figures of their tickets up to date, all in one unit of work.
///
/// # Errors
/// Poison if one of them is no fact; or that the store failed.
pub async fn take_in(into: &Store, deliveries: Vec<Delivery>) -> Result<(), Failure> {
    let heard: Vec<Option<NewFact>> = deliveries.iter().map(facts::heard).collect::<Result<_, _>>()?;
    let heard: Vec<NewFact> = heard.into_iter().flatten().collect();
    if heard.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(heard.iter().map(|fact| &fact.client_id));
    let recorded = into.unit_of_work(&scope, |connection| Box::pin(record(connection, heard))).await;
    recorded.map_err(|error: Error| Failure::Retry(error))
}

/// Locks the tickets, keeps what is new, folds what it touched.
async fn record(connection: &mut PgConnection, heard: Vec<NewFact>) -> Result<(), Error> {
    store::lock(connection, &tickets(&heard, |_| true)).await?;
    let promised = tickets(&heard, |fact| fact.source == Source::SlaTimer);
    let known = store::newest_of_clocks(connection, &promised).await?;
    let new = store::keep(connection, &heard).await?;
    let new: Vec<NewFact> = heard.into_iter().filter(|fact| new.contains(&fact.event_id)).collect();
    let touched = |of: &Facts| tickets(&new, |fact| of.names.contains(&fact.name));
    // Each of the three depends on no facts but its own: a batch reads and writes what it touches only.
    let life = touched(&LIFE);
    if !life.is_empty() {
        let figures = folded(connection, life, &LIFE).await?;
        store::figures::write_life(connection, &figures).await?;
    }
    let clocks = touched(&CLOCKS);
    if !clocks.is_empty() {
        let figures = clocks_after(connection, clocks, &new, &known).await?;
        store::figures::write_clocks(connection, &figures).await?;
    }
    let impact = touched(&IMPACT);
    if !impact.is_empty() {
        let figures = folded(connection, impact, &IMPACT).await?;
        store::impact::write(connection, &figures).await?;
    }
    Ok(())
}

/// The tickets of those facts that are `wanted`, each once, in order.
fn tickets(facts: &[NewFact], wanted: impl Fn(&NewFact) -> bool) -> Vec<Key> {
    let mut keys: Vec<Key> =
        facts.iter().filter(|fact| wanted(fact)).map(|fact| (fact.client_id.to_string(), fact.ticket_id)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The promises of these tickets that the new facts change. Each fact shows its promise whole and the newest counts
/// ([`domain::fold`]), so those of tickets that were heard of in order need no other; the rest are read again with all.
async fn clocks_after(
    connection: &mut PgConnection,
    keys: Vec<Key>,
    new: &[NewFact],
    known: &HashMap<Key, i64>,
) -> Result<Vec<(Key, Figures)>, Error> {
    let mut of_tickets: HashMap<Key, Vec<&NewFact>> = HashMap::with_capacity(keys.len());
    for fact in new.iter().filter(|fact| CLOCKS.names.contains(&fact.name)) {
        of_tickets.entry((fact.client_id.to_string(), fact.ticket_id)).or_default().push(fact);
    }
    let (mut figures, mut again) = (Vec::with_capacity(keys.len()), Vec::new());
    for key in keys {
        let news = of_tickets.remove(&key).unwrap_or_default();
        if news.iter().all(|fact| known.get(&key).is_none_or(|newest| fact.revision > *newest)) {
            let facts = news.iter().map(|fact| read(fact.source as i16, fact.event_id, &fact.payload));
            let facts: Vec<Option<Fact>> = facts.collect::<Result<_, _>>()?;
            figures.push((key, domain::fold(facts.into_iter().flatten())));
        } else {
            again.push(key);
        }
    }
    if !again.is_empty() {
        figures.extend(folded(connection, again, &CLOCKS).await?);
    }
    Ok(figures)
}

/// The figures of these tickets as all their facts of one sort give them. The tickets are locked.
async fn folded(connection: &mut PgConnection, keys: Vec<Key>, of: &Facts) -> Result<Vec<(Key, Figures)>, Error> {
    let kept = store::load(connection, &keys, of).await?;
    let mut of_tickets: HashMap<Key, Vec<Fact>> = HashMap::with_capacity(keys.len());
    for row in kept {
        if let Some(fact) = read(row.source, row.event_id, &row.payload)? {
            of_tickets.entry((row.client_id, row.ticket_id)).or_default().push(fact);
        }
    }
    let figures = keys.into_iter().map(|key| {
        let facts = of_tickets.remove(&key).unwrap_or_default();
        (key, domain::fold(facts))
    });
    Ok(figures.collect())
}

fn read(source: i16, event_id: Uuid, payload: &[u8]) -> Result<Option<Fact>, Error> {
    let fact = facts::fact(source, event_id, payload).context("the history holds what was never a fact");
    fact.map_err(|error| Error::Internal(error.into()))
}
