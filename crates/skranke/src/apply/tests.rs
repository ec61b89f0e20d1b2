use contracts::sla_timer::v1::ApplyContractRequest;
use serde_json::{Value, json};

use super::contract_value;
use crate::client_file::{difference, render};

fn changes(before: &Value, after: &Value) -> String {
    let value = |terms: &Value| {
        let contract =
            ApplyContractRequest { name: "Standard".to_owned(), terms_json: terms.to_string(), ..Default::default() };
        contract_value(&contract).unwrap()
    };
    render(&difference(&value(before), &value(after)))
}

fn with_special_days(days: Value) -> Value {
    json!({ "calendars": { "office": { "time_zone": "Europe/Oslo", "special_days": days } } })
}

#[test]
fn a_day_that_closes_or_opens_again_is_a_change() {
    let (none, closed) = (with_special_days(json!({})), with_special_days(json!({ "2026-12-25": [] })));
    let path = "terms.calendars.office.special_days.2026-12-25";
    assert_eq!(
        changes(&with_special_days(json!({ "2026-12-25": ["08:00-12:00"] })), &closed),
        format!("~ {path}: [08:00-12:00] → closed\n")
    );
    let moved = with_special_days(json!({ "2026-12-26": [] }));
    assert_eq!(
        changes(&closed, &moved),
        "- terms.calendars.office.special_days.2026-12-25: closed\n+ terms.calendars.office.special_days.2026-12-26: closed\n"
    );
    assert!(!changes(&none, &closed).is_empty());
    assert!(!changes(&closed, &none).is_empty());
}

#[test]
fn the_order_of_pausing_reasons_is_no_change() {
    let of = |reasons: [&str; 2]| json!({ "calendars": {}, "pause_on": { "resolution": reasons } });
    assert_eq!(changes(&of(["vendor", "approval"]), &of(["approval", "vendor"])), "");
    assert!(!changes(&of(["vendor", "approval"]), &of(["approval", "parts"])).is_empty());
}

#[test]
fn a_contract_of_which_little_is_said_is_itself() {
    assert_eq!(changes(&json!({}), &json!({ "calendars": {}, "pause_on": {} })), "");
}
