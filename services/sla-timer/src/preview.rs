//! What clocks would do: cases in, clocks out, nothing kept. The RPC and the command line ask the same.

use chassis::status::Violation;
use jiff::SignedDuration;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::domain::case::{Case, Shown};
use crate::domain::contract::Complaint;
use place::steps_to;

mod place;

#[cfg(test)]
mod tests;

/// How much may be asked at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of JSON.
    pub bytes: usize,
    /// Cases in a list.
    pub cases: usize,
    /// Facts in one case.
    pub facts: usize,
}

impl Limits {
    /// Of a request.
    pub const REQUEST: Self = Self { bytes: 1024 * 1024, cases: 1_000, facts: 5_000 };
    /// Of a file that somebody asks about on a machine of their own.
    pub const FILE: Self = Self { bytes: 256 * 1024 * 1024, cases: 1_000_000, facts: 1_000_000 };
}

/// From a case's first fact to its as-of instant.
pub const LONGEST_SPAN: SignedDuration = SignedDuration::from_hours(100 * 366 * 24);

/// What is wrong with a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// In which case, counted from 0; `None`: with the whole.
    pub case: Option<usize>,
    /// What the case calls itself; empty if it does not.
    pub name: String,
    /// Which field of the case, as `contract.calendars.office.time_zone`; empty: the case as such.
    pub path: String,
    /// What is wrong with it.
    pub text: String,
}

impl Fault {
    fn of_all(text: String) -> Self {
        Self { case: None, name: String::new(), path: String::new(), text }
    }

    fn of(index: usize, case: &Case, path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { case: Some(index), name: case.name.clone(), path: path.into(), text: text.into() }
    }

    fn violation(self) -> Violation {
        let case = self.case.map(|index| format!("[{index}]")).unwrap_or_default();
        let dot = if self.path.is_empty() { "" } else { "." };
        Violation::new(format!("cases_json{case}{dot}{}", self.path), self.text)
    }
}

/// Cases as they were read, one or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cases {
    /// In their order.
    pub all: Vec<Case>,
    limits: Limits,
}

impl Cases {
    /// Reads a case or a list of cases.
    ///
    /// # Errors
    /// What is wrong with the text: the first that is no case, or that there is too much.
    pub fn read(json: &str, limits: Limits) -> Result<Self, Fault> {
        if json.len() > limits.bytes {
            return Err(Fault::of_all(format!("has more than {} bytes", limits.bytes)));
        }
        let is_list = json.trim_start().starts_with('[');
        let mut reader = serde_json::Deserializer::from_str(json);
        let all = if is_list {
            serde_path_to_error::deserialize(&mut reader)
        } else {
            serde_path_to_error::deserialize::<_, Case>(&mut reader).map(|case| vec![case])
        };
        let all: Vec<Case> = all.map_err(|error| unread(json, is_list, &error))?;
        reader.end().map_err(|error| Fault::of_all(format!("cannot be read: {error}")))?;
        if all.len() > limits.cases {
            return Err(Fault::of_all(format!("has more than {} cases", limits.cases)));
        }
        Ok(Self { all, limits })
    }

    /// The clocks of each case.
    ///
    /// # Errors
    /// Everything that is wrong with the cases.
    pub fn clocks(&self) -> Result<Vec<Vec<Shown>>, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut shown = Vec::with_capacity(self.all.len());
        for (index, case) in self.all.iter().enumerate() {
            if let Some((path, text)) = past_a_limit(case, self.limits) {
                faults.push(Fault::of(index, case, path, text));
                continue;
            }
            match case.shown() {
                Ok(clocks) => shown.push(clocks),
                Err(complaints) => faults.extend(complaints.iter().map(|complaint| {
                    Fault::of(index, case, format!("contract.{}", complaint.path), refused(complaint))
                })),
            }
        }
        if faults.is_empty() { Ok(shown) } else { Err(faults) }
    }
}

/// The clocks of a case, or of each of a list of cases, as JSON: a list of lists.
///
/// # Errors
/// Everything that is wrong with the question.
pub fn preview(cases: &str) -> Result<String, Vec<Violation>> {
    let cases = Cases::read(cases, Limits::REQUEST).map_err(|fault| vec![fault.violation()])?;
    let shown = cases.clocks().map_err(|faults| faults.into_iter().map(Fault::violation).collect::<Vec<_>>())?;
    serde_json::to_string(&shown).map_err(|error| vec![Violation::new("cases_json", error.to_string())])
}

/// Complaints about a contract as violations of the request, under `path`.
pub fn told(path: &str, complaints: &[Complaint]) -> Vec<Violation> {
    complaints
        .iter()
        .map(|complaint| Violation::new(format!("{path}.{}", complaint.path), refused(complaint)))
        .collect()
}

fn refused(complaint: &Complaint) -> String {
    format!("is refused: {}", complaint.problem)
}

/// Which field of which case could not be read.
fn unread(json: &str, is_list: bool, error: &serde_path_to_error::Error<serde_json::Error>) -> Fault {
    let inner = error.inner();
    let text = format!("cannot be read: {inner}");
    // A document that ends in the middle has no case to blame.
    if inner.is_syntax() || inner.is_eof() {
        return Fault::of_all(text);
    }
    let steps = steps_to(json, inner.line(), inner.column());
    let (mut case, mut path) = ((!is_list).then_some(0), String::new());
    for (depth, segment) in error.path().iter().enumerate() {
        let key = match segment {
            Segment::Seq { index } if is_list && depth == 0 => {
                case = Some(*index);
                continue;
            }
            Segment::Seq { index } => {
                path.push_str(&format!("[{index}]"));
                continue;
            }
            Segment::Map { key } => key,
            Segment::Enum { variant } => variant,
            // Keys that are words of ours are not told.
            Segment::Unknown => steps.get(depth).map_or("?", String::as_str),
        };
        path.push_str(if path.is_empty() { "" } else { "." });
        path.push_str(key);
    }
    Fault { name: case.map(|index| name_of(json, is_list, index)).unwrap_or_default(), case, path, text }
}

/// What a case that could not be read calls itself.
fn name_of(json: &str, is_list: bool, index: usize) -> String {
    let whole: Value = serde_json::from_str(json).unwrap_or_default();
    let case = if is_list { whole.get(index) } else { Some(&whole) };
    case.and_then(|case| case.get("name")).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn past_a_limit(case: &Case, limits: Limits) -> Option<(&'static str, String)> {
    if case.facts.len() > limits.facts {
        return Some(("facts", format!("has more than {} facts", limits.facts)));
    }
    let first = case.facts.iter().map(|fact| fact.key.at).min()?;
    (case.until.duration_since(first) > LONGEST_SPAN)
        .then(|| ("until", "is more than 100 years after the first fact".to_owned()))
}
