//! The NATS door: what is registered gets suggestions, what is resolved teaches.

use std::collections::HashSet;
use std::sync::Arc;

use chassis::consume::{Delivery, Failure, Handler};
use chassis::inbox::remember_events;
use chassis::outbox::{self, Announcement};
use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::domain::solution::{Question, newest};
use crate::store::{outcomes as kept, solutions};
use crate::wire::{self, Registration};

/// For intake's facts: suggestions for every new ticket. For triage's: solved tickets and the articles that helped.
pub fn handler() -> Handler {
    Arc::new(|ground, deliveries| {
        Box::pin(async move {
            let (told, outcomes): (Vec<_>, Vec<_>) =
                deliveries.into_iter().partition(|delivery| delivery.service() == "intake");
            // What is learned first may help with what is asked.
            learn(ground.clone(), outcomes).await?;
            suggest(ground, told).await
        })
    })
}

fn scope_of(deliveries: &[Delivery]) -> Scope {
    Scope::of_all(deliveries.iter().map(|one| &one.client_id))
}

fn events_of(deliveries: &[Delivery]) -> Vec<(ClientId, Uuid)> {
    deliveries.iter().map(|one| (one.client_id.clone(), one.event_id)).collect()
}

async fn suggest(ground: Ground, deliveries: Vec<Delivery>) -> Result<(), Failure> {
    let deliveries: Vec<Delivery> = deliveries.into_iter().filter(|one| one.fact() == "ticket_registered").collect();
    let mut registrations = Vec::with_capacity(deliveries.len());
    for delivery in &deliveries {
        registrations.extend(wire::registration(delivery)?);
    }
    if registrations.is_empty() {
        return Ok(());
    }
    let events = events_of(&deliveries);
    let now = ground.clock.now();
    ground
        .store
        .unit_of_work(&scope_of(&deliveries), move |connection| {
            Box::pin(async move {
                let new = remember_events(connection, &events).await?;
                let mut asked = HashSet::new();
                registrations.retain(|one| {
                    let key = (one.question.client_id.clone(), one.question.ticket_id);
                    new.contains(&one.event_id) && asked.insert(key)
                });
                Ok(answer(connection, &registrations, now).await?)
            })
        })
        .await
}

/// Announces what was found, once per ticket, whatever is registered again.
async fn answer(connection: &mut PgConnection, registrations: &[Registration], now: Timestamp) -> Result<(), Error> {
    if registrations.is_empty() {
        return Ok(());
    }
    let questions: Vec<Question> = registrations.iter().map(|one| one.question.clone()).collect();
    let found = solutions::suggest(connection, &questions, now).await?;
    let answered: Vec<_> = registrations.iter().zip(&found).filter(|(_, solutions)| !solutions.is_empty()).collect();
    if answered.is_empty() {
        return Ok(());
    }
    let key = |one: &Registration| (one.question.client_id.clone(), one.question.ticket_id);
    let tickets: Vec<(ClientId, Uuid)> = answered.iter().map(|(registration, _)| key(registration)).collect();
    let first = solutions::note_first(connection, &tickets).await?;
    let mut announcements = Vec::with_capacity(answered.len());
    for (registration, solutions) in answered {
        let (client_id, ticket_id) = key(registration);
        if first.contains(&(client_id.into(), ticket_id)) {
            let fact = wire::solutions_suggested(registration, solutions, now);
            announcements.push(Announcement::of(&fact, registration.traceparent.clone())?);
        }
    }
    outbox::append(connection, &announcements).await
}

async fn learn(ground: Ground, deliveries: Vec<Delivery>) -> Result<(), Failure> {
    let known = ["ticket_resolved", "ticket_reopened", "ticket_cancelled"];
    let deliveries: Vec<Delivery> = deliveries.into_iter().filter(|one| known.contains(&one.fact())).collect();
    let mut outcomes = Vec::with_capacity(deliveries.len());
    for delivery in &deliveries {
        outcomes.extend(wire::outcome(delivery)?.map(|outcome| (delivery.event_id, outcome)));
    }
    if outcomes.is_empty() {
        return Ok(());
    }
    let events = events_of(&deliveries);
    ground
        .store
        .unit_of_work(&scope_of(&deliveries), move |connection| {
            Box::pin(async move {
                let new = remember_events(connection, &events).await?;
                let fresh = outcomes.into_iter().filter(|(event_id, _)| new.contains(event_id));
                let newest = newest(fresh.map(|(_, outcome)| outcome));
                if newest.is_empty() {
                    return Ok(());
                }
                Ok(kept::keep(connection, &newest).await?)
            })
        })
        .await
}
