//! Tickets of confidential queues are for their positions' eyes, and for those who work on them.

use std::collections::BTreeMap;

use super::event::{Event, Happened};
use super::model::SupportModel;
use super::ticket::Work;

impl Work {
    /// Those whom the work itself lets look into it: whoever has it, whoever was asked to help, whoever was asked to
    /// approve.
    pub fn people(&self) -> impl Iterator<Item = &str> {
        let members = self.swarm.iter().flat_map(|swarm| &swarm.members).map(|member| member.agent.as_str());
        let approvals = self.fulfilment.approvals.iter().flat_map(|approval| &approval.approvers);
        self.owner.as_deref().into_iter().chain(members).chain(approvals.map(|one| one.approver.as_str()))
    }
}

impl SupportModel {
    /// Whether the agent may look into tickets of the queue. A model that names no agents lets everybody.
    pub fn may_look(&self, queue: &str, agent: &str) -> bool {
        self.agents.is_empty() || self.may_see(queue, agent).is_ok()
    }

    /// Whether the agent may look into this ticket: also whoever works on it. Subjects are addresses: letter case does
    /// not make another person of those whom others have named.
    pub fn may_read(&self, work: &Work, agent: &str) -> bool {
        self.may_look(&work.placement.queue, agent) || {
            let agent = agent.to_lowercase();
            work.people().any(|one| one.to_lowercase() == agent)
        }
    }

    /// The queues into which the agent may not look.
    pub fn hidden_from(&self, agent: &str) -> Vec<String> {
        self.queues.keys().filter(|queue| !self.may_look(queue, agent)).cloned().collect()
    }

    /// Whether there are those who may not look into the queue.
    pub fn is_confidential(&self, queue: &str) -> bool {
        !self.agents.is_empty() && self.queues.get(queue).is_some_and(|known| known.confidential)
    }

    /// The confidential queues, with those who may look into them.
    pub fn confidential_queues(&self) -> BTreeMap<&str, Vec<&str>> {
        let queues = self.queues.keys().map(String::as_str).filter(|queue| self.is_confidential(queue));
        let readers = |queue: &str| {
            let agents = self.agents.keys().map(String::as_str);
            agents.filter(|agent| self.may_look(queue, agent)).collect()
        };
        queues.map(|queue| (queue, readers(queue))).collect()
    }

    /// Whether who may look has to be told anew after this: the ticket lies in a confidential queue, or may have left
    /// one.
    pub fn is_to_be_told(&self, work: &Work, happened: &[Happened]) -> bool {
        let leaves = |event: &Event| match event {
            Event::HandedOver { from_queue, .. } => {
                self.is_confidential(from_queue) || !self.queues.contains_key(from_queue)
            }
            _ => false,
        };
        let is_moved = |one: &Happened| {
            let is_placed_anew = matches!(&one.event, Event::Triaged { placement: Some(_), .. }) && one.revision > 1;
            is_placed_anew || leaves(&one.event)
        };
        self.is_confidential(&work.placement.queue)
            || (self.queues.values().any(|queue| queue.confidential) && happened.iter().any(is_moved))
    }
}
