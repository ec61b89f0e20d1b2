//! Runbooks: what may be run for a client by its runners, and what becomes of a run.

pub mod run;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use super::words::Word;
use super::words::words;
use jiff::SignedDuration;

pub use run::{Fact, Refusal, RunId, Verdict, start};

/// Characters of a text, if its parameter does not say.
pub const USUAL_LENGTH: usize = 200;
/// Characters of any text.
pub const MOST_LENGTH: usize = 4_000;
/// Bytes of output that are kept, if the runbook does not say.
pub const USUAL_OUTPUT: i64 = 256 * 1024;
/// How long a run takes at most, if the runbook does not say.
pub const USUAL_TIME: SignedDuration = SignedDuration::from_mins(5);
/// Bytes that a pattern may take in memory: it is client data.
const PATTERN_SIZE: usize = 256 * 1024;
/// Characters of a device's name, as of a host's.
const DEVICE_LENGTH: usize = 253;

words!(
    /// What a parameter takes.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    ParameterKind {
        /// Any text, or one of a pattern.
        Text = 1 "text",
        /// A whole number.
        Number = 2 "number",
        /// One of a list.
        Choice = 3 "choice",
        /// true or false.
        Boolean = 4 "boolean",
        /// The name of a device.
        Device = 5 "device",
    }
);

words!(
    /// Where a run stands.
    RunState {
        /// Somebody has to agree.
        Waiting = 1 "waiting",
        /// Its runner has not begun.
        Queued = 2 "queued",
        /// Its runner has begun.
        Running = 3 "running",
        /// It is over.
        Ended = 4 "ended",
    }
);

words!(
    /// How a run ended.
    Outcome {
        /// With 0.
        Succeeded = 1 "succeeded",
        /// Otherwise.
        Failed = 2 "failed",
        /// At its time limit.
        TimedOut = 3 "timed_out",
        /// Somebody wanted it.
        Cancelled = 4 "cancelled",
        /// The runner did not run it.
        Refused = 5 "refused",
        /// Somebody did not agree.
        NotApproved = 6 "not_approved",
        /// Its runner broke down meanwhile.
        Unknown = 7 "unknown",
        /// Its runner did not say in time.
        Lost = 8 "lost",
        /// Its runner did not begin in time.
        Expired = 9 "expired",
    }
);

impl Outcome {
    /// Whether triage said so because nobody else did: the runner's word counts more, whenever it comes.
    pub fn is_presumed(self) -> bool {
        matches!(self, Self::Lost | Self::Expired)
    }
}

/// What may be run.
#[derive(Debug, Clone, PartialEq)]
pub struct Runbook {
    /// Its word.
    pub runbook: String,
    /// For people.
    pub title: String,
    /// In their order.
    pub parameters: Vec<Parameter>,
    /// Who carries it out.
    pub runner: String,
    /// Who has to agree; empty: nobody.
    pub approvers: Vec<String>,
    /// The first to decide decides.
    pub any_suffices: bool,
    /// How long it may run.
    pub time_limit: SignedDuration,
    /// Bytes of output that are kept.
    pub output_limit: i64,
}

/// What has to be said when it is started.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// Its word.
    pub parameter: String,
    /// It may be left out.
    pub optional: bool,
    /// What it takes.
    pub takes: Takes,
}

/// What a parameter takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Takes {
    /// A text.
    Text {
        /// A regular expression for all of it; empty: any.
        pattern: String,
        /// Characters.
        max_length: usize,
    },
    /// A whole number from one to another.
    Number {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// One of these.
    Choice(Vec<String>),
    /// true or false.
    Boolean,
    /// The name of a device.
    Device,
}

/// A value, as it goes to the runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Value {
    /// Of which parameter.
    pub parameter: String,
    /// As it is written.
    pub value: String,
    /// What it is.
    pub kind: ParameterKind,
}

/// A regular expression for a whole text, line breaks and all.
///
/// # Errors
/// What is wrong with it, in words.
pub fn pattern(pattern: &str) -> Result<Regex, String> {
    let whole = format!(r"\A(?:{pattern})\z");
    // On its own it must be one as well: `a)|(b` would escape.
    let read = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_SIZE).dfa_size_limit(PATTERN_SIZE).build();
    read(pattern).and_then(|_| read(&whole)).map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "is too large a pattern".to_owned(),
        _ => "is no regular expression".to_owned(),
    })
}

impl Takes {
    /// Its kind.
    pub fn kind(&self) -> ParameterKind {
        match self {
            Self::Text { .. } => ParameterKind::Text,
            Self::Number { .. } => ParameterKind::Number,
            Self::Choice(_) => ParameterKind::Choice,
            Self::Boolean => ParameterKind::Boolean,
            Self::Device => ParameterKind::Device,
        }
    }

    /// What is wrong with a value, completing the sentence "it …".
    ///
    /// # Errors
    /// That.
    pub fn check(&self, value: &str) -> Result<(), String> {
        if value.contains('\0') {
            return Err("must not contain NUL".to_owned());
        }
        match self {
            Self::Text { max_length, .. } if value.chars().count() > *max_length => {
                Err(format!("must have at most {max_length} characters"))
            }
            Self::Text { pattern: empty, .. } if empty.is_empty() => Ok(()),
            Self::Text { pattern: wanted, .. } => match pattern(wanted) {
                Ok(wanted) if wanted.is_match(value) => Ok(()),
                Ok(_) => Err(format!("must match {wanted}")),
                Err(wrong) => Err(format!("cannot be checked: its pattern {wrong}")),
            },
            Self::Number { min, max } => {
                let read = value.parse::<i64>().ok().filter(|number| number.to_string() == value);
                let fits = read.is_some_and(|number| (*min..=*max).contains(&number));
                if fits { Ok(()) } else { Err(format!("must be a whole number from {min} to {max}")) }
            }
            Self::Choice(values) if values.iter().any(|one| one == value) => Ok(()),
            Self::Choice(values) => Err(format!("must be one of {}", values.join(", "))),
            Self::Boolean if matches!(value, "true" | "false") => Ok(()),
            Self::Boolean => Err("must be true or false".to_owned()),
            Self::Device if is_device(value) => Ok(()),
            Self::Device => {
                Err("must be the name of a device: letters, digits, - and ., as hosts are named".to_owned())
            }
        }
    }
}

fn is_device(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    name.len() <= DEVICE_LENGTH && name.split('.').all(is_label)
}

impl Runbook {
    /// The values as they go to the runner, in the order of the parameters; exactly as they were given.
    ///
    /// # Errors
    /// Everything that is wrong: the parameter, and what completes the sentence "it …".
    pub fn filled(&self, given: &[(String, String)]) -> Result<Vec<Value>, Vec<(String, String)>> {
        let mut wrong = Vec::new();
        for (at, (name, _)) in given.iter().enumerate() {
            if !self.parameters.iter().any(|parameter| parameter.parameter == *name) {
                wrong.push((name.clone(), "is no parameter of this runbook".to_owned()));
            } else if given.iter().take(at).any(|(earlier, _)| earlier == name) {
                wrong.push((name.clone(), "is there twice".to_owned()));
            }
        }
        let mut values = Vec::new();
        for parameter in &self.parameters {
            let name = &parameter.parameter;
            match given.iter().find(|(given, _)| given == name) {
                Some((_, value)) => match parameter.takes.check(value) {
                    Ok(()) => values.push(Value {
                        parameter: name.clone(),
                        value: value.clone(),
                        kind: parameter.takes.kind(),
                    }),
                    Err(what) => wrong.push((name.clone(), what)),
                },
                None if parameter.optional => {}
                None => wrong.push((name.clone(), "must be given".to_owned())),
            }
        }
        if wrong.is_empty() { Ok(values) } else { Err(wrong) }
    }
}
