//! What triage announces, and its history for people.

use std::collections::HashSet;

use prost::Message;

use chassis::Error;
use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact as ProtoFact;
use contracts::{Fact, timestamp};

use super::{actor, fulfilment, instant, monitored, number};
use crate::domain::told::line;
use crate::domain::{Classification, Event, Happened, Placement, Ticket, Word};
use crate::store::history::Entry;

/// The event as it is announced.
pub fn announced(ticket: &Ticket, happened: &Happened) -> proto::Event {
    let meta = contracts::desk::v1::EventMeta {
        event_id: happened.event_id.to_string(),
        client_id: ticket.client_id.to_string(),
        ticket_id: ticket.ticket_id.to_string(),
        revision: happened.revision,
        occurred_at: Some(timestamp(happened.occurred_at)),
        recorded_at: Some(timestamp(happened.recorded_at)),
        actor: Some(actor(&happened.actor)),
        cause_id: happened.cause_id.clone(),
    };
    let fact = fact(ticket, &happened.event);
    proto::Event { meta: Some(meta), reference: ticket.matter.reference.clone(), fact }
}

/// The same as a row of the history.
pub fn entry(ticket: &Ticket, happened: &Happened, announced: &proto::Event) -> Entry {
    Entry {
        client_id: ticket.client_id.clone(),
        ticket_id: ticket.ticket_id,
        revision: i64::try_from(happened.revision).unwrap_or(i64::MAX),
        event_id: happened.event_id,
        fact: announced.name().unwrap_or_default().to_owned(),
        occurred_at: happened.occurred_at,
        recorded_at: happened.recorded_at,
        actor: happened.actor.clone(),
        cause_id: happened.cause_id.clone(),
        payload: announced.encode_to_vec(),
    }
}

/// `None` for what was not written by this version, which is never announced by it either.
fn fact(ticket: &Ticket, event: &Event) -> Option<ProtoFact> {
    Some(match event.clone() {
        Event::Triaged { classification, placement } => triaged(&classification, placement),
        Event::Claimed { owner } => ProtoFact::TicketClaimed(proto::TicketClaimed { owner }),
        Event::Released => ProtoFact::TicketReleased(proto::TicketReleased {}),
        Event::HandedOver { from_queue, from_tier, queue, tier, reason, note, insufficient_information, warm } => {
            ProtoFact::TicketHandedOver(proto::TicketHandedOver {
                from_queue,
                from_tier,
                queue,
                tier,
                reason,
                note,
                insufficient_information,
                warm,
            })
        }
        Event::Assigned { owner, way, reason } => {
            ProtoFact::TicketAssigned(proto::TicketAssigned { owner, way: way.number(), reason })
        }
        Event::ClaimLapsed { owner, reason, summary } => {
            ProtoFact::ClaimLapsed(proto::ClaimLapsed { owner, reason: reason.number(), summary })
        }
        Event::CallbackPromised { due_at, reason } => {
            ProtoFact::CallbackPromised(proto::CallbackPromised { due_at: Some(timestamp(due_at)), reason })
        }
        Event::CalledBack { note } => ProtoFact::CalledBack(proto::CalledBack { note }),
        Event::SwarmInvited { agent, note } => ProtoFact::SwarmInvited(proto::SwarmInvited { agent, note }),
        Event::SwarmJoined { agent, kind } => ProtoFact::SwarmJoined(proto::SwarmJoined { agent, kind: kind.number() }),
        Event::SwarmLeft { agent } => ProtoFact::SwarmLeft(proto::SwarmLeft { agent }),
        Event::Fulfilment(step) => fulfilment::fact(step),
        Event::Monitored(told) => ProtoFact::MonitoringTold(monitored::fact(told)),
        Event::Tied(tied) => return super::relation::fact(tied),
        Event::Closing(step) => super::closing::fact(step),
        Event::Overdue(step) => super::overdue::fact(step),
        Event::Workspace(step) => super::workspace::fact(step),
        Event::Run(fact) => super::runbook::fact(fact),
        Event::Unknown => return None,
        Event::Noted { text } => ProtoFact::TicketNoted(proto::TicketNoted { text }),
        Event::Waiting { reason, note } => {
            ProtoFact::TicketWaiting(proto::TicketWaiting { reason: reason.number(), note })
        }
        Event::Resumed { by_reply } => ProtoFact::TicketResumed(proto::TicketResumed { by_reply }),
        Event::Resolved { code, article_id, no_article_reason, note, approver } => {
            ProtoFact::TicketResolved(proto::TicketResolved {
                code: code.number(),
                article_id,
                no_article_reason,
                note,
                approver,
                subject: ticket.matter.subject.clone(),
                language: ticket.matter.language.clone(),
            })
        }
        Event::Reopened { reason } => ProtoFact::TicketReopened(proto::TicketReopened { reason }),
        Event::Closed { confirmed } => ProtoFact::TicketClosed(proto::TicketClosed { confirmed }),
        Event::Cancelled { reason, duplicate_of, note } => {
            let (reason, merged_into_ticket_id) = (reason.number(), String::new());
            ProtoFact::TicketCancelled(proto::TicketCancelled { reason, duplicate_of, note, merged_into_ticket_id })
        }
    })
}

fn triaged(decided: &Classification, placement: Option<Placement>) -> ProtoFact {
    let placement = placement.unwrap_or(Placement { queue: String::new(), tier: 0, rule: String::new() });
    ProtoFact::TicketTriaged(proto::TicketTriaged {
        classification: Some(classification(decided)),
        queue: placement.queue,
        tier: placement.tier,
        queue_rule: placement.rule,
    })
}

/// The classification on the wire.
pub fn classification(decided: &Classification) -> proto::Classification {
    proto::Classification {
        kind: number(Some(decided.kind)),
        category: decided.category.clone(),
        subcategory: decided.subcategory.clone(),
        impact: number(Some(decided.impact)),
        urgency: number(Some(decided.urgency)),
        priority: number(Some(decided.priority)),
        priority_rule: decided.priority_rule.clone(),
        model_version: decided.model_version,
    }
}

/// The event of an entry that we wrote ourselves.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read, which does not happen.
pub fn happened(entry: &Entry) -> Result<Happened, Error> {
    Ok(Happened {
        event_id: entry.event_id,
        revision: entry.revision.unsigned_abs(),
        occurred_at: entry.occurred_at,
        recorded_at: entry.recorded_at,
        actor: entry.actor.clone(),
        cause_id: entry.cause_id.clone(),
        event: event_in(&entry.payload)?,
    })
}

/// Reads an announced event. One that a newer version has written is kept as unknown: two versions may run side by
/// side.
///
/// # Errors
/// [`Error::Internal`] if it cannot be read.
pub fn event_in(payload: &[u8]) -> Result<Event, Error> {
    let announced = proto::Event::decode(payload).map_err(|error| Error::Internal(error.into()))?;
    if announced.meta.is_none() {
        return Err(Error::internal("an event of the history has no meta"));
    }
    let known = announced.fact.map(event_of);
    known.map_or(Ok(Event::Unknown), |known| {
        known.ok_or_else(|| Error::internal("an event of the history cannot be read"))
    })
}

fn event_of(fact: ProtoFact) -> Option<Event> {
    if let Some(tied) = super::relation::fact_of(&fact) {
        return Some(Event::Tied(tied));
    }
    if let Some(closing) = super::closing::event_of(&fact) {
        return closing;
    }
    if let Some(kept) = super::workspace::event_of(&fact) {
        return kept;
    }
    if let Some(run) = super::runbook::event_of(&fact) {
        return run;
    }
    if let Some(overdue) = super::overdue::event_of(&fact) {
        return overdue;
    }
    Some(match fact {
        ProtoFact::TicketTriaged(it) => Event::Triaged {
            placement: (!it.queue.is_empty()).then_some(Placement {
                queue: it.queue,
                tier: it.tier,
                rule: it.queue_rule,
            }),
            classification: classified(it.classification?)?,
        },
        ProtoFact::TicketClaimed(it) => Event::Claimed { owner: it.owner },
        ProtoFact::TicketReleased(proto::TicketReleased {}) => Event::Released,
        ProtoFact::TicketHandedOver(it) => Event::HandedOver {
            from_queue: it.from_queue,
            from_tier: it.from_tier,
            queue: it.queue,
            tier: it.tier,
            reason: it.reason,
            note: it.note,
            insufficient_information: it.insufficient_information,
            warm: it.warm,
        },
        ProtoFact::TicketAssigned(it) => {
            Event::Assigned { owner: it.owner, way: Word::from_number(it.way)?, reason: it.reason }
        }
        ProtoFact::ClaimLapsed(it) => {
            Event::ClaimLapsed { owner: it.owner, reason: Word::from_number(it.reason)?, summary: it.summary }
        }
        ProtoFact::CallbackPromised(it) => {
            Event::CallbackPromised { due_at: instant(it.due_at.as_ref())?, reason: it.reason }
        }
        ProtoFact::CalledBack(it) => Event::CalledBack { note: it.note },
        ProtoFact::SwarmInvited(it) => Event::SwarmInvited { agent: it.agent, note: it.note },
        ProtoFact::SwarmJoined(it) => Event::SwarmJoined { agent: it.agent, kind: Word::from_number(it.kind)? },
        ProtoFact::SwarmLeft(it) => Event::SwarmLeft { agent: it.agent },
        ProtoFact::TicketWaiting(it) => Event::Waiting { reason: Word::from_number(it.reason)?, note: it.note },
        ProtoFact::TicketResumed(it) => Event::Resumed { by_reply: it.by_reply },
        ProtoFact::TicketResolved(it) => Event::Resolved {
            code: Word::from_number(it.code)?,
            article_id: it.article_id,
            no_article_reason: it.no_article_reason,
            note: it.note,
            approver: it.approver,
        },
        ProtoFact::TicketReopened(it) => Event::Reopened { reason: it.reason },
        ProtoFact::TicketClosed(it) => Event::Closed { confirmed: it.confirmed },
        ProtoFact::TicketCancelled(it) => {
            Event::Cancelled { reason: Word::from_number(it.reason)?, duplicate_of: it.duplicate_of, note: it.note }
        }
        ProtoFact::MonitoringTold(it) => Event::Monitored(monitored::told(&it)?),
        ProtoFact::TicketNoted(it) => Event::Noted { text: it.text },
        other => Event::Fulfilment(fulfilment::step_of(other)?),
    })
}

fn classified(said: proto::Classification) -> Option<Classification> {
    Some(Classification {
        kind: Word::from_number(said.kind)?,
        category: said.category,
        subcategory: said.subcategory,
        impact: Word::from_number(said.impact)?,
        urgency: Word::from_number(said.urgency)?,
        priority: Word::from_number(said.priority)?,
        priority_rule: said.priority_rule,
        model_version: said.model_version,
    })
}

/// One entry of a ticket's history, with its line for people.
///
/// # Errors
/// [`Error::Internal`] if the entry cannot be read.
pub fn history_entry(entry: &Entry) -> Result<proto::HistoryEntry, Error> {
    discreet_entry(entry, &HashSet::new())
}

/// The same for somebody who may not look into the tickets of these references.
///
/// # Errors
/// [`Error::Internal`] if the entry cannot be read.
pub fn discreet_entry(entry: &Entry, hidden: &HashSet<String>) -> Result<proto::HistoryEntry, Error> {
    Ok(proto::HistoryEntry {
        revision: entry.revision.unsigned_abs(),
        event_id: entry.event_id.to_string(),
        fact: entry.fact.clone(),
        occurred_at: Some(timestamp(entry.occurred_at)),
        recorded_at: Some(timestamp(entry.recorded_at)),
        actor: Some(actor(&entry.actor)),
        cause_id: if hidden.contains(&entry.cause_id) { String::new() } else { entry.cause_id.clone() },
        summary: line(&event_in(&entry.payload)?.without(hidden, &entry.cause_id)),
    })
}
