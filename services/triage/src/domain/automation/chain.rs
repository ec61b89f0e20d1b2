//! Which rules led to a fact. A rule never acts on what it has led to itself.
//!
//! Whatever agents, requesters and other systems do comes from outside: it is a root. What rules do goes on from the fact
//! that they did it on, and so does what the desk does by itself because of it. On all that goes on from one root each
//! rule changes a ticket at most once, and at most [`MAX_CHAIN`] act one after another. So rules end, whatever they say.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::super::event::{Event, Happened};
use super::super::ticket::Actor;
use super::super::words::{ActorKind, AssignmentWay};

/// Rules that act one because of another.
pub const MAX_CHAIN: usize = 5;
/// How a rule's name begins as an actor.
const ACTOR: &str = "automation:";
/// What the watch names as its cause.
const WATCH: &str = "the watch";

/// Why a rule is stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stop {
    /// It would act on what it has done.
    #[error("the rule itself led to this")]
    Loop,
    /// It has acted on something else that came of the same.
    #[error("the rule has acted already on what led to this")]
    Again,
    /// Too many have acted one because of another.
    #[error("{MAX_CHAIN} rules led to this one after another")]
    TooLong,
}

impl Stop {
    /// The word for machines. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Loop => "LOOP",
            Self::Again => "ALREADY_ACTED",
            Self::TooLong => "CHAIN_TOO_LONG",
        }
    }
}

/// A rule as an actor.
pub fn actor(rule: &str) -> Actor {
    Actor { kind: ActorKind::Desk, actor_id: format!("{ACTOR}{rule}") }
}

/// The rule that did something; `None`: somebody else did.
pub fn rule_of(actor: &Actor) -> Option<&str> {
    if actor.kind == ActorKind::Desk { actor.actor_id.strip_prefix(ACTOR) } else { None }
}

/// How a fact came about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trace {
    /// The rules that led to it, the last first, and no more than are needed to stop another.
    pub rules: Vec<String>,
    /// What it all began with.
    pub root: Uuid,
    /// The rules that have changed the ticket since because of the same root.
    pub acted: BTreeSet<String>,
}

impl Trace {
    /// Of something that comes from outside and is no fact of the history.
    pub fn begin(root: Uuid) -> Self {
        Self { root, ..Self::default() }
    }

    /// Of a fact, by the history as it is known now.
    pub fn of(history: &[Happened], fact: &Happened) -> Self {
        let (rules, root) = back(history, fact);
        let mut acted = BTreeSet::new();
        for one in history {
            if let Some(rule) = rule_of(&one.actor)
                && !acted.contains(rule)
                && back(history, one).1 == root
            {
                acted.insert(rule.to_owned());
            }
        }
        Self { rules, root, acted }
    }

    /// Whether a rule may act on it.
    ///
    /// # Errors
    /// Why not.
    pub fn may_act(&self, rule: &str) -> Result<(), Stop> {
        if self.rules.iter().any(|earlier| earlier == rule) {
            Err(Stop::Loop)
        } else if self.acted.contains(rule) {
            Err(Stop::Again)
        } else if self.rules.len() >= MAX_CHAIN {
            Err(Stop::TooLong)
        } else {
            Ok(())
        }
    }
}

/// The rules that led to a fact, the last first, and what it all began with.
fn back(history: &[Happened], fact: &Happened) -> (Vec<String>, Uuid) {
    let mut rules = Vec::new();
    let mut now = fact;
    loop {
        let rule = rule_of(&now.actor);
        if rules.len() <= MAX_CHAIN {
            rules.extend(rule.map(str::to_owned));
        }
        // Causes are always earlier, so that this ends.
        match cause(history, now).filter(|cause| cause.revision < now.revision) {
            Some(cause) => now = cause,
            // What a rule acts on may be no fact of triage's: a message, a time of day.
            None => {
                let outside = rule.and_then(|_| Uuid::try_parse(&now.cause_id).ok());
                return (rules, outside.unwrap_or(now.event_id));
            }
        }
    }
}

/// What led to a fact as far as the desk itself did it; `None`: it comes from outside.
fn cause<'a>(history: &'a [Happened], fact: &Happened) -> Option<&'a Happened> {
    if rule_of(&fact.actor).is_some() {
        let cause_id = Uuid::try_parse(&fact.cause_id).ok()?;
        return history.iter().find(|one| one.event_id == cause_id);
    }
    if fact.actor.kind != ActorKind::Desk {
        return None;
    }
    let before = history.iter().filter(|one| one.revision < fact.revision);
    match &fact.event {
        // Given to somebody because it lies there: whatever put it there.
        Event::Assigned { way, .. } if *way != AssignmentWay::Manual => before.max_by_key(|one| one.revision),
        // Nobody answered: whatever let it wait, or resolved it.
        Event::Closing(_) | Event::Resolved { .. } | Event::Closed { .. } if fact.cause_id == WATCH => {
            let begins = |one: &&Happened| matches!(one.event, Event::Waiting { .. } | Event::Resolved { .. });
            before.filter(begins).max_by_key(|one| one.revision)
        }
        // Shifts end, models become others, major incidents push: all of that comes from outside.
        _ => None,
    }
}
