//! Files of the wrong shape.

use super::*;

#[test]
fn a_syntax_error_has_its_place_and_stands_alone() {
    let text = with("languages: [en, nb]", "languages: [en, nb").replace("client: acme", "client: []");
    assert_eq!(
        said(&text),
        ["acme.yaml:6:10: this is not YAML: illegal placement of ':' indicator; mend the syntax here"]
    );
}

#[test]
fn a_file_that_says_nothing_is_refused() {
    assert_eq!(said("# nothing\n"), ["acme.yaml:1:1: the file is empty; write at least one field"]);
    assert_eq!(said("[]"), ["acme.yaml:1:1: a list stands where a mapping belongs; write a mapping"]);
}

#[test]
fn a_place_is_its_line_and_column_in_characters() {
    let text = with("    site: Oslo\n", "    office: Oslo\n");
    let fields = "email, name, language, phone, site, department, vip";
    assert_eq!(
        said(&text),
        [format!("acme.yaml:13:5: there is no field `office` here; remove it or use one of: {fields}")]
    );
    let text = with("{queue: vendor, name: Vendor, tier: 4", "{queue: vendor, name: Åæø, tier: x");
    assert_eq!(said(&text).len(), 1);
    assert!(said(&text)[0].starts_with("acme.yaml:27:40: `x` stands "), "{:?}", said(&text));
}

#[test]
fn an_unknown_field_has_its_place() {
    complains(
        "  on_reopen: restart",
        "  »on_return: restart",
        "there is no field `on_return` here; remove it or use one of: name, calendars, targets, rules, pause_on, \
         on_reopen, warn_at, warn_after",
    );
}

#[test]
fn an_unknown_word_has_its_place() {
    let kinds = "self_service, front, specialist, expert, external";
    let unknown = |word: &str, words: &str| format!("`{word}` is not known here; use one of: {words}");
    complains("kind: specialist", "kind: »expertise", &unknown("expertise", kinds));
    complains("languages: [en, nb]", "languages: [en, »no]", &unknown("no", "nb, nn, en, nl"));
    complains("low: {high: P3", "»lowest: {high: P3", &unknown("lowest", "high, medium, low"));
    complains("high: P1", "high: »P6", &unknown("P6", "P1, P2, P3, P4, P5"));
    complains("on_reopen: restart", "on_reopen: »again", &unknown("again", "resume, restart, continue, none"));
    complains("fri: [", "»friday: [", &unknown("friday", "mon, tue, wed, thu, fri, sat, sun"));
    let reasons = "requester, vendor, change, approval, parts, scheduled";
    complains("[requester, vendor]", "[requester, »lunch]", &unknown("lunch", reasons));
    complains(
        "op: matches_word",
        "op: »like",
        &unknown("like", "is, in, contains, starts_with, matches_word, contains_any"),
    );
}

#[test]
fn a_wrong_type_has_its_place() {
    let number = "stands where a whole number belongs; write a whole number";
    complains("vip: true", "vip: »maybe", "`maybe` stands where true or false belongs; write true or false");
    complains("tier: 1, team", "tier: »one, team", &format!("`one` {number}"));
    complains("tier: 1, team", "tier: »300, team", &format!("`300` {number}"));
    complains("warn_at: [50, 75]", "warn_at: [50, »75%]", &format!("`75%` {number}"));
    complains("skills: [vpn, wifi]", "skills: »vpn", "`vpn` stands where a list belongs; write a list");
    complains("default_queue: desk", "default_queue: »[desk]", "a list stands where a text belongs; write a text");
    complains("fri: [\"08:00-15:00\"]", "fri: »08:00-15:00", "`08:00-15:00` stands where a list belongs; write a list");
}

#[test]
fn nothing_is_not_a_text() {
    complains("name: Acme Works", "name: »~", "nothing stands where a text belongs; write a text");
    complains("name: Acme Works", "name»:", "nothing stands where a text belongs; write a text");
}

#[test]
fn a_missing_field_is_told_where_its_mapping_begins() {
    complains(
        "  - email: ola@acme.example\n    name: Ola Nordmann\n",
        "  - »email: ola@acme.example\n",
        "`name` is missing; add `name: …` here",
    );
    complains(
        "{queue: vendor, name: Vendor, tier: 4, team: Vendor}",
        "»{queue: vendor, name: Vendor, tier: 4}",
        "`team` is missing; add `team: …` here",
    );
    complains("client: acme\nname", "»name", "`client` is missing; add `client: …` here");
}

#[test]
fn values_written_as_one_text_have_their_place() {
    complains("within: 30m", "within: »30min", "`30min` is not a length of time; write it like 45s, 30m, 1h30m or 16h");
    complains(
        "[\"08:00-15:00\"]",
        "[»\"08:00-15\"]",
        "`08:00-15` is not an interval of a day; write it like 08:00-16:00, from before to, at most to 24:00",
    );
    complains("2026-10: 12345.50", "»2026-13: 12345.50", "`2026-13` is not a month; write it like 2026-10");
    complains(
        "12345.50",
        "»12345.505",
        "`12345.505` is not an amount of money; write it like 12345.50, with at most two decimals and no separators",
    );
    let said = said(&with("2026-12-24: []", "2026-02-30: []"));
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("acme.yaml:70:9: "), "{}", said[0]);
}

#[test]
fn a_key_that_stands_twice_has_its_second_place() {
    complains(
        "name: Acme Works",
        "name: Acme Works\n»name: Acme",
        "`name` stands here a second time; keep one of them",
    );
    complains("2026-09: 12000", "2026-09: 12000, »2026-09: 1", "`2026-09` stands here a second time; keep one of them");
}

#[test]
fn anchors_aliases_tags_and_second_documents_are_refused() {
    complains("client: acme", "client: &id »acme", "anchors are not used here; remove the `&` and its name");
    complains(
        "client: acme",
        "client: !!str »acme",
        "tags are not used here; remove the `!` and its name; quote a text instead",
    );
    let text = with("client: acme", "client: &id acme").replace("name: Acme Works", "name: *id");
    assert_eq!(said(&text).len(), 2);
    assert_eq!(said(&text)[1], "acme.yaml:3:7: aliases are not followed here; write the value out");
    let text = format!("{GOOD}---\nclient: other\n");
    assert_eq!(said(&text), ["acme.yaml:83:1: a second document begins; put it into a file of its own"]);
}

#[test]
fn a_rule_has_exactly_one_shape() {
    let shapes = "this is not one rule; write either `all`, `any` or `not`, or `field`, `op` and `value` together";
    complains("when: {all: []}", "when: »{}", shapes);
    complains("when: {all: []}", "when: »{all: [], any: []}", shapes);
    complains("not: {field: channel, op: is, value: monitoring}", "not: »{field: channel, op: is}", shapes);
    let value = "a text, a list of texts, or true or false";
    complains("value: vpn}", "value: »{a: b}}", &format!("a mapping stands where {value} belongs; write {value}"));
    complains("value: [vpn]", "value: [»[vpn]]", "a list stands where a text belongs; write a text");
}

#[test]
fn a_mistake_is_not_followed_by_complaints_about_its_consequences() {
    // The rule lacks its field, the requester the address, only because they are not understood.
    let fields = "subject, description, category, subcategory, kind, channel, requester_email, requester_vip, site, \
                  department, priority, source";
    complains("{field: channel,", "{field: »chanel,", &format!("`chanel` is not known here; use one of: {fields}"));
    complains("email: ola@acme.example", "email: »[]", "a list stands where a text belongs; write a text");
}

#[test]
fn all_complaints_about_the_shape_are_told_at_once() {
    let text = with("client: acme", "client: []")
        .replace("language: nb", "language: xx")
        .replace("vip: true", "vip: 1\n    pets: two")
        .replace("    name: Ola Nordmann\n", "")
        .replace("tier: 4, name: Vendors", "tier: four, name: Vendors")
        .replace("high: P1", "high: P0")
        .replace("within: 8h", "within: eight hours")
        .replace("currency: NOK", "currency: [NOK]");
    let said = said(&text);
    let places: Vec<String> = said.iter().map(|it| it.split(": ").next().unwrap().to_owned()).collect();
    // In line 16 stands `pets`, and line 17 begins the requester who lost the name.
    let expected = ["2:9", "11:15", "15:10", "16:5", "17:5", "23:14", "39:18", "74:28", "81:13"];
    assert_eq!(places, expected.map(|place| format!("acme.yaml:{place}")), "{said:#?}");
}

#[test]
fn deep_nesting_is_refused_and_not_recursed_into() {
    let deep = format!("client: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    let said = said(&deep);
    assert_eq!(said.len(), 1);
    assert!(said[0].contains("this is not YAML"), "{}", said[0]);
}

#[test]
fn a_file_that_was_cut_off_is_complained_about_and_never_panics() {
    let cuts = GOOD.char_indices().map(|(i, _)| i).step_by(11);
    for cut in cuts.filter(|cut| *cut < GOOD.find("routing:").unwrap()) {
        assert!(!said(&GOOD[..cut]).is_empty() || GOOD[..cut].contains("default_queue: desk"), "cut at {cut}");
    }
}
