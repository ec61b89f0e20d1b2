//! How contacts are taken in: alerts, and what must be known of a matter.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Within, limits};

/// How the alerts of machines are taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// When different alerts of one kind are one storm, with one ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storm: Option<TooMany>,
    /// When an alert that comes and goes stays open until it is quiet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flapping: Option<TooMany>,
    /// From an alert's end until its ticket is resolved; 5 minutes where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_off: Option<Within>,
}

/// How many are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TooMany {
    /// More than so many; 10 for a storm and 6 for flapping where nothing is said.
    #[serde(default)]
    pub more_than: u32,
    /// Within so long; 5 minutes for a storm and 10 for flapping where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
}

/// What must be known of a matter of a category.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CategoryForm {
    /// Of which category.
    pub category: String,
    /// What.
    #[schemars(length(min = 1, max = limits::MAX_FORM_FIELDS))]
    pub fields: Vec<FormField>,
    /// Posts of people that lack something required are refused; machines never are.
    #[serde(default)]
    pub strict: bool,
}

/// One thing to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FormField {
    /// Its id: `[a-z][a-z0-9_]{0,62}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,62}$"))]
    pub field: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub takes: FieldType,
    /// Whether it must be known.
    #[serde(default)]
    pub required: bool,
    /// What can be chosen, for a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_CHOICES))]
    pub choices: Vec<String>,
}

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// One line.
    Text,
    /// `-12.5`
    Number,
    /// `2026-11-30`
    Date,
    /// `true` or `false`
    Boolean,
    /// One of the choices.
    Choice,
}
