use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Advice, Contract};

/// What stands in `docs/contract.md` between its two marks is made here.
const DOCS: &str = include_str!("../../../../../../docs/contract.md");

fn contract() -> Value {
    json!({
        "calendars": {"office": {"time_zone": "Europe/Oslo", "weekly": {"mon": ["08:00-16:00"]}}},
        "targets": {"P2": {
            "first_response": {"within": "1h", "calendar": "office"},
            "resolution": {"within": "8h", "calendar": "office"},
        }},
    })
}

/// The contract with something else at a path of keys.
fn with(path: &str, value: Value) -> Value {
    let mut contract = contract();
    let mut at = &mut contract;
    for key in path.split('.') {
        at = &mut at[key];
    }
    *at = value;
    contract
}

fn read(json: Value) -> Contract {
    serde_json::from_value(json).expect("well-formed")
}

fn is(field: &str, value: &str) -> Value {
    json!({"field": field, "op": "is", "value": value})
}

fn rule(name: &str, when: Value, metric: &str, within: &str) -> Value {
    json!({"rule": name, "when": when, "targets": {"P2": {metric: {"within": within, "calendar": "office"}}}})
}

fn complaints(json: Value) -> Vec<String> {
    let found = read(json).check();
    found.iter().map(|complaint| format!("{} {}", complaint.path, complaint.problem.reason())).collect()
}

/// A value as it would stand in a client's file.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let is_plain =
                !text.is_empty() && text.chars().all(|letter| letter.is_alphanumeric() || "_/".contains(letter));
            if is_plain { text.clone() } else { format!("{text:?}") }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            // As one would write them.
            fields.sort_by_key(|(name, _)| ["rule", "when", "within"].iter().position(|one| one == name).unwrap_or(9));
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", flow(value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        other => other.to_string(),
    }
}

/// Each in the place of what stands in [`contract`].
fn refused() -> Vec<(&'static str, Value)> {
    let oslo = || is("site", "Oslo");
    let by_phone = || json!({"all": [oslo(), is("channel", "phone")]});
    let rules = |rules: Value| ("rules", rules);
    vec![
        ("calendars.office.time_zone", json!("Europe/Trondheim")),
        ("calendars.office.weekly.mon", json!(["8-16"])),
        ("calendars.office.weekly.mon", json!(["22:00-06:00"])),
        ("calendars.office.weekly.mon", json!(["08:00-12:00", "11:00-16:00"])),
        ("calendars.office.special_days", json!({"2026-02-30": []})),
        ("calendars.office.weekly", json!({})),
        ("targets.P2.resolution.within", json!("soon")),
        ("targets.P2.resolution.within", json!("0s")),
        ("targets.P2.resolution.within", json!("-8h")),
        ("targets.P2.resolution.within", json!("200000h")),
        ("targets.P2.resolution", json!({"within": "none"})),
        ("targets.P2.resolution", json!({"within": "8h"})),
        ("targets.P2.resolution.calendar", json!("night")),
        ("targets.P2.first_response.within", json!("9h")),
        ("pause_on", json!({"vendor": ["vendor"]})),
        ("warn_at", json!([50, 100])),
        ("warn_at", json!([50, 50])),
        ("warn_after", json!("0m")),
        rules(json!([rule("", oslo(), "resolution", "4h")])),
        rules(json!([
            rule("Oslo", oslo(), "resolution", "4h"),
            rule("Oslo", is("site", "Bergen"), "resolution", "5h")
        ])),
        rules(json!([{"rule": "Oslo", "when": oslo(), "targets": {}}])),
        rules(json!([{"rule": "Oslo", "when": oslo(),
                      "targets": {"P2": {"resolution": {"within": "none", "calendar": "office"}}}}])),
        rules(json!([rule("Oslo", is("channel", "fax"), "resolution", "4h")])),
        rules(json!([rule("Oslo", json!({"all": [oslo(), is("site", "Bergen")]}), "resolution", "4h")])),
        rules(json!([rule("Oslo", oslo(), "resolution", "4h"), rule("Oslo too", oslo(), "first_response", "30m")])),
        rules(json!([rule("Oslo", oslo(), "resolution", "4h"), rule("Oslo calls", by_phone(), "resolution", "2h")])),
        rules(json!([rule("Oslo", oslo(), "resolution", "4h"),
                     {"rule": "Oslo calls", "when": by_phone(), "targets": {"P2": {
                         "first_response": {"within": "30m", "calendar": "office"},
                         "resolution": {"within": "2h", "calendar": "office"}}}}])),
        rules(json!([rule("Oslo", oslo(), "first_response", "9h")])),
        rules(json!([rule("Oslo", oslo(), "resolution", "30m")])),
        rules(json!([rule("Calls", by_phone(), "first_response", "5h"), rule("Oslo", oslo(), "resolution", "4h")])),
    ]
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn table() -> String {
    let mut rows = String::from("| written | refused at | because |\n| --- | --- | --- |\n");
    for (path, value) in refused() {
        let found = read(with(path, value.clone())).check();
        assert_eq!(found.len(), 1, "{path}: {}: {found:?}", flow(&value));
        let written = cell(&format!("{path}: {}", flow(&value)));
        rows += &format!("| `{written}` | `{}` | {} |\n", found[0].path, cell(&found[0].problem.to_string()));
    }
    let twice =
        r#"{"calendars": {"office": {"time_zone": "UTC", "special_days": {"2026-12-24": [], "2026-12-24": []}}}}"#;
    let error = Contract::read(twice).expect_err("a date stands twice");
    let (path, text) = error.split_once(": ").expect("a path and a text");
    let text = text.split(" at line").next().unwrap_or_default();
    rows + &format!("| `calendars.office.special_days: {{2026-12-24: [], 2026-12-24: []}}` | `{path}` | {text} |\n")
}

#[test]
fn the_documentation_lists_what_is_refused_with_its_message() {
    let table = table();
    let begin = DOCS.find("<!-- refused -->\n").expect("the first mark") + "<!-- refused -->\n".len();
    let end = DOCS.find("<!-- /refused -->").expect("the second mark");
    assert_eq!(DOCS[begin..end].trim(), table.trim(), "docs/contract.md says something else; it should say:\n{table}");
}

#[test]
fn the_examples_of_the_documentation_are_accepted() {
    // The table shows every reason there is but one, which would be long.
    let shown: BTreeSet<&str> =
        refused().into_iter().map(|(path, value)| read(with(path, value)).check().remove(0).problem.reason()).collect();
    assert_eq!(shown.len(), 25, "{shown:?}");
    assert_eq!(read(contract()).check(), []);
}

#[test]
fn one_rule_past_the_limit_is_refused() {
    let rules = |count: usize| {
        (0..count).map(|one| rule(&format!("rule {one}"), is("site", &one.to_string()), "resolution", "4h")).collect()
    };
    assert_eq!(complaints(with("rules", Value::Array(rules(100)))), [""; 0]);
    assert_eq!(complaints(with("rules", Value::Array(rules(101)))), ["rules TOO_MANY_RULES"]);
}

#[test]
fn rules_may_overlap_where_each_decides_something() {
    let several = json!([
        rule("Oslo by phone", json!({"all": [is("site", "Oslo"), is("channel", "phone")]}), "resolution", "2h"),
        rule("Oslo", is("site", "Oslo"), "resolution", "4h"),
        rule("by phone", is("channel", "phone"), "resolution", "3h"),
        rule("all of them", json!({"all": []}), "resolution", "7h"),
    ]);
    assert_eq!(complaints(with("rules", several)), [""; 0]);
}

#[test]
fn a_rule_after_one_that_takes_everything_never_decides() {
    let everything = json!([
        rule("all", json!({"all": []}), "resolution", "4h"),
        rule("Oslo", is("site", "Oslo"), "resolution", "2h")
    ]);
    assert_eq!(complaints(with("rules", everything)), ["rules[1] UNREACHABLE_RULE"]);
}

#[test]
fn a_response_is_compared_with_what_decides_the_resolution() {
    // The base resolves in eight hours, the rule that holds as well in two.
    let late = json!([
        rule("Oslo", is("site", "Oslo"), "resolution", "2h"),
        rule("Oslo by phone", json!({"all": [is("site", "Oslo"), is("channel", "phone")]}), "first_response", "3h")
    ]);
    assert_eq!(
        complaints(with("rules", late)),
        ["rules[1].targets.P2.first_response.within RESPONSE_ABOVE_RESOLUTION"]
    );
    let nothing = json!([{"rule": "Oslo", "when": is("site", "Oslo"), "targets": {"P2": {
        "resolution": {"within": "none"}, "first_response": {"within": "20h", "calendar": "office"}}}}]);
    assert_eq!(complaints(with("rules", nothing)), [""; 0]);
}

#[test]
fn advice_refuses_nothing() {
    let mut json = contract();
    json["calendars"]["night"] = json!({"time_zone": "UTC", "weekly": {"mon": ["20:00-24:00"]}});
    json["calendars"]["office"]["special_days"] = json!({"2025-12-24": [], "2025-12-25": []});
    let contract = read(json);
    assert_eq!(contract.check(), []);
    let told = |today: &str| {
        let advice = contract.advice(today.parse().expect("a date"));
        advice.iter().map(Advice::to_string).collect::<Vec<_>>()
    };
    let unused = "calendars.night: no target uses this calendar; remove it or name it in one";
    assert_eq!(told("2025-12-25"), [unused]);
    let past =
        "calendars.office.special_days: all special days lie in the past, the last is 2025-12-25; add those to come";
    assert_eq!(told("2025-12-26"), [unused, past]);
    assert_eq!(contract.advice("2026-01-01".parse().expect("a date"))[1].hint.reason(), "HOLIDAYS_PAST");
}
