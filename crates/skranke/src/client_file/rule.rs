//! Conditions on a ticket, as a typed tree. There is no expression language to learn or to attack.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};

use super::words::words;

words!(
    /// What a condition looks at.
    Field {
        /// The subject line.
        Subject = "subject",
        /// The description.
        Description = "description",
        /// The category.
        Category = "category",
        /// The subcategory.
        Subcategory = "subcategory",
        /// The kind.
        Kind = "kind",
        /// The channel of the first contact.
        Channel = "channel",
        /// The requester's e-mail address.
        RequesterEmail = "requester_email",
        /// Whether the requester is marked as important.
        RequesterVip = "requester_vip",
        /// The requester's site.
        Site = "site",
        /// The requester's department.
        Department = "department",
        /// The priority.
        Priority = "priority",
        /// The sender of a machine's post.
        Source = "source",
    }
);

words!(
    /// How a condition compares. Texts are compared without regard to case.
    Op {
        /// The whole value is equal.
        Is = "is",
        /// The whole value is one of a list.
        In = "in",
        /// The value stands somewhere inside.
        Contains = "contains",
        /// It begins with the value.
        StartsWith = "starts_with",
        /// The value stands inside as a word of its own.
        MatchesWord = "matches_word",
    }
);

/// What a condition compares with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum RuleValue {
    /// One text.
    Text(String),
    /// One of several texts.
    List(Vec<String>),
    /// Yes or no.
    Flag(bool),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// What is looked at.
    pub field: Field,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub value: RuleValue,
}

/// A condition or several put together.
///
/// `all: []` always holds, `any: []` never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RuleFields", into = "RuleFields")]
pub enum Rule {
    /// Every one of these holds.
    All(Vec<Rule>),
    /// At least one of these holds.
    Any(Vec<Rule>),
    /// This does not hold.
    Not(Box<Rule>),
    /// A single condition.
    When(Condition),
}

impl Rule {
    /// Levels of the tree; a single condition is one.
    pub fn depth(&self) -> usize {
        match self {
            Self::All(rules) | Self::Any(rules) => 1 + rules.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(rule) => 1 + rule.depth(),
            Self::When(_) => 1,
        }
    }

    /// Nodes of the tree, itself included.
    pub fn nodes(&self) -> usize {
        match self {
            Self::All(rules) | Self::Any(rules) => 1 + rules.iter().map(Self::nodes).sum::<usize>(),
            Self::Not(rule) => 1 + rule.nodes(),
            Self::When(_) => 1,
        }
    }

    /// `Some(true)` if it holds for every ticket, `Some(false)` if for none, as far as its shape tells.
    pub fn constant(&self) -> Option<bool> {
        match self {
            Self::All(rules) => fold(rules, true),
            Self::Any(rules) => fold(rules, false),
            Self::Not(rule) => rule.constant().map(|holds| !holds),
            Self::When(_) => None,
        }
    }
}

/// `all` with `neutral` true, `any` with `neutral` false.
fn fold(rules: &[Rule], neutral: bool) -> Option<bool> {
    let mut constant = Some(neutral);
    for rule in rules {
        match rule.constant() {
            Some(holds) if holds == neutral => {}
            Some(holds) => return Some(holds),
            None => constant = None,
        }
    }
    constant
}

/// A rule as it is written: exactly one of the four shapes.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<Vec<Rule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any: Option<Vec<Rule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not: Option<Box<Rule>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<Field>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<Op>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<RuleValue>,
}

/// The fields do not make one rule.
#[derive(Debug, thiserror::Error)]
#[error("this is not one rule; write either `all`, `any` or `not`, or `field`, `op` and `value` together")]
struct NotOneRule;

impl TryFrom<RuleFields> for Rule {
    type Error = NotOneRule;

    fn try_from(fields: RuleFields) -> Result<Self, NotOneRule> {
        match fields {
            RuleFields { all: Some(rules), any: None, not: None, field: None, op: None, value: None } => {
                Ok(Self::All(rules))
            }
            RuleFields { all: None, any: Some(rules), not: None, field: None, op: None, value: None } => {
                Ok(Self::Any(rules))
            }
            RuleFields { all: None, any: None, not: Some(rule), field: None, op: None, value: None } => {
                Ok(Self::Not(rule))
            }
            RuleFields { all: None, any: None, not: None, field: Some(field), op: Some(op), value: Some(value) } => {
                Ok(Self::When(Condition { field, op, value }))
            }
            _ => Err(NotOneRule),
        }
    }
}

impl From<Rule> for RuleFields {
    fn from(rule: Rule) -> Self {
        let none = Self::default();
        match rule {
            Rule::All(rules) => Self { all: Some(rules), ..none },
            Rule::Any(rules) => Self { any: Some(rules), ..none },
            Rule::Not(rule) => Self { not: Some(rule), ..none },
            Rule::When(Condition { field, op, value }) => {
                Self { field: Some(field), op: Some(op), value: Some(value), ..none }
            }
        }
    }
}

impl<'de> Deserialize<'de> for RuleValue {
    /// By hand, because an untagged enum would lose the place of a mistake inside the list.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAnyShape;

        impl<'de> Visitor<'de> for OfAnyShape {
            type Value = RuleValue;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a text, a list of texts, or true or false")
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<RuleValue, E> {
                Ok(RuleValue::Flag(flag))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RuleValue, E> {
                Ok(RuleValue::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RuleValue, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(RuleValue::List(list))
            }
        }

        deserializer.deserialize_any(OfAnyShape)
    }
}

impl JsonSchema for RuleValue {
    fn schema_name() -> Cow<'static, str> {
        "RuleValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}, "minItems": 1},
                {"type": "boolean"}
            ]
        })
    }
}

impl JsonSchema for Rule {
    fn schema_name() -> Cow<'static, str> {
        "Rule".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<Rule>();
        let (field, op) = (generator.subschema_for::<Field>(), generator.subschema_for::<Op>());
        let value = generator.subschema_for::<RuleValue>();
        let shape = |key: &str, inner: serde_json::Value| {
            serde_json::json!({
                "type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": false
            })
        };
        json_schema!({
            "description": "A condition or several put together.",
            "oneOf": [
                shape("all", serde_json::json!({"type": "array", "items": rule})),
                shape("any", serde_json::json!({"type": "array", "items": rule})),
                shape("not", serde_json::json!(rule)),
                {
                    "type": "object",
                    "properties": {"field": field, "op": op, "value": value},
                    "required": ["field", "op", "value"],
                    "additionalProperties": false
                }
            ]
        })
    }
}
