//! What clocks would do: cases in, clocks out, nothing kept.

use chassis::status::Violation;
use jiff::SignedDuration;

use crate::domain::case::{Case, Shown};
use crate::domain::contract::Complaint;

#[cfg(test)]
mod tests;

/// Bytes of JSON in one question.
pub const MOST_BYTES: usize = 1024 * 1024;
/// Cases in one question.
pub const MOST_CASES: usize = 1_000;
/// Facts in one case.
pub const MOST_FACTS: usize = 5_000;
/// From a case's first fact to its as-of instant.
pub const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// The clocks of a case, or of each of a list of cases, as JSON: a list of lists.
///
/// # Errors
/// Everything that is wrong with the question.
pub fn preview(cases: &str) -> Result<String, Vec<Violation>> {
    if cases.len() > MOST_BYTES {
        return Err(vec![Violation::new("cases_json", format!("has more than {MOST_BYTES} bytes"))]);
    }
    let cases = read(cases).map_err(|error| vec![Violation::new("cases_json", format!("cannot be read: {error}"))])?;
    if cases.len() > MOST_CASES {
        return Err(vec![Violation::new("cases_json", format!("has more than {MOST_CASES} cases"))]);
    }
    let mut violations = Vec::new();
    let mut shown: Vec<Vec<Shown>> = Vec::with_capacity(cases.len());
    for (index, case) in cases.iter().enumerate() {
        let at = format!("cases_json[{index}]");
        match limits(&at, case).map_or_else(
            || case.shown(),
            |violation| {
                violations.push(violation);
                Ok(Vec::new())
            },
        ) {
            Ok(clocks) => shown.push(clocks),
            Err(complaints) => violations.extend(told(&format!("{at}.contract"), &complaints)),
        }
    }
    if !violations.is_empty() {
        return Err(violations);
    }
    serde_json::to_string(&shown).map_err(|error| vec![Violation::new("cases_json", error.to_string())])
}

/// Complaints about a contract as violations of the request, under `path`.
pub fn told(path: &str, complaints: &[Complaint]) -> Vec<Violation> {
    complaints
        .iter()
        .map(|complaint| {
            Violation::new(format!("{path}.{}", complaint.path), format!("is refused: {}", complaint.problem))
        })
        .collect()
}

fn read(json: &str) -> serde_json::Result<Vec<Case>> {
    if json.trim_start().starts_with('[') { serde_json::from_str(json) } else { Ok(vec![serde_json::from_str(json)?]) }
}

fn limits(at: &str, case: &Case) -> Option<Violation> {
    if case.facts.len() > MOST_FACTS {
        return Some(Violation::new(format!("{at}.facts"), format!("has more than {MOST_FACTS} facts")));
    }
    let first = case.facts.iter().map(|fact| fact.key.at).min()?;
    (case.until.duration_since(first) > LONGEST_SPAN)
        .then(|| Violation::new(format!("{at}.until"), "is more than 100 years after the first fact"))
}
