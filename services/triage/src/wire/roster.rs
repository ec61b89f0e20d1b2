//! Who is at the desk, for callers.

use std::collections::BTreeMap;

use contracts::triage::v1 as proto;
use contracts::{duration, timestamp};
use jiff::Timestamp;

use super::number;
use crate::domain::{Agent, Loads, Member, SupportModel, Swarm, Work, on_duty};

/// Rosters are told of 1970 to 2199.
pub const YEARS: std::ops::Range<i64> = 0..7_258_118_400;

/// A swarm on the wire.
pub fn swarm(swarm: &Swarm) -> proto::Swarm {
    let member = |member: &Member| proto::SwarmMember {
        agent: member.agent.clone(),
        joined_at: member.joined_at.map(timestamp),
        left_at: member.left_at.map(timestamp),
    };
    proto::Swarm { kind: number(Some(swarm.kind)), members: swarm.members.iter().map(member).collect() }
}

/// The ticket with what only the client's model and the clock tell.
pub fn beside(ticket: proto::Ticket, work: &Work, model: &SupportModel, now: Timestamp) -> proto::Ticket {
    let time_box = model.time_box(&work.classification.category, work.placement.tier);
    proto::Ticket {
        handled_for: Some(duration(work.handling.until(now))),
        time_box_for: time_box.map(duration),
        contact_through: model.contact_through(&work.placement.queue).unwrap_or_default().to_owned(),
        ..ticket
    }
}

/// The roster at an instant.
pub fn roster(
    model: &SupportModel,
    at: Timestamp,
    loads: &Loads,
    unclaimed: &BTreeMap<String, i64>,
) -> proto::GetRosterResponse {
    let count = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    let there = |agent: &Agent| proto::AgentOnDuty {
        agent: agent.agent.clone(),
        name: agent.name.clone(),
        until: agent.goes_at(&model.zone, at).map(timestamp),
        in_progress: loads.get(&agent.agent).map_or(0, |load| count(i64::from(load.in_progress))),
    };
    let positions = model.positions.values().map(|position| proto::MannedPosition {
        position: position.position.clone(),
        name: position.name.clone(),
        agents: on_duty(model, &position.position, at).into_iter().map(there).collect(),
    });
    let queues = model.queues.iter().map(|(name, queue)| proto::MannedQueue {
        queue: name.clone(),
        is_open: queue.hours.as_ref().is_none_or(|hours| hours.is_open(at)),
        on_duty: i32::try_from(model.on_duty_at(name, at).len()).unwrap_or(i32::MAX),
        unclaimed: unclaimed.get(name).map_or(0, |number| count(*number)),
    });
    let away = |agent: &Agent| {
        let absence = agent.absence(&model.zone, at)?;
        Some(proto::Away {
            agent: agent.agent.clone(),
            reason: absence.reason.clone(),
            until: model.zone.to_timestamp(absence.until).ok().map(timestamp),
        })
    };
    proto::GetRosterResponse {
        at: Some(timestamp(at)),
        positions: positions.collect(),
        queues: queues.collect(),
        absent: model.agents.values().filter_map(away).collect(),
    }
}
