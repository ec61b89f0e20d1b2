//! Sending traces, metrics and logs away. Whatever becomes of it, it never slows a request or a stop: queues are bounded
//! and drop what is too much, the sending has a thread of its own, and an end has its time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use opentelemetry::logs::LogRecord;
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{LogExporter, MetricExporter, SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::logs::{BatchLogProcessor, LogProcessor, SdkLogRecord, SdkLoggerProvider};
use opentelemetry_sdk::metrics::{PeriodicReader, SdkMeterProvider};
use opentelemetry_sdk::trace::{self, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanProcessor};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};

use super::place::Places;
use super::settings::Settings;

/// Spans that wait to be sent; one more is dropped and counted. The queue is allocated as a whole: some 3 MB.
const QUEUE: usize = 8_192;
/// Log lines that wait to be sent; one more is dropped.
const LOG_QUEUE: usize = 1_024;
/// Spans, or log lines, sent at once.
const AT_ONCE: usize = 512;
/// How long one sending may take.
const SEND_FOR: Duration = Duration::from_secs(3);
/// How long the end waits for what is still to be sent.
const END_FOR: Duration = Duration::from_secs(2);

/// The one of this process.
static EXPORT: OnceLock<Export> = OnceLock::new();
/// Spans that were dropped because too many waited, or that could not be sent.
static LOST: AtomicUsize = AtomicUsize::new(0);

/// Where things are sent.
#[derive(Debug)]
pub(crate) struct Export {
    channel: Channel,
    attributes: Vec<KeyValue>,
    service_name: Option<String>,
    metrics_every: Duration,
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
    /// Metrics of services that have stopped, on their way out.
    leaving: Mutex<Vec<std::thread::JoinHandle<()>>>,
}

/// Spans of this process that were lost on their way.
pub(crate) fn lost_spans() -> u64 {
    LOST.load(Ordering::Relaxed) as u64
}

impl Export {
    /// Prepares sending to an endpoint. Connects when there is something to send.
    pub(crate) fn prepare(settings: &Settings, endpoint: &str, places: &Places) -> anyhow::Result<Self> {
        let channel = channel(endpoint)?;
        let attributes = settings.attributes.iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
        let attributes: Vec<KeyValue> =
            attributes.chain([KeyValue::new("service.instance.id", crate::new_id().to_string())]).collect();
        let name = settings.service_name.clone().unwrap_or_else(|| "skranke".to_owned());
        let resource = resource(name, &attributes);
        let spans = SpanExporter::builder().with_tonic().with_channel(channel.clone()).build()?;
        let waiting = Arc::new(AtomicUsize::new(0));
        let spans = BatchSpanProcessor::builder(Counted { spans, waiting: Arc::clone(&waiting) })
            .with_batch_config(
                trace::BatchConfigBuilder::default()
                    .with_max_queue_size(QUEUE)
                    .with_max_export_batch_size(AT_ONCE)
                    .with_scheduled_delay(settings.gather_for)
                    .build(),
            )
            .build();
        let traces = SdkTracerProvider::builder()
            .with_sampler(trace::Sampler::ParentBased(Box::new(trace::Sampler::TraceIdRatioBased(settings.ratio))))
            .with_resource(resource.clone())
            .with_span_processor(Bounded { spans, waiting })
            .build();
        let records = LogExporter::builder().with_tonic().with_channel(channel.clone()).build()?;
        let records = BatchLogProcessor::builder(records)
            .with_batch_config(
                opentelemetry_sdk::logs::BatchConfigBuilder::default()
                    .with_max_queue_size(LOG_QUEUE)
                    .with_max_export_batch_size(AT_ONCE)
                    .with_scheduled_delay(settings.gather_for)
                    .build(),
            )
            .build();
        let logs = SdkLoggerProvider::builder()
            .with_resource(resource)
            .with_log_processor(Placed { records, places: places.clone() })
            .build();
        let (service_name, metrics_every) = (settings.service_name.clone(), settings.metrics_every);
        let leaving = Mutex::default();
        Ok(Self { channel, attributes, service_name, metrics_every, traces, logs, leaving })
    }

    pub(crate) fn traces(&self) -> &SdkTracerProvider {
        &self.traces
    }

    pub(crate) fn logs(&self) -> &SdkLoggerProvider {
        &self.logs
    }

    /// From now on the one of this process. There is only one.
    pub(crate) fn install(self) {
        drop(EXPORT.set(self));
    }

    /// The one of this process, if anything is sent.
    pub(crate) fn installed() -> Option<&'static Self> {
        EXPORT.get()
    }

    /// Sends a service's metrics again and again: what they come from, and how.
    pub(crate) fn metrics(&self, service: &str) -> anyhow::Result<(Resource, PeriodicReader<MetricExporter>)> {
        let name = self.service_name.clone().unwrap_or_else(|| format!("skranke-{service}"));
        let exporter = MetricExporter::builder().with_tonic().with_channel(self.channel.clone()).build()?;
        let reader = PeriodicReader::builder(exporter).with_interval(self.metrics_every).build();
        Ok((resource(name, &self.attributes), reader))
    }

    /// Sends a stopped service's metrics for the last time. Returns at once; [`Export::finish`] waits for it.
    pub(crate) fn see_off(&self, metrics: SdkMeterProvider) {
        let leaving = std::thread::spawn(move || drop(metrics.shutdown()));
        self.leaving.lock().unwrap_or_else(PoisonError::into_inner).push(leaving);
    }

    /// Sends what is left, for at most two seconds. Not on a worker of the runtime, which would block it and lose the
    /// last spans, and not on one of its blocking threads either: it would wait for them at its end.
    pub(crate) async fn finish(&'static self) {
        let (done, finished) = tokio::sync::oneshot::channel();
        let parts: [fn(&Self); 3] = [
            |export| drop(export.traces.shutdown_with_timeout(END_FOR)),
            |export| drop(export.logs.shutdown_with_timeout(END_FOR)),
            |export| {
                let leaving = std::mem::take(&mut *export.leaving.lock().unwrap_or_else(PoisonError::into_inner));
                leaving.into_iter().for_each(|metrics| drop(metrics.join()));
            },
        ];
        std::thread::spawn(move || {
            let parts = parts.map(|part| std::thread::spawn(move || part(self)));
            parts.into_iter().for_each(|part| drop(part.join()));
            // Nobody waits any more.
            let _late = done.send(());
        });
        if tokio::time::timeout(END_FOR, finished).await.is_err() {
            tracing::warn!("traces, metrics and logs were not sent in time; the last of them are lost");
        }
    }
}

/// Lives on a runtime of its own: neither a busy service nor a test's short runtime is in its way.
fn channel(endpoint: &str) -> anyhow::Result<Channel> {
    let address = Endpoint::from_shared(endpoint.to_owned());
    let mut address = address.with_context(|| format!("OTEL_EXPORTER_OTLP_ENDPOINT is no address: {endpoint}"))?;
    if endpoint.starts_with("https://") {
        address = address.tls_config(ClientTlsConfig::new().with_native_roots())?;
    }
    let address = address.connect_timeout(SEND_FOR).timeout(SEND_FOR).user_agent("skranke")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let channel = {
        let _inside = runtime.enter();
        address.connect_lazy()
    };
    std::thread::Builder::new()
        .name("telemetry".to_owned())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))
        .context("no thread for telemetry")?;
    Ok(channel)
}

fn resource(name: String, attributes: &[KeyValue]) -> Resource {
    Resource::builder()
        .with_attribute(KeyValue::new("service.namespace", "skranke"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(attributes.iter().cloned())
        .with_service_name(name)
        .build()
}

/// Counts what the queue has no place for, instead of leaving it to one line in a log.
#[derive(Debug)]
struct Bounded {
    spans: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
}

impl SpanProcessor for Bounded {
    fn on_start(&self, _: &mut trace::Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= QUEUE {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            LOST.fetch_add(1, Ordering::Relaxed);
        } else {
            self.spans.on_end(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.spans.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.spans.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.spans.set_resource(resource);
    }
}

/// Counts what could not be sent.
#[derive(Debug)]
struct Counted {
    spans: SpanExporter,
    waiting: Arc<AtomicUsize>,
}

impl trace::SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let (count, begun_at) = (batch.len(), Instant::now());
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let sent = self.spans.export(batch).await;
        if let Err(error) = &sent {
            let lost_before = LOST.fetch_add(count, Ordering::Relaxed);
            if lost_before / 10_000 < (lost_before + count) / 10_000 || lost_before == 0 {
                let (lost, after) = (lost_before + count, begun_at.elapsed());
                tracing::warn!(%error, lost, ?after, "spans could not be sent and are lost");
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.spans.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.spans.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.spans.set_resource(resource);
    }
}

/// Adds to each log line where it was written.
#[derive(Debug)]
struct Placed {
    records: BatchLogProcessor,
    places: Places,
}

impl LogProcessor for Placed {
    fn emit(&self, record: &mut SdkLogRecord, scope: &InstrumentationScope) {
        let place = self.places.here();
        for (name, value) in place.named() {
            record.add_attribute(name, value.to_owned());
        }
        if let Some(context) = place.context {
            record.set_trace_context(context.trace_id(), context.span_id(), Some(context.trace_flags()));
        }
        self.records.emit(record, scope);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.records.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.records.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.records.set_resource(resource);
    }
}

#[cfg(test)]
mod tests;
