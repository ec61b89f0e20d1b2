//! Figures that must be looked up in the store or on the bus: by one task, every ten seconds, never because somebody
//! looks at the page.

use std::time::Duration;

use contracts::desk::v1::EventMeta;
use jiff::Timestamp;
use opentelemetry::KeyValue;

use crate::{Error, Ground, Wiring, dead_letter, relay, stream_for};

const EVERY: Duration = Duration::from_secs(10);

/// Any service's event, as far as all are alike.
#[derive(Clone, PartialEq, prost::Message)]
struct Announced {
    #[prost(message, optional, tag = "1")]
    meta: Option<EventMeta>,
}

/// When the desk learned of a fact.
pub(crate) fn recorded_at(payload: &[u8]) -> Option<Timestamp> {
    let meta = <Announced as prost::Message>::decode(payload).ok()?.meta?;
    contracts::from_timestamp(meta.recorded_at.as_ref()?)
}

/// Which ticket a fact is about.
pub(crate) fn ticket_of(payload: &[u8]) -> Option<String> {
    let meta = <Announced as prost::Message>::decode(payload).ok()?.meta?;
    Some(meta.ticket_id).filter(|ticket_id| !ticket_id.is_empty())
}

/// Looks until the service stops.
pub(crate) async fn run(ground: Ground, wiring: &'static Wiring) {
    loop {
        if let Err(error) = look_at_store(&ground, wiring).await {
            tracing::debug!(error = %error.chain(), "the store's figures are old");
        }
        look_at_bus(&ground, wiring).await;
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = ground.stop.asked() => return,
        }
    }
}

async fn look_at_store(ground: &Ground, wiring: &Wiring) -> Result<(), Error> {
    let metrics = &ground.metrics;
    for (pool, size, idle) in ground.store.connections() {
        for (state, count) in [("idle", idle), ("used", size.saturating_sub(idle))] {
            metrics.connections.record(count as u64, &[KeyValue::new("pool", pool), KeyValue::new("state", state)]);
        }
    }
    metrics.dead_letters.record(dead_letter::count(ground).await?, &[]);
    if wiring.announces.is_some() {
        let (depth, oldest) = relay::waiting(ground).await?;
        let since = oldest.as_deref().and_then(recorded_at);
        let age = since.map_or(0.0, |since| ground.clock.now().duration_since(since).as_secs_f64().max(0.0));
        metrics.outbox_depth.record(depth, &[]);
        metrics.outbox_age.record(age, &[]);
    }
    Ok(())
}

async fn look_at_bus(ground: &Ground, wiring: &Wiring) {
    let metrics = &ground.metrics;
    metrics.bus_connected.record(ground.bus.is_connected().into(), &[]);
    if !ground.bus.is_connected() {
        return;
    }
    for listen in wiring.listens {
        let stream = stream_for(listen.package);
        let found = ground.bus.jetstream.get_stream_no_info(&stream).await;
        let Ok(found) = found else { continue };
        let Ok(consumer) = found.consumer_info(ground.service).await else { continue };
        let labels = [KeyValue::new("stream", stream)];
        metrics.consumer_pending.record(consumer.num_pending, &labels);
        metrics.consumer_ack_pending.record(consumer.num_ack_pending as u64, &labels);
        metrics.consumer_redelivered.record(consumer.num_redelivered as u64, &labels);
    }
}
