//! Files of the right shape that do not mean anything sensible.

use super::*;

#[test]
fn ids_and_names_are_well_formed() {
    let slug = "can not be an id; use 2 to 31 of a-z, 0-9 and -, beginning with a letter";
    for wrong in ["Acme", "a", "1acme", "ac_me", "acme.example"] {
        complains("client: acme\n", &format!("client: »{wrong}\n"), &format!("`{wrong}` {slug}"));
    }
    complains("category: hardware", "category: »Hard ware", &format!("`Hard ware` {slug}"));
    complains("[laptop, printer]", "[laptop, »Printer]", &format!("`Printer` {slug}"));
    complains("{queue: vendor,", "{queue: »Vendor,", &format!("`Vendor` {slug}"));
    complains("name: Acme Works", "name: »\" \"", "this is empty; write a name");
    complains(
        "name: Acme Works",
        "name: »\"Acme\\nWorks\"",
        "this has a line break or another control character; write it on one line",
    );
    for wrong in ["acme", "A", "1ACME", "ACME-1"] {
        complains(
            "reference_prefix: ACME",
            &format!("reference_prefix: »{wrong}"),
            &format!("`{wrong}` can not begin a reference; use 2 to 10 of A-Z and 0-9, beginning with a letter"),
        );
    }
}

#[test]
fn languages_are_there_once_and_cover_the_requesters() {
    complains("[en, nb]", "[en, nb, »en]", "`en` stands in line 5 already; keep one of them");
    complains(
        "language: nb",
        "language: »nn",
        "`nn` is not among the client's languages; add it to `languages` or choose another",
    );
    let said = said(&with("[en, nb]", "[]").replace("    language: nb\n", ""));
    assert_eq!(said, ["acme.yaml:5:12: there is no language; name at least one of: nb, nn, en, nl"]);
}

#[test]
fn time_zones_exist() {
    let wrong = "there is no time zone `Europe/Bergen`; use an IANA name such as Europe/Oslo";
    complains("\ntime_zone: Europe/Oslo", "\ntime_zone: »Europe/Bergen", wrong);
    complains("      time_zone: Europe/Oslo", "      time_zone: »Europe/Bergen", wrong);
}

#[test]
fn requesters_have_an_address_of_their_own() {
    for wrong in ["ola", "ola@acme", "ola @acme.example", "ola@acme..example", "o@la@acme.example", "@acme.example"] {
        complains(
            "email: ola@acme.example",
            &format!("email: »\"{wrong}\""),
            &format!("`{wrong}` is not an e-mail address; write it like kari@example.org"),
        );
    }
    complains(
        "email: ola@acme.example",
        "email: »Kari@Acme.example",
        "`kari@acme.example` stands in line 9 already; keep one of them",
    );
    complains(
        "phone: \"+47 22 33 44 55\"",
        "phone: »ask Ola",
        "`ask Ola` is not a telephone number; write it like \"+47 22 33 44 55\"",
    );
}

#[test]
fn tiers_and_queues_refer_to_each_other() {
    complains(
        "{tier: 4,",
        "{tier: 4, name: Vendors, kind: external, contact: direct}\n    - {tier: »4,",
        "`4` stands in line 23 already; keep one of them",
    );
    let said = said(&with("{tier: 2,", "{tier: 12,").replace("name: Network, tier: 2", "name: Network, tier: 12"));
    assert_eq!(said, ["acme.yaml:22:14: 12 is too high for a tier; use 0 to 9"]);
    complains("name: Network, tier: 2", "name: Network, tier: »3", "there is no tier 3; name one of `tiers`");
    complains("{queue: vendor,", "{queue: »network,", "`network` stands in line 26 already; keep one of them");
    complains("[vpn, wifi]", "[vpn, »vpn]", "`vpn` stands in line 26 already; keep one of them");
    complains(
        "kind: front, contact: direct",
        "kind: front, contact: »through_front",
        "a front tier always faces requesters; write direct",
    );
    complains("default_queue: desk", "default_queue: »help", "there is no queue `help`; name one of `queues`");
    complains(
        "default_queue: desk",
        "default_queue: »vendor",
        "nobody of the desk works in the queue `vendor`; name a queue of a front, specialist or expert tier",
    );
}

#[test]
fn categories_stand_once() {
    complains("category: service", "category: »hardware", "`hardware` stands in line 31 already; keep one of them");
    complains("[laptop, printer]", "[laptop, »laptop]", "`laptop` stands in line 32 already; keep one of them");
}

#[test]
fn the_matrix_is_complete() {
    complains(
        "    low: {high: P3, medium: P4, low: P5}",
        "    low: »{high: P3, low: P5}",
        "impact low has no priority for urgency medium; add `medium: P…`",
    );
    complains(
        "    high: {high: P1, medium: P2, low: P3}\n    medium: {",
        "    »medium: {",
        "the matrix has no row for impact high; add `high: {high: …, medium: …, low: …}`",
    );
}

#[test]
fn rules_refer_to_what_there_is() {
    complains(
        "    queue: network\n",
        "    queue: »nowhere\n",
        "there is no queue `nowhere`; name one of `support_model.queues`",
    );
    complains(
        "value: [vpn]",
        "value: [vpn, »dial-in]",
        "no category has a subcategory `dial-in`; name one of their `subcategories`",
    );
    complains(
        "{field: subject, op: matches_word, value: vpn}",
        "{field: category, op: is, value: »network}",
        "there is no category `network`; name one of `categories`",
    );
    complains(
        "value: monitoring",
        "value: »fax",
        "`fax` is not known here; use one of: phone, email, portal, chat, walk_in, api, monitoring",
    );
    complains(
        "set: {category: software, subcategory: vpn,",
        "set: {category: software, subcategory: »printer,",
        "`software` has no subcategory `printer`; name one of its `subcategories`",
    );
    complains(
        "set: {category: software, subcategory: vpn,",
        "set: {subcategory: »vpn,",
        "the subcategory `vpn` is set without its category; set `category` beside it",
    );
    complains(
        "set: {category: software, subcategory: vpn, impact: medium}",
        "set: »{}",
        "this rule sets nothing; set kind, category, subcategory, impact or urgency",
    );
}

#[test]
fn conditions_compare_what_can_be_compared() {
    complains(
        "{field: channel, op: is,",
        "{field: channel, op: »contains,",
        "`contains` does not go with channel, which is one of a few words; use is or in",
    );
    let flag = "requester_vip is either true or false; write `op: is` and `value: true` or false";
    complains("{field: requester_vip, op: is, value: true}", "»{field: requester_vip, op: is, value: \"true\"}", flag);
    complains("{field: requester_vip, op: is, value: true}", "»{field: requester_vip, op: in, value: [x]}", flag);
    complains("value: monitoring", "value: »true", "channel is a text, not true or false; write a text");
    complains("value: [vpn]", "value: »vpn", "`in` needs a list; write [one, two] or use is");
    complains("value: [vpn]", "value: »[]", "the list is empty; name at least one value");
    complains("value: monitoring", "value: »[phone]", "`is` needs one text; use `in` with a list");
    complains("value: vpn}", "value: »\"\"}", "this is empty; write what to look for");
}

#[test]
fn rules_can_be_reached() {
    let last = "  - rule: The rest\n    when: {all: []}\n    queue: desk\n";
    complains(
        last,
        &format!("{last}  - »rule: Too late\n    when: {{field: site, op: is, value: Oslo}}\n    queue: desk\n"),
        "this rule is never reached: `The rest` before it takes every ticket; move it up or remove it",
    );
    let rule = |mark: &str, name: &str| {
        format!("  - {mark}rule: {name}\n    when: {{field: site, op: is, value: Oslo}}\n    queue: desk\n")
    };
    complains(
        last,
        &format!("{}{}", rule("", "Oslo"), rule("»", "Oslo again")),
        "this rule is never reached: `Oslo` asks for the same; remove one of them",
    );
    complains(
        last,
        &format!("{last}  - »rule: Too late\n    when: {{all: []}}\n    queue: desk\n"),
        "this rule is never reached: `The rest` before it takes every ticket; move it up or remove it",
    );
    complains("when: {all: []}", "when: »{any: []}", "this never holds; put a condition into it or remove the rule");
    complains(
        "rule: The rest",
        "rule: »Network matters",
        "`Network matters` stands in line 49 already; keep one of them",
    );
}

#[test]
fn promises_can_be_kept() {
    complains(
        "within: 30m, calendar: office",
        "within: 30m, calendar: »night",
        "there is no calendar `night`; name one of `calendars`",
    );
    complains("within: 30m", "within: »0s", "a promise of no time can not be kept; write at least 1s");
    complains(
        "within: 30m",
        "within: »9h",
        "P1 promises the first response (9h) later than the resolution (8h); shorten the one or lengthen the other",
    );
    complains(
        "weekly:\n        mon: [\"08:00-12:00\", \"12:30-16:00\"]\n        fri: [\"08:00-15:00\"]",
        "weekly: »{}",
        "this calendar never opens; give at least one weekday its hours",
    );
    complains(
        "\"12:30-16:00\"",
        "»\"11:30-16:00\"",
        "11:30-16:00 begins before 08:00-12:00 has ended; put them in order without overlap",
    );
    complains(
        "[requester, vendor]",
        "[requester, »requester]",
        "`requester` stands in line 76 already; keep one of them",
    );
    complains("[50, 75]", "[50, »100]", "100 is not a warning; use 1 to 99 percent");
    complains("[50, 75]", "[75, »50]", "50 stands after 75; let the percentages rise");
    complains("currency: NOK", "currency: »kr", "`kr` is not a currency; use three capital letters, such as NOK");
}

const KEPT: &str = "  on_reopen: restart";

/// Rules of the contract, before what stands after them.
fn with_rules(rules: &str) -> String {
    format!("  rules:\n{rules}\n{KEPT}")
}

#[test]
fn rules_of_a_contract_are_read() {
    let rules = "    - rule: Board
      when: {all: [{field: requester_vip, op: is, value: true}, {field: tier, op: in, value: [1, 2]}]}
      targets: {P1: {first_response: {within: 10m, calendar: office}, resolution: {within: none}}}";
    let text = with(KEPT, &with_rules(rules)).replace("warn_at: [50, 75]", "warn_after: 30m");
    let file = ClientFile::read("acme.yaml", &text).unwrap();
    let contract = file.contract.clone().unwrap();
    assert_eq!(contract.rules[0].targets[&Priority::P1][&Metric::Resolution].within, WithinOrNone::None);
    assert_eq!(contract.warn_after.unwrap().seconds, 1_800);
    let terms = contract.terms().unwrap();
    assert_eq!((terms.check(), terms.rules[0].rule.as_str()), (Vec::new(), "Board"));
    assert_eq!(file.advice("2026-12-24".parse().unwrap()), Vec::<String>::new());
    assert!(file.advice("2026-12-25".parse().unwrap())[0].starts_with("contract.calendars.office.special_days: all"));
}

#[test]
fn rules_of_a_contract_decide_something_at_their_place() {
    let rule = |mark: &str, name: &str, when: &str, within: &str| {
        format!(
            "    - {mark}rule: {name}\n      when: {when}\n      targets: {{P1: {{resolution: {{within: {within}}}}}}}"
        )
    };
    let oslo = "{field: site, op: is, value: Oslo}";
    let hours = "7h, calendar: office";
    complains(
        KEPT,
        &with_rules(&[rule("", "All", "{all: []}", hours), rule("»", "Oslo", oslo, hours)].join("\n")),
        "the rule never decides anything: wherever it holds, \"All\" before it does; move it up or remove it",
    );
    complains(
        KEPT,
        &with_rules(&rule(
            "",
            "Oslo",
            "»{all: [{field: site, op: is, value: a}, {field: site, op: is, value: b}]}",
            hours,
        )),
        "the condition can never hold; mend it or remove the rule",
    );
    complains(
        KEPT,
        &with_rules(&rule("", "Oslo", oslo, "»10m, calendar: office")),
        "the resolution is promised before the first response of the base; name both in one rule",
    );
    complains(
        KEPT,
        &with_rules(&rule("", "Oslo", oslo, "none, calendar: »office")),
        "nothing that is not promised has a calendar; leave it out",
    );
    complains(
        KEPT,
        &with_rules(&rule("", "Oslo", oslo, "»0s, calendar: office")),
        "a promise of no time can not be kept; write at least 1s",
    );
    complains(
        KEPT,
        &with_rules(&rule("", "Far", "{not: {field: queue, op: in, value: [desk, »moon]}}", hours)),
        "there is no queue `moon` in this file; use one of: desk, network, vendor",
    );
    complains(
        KEPT,
        &with_rules(&rule("", "Far", "{any: [{field: tier, op: is, value: »7}]}", hours)),
        "there is no tier `7` in this file; use one of: 1, 2, 4",
    );
}

#[test]
fn all_complaints_about_the_meaning_are_told_in_the_order_of_the_file() {
    let text = with("default_queue: desk", "default_queue: help")
        .replace("client: acme", "client: Acme")
        .replace("within: 30m", "within: 9h")
        .replace("ola@acme.example", "kari@acme.example")
        .replace("value: [vpn]", "value: [dial-in]");
    let places: Vec<String> = said(&text).iter().map(|it| it.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(places, ["2:9", "16:12", "28:18", "52:48", "73:32"].map(|place| format!("acme.yaml:{place}")));
}
