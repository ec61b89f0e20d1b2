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

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// What kind of thing.
    pub wrong: Wrong,
    /// At which service.
    pub service: &'static str,
    /// Which ticket, post or fact.
    pub what: String,
}

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrong {
    /// A service does not have a ticket that was acknowledged or registered.
    Lost,
    /// A service has it more than once.
    Doubled,
    /// A service has a ticket that nobody registered.
    Stray,
    /// One post was answered with different tickets, or a ticket is told differently.
    Differs,
    /// A service's facts on a ticket are not 1, 2, 3 … up to the last that it gave.
    Gap,
    /// Messages could not be handled.
    DeadLetters,
    /// A caller got an answer that it cannot do anything about.
    Surprise,
}

/// The faults found so far.
#[derive(Default)]
struct Faults(BTreeSet<Fault>);

impl Faults {
    fn add(&mut self, wrong: Wrong, service: &'static str, what: impl Into<String>) {
        self.0.insert(Fault { wrong, service, what: what.into() });
    }
}

/// Checks a history against what is kept. Empty: it holds.
pub fn check(posts: &[Post], view: &View) -> Vec<Fault> {
    let mut faults = Faults::default();
    answers(posts, &mut faults);
    registrations(posts, view, &mut faults);
    for (service, kept) in &view.listeners {
        listener(service, kept, view, &mut faults);
    }
    history(view, &mut faults);
    for (service, count) in &view.dead_letters {
        if *count > 0 {
            faults.add(Wrong::DeadLetters, service, count.to_string());
        }
    }
    faults.0.into_iter().collect()
}

fn answers(posts: &[Post], faults: &mut Faults) {
    for post in posts {
        for answer in &post.surprises {
            faults.add(Wrong::Surprise, "intake", format!("{} was answered {answer}", post.request_id));
        }
        if post.acks.iter().collect::<BTreeSet<_>>().len() > 1 {
            faults.add(Wrong::Differs, "intake", format!("{} was answered {:?}", post.request_id, post.acks));
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

fn registrations(posts: &[Post], view: &View, faults: &mut Faults) {
    let service = "intake";
    let references = count(view.registered.iter().filter_map(|one| one.reference.as_deref()));
    let requests = count(view.registered.iter().filter_map(|one| one.request_id.as_deref()));
    for (what, _) in references.iter().chain(&requests).filter(|(_, count)| **count > 1) {
        faults.add(Wrong::Doubled, service, *what);
    }
    let posted: BTreeSet<&str> = posts.iter().map(|post| post.request_id.as_str()).collect();
    for stray in view.registered.iter().filter(|one| !one.request_id.as_deref().is_some_and(|id| posted.contains(id))) {
        faults.add(Wrong::Stray, service, stray.ticket_id.to_string());
    }
    let by_request: BTreeMap<&str, Option<&str>> =
        view.registered.iter().filter_map(|one| Some((one.request_id.as_deref()?, one.reference.as_deref()))).collect();
    for post in posts {
        let Some(reference) = post.acks.first() else { continue };
        match by_request.get(post.request_id.as_str()) {
            None => faults.add(Wrong::Lost, service, reference),
            Some(kept) if *kept != Some(reference) => {
                faults.add(Wrong::Differs, service, format!("{reference} is kept as {kept:?}"));
            }
            Some(_) => {}
        }
    }
}

fn listener(service: &'static str, kept: &[Kept], view: &View, faults: &mut Faults) {
    let counts = count(kept.iter().map(|one| one.ticket_id));
    let registered: BTreeMap<Uuid, &Kept> = view.registered.iter().map(|one| (one.ticket_id, one)).collect();
    for (ticket_id, one) in &registered {
        let what = || one.reference.clone().unwrap_or_else(|| ticket_id.to_string());
        match counts.get(ticket_id) {
            None => faults.add(Wrong::Lost, service, what()),
            Some(1) => {}
            Some(_) => faults.add(Wrong::Doubled, service, what()),
        }
    }
    for one in kept {
        let Some(original) = registered.get(&one.ticket_id) else {
            faults.add(Wrong::Stray, service, one.ticket_id.to_string());
            continue;
        };
        let is_other = |known: &Option<String>, true_one: &Option<String>| known.is_some() && known != true_one;
        if is_other(&one.reference, &original.reference) || is_other(&one.request_id, &original.request_id) {
            faults.add(Wrong::Differs, service, format!("{one:?} for {original:?}"));
        }
    }
}

fn history(view: &View, faults: &mut Faults) {
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
            faults.add(Wrong::Gap, key.1, format!("{}: gave 1 to {given}, reporting has {revisions:?}", key.0));
        }
    }
    for once in ONCE {
        let counts = count(view.history.iter().filter(|told| told.fact == once).map(|told| told.ticket_id));
        for one in &view.registered {
            let what = format!("{once} of {}", one.ticket_id);
            match counts.get(&one.ticket_id) {
                None => faults.add(Wrong::Lost, service, what),
                Some(1) => {}
                Some(_) => faults.add(Wrong::Doubled, service, what),
            }
        }
    }
}

#[cfg(test)]
mod tests;
