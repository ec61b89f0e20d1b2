//! What the command line says without a desk.

#![expect(clippy::expect_used, reason = "a test that cannot go on says so")]

use std::process::{Command, Output};

fn skranke(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_skranke"))
        .args(arguments)
        .env_remove("SKRANKE_ENDPOINTS")
        .env_remove("SKRANKE_TOKEN")
        .output()
        .expect("the binary runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn help_has_examples() {
    for arguments in
        [&["--help"][..], &["submit", "--help"], &["apply", "--help"], &["token", "--help"], &["preview", "--help"]]
            .into_iter()
            .chain([&["what-if", "--help"][..], &["holidays", "--help"]])
    {
        let output = skranke(arguments);
        assert!(output.status.success());
        assert!(said(&output).contains("Example"), "{arguments:?}: {}", said(&output));
    }
}

#[test]
fn without_a_desk_it_says_how_to_start_one() {
    let output = skranke(&["ticket", "list", "--desk", "/nonexistent/desk"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("skranke up"), "{}", said(&output));
    assert!(!said(&output).contains('\u{1b}'), "no colour where there is no terminal");
}

#[test]
fn a_wrong_word_is_answered_with_the_right_ones() {
    let output = skranke(&["serve", "gateway"]);
    assert!(!output.status.success());
    assert!(said(&output).contains("intake"), "{}", said(&output));
}

#[test]
fn completions_and_the_schema_are_printed() {
    assert!(said(&skranke(&["completions", "bash"])).contains("_skranke"));
    let schema = skranke(&["apply", "--schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&schema.stdout).expect("JSON");
    assert!(schema["properties"]["support_model"].is_object());
}

#[test]
fn a_wrong_client_file_is_refused_with_line_and_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("acme.yaml");
    std::fs::write(&file, "client: acme\nname: [a list]\n").expect("written");
    let output = skranke(&["apply", "--desk", "/nonexistent/desk", &file.display().to_string()]);
    assert!(!output.status.success());
    assert!(said(&output).contains("acme.yaml:2:7"), "{}", said(&output));
}

const CASE: &str = r#"{"name": "a Monday",
    "contract": {"calendars": {"always": {"time_zone": "UTC", "weekly": {"mon": ["00:00-24:00"]}}},
                 "targets": {"P2": {"resolution": {"within": "8h", "calendar": "always"}}}},
    "facts": [{"revision": 1, "at": "2026-03-16T08:00:00Z", "type": "registered", "priority": "P2"}],
    "until": "2026-03-16T12:00:00Z", "expect": []}"#;

#[test]
fn a_preview_needs_no_desk_and_its_check_fails_where_anything_differs() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("case.json");
    let name = file.display().to_string();
    std::fs::write(&file, CASE).expect("written");
    let shown = skranke(&["preview", &name]);
    assert!(shown.status.success(), "{}", said(&shown));
    assert_eq!(shown.stdout.iter().filter(|byte| **byte == b'\n').count(), 1, "compact where no terminal is");
    let shown: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!((&shown[0][0]["metric"], &shown[0][0]["elapsed_ms"]), (&"resolution".into(), &14_400_000.into()));

    let checked = skranke(&["preview", &name, "--check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(said(&checked).contains("case 1 \"a Monday\""), "{}", said(&checked));
    assert!(said(&checked).contains("resolution (cycle 1): came, not expected"), "{}", said(&checked));

    let expected = CASE.replace("\"expect\": []", &format!("\"expect\": {}", shown[0]));
    std::fs::write(&file, expected).expect("written");
    let checked = skranke(&["preview", &name, "--check"]);
    assert!(checked.status.success() && said(&checked).contains("all as expected"), "{}", said(&checked));

    std::fs::write(&file, CASE.replace("\"8h\"", "8")).expect("written");
    let refused = skranke(&["preview", &name]);
    assert_eq!(refused.status.code(), Some(1));
    for part in ["case.json: case 1 \"a Monday\":", "contract.targets.P2.resolution.within"] {
        assert!(said(&refused).contains(part), "{part}: {}", said(&refused));
    }
}

#[test]
fn all_golden_cases_are_previewed_as_they_expect() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/sla/cases.json");
    if !file.exists() {
        println!("skipped: there is no ../shared/sla/cases.json beside this checkout");
        return;
    }
    let checked = skranke(&["preview", &file.display().to_string(), "--check"]);
    assert!(checked.status.success(), "{}", said(&checked));
}

#[test]
fn holidays_are_printed_for_a_contract() {
    let printed = skranke(&["holidays", "NO", "--years", "2026", "--indent", "6"]);
    assert!(said(&printed).contains("\n        2026-05-17: []  # Grunnlovsdag\n"), "{}", said(&printed));
    let json = skranke(&["holidays", "GB", "--region", "ENG", "--years", "2027", "--output", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(json["names"]["2027-12-28"][0], "Boxing Day (observed)");
    for wrong in [&["FR"][..], &["DE", "--region", "XX"], &["NO", "--years", "2041"], &["NO", "--years", "x"], &[]] {
        let refused = skranke(&[&["holidays"], wrong].concat());
        assert!(!refused.status.success(), "{wrong:?}");
    }
}

#[test]
fn an_icalendar_file_gives_its_days_and_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("company.ics");
    let events = "BEGIN:VEVENT\nUID:1\nSUMMARY:Company day\nDTSTART;VALUE=DATE:20200612\nRRULE:FREQ=YEARLY\nEND:VEVENT\n\
                  BEGIN:VEVENT\nUID:2\nSUMMARY:Meeting\nDTSTART:20260612T100000Z\nEND:VEVENT\n";
    std::fs::write(&file, format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")).expect("written");
    let printed = skranke(&["holidays", "--calendar", &file.display().to_string(), "--years", "2026..2027"]);
    let told = said(&printed);
    assert!(told.contains("  2026-06-12: []  # Company day\n  2027-06-12: []"), "{told}");
    assert!(told.contains("left out: Meeting"), "{told}");
}
