use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

const MS: u64 = 1_000_000;

/// `trace/id <- parent`, from and until in milliseconds.
fn span(trace: u8, id: u8, parent: Option<u8>, from: u64, until: u64) -> Span {
    Span {
        trace_id: TraceId::of(&[trace; 16]).expect("an id"),
        span_id: SpanId::of(&[id; 8]).expect("an id"),
        parent_span_id: parent.map(|parent| SpanId::of(&[parent; 8]).expect("an id")),
        process: "skranke-intake".to_owned(),
        name: format!("span {id}"),
        kind: Kind::Internal,
        started_at: from * MS,
        ended_at: until * MS,
        attributes: Vec::new(),
        events: Vec::new(),
        error: None,
    }
}

fn with(mut span: Span, kind: Kind, process: &str, attributes: &[(&str, &str)]) -> Span {
    (span.kind, span.process) = (kind, process.to_owned());
    span.attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    span
}

fn waterfall(spans: Vec<Span>) -> Waterfall {
    Waterfall::of(Trace { spans, left_off: 0, quiet_for: Duration::ZERO }, Vec::new()).expect("it has spans")
}

/// A post that intake answers, publishes, and triage handles.
fn a_ticket() -> Vec<Span> {
    let store = [("db.system.name", "postgresql")];
    vec![
        with(span(1, 5, Some(4), 12, 19), Kind::Client, "skranke-triage", &store),
        with(span(1, 2, Some(1), 0, 6), Kind::Server, "skranke-intake", &[(TICKET_REFERENCE, "ACME-1001")]),
        with(span(1, 3, Some(2), 2, 5), Kind::Client, "skranke-intake", &store),
        with(span(1, 4, Some(6), 11, 20), Kind::Consumer, "skranke-triage", &[]),
        with(span(1, 6, Some(2), 8, 9), Kind::Producer, "skranke-intake", &[("skranke.outbox.wait_us", "2500")]),
        with(span(1, 1, None, 0, 7), Kind::Client, "test", &[]),
    ]
}

#[test]
fn the_oldest_traces_are_forgotten_each_as_a_whole() {
    let traces = Traces::keeping(5);
    let about = |span, reference| with(span, Kind::Server, "skranke-intake", &[(TICKET_REFERENCE, reference)]);
    traces.add([about(span(1, 1, None, 0, 1), "ACME-1"), span(1, 2, Some(1), 0, 1)]);
    traces.add([about(span(2, 1, None, 0, 1), "ACME-2"), span(2, 2, Some(1), 0, 1), span(2, 3, Some(1), 0, 1)]);
    assert_eq!((traces.find("ACME-1").len(), traces.find("acme-2").len()), (1, 1));

    traces.add([about(span(3, 1, None, 0, 1), "ACME-3")]);
    assert!(traces.find("ACME-1").is_empty(), "with its last span, the name of its ticket goes");
    assert_eq!(traces.find("ACME-2"), [TraceId::of(&[2; 16]).expect("an id")]);
    assert_eq!(traces.spans().len(), 4);
}

#[test]
fn one_trace_cannot_fill_the_memory() {
    let traces = Traces::keeping(10);
    traces.add((0..MOST_OF_ONE_TRACE + 7).map(|_| span(1, 1, None, 0, 1)));
    let trace = traces.trace(TraceId::of(&[1; 16]).expect("an id")).expect("it is kept");
    assert_eq!((trace.spans.len(), trace.left_off), (MOST_OF_ONE_TRACE, 7));
    let all = Waterfall::of(trace, Vec::new()).expect("it has spans");
    assert!(!all.is_whole(), "what was left off is missing");
}

#[test]
fn a_ticket_s_first_trace_comes_before_what_was_done_later() {
    let traces = Traces::default();
    for trace in [4, 2, 3] {
        traces.add([with(span(trace, 1, None, 0, 1), Kind::Server, "skranke-triage", &[(TICKET_ID, "0199-AA")])]);
    }
    let found: Vec<String> = traces.find("0199-aa").iter().map(|one| one.to_string()).collect();
    assert_eq!(found, ["04".repeat(16), "02".repeat(16), "03".repeat(16)]);
    assert_eq!(traces.find(&"02".repeat(16)).len(), 1, "a trace is found by its own id");
}

#[test]
fn every_span_stands_below_the_one_that_caused_it() {
    let all = waterfall(a_ticket());
    let tree: Vec<(usize, &str, &str)> =
        all.spans.iter().map(|row| (row.depth, row.name.as_str(), row.service.as_str())).collect();
    let expected = [
        (0, "span 1", "test"),
        (1, "span 2", "intake"),
        (2, "span 3", "intake"),
        (2, "span 6", "intake"),
        (3, "span 4", "triage"),
        (4, "span 5", "triage"),
    ];
    assert_eq!(tree, expected);
    assert!(all.is_whole());
    assert_eq!((all.title().as_str(), all.took_for_us), ("ACME-1001", 20_000));
}

#[test]
fn the_time_of_each_hop_is_told() {
    let all = waterfall(a_ticket());
    let of = |service: &str| all.services.iter().find(|share| share.service == service).cloned().unwrap_or_default();
    let intake = Share {
        service: "intake".to_owned(),
        spans: 3,
        work_for_us: 6_000,
        database_for_us: 3_000,
        outbox_for_us: 2_500,
        publish_for_us: 1_000,
        bus_for_us: 0,
    };
    assert_eq!(of("intake"), intake);
    let triage = of("triage");
    assert_eq!((triage.work_for_us, triage.database_for_us, triage.bus_for_us), (9_000, 7_000, 3_000));
}

#[test]
fn a_span_whose_cause_is_elsewhere_is_shown_and_told() {
    let all = waterfall(vec![span(1, 2, Some(1), 0, 6), span(1, 3, Some(2), 1, 2)]);
    assert!(!all.is_whole());
    assert_eq!(all.spans.iter().map(|row| (row.depth, row.is_linked)).collect::<Vec<_>>(), [(0, false), (1, true)]);
}

#[test]
fn in_one_process_an_attribute_tells_whose_a_span_is() {
    let all = waterfall(vec![
        with(span(1, 1, None, 0, 9), Kind::Consumer, "skranke", &[(SERVICE, "triage")]),
        with(span(1, 2, Some(1), 1, 2), Kind::Client, "skranke", &[]),
        with(span(1, 3, Some(1), 3, 4), Kind::Consumer, "skranke", &[(SERVICE, "reporting")]),
    ]);
    let services: Vec<&str> = all.spans.iter().map(|row| row.service.as_str()).collect();
    assert_eq!(services, ["triage", "triage", "reporting"]);
}

#[test]
fn a_long_pause_does_not_hide_the_rest() {
    let all = waterfall(vec![span(1, 1, None, 0, 10), span(1, 2, Some(1), 60_000, 60_010)]);
    let scale = Scale::of(&all);
    assert!(scale.place(10_000) > 0.4, "the first ten milliseconds are nearly half of the line");
    assert!(scale.place(60_000_000) > scale.place(10_000), "order is kept");
    assert_eq!((scale.place(0), scale.place(60_010_000)), (0.0, 1.0));
    assert_eq!(scale.cuts().map(|(_, _, for_us)| for_us).collect::<Vec<_>>(), [59_990_000]);

    let none = Scale::of(&waterfall(a_ticket()));
    assert_eq!(none.cuts().count(), 0);
    assert_eq!(none.ticks(5), [0, 5_000, 10_000, 15_000, 20_000]);
}

#[test]
fn lengths_are_told_in_the_unit_that_fits() {
    let told: Vec<String> = [0, 850, 12_340, 250_000, 4_050_000, 200_000_000, 7_260_000_000].map(length).into();
    assert_eq!(told, ["0 µs", "850 µs", "12.3 ms", "250 ms", "4.05 s", "3 min 20 s", "2 h 1 min"]);
}

#[test]
fn an_id_is_read_as_it_is_written_and_nothing_else_is_one() {
    let text = "4bf92f3577b34da6a3ce929d0e0e4736";
    assert_eq!(text.parse::<TraceId>().map(|id| id.to_string()).as_deref(), Ok(text));
    for wrong in ["", "4bf9", "+bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32), &"é".repeat(16)] {
        assert!(wrong.parse::<TraceId>().is_err(), "{wrong}");
    }
}

#[test]
fn foreign_text_is_harmless_on_the_page() {
    let mut evil = with(span(1, 1, None, 0, 1), Kind::Server, "\"><script>", &[("a<b", "x\" onclick='1'")]);
    (evil.name, evil.error) = ("<img src=x>".to_owned(), Some("</li>".to_owned()));
    let text = page::one(&waterfall(vec![evil]), Vec::new());
    for harm in ["<script", "<img", "a<b", "onclick='", "</li></dd>"] {
        assert!(!text.contains(harm), "{harm}");
    }
    assert!(text.contains("&lt;img src=x&gt;"));
    assert!(page::absent("<b>").contains("&lt;b&gt;"));
}

#[test]
fn every_list_on_the_page_is_closed() {
    let deep: Vec<Span> = (1..60).map(|id| span(1, id, (id > 1).then(|| id - 1), 0, 1)).collect();
    for spans in [a_ticket(), deep] {
        let text = page::one(&waterfall(spans), Vec::new());
        for element in ["li", "ol", "details", "dl", "table", "div"] {
            let (open, close) =
                (text.matches(&format!("<{element}>")).count(), text.matches(&format!("</{element}>")).count());
            let open = open + text.matches(&format!("<{element} ")).count();
            assert_eq!(open, close, "{element}");
        }
    }
}

async fn get(sink: &Sink, path: &str, headers: &str) -> anyhow::Result<(String, String)> {
    let mut stream = TcpStream::connect(sink.http_address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    Ok((head.lines().next().unwrap_or_default().to_owned(), body.to_owned()))
}

#[tokio::test]
async fn what_is_sent_by_otlp_is_shown_by_its_ticket() -> anyhow::Result<()> {
    let sink = Sink::start(None, None).await?;
    let text = |text: &str| Some(AnyValue { value: Some(Value::StringValue(text.to_owned())) });
    let attribute = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: text(value), ..Default::default() };
    let span = otlp::Span {
        trace_id: vec![7; 16],
        span_id: vec![1; 8],
        name: "skranke.intake.v1.IntakeService/RegisterTicket".to_owned(),
        kind: otlp::span::SpanKind::Server.into(),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 5_000_000,
        attributes: vec![attribute(TICKET_REFERENCE, "ACME-1001")],
        ..Default::default()
    };
    let without_ids = otlp::Span { trace_id: Vec::new(), ..span.clone() };
    let scope = otlp::ScopeSpans { spans: vec![without_ids, span], ..Default::default() };
    let resource = Resource { attributes: vec![attribute("service.name", "skranke-intake")], ..Default::default() };
    let batch = otlp::ResourceSpans { resource: Some(resource), scope_spans: vec![scope], ..Default::default() };
    let mut exporter = TraceServiceClient::connect(sink.endpoint()).await?;
    exporter.export(ExportTraceServiceRequest { resource_spans: vec![batch] }).await?;

    let (status, body) = get(&sink, "/traces/acme-1001", "Host: localhost\r\n").await?;
    assert_eq!(status, "HTTP/1.1 200 OK");
    let shown: Waterfall = serde_json::from_str(&body)?;
    assert_eq!((shown.tickets.as_slice(), shown.spans.len()), (["ACME-1001".to_owned()].as_slice(), 1));
    assert_eq!((shown.spans[0].service.as_str(), shown.spans[0].short_name().as_str()), ("intake", "RegisterTicket"));

    let browser = "Host: 127.0.0.1:7431\r\nAccept: text/html,*/*\r\n";
    assert!(get(&sink, "/traces/ACME-1001", browser).await?.1.starts_with("<!doctype html>"));
    assert!(get(&sink, "/traces", browser).await?.1.contains("ACME-1001"));
    assert_eq!(get(&sink, "/traces/ACME-2", browser).await?.0, "HTTP/1.1 404 Not Found");
    assert_eq!(get(&sink, "/traces", "Host: evil.example:80\r\n").await?.0, "HTTP/1.1 403 Forbidden");
    sink.stop().await;
    Ok(())
}
