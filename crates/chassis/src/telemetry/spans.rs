//! The desk's spans: what each kind is called and says. Attributes follow OpenTelemetry's semantic conventions; our own
//! begin with `skranke.`. Ids are fine, persons are not: no name, address, title or text ever.

use std::fmt::Display;

use opentelemetry_semantic_conventions::attribute::{
    DB_SYSTEM_NAME, ERROR_TYPE, MESSAGING_CONSUMER_GROUP_NAME, MESSAGING_DESTINATION_NAME, MESSAGING_MESSAGE_ID,
    MESSAGING_OPERATION_NAME, MESSAGING_OPERATION_TYPE, MESSAGING_SYSTEM, RPC_METHOD, RPC_RESPONSE_STATUS_CODE,
    RPC_SYSTEM_NAME,
};
use tracing::field::{Empty, display};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use uuid::Uuid;

use super::context::{adopt, context_of, is_sampled, says_sampled};

/// The target of every span that is ours to record.
pub(crate) const TARGET: &str = "skranke";

/// An RPC that somebody makes of us: a child of the caller's span, if its metadata say so.
pub(crate) fn rpc(service: &'static str, method: &str, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET, parent: None, "rpc",
        otel.name = method, otel.kind = "server", otel.status_code = Empty,
        { RPC_SYSTEM_NAME } = "grpc", { RPC_METHOD } = method, { RPC_RESPONSE_STATUS_CODE } = Empty,
        { ERROR_TYPE } = Empty, skranke.service = service,
        skranke.client_id = Empty, skranke.ticket_id = Empty, skranke.ticket_reference = Empty,
    );
    adopt(&span, traceparent);
    span
}

/// An RPC that we make, a child of the work in hand.
pub(crate) fn call(method: &str) -> Span {
    info_span!(
        target: TARGET, "call",
        otel.name = method, otel.kind = "client", otel.status_code = Empty,
        { RPC_SYSTEM_NAME } = "grpc", { RPC_METHOD } = method, { RPC_RESPONSE_STATUS_CODE } = Empty,
        { ERROR_TYPE } = Empty,
    )
}

/// One of the many requests of a stream: a trace of its own, linked to the call that it came by. A ticket is then one
/// trace whichever way it came.
pub fn request_on_stream(service: &'static str, method: &'static str) -> Span {
    let span = rpc(service, method, None);
    link(&span, &Span::current());
    span
}

/// Work on so many tickets that begins by itself, not with a call or a message.
pub fn begun(service: &'static str, what: &'static str, size: usize) -> Span {
    info_span!(
        target: TARGET, parent: None, "begun",
        otel.name = what, otel.kind = "internal", skranke.service = service, skranke.batch.size = size,
    )
}

/// A request's way through a group commit, from its queue to its outcome; nothing if the request is not recorded.
pub fn group_commit(service: &'static str) -> Span {
    if !is_sampled(&Span::current()) {
        return Span::none();
    }
    info_span!(
        target: TARGET, "group commit",
        otel.kind = "internal", skranke.service = service,
    )
}

/// A command of the command line.
pub fn command(name: &str) -> Span {
    info_span!(target: TARGET, parent: None, "command", otel.name = name, otel.kind = "internal")
}

/// One transaction, a child of the work in hand; nothing if that is not recorded.
pub(crate) fn unit_of_work(service: &'static str, kind: &'static str) -> Span {
    if !is_sampled(&Span::current()) {
        return Span::none();
    }
    info_span!(
        target: TARGET, "unit of work",
        otel.kind = "client", { DB_SYSTEM_NAME } = "postgresql", skranke.service = service, skranke.kind = kind,
    )
}

/// A fact's way from the outbox to the bus, a child of the work that made it true; nothing if that is not recorded.
pub(crate) fn publish(
    service: &'static str,
    subject: &str,
    event_id: Uuid,
    ticket_id: Uuid,
    traceparent: Option<&str>,
) -> Span {
    if !traceparent.is_some_and(says_sampled) {
        return Span::none();
    }
    let (topic, client_id) = subject.rsplit_once('.').unwrap_or((subject, ""));
    let span = info_span!(
        target: TARGET, parent: None, "publish",
        otel.name = format!("publish {topic}"), otel.kind = "producer", otel.status_code = Empty,
        { MESSAGING_SYSTEM } = "nats", { MESSAGING_OPERATION_NAME } = "publish", { MESSAGING_OPERATION_TYPE } = "send",
        { MESSAGING_DESTINATION_NAME } = topic, { MESSAGING_MESSAGE_ID } = display(event_id),
        skranke.service = service, skranke.client_id = client_id, skranke.ticket_id = Empty,
        skranke.outbox.wait_us = Empty,
    );
    adopt(&span, traceparent);
    if !ticket_id.is_nil() {
        span.record("skranke.ticket_id", display(ticket_id));
    }
    span
}

/// Handling one message, a child of its publication.
pub(crate) fn handle(service: &'static str, subject: &str, event_id: Uuid, traceparent: Option<&str>) -> Span {
    let (topic, client_id) = subject.rsplit_once('.').unwrap_or((subject, ""));
    // A span keeps the name that it begins with.
    let name = traceparent.is_none_or(says_sampled).then(|| format!("handle {topic}"));
    let span = info_span!(
        target: TARGET, parent: None, "handle",
        otel.name = name, otel.kind = "consumer", otel.status_code = Empty,
        { MESSAGING_SYSTEM } = "nats", { MESSAGING_OPERATION_NAME } = "handle",
        { MESSAGING_OPERATION_TYPE } = "process", { MESSAGING_DESTINATION_NAME } = topic,
        { MESSAGING_CONSUMER_GROUP_NAME } = service, { MESSAGING_MESSAGE_ID } = Empty,
        skranke.service = service, skranke.client_id = client_id, skranke.ticket_id = Empty,
    );
    adopt(&span, traceparent);
    if is_sampled(&span) {
        span.record(MESSAGING_MESSAGE_ID, display(event_id));
    }
    span
}

/// Work that is done for several at once. For one it is just part of that one's span. For more it has a span of its own,
/// within the first that is recorded and linked to the others, on each of which is noted when it began.
pub fn together<'a>(service: &'static str, what: &'static str, spans: impl Iterator<Item = &'a Span> + Clone) -> Span {
    let mut sampled = spans.clone().filter(|span| is_sampled(span));
    let size = spans.count();
    let Some(first) = sampled.next() else { return Span::none() };
    if size == 1 {
        return first.clone();
    }
    let span = info_span!(
        target: TARGET, parent: first, "together",
        otel.name = what, otel.kind = "internal", skranke.service = service, skranke.batch.size = size,
    );
    first.add_event("begun together", Vec::new());
    for other in sampled {
        other.add_event("begun together", Vec::new());
        link(&span, other);
    }
    span
}

/// Links a span to other work that it serves as well.
fn link(span: &Span, other: &Span) {
    span.add_link(context_of(other));
}

/// Notes which ticket the work in hand is about: on its span, and by that on its log lines.
pub fn about_ticket(client_id: impl Display, ticket_id: impl Display, reference: &str) {
    let span = Span::current();
    span.record("skranke.client_id", display(client_id));
    span.record("skranke.ticket_id", display(ticket_id));
    span.record("skranke.ticket_reference", reference);
}
