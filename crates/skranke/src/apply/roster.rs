//! Posts and rosters of a client file as triage's messages.

use contracts::triage::v1 as proto;
use prost_types::Duration;

use crate::client_file::{Agent, Assignment, Calendar, ClientFile, DeskPosition, Queue, QueueMode, Within};
use crate::words::number;

pub(super) fn length(within: Option<Within>) -> Option<Duration> {
    let seconds = i64::try_from(within?.seconds).unwrap_or(i64::MAX);
    Some(Duration { seconds, nanos: 0 })
}

pub(super) fn queue(file: &ClientFile, queue: &Queue) -> anyhow::Result<proto::Queue> {
    let named = |name: &String| file.contract.as_ref()?.calendars.get(name);
    let hours = queue.own_hours.as_ref().or_else(|| queue.hours.as_ref().and_then(named));
    Ok(proto::Queue {
        queue: queue.queue.clone(),
        name: queue.name.clone(),
        tier: i32::from(queue.tier),
        team: queue.team.clone(),
        skills: queue.skills.clone(),
        confidential: queue.confidential,
        hours: hours.map(calendar),
        // The usual way is not said: a model from before there were others is still the same.
        mode: match queue.mode {
            QueueMode::Tiered => 0,
            QueueMode::Swarm => number::<proto::QueueMode>(&queue.mode.to_string())?,
        },
        assignment: match queue.assignment {
            Assignment::Claim => 0,
            other => number::<proto::Assignment>(&other.to_string())?,
        },
        work_limit: i32::try_from(queue.work_limit).unwrap_or(i32::MAX),
        call_back_within: length(queue.call_back_within),
    })
}

pub(super) fn calendar(calendar: &Calendar) -> proto::Calendar {
    let texts = |hours: &[crate::client_file::Interval]| hours.iter().map(ToString::to_string).collect();
    proto::Calendar {
        time_zone: calendar.time_zone.clone(),
        weekly: calendar
            .weekly
            .iter()
            .map(|(day, hours)| proto::DayHours { day: day.to_string(), hours: texts(hours) })
            .collect(),
        special_days: calendar
            .special_days
            .iter()
            .map(|(date, hours)| proto::SpecialDay { date: date.to_string(), hours: texts(hours) })
            .collect(),
    }
}

pub(super) fn position(position: &DeskPosition) -> proto::Position {
    proto::Position {
        position: position.position.clone(),
        name: position.name.clone(),
        queues: position.queues.clone(),
    }
}

pub(super) fn agent(agent: &Agent) -> proto::AgentProfile {
    let date = |date: Option<jiff::civil::Date>| date.map(|date| date.to_string()).unwrap_or_default();
    let shifts = agent.shifts.iter().map(|shift| proto::Shift {
        position: shift.position.clone(),
        weekly: shift
            .weekly
            .iter()
            .map(|(day, hours)| proto::DayHours { day: day.to_string(), hours: hours.clone() })
            .collect(),
        from_date: date(shift.from),
        until_date: date(shift.until),
    });
    let extra_shifts = agent.extra_shifts.iter().map(|shift| proto::ExtraShift {
        position: shift.position.clone(),
        date: shift.date.to_string(),
        hours: shift.hours.clone(),
    });
    let absences = agent.absences.iter().map(|absence| proto::Absence {
        from: absence.from.clone(),
        until: absence.until.clone(),
        reason: absence.reason.clone(),
    });
    proto::AgentProfile {
        agent: agent.agent.clone(),
        name: agent.name.clone(),
        skills: agent.skills.clone(),
        shifts: shifts.collect(),
        extra_shifts: extra_shifts.collect(),
        absences: absences.collect(),
    }
}
