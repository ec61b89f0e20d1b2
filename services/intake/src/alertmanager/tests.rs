use contracts::intake::v1::{AlertAction, AlertSeverity};

use super::*;

const WEBHOOK: &str = r#"{
  "version": "4", "groupKey": "{}:{alertname=\"DiskFull\"}", "status": "firing", "receiver": "desk",
  "groupLabels": {"alertname": "DiskFull"}, "externalURL": "https://am.example", "truncatedAlerts": 0,
  "alerts": [
    {"status": "firing", "fingerprint": "c7b1f0e2aa34d9e1", "startsAt": "2026-11-16T08:00:00Z",
     "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "https://prometheus.example/graph?g0.expr=x",
     "labels": {"alertname": "DiskFull", "severity": "page", "instance": "db1:9100", "job": "node"},
     "annotations": {"summary": "Disk of db1\nis full", "description": "97 %", "runbook_url": "javascript:alert(1)"}},
    {"status": "resolved", "labels": {"alertname": "DiskFull", "severity": "warning", "instance": "db2:9100"}}
  ]}"#;

#[test]
fn a_webhook_of_alertmanager_becomes_alerts() {
    let alerts = alerts(WEBHOOK).unwrap();
    let (first, second) = (&alerts[0], &alerts[1]);
    assert_eq!((first.action(), first.severity()), (AlertAction::Trigger, AlertSeverity::Critical));
    assert_eq!((first.dedup_key.as_str(), first.source.as_str()), ("alertmanager/c7b1f0e2aa34d9e1", "alertmanager"));
    assert_eq!(first.summary, "Disk of db1 is full");
    assert_eq!(first.details, "97 %\nSince 2026-11-16T08:00:00Z");
    assert_eq!(first.labels.get("instance").map(String::as_str), Some("db1:9100"));
    let hrefs: Vec<&str> = first.links.iter().map(|link| link.href.as_str()).collect();
    assert_eq!(hrefs, ["https://prometheus.example/graph?g0.expr=x", "https://am.example"]);
    assert_eq!((second.action(), second.severity()), (AlertAction::Resolve, AlertSeverity::Warning));
    assert_eq!(second.summary, "DiskFull");
    assert!(second.dedup_key.starts_with("alertmanager/labels-"), "{}", second.dedup_key);
    // The same labels are the same alert, whenever and in whatever order they come.
    assert_eq!(second.dedup_key, super::alerts(WEBHOOK).unwrap()[1].dedup_key);
}

#[test]
fn what_is_no_webhook_of_alertmanager_is_told_so() {
    let refused = |body: &str| alerts(body).unwrap_err();
    assert!(refused("").contains("is no webhook"));
    assert!(refused("[]").contains("is no webhook"));
    assert!(refused(r#"{"version": "3", "alerts": []}"#).contains("version"));
    assert!(refused(r#"{"version": "4", "alerts": [{"status": "odd"}]}"#).contains("alerts[0]"));
    let many = vec![r#"{"status":"firing"}"#; MOST + 1].join(",");
    assert!(refused(&format!(r#"{{"version": "4", "alerts": [{many}]}}"#)).contains("10000"));
    assert_eq!(alerts(r#"{"version": "4"}"#).unwrap(), []);
}

#[test]
fn hostile_text_of_a_webhook_is_cut_to_what_an_alert_takes() {
    let long = "x".repeat(70_000);
    let labels: Vec<String> = (0..40).map(|number| format!("\"l{number}\": \"{}\"", "v".repeat(2_000))).collect();
    let body = format!(
        r#"{{"version": "4", "alerts": [{{"status": "firing", "fingerprint": "{long}",
            "labels": {{{}}}, "annotations": {{"summary": "{long}\u202Ex\u0000", "description": "{long}\u0007"}}}}]}}"#,
        labels.join(",")
    );
    let alert = alerts(&body).unwrap().remove(0);
    let request = contracts::intake::v1::PostAlertRequest {
        request_id: String::new(),
        client_id: "acme".to_owned(),
        alert: Some(alert),
    };
    let taken = crate::wire::alert::post(request, Default::default()).unwrap();
    assert_eq!((taken.alert.summary.len(), taken.alert.labels.len()), (300, 32));
}
