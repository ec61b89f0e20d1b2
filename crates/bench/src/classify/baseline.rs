//! What any method must beat.

use std::collections::{BTreeMap, HashMap};

/// Says the commonest outcomes, whatever is asked.
#[derive(Debug, Default)]
pub(super) struct Majority {
    counts: BTreeMap<String, u64>,
}

impl Majority {
    pub(super) fn learn(&mut self, outcome: &str) {
        *self.counts.entry(outcome.to_owned()).or_default() += 1;
    }

    /// The three commonest.
    pub(super) fn values(&self) -> Vec<&str> {
        let mut counts: Vec<(&String, &u64)> = self.counts.iter().collect();
        counts.sort_by(|a, b| b.1.cmp(a.1).then_with(|| a.0.cmp(b.0)));
        counts.into_iter().take(3).map(|(value, _)| value.as_str()).collect()
    }
}

/// Says what the ticket ended as that shares the most fields.
#[derive(Debug, Default)]
pub(super) struct Nearest {
    outcomes: Vec<String>,
    having: HashMap<String, Vec<usize>>,
}

impl Nearest {
    pub(super) fn learn<'t>(&mut self, fields: impl Iterator<Item = &'t String>, outcome: &str) {
        for field in fields {
            self.having.entry(field.clone()).or_default().push(self.outcomes.len());
        }
        self.outcomes.push(outcome.to_owned());
    }

    /// The first three different outcomes, from the nearest on, the newest of several.
    pub(super) fn values<'t>(&self, fields: impl Iterator<Item = &'t String>) -> Vec<&str> {
        let mut shared = vec![0_u32; self.outcomes.len()];
        for at in fields.filter_map(|field| self.having.get(field)).flatten() {
            shared[*at] += 1;
        }
        let most = shared.iter().max().copied().unwrap_or_default();
        let mut values: Vec<&str> = Vec::new();
        for wanted in (1..=most).rev() {
            for at in (0..shared.len()).rev().filter(|at| shared[*at] == wanted) {
                let value = self.outcomes[at].as_str();
                if !values.contains(&value) {
                    values.push(value);
                }
                if values.len() == 3 {
                    return values;
                }
            }
        }
        values
    }
}
