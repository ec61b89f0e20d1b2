//! Conditions as people write them, in YAML and JSON.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, SeqAccess, Visitor},
};

/// How a condition compares. Texts are compared without regard to case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// The whole value is equal.
    Is,
    /// The whole value is one of a list.
    In,
    /// The value stands somewhere inside.
    Contains,
    /// It begins with the value.
    StartsWith,
    /// The value stands inside as a word of its own.
    MatchesWord,
    /// Of tags: one of a list is there.
    ContainsAny,
}

impl Op {
    /// The word as it stands in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Is => "is",
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::MatchesWord => "matches_word",
            Self::ContainsAny => "contains_any",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a condition compares with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// One text; a whole number is taken for its digits.
    Text(String),
    /// One of several texts.
    List(Vec<String>),
    /// Yes or no.
    Flag(bool),
}

/// One condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison<F> {
    /// What is looked at.
    pub field: F,
    /// How it is compared.
    pub op: Op,
    /// With what.
    pub value: Value,
}

/// A condition or several put together.
///
/// `all: []` always holds, `any: []` never does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    try_from = "RuleFields<F>",
    into = "RuleFields<F>",
    bound(serialize = "F: Clone + Serialize", deserialize = "F: Deserialize<'de>")
)]
pub enum Rule<F> {
    /// Every one of these holds.
    All(Vec<Rule<F>>),
    /// At least one of these holds.
    Any(Vec<Rule<F>>),
    /// This does not hold.
    Not(Box<Rule<F>>),
    /// A single condition.
    When(Comparison<F>),
}

impl<F> Rule<F> {
    /// Levels of the tree; a single condition is one.
    #[must_use]
    pub fn depth(&self) -> usize {
        match self {
            Self::All(rules) | Self::Any(rules) => 1 + rules.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(rule) => 1 + rule.depth(),
            Self::When(_) => 1,
        }
    }

    /// Nodes of the tree, itself included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        match self {
            Self::All(rules) | Self::Any(rules) => 1 + rules.iter().map(Self::nodes).sum::<usize>(),
            Self::Not(rule) => 1 + rule.nodes(),
            Self::When(_) => 1,
        }
    }

    /// `Some(true)` if it holds for every ticket, `Some(false)` if for none, as far as its shape tells.
    #[must_use]
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
fn fold<F>(rules: &[Rule<F>], neutral: bool) -> Option<bool> {
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
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, bound(serialize = "F: Clone + Serialize", deserialize = "F: Deserialize<'de>"))]
struct RuleFields<F> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    all: Option<Vec<Rule<F>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    any: Option<Vec<Rule<F>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not: Option<Box<Rule<F>>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    field: Option<F>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    op: Option<Op>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

impl<F> RuleFields<F> {
    const NONE: Self = Self { all: None, any: None, not: None, field: None, op: None, value: None };
}

/// The fields do not make one rule.
#[derive(Debug, thiserror::Error)]
#[error("this is not one rule; write either `all`, `any` or `not`, or `field`, `op` and `value` together")]
struct NotOneRule;

impl<F> TryFrom<RuleFields<F>> for Rule<F> {
    type Error = NotOneRule;

    fn try_from(fields: RuleFields<F>) -> Result<Self, NotOneRule> {
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
                Ok(Self::When(Comparison { field, op, value }))
            }
            _ => Err(NotOneRule),
        }
    }
}

impl<F> From<Rule<F>> for RuleFields<F> {
    fn from(rule: Rule<F>) -> Self {
        match rule {
            Rule::All(rules) => Self { all: Some(rules), ..Self::NONE },
            Rule::Any(rules) => Self { any: Some(rules), ..Self::NONE },
            Rule::Not(rule) => Self { not: Some(rule), ..Self::NONE },
            Rule::When(Comparison { field, op, value }) => {
                Self { field: Some(field), op: Some(op), value: Some(value), ..Self::NONE }
            }
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    /// By hand, because an untagged enum would lose the place of a mistake inside the list.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfAnyShape;

        impl<'de> Visitor<'de> for OfAnyShape {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a list of texts, or true or false")
            }

            fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Value, E> {
                Ok(Value::Text(number.to_string()))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Value::List(list))
            }
        }

        deserializer.deserialize_any(OfAnyShape)
    }
}

impl JsonSchema for Value {
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

impl<F: JsonSchema> JsonSchema for Rule<F> {
    fn schema_name() -> Cow<'static, str> {
        format!("RuleOver{}", F::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let rule = generator.subschema_for::<Self>();
        let (field, op) = (generator.subschema_for::<F>(), generator.subschema_for::<Op>());
        let value = generator.subschema_for::<Value>();
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
