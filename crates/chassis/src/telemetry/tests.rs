use tracing::Span;
use tracing::subscriber::with_default;

use super::*;

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn without_endpoint(work: impl FnOnce()) {
    let settings = Settings::new(LogForm::Json, "info");
    with_default(layers(&settings, Places::default(), None, std::io::sink(), false), work);
}

/// Trace id and span id of a traceparent that is as it must be.
fn ids(traceparent: &str) -> (&str, &str) {
    let parts: Vec<&str> = traceparent.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [2, 32, 16, 2], "{traceparent}");
    (parts[1], parts[2])
}

#[test]
fn without_an_endpoint_a_trace_goes_on_and_nothing_is_recorded() {
    without_endpoint(|| {
        let span = spans::rpc("intake", "_OTHER", Some(PARENT));
        assert!(!is_sampled(&span));
        let mine = traceparent_of(&span).unwrap();
        let (trace_id, span_id) = ids(&mine);
        assert_eq!(trace_id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_ne!(span_id, "00f067aa0ba902b7");
        assert_eq!(span.in_scope(traceparent).as_deref(), Some(mine.as_str()), "the work in hand has it");
    });
}

#[test]
fn without_a_caller_s_trace_one_begins() {
    without_endpoint(|| {
        let (one, other) = (spans::rpc("intake", "_OTHER", None), spans::rpc("intake", "_OTHER", Some("rubbish")));
        let (one, other) = (traceparent_of(&one).unwrap(), traceparent_of(&other).unwrap());
        assert_ne!(ids(&one).0, ids(&other).0);
    });
}

#[test]
fn what_is_not_recorded_costs_no_span() {
    without_endpoint(|| {
        spans::rpc("intake", "_OTHER", Some(PARENT)).in_scope(|| {
            assert!(unit_of_work("intake", "write").is_none());
            assert!(group_commit("intake").is_none());
        });
        let unrecorded = PARENT.replace("-01", "-00");
        let publish = |traceparent| {
            publish("intake", "skranke.intake.v1.ticket_registered.acme", crate::new_id(), crate::new_id(), traceparent)
        };
        assert!(publish(Some(unrecorded.as_str())).is_none());
        assert!(publish(None).is_none());
        let spans = [Span::none(), Span::none()];
        assert!(together("intake", "commit together", spans.iter()).is_none());
    });
}

#[test]
fn without_any_subscriber_nothing_breaks() {
    let span = spans::rpc("intake", "_OTHER", Some(PARENT));
    assert_eq!(traceparent_of(&span), None);
    span.in_scope(|| about_ticket("acme", "ticket", "ACME-1"));
}
