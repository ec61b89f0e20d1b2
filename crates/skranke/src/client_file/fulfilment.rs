//! Vendors, the catalogue, and how changes are made.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::contract::Within;
use super::limits;
use super::rule::Rule;
use super::words::Level;

/// Somebody outside whom the desk asks for help.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vendor {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub vendor: String,
    /// Its name.
    pub name: String,
    /// How to reach them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contact: String,
    /// The number of the contract with them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub contract_reference: String,
}

/// Something that the client's people may ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CatalogueItem {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub item: String,
    /// Its name.
    pub name: String,
    /// What one gets.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// What requests are about; by the rules where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The same, more closely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subcategory: Option<String>,
    /// Where requests go; by the rules where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The impact where the sender says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact: Option<Level>,
    /// The urgency where the sender says none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency: Option<Level>,
    /// What has to be answered: a JSON schema of type object, without references.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form: Option<FormSchema>,
    /// Who has to agree; nobody where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalRule>,
    /// What has to be done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::MAX_TASKS))]
    pub tasks: Vec<TaskTemplate>,
}

/// Who has to agree, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalRule {
    /// The subjects of their tokens, usually their addresses.
    #[schemars(length(min = 1, max = limits::MAX_APPROVERS))]
    pub approvers: Vec<String>,
    /// Whether the first to decide decides; else everybody has to approve.
    #[serde(default)]
    pub any_suffices: bool,
    /// For which requests; for all where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Rule>,
    /// How soon an answer is wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
}

/// One step of an item's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TaskTemplate {
    /// What is to be done.
    pub title: String,
    /// By which queue; by whoever has the ticket where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// The steps before it, by their place in the list: 1 is the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<u32>,
}

/// How changes are made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// Who approves normal changes where the plan names nobody: all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Who approves emergency changes where the plan names nobody: one of them. The same where nothing is said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub emergency_approvers: Vec<String>,
    /// Standard changes: approved once for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<ChangeTemplate>,
    /// When nothing should be changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Freeze>,
}

/// A change that is approved once for all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTemplate {
    /// Its id: `[a-z][a-z0-9-]{1,30}`.
    #[schemars(regex(pattern = r"^[a-z][a-z0-9-]{1,30}$"))]
    pub template: String,
    /// Its name.
    pub name: String,
    /// What is done.
    pub plan: String,
    /// How it is undone.
    pub back_out_plan: String,
}

/// When nothing should be changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// What it is called.
    pub name: String,
    /// The first date, or a date and time like `2026-12-18T12:00`.
    pub from: String,
    /// The last date, or the date and time of its end.
    pub until: String,
}

/// A JSON schema, written as YAML. YAML does not tell numbers from texts here: what a keyword counts is a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(transparent)]
pub struct FormSchema(pub Value);

const COUNTS: [&str; 13] = [
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
];

impl<'de> Deserialize<'de> for FormSchema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut schema = Value::deserialize(deserializer)?;
        numbers(&mut schema);
        Ok(Self(schema))
    }
}

/// Makes numbers of what is counted, and of the values of a field that takes numbers.
fn numbers(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(numbers),
        Value::Object(fields) => {
            let is_number = matches!(fields.get("type").and_then(Value::as_str), Some("integer" | "number"));
            for (keyword, value) in fields {
                match keyword.as_str() {
                    keyword if COUNTS.contains(&keyword) => number(value),
                    "enum" | "examples" if is_number => value.as_array_mut().into_iter().flatten().for_each(number),
                    "const" | "default" if is_number => number(value),
                    _ => numbers(value),
                }
            }
        }
        _ => {}
    }
}

fn number(value: &mut Value) {
    if let Some(read) = value.as_str().and_then(|text| text.parse::<serde_json::Number>().ok()) {
        *value = Value::Number(read);
    }
}
