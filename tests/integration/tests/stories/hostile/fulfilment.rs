//! One past each limit: vendors, approvals, tasks, the catalogue, changes.

use serde_json::{Value, json};

use super::limits::{Row, command, long, tickets};

fn row(rpc: &'static str, good: Value, bad: Vec<(&'static str, Value)>) -> Row {
    let heads = [tickets(), vec![("request_id", json!("")), ("request_id", long(37))]].concat();
    Row { rpc, good: command(good), bad: [heads, bad].concat() }
}

pub(super) fn all() -> Vec<Row> {
    [vendors(), approvals(), tasks(), catalogue(), changes()].concat()
}

fn vendors() -> Vec<Row> {
    let notes = || vec![("note", long(10_001)), ("note", json!("a\u{0}b"))];
    let vendor = || vec![("vendor", json!("")), ("vendor", long(201)), ("vendor", json!("a\u{0}"))];
    let reference = || vec![("vendor_reference", long(201))];
    vec![
        Row {
            rpc: "ListVendors",
            good: json!({ "client_id": "acme" }),
            bad: vec![("client_id", json!("")), ("client_id", json!("%"))],
        },
        row("OpenVendorCase", json!({ "vendor": "printco" }), [vendor(), reference(), notes()].concat()),
        row(
            "UpdateVendorCase",
            json!({ "vendor": "printco", "status": 2 }),
            [vendor(), reference(), notes(), vec![("status", json!(0)), ("status", json!(5)), ("status", json!(99))]]
                .concat(),
        ),
        row(
            "CloseVendorCase",
            json!({ "vendor": "printco", "outcome": 1 }),
            [vendor(), notes(), vec![("outcome", json!(0)), ("outcome", json!(99))]].concat(),
        ),
    ]
}

fn approvals() -> Vec<Row> {
    let people = |count: usize| (0..count).map(|n| json!(format!("p{n}@acme.example"))).collect::<Value>();
    vec![
        row(
            "RequestApproval",
            json!({ "approvers": ["cem@acme.example"], "question": "ok?" }),
            vec![
                ("approvers", json!([])),
                ("approvers", json!([""])),
                ("approvers", json!(["@manager"])),
                ("approvers", people(21)),
                ("approvers", json!(["x".repeat(201)])),
                ("mode", json!(99)),
                ("question", json!("")),
                ("question", long(501)),
                ("due_at", json!("2300-01-01T00:00:00Z")),
            ],
        ),
        row(
            "DecideApproval",
            json!({ "decision": 1 }),
            vec![
                ("approval", json!(-1)),
                ("decision", json!(0)),
                ("decision", json!(99)),
                ("reason", long(1_001)),
                ("reason", json!("a\u{0}b")),
            ],
        ),
        Row {
            rpc: "AnswerApproval",
            good: json!({ "request_id": "a", "ticket": "ACME-1001", "decision": 1 }),
            bad: [
                tickets(),
                vec![("request_id", json!("")), ("request_id", long(37)), ("approval", json!(-1))],
                vec![("decision", json!(0)), ("decision", json!(99))],
                vec![("reason", long(1_001)), ("reason", json!("a\u{0}b"))],
            ]
            .concat(),
        },
        Row {
            rpc: "ListAskedApprovals",
            good: json!({}),
            bad: vec![("client_ids", json!(["%"])), ("client_ids", json!(vec!["acme"; 101]))],
        },
        row(
            "ReplaceApprover",
            json!({ "approval": 1, "instead_of": "a", "approver": "b", "reason": "leave" }),
            vec![
                ("approval", json!(0)),
                ("instead_of", json!("")),
                ("instead_of", long(201)),
                ("approver", json!("")),
                ("approver", long(201)),
                ("reason", json!("")),
                ("reason", long(1_001)),
            ],
        ),
        Row {
            rpc: "ListPendingApprovals",
            good: json!({}),
            bad: vec![
                ("client_ids", json!(["%"])),
                ("client_ids", json!(vec!["acme"; 101])),
                ("approver", long(201)),
                ("approver", json!("a\u{0}b")),
            ],
        },
    ]
}

fn tasks() -> Vec<Row> {
    vec![
        row(
            "AddTask",
            json!({ "title": "Order it" }),
            vec![
                ("title", json!("")),
                ("title", long(501)),
                ("title", json!("a\u{0}b")),
                ("queue", long(201)),
                ("after", json!([0])),
                ("after", json!(vec![1; 51])),
            ],
        ),
        row(
            "CompleteTask",
            json!({ "task": 7 }),
            vec![("task", json!(0)), ("task", json!(-1)), ("note", long(10_001))],
        ),
        row(
            "SkipTask",
            json!({ "task": 7, "reason": "no" }),
            vec![("task", json!(0)), ("reason", json!("")), ("reason", long(1_001))],
        ),
    ]
}

fn catalogue() -> Vec<Row> {
    vec![Row {
        rpc: "ListCatalogue",
        good: json!({ "client_id": "acme" }),
        bad: vec![("client_id", json!("")), ("client_id", json!("acme,globex"))],
    }]
}

fn changes() -> Vec<Row> {
    let until = "2026-11-20T10:00:00Z";
    let good = json!({
        "type": 2, "plan": "p", "back_out_plan": "b", "window_from_at": "2026-11-20T08:00:00Z", "window_until_at": until
    });
    vec![
        row(
            "PlanChange",
            good,
            vec![
                ("type", json!(0)),
                ("type", json!(99)),
                ("template", long(201)),
                ("plan", long(10_001)),
                ("back_out_plan", long(10_001)),
                ("risk", json!(99)),
                ("window_from_at", json!("2300-01-01T00:00:00Z")),
                ("window_until_at", json!("2026-11-20T08:00:00Z")),
                ("window_until_at", json!("2026-12-21T08:00:01Z")),
                ("approvers", json!(vec!["a"; 21])),
                ("approvers", json!([""])),
            ],
        ),
        row("StartChange", json!({}), vec![]),
        row(
            "EndChange",
            json!({ "outcome": 1 }),
            vec![("outcome", json!(0)), ("outcome", json!(99)), ("note", long(10_001))],
        ),
        Row {
            rpc: "ListChanges",
            good: json!({ "from": "2026-11-01T00:00:00Z", "until": until }),
            bad: vec![
                ("client_ids", json!(["*"])),
                ("from", json!("2300-01-01T00:00:00Z")),
                ("until", json!("2026-10-01T00:00:00Z")),
                ("until", json!("2027-11-03T00:00:00Z")),
            ],
        },
    ]
}
