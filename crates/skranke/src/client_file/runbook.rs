//! What may be run for a client by its runners.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::contract::Within;
use super::limits;
use super::words::words;

words!(
    /// What a parameter takes.
    ParameterType {
        /// Any text, or one of a pattern.
        Text = "text",
        /// A whole number.
        Number = "number",
        /// One of a list.
        Choice = "choice",
        /// true or false.
        Boolean = "boolean",
        /// The name of a device, as hosts are named.
        Device = "device",
    }
);

/// What may be run for the client. What is really run, the runner's own list says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Runbook {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub runbook: String,
    /// What people call it.
    pub title: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub purpose: String,
    /// The runner that carries it out: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub runner: String,
    /// Who has to agree before it is run: the subjects of their tokens, usually their addresses. Nobody where nothing is
    /// said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_APPROVERS))]
    pub approvers: Vec<String>,
    /// Whether the first to decide decides; else everybody has to approve.
    #[serde(default)]
    pub any_suffices: bool,
    /// How long it may run, 4 hours at most; 5 minutes where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Within>,
    /// Bytes of output that are kept, 1024 to 1048576; 262144 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_limit: Option<u32>,
    /// What has to be said when it is started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_PARAMETERS))]
    pub parameters: Vec<RunbookParameter>,
}

/// What has to be said when a runbook is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunbookParameter {
    /// Its id: `[a-z][a-z0-9_]{0,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9_]{0,30}$"))]
    pub parameter: String,
    /// What people call it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// What it takes.
    #[serde(rename = "type")]
    pub takes: ParameterType,
    /// Whether it may be left out.
    #[serde(default)]
    pub optional: bool,
    /// Of a text: a regular expression for all of it; any text where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// Of a text: its characters, 4000 at most; 200 where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_length: Option<u16>,
    /// Of a number: the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<i64>,
    /// Of a number: the most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Of a choice: what there is to choose from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_PARAMETER_CHOICES))]
    pub values: Vec<String>,
}
