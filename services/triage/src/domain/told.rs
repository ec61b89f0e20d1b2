//! What happened, in one line for people.

use super::event::Event;
use super::words::{AssignmentWay, LapseReason, SwarmKind, Word};

/// What happened, in one line.
pub fn line(event: &Event) -> String {
    let because = |text: &str| if text.is_empty() { String::new() } else { format!(": {}", one_line(text)) };
    let spoken = |word: &str| word.replace('_', " ");
    match event {
        Event::Triaged { classification: it, placement } => {
            let below = if it.subcategory.is_empty() { String::new() } else { format!(" / {}", it.subcategory) };
            let place = placement.as_ref().map_or_else(String::new, |place| {
                format!("; placed in {} (tier {}) by {}", place.queue, place.tier, place.rule)
            });
            let kind = spoken(it.kind.word());
            format!("triaged as {kind}, {}{below}, {}: {}{place}", it.category, it.priority, it.priority_rule)
        }
        Event::Claimed { owner } => format!("claimed by {owner}"),
        Event::Released => "given back to its queue".to_owned(),
        Event::HandedOver { from_queue, queue, tier, reason, insufficient_information, warm, .. } => {
            let how = match (insufficient_information, warm) {
                (true, _) => "returned for information",
                (false, true) => "handed over warm",
                (false, false) => "handed over",
            };
            format!("{how} from {from_queue} to {queue} (tier {tier}){}", because(reason))
        }
        Event::Fulfilment(step) => super::fulfilment::told::line(step, because),
        Event::Monitored(told) => one_line(&told.line()),
        Event::Tied(fact) => fact.line(one_line),
        Event::Closing(step) => step.line(),
        Event::Overdue(step) => step.line(),
        Event::Workspace(step) => step.line(because),
        Event::Noted { text } => format!("note: {}", one_line(text)),
        Event::Run(fact) => fact.line(one_line),
        Event::Assigned { .. }
        | Event::ClaimLapsed { .. }
        | Event::CallbackPromised { .. }
        | Event::CalledBack { .. }
        | Event::SwarmInvited { .. }
        | Event::SwarmJoined { .. }
        | Event::SwarmLeft { .. }
        | Event::Unknown => of_people(event),
        Event::Waiting { reason, note } => format!("waiting for {}{}", spoken(reason.word()), because(note)),
        Event::Resumed { by_reply: true } => "resumed: the requester replied".to_owned(),
        Event::Resumed { by_reply: false } => "resumed".to_owned(),
        Event::Resolved { code, article_id, no_article_reason, note, .. } => {
            let knowledge = if article_id.is_empty() {
                format!("no article: {}", one_line(no_article_reason))
            } else {
                format!("article {article_id}")
            };
            format!("resolved as {} ({knowledge}){}", spoken(code.word()), because(note))
        }
        Event::Reopened { reason } => format!("reopened{}", because(reason)),
        Event::Closed { confirmed: true } => "confirmed by the requester and closed".to_owned(),
        Event::Closed { confirmed: false } => "closed".to_owned(),
        Event::Cancelled { reason, duplicate_of, note } => {
            let stays = if duplicate_of.is_empty() { String::new() } else { format!(" of {duplicate_of}") };
            format!("cancelled as {}{stays}{}", spoken(reason.word()), because(note))
        }
    }
}

/// Who works on it, and with whom.
fn of_people(event: &Event) -> String {
    let because = |text: &str| if text.is_empty() { String::new() } else { format!(": {}", one_line(text)) };
    match event {
        Event::Assigned { owner, way, reason } => {
            let way = match way {
                AssignmentWay::Manual => "by hand",
                AssignmentWay::RoundRobin => "in turn",
                AssignmentWay::ByLoad => "by load",
                AssignmentWay::BySkill => "by skill",
                AssignmentWay::Swarm => "by the swarm",
            };
            format!("assigned to {owner} {way}{}", because(reason))
        }
        Event::ClaimLapsed { owner, reason, .. } => match reason {
            LapseReason::ShiftEnd => format!("back with its queue: the shift of {owner} is over"),
            LapseReason::Absence => format!("back with its queue: {owner} is absent"),
        },
        Event::CallbackPromised { due_at, reason } => {
            format!("a call back is promised until {}{}", due_at.strftime("%Y-%m-%d %H:%M UTC"), because(reason))
        }
        Event::CalledBack { note } => format!("the requester was called{}", because(note)),
        Event::SwarmInvited { agent, note } => format!("{agent} was asked to help{}", because(note)),
        Event::SwarmJoined { agent, kind: SwarmKind::Local } => format!("{agent} helps"),
        Event::SwarmJoined { agent, kind: SwarmKind::Severe } => format!("{agent} helps in the severe swarm"),
        Event::SwarmLeft { agent } => format!("{agent} helps no longer"),
        _ => "something that this version does not know".to_owned(),
    }
}

/// The beginning of a text, on one line.
fn one_line(text: &str) -> String {
    const MOST: usize = 200;
    let mut line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(MOST) {
        line.truncate(end);
        line.push('…');
    }
    line
}
