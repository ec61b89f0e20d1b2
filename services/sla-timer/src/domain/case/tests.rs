use std::path::Path;

use super::Case;

/// Written for this package; here so that a checkout alone is tested.
const OWN: &str = include_str!("own_cases.json");

/// Written for this package: further metrics, rules, agreed due instants, other terms.
const FURTHER: &str = include_str!("further_cases.json");

/// The shared golden cases, beside the workspace.
const SHARED: &str = "../../../shared/sla/cases.json";

fn check(cases: &str) {
    let cases: Vec<Case> = serde_json::from_str(cases).expect("cases are well-formed");
    assert!(!cases.is_empty());
    let mut failed = Vec::new();
    for case in &cases {
        let shown = case.shown().unwrap_or_else(|complaints| panic!("{}: {complaints:?}", case.name));
        for pair in 0..shown.len().max(case.expect.len()) {
            let (got, want) = (shown.get(pair), case.expect.get(pair));
            if got != want {
                failed.push(format!("{}\n  got  {got:?}\n  want {want:?}", case.name));
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} cases:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[test]
fn own_cases_come_out_to_the_millisecond() {
    check(OWN);
}

#[test]
fn further_cases_come_out_to_the_millisecond() {
    check(FURTHER);
}

#[test]
fn golden_cases_come_out_to_the_millisecond() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SHARED);
    if !path.exists() {
        println!("skipped: there is no ../shared/sla/cases.json beside this checkout");
        return;
    }
    check(&std::fs::read_to_string(path).expect("the golden cases can be read"));
}
