//! One past each limit: whatever has its own kind of request, so that each RPC of each service has a row.

use std::collections::BTreeSet;

use integration::dynamic::Rpc;
use serde_json::{Value, json};

use super::limits::{self, Row, command, ids, long, tickets};

/// Stands for an article that is there.
pub const ARTICLE: &str = "@article";
/// Stands for the client's support model.
pub const MODEL: &str = "@model";
/// Rows about what is not there: the first answer is what is wrong with the request, the second that there is none.
pub const OF_NOTHING: [&str; 4] =
    ["CheckAnswers", "AcceptProblemProposal", "DismissProblemProposal", "DownloadAttachment"];
/// RPCs whose refusals stand among the answers.
pub const ON_STREAMS: [&str; 3] = ["PostAlerts", "RegisterTickets", "ImportTickets"];
/// RPCs whose requests have no fields.
const EMPTY: [&str; 2] = ["GetServiceStatus", "ListClients"];
/// A ticket of history in full is told of in the story itself, with instants out of range.
const IN_THE_STORY: [&str; 1] = ["ImportTickets"];
const NOBODY: &str = "0198f1c0-0000-7000-8000-000000000001";

/// RPCs of which no row tells what is wrong.
pub fn without_a_row(rpcs: &[Rpc]) -> Vec<String> {
    let rows: BTreeSet<&str> = limits::all().iter().map(|row| row.rpc).collect();
    let is_told = |name: &str| rows.contains(name) || EMPTY.contains(&name) || IN_THE_STORY.contains(&name);
    let without = rpcs.iter().filter(|rpc| !is_told(rpc.method.name()));
    without.map(|rpc| format!("{} has no row of bad input", rpc.path())).collect()
}

fn heads() -> Vec<(&'static str, Value)> {
    [tickets(), vec![("request_id", json!("")), ("request_id", long(37))]].concat()
}

pub fn all() -> Vec<Row> {
    [states(), posts(), found(), articles(), rights()].concat()
}

/// Commands without anything to say.
fn states() -> Vec<Row> {
    let row = |rpc: &'static str, more: Vec<(&'static str, Value)>| Row {
        rpc,
        good: command(json!({})),
        bad: [heads(), more].concat(),
    };
    vec![
        row("ReleaseTicket", vec![]),
        row("ResumeTicket", vec![]),
        row("ConfirmTicket", vec![]),
        row("ReopenTicket", vec![("reason", long(1_001)), ("reason", json!("a\u{0}b"))]),
        row("CloseTicket", vec![]),
    ]
}

/// The posts of a stream are refused for what they would be refused for alone.
fn posts() -> Vec<Row> {
    let wrapped = |rpc: &'static str, of: &str, around: &str| {
        let alone = [super::alerts::all(), limits::intake()].concat().into_iter().find(|row| row.rpc == of);
        let alone = alone.unwrap_or(Row { rpc, good: json!({}), bad: Vec::new() });
        let bad = alone.bad.into_iter().map(|(path, value)| {
            let path: &'static str = Box::leak(format!("{around}.{path}").into_boxed_str());
            (path, value)
        });
        let mut good = json!({});
        good[around] = alone.good;
        Row { rpc, good, bad: bad.collect() }
    };
    vec![wrapped("PostAlerts", "PostAlert", "alert"), wrapped("RegisterTickets", "RegisterTicket", "ticket")]
}

/// What is asked of something that is there, or is not.
fn found() -> Vec<Row> {
    let proposal = || ids("proposal_id");
    vec![
        Row {
            rpc: "DownloadAttachment",
            good: json!({ "ticket": "ACME-1001", "attachment_id": NOBODY }),
            bad: [
                tickets(),
                vec![
                    ("attachment_id", json!("")),
                    ("attachment_id", long(65)),
                    ("attachment_id", json!("a\u{0}b")),
                    ("attachment_id", json!("a\nb")),
                ],
            ]
            .concat(),
        },
        Row {
            rpc: "AcceptProblemProposal",
            good: command(json!({ "proposal_id": NOBODY })),
            bad: [heads(), proposal()].concat(),
        },
        Row {
            rpc: "DismissProblemProposal",
            good: json!({ "proposal_id": NOBODY, "reason": "r" }),
            bad: [proposal(), vec![("reason", json!("")), ("reason", long(1_001)), ("reason", json!("a\u{0}"))]]
                .concat(),
        },
        Row {
            rpc: "CheckAnswers",
            good: json!({ "client_id": "acme", "item": "laptop", "answers_json": "{}" }),
            bad: vec![
                ("client_id", json!("%")),
                ("item", json!("")),
                ("item", long(201)),
                ("answers_json", long(64 * 1024 + 1)),
            ],
        },
        Row {
            rpc: "GetBacklog",
            good: json!({ "client_ids": ["acme"], "at": "2026-11-23T12:00:00Z" }),
            bad: vec![("client_ids", json!(["acme", "x'"])), ("client_ids", json!(vec!["acme"; 1_001]))],
        },
        Row { rpc: "GetCosts", good: json!({ "client_id": "acme" }), bad: vec![("client_id", json!("%"))] },
        Row {
            rpc: "RebuildReport",
            good: json!({ "client_ids": ["acme"] }),
            bad: vec![("client_ids", json!(["acme", "x'"])), ("client_ids", json!(vec!["acme"; 1_001]))],
        },
    ]
}

fn articles() -> Vec<Row> {
    let row = |rpc: &'static str, more: Value, bad: Vec<(&'static str, Value)>| {
        let mut good = json!({ "request_id": limits::REQUEST_ID, "article_id": ARTICLE });
        if let (Some(fields), Some(more)) = (good.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        let heads = vec![("request_id", json!("")), ("request_id", long(37))];
        Row { rpc, good, bad: [heads, ids("article_id"), bad].concat() }
    };
    let text = json!({ "article_key": "hostile", "language": "en", "title": "t2", "body": "b", "audience": 1 });
    vec![
        row(
            "ReviseArticle",
            json!({ "text": text }),
            vec![
                ("text.article_key", json!("../../etc/passwd")),
                ("text.language", json!("xx")),
                ("text.title", json!("")),
                ("text.title", long(201)),
                ("text.body", long(256 * 1024 + 1)),
                ("text.body", json!("\u{0}")),
                ("text.audience", json!(99)),
            ],
        ),
        row("SubmitArticle", json!({}), vec![]),
        row("PublishArticle", json!({}), vec![]),
        row("RetireArticle", json!({}), vec![]),
    ]
}

/// What agents agree with a requester.
fn rights() -> Vec<Row> {
    let metrics = || vec![("metric", json!(0)), ("metric", json!(99)), ("metric", json!(-1))];
    let heads = || [tickets(), vec![("request_id", json!("")), ("request_id", long(201))]].concat();
    let due = "2027-06-01T12:00:00Z";
    vec![
        Row {
            rpc: "AgreeDue",
            good: command(json!({ "metric": 3, "due_at": due, "note": "n" })),
            bad: [
                heads(),
                metrics(),
                vec![
                    ("due_at", json!("1969-12-31T23:59:59Z")),
                    ("due_at", json!("9999-12-31T23:59:59Z")),
                    ("note", long(501)),
                    ("note", json!("a\u{0}b")),
                ],
            ]
            .concat(),
        },
        Row { rpc: "WithdrawDue", good: command(json!({ "metric": 3 })), bad: [heads(), metrics()].concat() },
    ]
}

/// What changes how the client is served comes after everything that relies on it.
pub fn last() -> Vec<Row> {
    let terms = "{\"calendars\":{},\"targets\":{}}";
    let spoilt = || {
        vec![
            ("client_id", json!("%")),
            ("terms_json", json!("")),
            ("terms_json", json!("[")),
            ("terms_json", json!("{\"calendars\":".repeat(10_000))),
            ("terms_json", long(256 * 1024 + 1)),
        ]
    };
    vec![
        Row {
            rpc: "PreviewContract",
            good: json!({ "client_id": "acme", "terms_json": terms, "open_clocks": 1 }),
            bad: [spoilt(), vec![("open_clocks", json!(99))]].concat(),
        },
        Row {
            rpc: "ApplyContract",
            good: json!({ "client_id": "acme", "name": "hostile", "terms_json": terms }),
            bad: [
                spoilt(),
                vec![("open_clocks", json!(99)), ("name", json!("")), ("name", long(201)), ("name", json!("a\nb"))],
            ]
            .concat(),
        },
        Row {
            rpc: "ApplySupportModel",
            good: json!({ "model": MODEL }),
            bad: vec![
                ("model.client_id", json!("%")),
                ("model.queues", json!([{ "queue": "a'; DROP TABLE ticket; --", "tier": 1 }])),
                ("model.defaultQueue", json!("nowhere")),
                ("model.categories", json!([])),
                ("model.categories", json!([{ "category": "c".repeat(201) }])),
                ("model.matrix", json!([])),
                ("model.rosterTimeZone", json!("Mars/Olympus")),
            ],
        },
    ]
}
