//! One past each limit: merging persons, and parting them again. The last rows, since they change who is who.

use serde_json::{Value, json};

use super::{REQUEST_ID, Row, long};

pub fn all() -> Vec<Row> {
    let heads = [("request_id", json!("")), ("request_id", long(37)), ("client_id", json!("%"))];
    let whom = |field: &'static str| [(field, json!("")), (field, long(256)), (field, json!("a\u{0}b"))];
    let why = [("reason", long(1_001)), ("reason", json!("a\u{0}b"))];
    let row = |rpc: &'static str, more: Value, bad: Vec<(&'static str, Value)>| {
        let mut good = json!({ "request_id": REQUEST_ID, "client_id": "acme", "reason": "one and the same" });
        if let (Some(fields), Some(more)) = (good.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        Row { rpc, good, bad: [heads.to_vec(), whom("person").to_vec(), why.to_vec(), bad].concat() }
    };
    vec![
        row(
            "MergePersons",
            json!({ "person": "per@acme.example", "into": "kari@acme.example" }),
            whom("into").to_vec(),
        ),
        row("UnmergePerson", json!({ "person": "per@acme.example" }), vec![]),
    ]
}
