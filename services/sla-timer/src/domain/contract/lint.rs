//! What is wrong with a contract whose every part is right, and what its author may want to know.

use conditions::implies;
use jiff::civil::Date;

use super::terms::{Said, Terms};
use super::{Complaint, Contract, Metric, Priority, Problem};

#[cfg(test)]
mod tests;

/// Something that does not refuse a contract but may be a mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {hint}")]
pub struct Advice {
    /// The field, as `calendars.office`.
    pub path: String,
    /// What to look at.
    pub hint: Hint,
}

/// What may be a mistake. The text says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Hint {
    #[error("no target uses this calendar; remove it or name it in one")]
    UnusedCalendar,
    #[error("all special days lie in the past, the last is {0}; add those to come")]
    HolidaysPast(Date),
}

impl Hint {
    /// A word for programs, as [`Problem::reason`].
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::UnusedCalendar => "UNUSED_CALENDAR",
            Self::HolidaysPast(_) => "HOLIDAYS_PAST",
        }
    }
}

impl Contract {
    /// What its author may want to know, whether or not it can be saved. `today` is the author's.
    #[must_use]
    pub fn advice(&self, today: Date) -> Vec<Advice> {
        let base = self.targets.values();
        let targets = base.chain(self.rules.iter().flat_map(|rule| rule.targets.values())).flat_map(|row| row.values());
        let used: Vec<&str> = targets.filter_map(|target| target.calendar.as_deref()).collect();
        let mut advice = Vec::new();
        for (name, calendar) in &self.calendars {
            if !used.contains(&name.as_str()) {
                advice.push(Advice { path: format!("calendars.{name}"), hint: Hint::UnusedCalendar });
            }
            let last = calendar.special_days.keys().filter_map(|date| date.parse::<Date>().ok()).max();
            if let Some(last) = last.filter(|last| *last < today) {
                let path = format!("calendars.{name}.special_days");
                advice.push(Advice { path, hint: Hint::HolidaysPast(last) });
            }
        }
        advice
    }
}

/// What the rules of a contract have to do with each other.
pub(super) fn complaints(contract: &Contract, terms: &Terms) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for index in 0..terms.rules.len() {
        // Whatever holds for a ticket of this rule holds for these as well.
        let wider: Vec<usize> = (0..terms.rules.len())
            .filter(|other| *other != index && implies(&terms.rules[index].when, &terms.rules[*other].when))
            .collect();
        let same = contract.rules[..index].iter().find(|earlier| earlier.when == contract.rules[index].when);
        if let Some(same) = same {
            let problem = Problem::DuplicateCondition(same.rule.clone());
            complaints.push(Complaint::new(format!("rules[{index}].when"), problem));
            continue;
        }
        unreachable(terms, index, &wider, &mut complaints);
        late_responses(terms, index, &wider, &mut complaints);
    }
    complaints
}

/// Targets that never decide because an earlier rule that holds wherever this one does names the same.
fn unreachable(terms: &Terms, index: usize, wider: &[usize], complaints: &mut Vec<Complaint>) {
    let mut covered = Vec::new();
    let mut is_free = false;
    for (priority, metric) in named(terms, index) {
        let earlier = wider.iter().take_while(|other| **other < index);
        match earlier.copied().find(|other| says(terms, *other, priority, metric) != Said::Silent) {
            Some(other) => covered.push((priority, metric, other)),
            None => is_free = true,
        }
    }
    let name = |other: usize| terms.rules[other].rule.clone();
    match covered.first() {
        Some((.., other)) if !is_free => {
            complaints.push(Complaint::new(format!("rules[{index}]"), Problem::UnreachableRule(name(*other))));
        }
        _ => complaints.extend(covered.into_iter().map(|(priority, metric, other)| {
            let path = format!("rules[{index}].targets.{}.{}", priority.name(), metric.name());
            Complaint::new(path, Problem::UnreachableTarget(name(other)))
        })),
    }
}

/// A response or a resolution of this rule that does not fit the other of the two, where that comes from elsewhere.
fn late_responses(terms: &Terms, index: usize, wider: &[usize], complaints: &mut Vec<Complaint>) {
    for priority in Priority::ALL {
        let own = |metric| says(terms, index, priority, metric);
        let (given, missing) = match (own(Metric::FirstResponse), own(Metric::Resolution)) {
            (Said::Promised(given), Said::Silent) => ((Metric::FirstResponse, given), Metric::Resolution),
            (Said::Silent, Said::Promised(given)) => ((Metric::Resolution, given), Metric::FirstResponse),
            _ => continue,
        };
        let elsewhere = wider.iter().find_map(|other| match says(terms, *other, priority, missing) {
            Said::Silent => None,
            said => Some((said, format!("{:?}", terms.rules[*other].rule))),
        });
        let (other, whose) = elsewhere.unwrap_or_else(|| {
            let base = terms.base[priority as usize][missing as usize];
            (base.map_or(Said::None, Said::Promised), "the base".to_owned())
        });
        let Said::Promised(other) = other else { continue };
        let (metric, given) = given;
        let (response, resolution) = if metric == Metric::FirstResponse { (given, other) } else { (other, given) };
        if response.1 == resolution.1 && response.0 > resolution.0 {
            let path = format!("rules[{index}].targets.{}.{}.within", priority.name(), metric.name());
            let problem = match metric {
                Metric::FirstResponse => Problem::ResponseAboveResolutionOf(whose),
                _ => Problem::ResolutionBelowResponseOf(whose),
            };
            complaints.push(Complaint::new(path, problem));
        }
    }
}

fn says(terms: &Terms, rule: usize, priority: Priority, metric: Metric) -> Said {
    terms.rules[rule].says[priority as usize][metric as usize]
}

/// What the rule has a say in.
fn named(terms: &Terms, index: usize) -> impl Iterator<Item = (Priority, Metric)> {
    let all = Priority::ALL.into_iter().flat_map(|priority| Metric::ALL.map(|metric| (priority, metric)));
    all.filter(move |(priority, metric)| says(terms, index, *priority, *metric) != Said::Silent)
}
