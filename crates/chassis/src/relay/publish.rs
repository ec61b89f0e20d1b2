//! A batch of the outbox onto the stream.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::header::{NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use futures::future::try_join_all;
use tokio::time::timeout;
use tracing::Span;
use uuid::Uuid;

use super::rows::Row;
use crate::metrics::watch;
use crate::{Error, Ground, telemetry};

/// So many facts or more go as one atomic batch: JetStream stores and syncs them together, which costs it a third of what
/// they cost one by one. For fewer, the batch costs more than it saves: it is first put into a folder of its own, which
/// takes 4 ms, as long as ten facts one by one.
const TOGETHER: usize = 16;

/// How long the client may take to take a batch from us.
const HAND_OVER_WITHIN: Duration = Duration::from_secs(5);

/// A fact on its way.
struct Letter {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
    span: Span,
}

/// The sequences that a batch got on the stream, without what the stream had already.
#[derive(Debug, Default)]
pub(super) struct Stored {
    pub first: Option<u64>,
    pub last: Option<u64>,
}

/// Publishes all of it, and returns when all of it is stored. `together`: the stream takes atomic batches.
///
/// # Errors
/// If some of it may not be stored. All is to be published again then; the listeners drop what they have.
pub(super) async fn publish(ground: &Ground, rows: Vec<Row>, together: bool) -> Result<Stored, Error> {
    let letters: Vec<Letter> = rows.into_iter().map(|row| Letter::of(ground, row)).collect();
    let outcome = match together && letters.len() >= TOGETHER {
        true => publish_together(ground, &letters).await,
        false => publish_one_by_one(ground, &letters).await,
    };
    outcome.map_err(|error| {
        for letter in &letters {
            letter.span.record("otel.status_code", "ERROR");
        }
        Error::Unavailable(error.into())
    })
}

impl Letter {
    fn of(ground: &Ground, row: Row) -> Self {
        let span = span_of(ground, &row);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", row.event_id.to_string());
        if let Some(traceparent) = telemetry::traceparent_of(&span).or(row.traceparent) {
            headers.insert("traceparent", traceparent);
        }
        Self { subject: row.subject, headers, payload: row.payload.into(), span }
    }
}

/// All in flight at once, each with its own acknowledgement.
async fn publish_one_by_one(ground: &Ground, letters: &[Letter]) -> Result<Stored, PublishError> {
    let mut in_flight = Vec::with_capacity(letters.len());
    for Letter { subject, headers, payload, .. } in letters {
        let sent = ground.bus.jetstream.publish_with_headers(subject.clone(), headers.clone(), payload.clone()).await?;
        in_flight.push(sent.into_future());
    }
    let acknowledged: Vec<PublishAck> = try_join_all(in_flight).await?;
    let fresh = || acknowledged.iter().filter(|one| !one.duplicate).map(|one| one.sequence);
    Ok(Stored { first: fresh().min(), last: fresh().max() })
}

/// As one: JetStream stores all or nothing, and acknowledges the last. It takes no batch with a message that it has
/// already; such a batch goes one by one.
async fn publish_together(ground: &Ground, letters: &[Letter]) -> Result<Stored, PublishError> {
    let jetstream = &ground.bus.jetstream;
    let batch_id = Uuid::now_v7().simple().to_string();
    let Some((last, rest)) = letters.split_last() else { return Ok(Stored::default()) };
    let with_place = |letter: &Letter, place: usize| {
        let mut headers = letter.headers.clone();
        headers.insert(NATS_BATCH_ID, batch_id.as_str());
        headers.insert(NATS_BATCH_SEQUENCE, place.to_string());
        headers
    };
    let handing_over = async {
        for (index, letter) in rest.iter().enumerate() {
            let headers = with_place(letter, index + 1);
            let (subject, payload) = (letter.subject.clone(), letter.payload.clone());
            ground.bus.client.publish_with_headers(subject, headers, payload).await?;
        }
        Ok::<(), async_nats::client::PublishError>(())
    };
    // Without a connection the client keeps what it was given until it can keep no more.
    match timeout(HAND_OVER_WITHIN, handing_over).await {
        Ok(handed_over) => {
            handed_over.map_err(|error| PublishError::with_source(PublishErrorKind::BrokenPipe, error))?;
        }
        Err(_) => return Err(PublishError::new(PublishErrorKind::TimedOut)),
    }
    let mut headers = with_place(last, letters.len());
    headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    let sent = jetstream.publish_with_headers(last.subject.clone(), headers, last.payload.clone()).await?;
    match sent.await {
        Ok(stored) => {
            let first = (stored.sequence + 1).saturating_sub(letters.len() as u64);
            Ok(Stored { first: Some(first), last: Some(stored.sequence) })
        }
        Err(error) if error.kind() == PublishErrorKind::Other => {
            tracing::debug!(error = %error, "a batch goes one by one");
            publish_one_by_one(ground, letters).await
        }
        Err(error) => Err(error),
    }
}

/// A fact's way to the bus, until its acknowledgement.
fn span_of(ground: &Ground, row: &Row) -> Span {
    let traceparent = row.traceparent.as_deref();
    let span = telemetry::publish(ground.service, &row.subject, row.event_id, row.ticket_id, traceparent);
    if !span.is_none()
        && let Some(recorded_at) = watch::recorded_at(&row.payload)
    {
        let waited = ground.clock.now().duration_since(recorded_at);
        span.record("skranke.outbox.wait_us", i64::try_from(waited.as_micros()).unwrap_or(i64::MAX));
    }
    span
}
