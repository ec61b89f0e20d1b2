//! Proto ↔ domain: the only place that knows both.

pub mod automation;
pub mod closing;
pub mod confidential;
pub mod draft;
pub mod event;
pub mod fulfilment;
pub mod heard;
pub mod model;
pub mod monitored;
pub mod neighbours;
pub mod overdue;
pub mod relation;
pub mod request;
pub mod roster;
pub mod runbook;
pub mod ticket;
pub mod view;
pub mod workspace;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use chassis::status::Violation;
use contracts::desk::v1 as desk;

use crate::domain::{Actor, ActorKind, Word};

/// The first second of the year 1: Postgres' and everybody's calendars agree from there on.
const FIRST_SECOND: i64 = -62_135_596_800;

/// An instant from the wire in whole microseconds, which is what the store keeps; `None` if it is malformed or before
/// the year 1.
pub fn instant(at: Option<&prost_types::Timestamp>) -> Option<Timestamp> {
    let at = contracts::from_timestamp(at?)?;
    let at = Timestamp::from_microsecond(at.as_nanosecond().div_euclid(1_000).try_into().ok()?).ok()?;
    (at.as_microsecond() >= FIRST_SECOND * 1_000_000).then_some(at)
}

/// Text that Postgres can keep: it knows no NUL.
fn clean(text: &str) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text.to_owned() }
}

/// The number of a word, 0 for none.
fn number<W: Word>(word: Option<W>) -> i32 {
    word.map_or(0, Word::number)
}

fn actor(actor: &Actor) -> desk::Actor {
    desk::Actor { kind: actor.kind.number(), actor_id: actor.actor_id.clone() }
}

/// Who did it; the desk itself where nobody is named.
pub fn actor_of(actor: Option<&desk::Actor>) -> Actor {
    match actor {
        Some(actor) => Actor {
            kind: ActorKind::from_number(actor.kind).unwrap_or(ActorKind::System),
            actor_id: clean(&actor.actor_id),
        },
        None => Actor::desk(),
    }
}

/// Collects what is wrong with a request.
#[derive(Debug, Default)]
pub struct Check(Vec<Violation>);

impl Check {
    /// Adds a violation: the field, and what completes the sentence "the field …".
    pub fn say(&mut self, field: impl Into<String>, what: impl Into<String>) {
        self.0.push(Violation::new(field, what));
    }

    /// Adds a violation made elsewhere; returns the value if there is none.
    pub fn take<T>(&mut self, outcome: Result<T, Violation>) -> Option<T> {
        outcome.map_err(|violation| self.0.push(violation)).ok()
    }

    /// A text of at most so many characters, without NUL.
    pub fn text(&mut self, field: &str, text: &str, most: usize) -> String {
        if text.chars().count() > most {
            self.say(field, format!("must have at most {most} characters"));
        }
        if text.contains('\0') {
            self.say(field, "must not contain NUL");
        }
        text.trim().to_owned()
    }

    /// A text that must not be empty.
    pub fn needed(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = self.text(field, text, most);
        if text.is_empty() {
            self.say(field, "must not be empty");
        }
        text
    }

    /// Somebody by their name: no word that stands for somebody is known here, and nobody answers to one.
    pub fn person(&mut self, field: &str, text: &str, most: usize) -> String {
        let text = self.needed(field, text, most);
        if text.starts_with('@') {
            self.say(field, format!("`{text}` is nobody: name a person"));
        }
        text
    }

    /// A list of at most so many.
    pub fn at_most(&mut self, field: &str, length: usize, most: usize) {
        if length > most {
            self.say(field, format!("must have at most {most} entries"));
        }
    }

    /// A word, or none where it is not set.
    pub fn word<W: Word>(&mut self, field: &str, number: i32) -> Option<W> {
        let word = W::from_number(number);
        if word.is_none() && number != 0 {
            self.say(field, "is no value known here");
        }
        word
    }

    /// A word that must be set.
    pub fn needed_word<W: Word>(&mut self, field: &str, number: i32) -> Option<W> {
        if number == 0 {
            self.say(field, "must be set");
        }
        self.word(field, number)
    }

    /// All that is wrong; `Ok` if nothing is.
    ///
    /// # Errors
    /// The violations.
    pub fn done(self) -> Result<(), Vec<Violation>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
