//! Forms of the catalogue: JSON Schema, of which only what a form needs is taken.
//!
//! Nothing in a schema points elsewhere, so that checking answers costs at most its size times theirs, whoever wrote it;
//! patterns are matched in linear time.

use std::sync::Arc;

use jsonschema::{Draft, PatternOptions, Validator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Bytes of a form, and likewise of the answers to it.
pub const MAX_BYTES: usize = 32 * 1024;
/// Levels of a form, and likewise of the answers to it.
pub const MAX_DEPTH: usize = 16;
/// Keywords and values of a form.
pub const MAX_PARTS: usize = 2_000;
/// Patterns of a form.
pub const MAX_PATTERNS: usize = 50;
/// Characters of a pattern.
pub const MAX_PATTERN: usize = 500;
/// What a compiled pattern may hold, in bytes.
const MAX_PATTERN_BYTES: usize = 256 * 1024;
/// Faults of one set of answers that are told.
pub const MAX_FAULTS: usize = 50;
/// Characters of what is wrong.
const MAX_WRONG: usize = 300;

/// What a form may say. Whatever refers to something else is left out.
const KEYWORDS: [&str; 43] = [
    "$schema",
    "$comment",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "type",
    "enum",
    "const",
    "properties",
    "required",
    "additionalProperties",
    "patternProperties",
    "propertyNames",
    "minProperties",
    "maxProperties",
    "dependentRequired",
    "items",
    "prefixItems",
    "contains",
    "minContains",
    "maxContains",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
];

/// A form, ready to hold answers against.
#[derive(Clone)]
pub struct Form {
    json: String,
    schema: Value,
    validator: Arc<Validator>,
}

impl std::fmt::Debug for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.json)
    }
}

impl PartialEq for Form {
    fn eq(&self, other: &Self) -> bool {
        self.json == other.json
    }
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Where: a JSON pointer; empty: the answers as a whole.
    pub path: String,
    /// What is wrong.
    pub wrong: String,
    /// What to do.
    pub advice: String,
}

impl Fault {
    /// Of the answers as a whole.
    pub fn whole(wrong: impl Into<String>, advice: &str) -> Self {
        Self { path: String::new(), wrong: wrong.into(), advice: advice.to_owned() }
    }
}

impl Form {
    /// Reads a form.
    ///
    /// # Errors
    /// What is wrong with it, in words that complete the sentence "the form …".
    pub fn read(json: &str) -> Result<Self, String> {
        if json.len() > MAX_BYTES {
            return Err(format!("has {} bytes; make it at most {MAX_BYTES}", json.len()));
        }
        let schema: Value = serde_json::from_str(json).map_err(|error| format!("is no JSON: {error}"))?;
        if schema.get("type").and_then(Value::as_str) != Some("object") || !schema.is_object() {
            return Err("must be a JSON schema of type object".to_owned());
        }
        Bounds::default().schema(&schema, 1, "")?;
        let patterns = PatternOptions::regex().size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES);
        let validator = jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(patterns)
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| {
                format!("is no JSON schema at `{}`: {}", error.instance_path(), short(&error.to_string()))
            })?;
        Ok(Self { json: json.to_owned(), schema, validator: Arc::new(validator) })
    }

    /// Everything that is wrong with the answers, as far as it is told. No answers are an empty object.
    pub fn faults(&self, answers: &str) -> Vec<Fault> {
        match read(answers) {
            Ok(answers) => {
                self.validator.iter_errors(&answers).take(MAX_FAULTS).map(|error| self.told(&error)).collect()
            }
            Err(fault) => vec![fault],
        }
    }

    fn told(&self, error: &jsonschema::ValidationError<'_>) -> Fault {
        let path = error.instance_path().to_string();
        // What the form says of the field says best what to write.
        let pointer: String = path.split('/').skip(1).map(|name| format!("/properties/{name}")).collect();
        let field = self.schema.pointer(&pointer).filter(|_| !path.is_empty());
        let said = field.and_then(|field| field.get("description").or(field.get("title"))).and_then(Value::as_str);
        let advice = match (error.kind().keyword(), said) {
            ("required", _) => "answer it".to_owned(),
            ("additionalProperties", _) => "leave it out".to_owned(),
            (_, Some(said)) => short(said),
            ("type", None) => "write it as the form's type says".to_owned(),
            ("enum" | "const", None) => "choose one of the form's values".to_owned(),
            _ => "correct it as the form says".to_owned(),
        };
        Fault { path, wrong: short(&error.to_string()), advice }
    }
}

/// Reads answers.
///
/// # Errors
/// If they are no JSON object, or too large.
pub fn read(answers: &str) -> Result<Value, Fault> {
    if answers.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    if answers.len() > MAX_BYTES {
        let wrong = format!("the answers have {} bytes", answers.len());
        return Err(Fault::whole(wrong, "write at most 32 KiB"));
    }
    let read: Value = serde_json::from_str(answers)
        .map_err(|error| Fault::whole(short(&format!("the answers are no JSON: {error}")), "send a JSON object"))?;
    if !read.is_object() {
        return Err(Fault::whole("the answers are no JSON object", "send an object with a field per question"));
    }
    if depth(&read) > MAX_DEPTH {
        return Err(Fault::whole("the answers are nested too deeply", "write at most 16 levels"));
    }
    Ok(read)
}

fn depth(value: &Value) -> usize {
    let deepest = match value {
        Value::Array(items) => items.iter().map(depth).max(),
        Value::Object(fields) => fields.values().map(depth).max(),
        _ => None,
    };
    1 + deepest.unwrap_or(0)
}

fn short(text: &str) -> String {
    let clean: String = text.chars().filter(|letter| !letter.is_control()).take(MAX_WRONG + 1).collect();
    match clean.char_indices().nth(MAX_WRONG) {
        Some((end, _)) => format!("{}…", clean.get(..end).unwrap_or_default()),
        None => clean,
    }
}

/// Counts what a schema holds.
#[derive(Debug, Default)]
struct Bounds {
    parts: usize,
    patterns: usize,
}

impl Bounds {
    fn count(&mut self, depth: usize) -> Result<(), String> {
        self.parts += 1;
        if depth > MAX_DEPTH {
            return Err(format!("is nested more than {MAX_DEPTH} levels deep; flatten it"));
        }
        if self.parts > MAX_PARTS {
            return Err(format!("has more than {MAX_PARTS} parts; ask for less"));
        }
        Ok(())
    }

    fn schema(&mut self, schema: &Value, depth: usize, at: &str) -> Result<(), String> {
        self.count(depth)?;
        let fields = match schema {
            Value::Bool(_) => return Ok(()),
            Value::Object(fields) => fields,
            _ => return Err(format!("has no schema at `{at}`: it must be an object")),
        };
        for (keyword, value) in fields {
            let at = format!("{at}/{keyword}");
            if keyword != "else" && !KEYWORDS.contains(&keyword.as_str()) {
                return Err(format!(
                    "uses `{}` at `{}`, which is not known here; leave it out",
                    short(keyword),
                    short(&at)
                ));
            }
            match keyword.as_str() {
                "properties" | "patternProperties" => self.schemas_by_name(keyword, value, depth, &at)?,
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                    for one in value.as_array().into_iter().flatten() {
                        self.schema(one, depth + 1, &at)?;
                    }
                }
                "items" | "contains" | "additionalProperties" | "propertyNames" | "not" | "if" | "then" | "else" => {
                    self.schema(value, depth + 1, &at)?;
                }
                "pattern" => self.pattern(value.as_str().unwrap_or_default(), &at)?,
                _ => self.value(value, depth + 1)?,
            }
        }
        Ok(())
    }

    fn schemas_by_name(&mut self, keyword: &str, value: &Value, depth: usize, at: &str) -> Result<(), String> {
        for (name, one) in value.as_object().into_iter().flatten() {
            if keyword == "patternProperties" {
                self.pattern(name, at)?;
            }
            self.schema(one, depth + 1, &format!("{at}/{}", short(name)))?;
        }
        Ok(())
    }

    fn pattern(&mut self, pattern: &str, at: &str) -> Result<(), String> {
        self.patterns += 1;
        if pattern.chars().count() > MAX_PATTERN {
            return Err(format!("has a pattern of more than {MAX_PATTERN} characters at `{at}`; shorten it"));
        }
        if self.patterns > MAX_PATTERNS {
            return Err(format!("has more than {MAX_PATTERNS} patterns; ask for less"));
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        self.count(depth)?;
        match value {
            Value::Array(items) => items.iter().try_for_each(|item| self.value(item, depth + 1)),
            Value::Object(fields) => fields.values().try_for_each(|field| self.value(field, depth + 1)),
            _ => Ok(()),
        }
    }
}
