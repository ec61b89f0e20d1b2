//! Figures of one service: the same instruments for OTLP and for the Prometheus page at `/metrics`.
//!
//! Labels are few by design. No client is one of them: their number is not ours to bound, and how much a client has to
//! do with its desk is that client's business. Who may know asks reporting.

mod process;
pub(crate) mod watch;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use opentelemetry::KeyValue;
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, MeterProvider};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_semantic_conventions::attribute::{RPC_METHOD, RPC_RESPONSE_STATUS_CODE, RPC_SYSTEM_NAME};
use opentelemetry_semantic_conventions::metric::RPC_SERVER_CALL_DURATION;
use prometheus::{Registry, TextEncoder};

use crate::telemetry;

/// Every metric as Prometheus knows it. Histograms have `_bucket`, `_sum` and `_count` behind it.
pub const NAMES: [&str; 21] = [
    "rpc_server_call_duration_seconds",
    "skranke_outbox_depth",
    "skranke_outbox_oldest_age_seconds",
    "skranke_consumer_pending",
    "skranke_consumer_ack_pending",
    "skranke_consumer_redelivered",
    "skranke_dead_letters",
    "skranke_unit_of_work_duration_seconds",
    "skranke_store_connections",
    "skranke_clock_lateness_seconds",
    "skranke_clocks_due",
    "skranke_shard_leases",
    "skranke_batch_messages",
    "skranke_relay_published_total",
    "skranke_bus_connected",
    "skranke_telemetry_lost_spans_total",
    "skranke_ready",
    "skranke_remarks",
    "process_memory_usage_bytes",
    "process_cpu_time_seconds_total",
    "process_unix_file_descriptor_count",
];

/// Seconds: of calls and units of work.
const SHORT: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];
/// Seconds: of clocks.
const LATE: [f64; 9] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0, 300.0, 3_600.0];
/// Messages in one transaction or one round.
const COUNT: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 500.0];

/// What gathers messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// Messages that are handled in one unit of work.
    Consume,
    /// Facts that are published together.
    Relay,
    /// Registrations that share a commit.
    IntakeGroup,
    /// Commands on tickets that share a commit.
    TriageGroup,
}

/// One service's instruments.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    provider: SdkMeterProvider,
    is_seen_off: AtomicBool,
    rpc: Histogram<f64>,
    unit_of_work: Histogram<f64>,
    batch: Histogram<u64>,
    lateness: Histogram<f64>,
    published: Counter<u64>,
    clocks_due: Gauge<u64>,
    leases: Gauge<u64>,
    outbox_depth: Gauge<u64>,
    outbox_age: Gauge<f64>,
    dead_letters: Gauge<u64>,
    consumer_pending: Gauge<u64>,
    consumer_ack_pending: Gauge<u64>,
    consumer_redelivered: Gauge<u64>,
    connections: Gauge<u64>,
    bus_connected: Gauge<u64>,
    ready: Gauge<u64>,
    remarks: Gauge<u64>,
}

impl Metrics {
    /// A service's own; nothing measured yet.
    ///
    /// # Errors
    /// If the exporters cannot be made.
    pub fn new(service: &'static str) -> anyhow::Result<Self> {
        let registry = Registry::new();
        let page = opentelemetry_prometheus::exporter()
            .with_registry(registry.clone())
            .scope_info_enabled(false)
            .without_target_info()
            .build()
            .context("no Prometheus page can be made")?;
        let mut provider = SdkMeterProvider::builder().with_reader(page);
        if let Some(export) = telemetry::Export::installed() {
            let (resource, reader) = export.metrics(service)?;
            provider = provider.with_resource(resource).with_reader(reader);
        }
        let provider = provider.build();
        Ok(Self::of(&provider.meter("skranke"), registry, provider.clone()))
    }

    fn of(meter: &Meter, registry: Registry, provider: SdkMeterProvider) -> Self {
        let seconds = |name: &'static str, bounds: &[f64], what: &'static str| {
            meter.f64_histogram(name).with_unit("s").with_description(what).with_boundaries(bounds.to_vec()).build()
        };
        let count = |name: &'static str, what: &'static str| meter.u64_gauge(name).with_description(what).build();
        process::observe(meter);
        meter
            .u64_observable_counter("skranke.telemetry.lost_spans")
            .with_description("Spans that were dropped because too many waited, or that could not be sent.")
            .with_callback(|lost| lost.observe(telemetry::lost_spans(), &[]))
            .build();
        Self {
            registry,
            provider,
            is_seen_off: AtomicBool::new(false),
            rpc: seconds(RPC_SERVER_CALL_DURATION, &SHORT, "RPCs, from the request to the end of the answer."),
            unit_of_work: seconds(
                "skranke.unit_of_work.duration",
                &SHORT,
                "Transactions, with the wait for a connection.",
            ),
            batch: meter
                .u64_histogram("skranke.batch.messages")
                .with_description("Messages that shared a transaction or a round.")
                .with_boundaries(COUNT.to_vec())
                .build(),
            lateness: seconds("skranke.clock.lateness", &LATE, "How late clocks spoke after their due instant."),
            published: meter
                .u64_counter("skranke.relay.published")
                .with_description("Facts that the bus acknowledged.")
                .build(),
            clocks_due: count("skranke.clocks.due", "Tickets with a clock that is due within two seconds or overdue."),
            leases: count("skranke.shard.leases", "Shards that this replica works on."),
            outbox_depth: count("skranke.outbox.depth", "Facts committed and not yet on the bus; at most 100000."),
            outbox_age: meter
                .f64_gauge("skranke.outbox.oldest_age")
                .with_unit("s")
                .with_description("How long the oldest of them has waited.")
                .build(),
            dead_letters: count("skranke.dead_letters", "Messages that could not be handled."),
            consumer_pending: count("skranke.consumer.pending", "Messages not yet delivered to this service."),
            consumer_ack_pending: count("skranke.consumer.ack_pending", "Messages delivered and not yet acknowledged."),
            consumer_redelivered: count("skranke.consumer.redelivered", "Of those, delivered more than once."),
            connections: count("skranke.store.connections", "Connections to the store."),
            bus_connected: count("skranke.bus.connected", "1 while NATS is connected, else 0."),
            ready: count("skranke.ready", "1 while the service can work, else 0."),
            remarks: count("skranke.remarks", "What does not work although the service does; /readyz names it."),
        }
    }

    /// All of it in Prometheus' text format.
    ///
    /// # Errors
    /// If it cannot be written, which means a bug.
    pub fn page(&self) -> anyhow::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather()).context("the figures cannot be written")
    }

    /// An RPC is over.
    pub(crate) fn rpc(&self, method: &'static str, code: &'static str, took: Duration) {
        let labels = [
            KeyValue::new(RPC_SYSTEM_NAME, "grpc"),
            KeyValue::new(RPC_METHOD, method),
            KeyValue::new(RPC_RESPONSE_STATUS_CODE, code),
        ];
        self.rpc.record(took.as_secs_f64(), &labels);
    }

    /// A transaction is over: `write`, `read` or `machinery`.
    pub(crate) fn unit_of_work(&self, kind: &'static str, took: Duration) {
        self.unit_of_work.record(took.as_secs_f64(), &[KeyValue::new("kind", kind)]);
    }

    /// So many were gathered.
    pub fn batch(&self, purpose: Batch, count: usize) {
        let purpose = match purpose {
            Batch::Consume => "consume",
            Batch::Relay => "relay",
            Batch::IntakeGroup => "intake_group",
            Batch::TriageGroup => "triage_group",
        };
        self.batch.record(count as u64, &[KeyValue::new("purpose", purpose)]);
    }

    /// The bus has acknowledged so many facts.
    pub(crate) fn published(&self, count: usize) {
        self.published.add(count as u64, &[]);
    }

    /// A clock spoke so long after its due instant.
    pub fn clock_spoke(&self, late: Duration) {
        self.lateness.record(late.as_secs_f64(), &[]);
    }

    /// So many tickets have a clock that is due soon or overdue, as far as is known.
    pub fn clocks_due(&self, count: usize) {
        self.clocks_due.record(count as u64, &[]);
    }

    /// So many shards are ours.
    pub(crate) fn leases(&self, purpose: &'static str, count: usize) {
        self.leases.record(count as u64, &[KeyValue::new("purpose", purpose)]);
    }

    /// Whether the service can work, and how many things do not although it does.
    pub(crate) fn ready(&self, is_ready: bool, remarks: usize) {
        self.ready.record(is_ready.into(), &[]);
        self.remarks.record(remarks as u64, &[]);
    }

    /// Sends what was measured last. Returns at once.
    pub(crate) fn see_off(&self) {
        if self.is_seen_off.swap(true, Ordering::Relaxed) {
            return;
        }
        match telemetry::Export::installed() {
            Some(export) => export.see_off(self.provider.clone()),
            None => drop(self.provider.shutdown()),
        }
    }
}

impl Drop for Metrics {
    fn drop(&mut self) {
        self.see_off();
    }
}

#[cfg(test)]
mod tests;
