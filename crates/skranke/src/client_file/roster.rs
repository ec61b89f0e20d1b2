//! Posts, those who occupy them, and when.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::Weekday;

/// A post at the desk: responsibility is with positions, never with persons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeskPosition {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub position: String,
    /// Its name.
    pub name: String,
    /// The queues whose work it does.
    #[schemars(length(min = 1))]
    pub queues: Vec<String>,
}

/// Somebody who works for this client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// The subject of their token, usually their address.
    pub agent: String,
    /// Their name.
    pub name: String,
    /// What they know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skills: Vec<String>,
    /// When they occupy which position, week by week. Without any they are not rostered: their claims do not lapse, and
    /// nothing is assigned to them by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shifts: Vec<Shift>,
    /// Work on single dates, besides the shifts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_shifts: Vec<ExtraShift>,
    /// When they are away, whatever the shifts say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub absences: Vec<Absence>,
}

/// A position occupied week by week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Shift {
    /// Which position.
    pub position: String,
    /// The hours by weekday, like `08:00-16:00`; `22:00-06:00` ends on the next day.
    pub weekly: BTreeMap<Weekday, Vec<String>>,
    /// The first date; from ever where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The last date; for ever where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

/// A position occupied on one date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraShift {
    /// Which position.
    pub position: String,
    /// The date.
    pub date: Date,
    /// The hours, as of shifts.
    pub hours: Vec<String>,
}

/// Away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Absence {
    /// The first date, or a date and time like `2026-11-20T12:00`.
    pub from: String,
    /// The last date, or the date and time of the return.
    pub until: String,
    /// In words, for the colleagues.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}
