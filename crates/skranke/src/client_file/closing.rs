//! What happens by itself when nobody answers.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Within, text_form};

/// What happens while a ticket waits for its requester.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// After how long without an answer they are reminded; up to 5, growing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = super::limits::MAX_REMINDERS))]
    pub remind_after: Vec<Notice>,
    /// After how long the ticket is resolved as `no_answer`; never where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub close_after: Option<Notice>,
    /// One of the contract's calendars; the hours of the ticket's queue where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// What happens to a ticket that is resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Closing {
    /// How long its requester can reopen it by a word; then it is closed, and what comes later is a new ticket.
    pub grace: Notice,
    /// Thanks close it at once.
    #[serde(default)]
    pub thanks_confirm: bool,
    /// One of the contract's calendars; the hours of the ticket's queue where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calendar: Option<String>,
}

/// Days on which the desk is open, then time in which it is; written `5d`, `16h`, `1d4h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// Service days.
    pub days: u32,
    /// Seconds of service time.
    pub seconds: u64,
}

/// The text is not so long a time.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a length of service time; write it like 5d, 16h or 1d4h")]
pub struct NotNotice(String);

impl FromStr for Notice {
    type Err = NotNotice;

    fn from_str(text: &str) -> Result<Self, NotNotice> {
        let refuse = || NotNotice(text.to_owned());
        let (days, rest) = match text.split_once('d') {
            Some((days, rest)) if !days.is_empty() && days.bytes().all(|byte| byte.is_ascii_digit()) => {
                (days.parse().map_err(|_| refuse())?, rest)
            }
            Some(_) => return Err(refuse()),
            None => (0, text),
        };
        let seconds =
            if rest.is_empty() && !text.is_empty() { 0 } else { rest.parse::<Within>().map_err(|_| refuse())?.seconds };
        Ok(Self { days, seconds })
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days > 0 {
            write!(f, "{}d", self.days)?;
        }
        if self.seconds > 0 || self.days == 0 { Within { seconds: self.seconds }.fmt(f) } else { Ok(()) }
    }
}

text_form!(Notice, "Notice", r"^(\d+d)?(\d+h)?(\d+m)?(\d+s)?$", "Service days, then service time: 5d, 16h, 1d4h");
