//! What would change if a client file were applied.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::{Map, Value};

/// The fields that tell the items of a list apart; the first that all items have, each its own, is taken.
const IDENTIFYING: [&str; 15] = [
    "email",
    "rule",
    "item",
    "vendor",
    "template",
    "queue",
    "category",
    "tier",
    "key",
    "client",
    "agent",
    "day",
    "runbook",
    "parameter",
    "position",
];

/// One difference. Of `before` and `after` at least one is there.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Where, such as `requesters[kari@example.org].phone`.
    pub path: String,
    /// The old value; `None` for what is new.
    pub before: Option<Value>,
    /// The new value; `None` for what is gone.
    pub after: Option<Value>,
}

impl fmt::Display for Change {
    /// One line that begins with `+`, `-` or `~`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.before, &self.after) {
            (Some(before), Some(after)) => write!(f, "~ {}: {} → {}", self.path, shown(before), shown(after)),
            (None, Some(after)) => write!(f, "+ {}: {}", self.path, shown(after)),
            (Some(before), None) => write!(f, "- {}: {}", self.path, shown(before)),
            (None, None) => write!(f, "~ {}", self.path),
        }
    }
}

/// All changes, one per line; empty if nothing changes.
pub fn render(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("{change}\n")).collect()
}

/// What turns `old` into `new`, in the order of the paths.
///
/// Lists of objects are matched by the field that identifies their items, lists of plain values as
/// sets; that only the order differs is told where the order means something: of rules and of plain
/// values. `null`, an empty list, an empty object and a missing field are the same.
pub fn difference(old: &Value, new: &Value) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("", old, new, &mut changes);
    changes
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn compare(path: &str, old: &Value, new: &Value, changes: &mut Vec<Change>) {
    if old == new || (is_nothing(old) && is_nothing(new)) {
        return;
    }
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => fields(path, before, after, changes),
        (Value::Array(before), Value::Array(after)) => lists(path, before, after, changes),
        _ => changes.push(Change {
            path: path.to_owned(),
            before: Some(old.clone()).filter(|value| !is_nothing(value)),
            after: Some(new.clone()).filter(|value| !is_nothing(value)),
        }),
    }
}

fn fields(path: &str, before: &Map<String, Value>, after: &Map<String, Value>, changes: &mut Vec<Change>) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let side = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or(Value::Null);
        compare(&below, &side(before), &side(after), changes);
    }
}

fn lists(path: &str, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    let all = || before.iter().chain(after);
    if all().all(|item| !item.is_object() && !item.is_array()) {
        return plain_lists(path, before, after, changes);
    }
    let tells_apart = |field: &str, list: &[Value]| {
        let mut seen = BTreeSet::new();
        list.iter()
            .all(|item| item.get(field).filter(|name| is_name(name)).is_some_and(|name| seen.insert(shown(name))))
    };
    let identifying = IDENTIFYING.into_iter().find(|field| tells_apart(field, before) && tells_apart(field, after));
    let Some(field) = identifying else {
        let (before, after) = (Value::from(before.to_vec()), Value::from(after.to_vec()));
        changes.push(Change { path: path.to_owned(), before: Some(before), after: Some(after) });
        return;
    };
    // Addresses are the same whatever their case.
    let identity = |item: &Value| {
        let name = item.get(field).map(shown).unwrap_or_default();
        if field == "email" { name.to_lowercase() } else { name }
    };
    let named = |list: &[Value]| -> BTreeMap<String, Value> {
        list.iter().map(|item| (identity(item), item.clone())).collect()
    };
    let (old, new) = (named(before), named(after));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        let below = format!("{path}[{name}]");
        match (old.get(name), new.get(name)) {
            (Some(old), Some(new)) => compare(&below, old, new, changes),
            (old, new) => changes.push(Change { path: below, before: old.cloned(), after: new.cloned() }),
        }
    }
    if field == "rule" {
        order(path, before, after, &identity, changes);
    }
}

/// Can it tell items apart?
fn is_name(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

fn plain_lists(path: &str, before: &[Value], after: &[Value], changes: &mut Vec<Change>) {
    for gone in before.iter().filter(|item| !after.contains(item)) {
        changes.push(Change { path: path.to_owned(), before: Some(gone.clone()), after: None });
    }
    for added in after.iter().filter(|item| !before.contains(item)) {
        changes.push(Change { path: path.to_owned(), before: None, after: Some(added.clone()) });
    }
    order(path, before, after, &shown, changes);
}

/// Tells if what stays stands in another order than before.
fn order(
    path: &str,
    before: &[Value],
    after: &[Value],
    identity: &dyn Fn(&Value) -> String,
    changes: &mut Vec<Change>,
) {
    let names = |list: &[Value]| -> Vec<String> { list.iter().map(identity).collect() };
    let (old, new) = (names(before), names(after));
    let staying = |list: &[String], other: &[String]| -> Vec<Value> {
        list.iter().filter(|name| other.contains(name)).map(|name| Value::from(name.clone())).collect()
    };
    let (old, new) = (staying(&old, &new), staying(&new, &old));
    if old != new {
        let path = format!("{path} (order)");
        changes.push(Change { path, before: Some(Value::from(old)), after: Some(Value::from(new)) });
    }
}

/// A value on one line, as a person would write it.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !is_nothing(value));
            let fields: Vec<String> = fields.map(|(name, value)| format!("{name}: {}", shown(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}
