//! Telling the desk: in order, again until it is acknowledged, from the journal after a crash.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use contracts::triage::v1::runner_told::News;
use contracts::triage::v1::{RunOutcome, RunOutput, RunnerEnded, RunnerStarted, RunnerTold};
use contracts::{duration, timestamp};
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::journal::Journal;

/// How long an acknowledgement is waited for.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Takes what is to be told. Cheap to clone; at most the output of what runs waits here.
#[derive(Debug, Clone)]
pub(crate) struct Teller(UnboundedSender<RunnerTold>);

impl Teller {
    /// And where it comes out.
    pub fn new() -> (Self, UnboundedReceiver<RunnerTold>) {
        let (sender, receiver) = unbounded_channel();
        (Self(sender), receiver)
    }

    /// Tells it as soon as it can be.
    pub fn tell(&self, told: RunnerTold) {
        if self.0.send(told).is_err() {
            tracing::debug!("it is told at the next start, from the journal");
        }
    }
}

/// Tells until nobody has anything to tell any more.
pub(crate) async fn publish(
    jetstream: Context,
    subject: String,
    journal: Arc<Journal>,
    mut waiting: UnboundedReceiver<RunnerTold>,
) {
    while let Some(told) = waiting.recv().await {
        let mut pause = Duration::from_millis(100);
        while let Err(error) = once(&jetstream, &subject, &told).await {
            tracing::warn!(run_id = told.run_id, error = format!("{error:#}"), "the desk cannot be told; trying again");
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        if matches!(told.news, Some(News::Ended(_)))
            && let Ok(run_id) = Uuid::try_parse(&told.run_id)
            && let Err(error) = journal.told(run_id)
        {
            tracing::error!(%run_id, error = format!("{error:#}"), "the journal cannot be written");
        }
    }
}

async fn once(jetstream: &Context, subject: &str, told: &RunnerTold) -> Result<()> {
    let sent = async {
        let acknowledged =
            jetstream.publish_with_headers(subject.to_owned(), headers(told), told.encode_to_vec().into()).await?;
        acknowledged.await?;
        anyhow::Ok(())
    };
    timeout(ACKNOWLEDGED_WITHIN, sent).await?
}

/// The id by which repeats are known.
pub(crate) fn headers(told: &RunnerTold) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", told.told_id.as_str());
    headers
}

fn told(run_id: Uuid, word: &str, news: News) -> RunnerTold {
    RunnerTold {
        told_id: Uuid::new_v5(&run_id, word.as_bytes()).to_string(),
        run_id: run_id.to_string(),
        news: Some(news),
    }
}

/// A run has begun.
pub(crate) fn started(run_id: Uuid, at: Timestamp) -> RunnerTold {
    told(run_id, "started", News::Started(RunnerStarted { started_at: Some(timestamp(at)) }))
}

/// A run wrote something.
pub(crate) fn output(run_id: Uuid, sequence: u32, is_error: bool, chunk: Vec<u8>) -> RunnerTold {
    told(run_id, &format!("output/{sequence}"), News::Output(RunOutput { sequence, is_error, chunk }))
}

/// A run is over.
pub(crate) fn ended(run_id: Uuid, ended: RunnerEnded) -> RunnerTold {
    told(run_id, "ended", News::Ended(ended))
}

/// How a run ended that wrote nothing.
pub(crate) fn silent(outcome: RunOutcome, reason: impl Into<String>) -> RunnerEnded {
    RunnerEnded {
        outcome: outcome.into(),
        reason: reason.into(),
        ran_for: Some(duration(SignedDuration::ZERO)),
        ..RunnerEnded::default()
    }
}
