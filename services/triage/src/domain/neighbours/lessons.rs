//! What a ticket is known by, what its history teaches, and the rules that its neighbours make.

use super::{Proposal, TARGETS, Target, Terms, UNIT};
use crate::domain::event::{Event, Happened};
use crate::domain::model::{Category, ClassificationRule, RoutingRule, Sent, SupportModel};
use crate::domain::ticket::{Arrival, Matter, Ticket};
use crate::domain::words::{ActorKind, State, Word};

use super::EndedAs;

/// What a ticket is known by at its registration.
pub fn terms_of(arrival: &Arrival) -> Vec<String> {
    let Arrival { matter, description, sent, site, department, .. } = arrival;
    let mut terms = Terms::default();
    terms.matter("category", &sent.category);
    terms.matter("subcategory", &sent.subcategory);
    terms.origin("site", site);
    terms.origin("department", department);
    of_matter(&mut terms, matter);
    terms.text(description);
    terms.done()
}

/// The same of a ticket whose registration nobody kept.
pub fn terms_of_ticket(ticket: &Ticket) -> Vec<String> {
    let mut terms = Terms::default();
    of_matter(&mut terms, &ticket.matter);
    terms.done()
}

fn of_matter(terms: &mut Terms, matter: &Matter) {
    terms.origin("requester", &matter.requester_email);
    terms.origin("channel", matter.channel.map_or("", Word::word));
    terms.origin("source", &matter.source);
    terms.text(&matter.subject);
}

/// What these new entries of a ticket's history teach; `None` if nothing.
///
/// A hand-over teaches the queue, a classification by an agent all that it sets, the end of the work everything. What was
/// withdrawn teaches nothing, and neither does what the desk did by itself.
pub fn lesson(ticket: &Ticket, happened: &[Happened]) -> Option<EndedAs> {
    let work = &ticket.work;
    if work.state == State::Cancelled {
        return None;
    }
    let (mut placed, mut classified) = (false, false);
    for one in happened.iter().filter(|one| one.actor.kind != ActorKind::Desk) {
        match &one.event {
            // Back to be asked about is no word on where it belongs.
            Event::HandedOver { insufficient_information: false, .. } => placed = true,
            Event::Triaged { placement: None, .. } => classified = true,
            Event::Resolved { .. } | Event::Closed { .. } => (placed, classified) = (true, true),
            _ => {}
        }
    }
    let mut ended_as = EndedAs::default();
    if classified {
        let classification = &work.classification;
        ended_as.set(Target::Category, classification.category.clone());
        if !classification.subcategory.is_empty() {
            let both = format!("{}{UNIT}{}", classification.category, classification.subcategory);
            ended_as.set(Target::Subcategory, both);
        }
        ended_as.set(Target::Priority, classification.priority.word().to_owned());
    }
    if placed {
        ended_as.set(Target::Queue, work.placement.queue.clone());
    }
    (placed || classified).then_some(ended_as)
}

impl EndedAs {
    /// Sets one value.
    pub fn set(&mut self, target: Target, value: String) {
        let place = Target::ALL.iter().position(|one| *one == target);
        if let Some(known) = place.and_then(|place| self.0.get_mut(place)) {
            *known = value;
        }
    }

    /// One value; empty if it is unknown.
    pub fn get(&self, target: Target) -> &str {
        let place = Target::ALL.iter().position(|one| *one == target);
        place.and_then(|place| self.0.get(place)).map_or("", String::as_str)
    }
}

/// A client's model with what neighbours say for certain enough as the last of its rules: what the sender says and what
/// the rules say goes before it. `None` if nothing is certain enough or known to the model.
///
/// A priority is never set: it is impact × urgency by the matrix, and otherwise an agent's word with a reason.
pub fn with_learned(model: &SupportModel, proposals: &[Proposal], least: f64) -> Option<SupportModel> {
    let mut best: [Option<&Proposal>; TARGETS] = [None; TARGETS];
    for (slot, target) in best.iter_mut().zip(Target::ALL) {
        let first = proposals.iter().find(|proposal| proposal.target == *target);
        *slot = first.filter(|proposal| proposal.confidence >= least);
    }
    let [category, subcategory, queue, _] = best;
    let mut sets = Sent::default();
    if let Some(known) = category.and_then(|proposal| model.category(&proposal.value)) {
        sets.category.clone_from(&known.category);
        let of_it = |proposal: &Proposal| {
            let (category, subcategory) = proposal.value.split_once(UNIT)?;
            (category == known.category).then(|| Category::subcategory(known, subcategory))?
        };
        sets.subcategory = subcategory.and_then(of_it).unwrap_or_default();
    }
    let queue = queue.filter(|proposal| model.queues.contains_key(&proposal.value));
    if sets == Sent::default() && queue.is_none() {
        return None;
    }
    // The rule stands on the ticket for whoever sees it: names of others only where none of them can be confidential.
    let is_open = !model.queues.keys().any(|queue| model.is_confidential(queue));
    let because = |proposal: &Proposal| if is_open { proposal.because() } else { proposal.counted() };
    let mut learned = model.clone();
    learned.classification.push(ClassificationRule { when: None, sets });
    learned.routing.extend(queue.map(|proposal| RoutingRule {
        rule: format!("learned: {}", because(proposal)),
        when: None,
        queue: proposal.value.clone(),
    }));
    Some(learned)
}
