use contracts::duration;
use contracts::intake::v1::{Alert, AlertLink, PostAlertRequest, PutHeartbeatRequest};

use super::*;

fn request() -> PostAlertRequest {
    PostAlertRequest {
        request_id: String::new(),
        client_id: "acme".to_owned(),
        alert: Some(Alert {
            action: AlertAction::Trigger.into(),
            dedup_key: "db1/disk".to_owned(),
            summary: "Disk full".to_owned(),
            ..Alert::default()
        }),
    }
}

fn refused(change: impl FnOnce(&mut PostAlertRequest, &mut Alert)) -> String {
    let mut request = request();
    let mut alert = request.alert.take().unwrap();
    change(&mut request, &mut alert);
    request.alert = Some(alert);
    let Err(violations) = post(request, Actor::default()) else { return "nothing".to_owned() };
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn an_alert_at_each_limit_is_taken() {
    let mut request = request();
    let alert = request.alert.as_mut().unwrap();
    alert.dedup_key = "k".repeat(255);
    alert.fingerprint = "f".repeat(255);
    alert.summary = "s".repeat(300);
    alert.details = "d".repeat(64 * 1024);
    alert.source = "q".repeat(200);
    alert.labels = (0..32).map(|number| (format!("{number:064}"), "v".repeat(1_000))).collect();
    alert.links = vec![AlertLink { href: format!("https://{}", "h".repeat(992)), text: "t".repeat(200) }; 10];
    request.request_id = "r".repeat(36);
    let taken = post(request, Actor::default()).unwrap();
    assert!(matter(&taken.alert).description.len() <= limits::BODY);
}

#[test]
fn one_past_each_limit_of_an_alert_is_refused_with_the_fields_name() {
    let one_past: &[(&str, fn(&mut PostAlertRequest, &mut Alert))] = &[
        ("alert.dedup_key", |_, alert| alert.dedup_key = "k".repeat(256)),
        ("alert.dedup_key", |_, alert| alert.dedup_key = "å".repeat(128)),
        ("alert.dedup_key", |_, alert| alert.dedup_key.clear()),
        ("alert.dedup_key", |_, alert| alert.dedup_key = "a\0b".to_owned()),
        ("alert.fingerprint", |_, alert| alert.fingerprint = "f".repeat(256)),
        ("alert.summary", |_, alert| alert.summary = "s".repeat(301)),
        ("alert.summary", |_, alert| alert.summary = "  ".to_owned()),
        ("alert.summary", |_, alert| alert.summary = "gpj.\u{202E}exe".to_owned()),
        ("alert.details", |_, alert| alert.details = "d".repeat(64 * 1024 + 1)),
        ("alert.source", |_, alert| alert.source = "q".repeat(201)),
        ("alert.category", |_, alert| alert.category = "q".repeat(201)),
        ("alert.action", |_, alert| alert.action = 0),
        ("alert.action", |_, alert| alert.action = 99),
        ("alert has", |_, alert| alert.severity = 99),
        ("alert.labels", |_, alert| alert.labels = (0..33).map(|n| (n.to_string(), String::new())).collect()),
        ("alert.labels", |_, alert| alert.labels = [("k".repeat(65), String::new())].into()),
        ("alert.labels", |_, alert| alert.labels = [("k".to_owned(), "v".repeat(1_001))].into()),
        ("alert.links", |_, alert| {
            alert.links = vec![AlertLink { href: "https://x".to_owned(), ..Default::default() }; 11]
        }),
        ("alert.links", |_, alert| {
            alert.links = vec![AlertLink { href: "javascript:x".to_owned(), ..Default::default() }]
        }),
        ("request_id", |request, _| request.request_id = "r".repeat(37)),
        ("client_id", |request, _| request.client_id = "Acme!".to_owned()),
    ];
    for (field, change) in one_past {
        let told = refused(change);
        assert!(told.contains(field), "{field}: {told}");
    }
    assert!(post(PostAlertRequest::default(), Actor::default()).is_err());
}

#[test]
fn an_end_needs_no_summary() {
    assert_eq!(
        refused(|_, alert| (alert.action, alert.summary) = (AlertAction::Resolve.into(), String::new())),
        "nothing"
    );
}

#[test]
fn a_sign_of_life_has_limits() {
    let beat_of = |seconds: i64, grace: i64, name: String| {
        let request = PutHeartbeatRequest {
            client_id: "acme".to_owned(),
            name,
            every_for: Some(duration(SignedDuration::from_secs(seconds))),
            grace_for: Some(duration(SignedDuration::from_secs(grace))),
            ..Default::default()
        };
        let told = beat(&request, Actor::default()).map(|_| "taken".to_owned());
        told.unwrap_or_else(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
    };
    let month = 31 * 24 * 3_600;
    assert_eq!(beat_of(10, 0, "n".repeat(200)), "taken");
    assert_eq!(beat_of(month, month, "n".to_owned()), "taken");
    assert!(beat_of(9, 0, "n".to_owned()).starts_with("every_for"));
    assert!(beat_of(month + 1, 0, "n".to_owned()).starts_with("every_for"));
    assert!(beat_of(10, -1, "n".to_owned()).starts_with("grace_for"));
    assert!(beat_of(10, month + 1, "n".to_owned()).starts_with("grace_for"));
    assert!(beat_of(10, 0, "n".repeat(201)).starts_with("name"));
    assert!(beat_of(10, 0, String::new()).starts_with("name"));
    assert!(beat(&PutHeartbeatRequest { severity: 99, ..Default::default() }, Actor::default()).is_err());
}
