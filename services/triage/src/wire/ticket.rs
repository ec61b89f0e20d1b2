//! Tickets for callers.

use prost::Message;

use chassis::Error;
use contracts::knowledge_base::v1::SolutionsSuggested;
use contracts::timestamp;
use contracts::triage::v1 as proto;

use super::{event, fulfilment, neighbours, number};
use crate::domain::Ticket;
use crate::store::ticket::Found;

/// A ticket without description and suggestions, as in lists.
pub fn listed(ticket: &Ticket) -> proto::Ticket {
    let tied = super::relation::tied(alone(ticket), &ticket.work.ties);
    super::workspace::listed(tied, &ticket.work.workspace)
}

fn alone(ticket: &Ticket) -> proto::Ticket {
    let Ticket { client_id, ticket_id, matter, work } = ticket;
    let resolution = work.resolution.as_ref();
    proto::Ticket {
        ticket_id: ticket_id.to_string(),
        reference: matter.reference.clone(),
        client_id: client_id.to_string(),
        revision: work.revision,
        state: number(Some(work.state)),
        subject: matter.subject.clone(),
        channel: number(matter.channel),
        requester_email: matter.requester_email.clone(),
        requester_name: matter.requester_name.clone(),
        language: matter.language.clone(),
        classification: Some(event::classification(&work.classification)),
        queue: work.placement.queue.clone(),
        tier: work.placement.tier,
        queue_rule: work.placement.rule.clone(),
        owner: work.owner.clone().unwrap_or_default(),
        waiting_reason: number(work.waiting.map(|waiting| waiting.reason)),
        resolution_code: number(resolution.map(|resolution| resolution.code)),
        resolution_note: resolution.map_or_else(String::new, |resolution| resolution.note.clone()),
        registered_at: Some(timestamp(matter.registered_at)),
        completeness: matter.completeness,
        changed_at: Some(timestamp(work.changed_at)),
        resolved_at: resolution.map(|resolution| timestamp(resolution.resolved_at)),
        closed_at: work.closed_at.map(timestamp),
        reopenings: i32::try_from(work.reopenings).unwrap_or(i32::MAX),
        hand_overs: i32::try_from(work.hand_overs).unwrap_or(i32::MAX),
        suggestions: Vec::new(),
        learned: Vec::new(),
        description: String::new(),
        source: matter.source.clone(),
        external_ref: matter.external_ref.clone(),
        returns: i32::try_from(work.returns).unwrap_or(i32::MAX),
        ping_pongs: i32::try_from(work.ping_pongs).unwrap_or(i32::MAX),
        callback_due_at: work.callback.map(|callback| timestamp(callback.due_at)),
        time_box_overrun_at: work.time_box_overrun_at.map(timestamp),
        swarm: work.swarm.as_ref().map(super::roster::swarm),
        ..proto::Ticket::default()
    }
}

/// A ticket with all that stands beside it.
///
/// # Errors
/// [`Error::Internal`] if what was suggested cannot be read.
pub fn whole(found: Found) -> Result<proto::Ticket, Error> {
    let suggested = SolutionsSuggested::decode(found.suggestions.as_slice());
    let whole = proto::Ticket {
        description: found.description,
        claim_lapses_at: found.lapses_at.map(timestamp),
        learned: neighbours::decoded(&found.learned)?,
        suggestions: suggested.map_err(|error| Error::Internal(error.into()))?.suggestions,
        ..listed(&found.ticket)
    };
    let whole = super::workspace::beside(whole, &found.ticket.work.workspace);
    Ok(fulfilment::beside(whole, &found.ticket.work.fulfilment))
}
