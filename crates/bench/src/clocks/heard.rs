//! Breaches as they reach the stream: what a listener is told, and when.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use bytes::Bytes;
use contracts::sla_timer::v1::Event;
use contracts::{Fact, from_timestamp};
use futures::StreamExt;
use jiff::Timestamp;
use prost::Message;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::armed::Armed;
use crate::ground::Ground;
use crate::latency::{Latency, Times};

/// When nothing was heard for so long, nothing will be any more.
const HEARD_WITHIN: Duration = Duration::from_secs(60);
/// How often it is looked whether all was heard.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Every breach that the stream has delivered, in its order. What it says is read later, not while it is measured.
#[derive(Debug)]
pub(super) struct Heard {
    messages: Arc<Mutex<Vec<(Timestamp, Bytes)>>>,
    listening: JoinHandle<()>,
}

/// What was heard of some clocks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    /// From the due instant until the stream delivered the breach.
    pub(super) late: Latency,
    /// From the due instant until the service had begun to compute it, as the breach says.
    pub(super) begun: Latency,
    /// Of them how many were heard of.
    pub(super) clocks: u64,
    /// Messages beyond the first of a clock.
    pub(super) repeats: u64,
    /// Breaches that name another instant than the due one.
    pub(super) untrue: u64,
}

impl Heard {
    /// Listens to the stream from now on: a message is delivered when the stream has synced it.
    pub(super) async fn listen(ground: &Ground) -> anyhow::Result<Self> {
        let stream = chassis::stream_for(Event::PACKAGE);
        let stream = ground.desk.bus.jetstream.get_stream(stream).await?;
        let config = push::OrderedConfig {
            deliver_subject: format!("bench.heard.{}", Uuid::new_v4().simple()),
            filter_subject: format!("{}.clock_breached.*", Event::PACKAGE),
            deliver_policy: DeliverPolicy::New,
            ..push::OrderedConfig::default()
        };
        let mut messages = stream.create_consumer(config).await?.messages().await?;
        let noted: Arc<Mutex<Vec<_>>> = Arc::default();
        let noting = Arc::clone(&noted);
        let listening = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let now = chassis::Clock::System.now();
                let Ok(message) = message else { continue };
                noting.lock().unwrap_or_else(PoisonError::into_inner).push((now, message.payload.clone()));
            }
        });
        Ok(Self { messages: noted, listening })
    }

    /// Listens no more.
    pub(super) async fn end(self) {
        self.listening.abort();
        // That it was aborted is what it says.
        let _aborted = self.listening.await;
    }

    fn all(&self) -> std::sync::MutexGuard<'_, Vec<(Timestamp, Bytes)>> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until so many breaches were heard in all.
    pub(super) async fn until(&self, count: usize) -> anyhow::Result<()> {
        let (mut before, mut changed_at) = (0, Instant::now());
        loop {
            let heard = self.all().len();
            if heard >= count {
                return Ok(());
            }
            if heard != before {
                (before, changed_at) = (heard, Instant::now());
            }
            anyhow::ensure!(changed_at.elapsed() < HEARD_WITHIN, "of {count} breaches only {heard} are on the bus");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// How many were heard until now.
    pub(super) fn count(&self) -> usize {
        self.all().len()
    }

    /// What was heard of these clocks since there were `before` breaches.
    pub(super) fn told(&self, of: &[Armed], before: usize) -> anyhow::Result<Told> {
        let due: HashMap<Uuid, Timestamp> = of.iter().map(|one| (one.ticket_id, one.due_at)).collect();
        let mut seen: HashMap<Uuid, u64> = HashMap::new();
        let (mut times, mut begun, mut told) = (Times::new()?, Times::new()?, Told::default());
        for (heard_at, payload) in self.all().iter().skip(before) {
            let event = Event::decode(payload.as_ref()).context("a breach cannot be read")?;
            let meta = event.meta.context("a breach has no meta")?;
            let ticket_id = Uuid::try_parse(&meta.ticket_id)?;
            let Some(due_at) = due.get(&ticket_id) else { continue };
            let count = seen.entry(ticket_id).or_default();
            *count += 1;
            if *count > 1 {
                told.repeats += 1;
                continue;
            }
            told.untrue += u64::from(meta.occurred_at.as_ref().and_then(from_timestamp) != Some(*due_at));
            let begun_at = meta.recorded_at.as_ref().and_then(from_timestamp).unwrap_or(*heard_at);
            begun.record(Duration::try_from(begun_at.duration_since(*due_at)).unwrap_or_default());
            times.record(Duration::try_from(heard_at.duration_since(*due_at)).unwrap_or_default());
        }
        (told.late, told.begun, told.clocks) = (times.summary(), begun.summary(), seen.len() as u64);
        Ok(told)
    }
}
