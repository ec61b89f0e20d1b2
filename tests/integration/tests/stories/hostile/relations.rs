//! One past each limit: relations, merges, splits, major incidents, problems.

use serde_json::{Value, json};

use super::limits::{Row, command, long, tickets};

fn row(rpc: &'static str, good: Value, bad: Vec<(&'static str, Value)>) -> Row {
    let heads = [tickets(), vec![("request_id", json!("")), ("request_id", long(37))]].concat();
    Row { rpc, good: command(good), bad: [heads, bad].concat() }
}

fn text(field: &'static str, most: usize) -> Vec<(&'static str, Value)> {
    vec![(field, long(most + 1)), (field, json!("a\u{0}b"))]
}

fn needed(field: &'static str, most: usize) -> Vec<(&'static str, Value)> {
    [text(field, most), vec![(field, json!("")), (field, json!(" "))]].concat()
}

pub(super) fn all() -> Vec<Row> {
    [relations(), majors(), problems()].concat()
}

fn relations() -> Vec<Row> {
    let kinds = || vec![("kind", json!(0)), ("kind", json!(99))];
    let linked = || json!({ "kind": 3, "other_ticket": "ACME-1001" });
    vec![
        row("LinkTickets", linked(), [kinds(), needed("other_ticket", 50), text("note", 10_000)].concat()),
        row("UnlinkTickets", linked(), [kinds(), needed("other_ticket", 50)].concat()),
        row(
            "MergeTicket",
            json!({ "other_ticket": "ACME-1001" }),
            [needed("other_ticket", 50), text("note", 10_000)].concat(),
        ),
        row("UnmergeTicket", json!({}), text("reason", 1_000)),
        Row {
            rpc: "SplitTicket",
            good: json!({ "request_id": "split-1", "ticket": "ACME-1001", "subject": "s" }),
            bad: vec![
                ("request_id", json!("")),
                ("request_id", long(37)),
                ("ticket", json!("")),
                ("subject", json!("")),
                ("subject", long(301)),
                ("subject", json!("two\nlines")),
                ("message_id", json!("nonsense")),
                ("description", long(64 * 1024 + 1)),
                ("description", json!("a\u{0}b")),
            ],
        },
    ]
}

fn majors() -> Vec<Row> {
    let users = || vec![("affected_users", json!(-1)), ("affected_users", json!(100_000_001))];
    vec![
        row(
            "DeclareMajorIncident",
            json!({}),
            [
                users(),
                vec![
                    ("severity", json!(6)),
                    ("services", json!([""])),
                    ("services", json!(["s".repeat(201)])),
                    ("services", json!(vec!["s"; 51])),
                ],
            ]
            .concat(),
        ),
        row(
            "AttachTickets",
            json!({ "child_tickets": ["ACME-1001"] }),
            vec![
                ("child_tickets", json!([])),
                ("child_tickets", json!([""])),
                ("child_tickets", json!(["x".repeat(51)])),
                ("child_tickets", json!(vec!["ACME-1001"; 501])),
            ],
        ),
        row("PushStatus", json!({ "text": "t" }), needed("text", 10_000)),
        row(
            "AmendMajorIncident",
            json!({ "affected_users": 1, "reason": "r" }),
            [users(), needed("reason", 1_000)].concat(),
        ),
        row("EndMajorIncident", json!({}), text("note", 10_000)),
    ]
}

/// Proposals are refused where there are some: in the stories of problems.
fn problems() -> Vec<Row> {
    vec![
        row(
            "RecordRootCause",
            json!({ "root_cause": "r" }),
            [needed("root_cause", 10_000), text("workaround", 10_000)].concat(),
        ),
        row(
            "DeclareKnownError",
            json!({ "article_id": "a" }),
            [needed("article_id", 200), text("note", 10_000)].concat(),
        ),
        Row {
            rpc: "ListProblemProposals",
            good: json!({}),
            bad: vec![
                ("client_ids", json!(["acme", "%"])),
                ("client_ids", json!(vec!["acme"; 101])),
                ("page_size", json!(-1)),
                ("page_token", json!("nonsense")),
            ],
        },
    ]
}
