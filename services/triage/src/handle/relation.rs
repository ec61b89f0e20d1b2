//! Commands about several tickets: all of them are locked, decided on and recorded in one transaction.

use std::collections::BTreeMap;

use chassis::Scope;
use chassis::confidential::hidden_among;
use chassis::inbox::{self, Seen};
use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Desk, Error, Models, happen, record};
use crate::domain::relation::decide::{self, Around, Command, Neighbour};
use crate::domain::{Actor, ActorKind, RelationKind, SupportModel, Ticket};
use crate::store::proposal::{self, Decision};
use crate::store::relation;
use crate::store::ticket::Name;
use crate::store::{self, Key};
use crate::wire::relation::request::Asked;

/// A command with everything that is known of whoever gave it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// For whom the caller may act.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// What.
    pub asked: Asked,
    /// Of the whole request.
    pub fingerprint: Vec<u8>,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// Decides once. Returns the ticket's id: it is looked at afterwards, with all that stands beside it.
///
/// A request seen before changes nothing.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn command(desk: &Desk, envelope: Envelope) -> Result<Uuid, Error> {
    let now = desk.ground.clock.now();
    let (scope, models) = (envelope.scope.clone(), desk.models.clone());
    let store = &desk.ground.store;
    let key = store.unit_of_work(&scope, move |connection| in_transaction(connection, models, envelope, now)).await?;
    // Children may have to be told, and whoever had a ticket may have room for another one.
    desk.bell.ring(&key.0);
    Ok(key.1)
}

fn in_transaction(
    connection: &mut PgConnection,
    models: Models,
    envelope: Envelope,
    now: Timestamp,
) -> BoxFuture<'_, Result<Key, Error>> {
    Box::pin(async move {
        let Envelope { by, asked, fingerprint, traceparent, .. } = envelope;
        let key = relation::key(connection, &asked.ticket).await?.ok_or(Error::NotFound("ticket"))?;
        // Before any ticket is held: chains of relations are looked at and made by one at a time.
        relation::lock(connection, &key.0).await?;
        let names = names(connection, &key, &asked).await?;
        let table = lay(connection, &key, &names).await?;
        let ticket = table.get(&key.1).ok_or(Error::NotFound("ticket"))?;
        let model = models.one(connection, &key.0).await?;
        if by.kind != ActorKind::Desk && !table.values().all(|ticket| model.may_read(&ticket.work, &by.actor_id)) {
            return Err(Error::NotFound("ticket"));
        }
        let request_key = inbox::request_key(&key.0, &by.actor_id, &asked.request_id);
        match inbox::remember_request(connection, &key.0, request_key, &fingerprint, key.1).await? {
            Seen::New => {}
            Seen::Before { .. } => return Ok(key),
            Seen::Reused => return Err(Error::Reused),
        }
        if asked.expected_revision != 0 && asked.expected_revision != ticket.work.revision {
            return Err(Error::Changed(ticket.work.revision));
        }
        let others: Vec<&Ticket> = names.iter().filter_map(|ticket_id| table.get(ticket_id)).collect();
        let events = {
            let seen = look_around(connection, ticket, &others, &asked.command).await?;
            decide::decide::<Error>(ticket, &asked.command, &seen.around(&model, now))?
        };
        let mut changes: BTreeMap<Uuid, Change> = BTreeMap::new();
        for (ticket_id, event) in events {
            let Some(ticket) = table.get(&ticket_id) else { continue };
            let change = changes.entry(ticket_id).or_insert_with(|| Change {
                ticket: ticket.clone(),
                happened: Vec::new(),
                traceparent: traceparent.clone(),
            });
            happen(change, event, &by, now, &asked.request_id);
        }
        let changes: Vec<Change> = changes.into_values().collect();
        record(connection, &changes, |_| Some(&*model)).await?;
        if let Command::Accept { proposal_id } = asked.command {
            accepted(connection, &key, proposal_id, now).await?;
        }
        Ok(key)
    })
}

/// The ids of the other tickets, each of the same client as the first: what is foreign is not there.
async fn names(connection: &mut PgConnection, key: &Key, asked: &Asked) -> Result<Vec<Uuid>, Error> {
    let mut ids = Vec::with_capacity(asked.others.len());
    for name in &asked.others {
        let other = relation::key(connection, name).await?.filter(|other| other.0 == key.0);
        let other = other.ok_or(Error::NotFound("ticket"))?;
        ids.push(match asked.command {
            Command::Merge { .. } => relation::end_of_merges(connection, &other).await?,
            _ => other.1,
        });
    }
    if let Command::Accept { proposal_id } = asked.command {
        let found = proposal::find(connection, proposal_id).await?.filter(|found| found.client_id == key.0);
        let found = found.ok_or(Error::NotFound("proposal"))?;
        match &found.decision {
            Decision::Open => {}
            Decision::Accepted(problem_id) if *problem_id == key.1 => {}
            _ => return Err(decide::Rejection::ProposalDecided.into()),
        }
        ids.extend(found.ticket_ids);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// The tickets, locked.
async fn lay(connection: &mut PgConnection, key: &Key, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Ticket>, Error> {
    let names: Vec<Name> = ids.iter().chain([&key.1]).copied().map(Name::Id).collect();
    let found = store::ticket::lock(connection, &names.iter().collect::<Vec<_>>()).await?;
    let tickets = found.into_iter().map(|found| found.ticket).filter(|ticket| ticket.client_id == key.0);
    Ok(tickets.map(|ticket| (ticket.ticket_id, ticket)).collect())
}

/// What is seen of the relations.
struct Surroundings {
    others: Vec<Neighbour>,
    has_parent: bool,
    names: i64,
    naming: i64,
}

impl Surroundings {
    fn around<'a>(&'a self, model: &'a SupportModel, at: Timestamp) -> Around<'a> {
        let Self { others, has_parent, names, naming } = self;
        Around { model, at, others, has_parent: *has_parent, names: *names, naming: *naming }
    }
}

async fn look_around(
    connection: &mut PgConnection,
    ticket: &Ticket,
    others: &[&Ticket],
    command: &Command,
) -> Result<Surroundings, Error> {
    let client_id = &ticket.client_id;
    let own = (client_id.clone(), ticket.ticket_id);
    let other = others.first().map_or(Uuid::nil(), |other| other.ticket_id);
    let (kind, named_id) = match command {
        Command::Link { kind, .. } | Command::Unlink { kind } => (*kind, other),
        Command::Attach => (RelationKind::ChildOf, ticket.ticket_id),
        Command::Accept { .. } => (RelationKind::InstanceOf, ticket.ticket_id),
        _ => (RelationKind::RelatedTo, Uuid::nil()),
    };
    let others_name = named_id == ticket.ticket_id;
    let naming: Vec<Uuid> =
        if others_name { others.iter().map(|other| other.ticket_id).collect() } else { vec![ticket.ticket_id] };
    let named = relation::named(connection, client_id, &naming, kind, named_id).await?;
    let of_named = (client_id.clone(), named_id);
    let above = match kind {
        RelationKind::ChildOf => relation::ancestors(connection, &of_named).await?,
        _ => Default::default(),
    };
    let count = relation::naming(connection, &of_named, kind).await?;
    let own = named.get(&own.1).copied().unwrap_or_default();
    let neighbour = |other: &&Ticket| {
        let says = named.get(&other.ticket_id).copied().unwrap_or_default();
        Neighbour {
            ticket: (*other).clone(),
            is_linked: if others_name { says.is_linked } else { own.is_linked },
            is_below: above.contains(&if others_name { other.ticket_id } else { ticket.ticket_id }),
            has_parent: says.has_parent,
            names: says.count,
        }
    };
    Ok(Surroundings {
        others: others.iter().map(neighbour).collect(),
        has_parent: own.has_parent,
        names: own.count,
        naming: count,
    })
}

async fn accepted(connection: &mut PgConnection, key: &Key, proposal_id: Uuid, now: Timestamp) -> Result<(), Error> {
    if let Some(mut found) = proposal::find(connection, proposal_id).await? {
        found.decision = Decision::Accepted(key.1);
        found.decided_at = found.decided_at.or(Some(now));
        proposal::keep(connection, &found).await?;
    }
    Ok(())
}

/// Dismisses a proposal; the reason that was given first stays. Returns it as it is then.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn dismiss(
    desk: &Desk,
    scope: &Scope,
    proposal_id: Uuid,
    reason: String,
    reader: String,
) -> Result<proposal::Proposal, Error> {
    let now = desk.ground.clock.now();
    let store = &desk.ground.store;
    let work = store.unit_of_work(scope, move |connection| {
        Box::pin(async move {
            let mut found = proposal::find(connection, proposal_id).await?.ok_or(Error::NotFound("proposal"))?;
            let tickets: Vec<(String, Uuid)> =
                found.ticket_ids.iter().map(|id| (found.client_id.to_string(), *id)).collect();
            let hidden = hidden_among(connection, &tickets, &reader).await?;
            if !tickets.is_empty() && hidden.len() == tickets.len() {
                return Err(Error::NotFound("proposal"));
            }
            match &found.decision {
                Decision::Open => {
                    found.decision = Decision::Dismissed(reason);
                    found.decided_at = Some(now);
                    proposal::keep(connection, &found).await?;
                }
                Decision::Dismissed(_) => {}
                Decision::Accepted(_) => return Err(decide::Rejection::ProposalDecided.into()),
            }
            found.ticket_ids.retain(|ticket_id| !hidden.contains(ticket_id));
            Ok(found)
        })
    });
    work.await
}
