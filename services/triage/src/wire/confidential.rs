//! Who may look into what, as it is told.

use std::collections::BTreeMap;

use contracts::desk::v1::EventMeta;
use contracts::triage::v1 as proto;
pub use contracts::triage::v1::ConfidentialTicketTold as TicketTold;
pub use contracts::triage::v1::event::Fact;
use contracts::{ClientId, timestamp};
use jiff::Timestamp;

use super::actor;
use crate::domain::{Actor, Ticket};

/// What is told of a ticket, by a version of the model.
pub fn ticket(ticket: &Ticket, version: u64) -> proto::ConfidentialTicketTold {
    let mut people: Vec<String> = ticket.work.people().map(str::to_lowercase).collect();
    people.sort_unstable();
    people.dedup();
    proto::ConfidentialTicketTold {
        ticket_id: ticket.ticket_id.to_string(),
        revision: ticket.work.revision,
        version,
        queue: ticket.work.placement.queue.clone(),
        people,
    }
}

/// What is told of a client's queues; `since` has the version by which each became confidential.
pub fn queues(
    version: u64,
    queues: &BTreeMap<&str, Vec<&str>>,
    since: &BTreeMap<&str, u64>,
) -> proto::ConfidentialQueuesTold {
    let queue = |(queue, agents): (&&str, &Vec<&str>)| proto::ConfidentialQueue {
        queue: (*queue).to_owned(),
        since_version: since.get(queue).copied().unwrap_or(version),
        agents: agents.iter().map(|agent| (*agent).to_owned()).collect(),
    };
    proto::ConfidentialQueuesTold { version, queues: queues.iter().map(queue).collect() }
}

/// The event that tells it. It belongs to no ticket's history and counts no revision.
pub fn event(client_id: &ClientId, fact: Fact, at: Timestamp) -> proto::Event {
    let meta = EventMeta {
        event_id: chassis::new_id().to_string(),
        client_id: client_id.to_string(),
        occurred_at: Some(timestamp(at)),
        recorded_at: Some(timestamp(at)),
        actor: Some(actor(&Actor::desk())),
        ..EventMeta::default()
    };
    proto::Event { meta: Some(meta), reference: String::new(), fact: Some(fact) }
}
