//! What can never hold, and what holds whenever something else does.
//!
//! A condition is taken apart into ways to hold, each a list of comparisons that must all hold or not hold. A way is
//! impossible if two of its comparisons of one field contradict each other. Where there are too many ways to look at,
//! or a contradiction is subtler than these, the answer is the careful one: it can hold, it does not imply.

use crate::condition::{Condition, Test};

/// Ways looked at.
const MOST_WAYS: usize = 64;

/// A comparison that must hold, or must not.
#[derive(Debug, Clone)]
struct Literal<'c, F> {
    field: F,
    test: &'c Test,
    holds: bool,
}

type Way<'c, F> = Vec<Literal<'c, F>>;

/// Whether there can be a ticket that the condition holds for.
#[must_use]
pub fn can_hold<F: Copy + Eq>(condition: &Condition<F>) -> bool {
    ways(condition, true).is_none_or(|ways| ways.iter().any(|way| is_possible(way)))
}

/// Whether `weaker` surely holds for every ticket that `condition` holds for.
#[must_use]
pub fn implies<F: Copy + Eq>(condition: &Condition<F>, weaker: &Condition<F>) -> bool {
    let both = ways(condition, true).zip(ways(weaker, false)).and_then(|(these, those)| joined(these, &those));
    both.is_some_and(|ways| !ways.iter().any(|way| is_possible(way)))
}

/// The ways in which a condition holds, or does not. `None` if there are too many.
fn ways<F: Copy + Eq>(condition: &Condition<F>, holds: bool) -> Option<Vec<Way<'_, F>>> {
    match condition {
        Condition::Compare(field, test) => Some(vec![vec![Literal { field: *field, test, holds }]]),
        Condition::Not(inner) => ways(inner, !holds),
        Condition::All(inner) if holds => every(inner, holds),
        Condition::Any(inner) if !holds => every(inner, holds),
        Condition::All(inner) | Condition::Any(inner) => {
            let mut all = Vec::new();
            for condition in inner {
                all.extend(ways(condition, holds)?);
            }
            (all.len() <= MOST_WAYS).then_some(all)
        }
    }
}

fn every<F: Copy + Eq>(conditions: &[Condition<F>], holds: bool) -> Option<Vec<Way<'_, F>>> {
    conditions.iter().try_fold(vec![Vec::new()], |so_far, condition| joined(so_far, &ways(condition, holds)?))
}

/// Each of these together with each of those; what is impossible already is left out.
fn joined<'c, F: Copy + Eq>(these: Vec<Way<'c, F>>, those: &[Way<'c, F>]) -> Option<Vec<Way<'c, F>>> {
    let mut all = Vec::new();
    for one in &these {
        for other in those {
            let way: Way<'c, F> = one.iter().chain(other).cloned().collect();
            if is_possible(&way) {
                all.push(way);
            }
            if all.len() > MOST_WAYS {
                return None;
            }
        }
    }
    Some(all)
}

fn is_possible<F: Copy + Eq>(way: &[Literal<'_, F>]) -> bool {
    way.iter().all(|literal| {
        let of_field = || way.iter().filter(|other| other.field == literal.field);
        match (literal.holds, literal.test) {
            // One of the values that it can have must suit all other comparisons of the field.
            (true, Test::Is(value)) => of_field().all(|other| other.test.holds(value) == other.holds),
            (true, Test::In(values)) => {
                values.iter().any(|value| of_field().all(|other| other.test.holds(value) == other.holds))
            }
            (true, test) => of_field()
                .all(|other| if other.holds { !excludes(test, other.test) } else { !test_implies(test, other.test) }),
            (false, _) => true,
        }
    })
}

/// Whether every text that passes one test, which is not one of whole values, surely passes the other.
fn test_implies(test: &Test, weaker: &Test) -> bool {
    match (test, weaker) {
        (Test::StartsWith(text), Test::StartsWith(part)) => text.starts_with(part.as_str()),
        (Test::Contains(text) | Test::StartsWith(text) | Test::MatchesWord(text), Test::Contains(part)) => {
            text.contains(part.as_str())
        }
        (Test::Has(one), Test::Has(other)) => one.is_subset(other),
        (one, other) => one == other,
    }
}

/// Whether surely no text passes both.
fn excludes(one: &Test, other: &Test) -> bool {
    match (one, other) {
        (Test::StartsWith(one), Test::StartsWith(other)) => {
            !one.starts_with(other.as_str()) && !other.starts_with(one.as_str())
        }
        _ => false,
    }
}
