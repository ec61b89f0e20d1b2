use std::collections::HashMap;
use std::sync::Arc;

use chassis::status::Violation;
use contracts::sla_timer::v1::WhatIfRequest;
use contracts::{ClientId, timestamp};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::wire::{MOST_CLIENTS, question};
use super::{Page, Question};
use crate::domain::contract::{Contract, Priority, Terms};
use crate::domain::fact::{Fact, Key, Kind};
use crate::domain::what_if::Summary;
use crate::promises::Record;
use crate::store::Ticket;
use crate::store::history::Registration;

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn terms() -> Value {
    json!({
        "calendars": {"office": {"time_zone": "UTC", "weekly": {"mon": ["08:00-16:00"]}}},
        "targets": {"P3": {"resolution": {"within": "1h", "calendar": "office"}}}
    })
}

fn request() -> WhatIfRequest {
    WhatIfRequest { terms_json: terms().to_string(), ..WhatIfRequest::default() }
}

fn asked(request: &WhatIfRequest) -> Result<Question, String> {
    let told = |violations: Vec<Violation>| violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    question(request, at("2026-03-16T08:00:00Z")).map_err(told)
}

#[test]
fn what_is_not_said_is_everybody_since_ever_until_now() {
    let question = asked(&request()).expect("it is taken");
    assert!(question.clients.is_empty());
    assert_eq!((question.from, question.until), (Timestamp::UNIX_EPOCH, at("2026-03-16T08:00:00Z")));
}

#[test]
fn everything_that_is_wrong_with_a_question_is_told_at_once() {
    let mut faulty = terms();
    faulty["targets"]["P3"]["resolution"]["within"] = json!("0s");
    let text = asked(&WhatIfRequest {
        terms_json: faulty.to_string(),
        client_ids: vec!["acme".to_owned(), "Acme!".to_owned()],
        from: Some(timestamp(at("2200-01-01T00:00:00Z"))),
        until: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
    })
    .expect_err("it is refused");
    for field in ["terms_json.targets.P3.resolution.within", "client_ids[1]", "from", "until"] {
        assert!(text.contains(field), "{field}: {text}");
    }
}

#[test]
fn one_past_each_limit_is_refused() {
    let named = |most: usize| WhatIfRequest { client_ids: vec!["acme".to_owned(); most], ..request() };
    assert_eq!(asked(&named(MOST_CLIENTS)).expect("it is taken").clients.len(), 1);
    assert!(asked(&named(MOST_CLIENTS + 1)).is_err_and(|text| text.contains("client_ids must be at most 100")));

    let period = |from: &str, until: &str| WhatIfRequest {
        from: Some(timestamp(at(from))),
        until: Some(timestamp(at(until))),
        ..request()
    };
    assert!(asked(&period("1970-01-01T00:00:00Z", "2199-12-31T23:59:59Z")).is_ok());
    assert!(asked(&period("1969-12-31T23:59:59Z", "2026-01-01T00:00:00Z")).is_err_and(|text| text.contains("from")));
    assert!(asked(&period("2026-01-01T00:00:00Z", "2200-01-01T00:00:00Z")).is_err_and(|text| text.contains("until")));
    assert!(asked(&period("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")).is_err_and(|text| text.contains("after")));

    let padded = format!("{}{}", terms(), " ".repeat(256 * 1024));
    assert!(asked(&WhatIfRequest { terms_json: padded, ..request() }).is_err_and(|text| text.contains("bytes")));
    assert!(asked(&WhatIfRequest::default()).is_err_and(|text| text.contains("terms_json cannot be read")));
}

fn draft() -> Terms {
    serde_json::from_value::<Contract>(terms()).expect("well-formed").terms().expect("no complaints")
}

#[test]
fn a_ticket_that_several_events_registered_counts_once_where_the_first_stands() {
    let client_id = ClientId::new("acme").expect("a client");
    let ticket = Ticket {
        client_id: client_id.clone(),
        ticket_id: Uuid::from_u128(7),
        reference: "ACME-7".to_owned(),
        is_registered: true,
        contract_version: Some(1),
        revision: 0,
        next_at: None,
        is_settled: None,
        changes: 0,
    };
    let registered = |text: &str, revision| {
        Fact::new(Key { at: at(text), source: 0, revision }, Kind::registered(Some(Priority::P3)))
    };
    let facts = vec![registered("2026-03-17T08:00:00Z", 2), registered("2026-03-16T08:00:00Z", 1)];
    let page = |registered_at: &str| Page {
        tickets: vec![Registration { ticket: ticket.clone(), registered_at: at(registered_at) }],
        record: Record {
            facts: HashMap::from([(ticket.key(), facts.clone())]),
            promises: HashMap::from([((client_id.clone(), 1), Arc::new(draft()))]),
        },
        next: None,
    };
    let mut summary = Summary::default();
    let as_of = at("2026-03-30T08:00:00Z");
    page("2026-03-17T08:00:00Z").fold(&draft(), as_of, &mut summary).expect("it folds");
    assert_eq!(summary, Summary::default());
    page("2026-03-16T08:00:00Z").fold(&draft(), as_of, &mut summary).expect("it folds");
    assert_eq!((summary.tickets, summary.figures.len(), summary.changes.len()), (1, 1, 0));
}
