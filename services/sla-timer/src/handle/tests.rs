use std::collections::BTreeMap;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::look::{next_look, occasion};
use super::{SOON, touched_by};
use crate::domain::clock::{Alarm, Next};
use crate::domain::fact::{Fact, Key, Kind};
use crate::domain::told::Occasion;
use crate::store::{self, Ticket};
use crate::wire::{News, Witnessed};

fn second(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn fact(at: i64) -> Fact {
    Fact::new(Key { at: second(at), source: 0, revision: 1 }, Kind::PublicAnswer)
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
        is_settled: None,
        changes: 0,
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

#[test]
fn whoever_looked_ahead_sees_that_there_is_news() {
    let (known, references) = ([news(1, 1, 90)], BTreeMap::new());
    let changes_at = |next_at: Option<Timestamp>| {
        let before = Ticket { next_at, ..ticket() };
        touched_by(before, &references, &known, second(100)).ticket.changes
    };
    let soon = second(100) + SOON;
    assert_eq!(changes_at(Some(soon)), 1);
    assert_eq!(changes_at(Some(soon + SignedDuration::from_millis(1))), 0, "nobody can have looked so far ahead");
    assert_eq!(changes_at(None), 0);
}

#[test]
fn an_instant_that_nothing_was_to_happen_at_is_no_time_that_has_passed() {
    let sent =
        |told: &[crate::domain::told::Told], facts: &[Fact]| occasion(Occasion::Time { at: second(100) }, told, facts);
    assert_eq!(sent(&[], &[]), Occasion::Facts { at: second(100) });
    // A fact of the future that has come true, but not an edit of the contract.
    assert_eq!(sent(&[], &[fact(100)]), Occasion::Time { at: second(100) });
    let key = Key { at: second(100), source: store::EDIT, revision: 2 };
    assert_eq!(sent(&[], &[Fact { key, ..fact(100) }]), Occasion::Facts { at: second(100) });
    let told = |at| [told(Next { at: second(at), alarm: Alarm::Breach })];
    assert_eq!(sent(&told(100), &[]), Occasion::Time { at: second(100) });
    assert_eq!(sent(&told(101), &[]), Occasion::Facts { at: second(100) });
}

fn told(next: Next) -> crate::domain::told::Told {
    crate::domain::told::Told {
        metric: crate::domain::contract::Metric::Resolution,
        cycle: 1,
        state: crate::domain::clock::State::Running,
        started_at: second(1),
        target: SignedDuration::from_hours(1),
        due_at: Some(next.at),
        breached_at: None,
        stopped_at: None,
        elapsed: SignedDuration::ZERO,
        calendar: String::new(),
        next: Some(next),
        generation: 1,
        warned: 0,
        breach_event_id: None,
        reminded: 0,
    }
}
