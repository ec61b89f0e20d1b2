//! The one write path of registrations: inbox → references → ticket + outbox → commit.

pub mod alerts;
pub mod contact;
mod files;
pub mod heartbeats;
pub mod late;
pub mod receipts;
pub mod status;

use std::collections::HashMap;
use std::sync::Arc;

use chassis::outbox::{self, Announcement};
use chassis::writes::Writes;
use chassis::{Error, Ground, Scope, inbox};
use contracts::{ClientId, timestamp};
use prost::Message as _;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::form::{Brought, completeness};
use crate::domain::reference;
use crate::settings::{Known, Settings};
use crate::store::{self, Home, Kept, NewTicket, Requesters, ToRemember};
use crate::wire::messages::Channel;
use crate::wire::{self, Fact, RegisteredTicket, Registration, Requester, TicketRegistered};

/// What became of one registration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is a ticket now.
    Registered(Kept),
    /// It was one already: the same request, or the same matter of the same source.
    Repeated(Kept),
    /// The request_id was used for another request.
    Reused,
    /// There is no such client.
    NoClient,
    /// It names files that do not wait for it.
    NoFile,
    /// The category's form asks for more: (field, what is wrong).
    Incomplete(Vec<(String, String)>),
}

/// Registers a group in one transaction; the outcomes stand in the group's order.
///
/// # Errors
/// If the store failed; then nothing was kept.
pub async fn register(ground: &Ground, settings: &Settings, group: Vec<Registration>) -> Result<Vec<Outcome>, Error> {
    let scope = Scope::of_all(group.iter().map(|one| &one.client_id));
    let settings = settings.clone();
    ground.store.unit_of_work(&scope, move |connection| Box::pin(register_rows(connection, settings, group))).await
}

/// Registers one ticket on its own, after its group failed. Where two posts of one matter met, the first has won by now
/// and the second try finds it.
///
/// # Errors
/// If the store failed twice.
pub async fn register_one(ground: &Ground, settings: &Settings, registration: Registration) -> Result<Outcome, Error> {
    let once = register(ground, settings, vec![registration.clone()]).await;
    let outcomes = match once {
        Err(Error::Internal(_)) => register(ground, settings, vec![registration]).await?,
        outcomes => outcomes?,
    };
    outcomes.into_iter().next().ok_or_else(|| Error::internal("a registration had no outcome"))
}

async fn register_rows(
    connection: &mut PgConnection,
    settings: Settings,
    group: Vec<Registration>,
) -> Result<Vec<Outcome>, Error> {
    let mut clients: Vec<&str> = group.iter().map(|one| one.client_id.as_str()).collect();
    clients.sort_unstable();
    clients.dedup();
    let requesters: Vec<(&str, &str)> =
        group.iter().map(|one| (one.client_id.as_str(), one.matter.requester_email.as_str())).collect();
    let (mut homes, requesters) = store::hold_clients_and(connection, &clients, &requesters).await?;
    let forms = settings_of(connection, &settings, &homes).await?;
    let incomplete = incomplete(connection, &forms, &group).await?;
    let without_file = files::missing(connection, &group).await?;
    let is_whole =
        |one: &Registration| !incomplete.contains_key(&one.ticket_id) && !without_file.contains(&one.ticket_id);
    let is_known = |one: &&Registration| homes.contains_key(one.client_id.as_str()) && is_whole(one);
    let known: Vec<&Registration> = group.iter().filter(is_known).collect();
    let new = remember(connection, &known).await?;
    let fresh: Vec<&Registration> =
        known.iter().copied().filter(|one| new.get(&one.request_key) == Some(&one.ticket_id)).collect();
    let registered = insert(connection, &fresh, &mut homes, &requesters, &forms).await?;
    let repeats: Vec<&Registration> =
        known.iter().copied().filter(|one| !registered.contains_key(&one.ticket_id)).collect();
    let repeated = repeat(connection, &clients, &repeats).await?;
    Ok(group
        .iter()
        .map(|one| match registered.get(&one.ticket_id) {
            Some(kept) => Outcome::Registered(kept.clone()),
            None if incomplete.contains_key(&one.ticket_id) => {
                Outcome::Incomplete(incomplete.get(&one.ticket_id).cloned().unwrap_or_default())
            }
            None if without_file.contains(&one.ticket_id) => Outcome::NoFile,
            None if homes.contains_key(one.client_id.as_str()) => {
                repeated.get(&one.ticket_id).cloned().unwrap_or(Outcome::Reused)
            }
            None => Outcome::NoClient,
        })
        .collect())
}

/// What holds for the clients. Nothing is asked for those that have no settings, or none that are new.
pub(super) async fn settings_of(
    connection: &mut PgConnection,
    settings: &Settings,
    homes: &HashMap<String, Home>,
) -> Result<HashMap<String, Arc<Known>>, Error> {
    let mut known = HashMap::with_capacity(homes.len());
    for (client_id, home) in homes {
        known.insert(client_id.clone(), settings.of(connection, client_id, home.settings_version).await?);
    }
    Ok(known)
}

/// The registrations that their category's form refuses: ticket_id → (field, what is wrong). What was answered before
/// the form became so stays answered.
async fn incomplete(
    connection: &mut PgConnection,
    forms: &HashMap<String, Arc<Known>>,
    group: &[Registration],
) -> Result<HashMap<Uuid, Vec<(String, String)>>, Error> {
    let mut refused = HashMap::new();
    let mut keys = HashMap::new();
    for one in group {
        let form = forms.get(one.client_id.as_str()).and_then(|known| known.forms.get(&one.matter.category));
        let Some(form) = form else { continue };
        let complaints = form.complaints(&brought(one, false));
        if !complaints.is_empty() {
            refused.insert(one.ticket_id, complaints);
            keys.insert((one.client_id.as_str(), one.request_key), one.ticket_id);
        }
    }
    // Who asks again gets the first answer, whatever is demanded by now.
    let asked: Vec<(&str, Uuid)> = keys.keys().copied().collect();
    for row in inbox::answered(connection, &asked).await? {
        let again = keys.iter().filter(|((_, key), _)| *key == row.key);
        again.for_each(|(_, ticket_id)| drop(refused.remove(ticket_id)));
    }
    Ok(refused)
}

/// What a registration has.
fn brought(one: &Registration, is_requester_known: bool) -> Brought<'_> {
    let by_machine = matches!(one.matter.channel(), Channel::Api | Channel::Monitoring);
    Brought {
        by_machine,
        is_described: !one.matter.description.trim().is_empty(),
        has_category: !one.matter.category.is_empty(),
        is_known: is_requester_known || (by_machine && !one.matter.source.is_empty()),
        fields: &one.matter.fields,
    }
}

/// Remembers the requests: of those that are new, which ticket they lead to: their own, or the one that their source
/// posted before.
async fn remember(connection: &mut PgConnection, known: &[&Registration]) -> Result<HashMap<Uuid, Uuid>, Error> {
    let mut by_ref: HashMap<(&ClientId, &str, &str), Uuid> = HashMap::new();
    let mut requests: HashMap<Uuid, ToRemember<'_>> = HashMap::new();
    for one in known {
        let (source, external_ref) = (one.matter.source.as_str(), one.matter.external_ref.as_str());
        let outcome_id = match external_ref {
            "" => one.ticket_id,
            // The first of the group with this matter becomes the ticket, the others join it.
            _ => *by_ref.entry((&one.client_id, source, external_ref)).or_insert(one.ticket_id),
        };
        let (client_id, key, fingerprint) = (&one.client_id, one.request_key, one.fingerprint.as_slice());
        let asked = inbox::Asked { client_id, key, fingerprint, outcome_id };
        requests.entry(key).or_insert(ToRemember { asked, source, external_ref });
    }
    store::remember(connection, requests.into_values().collect()).await
}

/// Gives references to the new ones, inserts and announces them: ticket_id → kept.
pub(super) async fn insert(
    connection: &mut PgConnection,
    fresh: &[&Registration],
    homes: &mut HashMap<String, Home>,
    requesters: &Requesters,
    forms: &HashMap<String, Arc<Known>>,
) -> Result<HashMap<Uuid, Kept>, Error> {
    let mut tickets = Vec::with_capacity(fresh.len());
    let mut announcements = Vec::with_capacity(fresh.len());
    for one in fresh {
        let home = homes
            .get_mut(one.client_id.as_str())
            .ok_or_else(|| Error::internal("a client vanished while it was held"))?;
        home.last_number += 1;
        let kept = Kept {
            ticket_id: one.ticket_id,
            reference: reference(&home.prefix, home.last_number),
            registered_at: one.registered_at,
        };
        let email_key = (one.client_id.to_string(), one.matter.requester_email.clone());
        let requester = requesters.get(&email_key);
        let form = forms.get(one.client_id.as_str()).and_then(|known| known.forms.get(&one.matter.category));
        let complete = completeness(&brought(one, requester.is_some()), form);
        let (ticket, announcement) = ticket_and_announcement(one, &kept, requester, &home.language, complete)?;
        tickets.push(ticket);
        announcements.push(announcement);
    }
    let mut writes = Writes::default();
    store::insert(&mut writes, &tickets, homes);
    outbox::add(&mut writes, &announcements);
    writes.run(connection).await?;
    let kept: HashMap<Uuid, Kept> = tickets.into_iter().map(|ticket| (ticket.kept.ticket_id, ticket.kept)).collect();
    files::claim(connection, fresh, |ticket_id| kept.get(&ticket_id).cloned()).await?;
    Ok(kept)
}

fn ticket_and_announcement(
    one: &Registration,
    kept: &Kept,
    requester: Option<&Requester>,
    main_language: &str,
    complete: u32,
) -> Result<(NewTicket, Announcement), Error> {
    let matter = wire::in_a_language(one.matter.clone(), requester, main_language);
    let registered = RegisteredTicket {
        reference: kept.reference.clone(),
        matter: Some(matter),
        requester: requester.cloned(),
        registered_at: Some(timestamp(one.registered_at)),
        completeness: Some(complete),
        follow_up_of_ticket_id: one.follow_up_of.as_ref().map_or_else(String::new, |(id, _)| id.to_string()),
        follow_up_of: one.follow_up_of.as_ref().map_or_else(String::new, |(_, reference)| reference.clone()),
    };
    let ticket = NewTicket {
        client_id: one.client_id.clone(),
        kept: kept.clone(),
        source: one.matter.source.clone(),
        external_ref: one.matter.external_ref.clone(),
        body: registered.encode_to_vec(),
        imported_hash: None,
        recorded_at: one.registered_at,
        posted_by: Some(one.actor.actor_id.clone()),
    };
    let meta = wire::meta(&one.client_id, one.ticket_id, 1, one.registered_at, one.actor.clone(), one.request_key);
    let fact = Fact::TicketRegistered(TicketRegistered { ticket: Some(registered), solved: one.solved.clone() });
    Ok((ticket, wire::announce(meta, fact, one.traceparent.clone())?))
}

/// The answers to requests that led to a ticket before (or to one of this very group).
async fn repeat(
    connection: &mut PgConnection,
    clients: &[&str],
    repeats: &[&Registration],
) -> Result<HashMap<Uuid, Outcome>, Error> {
    if repeats.is_empty() {
        return Ok(HashMap::new());
    }
    let asked: Vec<(&str, Uuid)> = repeats.iter().map(|one| (one.client_id.as_str(), one.request_key)).collect();
    let answered: HashMap<Uuid, inbox::Answered> =
        inbox::answered(connection, &asked).await?.into_iter().map(|row| (row.key, row)).collect();
    let ids: Vec<Uuid> = answered.values().filter_map(|row| row.outcome_id).collect();
    let kept = store::kept(connection, clients, &ids).await?;
    Ok(repeats
        .iter()
        .map(|one| {
            let same = answered
                .get(&one.request_key)
                .filter(|row| row.fingerprint.as_deref() == Some(one.fingerprint.as_slice()))
                .and_then(|row| kept.get(&row.outcome_id?));
            (one.ticket_id, same.map_or(Outcome::Reused, |kept| Outcome::Repeated(kept.clone())))
        })
        .collect())
}
