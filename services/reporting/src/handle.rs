//! Units of work: taking facts in, rebuilding, reading reports.

pub mod kpis;
pub mod rebuild;

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use chassis::consume::{Delivery, Failure};
use chassis::store::Store;
use chassis::{Error, Scope};
use sqlx::PgConnection;

use crate::domain::{self, Fact, Figures};
use crate::store::{self, Key, NewFact};
use crate::wire::facts;

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
    let mut keys: Vec<Key> = heard.iter().map(|fact| (fact.client_id.to_string(), fact.ticket_id)).collect();
    keys.sort_unstable();
    keys.dedup();
    store::lock(connection, &keys).await?;
    let new = store::keep(connection, heard).await?;
    let touched = |names: &[&str]| -> Vec<Key> {
        let of_names = new.iter().filter(|(_, _, name)| names.contains(&name.as_str()));
        let keys: HashSet<Key> = of_names.map(|(client_id, ticket_id, _)| (client_id.clone(), *ticket_id)).collect();
        keys.into_iter().collect()
    };
    // Each of the three depends on no facts but its own: a batch reads and writes what it touches only.
    let (life, clocks) = (touched(&facts::LIFE), touched(&facts::CLOCKS));
    if !life.is_empty() {
        let figures = folded(connection, life, &facts::LIFE).await?;
        store::figures::write_life(connection, &figures).await?;
    }
    if !clocks.is_empty() {
        let figures = folded(connection, clocks, &facts::CLOCKS).await?;
        store::figures::write_clocks(connection, &figures).await?;
    }
    let impact = touched(&facts::IMPACT);
    if !impact.is_empty() {
        let figures = folded(connection, impact, &facts::IMPACT).await?;
        store::impact::write(connection, &figures).await?;
    }
    Ok(())
}

/// The figures of these tickets as their facts of these names give them. The tickets are locked.
async fn folded(connection: &mut PgConnection, keys: Vec<Key>, names: &[&str]) -> Result<Vec<(Key, Figures)>, Error> {
    let kept = store::load(connection, &keys, names).await?;
    let mut of_tickets: HashMap<Key, Vec<Fact>> = HashMap::with_capacity(keys.len());
    for row in kept {
        let fact = facts::fact(row.source, row.event_id, &row.payload)
            .context("the history holds what was never a fact")
            .map_err(|error| Error::Internal(error.into()))?;
        if let Some(fact) = fact {
            of_tickets.entry((row.client_id, row.ticket_id)).or_default().push(fact);
        }
    }
    let figures = keys.into_iter().map(|key| {
        let facts = of_tickets.remove(&key).unwrap_or_default();
        (key, domain::fold(facts))
    });
    Ok(figures.collect())
}
