//! What holds for a ticket, or does not.

use std::collections::BTreeSet;

use crate::rule::{Comparison, Op, Rule, Value};

/// A tree of all / any / not over comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition<F> {
    /// Every one holds; true if there is none.
    All(Vec<Condition<F>>),
    /// At least one holds; false if there is none.
    Any(Vec<Condition<F>>),
    /// It does not hold.
    Not(Box<Condition<F>>),
    /// The field's text compares so. An empty or unknown field never does.
    Compare(F, Test),
}

/// How a text compares, letter case aside. Its values are [`folded`] already.
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
    /// Of tags, one a line: one of these is there.
    Has(BTreeSet<String>),
}

/// Letter case aside: what both sides of a comparison go through.
#[must_use]
pub fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

impl Test {
    pub(crate) fn holds(&self, text: &str) -> bool {
        match self {
            Self::Is(value) => text == value,
            Self::In(values) => values.contains(text),
            Self::Contains(value) => text.contains(value.as_str()),
            Self::StartsWith(value) => text.starts_with(value.as_str()),
            Self::MatchesWord(value) => has_word(text, value),
            Self::Has(tags) => text.lines().any(|tag| tags.contains(tag)),
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

impl<F: Copy + Eq> Condition<F> {
    /// The same, with what is compared with tags: a whole one is there or not, and no part of one.
    #[must_use]
    pub fn of_tags(self, is_tags: &impl Fn(F) -> bool) -> Self {
        let each = |conditions: Vec<Self>| conditions.into_iter().map(|one| one.of_tags(is_tags)).collect();
        match self {
            Self::All(conditions) => Self::All(each(conditions)),
            Self::Any(conditions) => Self::Any(each(conditions)),
            Self::Not(condition) => Self::Not(Box::new(condition.of_tags(is_tags))),
            Self::Compare(field, Test::Contains(tag)) if is_tags(field) => {
                Self::Compare(field, Test::Has(BTreeSet::from([tag])))
            }
            other @ Self::Compare(..) => other,
        }
    }

    /// Whether it holds for a matter.
    #[must_use]
    pub fn holds(&self, facts: &Facts<F>) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|condition| condition.holds(facts)),
            Self::Any(conditions) => conditions.iter().any(|condition| condition.holds(facts)),
            Self::Not(condition) => !condition.holds(facts),
            Self::Compare(field, test) => facts.get(*field).is_some_and(|text| test.holds(text)),
        }
    }
}

/// What was written, ready to be tried. A comparison whose parts do not fit never holds; the check refuses such.
impl<F: Copy> From<&Rule<F>> for Condition<F> {
    fn from(rule: &Rule<F>) -> Self {
        match rule {
            Rule::All(rules) => Self::All(rules.iter().map(Self::from).collect()),
            Rule::Any(rules) => Self::Any(rules.iter().map(Self::from).collect()),
            Rule::Not(rule) => Self::Not(Box::new(Self::from(rule.as_ref()))),
            Rule::When(Comparison { field, op, value }) => {
                let test = match (op, value) {
                    (Op::Is, Value::Flag(flag)) => Test::Is(flag.to_string()),
                    (Op::Is, Value::Text(text)) => Test::Is(folded(text)),
                    (Op::In, Value::List(list)) => Test::In(list.iter().map(|text| folded(text)).collect()),
                    (Op::Contains, Value::Text(text)) => Test::Contains(folded(text)),
                    (Op::StartsWith, Value::Text(text)) => Test::StartsWith(folded(text)),
                    (Op::MatchesWord, Value::Text(text)) => Test::MatchesWord(folded(text)),
                    (Op::ContainsAny, Value::List(list)) => Test::Has(list.iter().map(|text| folded(text)).collect()),
                    _ => return Self::Any(Vec::new()),
                };
                Self::Compare(*field, test)
            }
        }
    }
}

/// What is known of a matter while rules are tried on it, letter case folded once.
#[derive(Debug, Clone)]
pub struct Facts<F> {
    /// A dozen at most: looking through them is quicker than anything clever.
    texts: Vec<(F, String)>,
}

impl<F> Default for Facts<F> {
    fn default() -> Self {
        Self { texts: Vec::new() }
    }
}

impl<F: Copy + Eq> Facts<F> {
    /// Learns a field; an empty text leaves it unknown. Tags are told one a line.
    pub fn set(&mut self, field: F, text: &str) {
        let text = folded(text);
        match self.texts.iter_mut().find(|(known, _)| *known == field) {
            Some((_, known)) => *known = text,
            None => self.texts.push((field, text)),
        }
    }

    fn get(&self, field: F) -> Option<&str> {
        let (_, text) = self.texts.iter().find(|(known, _)| *known == field)?;
        (!text.is_empty()).then_some(text)
    }
}
