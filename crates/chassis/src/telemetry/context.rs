//! The W3C trace context, as it travels with calls, messages and outbox rows.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The W3C context of a span; `None` when nothing is traced.
pub fn traceparent_of(span: &Span) -> Option<String> {
    let context = context_of(span);
    context.is_valid().then(|| written(&context))
}

/// The W3C context of the work in hand.
pub fn traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

/// Whether a span is recorded. What describes it in more than static words is worth its price only then.
pub fn is_sampled(span: &Span) -> bool {
    !span.is_none() && context_of(span).is_sampled()
}

/// Whether the span behind a `traceparent` is recorded.
pub(crate) fn says_sampled(traceparent: &str) -> bool {
    read(traceparent).is_some_and(|context| context.is_sampled())
}

pub(crate) fn context_of(span: &Span) -> SpanContext {
    span.context().span().span_context().clone()
}

/// Makes the span a child of the work that a `traceparent` names; without one, it begins a trace.
///
/// Before the span is entered: afterwards it would be refused and the trace would break.
pub(crate) fn adopt(span: &Span, traceparent: Option<&str>) {
    let Some(parent) = traceparent.and_then(read) else { return };
    // Refused only where no tracing layer listens, as in tests.
    if let Err(error) = span.set_parent(Context::new().with_remote_span_context(parent)) {
        tracing::debug!(error = %error, "the trace context was not taken over");
    }
}

/// `00-<trace id>-<span id>-<flags>`. Of a version after ours, what ours has is read, as the standard wants it.
fn read(traceparent: &str) -> Option<SpanContext> {
    let mut parts = traceparent.split('-');
    let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    if !is_hex(version, 2) || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    if !is_hex(trace_id, 32) || !is_hex(span_id, 16) || !is_hex(flags, 2) {
        return None;
    }
    let context = SpanContext::new(
        TraceId::from_hex(trace_id).ok()?,
        SpanId::from_hex(span_id).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        TraceState::NONE,
    );
    context.is_valid().then_some(context)
}

fn written(context: &SpanContext) -> String {
    format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags())
}

#[cfg(test)]
mod tests;
