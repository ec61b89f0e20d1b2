use std::io;
use std::sync::Arc;

use tracing::subscriber::with_default;

use super::*;
use crate::telemetry::{Settings, about_ticket, layers, spans};

/// Keeps what was written.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn written(form: LogForm, filter: &str, work: impl FnOnce()) -> Vec<String> {
    let paper = Paper::default();
    let settings = Settings::new(form, filter);
    with_default(layers(&settings, Places::default(), None, paper.clone(), false), work);
    let text = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    text.lines().map(str::to_owned).collect()
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[test]
fn a_json_line_names_its_trace_its_ticket_and_its_service() {
    let lines = written(LogForm::Json, "warn", || {
        let span = spans::rpc("intake", "skranke.intake.v1.IntakeService/RegisterTicket", Some(PARENT));
        span.in_scope(|| {
            about_ticket("acme", "0193-ticket", "ACME-1");
            tracing::info_span!("a library's own").in_scope(|| tracing::warn!(attempts = 3, "it is slow"));
            tracing::info!("not wanted");
        });
    });
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["message"], "it is slow");
    assert_eq!(line["attempts"], 3);
    assert_eq!(line["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let span_id = line["span_id"].as_str().unwrap();
    assert!(span_id.len() == 16 && span_id != "00f067aa0ba902b7", "{span_id}");
    assert_eq!((&line["service"], &line["client_id"]), (&"intake".into(), &"acme".into()));
    assert_eq!(line["ticket_id"], "0193-ticket");
    let named: Vec<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
    let known = [
        "attempts",
        "client_id",
        "level",
        "message",
        "service",
        "span_id",
        "target",
        "ticket_id",
        "timestamp",
        "trace_id",
    ];
    assert_eq!(named, known, "the spans' other fields are no part of a line");
}

#[test]
fn what_the_line_itself_names_holds() {
    let lines = written(LogForm::Json, "info", || {
        let span = spans::begun("sla-timer", "ring", 1);
        span.in_scope(|| tracing::info!(service = "triage", ticket_id = %"another", "said"));
    });
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["service"], &line["ticket_id"]), (&"triage".into(), &"another".into()));
}

#[test]
fn a_line_is_a_line_whatever_is_in_it() {
    let hostile = "one\ntwo\u{1b}[2J";
    for form in [LogForm::Json, LogForm::Human] {
        let lines = written(form, "info", || tracing::info!(why = hostile, "said"));
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(!lines[0].contains('\u{1b}'), "{}", lines[0]);
    }
}

#[test]
fn people_read_the_trace_too() {
    let lines = written(LogForm::Human, "info", || {
        spans::rpc("intake", "_OTHER", Some(PARENT)).in_scope(|| tracing::warn!(attempts = 3, "it is slow"));
    });
    assert!(lines[0].contains("WARN it is slow attempts=3 service=intake trace_id=4bf92f3577b3"), "{}", lines[0]);
}
