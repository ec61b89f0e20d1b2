//! Waiting until a desk has nothing left to do.

use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream::consumer::PullConsumer;

use crate::desk::Desk;
use crate::services::SERVICES;
use crate::store;

/// What a look at the desk found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Look {
    /// What is not done yet, in words.
    undone: Vec<String>,
    /// The streams' last sequences: two equal looks mean that nothing happened in between.
    sequences: Vec<u64>,
}

impl Desk {
    /// Waits until every outbox is announced and every message is handled.
    ///
    /// # Errors
    /// What is still undone after `at_most`, or that something went to the dead letters.
    pub async fn settle(&self, at_most: Duration) -> anyhow::Result<()> {
        let mut before: Option<Look> = None;
        let watch = async {
            loop {
                let now = self.look().await?;
                let is_settled = now.undone.is_empty() && before.as_ref() == Some(&now);
                if is_settled {
                    return anyhow::Ok(());
                }
                before = Some(now);
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(at_most, watch).await;
        match waited {
            Ok(settled) => settled?,
            Err(_) => anyhow::bail!("the desk does not settle: {}", self.look().await?.undone.join("; ")),
        }
        for (name, running) in &self.services {
            let status = chassis::doors::status(&running.ground).await?;
            anyhow::ensure!(status.dead_letters == 0, "{name} has {} dead letters", status.dead_letters);
        }
        Ok(())
    }

    async fn look(&self) -> anyhow::Result<Look> {
        let mut look = Look { undone: Vec::new(), sequences: Vec::new() };
        for (name, running) in &self.services {
            let depth = chassis::doors::status(&running.ground).await?.outbox_depth;
            if depth > 0 {
                look.undone.push(format!("{depth} facts of {name} are not announced"));
            }
        }
        if let Some(sla_timer) = self.services.get("sla-timer") {
            let silent = store::silent_clocks(&sla_timer.ground).await?;
            if silent > 0 {
                look.undone.push(format!("the clocks of {silent} tickets are due and silent"));
            }
        }
        for service in SERVICES {
            for listen in service.wiring.listens {
                let stream = chassis::stream_for(listen.package);
                let mut consumer: PullConsumer = self
                    .bus
                    .jetstream
                    .get_consumer_from_stream(service.name(), &stream)
                    .await
                    .with_context(|| format!("the consumer {} of {stream}", service.name()))?;
                let info = consumer.info().await?;
                let waiting = info.num_pending + info.num_ack_pending as u64;
                look.sequences.push(info.delivered.consumer_sequence);
                if waiting > 0 {
                    look.undone.push(format!("{waiting} messages of {stream} wait for {}", service.name()));
                }
            }
        }
        Ok(look)
    }
}
