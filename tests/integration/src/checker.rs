//! Whether a history holds: every acknowledged post is one ticket, everywhere, and nothing else is.
//!
//! A pure function over what callers were told and what the stores keep, so that it can be tried with histories that
//! are wrong in known ways.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// One post as its caller knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The same for all its repeats.
    pub request_id: String,
    /// The references that it was answered with, one per answer. Empty: never acknowledged.
    pub acks: Vec<String>,
    /// Answers that were neither a reference nor "ask again".
    pub surprises: Vec<String>,
}

/// One ticket as one service keeps it. What a service does not keep is `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The ticket.
    pub ticket_id: Uuid,
    /// Its reference.
    pub reference: Option<String>,
    /// Of the post that it came from.
    pub request_id: Option<String>,
}

/// A service's fact about a ticket, as the history in reporting has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The ticket.
    pub ticket_id: Uuid,
    /// Who announced it.
    pub service: &'static str,
    /// Its number.
    pub revision: i64,
    /// Its name: `ticket_registered`.
    pub fact: String,
}

/// What is in the stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Intake's tickets.
    pub registered: Vec<Kept>,
    /// What every listener made of them.
    pub listeners: BTreeMap<&'static str, Vec<Kept>>,
    /// The history.
    pub history: Vec<Told>,
    /// (ticket, announcing service) → the last revision that it gave.
    pub given: BTreeMap<(Uuid, &'static str), i64>,
    /// Service → dead letters.
    pub dead_letters: BTreeMap<&'static str, i64>,
}

/// Facts of which every ticket has exactly one.
const ONCE: [&str; 2] = ["ticket_registered", "ticket_triaged"];

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A service does not have a ticket that was acknowledged or registered.
    Lost { service: &'static str, what: String },
    /// A service has it more than once.
    Doubled { service: &'static str, what: String },
    /// A service has a ticket that nobody registered.
    Stray { service: &'static str, what: String },
    /// One post was answered with different tickets, or a ticket is told differently.
    Differs { what: String },
    /// A service's facts on a ticket are not 1, 2, 3 … up to the last that it gave.
    Gap { service: &'static str, ticket_id: Uuid, revisions: Vec<i64>, given: i64 },
    /// Messages could not be handled.
    DeadLetters { service: &'static str, count: i64 },
    /// A caller got an answer that it cannot do anything about.
    Surprise { request_id: String, answer: String },
}

/// Checks a history against what is kept. Empty: it holds.
pub fn check(posts: &[Post], view: &View) -> Vec<Fault> {
    let mut faults = BTreeSet::new();
    answers(posts, &mut faults);
    registrations(posts, view, &mut faults);
    for (service, kept) in &view.listeners {
        listener(service, kept, view, &mut faults);
    }
    history(view, &mut faults);
    for (service, count) in &view.dead_letters {
        if *count > 0 {
            faults.insert(Fault::DeadLetters { service, count: *count });
        }
    }
    faults.into_iter().collect()
}

fn answers(posts: &[Post], faults: &mut BTreeSet<Fault>) {
    for post in posts {
        for answer in &post.surprises {
            faults.insert(Fault::Surprise { request_id: post.request_id.clone(), answer: answer.clone() });
        }
        if post.acks.iter().collect::<BTreeSet<_>>().len() > 1 {
            faults.insert(Fault::Differs { what: format!("{} was answered {:?}", post.request_id, post.acks) });
        }
    }
}

/// How often each value occurs.
fn count<'a, T: Ord>(values: impl Iterator<Item = T> + 'a) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    counts
}

fn registrations(posts: &[Post], view: &View, faults: &mut BTreeSet<Fault>) {
    let service = "intake";
    let references = count(view.registered.iter().filter_map(|one| one.reference.as_deref()));
    let requests = count(view.registered.iter().filter_map(|one| one.request_id.as_deref()));
    let doubled = references.iter().chain(&requests).filter(|(_, count)| **count > 1);
    faults.extend(doubled.map(|(what, _)| Fault::Doubled { service, what: (*what).to_owned() }));
    let posted: BTreeSet<&str> = posts.iter().map(|post| post.request_id.as_str()).collect();
    for stray in view.registered.iter().filter(|one| !one.request_id.as_deref().is_some_and(|id| posted.contains(id))) {
        faults.insert(Fault::Stray { service, what: stray.ticket_id.to_string() });
    }
    let by_request: BTreeMap<&str, Option<&str>> =
        view.registered.iter().filter_map(|one| Some((one.request_id.as_deref()?, one.reference.as_deref()))).collect();
    for post in posts {
        let Some(reference) = post.acks.first() else { continue };
        match by_request.get(post.request_id.as_str()) {
            None => {
                faults.insert(Fault::Lost { service, what: reference.clone() });
            }
            Some(kept) if *kept != Some(reference) => {
                faults.insert(Fault::Differs { what: format!("{reference} is kept as {kept:?}") });
            }
            Some(_) => {}
        }
    }
}

fn listener(service: &'static str, kept: &[Kept], view: &View, faults: &mut BTreeSet<Fault>) {
    let counts = count(kept.iter().map(|one| one.ticket_id));
    let registered: BTreeMap<Uuid, &Kept> = view.registered.iter().map(|one| (one.ticket_id, one)).collect();
    for (ticket_id, one) in &registered {
        let what = || one.reference.clone().unwrap_or_else(|| ticket_id.to_string());
        match counts.get(ticket_id) {
            None => drop(faults.insert(Fault::Lost { service, what: what() })),
            Some(1) => {}
            Some(_) => drop(faults.insert(Fault::Doubled { service, what: what() })),
        }
    }
    for one in kept {
        let Some(original) = registered.get(&one.ticket_id) else {
            faults.insert(Fault::Stray { service, what: one.ticket_id.to_string() });
            continue;
        };
        let is_other = |known: &Option<String>, true_one: &Option<String>| known.is_some() && known != true_one;
        if is_other(&one.reference, &original.reference) || is_other(&one.request_id, &original.request_id) {
            faults.insert(Fault::Differs { what: format!("{service} has {one:?} for {original:?}") });
        }
    }
}

fn history(view: &View, faults: &mut BTreeSet<Fault>) {
    let service = "reporting";
    let mut told: BTreeMap<(Uuid, &'static str), Vec<i64>> = BTreeMap::new();
    for fact in &view.history {
        told.entry((fact.ticket_id, fact.service)).or_default().push(fact.revision);
    }
    for key in told.keys().chain(view.given.keys()).copied().collect::<BTreeSet<_>>() {
        let mut revisions = told.remove(&key).unwrap_or_default();
        revisions.sort_unstable();
        let given = view.given.get(&key).copied().unwrap_or_default();
        if !revisions.iter().copied().eq(1..=given) {
            faults.insert(Fault::Gap { service: key.1, ticket_id: key.0, revisions, given });
        }
    }
    for once in ONCE {
        let counts = count(view.history.iter().filter(|told| told.fact == once).map(|told| told.ticket_id));
        for one in &view.registered {
            let what = format!("{once} of {}", one.ticket_id);
            match counts.get(&one.ticket_id) {
                None => drop(faults.insert(Fault::Lost { service, what })),
                Some(1) => {}
                Some(_) => drop(faults.insert(Fault::Doubled { service, what })),
            }
        }
    }
}

#[cfg(test)]
mod tests;
