//! Every limit: as much as is allowed passes, one more does not.

use super::{super::limits::*, *};

/// Puts `text(limit)` in the place of `from` and expects no complaint, then `text(limit + 1)` and
/// expects one at `place`, which ends with `remedy`.
#[track_caller]
fn bounded(from: &str, limit: usize, text: impl Fn(usize) -> String, place: &str, wrong: &str) {
    assert_eq!(said(&with(from, &text(limit))), Vec::<String>::new(), "at the limit");
    let said = said(&with(from, &text(limit + 1)));
    assert_eq!(said.len(), 1, "{said:#?}");
    let expected = format!("acme.yaml:{place}: {wrong}; ");
    assert!(said[0].starts_with(&expected), "{}\nis not\n{expected}", said[0]);
}

/// `count` items, made by `item`, with `between` between them.
fn many(count: usize, between: &str, item: impl Fn(usize) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(between)
}

fn too_many(limit: usize, what: &str) -> String {
    format!("there are {} {what}, more than {limit}", limit + 1)
}

fn too_long(limit: usize) -> String {
    format!("this has {} characters, more than {limit}", limit + 1)
}

#[test]
fn a_file_has_at_most_its_bytes() {
    let padded = |bytes: usize| format!("{GOOD}#{}", "x".repeat(bytes - GOOD.len() - 1));
    assert!(ClientFile::read("acme.yaml", &padded(MAX_FILE_BYTES)).is_ok());
    assert_eq!(
        said(&padded(MAX_FILE_BYTES + 1)),
        ["acme.yaml:1:1: the file has 8388609 bytes, more than 8388608; \
          split the client or load requesters from a directory"]
    );
}

#[test]
fn names_addresses_and_numbers_have_at_most_their_characters() {
    let name = |count| format!("name: {}", "å".repeat(count));
    bounded("name: Acme Works", MAX_NAME, name, "3:7", &too_long(MAX_NAME));
    let site = |count| format!("site: {}", "å".repeat(count));
    bounded("site: Oslo", MAX_NAME, site, "13:11", &too_long(MAX_NAME));
    let team = |count| format!("team: {}", "å".repeat(count));
    bounded("team: Desk", MAX_NAME, team, "25:56", &too_long(MAX_NAME));
    let phone = |count| format!("phone: \"{}\"", "1".repeat(count));
    bounded("phone: \"+47 22 33 44 55\"", MAX_PHONE, phone, "12:12", &too_long(MAX_PHONE));
    let email = |count: usize| format!("email: ola@{}.example", "a".repeat(count - "ola@.example".len()));
    let wrong = format!("`ola@{}.example` is not an e-mail address", "a".repeat(MAX_EMAIL + 1 - 12));
    bounded("email: ola@acme.example", MAX_EMAIL, email, "16:12", &wrong);
}

#[test]
fn a_client_has_at_most_its_requesters() {
    let requesters = |count: usize| {
        let list = many(count - 2, "\n", |i| format!("  - {{email: r{i}@acme.example, name: R}}"));
        format!("    name: Ola Nordmann\n{list}\n")
    };
    let wrong = too_many(MAX_REQUESTERS, "requesters");
    bounded("    name: Ola Nordmann\n", MAX_REQUESTERS, requesters, "9:3", &wrong);
}

#[test]
fn a_support_model_has_at_most_its_queues_and_skills() {
    let queue = "    - {queue: vendor, name: Vendor, tier: 4, team: Vendor}\n";
    let queues = |count: usize| {
        let more = many(count - 3, "", |i| format!("    - {{queue: q{i}, name: Q, tier: 2, team: T}}\n"));
        format!("{queue}{more}")
    };
    bounded(queue, MAX_QUEUES, queues, "25:5", &too_many(MAX_QUEUES, "queues"));
    let skills = |count| format!("[{}]", many(count, ", ", |i| format!("s{i}")));
    bounded("[vpn, wifi]", MAX_SKILLS, skills, "26:71", &too_many(MAX_SKILLS, "skills"));
}

#[test]
fn a_support_model_has_at_most_its_tiers() {
    let tier = "    - {tier: 4, name: Vendors, kind: external, contact: through_front}\n";
    let free = [0, 3, 5, 6, 7, 8, 9, 10];
    let tiers = |count: usize| {
        let line = |i: usize| format!("    - {{tier: {}, name: T, kind: expert, contact: direct}}\n", free[i]);
        format!("{tier}{}", many(count - 3, "", line))
    };
    assert_eq!(said(&with(tier, &tiers(MAX_TIERS))), Vec::<String>::new());
    // The eleventh tier is one too many and has no number left.
    assert_eq!(
        said(&with(tier, &tiers(MAX_TIERS + 1))),
        [
            "acme.yaml:21:5: there are 11 tiers, more than 10; remove some",
            "acme.yaml:31:14: 10 is too high for a tier; use 0 to 9"
        ]
    );
}

#[test]
fn there_are_at_most_so_many_categories_and_subcategories() {
    let categories =
        |count: usize| format!("  - category: service\n{}", many(count - 3, "", |i| format!("  - category: c{i}\n")));
    let wrong = too_many(MAX_CATEGORIES, "categories");
    bounded("  - category: service\n", MAX_CATEGORIES, categories, "31:3", &wrong);
    let subcategories = |count| format!("[{}]", many(count, ", ", |i| format!("s{i}")));
    let wrong = too_many(MAX_SUBCATEGORIES, "subcategories");
    bounded("[laptop, printer]", MAX_SUBCATEGORIES, subcategories, "32:20", &wrong);
}

#[test]
fn there_are_at_most_so_many_rules() {
    let site = |i: usize| format!("{{field: site, op: is, value: S{i}}}");
    let routing = |count: usize| {
        let more = many(count - 2, "", |i| format!("  - rule: R{i}\n    when: {}\n    queue: desk\n", site(i)));
        format!("routing:\n{more}")
    };
    bounded("routing:\n", MAX_RULES, routing, "49:3", &too_many(MAX_RULES, "rules"));
    let classification = |count: usize| {
        let line = |i| format!("  - rule: R{i}\n    when: {}\n    set: {{kind: incident}}\n", site(i));
        format!("classification:\n{}", many(count - 1, "", line))
    };
    bounded("classification:\n", MAX_RULES, classification, "44:3", &too_many(MAX_RULES, "rules"));
}

#[test]
fn a_rule_is_at_most_so_deep_and_so_large() {
    let condition = "{field: subject, op: matches_word, value: vpn}";
    let deep = |depth: usize| format!("{}{condition}{}", "{not: ".repeat(depth - 1), "}".repeat(depth - 1));
    let wrong = format!("this rule is {} levels deep, more than {MAX_RULE_DEPTH}", MAX_RULE_DEPTH + 1);
    bounded(condition, MAX_RULE_DEPTH, deep, "45:11", &wrong);
    let wide = |nodes: usize| format!("{{any: [{}]}}", many(nodes - 1, ", ", |_| condition.to_owned()));
    let wrong = format!("this rule has {} parts, more than {MAX_RULE_NODES}", MAX_RULE_NODES + 1);
    bounded(condition, MAX_RULE_NODES, wide, "45:11", &wrong);
    let values = |count| format!("{{field: site, op: in, value: [{}]}}", many(count, ", ", |i| format!("s{i}")));
    bounded(condition, MAX_RULE_VALUES, values, "45:40", &too_many(MAX_RULE_VALUES, "values"));
    let value = |count| format!("{{field: site, op: is, value: {}}}", "å".repeat(count));
    bounded(condition, MAX_RULE_VALUE, value, "45:40", &too_long(MAX_RULE_VALUE));
}

#[test]
fn a_contract_has_at_most_its_calendars_days_intervals_and_warnings() {
    let calendars = |count: usize| {
        let more =
            many(count - 1, "", |i| format!("    c{i}: {{time_zone: UTC, weekly: {{mon: [\"08:00-09:00\"]}}}}\n"));
        format!("  calendars:\n{more}")
    };
    bounded("  calendars:\n", MAX_CALENDARS, calendars, "64:5", &too_many(MAX_CALENDARS, "calendars"));
    let day = |i: usize| format!("        {}-{:02}-{:02}: []\n", 2027 + i / 336, i / 28 % 12 + 1, i % 28 + 1);
    let days = |count: usize| format!("      special_days:\n{}", many(count - 1, "", day));
    bounded("      special_days:\n", MAX_SPECIAL_DAYS, days, "70:9", &too_many(MAX_SPECIAL_DAYS, "special days"));
    let intervals = |count| format!("[{}]", many(count, ", ", |i| format!("\"{i:02}:00-{i:02}:30\"")));
    bounded("[\"08:00-15:00\"]", MAX_INTERVALS, intervals, "68:14", &too_many(MAX_INTERVALS, "intervals"));
    let warnings = |count| format!("[{}]", many(count, ", ", |i| format!("{}", i + 1)));
    bounded("[50, 75]", MAX_WARNINGS, warnings, "78:12", &too_many(MAX_WARNINGS, "warnings"));
}

#[test]
fn a_promise_is_at_most_so_long() {
    let limit = usize::try_from(MAX_WITHIN_SECONDS).unwrap();
    let within = |seconds| format!("within: {seconds}s");
    bounded("within: 8h", limit, within, "74:28", "this is more than 366 days of service time");
}

#[test]
fn costs_have_at_most_their_months_and_cents() {
    let months = |count: usize| {
        let list = many(count - 2, ", ", |i| format!("{}-{:02}: 1", 2030 + i / 12, i % 12 + 1));
        format!("months: {{{list}, ")
    };
    bounded("months: {", MAX_COST_MONTHS, months, "82:11", &too_many(MAX_COST_MONTHS, "months"));
    let limit = usize::try_from(MAX_COST_CENTS).unwrap();
    let cents = |cents: usize| format!("{}.{:02}", cents / 100, cents % 100);
    bounded("12345.50", limit, cents, "82:37", "10000000000.01 is more than 10000000000.00");
}

#[test]
fn a_contract_has_at_most_its_rules() {
    let rules = |count: usize| {
        let rule = |i: usize| {
            let when = format!("{{field: site, op: is, value: s{i}}}");
            format!("    - {{rule: r{i}, when: {when}, targets: {{P1: {{resolution: {{within: none}}}}}}}}")
        };
        format!("  rules:\n{}\n  on_reopen: restart", many(count, "\n", rule))
    };
    bounded("  on_reopen: restart", MAX_PROMISE_RULES, rules, "78:5", &too_many(MAX_PROMISE_RULES, "rules"));
}
