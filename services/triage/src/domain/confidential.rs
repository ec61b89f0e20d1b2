//! Tickets of confidential queues are for their positions' eyes, and for those who work on them.

use super::model::SupportModel;
use super::ticket::Work;

impl SupportModel {
    /// Whether the agent may look into tickets of the queue. A model that names no agents lets everybody.
    pub fn may_look(&self, queue: &str, agent: &str) -> bool {
        self.agents.is_empty() || self.may_see(queue, agent).is_ok()
    }

    /// Whether the agent may look into this ticket: also whoever has it, and whoever was asked to help.
    pub fn may_read(&self, work: &Work, agent: &str) -> bool {
        let helps = || work.swarm.iter().flat_map(|swarm| &swarm.members).any(|member| member.agent == agent);
        self.may_look(&work.placement.queue, agent) || work.owner.as_deref() == Some(agent) || helps()
    }

    /// The queues into which the agent may not look.
    pub fn hidden_from(&self, agent: &str) -> Vec<String> {
        self.queues.keys().filter(|queue| !self.may_look(queue, agent)).cloned().collect()
    }
}
