//! The bare pipeline: commit, publish, consume, commit, twice over; no rules, no authentication, no tenancy.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_nats::jetstream;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::StorageType;
use futures::{FutureExt, StreamExt};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::follow::{Seen, Sent};
use crate::ground::Ground;
use crate::load::{Schedule, open_loop};
use crate::store::Sizes;
use crate::store::bare::{Bare, Stage};

/// Connections that write posts, as many as a service has.
const WRITERS: usize = 8;
/// Messages handled in one commit.
const BATCH: usize = 200;
/// Subjects, and the streams of their own.
const POSTED: &str = "bench.posted";
const HANDLED: &str = "bench.handled";

/// The bare pipeline at work.
pub(crate) struct Pipeline {
    jetstream: jetstream::Context,
    writers: Arc<(Semaphore, Mutex<Vec<Bare>>)>,
    payload: bytes::Bytes,
    /// When the third stage heard of a ticket: the second has committed and published it.
    pub(crate) heard: Seen,
    /// When the third stage had committed it.
    pub(crate) done: Seen,
    listeners: JoinSet<anyhow::Result<()>>,
}

impl Pipeline {
    /// Makes its streams and begins to listen; its tables exist.
    pub(crate) async fn start(ground: &Ground, sizes: Sizes) -> anyhow::Result<Self> {
        let postgres = &ground.desk.postgres;
        let jetstream = ground.desk.bus.jetstream.clone();
        let mut writers = Vec::new();
        for _ in 0..WRITERS {
            writers.push(Bare::connect(postgres, sizes).await?);
        }
        let payload = bytes::Bytes::from(vec![b'x'; sizes.payload.saturating_sub(16)]);
        let (heard, done) = (Seen::default(), Seen::default());
        let mut listeners = JoinSet::new();
        let posted = consumer(&jetstream, "BENCH_POSTED", POSTED).await?;
        let handled = consumer(&jetstream, "BENCH_HANDLED", HANDLED).await?;
        let (second, third) = (Bare::connect(postgres, sizes).await?, Bare::connect(postgres, sizes).await?);
        let telling = Some((jetstream.clone(), payload.clone()));
        listeners.spawn(listen(posted, second, Stage::Second, telling, None));
        listeners.spawn(listen(handled, third, Stage::Third, None, Some((heard.clone(), done.clone()))));
        let writers = Arc::new((Semaphore::new(WRITERS), Mutex::new(writers)));
        Ok(Self { jetstream, writers, payload, heard, done, listeners })
    }

    /// Posts at the schedule's instants; returns what was committed.
    pub(crate) async fn run(&self, schedule: Schedule, posts: u64) -> anyhow::Result<Vec<Sent>> {
        let sent = open_loop(schedule, posts, |_, due_at| {
            let (jetstream, writers, payload) =
                (self.jetstream.clone(), Arc::clone(&self.writers), self.payload.clone());
            async move { post(jetstream, writers, payload, due_at).await }
        });
        sent.await?.into_iter().collect()
    }

    /// Waits until the last stage has so many.
    pub(crate) async fn drained(&mut self, tickets: usize) -> anyhow::Result<()> {
        let waiting = async {
            while self.done.count() < tickets {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            waited = tokio::time::timeout(Duration::from_secs(120), waiting) => waited.context("the bare pipeline hangs"),
            ended = self.listeners.join_next() => match ended {
                Some(Ok(Err(error))) => Err(error),
                _ => Err(anyhow::anyhow!("a listener of the bare pipeline ended")),
            },
        }
    }
}

async fn post(
    jetstream: jetstream::Context,
    writers: Arc<(Semaphore, Mutex<Vec<Bare>>)>,
    payload: bytes::Bytes,
    due_at: Instant,
) -> anyhow::Result<Sent> {
    let ticket_id = chassis::new_id();
    {
        let _permit = writers.0.acquire().await?;
        let writer = writers.1.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut writer = writer.context("there are as many writers as permits")?;
        writer.post(ticket_id).await?;
        writers.1.lock().unwrap_or_else(PoisonError::into_inner).push(writer);
    }
    let acknowledged_at = Instant::now();
    jetstream.publish(POSTED, message(ticket_id, &payload)).await?.await?;
    Ok(Sent { ticket_id, due_at, acknowledged_at })
}

/// The id, then as many bytes as a fact of the desk has.
fn message(ticket_id: Uuid, payload: &[u8]) -> bytes::Bytes {
    [ticket_id.as_bytes().as_slice(), payload].concat().into()
}

/// The same settings as the desk's own streams and consumers.
async fn consumer(jetstream: &jetstream::Context, stream: &str, subject: &str) -> anyhow::Result<PullConsumer> {
    let stream = jetstream
        .get_or_create_stream(jetstream::stream::Config {
            name: stream.to_owned(),
            subjects: vec![subject.to_owned()],
            storage: StorageType::File,
            ..Default::default()
        })
        .await?;
    Ok(stream
        .get_or_create_consumer(
            "bench",
            pull::Config {
                durable_name: Some("bench".to_owned()),
                ack_policy: AckPolicy::Explicit,
                max_ack_pending: chassis::bus::MAX_ACK_PENDING,
                ..Default::default()
            },
        )
        .await?)
}

/// Takes what is there, commits it, tells of it, acknowledges it.
async fn listen(
    consumer: PullConsumer,
    mut store: Bare,
    stage: Stage,
    telling: Option<(jetstream::Context, bytes::Bytes)>,
    seen: Option<(Seen, Seen)>,
) -> anyhow::Result<()> {
    let mut messages = consumer.stream().max_messages_per_batch(BATCH * 4).messages().await?;
    while let Some(first) = messages.next().await {
        let mut batch = vec![first?];
        while batch.len() < BATCH
            && let Some(Some(message)) = messages.next().now_or_never()
        {
            batch.push(message?);
        }
        let heard_at = Instant::now();
        let ids: Vec<Uuid> =
            batch.iter().filter_map(|message| Uuid::from_slice(message.payload.get(..16)?).ok()).collect();
        store.handle(stage, &ids).await?;
        let done_at = Instant::now();
        if let Some((heard, done)) = &seen {
            for id in &ids {
                heard.note(*id, heard_at);
                done.note(*id, done_at);
            }
        }
        let mut told = Vec::new();
        if let Some((jetstream, payload)) = &telling {
            for id in &ids {
                told.push(jetstream.publish(HANDLED, message(*id, payload)).await?);
            }
        }
        // While the bus confirms, the next batch is taken.
        tokio::spawn(async move {
            for confirmation in told {
                drop(confirmation.await);
            }
            for message in batch {
                drop(message.ack().await);
            }
        });
    }
    anyhow::bail!("the bare pipeline's subscription ended")
}
