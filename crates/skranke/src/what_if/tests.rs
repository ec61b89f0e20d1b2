use contracts::sla_timer::v1::{Metric, WhatIfChange, WhatIfFigures, WhatIfResult, WhatIfStandings};

use super::{read_draft, text, value};

const CONTRACT: &str = "\
name: Draft
calendars:
  office:
    time_zone: Europe/Oslo
    weekly: {mon: [\"08:00-16:00\"]}
    special_days:
      2026-12-24: [\"08:00-12:00\"]
      2026-12-25: []
targets:
  P3:
    resolution: {within: 16h, calendar: office}
on_reopen: none
warn_at: [50, 75]
";

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}\n")).collect()
}

#[test]
fn a_draft_is_a_contract_alone_or_below_its_key_as_yaml_or_json() {
    let alone = read_draft("draft.yaml", CONTRACT).expect("it is read");
    let below = read_draft("draft.yaml", &format!("contract:\n{}", indented(CONTRACT))).expect("it is read");
    assert_eq!(alone, below);
    assert_eq!(alone, read_draft("draft.json", &alone.terms_json).expect("it is read"));
    let contract: sla_timer::domain::contract::Contract = serde_json::from_str(&alone.terms_json).expect("a contract");
    assert!(contract.check().is_empty(), "{:?}", contract.check());
    assert_eq!(contract.warn_at, [50, 75]);
    assert_eq!(contract.calendars["office"].special_days.len(), 2);
}

#[test]
fn a_whole_client_file_says_whose_tickets_are_meant() {
    let file = include_str!("../import/uci/client.yaml");
    let draft = read_draft("client.yaml", file).expect("it is read");
    assert_eq!(draft.client.as_deref(), Some("uci"));
    assert!(draft.terms_json.contains("targets"));
    let wrong = read_draft("client.yaml", &file.replace("time_zone:", "zone:")).expect_err("it is refused").to_string();
    assert!(wrong.contains("client.yaml:"), "with line and column: {wrong}");
}

#[test]
fn what_is_no_contract_is_refused_with_its_file() {
    for (wrong, why) in [("- 1\n", "no contract"), ("contract: 7\n", "no mapping"), ("{", "neither YAML nor JSON")] {
        let told = read_draft("draft.yaml", wrong).expect_err("it is refused").to_string();
        assert!(told.contains("draft.yaml") && told.contains(why), "{told}");
    }
}

fn result(changes: usize) -> WhatIfResult {
    let standings = |met| Some(WhatIfStandings { ended: 4, met, breached: 4 - met, ..WhatIfStandings::default() });
    WhatIfResult {
        tickets: 4,
        figures: vec![WhatIfFigures {
            client_id: "acme".to_owned(),
            metric: Metric::Resolution.into(),
            recorded: standings(3),
            drafted: standings(1),
            breaches_gained: 2,
            ..WhatIfFigures::default()
        }],
        changes: vec![
            WhatIfChange {
                reference: "ACME-1001".to_owned(),
                metric: Metric::Resolution.into(),
                cycle: 1,
                gained: true,
                ..WhatIfChange::default()
            };
            changes
        ],
        changes_left_out: 7,
        ..WhatIfResult::default()
    }
}

#[test]
fn the_figures_show_both_attainments_and_what_is_not_shown_is_counted() {
    let text = text(&result(3), 2.0, 2);
    for part in ["75.0 % (3 of 4)", "25.0 % (1 of 4)", "… and 1 more; --show 3", "7 more than these 3", "120 a minute"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("ACME-1001").count(), 2);
    let value = value(&result(0), 2.0).expect("JSON");
    assert_eq!(
        (value["figures"][0]["recorded"]["attainment"].as_f64(), value["took_ms"].as_f64()),
        (Some(0.75), Some(2000.0))
    );
}
