//! Following tickets: when each was due, acknowledged and told of, matched by its id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use contracts::Fact;
use futures::StreamExt;
use uuid::Uuid;

use crate::latency::{Latency, Times};

/// A post that was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) ticket_id: Uuid,
    /// When it should have been sent; whatever it waited after that is part of its time.
    pub(crate) due_at: Instant,
    pub(crate) acknowledged_at: Instant,
}

/// When something was first seen of each ticket.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<HashMap<Uuid, Instant>>>);

impl Seen {
    /// Only the first time counts.
    pub(crate) fn note(&self, ticket_id: Uuid, at: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(ticket_id).or_insert(at);
    }

    /// How long after it was due something was seen of each post; and of how many nothing was.
    pub(crate) fn latency(&self, sent: &[Sent]) -> anyhow::Result<(Latency, u64)> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut times = Times::new()?;
        for one in sent {
            if let Some(at) = seen.get(&one.ticket_id) {
                times.record(at.saturating_duration_since(one.due_at));
            }
        }
        let missing = sent.len() as u64 - times.count();
        Ok((times.summary(), missing))
    }

    /// How many tickets something was seen of.
    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Forgets all.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// How long after it was due each was acknowledged.
pub(crate) fn acknowledged(sent: &[Sent]) -> anyhow::Result<Latency> {
    let mut times = Times::new()?;
    for one in sent {
        times.record(one.acknowledged_at.saturating_duration_since(one.due_at));
    }
    Ok(times.summary())
}

/// Sees every fact of a name on the bus, until the runtime ends.
pub(crate) async fn watch<F: Fact>(client: &async_nats::Client, name: &str) -> anyhow::Result<Seen> {
    let seen = Seen::default();
    let noting = seen.clone();
    let mut messages =
        client.subscribe(format!("{}.{name}.*", F::PACKAGE)).await.context("cannot listen to the bus")?;
    client.flush().await?;
    tokio::spawn(async move {
        while let Some(message) = messages.next().await {
            let now = Instant::now();
            let ticket_id = F::decode(message.payload.as_ref()).ok().and_then(|event| ticket_of(&event));
            if let Some(ticket_id) = ticket_id {
                noting.note(ticket_id, now);
            }
        }
    });
    Ok(seen)
}

fn ticket_of<F: Fact>(event: &F) -> Option<Uuid> {
    Uuid::try_parse(&event.meta()?.ticket_id).ok()
}
