//! From JetStream to a service: batches in one transaction, acknowledged after the commit.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{AckKind, Message};
use contracts::ClientId;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, select_all};
use futures::{FutureExt, StreamExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tracing::{Instrument, Span};
use uuid::Uuid;

use crate::bus::jittered;
use crate::metrics::{Batch, watch};
use crate::{Error, Ground, LATER, SOON, Wiring, dead_letter, stream_for, telemetry};

/// Messages handled in one transaction.
const BATCH: usize = 512;
/// Units of work under way at once: while one waits for the store, another can be computed.
const AT_ONCE: usize = 2;
/// So many at once or more are facts that come in numbers: see [`Wiring::gathers_for`]. After fewer it is [`SOON`].
const NUMBERS: usize = 8;
/// How far apart batches of facts that come in numbers begin at least. Begun as soon as the one before has ended they are
/// small, and since each costs as much besides its facts as dozens of them, together they take whatever the machine has:
/// at 400 facts a second as much as at 1,000.
const APART: Duration = Duration::from_millis(25);
/// A message that failed so often goes to the dead letters.
pub const ATTEMPTS: i64 = 10;

/// One message, its sender's claims checked as far as they can be without decoding it.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its `Nats-Msg-Id`.
    pub event_id: Uuid,
    /// The last token of its subject.
    pub client_id: ClientId,
    /// `skranke.intake.v1.ticket_registered.acme`
    pub subject: String,
    /// The encoded `Event`.
    pub payload: bytes::Bytes,
    /// The span of its handling, a child of the work that announced it.
    pub span: Span,
}

impl Delivery {
    /// The announcing service as its package names it: `sla_timer`.
    pub fn service(&self) -> &str {
        self.subject.split('.').nth(1).unwrap_or_default()
    }

    /// The fact's name: `ticket_registered`.
    pub fn fact(&self) -> &str {
        self.subject.rsplit('.').nth(1).unwrap_or_default()
    }

    /// The trace context to announce further facts with.
    pub fn traceparent(&self) -> Option<String> {
        telemetry::traceparent_of(&self.span)
    }
}

/// Why a batch was not handled.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Later it may work.
    #[error("it cannot be handled now")]
    Retry(#[from] Error),
    /// It never will.
    #[error("{0}")]
    Poison(String),
}

impl From<contracts::Misaddressed> for Failure {
    fn from(error: contracts::Misaddressed) -> Self {
        Self::Poison(error.to_string())
    }
}

/// What a service does with a batch: all of it in one unit of work, or nothing. It is called with single messages when
/// a batch failed, and again after crashes: repeats must change nothing.
pub type Handler = Arc<dyn Fn(Ground, Vec<Delivery>) -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// Listens to all streams of the wiring until the service stops; then finishes what is in hand.
pub(crate) async fn run(ground: Ground, wiring: &'static Wiring, handler: Handler) {
    let streams = wiring.listens.iter().map(|listen| messages(ground.clone(), stream_for(listen.package)));
    let mut messages = select_all(streams);
    let mut working = JoinSet::new();
    let mut begins_at = Instant::now();
    // How long the last batch took, in microseconds.
    let took = Arc::new(AtomicU64::new(0));
    loop {
        while working.len() >= AT_ONCE {
            working.join_next().await;
        }
        let first = tokio::select! {
            biased;
            () = ground.stop.asked() => break,
            Some(message) = messages.next() => message,
        };
        let mut batch = vec![first];
        while batch.len() < BATCH
            && let Ok(Some(message)) = timeout_at(begins_at, messages.next()).await
        {
            batch.push(message);
        }
        let begun_at = Instant::now();
        begins_at = begun_at
            + match batch.len() {
                ..NUMBERS => wiring.gathers_for.min(SOON),
                // On a machine that is busy they grow.
                _ => Duration::from_micros(took.load(Relaxed)).clamp(APART, LATER).max(wiring.gathers_for),
            };
        let (judged, took) = (judge(ground.clone(), batch, Arc::clone(&handler)), Arc::clone(&took));
        working.spawn(async move {
            judged.await;
            took.store(u64::try_from(begun_at.elapsed().as_micros()).unwrap_or(u64::MAX), Relaxed);
        });
    }
    while working.join_next().await.is_some() {}
    // What was sent to us and not begun goes to another replica, or our next self, at once instead of after the wait
    // for its acknowledgement.
    while let Some(Some(message)) = messages.next().now_or_never() {
        answer(&message, AckKind::Nak(None)).await;
    }
}

/// The messages of our consumer of a stream, for ever: where the subscription breaks (a deleted consumer, a lost stream,
/// no NATS), it is made again.
fn messages(ground: Ground, stream: String) -> BoxStream<'static, Message> {
    let begin: (Option<pull::Stream>, usize) = (None, 0);
    stream::unfold(begin, move |(mut subscription, mut failures)| {
        let (ground, stream) = (ground.clone(), stream.clone());
        async move {
            loop {
                match next_of(&mut subscription, &ground, &stream).await {
                    Ok(message) => return Some((message, (subscription, 0))),
                    Err(error) => {
                        if failures % 20 == 0 {
                            tracing::warn!(error = format!("{error:#}"), stream, "cannot listen; trying again");
                        }
                        failures += 1;
                        subscription = None;
                        sleep(jittered(Duration::from_millis(50), failures, Duration::from_secs(2))).await;
                    }
                }
            }
        }
    })
    .boxed()
}

/// The next message; subscribes first, if we do not listen yet.
async fn next_of(subscription: &mut Option<pull::Stream>, ground: &Ground, stream: &str) -> anyhow::Result<Message> {
    let subscribed = match subscription {
        Some(subscribed) => subscribed,
        None => subscription.insert(subscribe(ground, stream).await?),
    };
    Ok(subscribed.next().await.ok_or_else(|| anyhow::anyhow!("the subscription ended"))??)
}

async fn subscribe(ground: &Ground, stream: &str) -> anyhow::Result<pull::Stream> {
    let consumer: PullConsumer =
        ground.bus.jetstream.get_consumer_from_stream(ground.service, stream).await.map_err(|error| {
            anyhow::anyhow!("the consumer {} of the stream {stream} is missing: {error}", ground.service)
        })?;
    let subscription = consumer
        .stream()
        .max_messages_per_batch(BATCH * 4)
        .heartbeat(Duration::from_secs(5))
        .expires(Duration::from_secs(30))
        .messages()
        .await?;
    Ok(subscription)
}

/// Handles a batch and tells JetStream what became of each message.
async fn judge(ground: Ground, batch: Vec<Message>, handler: Handler) {
    let ground = &ground;
    let mut deliveries = Vec::with_capacity(batch.len());
    let mut messages = Vec::with_capacity(batch.len());
    for message in batch {
        match read(&message, ground.service) {
            Ok(delivery) => {
                deliveries.push(delivery);
                messages.push(message);
            }
            Err(why) => bury(ground, &message, None, &why).await,
        }
    }
    if deliveries.is_empty() {
        return;
    }
    ground.metrics.batch(Batch::Consume, deliveries.len());
    let span = match deliveries.as_slice() {
        [only] => only.span.clone(),
        several => telemetry::together(ground.service, "handle together", several.iter().map(|one| &one.span)),
    };
    let outcome = with_progress(&messages, handler(ground.clone(), deliveries.clone())).instrument(span).await;
    if outcome.is_ok() {
        for message in &messages {
            answer(message, AckKind::Ack).await;
        }
        return;
    }
    // One message may spoil a batch: each for itself shows which. If the world is down, it is none of them.
    let mut is_down = None;
    for (message, delivery) in messages.iter().zip(deliveries) {
        if let Some(error) = &is_down {
            retry_later(ground, message, &delivery, error).await;
            continue;
        }
        let span = delivery.span.clone();
        match handler(ground.clone(), vec![delivery.clone()]).instrument(span).await {
            Ok(()) => answer(message, AckKind::Ack).await,
            Err(Failure::Poison(why)) => bury(ground, message, Some(&delivery), &why).await,
            Err(Failure::Retry(error)) => {
                retry_later(ground, message, &delivery, &error).await;
                is_down = matches!(error, Error::Unavailable(_)).then_some(error);
            }
        }
    }
}

/// Tells JetStream that we are at it while a batch takes long.
async fn with_progress<T>(messages: &[Message], work: impl Future<Output = T>) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        match timeout(crate::bus::ACK_WAIT / 2, &mut work).await {
            Ok(outcome) => return outcome,
            Err(_) => {
                for message in messages {
                    answer(message, AckKind::Progress).await;
                }
            }
        }
    }
}

async fn retry_later(ground: &Ground, message: &Message, delivery: &Delivery, error: &Error) {
    let attempts = message.info().map_or(1, |info| info.delivered);
    // While the world is down nothing is wrong with the message: it waits as long as it takes.
    if attempts >= ATTEMPTS && matches!(error, Error::Internal(_)) {
        let why = error.chain();
        return bury(ground, message, Some(delivery), &why).await;
    }
    let ticket_id = watch::ticket_of(&message.payload);
    delivery.span.in_scope(|| {
        tracing::warn!(error = %error.chain(), subject = %message.subject, ticket_id, attempts, "a message will be tried again");
    });
    let attempt = usize::try_from(attempts).unwrap_or(usize::MAX);
    answer(message, AckKind::Nak(Some(jittered(Duration::from_millis(100), attempt, Duration::from_secs(30))))).await;
}

/// Puts a message among the dead letters and takes it off the stream's hands.
async fn bury(ground: &Ground, message: &Message, delivery: Option<&Delivery>, why: &str) {
    let attempts = message.info().map_or(1, |info| info.delivered);
    match dead_letter::bury(ground, message, delivery, why, attempts).await {
        Ok(()) => {
            let (subject, ticket_id) = (&message.subject, watch::ticket_of(&message.payload));
            let span = delivery.map_or_else(Span::none, |delivery| delivery.span.clone());
            span.record("otel.status_code", "ERROR");
            span.in_scope(|| tracing::error!(%subject, ticket_id, why, "a message went to the dead letters"));
            answer(message, AckKind::Term).await;
        }
        Err(error) => {
            tracing::warn!(error = %error.chain(), "a dead letter could not be kept; the message will come again");
            answer(message, AckKind::Nak(Some(Duration::from_secs(5)))).await;
        }
    }
}

async fn answer(message: &Message, kind: AckKind) {
    // A lost answer means one more delivery, which changes nothing.
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(error = %error, "an acknowledgement was not sent");
    }
}

/// Reads what the machinery needs to know of a message.
fn read(message: &Message, service: &'static str) -> Result<Delivery, String> {
    let header = |name: &str| message.headers.as_ref().and_then(|headers| headers.get(name)).map(ToString::to_string);
    let event_id = header("Nats-Msg-Id").and_then(|text| Uuid::try_parse(&text).ok()).ok_or("it has no event id")?;
    let client = message.subject.rsplit('.').next().unwrap_or_default();
    let client_id = ClientId::new(client).map_err(|_| "its subject names no client")?;
    let subject = message.subject.to_string();
    let span = telemetry::handle(service, &subject, event_id, header("traceparent").as_deref());
    if telemetry::is_sampled(&span)
        && let Some(ticket_id) = watch::ticket_of(&message.payload)
    {
        span.record("skranke.ticket_id", ticket_id);
    }
    Ok(Delivery { event_id, client_id, subject, payload: message.payload.clone(), span })
}
