//! What can be wrong with a rule of the right shape.

use crate::condition::{Condition, folded};
use crate::logic::can_hold;
use crate::rule::{Comparison, Op, Rule, Value};

/// Levels of one rule; a single condition is one level.
pub const MAX_DEPTH: usize = 8;
/// Conditions and their `all`, `any`, `not` in one rule.
pub const MAX_NODES: usize = 100;
/// Values listed by one condition.
pub const MAX_VALUES: usize = 200;
/// Characters of one value of a condition.
pub const MAX_VALUE: usize = 500;

/// What a field can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Any text.
    Text,
    /// `true` or `false`.
    Flag,
    /// One of a few words.
    Words(&'static [&'static str]),
    /// Tags: small letters, digits and hyphens, of which there may be several.
    Tags,
}

/// What is wrong. The text says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("the condition is {0} levels deep, more than {MAX_DEPTH}; flatten it")]
    TooDeep(usize),
    #[error("the condition has {0} parts, more than {MAX_NODES}; use `in` with a list or make several rules")]
    TooLarge(usize),
    #[error("the condition can never hold; mend it or remove the rule")]
    NeverHolds,
    #[error("{0:?} does not go with this field, which is one of a few words; use `is` or `in`")]
    WrongOperator(Op),
    #[error("this field is either true or false; write `is` and `true` or `false`")]
    NotAFlag,
    #[error("this field is a text, not true or false; write a text")]
    NotAText,
    #[error("`{0}` needs a list; write [one, two]")]
    NeedsList(Op),
    #[error("this operator needs one text; use `in` with a list")]
    NeedsText,
    #[error("{0:?} does not go with tags; use `contains` with one, or `contains_any` with a list")]
    NotOfTags(Op),
    #[error("`contains_any` goes with tags only; use `in`, or `any` with several conditions")]
    OfTagsOnly,
    #[error("{0:?} is no tag; write small letters, digits and hyphens, 40 characters at most")]
    NotATag(String),
    #[error("the list is empty; name at least one value")]
    EmptyList,
    #[error("the list has {0} values, more than {MAX_VALUES}; remove some")]
    TooManyValues(usize),
    #[error("the value is empty; write what to look for")]
    Empty,
    #[error("the value has {0} characters, more than {MAX_VALUE}; shorten it")]
    TooLong(usize),
    #[error("{0:?} is not known here; use one of: {1}")]
    UnknownWord(String, String),
}

/// Everything that is wrong with a rule, each with the place below the rule: empty, or like `.all[1].value`.
pub fn faults<F: Copy + Eq>(rule: &Rule<F>, takes: &impl Fn(F) -> Takes) -> Vec<(String, Fault)> {
    let (depth, nodes) = (rule.depth(), rule.nodes());
    let mut faults = Vec::new();
    if depth > MAX_DEPTH {
        faults.push((String::new(), Fault::TooDeep(depth)));
    }
    if nodes > MAX_NODES {
        faults.push((String::new(), Fault::TooLarge(nodes)));
    }
    if faults.is_empty() {
        parts(rule, "", takes, &mut faults);
    }
    let is_tags = |field: F| takes(field) == Takes::Tags;
    if faults.is_empty() && !can_hold(&Condition::from(rule).of_tags(&is_tags)) {
        faults.push((String::new(), Fault::NeverHolds));
    }
    faults
}

fn parts<F: Copy>(rule: &Rule<F>, at: &str, takes: &impl Fn(F) -> Takes, faults: &mut Vec<(String, Fault)>) {
    match rule {
        Rule::All(rules) | Rule::Any(rules) => {
            let key = if matches!(rule, Rule::All(_)) { "all" } else { "any" };
            for (index, part) in rules.iter().enumerate() {
                parts(part, &format!("{at}.{key}[{index}]"), takes, faults);
            }
        }
        Rule::Not(part) => parts(part, &format!("{at}.not"), takes, faults),
        Rule::When(comparison) => compared(comparison, takes(comparison.field), at, faults),
    }
}

fn compared<F>(comparison: &Comparison<F>, takes: Takes, at: &str, faults: &mut Vec<(String, Fault)>) {
    let Comparison { op, value, .. } = comparison;
    let at_value = format!("{at}.value");
    let mut say = |at: &str, fault: Fault| faults.push((at.to_owned(), fault));
    if takes == Takes::Tags && !matches!(op, Op::Contains | Op::ContainsAny) {
        return say(&format!("{at}.op"), Fault::NotOfTags(*op));
    }
    if *op == Op::ContainsAny && takes != Takes::Tags {
        return say(&format!("{at}.op"), Fault::OfTagsOnly);
    }
    if matches!(takes, Takes::Flag | Takes::Words(_)) && !matches!(op, Op::Is | Op::In) {
        return say(&format!("{at}.op"), Fault::WrongOperator(*op));
    }
    match (takes, op, value) {
        (Takes::Flag, Op::Is, Value::Flag(_)) => {}
        (Takes::Flag, ..) => say(at, Fault::NotAFlag),
        (_, _, Value::Flag(_)) => say(&at_value, Fault::NotAText),
        (_, Op::In | Op::ContainsAny, Value::Text(_)) => say(&at_value, Fault::NeedsList(*op)),
        (_, Op::In | Op::ContainsAny, Value::List(list)) if list.is_empty() => say(&at_value, Fault::EmptyList),
        (_, Op::In | Op::ContainsAny, Value::List(list)) if list.len() > MAX_VALUES => {
            say(&at_value, Fault::TooManyValues(list.len()));
        }
        (_, Op::In | Op::ContainsAny, Value::List(list)) => {
            for (index, text) in list.iter().enumerate() {
                if let Some(fault) = of_text(text, takes) {
                    say(&format!("{at_value}[{index}]"), fault);
                }
            }
        }
        (_, _, Value::List(_)) => say(&at_value, Fault::NeedsText),
        (_, _, Value::Text(text)) => {
            if let Some(fault) = of_text(text, takes) {
                say(&at_value, fault);
            }
        }
    }
}

fn of_text(text: &str, takes: Takes) -> Option<Fault> {
    let characters = text.chars().count();
    if text.trim().is_empty() {
        return Some(Fault::Empty);
    }
    if characters > MAX_VALUE {
        return Some(Fault::TooLong(characters));
    }
    match takes {
        Takes::Words(words) if !words.contains(&folded(text).as_str()) => {
            Some(Fault::UnknownWord(text.to_owned(), words.join(", ")))
        }
        Takes::Tags if !is_tag(&folded(text)) => Some(Fault::NotATag(text.to_owned())),
        _ => None,
    }
}

fn is_tag(text: &str) -> bool {
    text.len() <= 40 && text.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-')
}
