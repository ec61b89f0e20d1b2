use conditions::Facts;
use serde_json::{Value, json};

use super::{Contract, Metric, OnReopen, Priority, WaitingReason};

fn contract() -> Value {
    json!({
        "calendars": {"office": {"time_zone": "Europe/Oslo", "weekly": {"mon": ["08:00-16:00"]}}},
        "targets": {"P2": {
            "first_response": {"within": "1h30m", "calendar": "office"},
            "resolution": {"within": "16h", "calendar": "office"},
        }},
    })
}

fn read(json: Value) -> Contract {
    serde_json::from_value(json).expect("a well-formed contract")
}

/// The complaints about the contract after a change, as `path REASON`.
fn complaints(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut json = contract();
    change(&mut json);
    let found = read(json).check();
    found.iter().map(|complaint| format!("{} {}", complaint.path, complaint.problem.reason())).collect()
}

fn complaint_on_length(within: &str) -> Vec<String> {
    complaints(|json| json["targets"]["P2"]["resolution"]["within"] = within.into())
}

#[test]
fn what_is_not_said_is_as_usual() {
    let contract = read(contract());
    assert_eq!((contract.on_reopen, contract.warn_at.as_slice()), (OnReopen::Resume, &[50, 75, 90][..]));
    assert_eq!(contract.check(), []);
}

#[test]
fn lengths_are_hours_minutes_and_seconds() {
    let terms = read(contract()).terms().expect("no complaints");
    let promise = |priority, metric| terms.promises(priority, &Facts::default())[metric as usize];
    let response = promise(Priority::P2, Metric::FirstResponse).expect("promised");
    assert_eq!(response.within, 5_400_000);
    assert!(promise(Priority::P2, Metric::NextResponse).is_none());
    assert!(promise(Priority::P3, Metric::Resolution).is_none());
    let wrong = "targets.P2.resolution.within NOT_A_LENGTH";
    for text in ["", "16", "soon", "1d", "2w", "1.5s", "1500ms", "1h 30"] {
        assert_eq!(complaint_on_length(text), [wrong], "{text:?}");
    }
}

#[test]
fn a_target_is_positive_and_not_for_ever() {
    for text in ["0s", "-30m", "0h"] {
        assert_eq!(complaint_on_length(text), ["targets.P2.resolution.within NOT_POSITIVE"], "{text:?}");
    }
    for text in ["100000h1s", "2500000000000000h"] {
        assert_eq!(complaint_on_length(text), ["targets.P2.resolution.within TOO_LONG"], "{text:?}");
    }
    assert!(complaint_on_length("100000h").is_empty());
}

#[test]
fn the_response_is_not_later_than_the_resolution() {
    let found = complaint_on_length("1h29m59s");
    assert_eq!(found, ["targets.P2.first_response.within RESPONSE_ABOVE_RESOLUTION"]);
    assert!(complaint_on_length("1h30m").is_empty());
}

#[test]
fn lengths_of_different_calendars_are_not_compared() {
    let found = complaints(|json| {
        json["calendars"]["night"] = json["calendars"]["office"].clone();
        json["targets"]["P2"]["resolution"] = json!({"within": "1h", "calendar": "night"});
    });
    assert!(found.is_empty());
}

#[test]
fn every_mistake_is_named_with_its_place() {
    let found = complaints(|json| {
        json["calendars"]["office"]["weekly"] = json!({});
        json["calendars"]["moon"] = json!({"time_zone": "Moon/Base", "weekly": {"tue": ["9-17"]}});
        json["targets"]["P2"]["resolution"]["calendar"] = "holiday".into();
        json["targets"]["P1"] = json!({"next_response": {"within": "-1s", "calendar": "office"}});
        json["warn_at"] = json!([50, 0, 100, -1, 300, 50, 99]);
    });
    assert_eq!(
        found,
        [
            "calendars.moon.time_zone UNKNOWN_ZONE",
            "calendars.moon.weekly.tue[0] MALFORMED_INTERVAL",
            "calendars.office NEVER_OPEN",
            "targets.P1.next_response.within NOT_POSITIVE",
            "targets.P2.resolution.calendar UNKNOWN_CALENDAR",
            "warn_at[1] PERCENT_OUT_OF_RANGE",
            "warn_at[2] PERCENT_OUT_OF_RANGE",
            "warn_at[3] PERCENT_OUT_OF_RANGE",
            "warn_at[4] PERCENT_OUT_OF_RANGE",
            "warn_at[5] DUPLICATE_PERCENT",
        ]
    );
}

#[test]
fn unknown_fields_and_words_are_refused() {
    let changes: [(&str, Value); 5] = [
        ("on_reopens", json!("none")),
        ("on_reopen", json!("sometimes")),
        ("pause_on", json!({"resolution": ["weather"]})),
        ("targets", json!({"P6": {}})),
        ("calendars", json!({"a": {"time_zone": "UTC", "weekley": {}}})),
    ];
    for (field, value) in changes {
        let mut json = contract();
        json[field] = value;
        assert!(serde_json::from_value::<Contract>(json).is_err(), "{field}");
    }
}

#[test]
fn a_reason_pauses_only_the_metrics_that_name_it() {
    let mut json = contract();
    json["pause_on"] = json!({"resolution": ["requester", "scheduled", "requester"]});
    let terms = read(json).terms().expect("no complaints");
    assert!(terms.pauses(Metric::Resolution, WaitingReason::Requester));
    assert!(terms.pauses(Metric::Resolution, WaitingReason::Scheduled));
    assert!(!terms.pauses(Metric::Resolution, WaitingReason::Vendor));
    assert!(!terms.pauses(Metric::FirstResponse, WaitingReason::Requester));
}

#[test]
fn a_contract_survives_a_round_trip() {
    let contract = read(contract());
    let json = serde_json::to_value(&contract).expect("it can be written");
    assert_eq!(read(json), contract);
}
