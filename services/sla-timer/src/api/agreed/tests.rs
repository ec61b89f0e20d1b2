use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chassis::Scope;
use chassis::authorisation::{Caller, Principal};
use contracts::sla_timer::v1 as proto;
use contracts::timestamp;
use jiff::{SignedDuration, Timestamp};

use super::{AHEAD, MOST_NOTE, MOST_REQUEST_ID, read_agreed, read_withdrawn};
use crate::domain::fact::Kind;

const NOW: Timestamp = Timestamp::constant(1_794_816_000, 0);

fn caller() -> Caller {
    let (roles, roles_everywhere) = (BTreeMap::new(), BTreeSet::new());
    let principal = Principal { subject: "anna@operator.example".to_owned(), roles, roles_everywhere };
    Caller { principal: Arc::new(principal), scope: Scope::Every }
}

fn request() -> proto::AgreeDueRequest {
    proto::AgreeDueRequest {
        request_id: "1".to_owned(),
        ticket: "ACME-1001".to_owned(),
        metric: proto::Metric::Resolution.into(),
        due_at: Some(timestamp(NOW + SignedDuration::from_hours(1))),
        note: " with Kari ".to_owned(),
    }
}

fn refusal(request: &proto::AgreeDueRequest) -> String {
    read_agreed(request, &caller(), NOW).map(drop).expect_err("it is refused").message().to_owned()
}

#[test]
fn what_was_agreed_is_read_with_who_said_so() {
    let (ticket, agreement) = read_agreed(&request(), &caller(), NOW).expect("it is accepted");
    assert_eq!((ticket.as_str(), agreement.by.as_str()), ("ACME-1001", "anna@operator.example"));
    let Kind::DueAgreed { due_at, note, .. } = agreement.kind else { panic!("an agreement") };
    assert_eq!((due_at, note.as_deref()), (NOW + SignedDuration::from_hours(1), Some("with Kari")));
}

#[test]
fn one_past_each_limit_is_refused() {
    let noted = |length: usize| proto::AgreeDueRequest { note: "æ".repeat(length), ..request() };
    let asked = |length: usize| proto::AgreeDueRequest { request_id: "æ".repeat(length), ..request() };
    let due = |at: Timestamp| proto::AgreeDueRequest { due_at: Some(timestamp(at)), ..request() };
    for fits in [noted(MOST_NOTE), asked(MOST_REQUEST_ID), due(NOW + AHEAD)] {
        assert!(read_agreed(&fits, &caller(), NOW).is_ok(), "{fits:?}");
    }
    assert!(refusal(&noted(MOST_NOTE + 1)).contains("note"));
    assert!(refusal(&asked(MOST_REQUEST_ID + 1)).contains("request_id"));
    assert!(refusal(&due(NOW + AHEAD + SignedDuration::from_secs(1))).contains("due_at"));
    assert!(refusal(&due(NOW)).contains("due_at"), "now is not in the future");
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = refusal(&proto::AgreeDueRequest::default());
    for field in ["request_id", "ticket", "metric", "due_at"] {
        assert!(text.contains(field), "{field}: {text}");
    }
    let withdrawn = read_withdrawn(&proto::WithdrawDueRequest::default(), &caller()).map(drop);
    let text = withdrawn.expect_err("it is refused").message().to_owned();
    assert!(["request_id", "ticket", "metric"].iter().all(|field| text.contains(field)), "{text}");
}
