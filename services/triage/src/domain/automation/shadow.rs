//! Rules of classification and routing that decide nothing: what each would have decided, beside what was.

use super::super::condition::{Condition, Facts, folded};
use super::super::model::{Classification, Placement, Sent};
use super::super::words::{Field, Word};
use super::Family;

/// A rule that decides nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Shadow {
    /// Its name.
    pub rule: String,
    /// For which matters; `None` for all.
    pub when: Option<Condition>,
    /// What it says.
    pub says: Says,
}

/// What such a rule says.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// What a matter is.
    Sets(Sent),
    /// Where it goes.
    Queue(String),
}

/// What a rule would have decided on one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Of which kind it is.
    pub family: Family,
    /// Its name.
    pub rule: String,
    /// What it would have said, by the names that triage keeps a ticket by.
    pub would: Vec<(&'static str, String)>,
    /// What stands there instead, in the same order.
    pub decided: Vec<(&'static str, String)>,
}

impl Verdict {
    /// Whether it says what was decided.
    pub fn agrees(&self) -> bool {
        self.would.iter().zip(&self.decided).all(|(would, decided)| folded(&would.1) == folded(&decided.1))
    }
}

/// What the rules that hold would have said. The facts are those of the registration.
pub fn verdicts(
    shadows: &[Shadow],
    facts: &mut Facts,
    classification: &Classification,
    placement: &Placement,
) -> Vec<Verdict> {
    facts.set(Field::Kind, classification.kind.word());
    facts.set(Field::Category, &classification.category);
    facts.set(Field::Subcategory, &classification.subcategory);
    facts.set(Field::Priority, classification.priority.word());
    let holds = |shadow: &&Shadow| shadow.when.as_ref().is_none_or(|when| when.holds(facts));
    shadows.iter().filter(holds).map(|shadow| verdict(shadow, classification, placement)).collect()
}

fn verdict(shadow: &Shadow, classification: &Classification, placement: &Placement) -> Verdict {
    let mut pairs: Vec<(&'static str, String, String)> = Vec::new();
    let mut pair = |name: &'static str, would: &str, decided: &str| {
        if !would.is_empty() {
            pairs.push((name, would.to_owned(), decided.to_owned()));
        }
    };
    let family = match &shadow.says {
        Says::Queue(queue) => {
            pair("queue", queue, &placement.queue);
            Family::Routing
        }
        Says::Sets(sets) => {
            pair("kind", sets.kind.map_or("", Word::word), classification.kind.word());
            pair("category", &sets.category, &classification.category);
            pair("subcategory", &sets.subcategory, &classification.subcategory);
            pair("impact", sets.impact.map_or("", Word::word), classification.impact.word());
            pair("urgency", sets.urgency.map_or("", Word::word), classification.urgency.word());
            Family::Classification
        }
    };
    Verdict {
        family,
        rule: shadow.rule.clone(),
        would: pairs.iter().map(|(name, would, _)| (*name, would.clone())).collect(),
        decided: pairs.into_iter().map(|(name, _, decided)| (name, decided)).collect(),
    }
}
