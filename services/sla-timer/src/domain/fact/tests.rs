use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Fact, Kind};
use crate::domain::strategies::{cases, history};

fn read(json: Value) -> Result<Fact, String> {
    serde_json::from_value(json).map_err(|error| error.to_string())
}

#[test]
fn one_source_need_not_be_named() {
    let json = json!({"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered"});
    let fact = read(json.clone()).expect("well-formed");
    assert_eq!((fact.key.source, fact.kind), (0, Kind::Registered { priority: None }));
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
        ("triaged", "source", json!(1), "add \"priority\""),
        ("priority_changed", "source", json!(1), "add \"priority\""),
        ("waiting", "source", json!(1), "add \"reason\""),
        ("resumed", "reason", json!("vendor"), "no reason"),
        ("resolved", "priority", json!("P1"), "no priority"),
        ("vanished", "source", json!(1), "unknown variant"),
        ("resolved", "colour", json!("red"), "unknown field"),
    ] {
        let error = fact(kind, part, value).expect_err(kind);
        assert!(error.contains(says), "{kind}: {error}");
    }
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
