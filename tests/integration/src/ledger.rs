//! What was announced, what is due, and the stores themselves: for stories that look behind the doors.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use async_nats::HeaderMap;
use contracts::{ClientId, Fact, subject_for};
use sqlx::{Connection, PgConnection};

use crate::processes::wait_until;
use crate::{Story, observe};

/// How long everything that is due may take to speak, on a busy machine.
const RING_FOR: Duration = Duration::from_secs(60);

impl Story {
    /// Everything that a service has announced, in order.
    ///
    /// # Errors
    /// If the stream cannot be read.
    pub async fn announced<E: Fact>(&self) -> anyhow::Result<Vec<E>> {
        let stream = self.desk.bus.jetstream.get_stream(chassis::stream_for(E::PACKAGE)).await?;
        let state = &stream.cached_info().state;
        let mut events = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            let message = stream.get_raw_message(sequence).await?;
            events.push(E::received(&message.subject, &message.payload)?);
        }
        Ok(events)
    }

    /// Puts a fact on the bus as its service's relay would.
    ///
    /// # Errors
    /// If it has no meta, client or name, or NATS does not take it.
    pub async fn announce<E: Fact>(&self, event: &E) -> anyhow::Result<()> {
        let (meta, name) = event.meta().zip(event.name()).context("it is no whole fact")?;
        let subject = subject_for::<E>(name, &ClientId::new(&meta.client_id)?);
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Msg-Id", meta.event_id.as_str());
        let payload = event.encode_to_vec().into();
        self.desk.bus.jetstream.publish_with_headers(subject, headers, payload).await?.await?;
        Ok(())
    }

    /// How much each service has announced, by stream.
    ///
    /// # Errors
    /// If a stream cannot be asked.
    pub async fn announcements(&self) -> anyhow::Result<BTreeMap<String, u64>> {
        let mut counts = BTreeMap::new();
        for package in local::SERVICES.iter().filter_map(|service| service.wiring.announces) {
            let name = chassis::stream_for(package);
            let stream = self.desk.bus.jetstream.get_stream(&name).await?;
            counts.insert(name, stream.cached_info().state.messages);
        }
        Ok(counts)
    }

    /// A connection to a service's store that no policy holds back.
    ///
    /// # Errors
    /// If Postgres does not let it in.
    pub async fn store(&self, service: &str) -> anyhow::Result<PgConnection> {
        observe::superuser(&self.desk, service).await
    }

    /// Waits until every warning and breach that is due by the story's clock has spoken.
    ///
    /// # Errors
    /// How many tickets still owe a word.
    pub async fn rung(&self) -> anyhow::Result<()> {
        let mut store = self.store("sla-timer").await?;
        let mut owing: i64 = 0;
        let ended = wait_until("what is due has spoken", RING_FOR, async || {
            owing = sqlx::query_scalar("SELECT count(*) FROM ticket WHERE next_at <= $1")
                .bind(jiff_sqlx::Timestamp::from(self.clock.now()))
                .fetch_one(&mut store)
                .await?;
            Ok(owing == 0)
        });
        ended.await.with_context(|| format!("the clocks of {owing} tickets are due and silent"))?;
        store.close().await?;
        Ok(())
    }
}
