//! Tags, watchers, time worked, mentions, on the wire.

pub mod request;

use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact;

use super::{actor, instant, number};
use crate::domain::Event;
use crate::domain::workspace::{Step, TimeEntry, Workspace};
use crate::store::workspace::Mentioned;

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// As it is announced.
pub fn fact(step: Step) -> Fact {
    match step {
        Step::Tagged { added, removed } => Fact::TagsChanged(proto::TagsChanged { added, removed }),
        Step::WatcherAdded { agent } => Fact::WatcherAdded(proto::WatcherAdded { agent }),
        Step::WatcherRemoved { agent } => Fact::WatcherRemoved(proto::WatcherRemoved { agent }),
        Step::TimeWorked { number, agent, minutes, what_for, worked_at } => Fact::TimeWorked(proto::TimeWorked {
            number: count(number),
            agent,
            minutes: count(minutes),
            what_for,
            worked_at: Some(timestamp(worked_at)),
        }),
        Step::TimeCorrected { number, minutes, reason } => {
            Fact::TimeCorrected(proto::TimeCorrected { number: count(number), minutes, reason })
        }
        Step::Mentioned { agents, excerpt, message_id } => {
            Fact::AgentsMentioned(proto::AgentsMentioned { agents, excerpt, message_id })
        }
    }
}

/// From the history; `None` if it is something else, `Some(None)` if it cannot be read.
pub fn event_of(fact: &Fact) -> Option<Option<Event>> {
    let step = match fact.clone() {
        Fact::TagsChanged(proto::TagsChanged { added, removed }) => Some(Step::Tagged { added, removed }),
        Fact::WatcherAdded(proto::WatcherAdded { agent }) => Some(Step::WatcherAdded { agent }),
        Fact::WatcherRemoved(proto::WatcherRemoved { agent }) => Some(Step::WatcherRemoved { agent }),
        Fact::TimeWorked(it) => instant(it.worked_at.as_ref()).map(|worked_at| Step::TimeWorked {
            number: it.number.unsigned_abs(),
            agent: it.agent,
            minutes: it.minutes.unsigned_abs(),
            what_for: it.what_for,
            worked_at,
        }),
        Fact::TimeCorrected(it) => {
            Some(Step::TimeCorrected { number: it.number.unsigned_abs(), minutes: it.minutes, reason: it.reason })
        }
        Fact::AgentsMentioned(proto::AgentsMentioned { agents, excerpt, message_id }) => {
            Some(Step::Mentioned { agents, excerpt, message_id })
        }
        _ => return None,
    };
    Some(step.map(Event::Workspace))
}

/// A ticket of a list with its tags, its watchers and the sum of its time.
pub fn listed(ticket: proto::Ticket, workspace: &Workspace) -> proto::Ticket {
    proto::Ticket {
        tags: workspace.tags.clone(),
        watchers: workspace.watchers.clone(),
        minutes_worked: count(workspace.minutes()),
        ..ticket
    }
}

/// The ticket with each entry of time.
pub fn beside(ticket: proto::Ticket, workspace: &Workspace) -> proto::Ticket {
    proto::Ticket { time: workspace.time.iter().map(entry).collect(), ..ticket }
}

fn entry(entry: &TimeEntry) -> proto::TimeEntry {
    proto::TimeEntry {
        number: count(entry.number),
        agent: entry.agent.clone(),
        minutes: count(entry.minutes),
        what_for: entry.what_for.clone(),
        worked_at: Some(timestamp(entry.worked_at)),
        corrections: count(entry.corrections),
    }
}

/// A note that names somebody.
pub fn mention(it: &Mentioned) -> proto::Mention {
    proto::Mention {
        ticket_id: it.ticket_id.to_string(),
        reference: it.reference.clone(),
        client_id: it.client_id.to_string(),
        subject: it.subject.clone(),
        state: number(Some(it.state)),
        excerpt: it.excerpt.clone(),
        by: Some(actor(&it.by)),
        mentioned_at: Some(timestamp(it.mentioned_at)),
        message_id: it.message_id.clone(),
    }
}
