//! What is read, and what is complained about at which line and column.

mod automation;
mod closing;
mod differences;
mod fulfilment;
mod limits;
mod meaning;
mod roster;
mod runbooks;
mod shape;

use super::*;

/// A file with nothing wrong in it.
const GOOD: &str = include_str!("good.yaml");

/// The good file with the one place that says `from` saying `to`.
fn with(from: &str, to: &str) -> String {
    assert_eq!(GOOD.matches(from).count(), 1, "`{from}` must stand exactly once in the good file");
    GOOD.replace(from, to)
}

/// What is said of a text.
fn said(text: &str) -> Vec<String> {
    match ClientFile::read("acme.yaml", text) {
        Ok(_) => Vec::new(),
        Err(complaints) => complaints.iter().map(ToString::to_string).collect(),
    }
}

/// Makes one thing wrong and asks for exactly one complaint: at the `»` in `to`, saying `expected`.
#[track_caller]
fn complains(from: &str, to: &str, expected: &str) {
    let marked = with(from, to);
    let before = marked.split('»').next().unwrap();
    let line = before.lines().count().max(1) + usize::from(before.ends_with('\n'));
    let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
    assert_eq!(marked.matches('»').count(), 1, "`to` must mark the place");
    assert_eq!(said(&marked.replace('»', "")), [format!("acme.yaml:{line}:{column}: {expected}")]);
}

#[test]
fn a_good_file_is_read_whole() {
    let file = ClientFile::read("acme.yaml", GOOD).unwrap();
    assert_eq!(file.client, "acme");
    assert_eq!(file.languages, [Language::En, Language::Nb]);
    assert_eq!(file.requesters[0].phone.as_deref(), Some("+47 22 33 44 55"));
    assert!(file.requesters[0].vip && !file.requesters[1].vip);
    assert_eq!(file.support_model.queues[1].skills, ["vpn", "wifi"]);
    assert_eq!(file.priorities, Priorities::default());
    assert_eq!((file.routing[0].when.depth(), file.routing[0].when.nodes()), (4, 6));
    let contract = file.contract.unwrap();
    assert_eq!(contract.targets[&Priority::P1][&Metric::Resolution].within.seconds, 8 * 3_600);
    let monday = &contract.calendars["office"].weekly[&Weekday::Mon];
    assert_eq!((monday[1].from_minute, monday[1].to_minute), (12 * 60 + 30, 16 * 60));
    let costs = file.costs.unwrap();
    assert_eq!(costs.months.values().map(|amount| amount.0).collect::<Vec<_>>(), [1_200_000, 1_234_550]);
}

#[test]
fn what_is_left_out_has_its_usual_value() {
    let short = "\
client: acme
name: Acme
reference_prefix: AC
languages: [en]
time_zone: UTC
support_model:
  tiers: [{tier: 1, name: Desk, kind: front, contact: direct}]
  queues: [{queue: desk, name: Desk, tier: 1, team: Desk}]
  default_queue: desk
";
    let file = ClientFile::read("acme.yaml", short).unwrap();
    let categories: Vec<_> = file.categories.iter().map(|it| it.category.as_str()).collect();
    assert_eq!(categories, ["hardware", "software", "service"]);
    assert_eq!(file.priorities.matrix[&Level::High][&Level::High], Priority::P1);
    assert!(file.contract.is_none() && file.costs.is_none() && file.routing.is_empty());
}

#[test]
fn a_file_survives_being_written_as_json_and_read_again() {
    let file = ClientFile::read("acme.yaml", GOOD).unwrap();
    let json = serde_json::to_value(&file).unwrap();
    assert_eq!(json["costs"]["months"]["2026-10"], "12345.50");
    assert_eq!(json["contract"]["targets"]["P1"]["first_response"]["within"], "30m");
    assert_eq!(json["routing"][1]["when"], serde_json::json!({"all": []}));
    assert_eq!(serde_json::from_value::<ClientFile>(json.clone()).unwrap(), file);
    // JSON is YAML.
    assert_eq!(ClientFile::read("acme.json", &json.to_string()).unwrap(), file);
}

#[test]
fn the_schema_knows_every_section_and_the_shapes_of_a_rule() {
    let schema = schema();
    let properties = schema["properties"].as_object().unwrap();
    let sections = [
        "client",
        "name",
        "reference_prefix",
        "languages",
        "time_zone",
        "requesters",
        "support_model",
        "categories",
        "priorities",
        "classification",
        "routing",
        "automation",
        "vendors",
        "catalogue",
        "changes",
        "runbooks",
        "waiting",
        "closing",
        "alerts",
        "forms",
        "problems",
        "contract",
        "costs",
    ];
    assert_eq!(properties.len(), sections.len());
    assert!(sections.iter().all(|section| properties.contains_key(*section)));
    assert_eq!(schema["additionalProperties"], false);
    for rule in ["RuleOverField", "RuleOverPromiseField"] {
        assert_eq!(schema["$defs"][rule]["oneOf"].as_array().unwrap().len(), 4, "{rule}");
    }
    assert_eq!(schema["properties"]["requesters"]["maxItems"], super::limits::MAX_REQUESTERS);
    let required = schema["required"].as_array().unwrap();
    assert_eq!(required.len(), 6, "{required:?}");
}

#[test]
fn a_length_of_time_is_read_and_written() {
    for (text, seconds) in [("45s", 45), ("30m", 1_800), ("1h30m", 5_400), ("16h", 57_600), ("90m", 5_400)] {
        assert_eq!(text.parse::<Within>().unwrap().seconds, seconds, "{text}");
    }
    assert_eq!(Within { seconds: 5_445 }.to_string(), "1h30m45s");
    for text in ["", "h", "5", "1d", "30m1h", "1.5h", "-1h", "1h 30m", "99999999999999999999h", "9999999999999999h"] {
        assert!(text.parse::<Within>().is_err(), "{text}");
    }
}

#[test]
fn an_amount_of_money_is_read_without_rounding() {
    for (text, cents) in
        [("0", 0), ("12345.50", 1_234_550), ("0.1", 10), ("0.29", 29), ("90071992547409.93", 9_007_199_254_740_993)]
    {
        assert_eq!(text.parse::<Cents>().unwrap(), Cents(cents), "{text}");
    }
    for text in ["", ".5", "5.", "1.234", "-1", "1e3", "1,50", "1_000", "99999999999999999999"] {
        assert!(text.parse::<Cents>().is_err(), "{text}");
    }
    assert_eq!(Cents(5).to_string(), "0.05");
}

#[test]
fn an_interval_ends_at_midnight_at_the_latest() {
    assert_eq!("00:00-24:00".parse::<Interval>().unwrap(), Interval { from_minute: 0, to_minute: 1_440 });
    for text in ["08:00", "8:00-16:00", "16:00-08:00", "08:00-08:00", "00:00-24:01", "08:60-09:00", "08:00-25:00"] {
        assert!(text.parse::<Interval>().is_err(), "{text}");
    }
}

#[test]
fn a_rule_that_always_or_never_holds_is_known_by_its_shape() {
    let rule = |text: &str| serde_json::from_str::<Rule>(text).unwrap().constant();
    assert_eq!(rule(r#"{"all": []}"#), Some(true));
    assert_eq!(rule(r#"{"any": []}"#), Some(false));
    assert_eq!(rule(r#"{"not": {"any": [{"all": [{"any": []}]}]}}"#), Some(true));
    let condition = r#"{"field": "site", "op": "is", "value": "Oslo"}"#;
    assert_eq!(rule(condition), None);
    assert_eq!(rule(&format!(r#"{{"any": [{condition}, {{"all": []}}]}}"#)), Some(true));
    assert_eq!(rule(&format!(r#"{{"all": [{condition}, {{"any": []}}]}}"#)), Some(false));
    assert_eq!(rule(&format!(r#"{{"all": [{condition}, {{"all": []}}]}}"#)), None);
}

#[test]
fn the_contracts_of_the_golden_cases_are_read_and_written_as_they_are() {
    let here = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let mut candidates = here.ancestors().map(|folder| folder.join("shared/sla/cases.json"));
    let Some(path) = candidates.find(|path| path.is_file()) else {
        eprintln!("skipped: ../shared/sla/cases.json is not there");
        return;
    };
    let cases: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let mut contract = case["contract"].clone();
        contract["name"] = "Golden".into();
        let read: Contract = serde_json::from_value(contract).unwrap();
        for (priority, promises) in &read.targets {
            for (metric, target) in promises {
                let written = &case["contract"]["targets"][priority.as_str()][metric.as_str()]["within"];
                assert_eq!(written.as_str().unwrap().parse::<Within>().unwrap(), target.within);
            }
        }
        let calendars = serde_json::to_value(&read.calendars).unwrap();
        assert!(difference(&case["contract"]["calendars"], &calendars).is_empty());
        assert_eq!(case["contract"]["warn_at"], serde_json::json!(read.warn_at));
    }
}
