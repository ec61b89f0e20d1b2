//! Logs, spans, and the trace context that travels with every call, message and outbox row.
//!
//! A span is cheap when nobody records it and never holds a person's data. Where no endpoint is set nothing is sent,
//! but every call and message still has its trace, which its log lines name.

mod call;
mod client;
mod context;
mod export;
mod lines;
mod place;
mod settings;
mod spans;

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

pub(crate) use call::Call;
pub use client::Traced;
pub use context::{is_sampled, traceparent, traceparent_of};
pub(crate) use export::{Export, lost_spans};
use lines::Lines;
use place::Places;
pub use settings::{LogForm, Settings};
pub use spans::{about_ticket, begun, command, group_commit, request_on_stream, together};
pub(crate) use spans::{handle, publish, unit_of_work};

/// What others say that we need not hear.
const QUIET: &str = "h2=warn,tonic=warn,hyper=warn,tower=warn,async_nats=error,sqlx=error,opentelemetry=off,\
                     opentelemetry_sdk=off,opentelemetry-otlp=off";

/// Sends the last of what was gathered at the end of the process.
#[derive(Debug)]
#[must_use = "finish() sends what is left"]
pub struct Guard(Option<&'static Export>);

impl Guard {
    /// Sends what is left, for at most two seconds.
    pub async fn finish(self) {
        if let Some(export) = self.0 {
            export.finish().await;
        }
    }
}

/// Starts logs (to standard error), trace contexts and, if an endpoint is set, sending for this process. A second call
/// changes nothing.
///
/// # Errors
/// If the endpoint is no address.
pub fn start(settings: &Settings) -> anyhow::Result<Guard> {
    let places = Places::default();
    let export = match &settings.endpoint {
        Some(endpoint) => Some(Export::prepare(settings, endpoint, &places)?),
        None => None,
    };
    let is_coloured = settings.form == LogForm::Human && std::io::stderr().is_terminal();
    if layers(settings, places, export.as_ref(), std::io::stderr(), is_coloured).try_init().is_err() {
        return Ok(Guard(None));
    }
    if let Some(export) = export {
        export.install();
    }
    Ok(Guard(Export::installed()))
}

fn layers<W: Write + Send + 'static>(
    settings: &Settings,
    places: Places,
    export: Option<&Export>,
    writer: W,
    is_coloured: bool,
) -> impl Subscriber + Send + Sync + use<W> {
    let lines = Lines { form: settings.form, is_coloured, places: places.clone(), writer: Mutex::new(writer) };
    let sent_lines = export.map(|export| OpenTelemetryTracingBridge::new(export.logs()).with_filter(words(settings)));
    tracing_subscriber::registry()
        .with(places.with_filter(our_spans()))
        .with(
            tracing_opentelemetry::layer()
                .with_tracer(tracer(export))
                // What costs at every span, or every time one is entered, and tells nothing here.
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_context_activation(false)
                .with_filter(our_spans()),
        )
        .with(lines.with_filter(words(settings)))
        .with(sent_lines)
}

/// Without anywhere to send to nothing is recorded; the ids are there all the same.
fn tracer(export: Option<&Export>) -> SdkTracer {
    match export {
        Some(export) => export.traces().tracer("skranke"),
        None => SdkTracerProvider::builder().with_sampler(Sampler::AlwaysOff).build().tracer("skranke"),
    }
}

/// Log lines that are wanted, and no spans.
///
/// A span that every layer always wants would not be asked for when it is made. sqlx asks before each statement whether
/// it may log it, and where it may not, that answer stays behind and would be taken for the one about the next span.
fn words<S>(settings: &Settings) -> impl Filter<S> + use<S> {
    let wanted = EnvFilter::try_new(format!("{},{QUIET}", settings.filter));
    let wanted = wanted.unwrap_or_else(|_| EnvFilter::new(format!("info,{QUIET}")));
    // The hint: without one of each, every library's every level would be looked at.
    let lines = filter_fn(|metadata: &Metadata<'_>| metadata.is_event()).with_max_level_hint(LevelFilter::TRACE);
    FilterExt::<S>::and(lines, wanted)
}

/// Spans that are ours. What libraries span is not recorded.
fn our_spans<S>() -> impl Filter<S> {
    filter_fn(|metadata: &Metadata<'_>| metadata.is_span() && metadata.target() == spans::TARGET)
        .with_max_level_hint(LevelFilter::INFO)
}

#[cfg(test)]
mod tests;
