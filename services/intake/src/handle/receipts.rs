//! What becomes of tickets: noted for those who posted them, and for the alerts on them.

use std::collections::{BTreeMap, HashMap};

use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::alerts::hold;
use crate::consumer::Step;
use crate::store::{self, Alerted, Merged, NewReceipt, PostedTicket};
use crate::wire::messages::ReceiptState;

/// Notes a batch of steps in one transaction. Repeats change nothing.
///
/// # Errors
/// If the store failed; nothing was noted then.
pub async fn follow(ground: &Ground, steps: Vec<Step>) -> Result<(), Error> {
    if steps.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(steps.iter().map(|one| &one.client_id));
    let store = &ground.store;
    store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                note(connection, &steps).await?;
                let moved = merge(connection, &steps).await?;
                follow_alerts(connection, &steps).await?;
                follow_merges(connection, &moved).await
            })
        })
        .await
}

async fn note(connection: &mut PgConnection, steps: &[Step]) -> Result<(), Error> {
    let wanted: Vec<(&str, Uuid)> = steps.iter().map(|one| (one.client_id.as_str(), one.ticket_id)).collect();
    let tickets = store::posted_tickets(connection, &wanted).await?;
    let by_id: HashMap<(&str, Uuid), &PostedTicket> =
        tickets.iter().map(|one| ((one.client_id.as_str(), one.ticket_id), one)).collect();
    let mut receipts: BTreeMap<(usize, bool), NewReceipt<'_>> = BTreeMap::new();
    for (at, step) in steps.iter().enumerate() {
        let Some(ticket) = by_id.get(&(step.client_id.as_str(), step.ticket_id)) else { continue };
        let (source, into_ticket) = (*ticket, step.into_ticket.clone());
        // Whatever is heard of first tells that it was registered.
        let state = ReceiptState::Registered as i16;
        let (occurred_at, nobody) = (ticket.registered_at(), String::new());
        receipts
            .insert((at, false), NewReceipt { ticket: source, revision: 0, state, into_ticket: nobody, occurred_at });
        let (state, occurred_at) = (step.state as i16, step.occurred_at);
        receipts.insert(
            (at, true),
            NewReceipt { ticket: source, revision: step.revision, state, into_ticket, occurred_at },
        );
    }
    let receipts: Vec<NewReceipt<'_>> = receipts.into_values().collect();
    store::keep_receipts(connection, &receipts).await
}

/// Keeps which tickets became part of which other ones; returns those of them that alerts are on.
async fn merge(connection: &mut PgConnection, steps: &[Step]) -> Result<Vec<(ClientId, Uuid)>, Error> {
    let merges: Vec<Merged> = steps
        .iter()
        .filter_map(|step| {
            let (client_id, ticket_id, revision) = (step.client_id.clone(), step.ticket_id, step.revision);
            step.merged.map(|into| Merged { client_id, ticket_id, into, revision })
        })
        .collect();
    if merges.is_empty() {
        return Ok(Vec::new());
    }
    hold(connection, merges.iter().map(|one| &one.client_id)).await?;
    store::keep_merges(connection, &merges).await?;
    let moved: Vec<(ClientId, Uuid)> = merges.into_iter().map(|one| (one.client_id, one.ticket_id)).collect();
    store::adopt(connection, &keys(&moved)).await?;
    Ok(moved)
}

fn keys(moved: &[(ClientId, Uuid)]) -> Vec<(&str, Uuid)> {
    moved.iter().map(|(client_id, ticket_id)| (client_id.as_str(), *ticket_id)).collect()
}

/// The alerts of tickets that were merged, or are on their own again, are over if those are that they stay as.
async fn follow_merges(connection: &mut PgConnection, moved: &[(ClientId, Uuid)]) -> Result<(), Error> {
    if moved.is_empty() {
        return Ok(());
    }
    let stay = store::stays_as(connection, &keys(moved)).await?;
    let of = |wanted: bool| -> Vec<(&str, Uuid)> {
        let those = stay.iter().filter(|(_, _, is_over)| *is_over == wanted);
        those.map(|(client_id, ticket_id, _)| (client_id.as_str(), *ticket_id)).collect()
    };
    store::follow_tickets(connection, &of(true), &of(false)).await
}

/// Tickets of alerts that are over, or back: so are their alerts.
async fn follow_alerts(connection: &mut PgConnection, steps: &[Step]) -> Result<(), Error> {
    let mut last: BTreeMap<(&ClientId, Uuid), (i64, bool)> = BTreeMap::new();
    for step in steps {
        let is_over = match step.state {
            ReceiptState::Resolved | ReceiptState::Closed | ReceiptState::Cancelled => true,
            // The alerts of what was merged go where it went.
            ReceiptState::Reopened | ReceiptState::Merged => false,
            ReceiptState::Registered | ReceiptState::Triaged | ReceiptState::Unspecified => continue,
        };
        let known = last.entry((&step.client_id, step.ticket_id)).or_insert((step.revision, is_over));
        if step.revision > known.0 {
            *known = (step.revision, is_over);
        }
    }
    let wanted: Vec<(&str, Uuid)> = last.keys().map(|(client_id, id)| (client_id.as_str(), *id)).collect();
    let concerned = store::alerted(connection, &wanted).await?;
    if concerned.is_empty() {
        return Ok(());
    }
    // As every writer of alerts does; what was read before may have changed while we waited.
    hold(connection, concerned.iter().map(|one| &one.client_id)).await?;
    let wanted: Vec<(&str, Uuid)> = concerned.iter().map(|one| (one.client_id.as_str(), one.ticket_id)).collect();
    let mut tickets = store::alerted(connection, &wanted).await?;
    tickets.retain_mut(|ticket| {
        let heard = last.get(&(&ticket.client_id, ticket.ticket_id)).copied();
        let Some((revision, is_over)) = heard.filter(|(revision, _)| *revision > ticket.heard_revision) else {
            return false;
        };
        (ticket.heard_revision, ticket.is_over) = (revision, is_over);
        true
    });
    let of = |is_over: bool| -> Vec<(&str, Uuid)> {
        let those = tickets.iter().filter(|ticket: &&Alerted| ticket.is_over == is_over);
        those.map(|ticket| (ticket.client_id.as_str(), ticket.ticket_id)).collect()
    };
    store::follow_tickets(connection, &of(true), &of(false)).await?;
    store::save_alerted(connection, &tickets.iter().collect::<Vec<_>>()).await
}
