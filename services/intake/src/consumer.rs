//! The NATS door: what becomes of tickets, for those who posted them and for alerts.

use std::sync::Arc;

use chassis::Ground;
use chassis::consume::{Delivery, Failure, Handler};
use contracts::intake::v1::ReceiptState;
use contracts::triage::v1 as triage;
use contracts::{ClientId, Fact, from_timestamp};
use jiff::Timestamp;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::handle::{contact, late, receipts, status};
use crate::settings::Settings;
use crate::store::contact::Place;

/// A step of a ticket.
#[derive(Debug, Clone)]
pub struct Step {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub ticket_id: Uuid,
    /// Of triage's fact.
    pub revision: i64,
    /// What it is now.
    pub state: ReceiptState,
    /// The ticket that stays, if there is one.
    pub into_ticket: String,
    /// What it became part of; `Some(None)`: it is one of its own again.
    pub merged: Option<Option<Uuid>>,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// Takes what triage tells, and wakes those who follow.
pub fn handler(news: Arc<Notify>, settings: Settings) -> Handler {
    Arc::new(move |ground: Ground, deliveries: Vec<Delivery>| {
        let (news, settings) = (Arc::clone(&news), settings.clone());
        Box::pin(async move {
            let deliveries = chassis::confidential::heed(&ground, deliveries).await?;
            let told: Result<Vec<status::News>, Failure> =
                deliveries.iter().filter_map(|delivery| news_of(delivery).transpose()).collect();
            status::tell(&ground, told?).await?;
            let steps: Result<Vec<Step>, Failure> =
                deliveries.iter().filter_map(|delivery| heard(delivery).transpose()).collect();
            receipts::follow(&ground, steps?).await?;
            let late: Result<Vec<late::Late>, Failure> =
                deliveries.iter().filter_map(|delivery| late_of(delivery).transpose()).collect();
            late::follow(&ground, &settings, late?).await?;
            let places: Result<Vec<Place>, Failure> =
                deliveries.iter().filter_map(|delivery| place_of(delivery).transpose()).collect();
            contact::follow(&ground, places?).await?;
            news.notify_waiters();
            Ok(())
        })
    })
}

fn missing(what: &str) -> Failure {
    Failure::Poison(format!("the message has no usable {what}"))
}

/// Reads the news of a major incident; `None` if it is something else.
fn news_of(delivery: &Delivery) -> Result<Option<status::News>, Failure> {
    if !delivery.fact().starts_with("status_") {
        return Ok(None);
    }
    let event = triage::Event::received(&delivery.subject, &delivery.payload)?;
    let meta = event.meta().cloned().ok_or_else(|| missing("meta"))?;
    let text = match event.fact {
        Some(triage::event::Fact::StatusPushed(it)) => it.text,
        Some(triage::event::Fact::StatusDelivered(it)) => it.text,
        _ => return Ok(None),
    };
    Ok(Some(status::News {
        event_id: delivery.event_id,
        client_id: delivery.client_id.clone(),
        ticket_id: Uuid::try_parse(&meta.ticket_id).map_err(|_| missing("ticket_id"))?,
        text,
        occurred_at: meta.occurred_at.as_ref().and_then(from_timestamp).ok_or_else(|| missing("occurred_at"))?,
        traceparent: delivery.traceparent(),
    }))
}

/// Reads that somebody wrote on a closed ticket; `None` if it is something else.
fn late_of(delivery: &Delivery) -> Result<Option<late::Late>, Failure> {
    if delivery.fact() != "contact_came_late" {
        return Ok(None);
    }
    let event = triage::Event::received(&delivery.subject, &delivery.payload)?;
    let ticket_id = event.meta().and_then(|meta| Uuid::try_parse(&meta.ticket_id).ok());
    let ticket_id = ticket_id.ok_or_else(|| missing("ticket_id"))?;
    let Some(triage::event::Fact::ContactCameLate(it)) = event.fact else { return Ok(None) };
    let late = late::of(&delivery.client_id, ticket_id, &it.message_id, delivery.traceparent());
    late.map(Some).ok_or_else(|| missing("message_id"))
}

/// Reads where a ticket lies; `None` if it is something else.
fn place_of(delivery: &Delivery) -> Result<Option<Place>, Failure> {
    if !matches!(delivery.fact(), "ticket_triaged" | "ticket_handed_over") {
        return Ok(None);
    }
    let event = triage::Event::received(&delivery.subject, &delivery.payload)?;
    let meta = event.meta().cloned().ok_or_else(|| missing("meta"))?;
    let queue = match event.fact {
        Some(triage::event::Fact::TicketTriaged(it)) => it.queue,
        Some(triage::event::Fact::TicketHandedOver(it)) => it.queue,
        _ => return Ok(None),
    };
    if queue.is_empty() {
        return Ok(None);
    }
    Ok(Some(Place {
        client_id: delivery.client_id.clone(),
        ticket_id: Uuid::try_parse(&meta.ticket_id).map_err(|_| missing("ticket_id"))?,
        revision: i64::try_from(meta.revision).map_err(|_| missing("revision"))?,
        queue,
    }))
}

/// Reads a message of triage; `None` if it is no step.
fn heard(delivery: &Delivery) -> Result<Option<Step>, Failure> {
    let event = triage::Event::received(&delivery.subject, &delivery.payload)?;
    let meta = event.meta().cloned().ok_or_else(|| missing("meta"))?;
    let merged = match &event.fact {
        Some(triage::event::Fact::TicketCancelled(it)) if !it.merged_into_ticket_id.is_empty() => {
            Some(Some(Uuid::try_parse(&it.merged_into_ticket_id).map_err(|_| missing("merged_into_ticket_id"))?))
        }
        Some(triage::event::Fact::TicketUnmerged(_)) => Some(None),
        _ => None,
    };
    let (state, into_ticket) = match event.fact {
        Some(triage::event::Fact::TicketTriaged(it)) if !it.queue.is_empty() => (ReceiptState::Triaged, String::new()),
        Some(triage::event::Fact::TicketResolved(_)) => (ReceiptState::Resolved, String::new()),
        Some(triage::event::Fact::TicketReopened(_)) => (ReceiptState::Reopened, String::new()),
        Some(triage::event::Fact::TicketClosed(_)) => (ReceiptState::Closed, String::new()),
        Some(triage::event::Fact::TicketCancelled(it)) if it.merged_into_ticket_id.is_empty() => {
            (ReceiptState::Cancelled, it.duplicate_of)
        }
        Some(triage::event::Fact::TicketCancelled(it)) => (ReceiptState::Merged, it.duplicate_of),
        Some(triage::event::Fact::TicketUnmerged(_)) => (ReceiptState::Reopened, String::new()),
        _ => return Ok(None),
    };
    Ok(Some(Step {
        client_id: delivery.client_id.clone(),
        ticket_id: Uuid::try_parse(&meta.ticket_id).map_err(|_| missing("ticket_id"))?,
        revision: i64::try_from(meta.revision).map_err(|_| missing("revision"))?,
        state,
        into_ticket,
        merged,
        occurred_at: meta.occurred_at.as_ref().and_then(from_timestamp).ok_or_else(|| missing("occurred_at"))?,
    }))
}
