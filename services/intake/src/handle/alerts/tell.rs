//! What is told of alerts, and the end of hold-offs.

use std::collections::{BTreeMap, HashMap, HashSet};

use chassis::outbox::{self, Announcement};
use chassis::{Error, Ground, Scope, store as kept};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::hold;
use crate::domain::alert::Note;
use crate::store::{self, Alerted};
use crate::wire::alert::Post;
use crate::wire::messages::AlertNoted;
use crate::wire::{self, Actor, Fact};

/// Something to tell about a ticket.
#[derive(Debug)]
pub(super) struct Telling {
    pub(super) client_id: ClientId,
    pub(super) ticket_id: Uuid,
    pub(super) note: Note,
    pub(super) dedup_key: String,
    pub(super) summary: String,
    pub(super) clears_at: Option<Timestamp>,
    pub(super) actor: Actor,
    pub(super) at: Timestamp,
    pub(super) traceparent: Option<String>,
    /// The ticket of the storm that it belongs to, as that is recognised.
    pub(super) storm: Option<Uuid>,
}

pub(super) fn telling(post: &Post, ticket_id: Uuid, note: Note, at: Timestamp) -> Telling {
    Telling {
        client_id: post.client_id.clone(),
        ticket_id,
        note,
        dedup_key: post.alert.dedup_key.clone(),
        summary: post.alert.summary.clone(),
        clears_at: None,
        actor: post.actor.clone(),
        at,
        traceparent: post.traceparent.clone(),
        storm: None,
    }
}

/// Announces what is to be told, each ticket's in order.
pub(super) async fn tell(
    connection: &mut PgConnection,
    tellings: &[Telling],
    tickets: &HashMap<Uuid, Alerted>,
) -> Result<(), Error> {
    if tellings.is_empty() {
        return Ok(());
    }
    let mut facts: BTreeMap<(&str, Uuid), i64> = BTreeMap::new();
    for one in tellings {
        *facts.entry((one.client_id.as_str(), one.ticket_id)).or_default() += 1;
    }
    let facts: Vec<(&str, Uuid, i64)> =
        facts.into_iter().map(|((client_id, id), count)| (client_id, id, count)).collect();
    let mut revisions = store::next_revisions(connection, &facts).await?;
    let mut announcements: Vec<Announcement> = Vec::with_capacity(tellings.len());
    for one in tellings {
        let (Some(revision), Some(ticket)) = (revisions.get_mut(&one.ticket_id), tickets.get(&one.ticket_id)) else {
            return Err(Error::internal("a ticket of alerts is not there"));
        };
        *revision += 1;
        let meta = wire::meta(&one.client_id, one.ticket_id, *revision, one.at, one.actor.clone(), one.ticket_id);
        let storm = one.storm.and_then(|storm| tickets.get(&storm));
        let fact = Fact::AlertNoted(AlertNoted {
            storm_ticket_id: storm.map_or_else(String::new, |storm| storm.ticket_id.to_string()),
            storm_reference: storm.map_or_else(String::new, |storm| storm.reference.clone()),
            reference: ticket.reference.clone(),
            note: wire::alert::note(one.note).into(),
            dedup_key: one.dedup_key.clone(),
            alerts: ticket.alerts,
            posts: ticket.posts,
            summary: one.summary.clone(),
            clears_at: one.clears_at.map(contracts::timestamp),
        });
        announcements.push(wire::announce(meta, fact, one.traceparent.clone())?);
    }
    outbox::append(connection, &announcements).await
}

/// Clears the alerts among these whose hold-off is over; where none is left on a ticket, that is told.
///
/// # Errors
/// If the store failed; then nothing was cleared.
pub async fn clear(ground: &Ground, due: Vec<(ClientId, Uuid)>) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(due.iter().map(|(client_id, _)| client_id));
    let clock = ground.clock.clone();
    let store = &ground.store;
    store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                hold(connection, due.iter().map(|(client_id, _)| client_id)).await?;
                let now = kept::now(connection, &clock).await?;
                clear_rows(connection, &due, now).await
            })
        })
        .await
}

async fn clear_rows(connection: &mut PgConnection, due: &[(ClientId, Uuid)], now: Timestamp) -> Result<(), Error> {
    let wanted: Vec<(&str, Uuid)> = due.iter().map(|(client_id, id)| (client_id.as_str(), *id)).collect();
    let mut alerts = store::alerts(connection, &wanted).await?;
    // The true instant of each: when its hold-off ended.
    let mut ends: BTreeMap<(ClientId, Uuid), Timestamp> = BTreeMap::new();
    alerts.retain_mut(|alert| {
        let Some(at) = alert.standing.clears_at.filter(|_| !alert.is_over && alert.standing.clear(now)) else {
            return false;
        };
        let end = ends.entry((alert.client_id.clone(), alert.ticket_id)).or_insert(at);
        *end = at.max(*end);
        true
    });
    if alerts.is_empty() {
        return Ok(());
    }
    store::save_alerts(connection, &alerts.iter().collect::<Vec<_>>()).await?;
    let ids: Vec<(&str, Uuid)> = ends.keys().map(|(client_id, id)| (client_id.as_str(), *id)).collect();
    let still: HashSet<Uuid> = store::still_alerted(connection, &ids).await?.into_iter().collect();
    let mut tickets: HashMap<Uuid, Alerted> =
        store::alerted(connection, &ids).await?.into_iter().map(|one| (one.ticket_id, one)).collect();
    tickets.retain(|id, ticket| !still.contains(id) && !ticket.is_cleared && !ticket.is_over);
    let mut tellings = Vec::new();
    for ((client_id, ticket_id), at) in ends {
        let Some(ticket) = tickets.get_mut(&ticket_id) else { continue };
        ticket.is_cleared = true;
        tellings.push(Telling {
            client_id,
            ticket_id,
            // What people have registered is theirs to resolve.
            note: if ticket.is_adopted { Note::Recovering } else { Note::Cleared },
            dedup_key: String::new(),
            summary: String::new(),
            clears_at: None,
            actor: wire::desk(),
            at,
            traceparent: None,
            storm: None,
        });
    }
    store::save_alerted(connection, &tickets.values().collect::<Vec<_>>()).await?;
    tell(connection, &tellings, &tickets).await
}
