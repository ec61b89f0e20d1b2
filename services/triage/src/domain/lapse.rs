//! Claims that lapse: posts outlive people.

use jiff::Timestamp;

use super::event::{Event, Happened};
use super::model::SupportModel;
use super::swarm::heir;
use super::ticket::Work;
use super::told::line;
use super::words::{AssignmentWay, LapseReason};

/// Entries of a summary; of a longer history the last ones are told.
const MAX_LINES: usize = 20;

/// The owner is no longer there: the work goes back to the position with what changed since the claim; in a swarm the
/// member who is there and has helped longest goes on. `None` if there is no such claim any more.
pub fn lapse(
    work: &Work,
    owner: &str,
    since: &[Happened],
    replies: usize,
    model: &SupportModel,
    at: Timestamp,
) -> Option<Vec<Event>> {
    if !work.is_claimed() || work.owner.as_deref() != Some(owner) {
        return None;
    }
    let agent = model.agents.get(owner);
    let is_away = agent.is_some_and(|agent| agent.absence(&model.zone, at).is_some());
    let reason = if is_away { LapseReason::Absence } else { LapseReason::ShiftEnd };
    let summary = summary(owner, since, replies);
    let mut events = vec![Event::ClaimLapsed { owner: owner.to_owned(), reason, summary }];
    let is_there = |agent: &str| model.agents.get(agent).is_some_and(|agent| agent.is_there(&model.zone, at));
    if let Some(heir) = heir(work, is_there) {
        let reason = format!("{owner} went; the swarm goes on");
        events.push(Event::Assigned { owner: heir.to_owned(), way: AssignmentWay::Swarm, reason });
    }
    Some(events)
}

/// What changed since the claim, in the order in which it happened: for whoever is next.
pub fn summary(owner: &str, since: &[Happened], replies: usize) -> String {
    let mut in_order: Vec<&Happened> = since.iter().collect();
    in_order.sort_by_key(|happened| (happened.occurred_at, happened.revision));
    let left_out = in_order.len().saturating_sub(MAX_LINES);
    let mut lines = vec![format!("since {owner} took it:")];
    if left_out > 0 {
        lines.push(format!("({left_out} earlier entries are in the history)"));
    }
    lines.extend(in_order.iter().skip(left_out).map(|one| {
        let at = one.occurred_at.strftime("%Y-%m-%d %H:%M UTC");
        format!("{at} {}", line(&one.event))
    }));
    match replies {
        0 => {}
        1 => lines.push("the requester wrote once".to_owned()),
        many => lines.push(format!("the requester wrote {many} times")),
    }
    if lines.len() == 1 {
        lines.push("nothing changed".to_owned());
    }
    lines.join("\n")
}
