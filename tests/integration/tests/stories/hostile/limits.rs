//! One past each limit: the RPC, a request that is taken, and what spoils it.

mod people;
mod workspace;

use serde_json::{Value, json};

/// Stands for a request_id of the row's own.
pub const REQUEST_ID: &str = "hostile";

/// An RPC with a request that is taken, and fields with values that are not.
#[derive(Clone)]
pub struct Row {
    /// The RPC's name; operations at every service.
    pub rpc: &'static str,
    /// What is taken.
    pub good: Value,
    /// Path, value.
    pub bad: Vec<(&'static str, Value)>,
}

pub(super) fn long(length: usize) -> Value {
    json!("x".repeat(length))
}

/// Instants that no field takes: before the year 1 the formats end, so they are sent as numbers elsewhere.
pub(super) fn pages() -> Vec<(&'static str, Value)> {
    vec![
        ("page_size", json!(-1)),
        ("page_size", json!(i32::MIN)),
        ("page_token", json!("x")),
        ("page_token", json!("'; DROP TABLE ticket; --")),
        ("page_token", json!("AAAAAAAAAAAAAAAAAAAA")),
        ("page_token", long(100_000)),
    ]
}

fn pairs(count: usize) -> Value {
    (0..count).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
}

pub(super) fn command(more: Value) -> Value {
    let mut request = json!({ "request_id": REQUEST_ID, "ticket": "ACME-1001" });
    if let (Some(fields), Some(more)) = (request.as_object_mut(), more.as_object()) {
        fields.extend(more.clone());
    }
    request
}

/// A reference or an id that is none.
pub(super) fn tickets() -> Vec<(&'static str, Value)> {
    vec![("ticket", json!("")), ("ticket", long(65)), ("ticket", json!("ACME-1001\u{0}"))]
}

/// Of all services.
pub fn all() -> Vec<Row> {
    [
        super::alerts::all(),
        super::automation::all(),
        super::fulfilment::all(),
        super::relations::all(),
        super::runbooks::all(),
        workspace::all(),
        intake(),
        beside(),
        work(),
        agents(),
        promises(),
        knowledge(),
        figures(),
        super::rest::all(),
        people::all(),
        super::rest::last(),
    ]
    .concat()
}

/// Intake.
pub(super) fn intake() -> Vec<Row> {
    let matter = json!({ "subject": "s", "channel": 6, "source": "zabbix", "impact": 1, "urgency": 2 });
    let post = json!({ "request_id": "r-1", "client_id": "acme", "matter": matter });
    let requester = json!({ "email": "kari@acme.example", "name": "Kari" });
    let client = json!({
        "client_id": "acme", "name": "The client acme", "reference_prefix": "ACME", "languages": ["en"],
        "time_zone": "Europe/Oslo"
    });
    let message = command(json!({ "visibility": 1, "channel": 1, "body": "b" }));
    vec![
        Row { rpc: "RegisterTicket", good: post, bad: posts() },
        Row {
            rpc: "AddMessage",
            good: message,
            bad: [
                tickets(),
                vec![
                    ("request_id", long(37)),
                    ("body", json!("")),
                    ("body", long(64 * 1024 + 1)),
                    ("body", json!("a\u{0}b")),
                    ("visibility", json!(0)),
                    ("visibility", json!(99)),
                    ("channel", json!(99)),
                    ("requester_email", json!("nobody")),
                ],
            ]
            .concat(),
        },
        Row { rpc: "ListMessages", good: json!({ "ticket": "ACME-1001" }), bad: [tickets(), pages()].concat() },
        Row {
            rpc: "GetReceipt",
            good: json!({ "client_id": "acme", "ticket": "ACME-1001" }),
            bad: [tickets(), vec![("client_id", json!("%")), ("request_id", long(37)), ("request_id", json!("\u{0}"))]]
                .concat(),
        },
        Row { rpc: "ListClients", good: json!({}), bad: pages() },
        Row {
            rpc: "GetDirectory",
            good: json!({ "client_id": "acme" }),
            bad: vec![("client_id", json!("acme,globex"))],
        },
        Row {
            rpc: "ApplyDirectory",
            good: json!({ "client": client, "requesters": [requester] }),
            bad: vec![
                ("client.client_id", json!("*")),
                ("client.name", long(201)),
                ("client.name", json!("a\u{202e}b")),
                ("client.reference_prefix", json!("acme")),
                ("client.reference_prefix", json!("A1234567890")),
                ("client.languages", json!([])),
                ("client.languages", json!(vec!["en"; 21])),
                ("client.time_zone", json!("Mars/Olympus")),
                ("requesters", (0..10_001).map(|n| json!({ "email": format!("{n}@a.b"), "name": "n" })).collect()),
                ("requesters", json!([requester, requester])),
                ("requesters", json!([{ "email": "<kari@acme.example>", "name": "Kari" }])),
                ("requesters", json!([{ "email": "kari@acme.example", "name": "Kari\r\nBcc: x" }])),
            ],
        },
    ]
}

/// The directory and attachments.
fn beside() -> Vec<Row> {
    let person = |name: Value| json!([{ "external_id": "p-1", "person": { "name": name } }]);
    let per = json!({ "name": "Per", "addresses": [{ "kind": 1, "address": "per@acme.example" }] });
    let entries = json!([{ "external_id": "p-1", "person": per }]);
    let import = json!({ "client_id": "acme", "last": true, "entries": entries });
    let whose = |more: Vec<(&'static str, Value)>| {
        [
            vec![
                ("client_id", json!("acme%")),
                ("person", json!("")),
                ("person", long(256)),
                ("person", json!("a\u{0}b")),
            ],
            more,
        ]
        .concat()
    };
    vec![
        Row {
            rpc: "ImportDirectory",
            good: import,
            bad: vec![
                ("client_id", json!("*")),
                ("source", long(201)),
                ("source", json!("file")),
                ("entries", vec![person(json!("P"))[0].clone(); 251].into()),
                ("entries", json!([{}])),
                ("entries", person(json!(""))),
                ("entries", person(json!("P\u{202e}er"))),
                ("entries", json!([{ "external_id": "x".repeat(256), "person": { "name": "P" } }])),
                ("entries", json!([{ "person": { "name": "P", "addresses": [{ "kind": 1, "address": "nobody" }] } }])),
                ("entries", json!([{ "asset": { "name": "P", "kind": 99 } }])),
                ("entries", json!([{ "site": { "name": "P", "time_zone": "Mars/Olympus" } }])),
            ],
        },
        Row {
            rpc: "ListDirectory",
            good: json!({ "client_id": "acme", "kind": 1 }),
            bad: [
                pages(),
                vec![("client_id", json!("%")), ("kind", json!(0)), ("kind", json!(99)), ("contains", long(201))],
            ]
            .concat(),
        },
        Row {
            rpc: "GetPerson",
            good: json!({ "client_id": "acme", "person": "kari@acme.example" }),
            bad: whose(vec![]),
        },
        Row { rpc: "ListAttachments", good: json!({ "ticket": "ACME-1001" }), bad: tickets() },
        Row {
            rpc: "UploadAttachment",
            good: command(json!({ "name": "a.txt", "chunk": "aGVsbG8=", "last": true })),
            bad: [
                tickets(),
                vec![
                    ("request_id", long(37)),
                    ("name", json!("")),
                    ("name", long(1_001)),
                    ("client_id", json!("%")),
                    ("visibility", json!(99)),
                    ("chunk", json!("")),
                    ("last", json!(false)),
                ],
            ]
            .concat(),
        },
    ]
}

fn posts() -> Vec<(&'static str, Value)> {
    vec![
        ("attachment_ids", json!(["x"])),
        ("attachment_ids", json!(["0198f1c0-0000-7000-8000-000000000001", "0198f1c0-0000-7000-8000-000000000001"])),
        ("attachment_ids", json!(vec!["0198f1c0-0000-7000-8000-000000000001"; 51])),
        ("request_id", json!("")),
        ("request_id", long(37)),
        ("request_id", json!("a\nb")),
        ("client_id", json!("")),
        ("client_id", json!("acme%")),
        ("client_id", long(32)),
        ("matter.subject", json!("")),
        ("matter.subject", json!(" \t ")),
        ("matter.subject", long(301)),
        ("matter.subject", json!("🔥".repeat(301))),
        ("matter.subject", json!("a\r\nBcc: x@y")),
        ("matter.subject", json!("a\u{0}b")),
        ("matter.subject", json!("invoice\u{202e}fdp.exe")),
        ("matter.description", long(64 * 1024 + 1)),
        ("matter.description", json!("a\u{0}b")),
        ("matter.description", json!("\u{1b}[31mred")),
        ("matter.language", long(36)),
        ("matter.category", long(201)),
        ("matter.subcategory", long(201)),
        ("matter.source", long(201)),
        ("matter.external_ref", long(256)),
        ("matter.external_ref", json!("æ".repeat(128))),
        ("matter.requester_email", json!("a b@c")),
        ("matter.requester_email", json!("a@b@c")),
        ("matter.requester_email", json!("Kari <kari@acme.example>")),
        ("matter.requester_email", json!(format!("{}@b", "a".repeat(254)))),
        ("matter.kind", json!(99)),
        ("matter.channel", json!(99)),
        ("matter.impact", json!(-1)),
        ("matter.urgency", json!(i32::MAX)),
        ("matter.attributes", pairs(33)),
        ("matter.attributes", pairs(60_000)),
        ("matter.attributes", json!({ "": "v" })),
        ("matter.attributes", json!({ "k".repeat(65): "v" })),
        ("matter.attributes", json!({ "k": "v".repeat(1_001) })),
    ]
}

/// Triage.
fn work() -> Vec<Row> {
    let head = || [tickets(), vec![("request_id", json!("")), ("request_id", long(37))]].concat();
    let text = |field, most: usize| (field, long(most + 1));
    let list = |rows: Vec<(&'static str, Value)>| [rows, pages()].concat();
    vec![
        Row { rpc: "GetTicket", good: json!({ "ticket": "ACME-1001" }), bad: tickets() },
        Row { rpc: "ListHistory", good: json!({ "ticket": "ACME-1001" }), bad: list(tickets()) },
        Row {
            rpc: "ListTickets",
            good: json!({ "filter": {} }),
            bad: list(vec![
                ("filter.client_ids", json!(["acme", "%"])),
                ("filter.client_ids", json!(vec!["acme"; 101])),
                ("filter.states", json!([99])),
                ("filter.states", json!([0])),
                ("filter.priorities", json!([6])),
                ("filter.queues", json!([""])),
                ("filter.owners", json!(["o".repeat(201)])),
                text("filter.subject_contains", 200),
                ("filter.subject_contains", json!("\u{0}")),
                ("order", json!(99)),
            ]),
        },
        Row { rpc: "WatchTickets", good: json!({}), bad: vec![("filter.client_ids", json!(["*"]))] },
        Row { rpc: "ClaimTicket", good: command(json!({})), bad: head() },
        Row {
            rpc: "HandOverTicket",
            good: command(json!({ "queue": "network", "reason": "r" })),
            bad: vec![
                ("queue", json!("")),
                text("queue", 200),
                ("reason", json!("")),
                text("reason", 1_000),
                text("note", 10_000),
            ],
        },
        Row {
            rpc: "WaitTicket",
            good: command(json!({ "reason": 2 })),
            bad: vec![("reason", json!(0)), ("reason", json!(99)), ("note", json!("\u{0}"))],
        },
        Row {
            rpc: "ResolveTicket",
            good: command(json!({ "code": 1, "no_article_reason": "r" })),
            bad: vec![("code", json!(0)), ("code", json!(-5)), text("no_article_reason", 1_000), text("approver", 200)],
        },
        Row {
            rpc: "CancelTicket",
            good: command(json!({ "reason": 1 })),
            bad: vec![("reason", json!(99)), ("duplicate_of", json!("ACME-1")), text("note", 10_000)],
        },
        Row {
            rpc: "TriageTicket",
            good: command(json!({})),
            bad: vec![("kind", json!(99)), ("priority", json!(9)), ("impact", json!(4)), text("category", 200)],
        },
        Row {
            rpc: "GetSupportModel",
            good: json!({ "client_id": "acme" }),
            bad: vec![("client_id", json!("*")), ("version", json!(u64::MAX))],
        },
    ]
}

/// Triage: who works on what.
fn agents() -> Vec<Row> {
    let head = || [tickets(), vec![("request_id", json!("")), ("request_id", long(37))]].concat();
    let text = |field, most: usize| (field, long(most + 1));
    vec![
        Row {
            rpc: "AssignTicket",
            good: command(json!({ "owner": "ada@operator.example" })),
            bad: [
                head(),
                vec![("owner", json!("")), text("owner", 200), ("owner", json!("\u{0}")), text("reason", 1_000)],
            ]
            .concat(),
        },
        Row {
            rpc: "ReturnTicket",
            good: command(json!({ "reason": "which floor?" })),
            bad: vec![("reason", json!("")), text("reason", 1_000), text("note", 10_000)],
        },
        Row { rpc: "CallBack", good: command(json!({})), bad: [head(), vec![text("note", 10_000)]].concat() },
        Row { rpc: "JoinSwarm", good: command(json!({})), bad: head() },
        Row {
            rpc: "InviteToSwarm",
            good: command(json!({ "agent": "ada@operator.example" })),
            bad: vec![("agent", json!("")), text("agent", 200), ("note", json!("\u{0}")), text("note", 10_000)],
        },
        Row { rpc: "LeaveSwarm", good: command(json!({})), bad: head() },
        Row {
            rpc: "GetRoster",
            good: json!({ "client_id": "acme" }),
            bad: vec![
                ("client_id", json!("*")),
                ("at", json!("1969-12-31T23:59:59Z")),
                ("at", json!("2200-01-01T00:00:00Z")),
            ],
        },
    ]
}

/// The SLA timer.
fn promises() -> Vec<Row> {
    vec![
        Row { rpc: "ListClocks", good: json!({ "ticket": "ACME-1001" }), bad: tickets() },
        Row {
            rpc: "ExplainClock",
            good: json!({ "ticket": "ACME-1001" }),
            bad: [tickets(), vec![("metric", json!(99))]].concat(),
        },
        Row { rpc: "GetContract", good: json!({ "client_id": "acme" }), bad: vec![("client_id", json!("'"))] },
        Row {
            rpc: "PreviewClocks",
            good: json!({ "cases_json": "[]" }),
            bad: vec![
                ("cases_json", json!("")),
                ("cases_json", json!("{}")),
                ("cases_json", json!("[".repeat(100_000))),
                ("cases_json", json!("{\"contract\":".repeat(10_000))),
            ],
        },
        Row {
            rpc: "WhatIf",
            good: json!({ "terms_json": "{\"calendars\":{},\"targets\":{}}" }),
            bad: vec![
                ("terms_json", json!("")),
                ("terms_json", json!("[")),
                ("terms_json", json!("{\"calendars\":".repeat(10_000))),
                ("terms_json", long(256 * 1024 + 1)),
                ("client_ids", json!(["*"])),
                ("client_ids", json!(vec!["acme"; 101])),
                ("from", json!("1969-12-31T23:59:59Z")),
                ("until", json!("2200-01-01T00:00:00Z")),
            ],
        },
    ]
}

/// The knowledge base.
fn knowledge() -> Vec<Row> {
    let text = json!({
        "article_key": "hostile", "language": "en", "title": "t", "body": "b", "keywords": ["k"], "audience": 1
    });
    let article = json!({ "request_id": "hostile", "client_id": "acme", "text": text });
    vec![
        Row {
            rpc: "AddArticle",
            good: article,
            bad: vec![
                ("request_id", long(37)),
                ("client_id", json!("%")),
                ("text.article_key", long(81)),
                ("text.article_key", json!("../../etc/passwd")),
                ("text.language", json!("xx")),
                ("text.title", long(201)),
                ("text.title", json!("a\nb")),
                ("text.body", long(256 * 1024 + 1)),
                ("text.body", json!("\u{0}")),
                ("text.keywords", json!(vec!["k"; 33])),
                ("text.keywords", json!(["k".repeat(51)])),
                ("text.audience", json!(0)),
                ("text.audience", json!(99)),
                ("text.review_by", json!("9999-12-31T00:00:00Z")),
                ("text.review_by", json!("0001-01-01T00:00:00Z")),
            ],
        },
        Row {
            rpc: "SearchArticles",
            good: json!({ "client_id": "acme", "query": "vpn" }),
            bad: vec![
                ("query", json!("")),
                ("query", long(1_001)),
                ("query", json!("a\u{0}b")),
                ("language", json!("klingon")),
                ("page_size", json!(-1)),
                ("client_id", json!("*")),
            ],
        },
        Row {
            rpc: "ListArticles",
            good: json!({}),
            bad: [
                pages(),
                vec![("states", json!([99])), ("client_ids", json!(["a b"])), ("client_ids", json!(vec!["acme"; 201]))],
            ]
            .concat(),
        },
        Row { rpc: "GetArticle", good: json!({}), bad: ids("article_id") },
    ]
}

/// Values that are no ids.
pub(super) fn ids(field: &'static str) -> Vec<(&'static str, Value)> {
    ["", "x", "00000000-0000-0000-0000-00000000000g"].map(|id| (field, json!(id))).to_vec()
}

/// Figures, and what concerns those who run the desk.
fn figures() -> Vec<Row> {
    let period = json!({ "from": "2026-11-01T00:00:00Z", "until": "2026-12-01T00:00:00Z" });
    let backwards = json!({ "from": "2026-12-01T00:00:00Z", "until": "2026-11-01T00:00:00Z" });
    let costs = json!({ "client_id": "acme", "currency": "NOK", "months": [{ "month": "2026-11", "cents": 1 }] });
    vec![
        Row {
            rpc: "GetKpis",
            good: json!({ "period": period }),
            bad: vec![
                ("period", backwards),
                ("period", json!({})),
                ("client_ids", json!(["acme", "x'"])),
                ("client_ids", json!(vec!["acme"; 1_001])),
                ("time_zone", json!("../../etc/passwd")),
                ("time_zone", long(65)),
            ],
        },
        Row {
            rpc: "ListKpiTickets",
            good: json!({ "client_id": "acme", "kpi": 1, "period": period }),
            bad: [pages(), vec![("kpi", json!(0)), ("kpi", json!(99)), ("client_id", json!("%"))]].concat(),
        },
        Row {
            rpc: "ApplyCosts",
            good: json!({ "costs": costs }),
            bad: vec![
                ("costs.currency", json!("nok")),
                ("costs.months", json!([{ "month": "2026-13", "cents": 1 }])),
                ("costs.months", json!([{ "month": "2026-11", "cents": u64::MAX }])),
                ("costs.months", json!([{ "month": "2026-11" }, { "month": "2026-11" }])),
                ("costs.months", json!(vec![json!({ "month": "2026-11" }); 1_201])),
            ],
        },
        Row { rpc: "ListDeadLetters", good: json!({}), bad: pages() },
        Row {
            rpc: "ReplayDeadLetters",
            good: json!({}),
            bad: ids("dead_letter_ids").into_iter().map(|(f, id)| (f, json!([id]))).collect(),
        },
    ]
}
