//! What running the desk for a client costs, in whole cents: money is never a float.

use std::{collections::BTreeMap, fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::text::text_form;

/// Operating costs by month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// The ISO 4217 code, such as `NOK`.
    pub currency: String,
    /// The costs of each month.
    pub months: BTreeMap<Month, Cents>,
}

/// A month of a year; written `2026-10`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// The year, 2000 to 2199.
    pub year: i16,
    /// The month, 1 to 12.
    pub month: i8,
}

/// The text is not a month.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a month; write it like 2026-10")]
pub struct NotMonth(String);

impl FromStr for Month {
    type Err = NotMonth;

    fn from_str(text: &str) -> Result<Self, NotMonth> {
        let digits = |part: &str, length: usize| {
            let well_formed = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
            if well_formed { part.parse::<i16>().ok() } else { None }
        };
        text.split_once('-')
            .and_then(|(year, month)| Some((digits(year, 4)?, i8::try_from(digits(month, 2)?).ok()?)))
            .filter(|(year, month)| (2000..2200).contains(year) && (1..=12).contains(month))
            .map(|(year, month)| Self { year, month })
            .ok_or_else(|| NotMonth(text.to_owned()))
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// An amount of money in hundredths; written `12345`, `12345.5` or `12345.50`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cents(pub i64);

/// The text is not an amount.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an amount of money; write it like 12345.50, with at most two decimals and no separators")]
pub struct NotCents(String);

impl FromStr for Cents {
    type Err = NotCents;

    fn from_str(text: &str) -> Result<Self, NotCents> {
        let refuse = || NotCents(text.to_owned());
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let (whole, hundredths) = match text.split_once('.') {
            None => (text, "00".to_owned()),
            Some((whole, decimals)) if digits(decimals) && decimals.len() <= 2 => (whole, format!("{decimals:0<2}")),
            Some(_) => return Err(refuse()),
        };
        if !digits(whole) {
            return Err(refuse());
        }
        format!("{whole}{hundredths}").parse().map(Self).map_err(|_| refuse())
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

text_form!(Month, "Month", r"^2[01][0-9]{2}-(0[1-9]|1[0-2])$", "A month, like 2026-10.");
text_form!(Cents, "Cents", r"^[0-9]+(\.[0-9]{1,2})?$", "An amount of money, like 12345.50.", "number");
