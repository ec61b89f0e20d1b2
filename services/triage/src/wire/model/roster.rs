//! Queues, positions and rosters from the wire.

use contracts::from_duration;
use contracts::triage::v1 as proto;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::domain::condition::folded;
use crate::domain::hours::weekday;
use crate::domain::model::CALL_BACK_WITHIN;
use crate::domain::{
    Absence, Agent, Assignment, Calendar, ExtraShift, Position, Queue, Shift, Span, Tier, TierKind, Weekly,
};

/// The zone of an IANA name, by the rules that were compiled in, so that every replica gives the same answer; UTC for
/// the empty name.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() { Some(TimeZone::UTC) } else { TimeZoneDatabase::bundled().get(name).ok() }
}

/// A length of time in whole milliseconds.
pub(super) fn length(length: Option<&prost_types::Duration>) -> Option<SignedDuration> {
    from_duration(length?)
}

pub(super) fn date(text: &str) -> Option<Date> {
    // `2026-11-20T12:00` is no date, though its beginning is one.
    if text.len() == 10 { text.parse().ok() } else { None }
}

/// The local instant from which an absence holds: a date begins at its midnight.
pub fn from(text: &str) -> Option<DateTime> {
    date(text).map_or_else(|| text.parse().ok(), |date| Some(date.to_datetime(jiff::civil::Time::midnight())))
}

/// The local instant until which an absence holds: a date ends at the next midnight.
pub fn until(text: &str) -> Option<DateTime> {
    match date(text) {
        Some(date) => Some(date.tomorrow().ok()?.to_datetime(jiff::civil::Time::midnight())),
        None => text.parse().ok(),
    }
}

fn spans(hours: &[String]) -> Vec<Span> {
    hours.iter().filter_map(|text| Span::read(text)).collect()
}

fn weekly(days: &[proto::DayHours]) -> Weekly {
    let mut weekly = Weekly::default();
    for day in days {
        if let Some(weekday) = weekday(&day.day) {
            weekly.add(weekday, spans(&day.hours));
        }
    }
    weekly
}

pub(super) fn calendar(calendar: &proto::Calendar) -> Option<Calendar> {
    let special = |day: &proto::SpecialDay| Some((date(&day.date)?, spans(&day.hours)));
    Some(Calendar {
        zone: zone(&calendar.time_zone)?,
        weekly: weekly(&calendar.weekly),
        special_days: calendar.special_days.iter().filter_map(special).collect(),
    })
}

pub(super) fn tier(tier: &proto::Tier) -> Option<Tier> {
    let kind = match tier.kind() {
        proto::TierKind::Unspecified => return None,
        proto::TierKind::SelfService => TierKind::SelfService,
        proto::TierKind::Front => TierKind::Front,
        proto::TierKind::Specialist => TierKind::Specialist,
        proto::TierKind::Expert => TierKind::Expert,
        proto::TierKind::External => TierKind::External,
    };
    let channels =
        tier.contact_channels.iter().filter_map(|channel| crate::domain::Word::from_number(*channel)).collect();
    Some(Tier { kind, through_front: tier.through_front, channels })
}

pub(super) fn queue(queue: &proto::Queue) -> Queue {
    Queue {
        tier: queue.tier,
        skills: queue.skills.iter().map(|skill| folded(skill)).collect(),
        confidential: queue.confidential,
        hours: queue.hours.as_ref().and_then(calendar),
        is_swarm: queue.mode() == proto::QueueMode::Swarm,
        assignment: match queue.assignment() {
            proto::Assignment::Unspecified | proto::Assignment::Claim => Assignment::Claim,
            proto::Assignment::RoundRobin => Assignment::RoundRobin,
            proto::Assignment::ByLoad => Assignment::ByLoad,
            proto::Assignment::BySkill => Assignment::BySkill,
        },
        work_limit: u32::try_from(queue.work_limit).unwrap_or_default(),
        call_back_within: length(queue.call_back_within.as_ref()).unwrap_or(CALL_BACK_WITHIN),
    }
}

pub(super) fn position(position: &proto::Position) -> Position {
    Position {
        position: position.position.clone(),
        name: position.name.clone(),
        queues: position.queues.iter().cloned().collect(),
    }
}

pub(super) fn agent(agent: &proto::AgentProfile) -> Agent {
    let shift = |it: &proto::Shift| Shift {
        position: it.position.clone(),
        weekly: weekly(&it.weekly),
        from: date(&it.from_date).unwrap_or(Date::MIN),
        until: date(&it.until_date).unwrap_or(Date::MAX),
    };
    let extra = |it: &proto::ExtraShift| {
        let (position, spans) = (it.position.clone(), spans(&it.hours));
        Some(ExtraShift { position, date: date(&it.date)?, spans })
    };
    let absence = |it: &proto::Absence| {
        Some(Absence { from: from(&it.from)?, until: until(&it.until)?, reason: it.reason.clone() })
    };
    Agent {
        agent: agent.agent.clone(),
        name: agent.name.clone(),
        skills: agent.skills.iter().map(|skill| folded(skill)).collect(),
        shifts: agent.shifts.iter().map(shift).collect(),
        extra_shifts: agent.extra_shifts.iter().filter_map(extra).collect(),
        absences: agent.absences.iter().filter_map(absence).collect(),
    }
}
