//! One past each limit: bulk commands, tags, watchers, time worked, mentions, views, presence, drafts.

use serde_json::{Value, json};

use super::{REQUEST_ID, Row, command, long, tickets};

fn row(rpc: &'static str, good: Value, bad: Vec<(&'static str, Value)>) -> Row {
    let heads = [tickets(), vec![("request_id", json!("")), ("request_id", long(37))]].concat();
    Row { rpc, good: command(good), bad: [heads, bad].concat() }
}

/// Without a request_id: repeated, it changes nothing.
fn plain(rpc: &'static str, good: Value, bad: Vec<(&'static str, Value)>) -> Row {
    Row { rpc, good, bad: [tickets(), bad].concat() }
}

fn clients() -> Vec<(&'static str, Value)> {
    vec![("client_ids", json!(["acme", "%"])), ("client_ids", json!(vec!["acme"; 101]))]
}

fn words(field: &'static str) -> Vec<(&'static str, Value)> {
    let odd = [json!([""]), json!(["VPN"]), json!(["a b"]), json!(["a\u{0}"]), json!(["x".repeat(41)])];
    odd.into_iter().chain([json!(vec!["a"; 21])]).map(|value| (field, value)).collect()
}

pub fn all() -> Vec<Row> {
    [work(), bulk(), views(), drafts()].concat()
}

fn work() -> Vec<Row> {
    let minutes = |field: &'static str, least: i32| {
        [least - 1, 1_441, i32::MIN, i32::MAX].map(|minutes| (field, json!(minutes))).to_vec()
    };
    vec![
        row("TagTicket", json!({ "add": ["vpn"] }), [words("add"), words("remove"), vec![("add", json!([]))]].concat()),
        row("AddWatcher", json!({}), vec![("watcher", long(201)), ("watcher", json!("a\u{0}"))]),
        row("RemoveWatcher", json!({}), vec![("watcher", long(201)), ("watcher", json!("a\u{0}"))]),
        row(
            "RecordTime",
            json!({ "minutes": 5, "what_for": "w" }),
            [minutes("minutes", 1), vec![("what_for", json!(" ")), ("what_for", long(1_001))]].concat(),
        ),
        row(
            "CorrectTime",
            json!({ "entry": 1, "right_minutes": 5, "reason": "r" }),
            [minutes("right_minutes", 0), vec![("entry", json!(0)), ("entry", json!(-1)), ("reason", json!(""))]]
                .concat(),
        ),
        Row {
            rpc: "ListMentions",
            good: json!({}),
            bad: [clients(), vec![("page_size", json!(-1)), ("page_token", json!("nonsense"))]].concat(),
        },
        Row {
            rpc: "ListTickets",
            good: json!({ "filter": { "tags": ["vpn"], "watchers": ["@me"] } }),
            bad: [
                words("filter.tags"),
                vec![
                    ("filter.watchers", json!([""])),
                    ("filter.watchers", json!(vec!["a"; 101])),
                    ("view_id", json!("nonsense")),
                    ("view_id", json!("018f0000-0000-7000-8000-000000000000")),
                ],
            ]
            .concat(),
        },
    ]
}

fn bulk() -> Vec<Row> {
    let of = |more: Value| {
        let mut request = json!({ "request_id": REQUEST_ID, "tickets": ["ACME-1001", "NOBODY-1"] });
        if let (Some(fields), Some(more)) = (request.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        request
    };
    let heads = vec![
        ("request_id", json!("")),
        ("request_id", long(37)),
        ("tickets", json!([])),
        ("tickets", json!([""])),
        ("tickets", json!(["ACME-1001", "x".repeat(51)])),
        ("tickets", json!(["a\u{0}"])),
        ("tickets", json!(vec!["ACME-1001"; 501])),
    ];
    vec![
        Row { rpc: "BulkCommand", good: of(json!({ "claim": {} })), bad: heads },
        Row {
            rpc: "BulkCommand",
            good: of(json!({ "hand_over": { "queue": "network", "reason": "r" }, "request_id": "bulk-1" })),
            bad: vec![("hand_over", json!({})), ("hand_over.queue", long(201)), ("hand_over.note", long(10_001))],
        },
        Row {
            rpc: "BulkCommand",
            good: of(json!({ "tag": { "add": ["vpn"] }, "request_id": "bulk-2" })),
            bad: [words("tag.add"), words("tag.remove"), vec![("tag", json!({}))]].concat(),
        },
        Row {
            rpc: "BulkCommand",
            good: of(json!({ "cancel": { "reason": 1 }, "request_id": "bulk-3", "tickets": ["NOBODY-1"] })),
            bad: vec![("cancel.reason", json!(0)), ("cancel.reason", json!(99)), ("cancel.duplicate_of", json!("A-1"))],
        },
    ]
}

fn views() -> Vec<Row> {
    let view = json!({ "client_id": "acme", "name": "v", "filter": { "queues": ["network"] }, "columns": [1, 2] });
    let of_known =
        |more: Vec<(&'static str, Value)>| [vec![("view_id", json!("")), ("view_id", long(37))], more].concat();
    vec![
        Row {
            rpc: "SaveView",
            good: view,
            bad: vec![
                ("client_id", json!("%")),
                ("name", json!(" ")),
                ("name", long(101)),
                ("name", json!("a\u{0}")),
                ("team", long(201)),
                ("view_id", json!("nonsense")),
                ("etag", json!("7")),
                ("filter.client_ids", json!(["acme"])),
                ("filter.queues", json!(vec!["q".repeat(200); 100])),
                ("filter.states", json!([99])),
                ("order", json!(99)),
                ("columns", json!([0])),
                ("columns", json!([99])),
                ("columns", json!([1, 1])),
                ("columns", json!((1..=21).collect::<Vec<_>>())),
            ],
        },
        Row { rpc: "ListViews", good: json!({}), bad: clients() },
        Row { rpc: "GetView", good: json!({}), bad: of_known(vec![]) },
        Row { rpc: "DeleteView", good: json!({}), bad: of_known(vec![("etag", json!("x")), ("etag", json!("-1"))]) },
    ]
}

fn drafts() -> Vec<Row> {
    let ticket = || json!({ "ticket": "ACME-1001" });
    vec![
        plain(
            "TellPresence",
            json!({ "ticket": "ACME-1001", "doing": 1 }),
            vec![("doing", json!(0)), ("doing", json!(99))],
        ),
        plain("ListPresence", ticket(), vec![]),
        plain(
            "SaveDraft",
            json!({ "ticket": "ACME-1001", "body": "b", "visibility": 1 }),
            vec![
                ("body", long(64 * 1024 + 1)),
                ("body", json!("a\u{0}b")),
                ("visibility", json!(0)),
                ("visibility", json!(99)),
                ("etag", json!("0")),
                ("etag", json!("x")),
            ],
        ),
        plain("GetDraft", ticket(), vec![]),
        Row { rpc: "ListDrafts", good: json!({}), bad: clients() },
        Row {
            rpc: "DiscardDraft",
            good: json!({}),
            bad: vec![("ticket", json!("")), ("etag", json!("")), ("etag", json!("0")), ("etag", json!("x"))],
        },
    ]
}
