//! One past each limit: rules, their account, dry runs.

use serde_json::{Value, json};

use super::limits::{Row, long};

fn rule(actions: Value) -> Value {
    json!([{ "rule": "r", "on": { "facts": ["ticket_triaged"] }, "actions": actions }])
}

fn triggered(trigger: &str, said: Value) -> Value {
    let mut rule = json!({ "rule": "r", "actions": [{ "note": { "text": "t" } }] });
    if let Some(fields) = rule.as_object_mut() {
        fields.insert(trigger.to_owned(), said);
    }
    json!([rule])
}

pub(super) fn all() -> Vec<Row> {
    [account(), vec![dry_run()]].concat()
}

fn account() -> Vec<Row> {
    vec![
        Row {
            rpc: "ListRules",
            good: json!({ "client_id": "acme" }),
            bad: vec![("client_id", json!("")), ("client_id", json!("%")), ("client_id", long(100))],
        },
        Row {
            rpc: "ListEffects",
            good: json!({ "client_ids": ["acme"], "ticket": "ACME-1001", "outcomes": [1, 2, 3, 4, 5] }),
            bad: vec![
                ("client_ids", json!(["*"])),
                ("client_ids", json!(vec!["acme"; 101])),
                ("rule", long(201)),
                ("rule", json!("a\u{0}b")),
                ("ticket", long(51)),
                ("outcomes", json!([0])),
                ("outcomes", json!([99])),
                ("outcomes", json!([1, 1, 1, 1, 1, 1])),
                ("page_size", json!(-1)),
                ("page_token", json!("nonsense")),
            ],
        },
    ]
}

fn dry_run() -> Row {
    let note = || json!({ "note": { "text": "t" } });
    let good = rule(json!([note()]));
    let until = "2026-11-30T00:00:00Z";
    let many = |count: usize| {
        let rules = (0..count)
            .map(|n| json!({ "rule": format!("r{n}"), "on": { "facts": ["ticket_triaged"] }, "actions": [note()] }));
        rules.collect::<Value>()
    };
    let named = |name: &str| json!([{ "rule": name, "on": { "facts": ["ticket_triaged"] }, "actions": [note()] }]);
    Row {
        rpc: "DryRun",
        good: json!({ "client_id": "acme", "rules": good, "from": "2026-11-01T00:00:00Z", "until": until }),
        bad: vec![
            ("client_id", json!("%")),
            ("rules", json!([])),
            ("rules", many(101)),
            ("rules", named("")),
            ("rules", named("Not A Word")),
            ("rules", named(&"r".repeat(62))),
            ("rules", json!([good[0], good[0]])),
            ("rules", rule(json!([]))),
            ("rules", rule(json!(vec![note(); 11]))),
            ("rules", rule(json!([{}]))),
            ("rules", rule(json!([{ "note": { "text": "" } }]))),
            ("rules", rule(json!([{ "note": { "text": "x".repeat(10_001) } }]))),
            ("rules", rule(json!([{ "hand_over": { "queue": "nowhere", "reason": "r" } }]))),
            ("rules", rule(json!([{ "hand_over": { "queue": "network", "reason": "" } }]))),
            ("rules", rule(json!([{ "set": {} }]))),
            ("rules", rule(json!([{ "set": { "priority": 1 } }]))),
            ("rules", rule(json!([{ "set": { "category": "nothing" } }]))),
            ("rules", rule(json!([{ "wait": { "reason": 1 } }]))),
            ("rules", rule(json!([{ "tag": {} }]))),
            ("rules", rule(json!([{ "tag": { "add": ["Not A Tag"] } }]))),
            ("rules", rule(json!([{ "watch": { "watcher": "" } }]))),
            ("rules", rule(json!([{ "resolve": { "code": 1 } }]))),
            ("rules", rule(json!([{ "cancel": { "reason": 2 } }]))),
            ("rules", rule(json!([{ "ask_approval": { "question": "q" } }]))),
            ("rules", triggered("on", json!({ "facts": [] }))),
            ("rules", triggered("on", json!({ "facts": ["nothing_happened"] }))),
            ("rules", triggered("after", json!({ "stay": 0, "stays_for": "3600s" }))),
            ("rules", triggered("after", json!({ "stay": 1, "stays_for": "59s" }))),
            ("rules", triggered("after", json!({ "stay": 1, "stays_for": "31622401s" }))),
            ("rules", triggered("after", json!({ "stay": 1, "waiting_reason": 2, "stays_for": "3600s" }))),
            ("rules", triggered("daily", json!({ "at": "25:00" }))),
            ("rules", triggered("daily", json!({ "at": "7:30" }))),
            ("rules", triggered("daily", json!({ "at": "07:30", "time_zone": "Mars/Olympus" }))),
            ("rules", triggered("daily", json!({ "at": "07:30", "days": ["someday"] }))),
            ("from", json!("2300-01-01T00:00:00Z")),
            ("until", json!("2026-10-01T00:00:00Z")),
            ("until", json!("2027-11-03T00:00:00Z")),
        ],
    }
}
