//! Conditions on a ticket: a typed tree. There is no expression language to learn or to attack.

use std::collections::BTreeSet;

use super::words::{Field, Word};

/// A tree of all / any / not over comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Every one holds; true if there is none.
    All(Vec<Condition>),
    /// At least one holds; false if there is none.
    Any(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// The field's text compares so. An empty or unknown field never does.
    Compare(Field, Test),
}

/// How a text compares, letter case aside. Made by the functions below, which fold the case once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// The whole text is equal.
    Is(String),
    /// The whole text is one of these.
    In(BTreeSet<String>),
    /// It stands somewhere inside.
    Contains(String),
    /// The text begins with it.
    StartsWith(String),
    /// It stands inside as a word of its own.
    MatchesWord(String),
}

/// Letter case aside: what both sides of a comparison go through.
pub fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Test {
    fn holds(&self, text: &str) -> bool {
        match self {
            Self::Is(value) => text == value,
            Self::In(values) => values.contains(text),
            Self::Contains(value) => text.contains(value.as_str()),
            Self::StartsWith(value) => text.starts_with(value.as_str()),
            Self::MatchesWord(value) => has_word(text, value),
        }
    }
}

/// Whether `word` stands in `text` without a letter or digit directly beside its own letters or digits.
fn has_word(text: &str, word: &str) -> bool {
    let joins = |inner: Option<char>, outer: Option<char>| {
        inner.is_some_and(char::is_alphanumeric) && outer.is_some_and(char::is_alphanumeric)
    };
    !word.is_empty()
        && text.match_indices(word).any(|(at, found)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
            !joins(word.chars().next(), before) && !joins(word.chars().next_back(), after)
        })
}

impl Condition {
    /// Whether it holds for a matter.
    pub fn holds(&self, facts: &Facts) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(facts)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(facts)),
            Self::Not(condition) => !condition.holds(facts),
            Self::Compare(field, test) => facts.get(*field).is_some_and(|text| test.holds(text)),
        }
    }
}

/// What is known of a matter while rules are tried on it, letter case folded once.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    texts: [Option<String>; Field::ALL.len()],
}

impl Facts {
    /// Learns a field; an empty text leaves it unknown.
    pub fn set(&mut self, field: Field, text: &str) {
        let text = folded(text);
        if let Some(slot) = self.texts.get_mut(field as usize) {
            *slot = (!text.is_empty()).then_some(text);
        }
    }

    fn get(&self, field: Field) -> Option<&str> {
        self.texts.get(field as usize)?.as_deref()
    }
}
