//! One past each limit: alerts, signs of life, receipts, settings.

use serde_json::{Value, json};

use super::limits::{Row, long};

fn clients() -> Vec<(&'static str, Value)> {
    vec![("client_id", json!("")), ("client_id", json!("%")), ("client_id", json!("acme,globex"))]
}

pub(super) fn all() -> Vec<Row> {
    let alert = json!({ "action": 1, "dedup_key": "db1/disk", "summary": "Disk full" });
    vec![
        Row {
            rpc: "PostAlert",
            good: json!({ "client_id": "acme", "alert": alert }),
            bad: [
                clients(),
                vec![
                    ("request_id", long(37)),
                    ("alert.dedup_key", json!("")),
                    ("alert.dedup_key", long(256)),
                    ("alert.dedup_key", json!("a\u{0}b")),
                    ("alert.action", json!(0)),
                    ("alert.action", json!(99)),
                    ("alert.severity", json!(99)),
                    ("alert.summary", json!("")),
                    ("alert.summary", long(301)),
                    ("alert.summary", json!("gpj.\u{202E}exe")),
                    ("alert.details", long(64 * 1024 + 1)),
                    ("alert.source", long(201)),
                    ("alert.category", long(201)),
                    ("alert.fingerprint", long(256)),
                    ("alert.links", json!([{ "href": "javascript:x" }])),
                    ("alert.links", json!(vec![json!({ "href": "https://x" }); 11])),
                ],
            ]
            .concat(),
        },
        Row {
            rpc: "ListAlerts",
            good: json!({ "client_id": "acme" }),
            bad: [
                clients(),
                vec![
                    ("ticket", long(65)),
                    ("ticket", json!("a\u{0}b")),
                    ("dedup_key", long(256)),
                    ("page_size", json!(-1)),
                    ("page_token", json!("?")),
                ],
            ]
            .concat(),
        },
    ]
    .into_iter()
    .chain(signs_and_receipts())
    .chain(settings())
    .collect()
}

fn signs_and_receipts() -> Vec<Row> {
    vec![
        Row {
            rpc: "PutHeartbeat",
            good: json!({ "client_id": "acme", "name": "backup", "every_for": "60s" }),
            bad: [
                clients(),
                vec![
                    ("name", json!("")),
                    ("name", long(201)),
                    ("name", json!("a\u{0}b")),
                    ("every_for", json!("9s")),
                    ("every_for", json!("2678401s")),
                    ("grace_for", json!("-1s")),
                    ("grace_for", json!("2678401s")),
                    ("severity", json!(99)),
                ],
            ]
            .concat(),
        },
        Row { rpc: "ListHeartbeats", good: json!({ "client_id": "acme" }), bad: clients() },
        Row {
            rpc: "WatchReceipts",
            good: json!({ "client_id": "acme" }),
            bad: [clients(), vec![("source", long(201)), ("source", json!("a\u{0}b")), ("after", json!("?"))]].concat(),
        },
    ]
}

fn settings() -> Vec<Row> {
    let settings = json!({ "client_id": "acme", "alerts": { "storm_above": 20 } });
    vec![
        Row {
            rpc: "ApplyIntakeSettings",
            good: json!({ "settings": settings }),
            bad: vec![
                ("settings.client_id", json!("%")),
                ("settings.alerts.storm_above", json!(1_001)),
                ("settings.alerts.storm_within_for", json!("86401s")),
                ("settings.alerts.storm_within_for", json!("0s")),
                ("settings.alerts.flaps_above", json!(1_001)),
                ("settings.alerts.hold_off_for", json!("-1s")),
                ("settings.forms", json!([{ "category": "software", "fields": [] }])),
                ("settings.forms", json!([{ "category": "", "fields": [{ "name": "a", "type": 1 }] }])),
                ("settings.forms", json!([{ "category": "a", "fields": [{ "name": "A", "type": 1 }] }])),
                ("settings.forms", json!([{ "category": "a", "fields": [{ "name": "a", "type": 0 }] }])),
                ("settings.forms", json!([{ "category": "a", "fields": [{ "name": "a", "type": 5 }] }])),
                ("settings.forms", json!([{ "category": "a", "fields": vec![json!({ "name": "a", "type": 1 }); 31] }])),
            ],
        },
        Row { rpc: "GetIntakeSettings", good: json!({ "client_id": "acme" }), bad: clients() },
    ]
}
