//! Tickets name others: those that are not for the caller's eyes are taken off what is shown. Costs nothing where no
//! queues are hidden from the caller.

use std::collections::{BTreeMap, HashSet};

use contracts::ClientId;
use contracts::triage::v1 as proto;
use sqlx::PgConnection;
use tonic::Status;

use chassis::Error;
use chassis::authorisation::Caller;

use super::Api;
use crate::domain::SupportModel;
use crate::store::confidential::hidden_among;
use crate::store::history::Entry;
use crate::wire;
use crate::wire::relation::{forget, named};

impl Api {
    /// Without the tickets that stand beside it and are not for the caller's eyes.
    pub(super) async fn discreet(
        &self,
        mut ticket: proto::Ticket,
        model: &SupportModel,
        caller: &Caller,
    ) -> Result<proto::Ticket, Status> {
        let reader = caller.principal.subject.clone();
        let suggested = ticket.suggestions.iter().map(|one| &one.ticket_reference).filter(|one| !one.is_empty());
        let beside = suggested.chain(ticket.learned.iter().flat_map(|one| &one.tickets)).chain(named(&ticket));
        let references: Vec<String> = beside.cloned().collect();
        let client_id = ClientId::new(&ticket.client_id);
        let (Ok(client_id), false) = (client_id, references.is_empty() || model.hidden_from(&reader).is_empty()) else {
            return Ok(ticket);
        };
        let read = self.ground.store.read(&caller.scope, move |connection| {
            Box::pin(async move { hidden_among(connection, &client_id, &references, &reader).await })
        });
        let hidden = read.await?;
        ticket.suggestions.retain(|one| !hidden.contains(&one.ticket_reference));
        for one in &mut ticket.learned {
            one.tickets.retain(|reference| !hidden.contains(reference));
        }
        forget(&mut ticket, &hidden);
        Ok(ticket)
    }
}

/// Takes the others that tickets of a list name off them.
pub(super) async fn listed(
    connection: &mut PgConnection,
    reader: &str,
    tickets: &mut [proto::Ticket],
) -> Result<(), Error> {
    let mut references: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ticket in tickets.iter() {
        for reference in named(ticket) {
            references.entry(ticket.client_id.clone()).or_default().push(reference.clone());
        }
    }
    for (client_id, references) in references {
        let of = ClientId::new(&client_id).map_err(|error| Error::Internal(error.into()))?;
        let hidden = hidden_among(connection, &of, &references, reader).await?;
        for ticket in tickets.iter_mut().filter(|ticket| ticket.client_id == client_id) {
            forget(ticket, &hidden);
        }
    }
    Ok(())
}

/// The entries for people, without the others that they name.
pub(super) async fn entries(
    connection: &mut PgConnection,
    reader: &str,
    entries: &[Entry],
) -> Result<Vec<proto::HistoryEntry>, Error> {
    let mut references: BTreeMap<&ClientId, Vec<String>> = BTreeMap::new();
    for entry in entries {
        let named = references.entry(&entry.client_id).or_default();
        named.extend(wire::event::event_in(&entry.payload)?.named().cloned());
        // What a parent leads to has its reference as the cause.
        named.push(entry.cause_id.clone());
    }
    let mut hidden: BTreeMap<&ClientId, HashSet<String>> = BTreeMap::new();
    for (client_id, references) in references {
        hidden.insert(client_id, hidden_among(connection, client_id, &references, reader).await?);
    }
    let nothing = HashSet::new();
    let told = |entry: &Entry| wire::event::discreet_entry(entry, hidden.get(&entry.client_id).unwrap_or(&nothing));
    entries.iter().map(told).collect()
}
