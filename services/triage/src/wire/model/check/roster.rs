//! What queues, positions and rosters must be.

use contracts::triage::v1 as proto;
use jiff::SignedDuration;

use super::super::roster::{date, from, length, until, zone};
use super::{MAX_NAME, MAX_QUEUES, MAX_SKILLS, is_queue_word, unique};
use crate::domain::hours::weekday;
use crate::domain::{Agent, Span};
use crate::wire::Check;
use crate::wire::request::MAX_NAME as MAX_AGENT;

/// Positions of a client.
pub const MAX_POSITIONS: usize = 200;
/// Agents of a client.
pub const MAX_AGENTS: usize = 1_000;
/// Shifts of one agent, and likewise extra shifts and absences.
pub const MAX_SHIFTS: usize = 50;
/// Extra shifts of one agent.
pub const MAX_EXTRA_SHIFTS: usize = 100;
/// Absences of one agent.
pub const MAX_ABSENCES: usize = 100;
/// Spans of one day.
pub const MAX_SPANS: usize = 12;
/// Special days of a calendar.
pub const MAX_SPECIAL_DAYS: usize = 1_000;
/// Tickets that one agent may have in progress.
pub const MAX_WORK_LIMIT: i32 = 1_000;
/// A time-box, or a promise to call: a week.
pub const MAX_LENGTH: SignedDuration = SignedDuration::from_hours(7 * 24);

pub(super) fn queues(model: &proto::SupportModel, check: &mut Check) {
    for (at, queue) in model.queues.iter().enumerate().take(MAX_QUEUES) {
        let field = format!("model.queues[{at}]");
        if !(0..=MAX_WORK_LIMIT).contains(&queue.work_limit) {
            check.say(format!("{field}.work_limit"), format!("must be 0 (any number) to {MAX_WORK_LIMIT}"));
        }
        if proto::QueueMode::try_from(queue.mode).is_err() {
            check.say(format!("{field}.mode"), "is no value known here");
        }
        match proto::Assignment::try_from(queue.assignment) {
            Err(_) => check.say(format!("{field}.assignment"), "is no value known here"),
            Ok(proto::Assignment::Unspecified | proto::Assignment::Claim) => {}
            Ok(_) if is_served(model, &queue.queue) => {}
            Ok(_) => check.say(
                format!("{field}.assignment"),
                "needs a position that does the work of this queue; add it to a position's queues",
            ),
        }
        within(&format!("{field}.call_back_within"), queue.call_back_within.as_ref(), check);
        if let Some(hours) = &queue.hours {
            calendar(&format!("{field}.hours"), hours, check);
        }
    }
}

fn is_served(model: &proto::SupportModel, queue: &str) -> bool {
    model.positions.iter().any(|position| position.queues.iter().any(|one| one == queue))
}

pub(super) fn time_boxes(model: &proto::SupportModel, check: &mut Check) {
    for (at, category) in model.categories.iter().enumerate().take(super::MAX_CATEGORIES) {
        within(&format!("model.categories[{at}].time_box_for"), category.time_box_for.as_ref(), check);
    }
}

/// Longer than nothing, at most a week, if it is set.
fn within(field: &str, said: Option<&prost_types::Duration>, check: &mut Check) {
    if said.is_none() {
        return;
    }
    if !length(said).is_some_and(|length| length > SignedDuration::ZERO && length <= MAX_LENGTH) {
        check.say(field, "must be longer than nothing and at most a week");
    }
}

pub(super) fn calendar(field: &str, calendar: &proto::Calendar, check: &mut Check) {
    time_zone(&format!("{field}.time_zone"), &calendar.time_zone, check);
    weekly(&format!("{field}.weekly"), &calendar.weekly, false, check);
    if calendar.weekly.iter().all(|day| day.hours.is_empty()) {
        check.say(format!("{field}.weekly"), "must have hours on some day; leave the calendar out for always open");
    }
    let days = &calendar.special_days;
    check.at_most(&format!("{field}.special_days"), days.len(), MAX_SPECIAL_DAYS);
    unique(check, &format!("{field}.special_days"), days.iter().map(|day| day.date.as_str()));
    for (at, day) in days.iter().enumerate().take(MAX_SPECIAL_DAYS) {
        let field = format!("{field}.special_days[{at}]");
        needed_date(&format!("{field}.date"), &day.date, check);
        hours(&format!("{field}.hours"), &day.hours, false, check);
    }
}

fn time_zone(field: &str, name: &str, check: &mut Check) {
    if zone(name).is_none() {
        check.say(field, format!("`{name}` is no IANA time zone; write it like Europe/Oslo"));
    }
}

fn needed_date(field: &str, text: &str, check: &mut Check) {
    if date(text).is_none() {
        check.say(field, format!("`{text}` is no date; write it like 2026-11-20"));
    }
}

fn weekly(field: &str, days: &[proto::DayHours], over_midnight: bool, check: &mut Check) {
    check.at_most(field, days.len(), 7);
    unique(check, field, days.iter().map(|day| day.day.as_str()));
    for (at, day) in days.iter().enumerate().take(7) {
        if weekday(&day.day).is_none() {
            check.say(format!("{field}[{at}].day"), format!("`{}` is no day; write mon to sun", day.day));
        }
        hours(&format!("{field}[{at}].hours"), &day.hours, over_midnight, check);
    }
}

fn hours(field: &str, texts: &[String], over_midnight: bool, check: &mut Check) {
    check.at_most(field, texts.len(), MAX_SPANS);
    for (at, text) in texts.iter().enumerate().take(MAX_SPANS) {
        match Span::read(text) {
            None => check.say(format!("{field}[{at}]"), format!("`{text}` are no hours; write them like 08:00-16:00")),
            Some(span) if span.crosses_midnight() && !over_midnight => {
                check.say(format!("{field}[{at}]"), "must end on the same day; split it at 24:00");
            }
            Some(_) => {}
        }
    }
}

pub(super) fn positions(model: &proto::SupportModel, check: &mut Check) {
    let field = "model.positions";
    check.at_most(field, model.positions.len(), MAX_POSITIONS);
    unique(check, field, model.positions.iter().map(|it| it.position.as_str()));
    for (at, position) in model.positions.iter().enumerate().take(MAX_POSITIONS) {
        let field = format!("{field}[{at}]");
        if !is_queue_word(&position.position) {
            check.say(format!("{field}.position"), "must be 1 to 61 of a-z, 0-9 and -, beginning with a letter");
        }
        check.text(&format!("{field}.name"), &position.name, MAX_NAME);
        let list = format!("{field}.queues");
        check.at_most(&list, position.queues.len(), MAX_QUEUES);
        if position.queues.is_empty() {
            check.say(&list, "must name at least one queue");
        }
        for (at, queue) in position.queues.iter().enumerate().take(MAX_QUEUES) {
            if !model.queues.iter().any(|known| known.queue == *queue) {
                check.say(format!("{list}[{at}]"), format!("`{queue}` must be one of the queues"));
            }
        }
    }
}

pub(super) fn agents(model: &proto::SupportModel, check: &mut Check) {
    time_zone("model.roster_time_zone", &model.roster_time_zone, check);
    let field = "model.agents";
    check.at_most(field, model.agents.len(), MAX_AGENTS);
    unique(check, field, model.agents.iter().map(|it| it.agent.as_str()));
    for (at, agent) in model.agents.iter().enumerate().take(MAX_AGENTS) {
        let field = format!("{field}[{at}]");
        check.needed(&format!("{field}.agent"), &agent.agent, MAX_AGENT);
        check.text(&format!("{field}.name"), &agent.name, MAX_NAME);
        let skills = format!("{field}.skills");
        check.at_most(&skills, agent.skills.len(), MAX_SKILLS);
        for skill in agent.skills.iter().take(MAX_SKILLS) {
            check.needed(&skills, skill, MAX_NAME);
        }
        shifts(model, agent, &field, check);
        absences(agent, &format!("{field}.absences"), check);
    }
    unskilled(model, check);
}

fn shifts(model: &proto::SupportModel, agent: &proto::AgentProfile, field: &str, check: &mut Check) {
    let known = |field: String, position: &str, check: &mut Check| {
        if !model.positions.iter().any(|it| it.position == position) {
            check.say(field, format!("`{position}` must be one of the positions"));
        }
    };
    check.at_most(&format!("{field}.shifts"), agent.shifts.len(), MAX_SHIFTS);
    for (at, shift) in agent.shifts.iter().enumerate().take(MAX_SHIFTS) {
        let field = format!("{field}.shifts[{at}]");
        known(format!("{field}.position"), &shift.position, check);
        weekly(&format!("{field}.weekly"), &shift.weekly, true, check);
        if shift.weekly.iter().all(|day| day.hours.is_empty()) {
            check.say(format!("{field}.weekly"), "must have hours on some day; leave the shift out otherwise");
        }
        for (name, text) in [("from_date", &shift.from_date), ("until_date", &shift.until_date)] {
            if !text.is_empty() {
                needed_date(&format!("{field}.{name}"), text, check);
            }
        }
        if let (Some(first), Some(last)) = (date(&shift.from_date), date(&shift.until_date))
            && last < first
        {
            check.say(format!("{field}.until_date"), "must not be before from_date");
        }
    }
    check.at_most(&format!("{field}.extra_shifts"), agent.extra_shifts.len(), MAX_EXTRA_SHIFTS);
    for (at, shift) in agent.extra_shifts.iter().enumerate().take(MAX_EXTRA_SHIFTS) {
        let field = format!("{field}.extra_shifts[{at}]");
        known(format!("{field}.position"), &shift.position, check);
        needed_date(&format!("{field}.date"), &shift.date, check);
        hours(&format!("{field}.hours"), &shift.hours, true, check);
        if shift.hours.is_empty() {
            check.say(format!("{field}.hours"), "must name at least one; use an absence for not working");
        }
    }
}

fn absences(agent: &proto::AgentProfile, field: &str, check: &mut Check) {
    check.at_most(field, agent.absences.len(), MAX_ABSENCES);
    for (at, absence) in agent.absences.iter().enumerate().take(MAX_ABSENCES) {
        let field = format!("{field}[{at}]");
        let (from, until) = (from(&absence.from), until(&absence.until));
        let form = "is no date or time; write it like 2026-11-20 or 2026-11-20T12:00";
        if from.is_none() {
            check.say(format!("{field}.from"), format!("`{}` {form}", absence.from));
        }
        match until {
            None => check.say(format!("{field}.until"), format!("`{}` {form}", absence.until)),
            Some(until) if from.is_some_and(|from| until <= from) => {
                check.say(format!("{field}.until"), "must be after from");
            }
            Some(_) => {}
        }
        check.text(&format!("{field}.reason"), &absence.reason, MAX_NAME);
    }
}

/// A queue whose tickets nobody may take is one where work rots.
fn unskilled(model: &proto::SupportModel, check: &mut Check) {
    // Only a model within its limits is worth the comparison.
    if model.agents.is_empty() || !check.0.is_empty() {
        return;
    }
    let known = super::super::compiled(model);
    for (at, queue) in model.queues.iter().enumerate() {
        let Some(asked) = known.queues.get(&queue.queue) else { continue };
        let knows = |agent: &Agent| asked.skills.iter().all(|skill| agent.skills.contains(skill));
        if !known.agents.values().any(knows) {
            let wrong = "asks for skills that no agent has together; give them to an agent, or ask for fewer";
            check.say(format!("model.queues[{at}].skills"), wrong);
        }
    }
}
