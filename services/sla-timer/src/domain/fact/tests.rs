use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fact, Happened, Kind};
use crate::domain::contract::WaitingReason;
use crate::domain::strategies::{cases, history};

fn read(json: Value) -> Result<Fact, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn one_source_need_not_be_named() {
    let json = json!({"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered"});
    let fact = read(json.clone()).expect("well-formed");
    assert_eq!((fact.key.source, &fact.kind), (0, &Kind::registered(None)));
    assert_eq!(serde_json::to_value(fact).expect("it can be written"), json);
}

#[test]
fn the_parts_of_a_fact_fit_its_type() {
    let fact = |kind: &str, part: &str, value: Value| {
        let mut json = json!({"revision": 1, "at": "2026-03-16T08:00:00Z", "type": kind});
        json[part] = value;
        read(json)
    };
    for (kind, part, value, says) in [
        ("triaged", "source", json!(1), "missing field `priority`"),
        ("priority_changed", "source", json!(1), "missing field `priority`"),
        ("waiting", "source", json!(1), "missing field `reason`"),
        ("entered_tier", "queue", json!("network"), "missing field `tier`"),
        ("due_agreed", "metric", json!("resolution"), "missing field `due_at`"),
        ("due_withdrawn", "source", json!(1), "missing field `metric`"),
        ("terms_changed", "version", json!(2), "missing field `from`"),
        ("resumed", "reason", json!("vendor"), "no `reason`"),
        ("resolved", "priority", json!("P1"), "no `priority`"),
        ("public_answer", "site", json!("Oslo"), "no `site`"),
        ("vanished", "source", json!(1), "unknown variant"),
        ("resolved", "colour", json!("red"), "no `colour`"),
        ("classified", "colour", json!("red"), "unknown variant `colour`"),
        ("resolved", "by", json!(7), "`by`: "),
    ] {
        let error = fact(kind, part, value).expect_err(kind);
        assert!(error.contains(says), "{kind}: {error}");
    }
}

#[test]
fn a_fact_is_kept_without_its_key_and_without_what_is_not_known() {
    let json = json!({
        "revision": 7, "at": "2026-03-16T08:00:00Z", "type": "triaged", "priority": "P2", "by": "kari", "tier": 2,
        "requester_vip": true, "category": "software"
    });
    let fact = read(json).expect("well-formed");
    let kept = json!({
        "type": "triaged", "priority": "P2", "by": "kari", "tier": "2", "requester_vip": "true", "category": "software"
    });
    let happened = Happened { kind: fact.kind, by: fact.by };
    assert_eq!(serde_json::to_value(&happened).expect("it can be written"), kept);
    assert_eq!(serde_json::from_value::<Happened>(kept).expect("it can be read"), happened);
    // As it was kept before anybody was named.
    let old: Happened = serde_json::from_value(json!({"type": "waiting", "reason": "vendor"})).expect("it can be read");
    assert_eq!(old, Happened { kind: Kind::Waiting { reason: WaitingReason::Vendor }, by: None });
}

#[test]
fn a_part_that_stands_twice_is_refused() {
    let text = r#"{"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "resolved", "revision": 2}"#;
    let error = serde_json::from_str::<Fact>(text).expect_err("it is refused").to_string();
    assert!(error.contains("`revision` stands here a second time"), "{error}");
}

proptest! {
    #![proptest_config(cases(128))]

    #[test]
    fn a_fact_survives_a_round_trip((facts, _) in history()) {
        let json = serde_json::to_string(&facts).expect("they can be written");
        let back: Vec<Fact> = serde_json::from_str(&json).expect("they can be read");
        prop_assert_eq!(back, facts);
    }
}
