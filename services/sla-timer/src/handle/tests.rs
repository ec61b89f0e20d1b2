use std::collections::BTreeMap;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{next_look, touched_by};
use crate::domain::fact::{Fact, Key, Kind};
use crate::domain::told::Occasion;
use crate::store::Ticket;
use crate::wire::{News, Witnessed};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn fact(at: i64) -> Fact {
    Fact { key: Key { at: second(at), source: 0, revision: 1 }, kind: Kind::PublicAnswer }
}

fn ticket() -> Ticket {
    Ticket {
        client_id: ClientId::new("acme").expect("well-formed"),
        ticket_id: Uuid::from_u128(1),
        reference: String::new(),
        is_registered: false,
        contract_version: None,
        revision: 0,
        next_at: None,
    }
}

fn news(event: u128, ticket_id: u128, at: i64) -> News {
    News {
        event_id: Uuid::from_u128(event),
        client_id: ticket().client_id,
        ticket_id: Uuid::from_u128(ticket_id),
        reference: "ACME-1001".to_owned(),
        registers: false,
        facts: vec![Witnessed { event_id: Uuid::from_u128(event), fact: fact(at) }],
        traceparent: None,
    }
}

#[test]
fn a_fact_that_is_told_too_early_is_looked_at_when_it_is_true() {
    assert_eq!(next_look(&[], &[fact(90), fact(110), fact(105)], second(100)), Some(second(105)));
    assert_eq!(next_look(&[], &[fact(100)], second(100)), None);
}

#[test]
fn announcements_answer_to_the_latest_fact_that_has_happened() {
    let known = [news(1, 1, 90), news(2, 1, 95), news(3, 1, 110), news(4, 2, 99)];
    let references = BTreeMap::from([(ticket().key(), "ACME-1001".to_owned())]);
    let touched = touched_by(ticket(), &references, &known, second(100));
    assert_eq!(touched.occasion, Occasion::Facts { at: second(95) });
    assert_eq!(touched.cause_id, Some(Uuid::from_u128(2)));
    assert_eq!(touched.ticket.reference, "ACME-1001");
    let none_yet = touched_by(ticket(), &references, &known[2..], second(100) + SignedDuration::from_secs(1));
    assert_eq!((none_yet.occasion, none_yet.cause_id), (Occasion::Facts { at: second(101) }, None));
}
