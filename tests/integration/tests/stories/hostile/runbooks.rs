//! One past each limit: runbooks and their runs.

use serde_json::{Value, json};

use super::limits::{Row, command, long, tickets};

fn ids() -> Vec<(&'static str, Value)> {
    vec![("run_id", json!("")), ("run_id", json!("'; DROP TABLE run; --")), ("run_id", long(100_000))]
}

pub(super) fn all() -> Vec<Row> {
    let parameter = |parameter: Value, value: Value| json!([{ "parameter": parameter, "value": value }]);
    let many = (0..51).map(|n| json!({ "parameter": format!("p{n}"), "value": "v" })).collect::<Value>();
    let request_ids = || vec![("request_id", json!("")), ("request_id", long(37))];
    vec![
        Row {
            rpc: "ListRunbooks",
            good: json!({ "client_id": "acme" }),
            bad: vec![("client_id", json!("")), ("client_id", json!("%")), ("client_id", json!("acme.globex"))],
        },
        Row {
            rpc: "StartRunbook",
            good: command(json!({ "runbook": "restart" })),
            bad: [
                tickets(),
                request_ids(),
                vec![
                    ("runbook", json!("")),
                    ("runbook", long(201)),
                    ("runbook", json!("a\u{0}b")),
                    ("parameters", many),
                    ("parameters", parameter(json!(""), json!("v"))),
                    ("parameters", parameter(long(201), json!("v"))),
                    ("parameters", parameter(json!("a\u{0}"), json!("v"))),
                    ("parameters", parameter(json!("host"), long(16 * 1024 + 1))),
                ],
            ]
            .concat(),
        },
        Row {
            rpc: "ListRuns",
            good: json!({ "ticket": "ACME-1001" }),
            bad: vec![
                ("ticket", long(65)),
                ("client_ids", json!(["*"])),
                ("client_ids", json!(vec!["acme"; 101])),
                ("page_size", json!(-1)),
                ("page_token", json!("x")),
                ("page_token", long(100_000)),
            ],
        },
    ]
    .into_iter()
    .chain(of_runs())
    .collect()
}

/// Those of a run that is not there are refused for their form all the same.
fn of_runs() -> Vec<Row> {
    vec![
        Row { rpc: "GetRun", good: json!({}), bad: ids() },
        Row { rpc: "WatchRun", good: json!({}), bad: ids() },
        Row {
            rpc: "CancelRun",
            good: json!({}),
            bad: [ids(), vec![("request_id", long(37)), ("reason", long(1_001)), ("reason", json!("a\u{0}b"))]]
                .concat(),
        },
    ]
}
