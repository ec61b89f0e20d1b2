use std::path::Path;

use serde_json::{Value, json};

use super::{Cases, Limits, preview};
use crate::domain::case::{Case, Shown};

const MOST: Limits = Limits::REQUEST;

fn case() -> Value {
    json!({
        "contract": {
            "calendars": {"office": {"time_zone": "UTC", "weekly": {"mon": ["08:00-16:00"]}}},
            "targets": {"P3": {"resolution": {"within": "1h", "calendar": "office"}}}
        },
        "facts": [{"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered", "priority": "P3"}],
        "until": "2026-03-16T10:00:00Z"
    })
}

fn refusal(question: &Value) -> String {
    let violations = preview(&question.to_string()).expect_err("it is refused");
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn one_case_and_a_list_of_cases_give_a_list_of_lists() {
    for (question, cases) in [(case(), 1), (json!([case(), case()]), 2), (json!([]), 0)] {
        let answer: Value = serde_json::from_str(&preview(&question.to_string()).expect("an answer")).expect("JSON");
        assert_eq!(answer.as_array().map(Vec::len), Some(cases));
        for clocks in answer.as_array().expect("a list") {
            assert_eq!(clocks[0]["breached_at"], "2026-03-16T09:00:00Z");
        }
    }
}

#[test]
fn the_golden_cases_are_answered_as_they_expect() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/sla/cases.json");
    if !path.exists() {
        println!("skipped: there is no ../shared/sla/cases.json beside this checkout");
        return;
    }
    let json = std::fs::read_to_string(path).expect("the golden cases can be read");
    let cases: Vec<Case> = serde_json::from_str(&json).expect("cases are well-formed");
    let expected: Vec<Vec<Shown>> = cases.into_iter().map(|case| case.expect).collect();
    let answer: Vec<Vec<Shown>> = serde_json::from_str(&preview(&json).expect("an answer")).expect("JSON");
    for (pair, (got, want)) in answer.iter().zip(&expected).enumerate() {
        assert_eq!(got, want, "case {pair}");
    }
    assert_eq!(answer.len(), expected.len());
}

#[test]
fn one_past_each_limit_is_refused() {
    let mut many_facts = case();
    many_facts["facts"] = json!(vec![case()["facts"][0].clone(); MOST.facts + 1]);
    assert!(refusal(&many_facts).contains("cases_json[0].facts has more than"));

    let mut small = case();
    small["facts"] = json!([]);
    small["contract"] = json!({"calendars": {}, "targets": {}});
    assert!(preview(&json!(vec![small.clone(); MOST.cases]).to_string()).is_ok());
    assert!(refusal(&json!(vec![small; MOST.cases + 1])).contains("has more than 1000 cases"));

    let mut long = case();
    long["until"] = json!("2127-03-16T08:00:00Z");
    assert!(refusal(&long).contains("cases_json[0].until"));

    let padded = format!("{}{}", case(), " ".repeat(MOST.bytes));
    assert!(preview(&padded).is_err_and(|violations| violations[0].to_string().contains("bytes")));
}

#[test]
fn every_fault_of_a_contract_is_named_with_its_path() {
    let mut faulty = case();
    faulty["contract"]["calendars"]["office"]["time_zone"] = json!("Europe/Atlantis");
    faulty["contract"]["targets"]["P3"]["resolution"]["within"] = json!("-1h");
    let text = refusal(&json!([case(), faulty]));
    assert!(text.contains("cases_json[1].contract.calendars.office.time_zone"), "{text}");
    assert!(text.contains("cases_json[1].contract.targets.P3.resolution.within"), "{text}");
}

#[test]
fn what_is_no_case_is_refused() {
    for question in ["", "[", "null", "7", "{}", "[{}]", "[[]]", "{\"until\": 1}"] {
        assert!(preview(question).is_err(), "{question}");
    }
    assert!(preview(&"[".repeat(100_000)).is_err());
}

#[test]
fn what_cannot_be_read_is_told_with_its_case_and_its_field() {
    let mut faulty = case();
    faulty["name"] = json!("the second");
    faulty["facts"][0]["type"] = json!("registred");
    let fault = Cases::read(&json!([case(), faulty]).to_string(), Limits::FILE).expect_err("it is refused");
    assert_eq!((fault.case, fault.name.as_str()), (Some(1), "the second"));
    assert!(fault.path.starts_with("facts[0]"), "{fault:?}");
    assert!(fault.text.contains("registred"), "{fault:?}");
    let alone = Cases::read(&faulty.to_string(), Limits::FILE).expect_err("it is refused");
    assert_eq!((alone.case, alone.name.as_str(), alone.path), (Some(0), "the second", fault.path));

    assert!(refusal(&json!([case(), faulty])).starts_with("cases_json[1].facts[0]"));
    let mut deep = case();
    deep["contract"]["targets"]["P3"]["resolution"]["within"] = json!(8);
    let fault = Cases::read(&deep.to_string(), Limits::FILE).expect_err("it is refused");
    assert_eq!(fault.path, "contract.targets.P3.resolution.within");

    let trailing = Cases::read(&format!("{} 7", case()), Limits::FILE).expect_err("it is refused");
    assert_eq!((trailing.case, trailing.path.as_str()), (None, ""));
}

#[test]
fn a_file_may_be_larger_than_a_request() {
    let many = json!(vec![case(); MOST.cases + 1]).to_string();
    assert!(preview(&many).is_err());
    let answers = Cases::read(&many, Limits::FILE).expect("it is read").clocks().expect("no faults");
    assert_eq!(answers.len(), MOST.cases + 1);
    let few = Limits { cases: 2, ..Limits::FILE };
    assert!(Cases::read(&json!([case(), case(), case()]).to_string(), few).is_err());
}
