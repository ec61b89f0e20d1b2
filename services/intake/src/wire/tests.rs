use contracts::ClientId;
use contracts::intake::v1::RegisterTicketRequest;

use super::*;

fn request() -> RegisterTicketRequest {
    RegisterTicketRequest {
        request_id: "r-1".to_owned(),
        client_id: "acme".to_owned(),
        matter: Some(Matter { subject: "The printer is on fire".to_owned(), ..Default::default() }),
        solved: None,
        attachment_ids: Vec::new(),
    }
}

fn refused(change: impl FnOnce(&mut RegisterTicketRequest)) -> Vec<String> {
    let mut request = request();
    change(&mut request);
    match registration(request, Actor::default(), Timestamp::UNIX_EPOCH) {
        Ok(_) => Vec::new(),
        Err(violations) => violations.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_plain_request_is_taken() {
    assert_eq!(refused(|_| {}), Vec::<String>::new());
}

#[test]
fn an_empty_request_says_everything_that_is_missing() {
    let faults = refused(|request| *request = RegisterTicketRequest::default());
    assert_eq!(faults.len(), 3, "{faults:?}");
    for field in ["request_id", "client_id", "matter.subject"] {
        assert!(faults.iter().any(|fault| fault.starts_with(field)), "{field} in {faults:?}");
    }
}

#[test]
fn one_past_each_limit_is_refused_by_its_field() {
    type Change = Box<dyn FnOnce(&mut Matter)>;
    let cases: Vec<(&str, Change)> = vec![
        ("matter.subject", Box::new(|m| m.subject = "x".repeat(limits::SUBJECT + 1))),
        ("matter.description", Box::new(|m| m.description = "x".repeat(limits::BODY + 1))),
        ("matter.category", Box::new(|m| m.category = "x".repeat(limits::NAME + 1))),
        ("matter.source", Box::new(|m| m.source = "x".repeat(limits::NAME + 1))),
        ("matter.requester_email", Box::new(|m| m.requester_email = "no address".to_owned())),
        (
            "matter.external_ref",
            Box::new(|m| {
                m.source = "s".to_owned();
                m.external_ref = "x".repeat(limits::EXTERNAL_REF + 1);
            }),
        ),
        ("matter.source", Box::new(|m| m.external_ref = "without a source".to_owned())),
        ("matter.kind", Box::new(|m| m.kind = 99)),
        ("matter.impact", Box::new(|m| m.impact = -1)),
        (
            "matter.attributes",
            Box::new(|m| {
                m.attributes = (0..=limits::ATTRIBUTES).map(|n| (n.to_string(), String::new())).collect();
            }),
        ),
        (
            "matter.attributes",
            Box::new(|m| {
                m.attributes.insert("x".repeat(limits::ATTRIBUTE_KEY + 1), String::new());
            }),
        ),
        (
            "matter.attributes",
            Box::new(|m| {
                m.attributes.insert("key".to_owned(), "x".repeat(limits::ATTRIBUTE_VALUE + 1));
            }),
        ),
    ];
    for (field, change) in cases {
        let faults = refused(|request| change(request.matter.as_mut().unwrap()));
        assert!(!faults.is_empty() && faults.iter().all(|fault| fault.starts_with(field)), "{field}: {faults:?}");
    }
    let faults = refused(|request| request.request_id = "x".repeat(limits::REQUEST_ID + 1));
    assert!(faults[0].starts_with("request_id"), "{faults:?}");
}

#[test]
fn two_callers_or_two_clients_never_share_a_request_key() {
    let [acme, globex] = ["acme", "globex"].map(|client| ClientId::new(client).unwrap());
    let key = |caller: &str, request_id: &str| chassis::inbox::request_key(&acme, caller, request_id);
    assert_ne!(key("monitoring", "1"), chassis::inbox::request_key(&globex, "monitoring", "1"));
    assert_eq!(key("monitoring", "1"), key("monitoring", "1"));
    assert_ne!(key("monitoring", "1"), key("portal", "1"));
    // The boundary between the two parts counts.
    assert_ne!(key("ab", "c"), key("a", "bc"));
}
