//! Contracts ready to compute with, kept in memory: a version never changes.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chassis::Error;
use contracts::ClientId;
use sqlx::PgConnection;

use crate::domain::contract::{Contract, Terms, TermsBook};
use crate::domain::fact::{Fact, versions};
use crate::store::{self, Ticket, TicketKey};

/// Versions kept at most. Past that all are forgotten and read anew as they are wanted.
const MOST: usize = 256;

/// Which version of whose contract.
pub type VersionKey = (ClientId, i64);

/// The terms of all contracts wanted so far. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Promises(Arc<Mutex<HashMap<VersionKey, Arc<Terms>>>>);

impl Promises {
    /// The terms of these versions.
    ///
    /// # Errors
    /// If the store failed, or a version that was kept cannot be read.
    pub async fn of(
        &self,
        connection: &mut PgConnection,
        wanted: BTreeSet<VersionKey>,
    ) -> Result<HashMap<VersionKey, Arc<Terms>>, Error> {
        let mut found = HashMap::new();
        let mut missing = Vec::new();
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for key in wanted {
                match known.get(&key) {
                    Some(terms) => drop(found.insert(key, Arc::clone(terms))),
                    None => missing.push(key),
                }
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        for (key, json) in store::terms(connection, &missing).await? {
            let terms = Arc::new(ready(&json)?);
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= MOST {
                known.clear();
            }
            known.insert(key.clone(), Arc::clone(&terms));
            found.insert(key, terms);
        }
        Ok(found)
    }
}

/// The versions that a ticket's clocks go by: that of its registration and those that its facts name.
pub fn named(ticket: &Ticket, facts: &[Fact]) -> impl Iterator<Item = VersionKey> {
    let later = versions(facts).filter_map(|version| i64::try_from(version).ok());
    ticket.contract_version.into_iter().chain(later).map(|version| (ticket.client_id.clone(), version))
}

/// The terms that a ticket's clocks go by; `None` if nothing was ever promised.
///
/// # Errors
/// If one of the versions was not found.
pub fn book<'p>(
    promises: &'p HashMap<VersionKey, Arc<Terms>>,
    ticket: &Ticket,
    facts: &[Fact],
) -> Result<Option<TermsBook<'p>>, Error> {
    let mut book = None;
    for key in named(ticket, facts) {
        let terms = promises.get(&key).ok_or_else(|| Error::internal("a ticket's contract version is missing"))?;
        let version = key.1.unsigned_abs();
        book = Some(match book {
            None if ticket.contract_version.is_some() => TermsBook::new(version, terms),
            book => book.unwrap_or_else(TermsBook::nothing).with(version, terms),
        });
    }
    Ok(book)
}

fn ready(json: &str) -> Result<Terms, Error> {
    let contract: Contract = serde_json::from_str(json).map_err(|error| Error::Internal(error.into()))?;
    contract.terms().map_err(|complaints| {
        let complaints: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        Error::internal(format!("a contract that was kept is not valid: {}", complaints.join("; ")))
    })
}

/// What the clocks of some tickets are computed from.
#[derive(Debug)]
pub struct Record {
    pub facts: HashMap<TicketKey, Vec<Fact>>,
    /// The versions that they go by.
    pub promises: HashMap<VersionKey, Arc<Terms>>,
}

impl Record {
    /// Their facts, and the versions of contracts that they go by.
    ///
    /// # Errors
    /// If the store failed, or a version that was kept cannot be read.
    pub async fn read<'k>(
        connection: &mut PgConnection,
        promises: &Promises,
        tickets: impl Iterator<Item = &'k Ticket> + Clone,
    ) -> Result<Self, Error> {
        let keys: Vec<TicketKey> = tickets.clone().map(Ticket::key).collect();
        let mut record = Self { facts: store::facts(connection, &keys).await?, promises: HashMap::new() };
        let wanted = tickets.flat_map(|ticket| named(ticket, record.facts(ticket))).collect();
        record.promises = promises.of(connection, wanted).await?;
        Ok(record)
    }

    /// All facts of one of them.
    pub fn facts(&self, ticket: &Ticket) -> &[Fact] {
        self.facts.get(&ticket.key()).map_or(&[], Vec::as_slice)
    }

    /// The terms that it goes by; `None` if nothing was ever promised.
    ///
    /// # Errors
    /// If one of the versions was not found.
    pub fn book(&self, ticket: &Ticket) -> Result<Option<TermsBook<'_>>, Error> {
        book(&self.promises, ticket, self.facts(ticket))
    }
}
