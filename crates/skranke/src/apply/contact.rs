//! The contact policy of tiers as intake's message: by queue, who does not write to its requesters.

use contracts::desk::v1::Channel;
use contracts::intake::v1::ContactRule;

use crate::client_file::{ClientFile, ContactPolicy, Queue, Tier, TierKind};
use crate::words::number;

pub(super) fn rules(file: &ClientFile) -> Vec<ContactRule> {
    let model = &file.support_model;
    let tier_of = |queue: &Queue| model.tiers.iter().find(|tier| tier.tier == queue.tier);
    let is_front = |queue: &&Queue| tier_of(queue).is_some_and(|tier| tier.kind == TierKind::Front);
    let front: Vec<&str> = model.queues.iter().filter(is_front).map(|queue| queue.queue.as_str()).collect();
    let default = front.iter().find(|queue| **queue == model.default_queue);
    // As triage says it of a ticket: the default queue if it is a front one, else the first that is, by name.
    let through = default.or_else(|| front.iter().min()).map(ToString::to_string).unwrap_or_default();
    let silent = silent_agents(file, &front);
    let rule = |queue: &Queue| {
        let tier: &Tier = tier_of(queue)?;
        let is_through = tier.contact == ContactPolicy::ThroughFront && !through.is_empty();
        let channels: Vec<i32> =
            tier.channels.iter().filter_map(|channel| number::<Channel>(&channel.to_string()).ok()).collect();
        let silent_agents = if is_through { silent.clone() } else { Vec::new() };
        let is_needed = !silent_agents.is_empty() || (!channels.is_empty() && !is_through);
        is_needed.then(|| ContactRule {
            queue: queue.queue.clone(),
            through: if is_through { through.clone() } else { String::new() },
            silent_agents,
            channels: if is_through { Vec::new() } else { channels },
        })
    };
    model.queues.iter().filter_map(rule).collect()
}

/// Those who have positions, and none of a front queue.
fn silent_agents(file: &ClientFile, front: &[&str]) -> Vec<String> {
    let model = &file.support_model;
    let speaks = |position: &str| {
        let mut known = model.positions.iter().filter(|one| one.position == position);
        known.any(|one| one.queues.iter().any(|queue| front.contains(&queue.as_str())))
    };
    let silent = model.agents.iter().filter(|agent| {
        let shifts = agent.shifts.iter().map(|shift| shift.position.as_str());
        let positions: Vec<&str> = shifts.chain(agent.extra_shifts.iter().map(|it| it.position.as_str())).collect();
        !positions.is_empty() && !positions.iter().any(|position| speaks(position))
    });
    silent.map(|agent| agent.agent.clone()).collect()
}
