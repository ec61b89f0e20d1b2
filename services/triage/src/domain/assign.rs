//! Who gets a ticket.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::condition::folded;
use super::decide::Rejection;
use super::model::{Assignment, Queue, SupportModel};
use super::ticket::Work;
use super::words::AssignmentWay;

/// What an agent has on the table, as far as this client is concerned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Load {
    /// Tickets in progress.
    pub in_progress: u32,
    /// Those of the queue in question.
    pub in_queue: u32,
    /// The number of the last ticket of the queue that they got by itself; 0 for none.
    pub turn: i64,
}

/// The loads of those who come into question.
pub type Loads = BTreeMap<String, Load>;

impl SupportModel {
    /// Whether an agent may take a ticket of the queue: knows what the queue asks for, is of its positions where it is
    /// confidential, is below its limit. A model that names no agents lets everybody.
    ///
    /// # Errors
    /// Why not.
    pub fn may_take(&self, queue: &str, agent: &str, loads: &Loads) -> Result<(), Rejection> {
        let Some(Queue { skills, work_limit, .. }) = self.queues.get(queue) else { return Ok(()) };
        let load = loads.get(agent).copied().unwrap_or_default();
        if *work_limit > 0 && load.in_queue >= *work_limit {
            return Err(Rejection::WorkLimitReached);
        }
        if self.agents.is_empty() {
            return Ok(());
        }
        let known = self.agents.get(agent);
        if !skills.iter().all(|skill| known.is_some_and(|agent| agent.skills.contains(skill))) {
            return Err(Rejection::SkillMissing);
        }
        self.may_see(queue, agent)
    }

    /// Whether the agent may be asked for help or given work: one of the model's, if it names any, and not away.
    ///
    /// # Errors
    /// Why not.
    pub fn knows(&self, agent: &str, at: Timestamp) -> Result<(), Rejection> {
        if self.agents.is_empty() {
            return Ok(());
        }
        let known = self.agents.get(agent).ok_or(Rejection::UnknownAgent)?;
        if known.absence(&self.zone, at).is_some() { Err(Rejection::AgentAbsent) } else { Ok(()) }
    }

    /// Whether the agent may look into tickets of the queue.
    ///
    /// # Errors
    /// If it is confidential and not theirs.
    pub fn may_see(&self, queue: &str, agent: &str) -> Result<(), Rejection> {
        let is_confidential = self.queues.get(queue).is_some_and(|known| known.confidential);
        if is_confidential && !self.is_of(queue, agent) { Err(Rejection::Confidential) } else { Ok(()) }
    }

    /// Whether the agent ever occupies a position of this queue.
    pub(super) fn is_of(&self, queue: &str, agent: &str) -> bool {
        let Some(agent) = self.agents.get(agent) else { return false };
        let shifts = agent.shifts.iter().map(|shift| &shift.position);
        shifts.chain(agent.extra_shifts.iter().map(|shift| &shift.position)).any(|it| self.serves(it, queue))
    }

    /// Whether tickets of the queue get their owners by themselves.
    pub fn assigns(&self, queue: &str) -> bool {
        self.queues.get(queue).is_some_and(|queue| queue.assignment != Assignment::Claim)
    }

    /// Who of those on duty may take a ticket of the queue.
    pub fn available(&self, queue: &str, at: Timestamp, loads: &Loads) -> Vec<&str> {
        let on_duty = self.on_duty_at(queue, at).into_iter().map(|agent| agent.agent.as_str());
        on_duty.filter(|agent| self.may_take(queue, agent, loads).is_ok()).collect()
    }

    /// Who gets the ticket, by its queue's way; `None` if nobody is there who may, or the queue waits for claims.
    ///
    /// Round robin goes by who has waited longest for a ticket of this queue; the other ways go by it where they find
    /// two alike.
    pub fn chosen(&self, work: &Work, at: Timestamp, loads: &Loads) -> Option<(String, AssignmentWay)> {
        let queue = &work.placement.queue;
        let way = match self.queues.get(queue)?.assignment {
            Assignment::Claim => return None,
            Assignment::RoundRobin => AssignmentWay::RoundRobin,
            Assignment::ByLoad => AssignmentWay::ByLoad,
            Assignment::BySkill => AssignmentWay::BySkill,
        };
        let rank = |agent: &&str| {
            let Load { in_progress, turn, .. } = loads.get(*agent).copied().unwrap_or_default();
            let misses = std::cmp::Reverse(self.matches(work, agent));
            match way {
                AssignmentWay::BySkill => (misses, in_progress, turn, (*agent).to_owned()),
                AssignmentWay::ByLoad => (std::cmp::Reverse(0), in_progress, turn, (*agent).to_owned()),
                _ => (std::cmp::Reverse(0), 0, turn, (*agent).to_owned()),
            }
        };
        self.available(queue, at, loads).into_iter().min_by_key(rank).map(|agent| (agent.to_owned(), way))
    }

    /// How many of the ticket's category and subcategory the agent knows.
    fn matches(&self, work: &Work, agent: &str) -> usize {
        let Some(known) = self.agents.get(agent) else { return 0 };
        let wanted = [&work.classification.category, &work.classification.subcategory];
        wanted.iter().filter(|word| known.skills.contains(&folded(word))).count()
    }
}

/// The loads once the agent has got another ticket of the queue by itself.
pub fn took(loads: &mut Loads, agent: &str) {
    let next = loads.values().map(|load| load.turn).max().unwrap_or_default().saturating_add(1);
    let load = loads.entry(agent.to_owned()).or_default();
    load.in_progress = load.in_progress.saturating_add(1);
    load.in_queue = load.in_queue.saturating_add(1);
    load.turn = next;
}
