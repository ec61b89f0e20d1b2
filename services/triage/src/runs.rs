//! Runs of runbooks in the background: what is due goes to the runners, what they say comes in.
//!
//! The rows are the truth and the database's clock decides. Jobs are no facts: they do not go through the outbox, but are
//! sent as long as their rows say so, and taken once by whoever gets them. Without the runners' streams everything else
//! works; runs then end as expired.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{AckKind, Message};
use chassis::lease::Leases;
use chassis::{Error, store as kept};
use contracts::runners;
use futures::StreamExt;
use prost::Message as _;
use tokio::time::{sleep, timeout};

use crate::handle::Desk;
use crate::handle::runs::due;
use crate::handle::runs::heard;
use crate::news::News;
use crate::store::{Key, run as rows};
use crate::wire::runbook::heard::{Told, told};
use crate::wire::runbook::job::Post;

/// How long it sleeps at most.
const SLEEP: Duration = Duration::from_secs(1);
/// Runs that are looked at in one transaction.
const BATCH: i64 = 100;
/// Messages that are handled in one transaction.
const MESSAGES: usize = 200;
/// How long a lone message waits for others.
const GATHERS: Duration = Duration::from_millis(20);
/// How long to wait before a broken subscription is made again.
const RETRY: Duration = Duration::from_secs(2);

/// Does what is due on runs until the service stops.
pub async fn watch(desk: Desk, news: News, leases: Leases) {
    let ground = desk.ground.clone();
    while !ground.stop.is_asked() {
        match look(&desk, &leases).await {
            Ok(0) => {}
            Ok(count) => {
                news.ring();
                if i64::try_from(count).is_ok_and(|count| count >= BATCH) {
                    continue;
                }
            }
            Err(error) => tracing::warn!(error = %error.chain(), "runs could not be looked after; trying again"),
        }
        tokio::select! {
            () = sleep(SLEEP) => {}
            () = desk.runs.notified() => {}
            () = leases.changed() => {}
            () = ground.stop.asked() => {}
        }
    }
}

/// One round; returns how many runs something was due on.
async fn look(desk: &Desk, leases: &Leases) -> Result<usize, Error> {
    let shards: Vec<i16> = leases.held().keys().copied().collect();
    if shards.is_empty() {
        return Ok(0);
    }
    let clock = desk.ground.clock.clone();
    let due = desk.ground.store.machinery(move |connection| {
        Box::pin(async move {
            let now = kept::now(connection, &clock).await?;
            rows::due(connection, &shards, now, BATCH).await
        })
    });
    let keys = due.await?;
    let count = keys.len();
    for post in act_each(desk, keys).await? {
        send(desk, post).await;
    }
    Ok(count)
}

/// If one run spoils the batch, each for itself.
async fn act_each(desk: &Desk, keys: Vec<Key>) -> Result<Vec<Post>, Error> {
    match due::act(desk, keys.clone()).await {
        Err(Error::Internal(_)) => {}
        ended => return ended,
    }
    let mut posts = Vec::new();
    for key in keys {
        match due::act(desk, vec![key.clone()]).await {
            Ok(some) => posts.extend(some),
            Err(error) => {
                tracing::error!(error = %error.chain(), client_id = %key.0, run_id = %key.1, "a run is stuck")
            }
        }
    }
    Ok(posts)
}

/// What is not sent now is sent again.
async fn send(desk: &Desk, post: Post) {
    let subject = runners::job_subject(&post.client_id, &post.runner);
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", post.post_id.to_string());
    let payload = post.job.encode_to_vec().into();
    let sent = async {
        let acknowledged = desk.ground.bus.jetstream.publish_with_headers(subject, headers, payload).await?;
        acknowledged.await
    };
    match timeout(Duration::from_secs(5), sent).await {
        Ok(Ok(_)) => tracing::info!(run_id = post.job.run_id, runner = post.runner, "a job went to its runner"),
        Ok(Err(error)) => {
            tracing::warn!(run_id = post.job.run_id, error = %error, "a job could not be sent; trying again");
        }
        Err(_) => tracing::warn!(run_id = post.job.run_id, "a job could not be sent in time; trying again"),
    }
}

/// Hears what runners say until the service stops.
pub async fn listen(desk: Desk, news: News) {
    let stop = desk.ground.stop.clone();
    while !stop.is_asked() {
        let ended = tokio::select! {
            ended = hear(&desk, &news) => ended,
            () = stop.asked() => return,
        };
        if let Err(error) = ended {
            // Not every desk has runners.
            tracing::debug!(error = format!("{error:#}"), "runners are not heard; trying again");
        }
        tokio::select! {
            () = sleep(RETRY) => {}
            () = stop.asked() => {}
        }
    }
}

async fn hear(desk: &Desk, news: &News) -> anyhow::Result<()> {
    let jetstream = &desk.ground.bus.jetstream;
    let consumer: PullConsumer = jetstream
        .get_consumer_from_stream(runners::TOLD_CONSUMER, runners::TOLD)
        .await
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let messages: pull::Stream = consumer
        .stream()
        .max_messages_per_batch(MESSAGES)
        .heartbeat(Duration::from_secs(5))
        .expires(Duration::from_secs(30))
        .messages()
        .await?;
    let mut messages = messages;
    while let Some(first) = messages.next().await {
        let mut batch = vec![first?];
        while batch.len() < MESSAGES
            && let Ok(Some(message)) = timeout(GATHERS, messages.next()).await
        {
            batch.push(message?);
        }
        keep(desk, batch).await;
        news.ring();
    }
    Ok(())
}

/// All of a batch in one transaction; if one message spoils it, each for itself.
async fn keep(desk: &Desk, batch: Vec<Message>) {
    let mut read: Vec<(Message, Told)> = Vec::with_capacity(batch.len());
    for message in batch {
        match told(&message.subject, &message.payload) {
            Ok(told) => read.push((message, told)),
            Err(why) => {
                tracing::error!(subject = %message.subject, why, "what a runner said cannot be read, and is dropped");
                answer(&message, AckKind::Term).await;
            }
        }
    }
    let all = read.iter().map(|(_, told)| told.clone()).collect();
    if heard::hear(desk, all).await.is_ok() {
        for (message, _) in &read {
            answer(message, AckKind::Ack).await;
        }
        return;
    }
    for (message, told) in read {
        match heard::hear(desk, vec![told]).await {
            Ok(()) => answer(&message, AckKind::Ack).await,
            Err(error) => {
                tracing::warn!(error = %error.chain(), "what a runner said cannot be kept now; trying again");
                answer(&message, AckKind::Nak(Some(RETRY))).await;
            }
        }
    }
}

async fn answer(message: &Message, kind: AckKind) {
    // A lost answer means one more delivery, which changes nothing.
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(error = %error, "an acknowledgement was not sent");
    }
}
