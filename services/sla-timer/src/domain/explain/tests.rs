use jiff::SignedDuration;
use proptest::prelude::*;
use serde_json::json;

use super::{Explained, Kind, Segment, explain};
use crate::domain::calendar::Weekday;
use crate::domain::case::Case;
use crate::domain::clock::clocks;
use crate::domain::contract::{Metric, TermsBook};
use crate::domain::strategies::{book, cases, history, versions};

fn resolution(facts: serde_json::Value, until: &str) -> Explained {
    let case: Case = serde_json::from_value(json!({
        "contract": {
            "calendars": {"office": {"time_zone": "UTC", "weekly": {"mon": ["08:00-12:00", "13:00-16:00"], "tue": ["08:00-16:00"]}}},
            "targets": {"P2": {"resolution": {"within": "4h", "calendar": "office"}}},
            "pause_on": {"resolution": ["vendor"]},
        },
        "facts": facts,
        "until": until,
    })).expect("a well-formed case");
    let terms = case.contract.terms().expect("no complaints");
    explain(&terms, &case.facts, case.until).pop().expect("a clock")
}

#[test]
fn a_clock_tells_its_life() {
    let told = resolution(
        json!([
            {"revision": 1, "at": "2026-03-16T07:00:00Z", "type": "registered", "priority": "P2"},
            {"revision": 2, "at": "2026-03-16T09:00:00Z", "type": "waiting", "reason": "vendor"},
            {"revision": 3, "at": "2026-03-16T11:00:00Z", "type": "resumed"},
            {"revision": 4, "at": "2026-03-16T14:00:00Z", "type": "resolved"},
            {"revision": 5, "at": "2026-03-16T15:30:00Z", "type": "reopened"},
        ]),
        "2026-03-17T10:00:00Z",
    );
    assert_eq!(told.clock.metric, Metric::Resolution);
    let paused = |revision: u64, at: &str, reason: &str| json!({"kind": "paused", "fact": {"at": at, "revision": revision}, "reason": reason});
    let mut waiting = paused(2, "2026-03-16T09:00:00Z", "vendor");
    (waiting["from"], waiting["to"]) = ("2026-03-16T09:00:00Z".into(), "2026-03-16T11:00:00Z".into());
    let mut resolved = paused(4, "2026-03-16T14:00:00Z", "resolved");
    (resolved["from"], resolved["to"]) = ("2026-03-16T14:00:00Z".into(), "2026-03-16T15:30:00Z".into());
    assert_eq!(
        serde_json::to_value(&told.segments).expect("they can be written"),
        json!([
            {"from": "2026-03-16T07:00:00Z", "to": "2026-03-16T08:00:00Z", "kind": "outside_hours"},
            {"from": "2026-03-16T08:00:00Z", "to": "2026-03-16T09:00:00Z", "kind": "running"},
            waiting,
            {"from": "2026-03-16T11:00:00Z", "to": "2026-03-16T12:00:00Z", "kind": "running"},
            {"from": "2026-03-16T12:00:00Z", "to": "2026-03-16T13:00:00Z", "kind": "outside_hours"},
            {"from": "2026-03-16T13:00:00Z", "to": "2026-03-16T14:00:00Z", "kind": "running"},
            resolved,
            {"from": "2026-03-16T15:30:00Z", "to": "2026-03-16T16:00:00Z", "kind": "running"},
            {"from": "2026-03-16T16:00:00Z", "to": "2026-03-17T08:00:00Z", "kind": "outside_hours"},
            {"from": "2026-03-17T08:00:00Z", "to": "2026-03-17T08:30:00Z", "kind": "running"},
            {"from": "2026-03-17T08:30:00Z", "to": "2026-03-17T10:00:00Z", "kind": "after_due"},
        ])
    );
}

#[test]
fn a_pause_tells_who_began_it() {
    let told = resolution(
        json!([
            {"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered", "priority": "P2"},
            {"revision": 2, "at": "2026-03-16T09:00:00Z", "type": "waiting", "reason": "vendor", "by": "kari"},
            {"revision": 3, "at": "2026-03-16T10:00:00Z", "type": "resolved", "by": "ola"},
            {"revision": 4, "at": "2026-03-16T11:00:00Z", "type": "reopened"},
        ]),
        "2026-03-16T11:30:00Z",
    );
    let by = |segment: &Segment| match &segment.kind {
        Kind::Paused { by, fact, .. } => Some((by.clone().unwrap_or_default(), fact.revision)),
        _ => None,
    };
    let told: Vec<_> = told.segments.iter().filter_map(by).collect();
    assert_eq!(told, [("kari".to_owned(), 2), ("ola".to_owned(), 3)]);
}

#[test]
fn what_was_agreed_upon_tells_who_agreed() {
    let told = resolution(
        json!([
            {"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered", "priority": "P2"},
            {"revision": 2, "at": "2026-03-16T09:00:00Z", "type": "due_agreed", "metric": "resolution",
             "due_at": "2026-03-20T12:00:00Z", "note": "Friday noon", "by": "kari"},
        ]),
        "2026-03-16T11:30:00Z",
    );
    let agreed = told.clock.agreed.expect("it was agreed upon");
    assert_eq!((agreed.by.as_deref(), agreed.note.as_deref()), (Some("kari"), Some("Friday noon")));
    assert_eq!(Some(agreed.due_at), told.clock.due_at);
}

#[test]
fn measured_anew_from_the_start_a_clock_tells_another_life() {
    let case: Case = serde_json::from_value(json!({
        "contract": {
            "calendars": {"office": {"time_zone": "UTC", "weekly": {"mon": ["08:00-16:00"]}}},
            "targets": {"P2": {"resolution": {"within": "8h", "calendar": "office"}}},
        },
        "facts": [
            {"revision": 1, "at": "2026-03-16T07:00:00Z", "type": "registered", "priority": "P2"},
            {"revision": 2, "at": "2026-03-16T10:00:00Z", "type": "terms_changed", "version": 2, "from": "start"},
        ],
        "until": "2026-03-16T11:00:00Z",
    }))
    .expect("a well-formed case");
    let first = case.contract.terms().expect("no complaints");
    let mut later = case.contract.clone();
    later.calendars.get_mut("office").expect("a calendar").weekly =
        [(Weekday::Mon, vec!["09:00-16:00".to_owned()])].into();
    let later = later.terms().expect("no complaints");
    let told = explain(TermsBook::new(1, &first).with(2, &later), &case.facts, case.until).pop().expect("a clock");
    assert_eq!(told.clock.contract_version, 2);
    let told: Vec<_> = told.segments.iter().map(|segment| (segment.from.to_string(), segment.kind.clone())).collect();
    let expected = [("2026-03-16T07:00:00Z", Kind::OutsideHours), ("2026-03-16T09:00:00Z", Kind::Running)];
    assert_eq!(told, expected.map(|(from, kind)| (from.to_owned(), kind)));
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn segments_adjoin_and_add_up_to_the_clock(terms in versions(), (facts, until) in history()) {
        let explained = explain(book(&terms), &facts, until);
        let shown: Vec<_> = explained.iter().map(|told| told.clock.clone()).collect();
        prop_assert_eq!(shown, clocks(book(&terms), &facts, until));
        for Explained { clock, segments } in explained {
            let mut told_until = clock.started_at;
            let mut counted = SignedDuration::ZERO;
            for segment in &segments {
                prop_assert_eq!(segment.from, told_until);
                prop_assert!(segment.from < segment.to);
                told_until = segment.to;
                counted += segment.counted();
                let breached = |at| clock.breached_at.is_some_and(|breached| breached <= at);
                match segment.kind {
                    Kind::AfterDue => prop_assert!(breached(segment.from)),
                    Kind::Running => prop_assert!(!breached(segment.from)),
                    Kind::OutsideHours | Kind::Paused { .. } => {}
                }
            }
            prop_assert_eq!(told_until, clock.stopped_at.unwrap_or(until));
            prop_assert_eq!(counted, clock.elapsed);
        }
    }
}
