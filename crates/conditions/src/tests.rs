use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Condition, Facts, Rule, Takes, can_hold, faults, folded, implies};

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    Site,
    Channel,
    Vip,
    Tags,
}

const FIELDS: [Field; 3] = [Field::Site, Field::Channel, Field::Vip];

fn takes(field: Field) -> Takes {
    match field {
        Field::Site => Takes::Text,
        Field::Channel => Takes::Words(&["phone", "email"]),
        Field::Vip => Takes::Flag,
        Field::Tags => Takes::Tags,
    }
}

/// `contains` and `contains_any` over tags.
fn tagged(op: &str, value: impl Into<Value>) -> Value {
    json!({"field": "tags", "op": op, "value": value.into()})
}

#[test]
fn tags_are_there_as_a_whole_or_not() {
    let of_tags = |json: Value| condition(json).of_tags(&|field| field == Field::Tags);
    let mut facts = Facts::default();
    assert!(!of_tags(tagged("contains", "vpn")).holds(&facts), "nobody has tagged it");
    facts.set(Field::Tags, "vpn\nnetwork-core");
    for (json, expected) in [
        (tagged("contains", "vpn"), true),
        (tagged("contains", " VPN "), true),
        (tagged("contains", "network"), false),
        (tagged("contains", "network-core"), true),
        (tagged("contains_any", json!(["printer", "vpn"])), true),
        (tagged("contains_any", json!(["printer", "net"])), false),
        (json!({"not": tagged("contains", "vpn")}), false),
    ] {
        assert_eq!(of_tags(json.clone()).holds(&facts), expected, "{json}");
    }
}

#[test]
fn what_is_said_of_tags_is_checked() {
    let said = |json: Value| faults(&rule(json), &takes).into_iter().map(|(at, _)| at).collect::<Vec<_>>();
    for good in [tagged("contains", "vpn"), tagged("contains_any", json!(["vpn", "a-1"]))] {
        assert!(said(good.clone()).is_empty(), "{good}");
    }
    for (bad, at) in [
        (tagged("is", "vpn"), ".op"),
        (tagged("starts_with", "vpn"), ".op"),
        (tagged("in", json!(["vpn"])), ".op"),
        (tagged("contains", json!(["vpn"])), ".value"),
        (tagged("contains_any", "vpn"), ".value"),
        (tagged("contains_any", json!([])), ".value"),
        (tagged("contains_any", json!(["vpn", "two words"])), ".value[1]"),
        (tagged("contains", "x".repeat(41)), ".value"),
        (json!({"field": "site", "op": "contains_any", "value": ["a"]}), ".op"),
        (json!({"all": [tagged("contains", "vpn"), {"not": tagged("contains_any", json!(["vpn", "b"]))}]}), ""),
    ] {
        assert_eq!(said(bad.clone()), [at], "{bad}");
    }
    // A part of a tag is no tag: that the one is there and the other is not can well be.
    let both = json!({"all": [tagged("contains", "network"), {"not": tagged("contains", "net")}]});
    assert!(said(both).is_empty());
}

fn rule(json: Value) -> Rule<Field> {
    serde_json::from_value(json).expect("a rule")
}

fn condition(json: Value) -> Condition<Field> {
    Condition::from(&rule(json))
}

fn is(field: &str, value: &str) -> Value {
    json!({"field": field, "op": "is", "value": value})
}

#[test]
fn a_rule_holds_as_it_is_written() {
    let mut facts = Facts::default();
    facts.set(Field::Site, " Oslo, Building 7 ");
    facts.set(Field::Vip, "true");
    for (json, expected) in [
        (json!({"field": "site", "op": "starts_with", "value": "OSLO"}), true),
        (json!({"field": "site", "op": "matches_word", "value": "building"}), true),
        (json!({"field": "site", "op": "contains", "value": "7"}), true),
        (json!({"field": "site", "op": "contains", "value": 7}), true),
        (json!({"field": "site", "op": "in", "value": ["bergen", "oslo, building 7"]}), true),
        (json!({"field": "vip", "op": "is", "value": true}), true),
        (json!({"field": "vip", "op": "is", "value": false}), false),
        (is("channel", "phone"), false),
        (json!({"not": is("channel", "phone")}), true),
        (json!({"all": []}), true),
        (json!({"any": []}), false),
        (json!({"all": [is("vip", "true"), {"any": [is("site", "x"), {"not": is("site", "y")}]}]}), true),
    ] {
        assert_eq!(condition(json.clone()).holds(&facts), expected, "{json}");
    }
    facts.set(Field::Vip, "");
    assert!(!condition(is("vip", "true")).holds(&facts));
}

#[test]
fn a_rule_is_written_as_it_was_read() {
    let json = json!({"all": [is("site", "Oslo"), {"not": {"any": [{"field": "vip", "op": "is", "value": true}]}},
                              {"field": "channel", "op": "in", "value": ["phone", "email"]}]});
    assert_eq!(serde_json::to_value(rule(json.clone())).expect("it can be written"), json);
    for wrong in [json!({}), json!({"all": [], "any": []}), json!({"field": "site", "op": "is"}), json!({"when": 1})] {
        assert!(serde_json::from_value::<Rule<Field>>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn every_fault_is_told_with_its_place() {
    let told = |json: Value| {
        let found = faults(&rule(json), &takes);
        found.iter().map(|(at, fault)| format!("{at}: {fault}")).collect::<Vec<_>>().join(" | ")
    };
    for (json, expected) in [
        (is("site", "Oslo"), ""),
        (json!({"not": is("channel", "fax")}), ".not.value: \"fax\" is not known here; use one of: phone, email"),
        (json!({"all": [is("site", " ")]}), ".all[0].value: the value is empty"),
        (json!({"field": "channel", "op": "contains", "value": "a"}), ".op: Contains does not go with"),
        (is("vip", "yes"), ": this field is either true or false"),
        (json!({"field": "site", "op": "is", "value": true}), ".value: this field is a text"),
        (json!({"field": "site", "op": "in", "value": "a"}), ".value: `in` needs a list"),
        (json!({"field": "site", "op": "in", "value": []}), ".value: the list is empty"),
        (json!({"field": "site", "op": "is", "value": ["a"]}), ".value: this operator needs one text"),
        (json!({"field": "channel", "op": "in", "value": ["phone", "fax"]}), ".value[1]: \"fax\" is not known"),
        (json!({"field": "site", "op": "in", "value": vec!["a"; 201]}), ".value: the list has 201 values"),
        (is("site", &"a".repeat(501)), ".value: the value has 501 characters"),
        (json!({"any": []}), ": the condition can never hold"),
        (json!({"all": [is("channel", "phone"), is("channel", "email")]}), ": the condition can never hold"),
        (json!({"all": vec![is("site", "a"); 100]}), ": the condition has 101 parts"),
    ] {
        let told = told(json.clone());
        assert!(if expected.is_empty() { told.is_empty() } else { told.starts_with(expected) }, "{json}: {told}");
    }
    let deep = (0..8).fold(is("site", "a"), |inner, _| json!({"not": inner}));
    assert!(told(deep).starts_with(": the condition is 9 levels deep"));
}

#[test]
fn contradictions_are_seen() {
    let starts = |text: &str| json!({"field": "site", "op": "starts_with", "value": text});
    for (json, expected) in [
        (json!({"all": [is("site", "a"), is("site", "b")]}), false),
        (json!({"all": [is("site", "a"), is("site", "A")]}), true),
        (json!({"all": [is("site", "a"), {"not": is("site", "a")}]}), false),
        (json!({"all": [starts("oslo"), {"not": starts("os")}]}), false),
        (json!({"all": [starts("oslo"), starts("bergen")]}), false),
        (json!({"all": [starts("oslo"), starts("oslo/7")]}), true),
        (json!({"all": [starts("oslo"), is("site", "bergen")]}), false),
        (json!({"all": [{"field": "site", "op": "in", "value": ["a", "b"]}, {"not": is("site", "a")}]}), true),
        (json!({"all": [{"field": "site", "op": "in", "value": ["a"]}, {"not": is("site", "a")}]}), false),
        // Nobody may have said whether the requester is one.
        (json!({"not": {"any": [is("vip", "true"), is("vip", "false")]}}), true),
    ] {
        assert_eq!(can_hold(&condition(json.clone())), expected, "{json}");
    }
}

#[test]
fn what_holds_whenever_something_else_does_is_seen() {
    let oslo = || is("site", "oslo");
    let phone = || is("channel", "phone");
    for (json, weaker, expected) in [
        (oslo(), oslo(), true),
        (oslo(), json!({"all": []}), true),
        (json!({"all": []}), oslo(), false),
        (json!({"all": [oslo(), phone()]}), oslo(), true),
        (oslo(), json!({"all": [oslo(), phone()]}), false),
        (oslo(), json!({"any": [phone(), oslo()]}), true),
        (oslo(), json!({"field": "site", "op": "in", "value": ["bergen", "Oslo"]}), true),
        (oslo(), json!({"not": is("site", "bergen")}), true),
        (json!({"not": oslo()}), json!({"not": {"all": [oslo(), phone()]}}), true),
        (oslo(), json!({"field": "site", "op": "starts_with", "value": "os"}), true),
    ] {
        assert_eq!(implies(&condition(json.clone()), &condition(weaker.clone())), expected, "{json} => {weaker}");
    }
}

fn any_rule() -> impl Strategy<Value = Value> {
    let text = prop::sample::select(&["a", "ab", "b", "true"][..]);
    let field = prop::sample::select(&["site", "channel", "vip"][..]);
    let op = prop::sample::select(&["is", "contains", "starts_with", "matches_word"][..]);
    let leaf = prop_oneof![
        (field.clone(), op, text.clone())
            .prop_map(|(field, op, value)| json!({"field": field, "op": op, "value": value})),
        (field, prop::collection::vec(text, 1..3))
            .prop_map(|(field, list)| json!({"field": field, "op": "in", "value": list})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|list| json!({"all": list})),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|list| json!({"any": list})),
            inner.prop_map(|inner| json!({"not": inner})),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ticket_is_stronger_than_logic(
        one in any_rule(), other in any_rule(),
        texts in prop::array::uniform3(prop::sample::select(&["", "a", "ab", "b", "b ab", "true"][..])),
    ) {
        let mut facts = Facts::default();
        for (field, text) in FIELDS.into_iter().zip(texts) {
            facts.set(field, &folded(text));
        }
        let (one, other) = (condition(one), condition(other));
        prop_assert!(can_hold(&one) || !one.holds(&facts));
        prop_assert!(!implies(&one, &other) || !one.holds(&facts) || other.holds(&facts));
    }
}
