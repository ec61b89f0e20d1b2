use contracts::sla_timer::v1::ApplyContractRequest;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{EXPLAINED_FOR, MOST_NAME, MOST_TERMS, explained_until, read_contract};
use crate::domain::fact::{Fact, Key, Kind};

fn terms() -> Value {
    json!({
        "calendars": {"office": {"time_zone": "UTC", "weekly": {"mon": ["08:00-16:00"]}}},
        "targets": {"P3": {"resolution": {"within": "1h", "calendar": "office"}}}
    })
}

fn request(terms_json: String) -> ApplyContractRequest {
    ApplyContractRequest { client_id: "acme".to_owned(), name: "Standard".to_owned(), terms_json, open_clocks: 0 }
}

fn refusal(request: ApplyContractRequest) -> String {
    let violations = read_contract(request).expect_err("it is refused");
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn what_is_said_and_what_goes_without_saying_are_the_same_contract() {
    let mut explicit = terms();
    explicit["warn_at"] = json!([90, 50, 75]);
    explicit["on_reopen"] = json!("resume");
    explicit["pause_on"] = json!({"resolution": []});
    let plain = read_contract(request(terms().to_string())).expect("it is accepted");
    assert_eq!(read_contract(request(explicit.to_string())).expect("it is accepted"), plain);
    let again = read_contract(request(plain.2.clone())).expect("canonical terms are terms");
    assert_eq!(again, plain);
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let mut faulty = terms();
    faulty["calendars"]["office"]["time_zone"] = json!("Europe/Atlantis");
    faulty["targets"]["P3"]["resolution"]["within"] = json!("0s");
    let text = refusal(ApplyContractRequest {
        client_id: "Acme!".to_owned(),
        name: String::new(),
        terms_json: faulty.to_string(),
        open_clocks: 0,
    });
    for field in
        ["client_id", "name", "terms_json.calendars.office.time_zone", "terms_json.targets.P3.resolution.within"]
    {
        assert!(text.contains(field), "{field}: {text}");
    }
}

#[test]
fn one_past_each_limit_is_refused() {
    let padded = |length: usize| {
        let terms = terms().to_string();
        format!("{terms}{}", " ".repeat(length - terms.len()))
    };
    assert!(read_contract(request(padded(MOST_TERMS))).is_ok());
    assert!(refusal(request(padded(MOST_TERMS + 1))).contains("terms_json has more than"));
    let named = |length: usize| ApplyContractRequest { name: "æ".repeat(length), ..request(terms().to_string()) };
    assert!(read_contract(named(MOST_NAME)).is_ok());
    assert!(refusal(named(MOST_NAME + 1)).contains("name must be"));
}

#[test]
fn strangers_in_a_contract_are_refused() {
    let mut strange = terms();
    strange["penalties"] = json!(1);
    assert!(refusal(request(strange.to_string())).contains("unknown field `penalties`"));
    for terms_json in ["", "[]", "null", "{", "\u{0}"] {
        assert!(refusal(request(terms_json.to_owned())).contains("terms_json cannot be read"));
    }
}

#[test]
fn an_explanation_ends_where_nobody_reads_further() {
    let at: Timestamp = "2000-01-01T00:00:00Z".parse().expect("an instant");
    let facts = [Fact::new(Key { at, source: 0, revision: 1 }, Kind::Resolved)];
    let soon = at + SignedDuration::from_hours(1);
    assert_eq!(explained_until(&facts, soon), soon);
    assert_eq!(explained_until(&facts, "2026-01-01T00:00:00Z".parse().expect("an instant")), at + EXPLAINED_FOR);
    assert_eq!(explained_until(&[], soon), soon);
}
