use serde_json::{Value, json};
use sla_timer::domain::case::Shown;
use sla_timer::preview::{Cases, Fault, Limits};

use super::{complaint, differences, expected, text_of};

fn case() -> Value {
    json!({
        "name": "a Monday",
        "contract": {
            "calendars": {"office": {"time_zone": "UTC", "weekly": {"mon": ["08:00-16:00"]}}},
            "targets": {"P3": {"resolution": {"within": "1h", "calendar": "office"}}}
        },
        "facts": [{"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered", "priority": "P3"}],
        "until": "2026-03-16T10:00:00Z"
    })
}

fn shown(cases: &Value) -> Vec<Vec<Shown>> {
    Cases::read(&cases.to_string(), Limits::FILE).expect("cases").clocks().expect("no faults")
}

fn differing(cases: &Value) -> Vec<Vec<String>> {
    let shown = shown(cases);
    differences(&expected(&cases.to_string(), shown.len()).expect("JSON"), &shown).expect("as many")
}

#[test]
fn what_comes_as_expected_does_not_differ_however_it_is_written() {
    let mut one = case();
    one["expect"] = serde_json::to_value(&shown(&case())[0]).expect("JSON");
    assert_eq!(differing(&json!([one])), [Vec::<String>::new()]);
    one["expect"][0]["breached_at"] = json!("2026-03-16T10:00:00+01:00");
    assert_eq!(differing(&json!([one])), [Vec::<String>::new()]);
}

#[test]
fn each_difference_is_told_with_its_clock_and_its_field() {
    let mut one = case();
    one["expect"] = serde_json::to_value(&shown(&case())[0]).expect("JSON");
    one["expect"][0]["elapsed_ms"] = json!(1);
    let mut extra = one["expect"][0].clone();
    extra["cycle"] = json!(2);
    one["expect"].as_array_mut().expect("a list").push(extra);
    let mut without = case();
    without["expect"] = json!([]);
    assert_eq!(
        differing(&json!([one, without, case()])),
        [
            vec![
                "resolution (cycle 1) elapsed_ms: expected 1, came 7200000".to_owned(),
                "resolution (cycle 2): expected, did not come".to_owned(),
            ],
            vec!["resolution (cycle 1): came, not expected".to_owned()],
            vec!["it has no `expect` to compare with".to_owned()],
        ]
    );
}

#[test]
fn a_complaint_names_file_case_and_field() {
    let fault = Fault {
        case: Some(3),
        name: "Easter".to_owned(),
        path: "contract.calendars.office.time_zone".to_owned(),
        text: "is refused: there is no such zone".to_owned(),
    };
    assert_eq!(
        complaint("cases.json", &fault),
        "cases.json: case 4 \"Easter\": contract.calendars.office.time_zone is refused: there is no such zone"
    );
}

#[test]
fn a_file_one_byte_past_the_most_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("case.json");
    std::fs::write(&file, "1234").expect("written");
    assert_eq!(text_of(&file, 4).expect("it is read"), "1234");
    assert!(text_of(&file, 3).is_err_and(|error| error.to_string().contains("more than 3 bytes")));
}
