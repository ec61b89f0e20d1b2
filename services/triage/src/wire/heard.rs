//! What triage hears from others.

use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use chassis::consume::{Delivery, Failure};
use contracts::desk::v1 as desk;
use contracts::intake::v1 as intake;
use contracts::intake::v1::historic_fact::Fact as ProtoFact;
use contracts::knowledge_base::v1 as knowledge_base;
use contracts::{ClientId, Fact};

use super::{actor_of, clean, instant, monitored};
use crate::domain::closing::is_thanks;
use crate::domain::fulfilment::Asked;
use crate::domain::monitored::Monitored;
use crate::domain::relation::Other;
use crate::domain::{
    Actor, ActorKind, Arrival, CancellationReason, HistoricFact, Imported, Matter, Reply, ResolutionCode, Sent,
    WaitingReason, Word, Written,
};
use crate::store::Key;
use crate::store::ticket::Suggested;

/// Suggestions kept per ticket; the best come first.
const MAX_SUGGESTIONS: usize = 20;

/// One message that triage has something to learn from.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The event.
    pub event_id: Uuid,
    /// Whose.
    pub client_id: ClientId,
    /// About which ticket.
    pub ticket_id: Uuid,
    /// The trace to go on with.
    pub traceparent: Option<String>,
    /// What it tells.
    pub told: Told,
}

/// What intake tells.
#[derive(Debug, Clone)]
pub enum Told {
    /// A ticket was registered.
    Registered(Box<Arrival>),
    /// A ticket came with its history.
    Imported(Box<Arrival>, Vec<HistoricFact>),
    /// The requester wrote.
    Replied(Reply),
    /// The desk wrote to the requester.
    Asked(Wrote),
    /// An agent wrote a note that may name others.
    Noted(Box<Note>),
    /// Monitoring tells something of a ticket's alerts: what, who, when.
    Monitored(Box<Monitored>, Actor, Timestamp),
}

/// The desk's words to a requester.
#[derive(Debug, Clone)]
pub struct Wrote {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: Actor,
}

/// A note for the desk.
#[derive(Debug, Clone)]
pub struct Note {
    /// Intake's id of it.
    pub message_id: String,
    /// Who wrote it.
    pub by: Actor,
    /// When.
    pub written_at: Timestamp,
    /// What it says.
    pub text: String,
}

fn missing(what: &str) -> Failure {
    Failure::Poison(format!("the message has no usable {what}"))
}

fn ticket_id(event: &impl Fact) -> Result<Uuid, Failure> {
    let meta = event.meta().ok_or_else(|| missing("meta"))?;
    Uuid::try_parse(&meta.ticket_id).map_err(|_| missing("ticket_id"))
}

/// Reads a message of intake; `None` if it is none of triage's business.
///
/// # Errors
/// [`Failure::Poison`] if it can never be read.
pub fn intake(delivery: &Delivery) -> Result<Option<Heard>, Failure> {
    let event = intake::Event::received(&delivery.subject, &delivery.payload)?;
    let ticket_id = ticket_id(&event)?;
    let told = match event.fact {
        Some(intake::event::Fact::TicketRegistered(it)) => {
            let mut arrival = arrival(it.ticket)?;
            let by = event.meta.as_ref().and_then(|meta| meta.actor.as_ref());
            arrival.solved = it.solved.as_ref().and_then(|solved| monitored::solved(solved, by));
            Told::Registered(Box::new(arrival))
        }
        Some(intake::event::Fact::AlertNoted(it)) => {
            let meta = event.meta.as_ref().ok_or_else(|| missing("meta"))?;
            let Some(told) = monitored::monitored(&it, meta.revision) else { return Ok(None) };
            let at = instant(meta.occurred_at.as_ref()).ok_or_else(|| missing("occurred_at"))?;
            Told::Monitored(Box::new(told), actor_of(meta.actor.as_ref()), at)
        }
        Some(intake::event::Fact::TicketImported(it)) => {
            let facts: Result<Vec<_>, Failure> =
                it.facts.iter().filter_map(|fact| historic(fact).transpose()).collect();
            Told::Imported(Box::new(arrival(it.ticket)?), facts?)
        }
        Some(intake::event::Fact::MessageAdded(it)) => {
            let message = it.message.ok_or_else(|| missing("message"))?;
            let actor = actor_of(message.author.as_ref());
            let is_public = message.visibility() == desk::Visibility::Public;
            let written_at = instant(message.written_at.as_ref()).ok_or_else(|| missing("written_at"));
            match actor.kind {
                ActorKind::Requester => {
                    let is_thanks = is_public && is_thanks(&message.body);
                    let written = Some(Written { message_id: message.message_id, is_thanks });
                    let event_id = delivery.event_id;
                    Told::Replied(Reply { event_id, written_at: written_at?, actor, is_new: true, written })
                }
                ActorKind::Agent if is_public => Told::Asked(Wrote { at: written_at?, by: actor }),
                ActorKind::Agent if message.body.contains('@') => {
                    let (message_id, text) = (message.message_id, clean(&message.body));
                    Told::Noted(Box::new(Note { message_id, by: actor, written_at: written_at?, text }))
                }
                _ => return Ok(None),
            }
        }
        Some(intake::event::Fact::AttachmentAdded(_)) | None => return Ok(None),
    };
    let (event_id, client_id) = (delivery.event_id, delivery.client_id.clone());
    Ok(Some(Heard { event_id, client_id, ticket_id, traceparent: delivery.traceparent(), told }))
}

/// Reads a message of the knowledge base; `None` if it suggests nothing.
///
/// # Errors
/// [`Failure::Poison`] if it can never be read.
pub fn knowledge_base(delivery: &Delivery) -> Result<Option<(Key, Suggested)>, Failure> {
    let event = knowledge_base::Event::received(&delivery.subject, &delivery.payload)?;
    let said_at = event.meta.as_ref().and_then(|meta| instant(meta.occurred_at.as_ref()));
    let ticket_id = match &event.fact {
        Some(knowledge_base::event::Fact::SolutionsSuggested(_)) => ticket_id(&event)?,
        _ => return Ok(None),
    };
    let Some(knowledge_base::event::Fact::SolutionsSuggested(mut suggested)) = event.fact else { return Ok(None) };
    suggested.suggestions.truncate(MAX_SUGGESTIONS);
    let suggested_at = said_at.ok_or_else(|| missing("occurred_at"))?;
    let kept = Suggested { event_id: delivery.event_id, suggested_at, payload: suggested.encode_to_vec() };
    Ok(Some(((delivery.client_id.clone(), ticket_id), kept)))
}

fn arrival(ticket: Option<intake::RegisteredTicket>) -> Result<Arrival, Failure> {
    let ticket = ticket.ok_or_else(|| missing("ticket"))?;
    let matter = ticket.matter.ok_or_else(|| missing("matter"))?;
    let requester = ticket.requester.unwrap_or_default();
    let registered_at = instant(ticket.registered_at.as_ref()).ok_or_else(|| missing("registered_at"))?;
    if ticket.reference.is_empty() {
        return Err(missing("reference"));
    }
    let language = if matter.language.is_empty() { &requester.language } else { &matter.language };
    Ok(Arrival {
        description: clean(&matter.description),
        sent: Sent {
            kind: Word::from_number(matter.kind),
            category: clean(&matter.category),
            subcategory: clean(&matter.subcategory),
            impact: Word::from_number(matter.impact),
            urgency: Word::from_number(matter.urgency),
        },
        site: requester.site,
        department: requester.department,
        vip: requester.vip,
        solved: None,
        follow_up_of: Uuid::try_parse(&ticket.follow_up_of_ticket_id)
            .ok()
            .map(|ticket_id| Other { ticket_id, reference: clean(&ticket.follow_up_of) }),
        asked: matter
            .catalogue_request
            .as_ref()
            .map(|it| Asked { item: clean(&it.item), answers_json: clean(&it.answers_json) }),
        matter: Matter {
            reference: clean(&ticket.reference),
            subject: clean(&matter.subject),
            channel: Word::from_number(matter.channel),
            requester_email: clean(&matter.requester_email),
            requester_name: clean(&requester.name),
            language: clean(language),
            source: clean(&matter.source),
            external_ref: clean(&matter.external_ref),
            completeness: ticket.completeness.map(|score| score.min(100)),
            registered_at,
        },
    })
}

/// A historic fact that is triage's. What the other system left open is taken for the commonest: a wait for the
/// requester, a solved matter, a withdrawn one.
fn historic(fact: &intake::HistoricFact) -> Result<Option<HistoricFact>, Failure> {
    let told = match &fact.fact {
        Some(ProtoFact::HandedOver(it)) if !it.queue.is_empty() => Imported::HandedOver(clean(&it.queue)),
        Some(ProtoFact::Prioritised(it)) => Imported::Prioritised {
            impact: Word::from_number(it.impact),
            urgency: Word::from_number(it.urgency),
            priority: Word::from_number(it.priority),
        },
        Some(ProtoFact::WaitBegan(it)) => {
            Imported::WaitBegan(Word::from_number(it.reason).unwrap_or(WaitingReason::Requester))
        }
        Some(ProtoFact::Resumed(_)) => Imported::Resumed,
        Some(ProtoFact::Resolved(it)) => {
            Imported::Resolved(Word::from_number(it.code).unwrap_or(ResolutionCode::Solved))
        }
        Some(ProtoFact::Reopened(_)) => Imported::Reopened,
        Some(ProtoFact::Closed(_)) => Imported::Closed,
        Some(ProtoFact::Cancelled(it)) => {
            Imported::Cancelled(Word::from_number(it.reason).unwrap_or(CancellationReason::Withdrawn))
        }
        // The conversation is not triage's; a hand-over to nowhere is none; a newer fact is not known here.
        Some(ProtoFact::HandedOver(_) | ProtoFact::PublicAnswer(_) | ProtoFact::RequesterMessage(_)) | None => {
            return Ok(None);
        }
    };
    let occurred_at = instant(fact.occurred_at.as_ref()).ok_or_else(|| missing("occurred_at of a historic fact"))?;
    let actor = actor_of(fact.actor.as_ref());
    Ok(Some(HistoricFact { fact_key: fact.fact_key.clone(), occurred_at, actor, fact: told }))
}
