//! What is told of two client files that differ.

use serde_json::{Value, json};

use super::*;

fn good() -> Value {
    serde_json::to_value(ClientFile::read("acme.yaml", GOOD).unwrap()).unwrap()
}

/// The good file against itself after something was done to it.
fn after(alter: impl FnOnce(&mut Value)) -> String {
    let (old, mut new) = (good(), good());
    alter(&mut new);
    render(&difference(&old, &new))
}

#[test]
fn the_same_file_has_no_difference() {
    assert_eq!(after(|_| {}), "");
}

#[test]
fn a_changed_value_is_told_with_both_sides() {
    let told = after(|new| new["requesters"][0]["phone"] = json!("+47 99"));
    assert_eq!(told, "~ requesters[kari@acme.example].phone: +47 22 33 44 55 → +47 99\n");
    let told = after(|new| new["support_model"]["tiers"][1]["name"] = json!("Second line"));
    assert_eq!(told, "~ support_model.tiers[2].name: Technical support → Second line\n");
}

#[test]
fn items_that_come_and_go_are_told_whole() {
    let told = after(|new| {
        let list = new["requesters"].as_array_mut().unwrap();
        list.remove(1);
        list.push(json!({"email": "per@acme.example", "name": "Per", "vip": false}));
    });
    assert_eq!(
        told,
        "- requesters[ola@acme.example]: {email: ola@acme.example, name: Ola Nordmann, vip: false}\n\
         + requesters[per@acme.example]: {email: per@acme.example, name: Per, vip: false}\n"
    );
}

#[test]
fn the_order_matters_for_rules_and_not_for_requesters() {
    assert_eq!(after(|new| new["requesters"].as_array_mut().unwrap().reverse()), "");
    let told = after(|new| new["routing"].as_array_mut().unwrap().reverse());
    assert_eq!(told, "~ routing (order): [Network matters, The rest] → [The rest, Network matters]\n");
}

#[test]
fn plain_lists_are_compared_as_sets_and_by_order() {
    let told = after(|new| new["contract"]["warn_at"] = json!([75, 50, 90]));
    assert_eq!(told, "+ contract.warn_at: 90\n~ contract.warn_at (order): [50, 75] → [75, 50]\n");
}

#[test]
fn nothing_null_and_empty_are_the_same() {
    let told = after(|new| {
        new["requesters"][1]["phone"] = Value::Null;
        new["support_model"]["queues"][0]["skills"] = json!([]);
    });
    assert_eq!(told, "");
    let told = after(|new| new["costs"] = Value::Null);
    assert_eq!(told, "- costs: {currency: NOK, months: {2026-09: 12000.00, 2026-10: 12345.50}}\n");
}

#[test]
fn an_address_in_other_letters_is_the_same_requester() {
    let told = after(|new| new["requesters"][0]["email"] = json!("Kari@acme.example"));
    assert_eq!(told, "~ requesters[kari@acme.example].email: kari@acme.example → Kari@acme.example\n");
}

#[test]
fn a_new_file_is_one_plus_per_section() {
    let changes = difference(&Value::Null, &good());
    assert_eq!(changes.len(), 1);
    let changes = difference(&json!({}), &good());
    assert!(changes.iter().all(|change| change.before.is_none() && change.after.is_some()));
    assert_eq!(changes.len(), 13);
}
