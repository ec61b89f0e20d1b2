//! History from another system: kept with its own times, announced whole, the same again changes nothing.

use std::collections::{BTreeMap, HashMap};

use chassis::outbox;
use chassis::status::Violation;
use chassis::writes::Writes;
use chassis::{Error, Ground, Scope, new_id};
use contracts::{ClientId, from_timestamp, timestamp};
use jiff::Timestamp;
use prost::Message as _;
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::{limits, line_fault, reference};
use crate::store::{self, Home, Kept, NewTicket, Present, Requesters};
use crate::wire::{
    self, Actor, Fact, Faults, HistoricFact, ImportOutcome, ImportTicketsRequest, Matter, RegisteredTicket,
    TicketImported,
};

/// A ticket with its history that may be committed.
#[derive(Debug, Clone)]
pub struct Import {
    /// For whom.
    pub client_id: ClientId,
    /// What it is about.
    pub matter: Matter,
    /// When the other system registered it.
    pub registered_at: Timestamp,
    /// What happened since.
    pub facts: Vec<HistoricFact>,
    /// SHA-256 of all of it.
    pub hash: Vec<u8>,
    /// Who imports.
    pub actor: Actor,
}

/// Checks a ticket to import.
///
/// # Errors
/// Everything that is wrong with it.
pub fn check(request: ImportTicketsRequest, actor: Actor) -> Result<Import, Vec<Violation>> {
    let mut faults = Faults::default();
    let hash = Sha256::digest(request.encode_to_vec()).to_vec();
    let mut matter = request.matter.unwrap_or_default();
    wire::check_matter(&mut faults, &matter);
    faults.require("matter.external_ref", &matter.external_ref);
    matter.requester_email = matter.requester_email.to_lowercase();
    let registered_at = request.registered_at.as_ref().and_then(from_timestamp);
    if registered_at.is_none() {
        faults.note("registered_at", Some("is missing or malformed".to_owned()));
    }
    if request.facts.len() > limits::FACTS {
        faults.note("facts", Some(format!("has more than {}", limits::FACTS)));
    } else {
        check_facts(&mut faults, &request.facts);
    }
    let client_id = match ClientId::new(&request.client_id) {
        Ok(client_id) => client_id,
        Err(error) => {
            faults.note("client_id", Some(format!("is not one: {error}")));
            return Err(faults.0);
        }
    };
    let registered_at = registered_at.unwrap_or_default();
    faults.unless_any(Import { client_id, matter, registered_at, facts: request.facts, hash, actor })
}

fn check_facts(faults: &mut Faults, facts: &[HistoricFact]) {
    let mut keys = std::collections::HashSet::new();
    for (index, fact) in facts.iter().enumerate() {
        let field = |name: &str| format!("facts[{index}].{name}");
        faults.require(&field("fact_key"), &fact.fact_key);
        faults.note(&field("fact_key"), line_fault(&fact.fact_key, limits::NAME));
        if !keys.insert(&fact.fact_key) {
            faults.note(&field("fact_key"), Some("stands twice".to_owned()));
        }
        if fact.occurred_at.as_ref().and_then(from_timestamp).is_none() {
            faults.note(&field("occurred_at"), Some("is missing or malformed".to_owned()));
        }
        if fact.fact.is_none() {
            faults.note(&field("fact"), Some("is missing".to_owned()));
        }
    }
}

/// What became of one imported ticket.
#[derive(Debug, Clone)]
pub struct Imported {
    /// Created, extended or unchanged.
    pub outcome: ImportOutcome,
    /// The ticket.
    pub kept: Kept,
}

/// Imports tickets of one client in one transaction; the results stand in their order. `None`: there is no such client.
///
/// # Errors
/// If the store failed; then nothing was kept.
pub async fn import(
    ground: &Ground,
    client_id: &ClientId,
    imports: Vec<Import>,
) -> Result<Option<Vec<Imported>>, Error> {
    let scope = Scope::of(client_id);
    let recorded_at = ground.clock.now();
    let client_id = client_id.clone();
    let traceparent = chassis::telemetry::traceparent();
    ground
        .store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                let (homes, requesters) = (HashMap::new(), HashMap::new());
                let mut work = Work { client_id, recorded_at, traceparent, homes, requesters };
                work.rows(connection, imports).await
            })
        })
        .await
}

struct Work {
    client_id: ClientId,
    recorded_at: Timestamp,
    traceparent: Option<String>,
    /// The client's own, held.
    homes: HashMap<String, Home>,
    requesters: Requesters,
}

impl Work {
    async fn rows(
        &mut self,
        connection: &mut PgConnection,
        imports: Vec<Import>,
    ) -> Result<Option<Vec<Imported>>, Error> {
        let client = self.client_id.to_string();
        let requesters: Vec<(&str, &str)> =
            imports.iter().map(|one| (client.as_str(), one.matter.requester_email.as_str())).collect();
        (self.homes, self.requesters) = store::hold_clients_and(connection, &[&client], &requesters).await?;
        if self.homes.is_empty() {
            return Ok(None);
        }
        let wanted: Vec<(&str, &str)> =
            imports.iter().map(|one| (one.matter.source.as_str(), one.matter.external_ref.as_str())).collect();
        let mut present = store::present(connection, &client, &wanted).await?;
        // What stands twice in one batch: the last one counts, once.
        let mut last: BTreeMap<(String, String), &Import> = BTreeMap::new();
        for one in &imports {
            last.insert(key_of(one), one);
        }
        let mut outcomes = self.extend(connection, &last, &present).await?;
        last.retain(|key, _| !present.contains_key(key));
        self.create(connection, &last, &mut present, &mut outcomes).await?;
        Ok(Some(
            imports
                .iter()
                .filter_map(|one| {
                    let key = key_of(one);
                    let outcome = outcomes.get(&key).copied()?;
                    Some(Imported { outcome, kept: present.get(&key)?.kept.clone() })
                })
                .collect(),
        ))
    }

    /// Announces again what has grown; notes what has not.
    async fn extend(
        &self,
        connection: &mut PgConnection,
        wanted: &BTreeMap<(String, String), &Import>,
        present: &HashMap<(String, String), Present>,
    ) -> Result<HashMap<(String, String), ImportOutcome>, Error> {
        let mut outcomes = HashMap::new();
        let mut grown = Vec::new();
        let mut announcements = Vec::new();
        for (key, one) in wanted {
            let Some(known) = present.get(key) else { continue };
            if known.imported_hash.as_ref() == Some(&one.hash) {
                outcomes.insert(key.clone(), ImportOutcome::Unchanged);
                continue;
            }
            let ticket = self.ticket(one, &known.kept);
            grown.push((known.kept.ticket_id, ticket.encode_to_vec(), one.hash.clone()));
            announcements.push(self.announcement(one, &known.kept, ticket, known.revision + 1)?);
            outcomes.insert(key.clone(), ImportOutcome::Extended);
        }
        store::extend(connection, self.client_id.as_str(), &grown).await?;
        outbox::append(connection, &announcements).await?;
        Ok(outcomes)
    }

    async fn create(
        &self,
        connection: &mut PgConnection,
        wanted: &BTreeMap<(String, String), &Import>,
        present: &mut HashMap<(String, String), Present>,
        outcomes: &mut HashMap<(String, String), ImportOutcome>,
    ) -> Result<(), Error> {
        if wanted.is_empty() {
            return Ok(());
        }
        let mut homes = self.homes.clone();
        let home = homes
            .get_mut(self.client_id.as_str())
            .ok_or_else(|| Error::internal("the client vanished while it was held"))?;
        let mut tickets = Vec::with_capacity(wanted.len());
        let mut announcements = Vec::with_capacity(wanted.len());
        // References in the order of registration, as they would have been given.
        let mut in_order: Vec<_> = wanted.iter().collect();
        in_order.sort_by_key(|(_, one)| one.registered_at);
        for (key, one) in in_order {
            home.last_number += 1;
            let reference = reference(&home.prefix, home.last_number);
            let kept = Kept { ticket_id: new_id(), reference, registered_at: one.registered_at };
            let ticket = self.ticket(one, &kept);
            tickets.push(NewTicket {
                client_id: self.client_id.clone(),
                kept: kept.clone(),
                source: one.matter.source.clone(),
                external_ref: one.matter.external_ref.clone(),
                body: ticket.encode_to_vec(),
                imported_hash: Some(one.hash.clone()),
                recorded_at: self.recorded_at,
                posted_by: None,
            });
            announcements.push(self.announcement(one, &kept, ticket, 1)?);
            present.insert(key.clone(), Present { kept, revision: 1, imported_hash: Some(one.hash.clone()) });
            outcomes.insert(key.clone(), ImportOutcome::Created);
        }
        let mut writes = Writes::default();
        store::insert(&mut writes, &tickets, &homes);
        outbox::add(&mut writes, &announcements);
        writes.run(connection).await
    }

    fn ticket(&self, one: &Import, kept: &Kept) -> RegisteredTicket {
        let requester = self.requesters.get(&(self.client_id.to_string(), one.matter.requester_email.clone()));
        let language = self.homes.get(self.client_id.as_str()).map_or("", |home| home.language.as_str());
        let matter = wire::in_a_language(one.matter.clone(), requester, language);
        RegisteredTicket {
            reference: kept.reference.clone(),
            requester: requester.cloned(),
            matter: Some(matter),
            registered_at: Some(timestamp(one.registered_at)),
            ..RegisteredTicket::default()
        }
    }

    fn announcement(
        &self,
        one: &Import,
        kept: &Kept,
        ticket: RegisteredTicket,
        revision: i64,
    ) -> Result<outbox::Announcement, Error> {
        let mut meta =
            wire::meta(&self.client_id, kept.ticket_id, revision, one.registered_at, one.actor.clone(), Uuid::nil());
        meta.recorded_at = Some(timestamp(self.recorded_at));
        meta.cause_id.clear();
        let fact = TicketImported { ticket: Some(ticket), facts: one.facts.clone() };
        wire::announce(meta, Fact::TicketImported(fact), self.traceparent.clone())
    }
}

fn key_of(one: &Import) -> (String, String) {
    (one.matter.source.clone(), one.matter.external_ref.clone())
}
