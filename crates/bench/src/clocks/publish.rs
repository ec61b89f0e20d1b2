//! The raw limit of telling: messages of the same size in a stream that syncs each of them, and nothing else.

use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream::stream;
use futures::future::try_join_all;

use crate::cpu;
use crate::ground::Ground;
use crate::latency::{Latency, Times};

/// Messages under way at once: as many as the relay has.
const IN_FLIGHT: u64 = 512;
/// Bytes of a message: about those of a breach with its headers.
const BYTES: usize = 420;
const STREAM: &str = "BENCH_RAW";

/// What it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Published {
    /// From the instant at which each was to be told.
    pub(super) late: Latency,
    /// Of nats-server, of one message.
    pub(super) nats_ms: f64,
}

/// Publishes so many messages, each at its instant within the span, and waits for their acknowledgements.
pub(super) async fn publish(ground: &Ground, count: u64, span: Duration) -> anyhow::Result<Published> {
    let jetstream = &ground.desk.bus.jetstream;
    let config =
        stream::Config { name: STREAM.to_owned(), subjects: vec!["bench.raw".to_owned()], ..stream::Config::default() };
    jetstream.create_stream(config).await.context("a stream for the raw limit")?;
    let payload = bytes::Bytes::from(vec![b'x'; BYTES]);
    let before = ground.cpu()?;
    let begun_at = Instant::now();
    let due = |number: u64| span.mul_f64(number as f64 / count.max(1) as f64);
    let (mut times, mut next) = (Times::new()?, 0);
    while next < count {
        let first = next;
        let mut in_flight = Vec::new();
        while next < count && next - first < IN_FLIGHT && due(next) <= begun_at.elapsed() {
            in_flight.push(jetstream.publish("bench.raw", payload.clone()).await?.into_future());
            next += 1;
        }
        if in_flight.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        try_join_all(in_flight).await?;
        let now = begun_at.elapsed();
        (first..next).for_each(|number| times.record(now.saturating_sub(due(number))));
    }
    let nats_ms = ground.cpu()?.since(&before).of(cpu::NATS) / count.max(1) as f64;
    jetstream.delete_stream(STREAM).await?;
    Ok(Published { late: times.summary(), nats_ms })
}
