//! Rules that give commands by themselves.

use super::super::limits::{MAX_ACTIONS, MAX_AUTOMATION_RULES};
use super::*;

const RULES: &str = "\
automation:
  - rule: vip-first
    what_for: Important people first
    on: [ticket_triaged]
    when: {all: [{field: requester_vip, op: is, value: true}, {field: state, op: is, value: queued}]}
    do:
      - set: {priority: P1, reason: important people first}
      - hand_over: {queue: network, reason: at once}
  - rule: chase
    mode: shadow
    after: {stay: waiting, reason: vendor, for: 4h}
    do: [{note: ask again}, {release: true}]
  - rule: morning
    daily: {at: \"07:30\", days: [mon, fri]}
    do:
      - {note: good morning}
      - {tag: {add: [still-waiting], remove: [new]}}
      - {watch: lead@acme.example}
      - {wait: {for: scheduled}}

costs:
";

fn rules(from: &str, to: &str) -> String {
    assert_eq!(RULES.matches(from).count(), 1, "`{from}` must stand exactly once");
    with("costs:\n", &RULES.replace(from, to))
}

/// Makes one thing wrong and asks for exactly one complaint, at this line (`automation:` is the first) and column, that
/// ends so. Returns what is said instead.
fn spoilt(from: &str, to: &str, (line, column): (usize, usize), expected: &str) -> Option<Vec<String>> {
    let text = rules(from, to);
    let first = text.lines().position(|line| line == "automation:").unwrap();
    let said = said(&text);
    let at = format!("acme.yaml:{}:{column}: ", first + line);
    let is_so = said.len() == 1 && said[0].starts_with(&at) && said[0].ends_with(expected);
    (!is_so).then(|| [vec![format!("{at}… {expected}")], said].concat())
}

#[test]
fn rules_are_read_whole() {
    let file = ClientFile::read("acme.yaml", &with("costs:\n", RULES)).unwrap();
    assert_eq!(file.automation.len(), 3);
    assert_eq!(file.automation[1].mode, RuleMode::Shadow);
    assert_eq!(file.automation[1].after.as_ref().unwrap().stays_for.seconds, 4 * 3_600);
    let sent = crate::apply::automation::rules(&file).unwrap();
    assert_eq!(sent[2].actions.len(), 4);
    assert_eq!(sent[0].mode, 0, "to act is not said");
    let model = crate::apply::model_of(&file).unwrap();
    assert!(triage::wire::model::check::checked(&model).is_ok(), "triage takes what the file takes");
}

#[test]
fn each_mistake_of_a_rule_says_where_it_is_and_what_to_do() {
    let slug = "use 2 to 31 of a-z, 0-9 and -, beginning with a letter";
    let facts = "it must be names of facts as in the history, or requester_wrote";
    let states = "use one of: queued, in_progress, waiting, resolved, closed, cancelled";
    let one = "write exactly one action, such as `note: text`, after each dash";
    let (long, short) = ("priority: P1, reason: important people first", "priority: P1");
    let wrong = [
        spoilt("rule: chase", "rule: Chase Them", (9, 11), slug),
        spoilt("rule: chase", "rule: morning", (13, 11), "already; keep one of them"),
        spoilt("    on: [ticket_triaged]\n", "", (2, 5), "write exactly one of `on`, `after` and `daily`"),
        spoilt("[ticket_triaged]", "[nothing_happened]", (4, 9), facts),
        spoilt("value: queued", "value: asleep", (5, 93), states),
        spoilt(long, short, (7, 14), "it must say why the matrix is overridden"),
        spoilt(
            "queue: network, reason: at once",
            "queue: nowhere, reason: r",
            (8, 9),
            "queue must be one of the queues",
        ),
        spoilt("vendor, for: 4h", "vendor, for: 30s", (11, 49), "it must be from one minute to 366 days"),
        spoilt("stay: waiting", "stay: queued", (11, 35), "it goes only with WAITING"),
        spoilt("07:30", "7:30", (14, 17), "it must be a time of the day such as 07:30"),
        spoilt("{release: true}", "{release: true, close: true}", (12, 29), one),
        spoilt("for: scheduled", "for: requester", (19, 16), "it must say what the requester was asked"),
        spoilt("[{note: ask again}, {release: true}]", "[]", (12, 9), "it must name at least one"),
    ];
    let wrong: Vec<Vec<String>> = wrong.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_client_has_at_most_its_rules_and_a_rule_its_actions() {
    let many = |count: usize| {
        let list: String =
            (0..count).map(|n| format!("  - {{rule: r{n}, on: [ticket_triaged], do: [{{note: n}}]}}\n")).collect();
        with("costs:\n", &format!("automation:\n{list}\ncosts:\n"))
    };
    assert!(said(&many(MAX_AUTOMATION_RULES)).is_empty());
    let said_of = said(&many(MAX_AUTOMATION_RULES + 1));
    assert!(
        said_of.len() == 1 && said_of[0].ends_with("there are 101 rules, more than 100; remove some"),
        "{said_of:?}"
    );
    let actions = |count: usize| {
        let list = vec!["{note: n}"; count].join(", ");
        rules("[{note: ask again}, {release: true}]", &format!("[{list}]"))
    };
    assert!(said(&actions(MAX_ACTIONS)).is_empty());
    let said_of = said(&actions(MAX_ACTIONS + 1));
    assert!(
        said_of.len() == 1 && said_of[0].ends_with("there are 11 actions, more than 10; remove some"),
        "{said_of:?}"
    );
}

#[test]
fn rules_in_shadow_mode_stand_in_nobodys_way() {
    let shadow = with(
        "  - rule: The rest\n",
        "  - rule: All to the vendor\n    mode: shadow\n    when: {all: []}\n    queue: vendor\n  - rule: The rest\n",
    );
    assert_eq!(said(&shadow), Vec::<String>::new());
}
