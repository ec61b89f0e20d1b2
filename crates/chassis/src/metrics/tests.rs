use std::collections::BTreeMap;

use super::*;

/// A service's figures with something of everything.
fn measured() -> Metrics {
    let metrics = Metrics::new("intake").unwrap();
    for (code, took) in [("OK", 4), ("OK", 40), ("NOT_FOUND", 4)] {
        metrics.rpc("skranke.intake.v1.IntakeService/RegisterTicket", code, Duration::from_millis(took));
    }
    metrics.unit_of_work("write", Duration::from_millis(3));
    metrics.batch(Batch::Consume, 200);
    metrics.batch(Batch::Relay, 1);
    metrics.batch(Batch::IntakeGroup, 17);
    metrics.clock_spoke(Duration::from_millis(70));
    metrics.clocks_due(2);
    metrics.published(3);
    metrics.leases("relay", 64);
    metrics.ready(true, 0);
    let stream = [KeyValue::new("stream", "INTAKE")];
    for gauge in [&metrics.consumer_pending, &metrics.consumer_ack_pending, &metrics.consumer_redelivered] {
        gauge.record(1, &stream);
    }
    for gauge in [&metrics.outbox_depth, &metrics.dead_letters, &metrics.connections, &metrics.bus_connected] {
        gauge.record(1, &[]);
    }
    metrics.outbox_age.record(1.5, &[]);
    metrics
}

/// A page's samples: name with labels → value. Fails on a line that Prometheus would not take.
fn parsed(page: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    for line in page.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            assert!(comment.starts_with("HELP ") || comment.starts_with("TYPE "), "{line}");
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').map_or((series, ""), |(name, rest)| (name, rest));
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{line}");
        assert!(labels.is_empty() || labels.ends_with("\"}"), "{line}");
        assert!(samples.insert(series.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    samples
}

#[test]
fn the_page_has_every_metric_and_no_other() {
    let samples = parsed(&measured().page().unwrap());
    let names: std::collections::BTreeSet<&str> = samples
        .keys()
        .map(|series| {
            let name = series.split('{').next().unwrap();
            let of_histogram = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
            of_histogram.filter(|name| NAMES.contains(name)).unwrap_or(name)
        })
        .collect();
    assert_eq!(names, NAMES.into_iter().collect());
}

#[test]
fn a_histogram_counts_what_was_measured() {
    let samples = parsed(&measured().page().unwrap());
    let labels = "rpc_method=\"skranke.intake.v1.IntakeService/RegisterTicket\",rpc_response_status_code=\"OK\",rpc_system_name=\"grpc\"";
    let of = |end: &str| samples[&format!("rpc_server_call_duration_seconds{end}")];
    assert!((of(&format!("_count{{{labels}}}")) - 2.0).abs() < f64::EPSILON);
    assert!((of(&format!("_sum{{{labels}}}")) - 0.044).abs() < 1e-9);
    assert!((of(&format!("_bucket{{{labels},le=\"0.005\"}}")) - 1.0).abs() < f64::EPSILON);
    assert!((of(&format!("_bucket{{{labels},le=\"+Inf\"}}")) - 2.0).abs() < f64::EPSILON);
}

#[test]
fn one_service_s_page_knows_nothing_of_another_s() {
    let (_intake, triage) = (measured(), Metrics::new("triage").unwrap());
    assert!(!triage.page().unwrap().contains("rpc_server"));
}

#[test]
fn no_label_names_a_client() {
    let page = measured().page().unwrap();
    assert!(!page.contains("client"), "{page}");
}

#[test]
fn an_event_of_any_service_tells_when_it_was_recorded_and_of_which_ticket() {
    let at = jiff::Timestamp::from_second(1_763_000_000).unwrap();
    let meta = contracts::desk::v1::EventMeta {
        ticket_id: "a-ticket".to_owned(),
        recorded_at: Some(contracts::timestamp(at)),
        ..Default::default()
    };
    let fact = Some(contracts::triage::v1::event::Fact::TicketTriaged(Default::default()));
    let payload =
        prost::Message::encode_to_vec(&contracts::triage::v1::Event { meta: Some(meta), fact, ..Default::default() });
    assert_eq!(watch::recorded_at(&payload), Some(at));
    assert_eq!(watch::ticket_of(&payload).as_deref(), Some("a-ticket"));
    assert_eq!(watch::recorded_at(b"\xff\xff"), None);
}
