//! Logs, spans, and the trace context that travels with every call, message and outbox row.

use std::collections::HashMap;
use std::io::IsTerminal;

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogForm {
    /// One JSON object per line.
    Json,
    /// For people, coloured on a terminal.
    Human,
}

/// Starts logs (to standard error) and trace contexts for this process. A second call changes nothing.
///
/// `filter` is as in `RUST_LOG`: `info,chassis=debug`.
pub fn start(form: LogForm, filter: &str) {
    let provider = SdkTracerProvider::builder().build();
    let filter = EnvFilter::try_new(format!("{filter},h2=warn,tonic=warn,hyper=warn,async_nats=error,sqlx=error"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let lines = match form {
        LogForm::Json => lines.json().flatten_event(true).boxed(),
        LogForm::Human => lines.with_ansi(std::io::stderr().is_terminal()).with_target(false).compact().boxed(),
    };
    let spans =
        tracing_opentelemetry::layer().with_tracer(provider.tracer("skranke")).with_filter(EnvFilter::new("info"));
    let started = tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).try_init();
    drop(started);
}

/// A span for handling a message, a child of the work that announced it.
///
/// The parent is set before the span is entered: afterwards it would be refused and the trace would break.
pub fn child_of(traceparent: Option<&str>, service: &'static str, subject: &str) -> Span {
    let span = tracing::info_span!("handle", otel.name = subject, service, "messaging.system" = "nats");
    if let Some(traceparent) = traceparent {
        let carrier = HashMap::from([("traceparent".to_owned(), traceparent.to_owned())]);
        adopt(&span, &Map(carrier));
    }
    span
}

/// A span for an RPC, a child of the caller's span if its metadata say so.
pub fn span_for_rpc(request: &http::Request<()>, service: &'static str) -> Span {
    let span = tracing::info_span!("rpc", otel.name = request.uri().path(), service, "rpc.system" = "grpc");
    adopt(&span, &Headers(request.headers()));
    span
}

/// The W3C context of a span; `None` when nothing is traced.
pub fn traceparent_of(span: &Span) -> Option<String> {
    let context = span.context();
    if !context.span().span_context().is_valid() {
        return None;
    }
    let mut carrier = Map(HashMap::new());
    TraceContextPropagator::new().inject_context(&context, &mut carrier);
    carrier.0.remove("traceparent")
}

/// The W3C context of the work in hand.
pub fn traceparent() -> Option<String> {
    traceparent_of(&Span::current())
}

fn adopt(span: &Span, carrier: &dyn Extractor) {
    let context = TraceContextPropagator::new().extract(carrier);
    if context.span().span_context().is_valid() {
        // Refused only where no tracing layer listens, as in tests.
        if let Err(error) = span.set_parent(context) {
            tracing::debug!(error = %error, "the trace context was not taken over");
        }
    }
}

struct Map(HashMap<String, String>);

impl Extractor for Map {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }
}

impl Injector for Map {
    fn set(&mut self, key: &str, value: String) {
        self.0.insert(key.to_owned(), value);
    }
}

struct Headers<'a>(&'a http::HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }
    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}
