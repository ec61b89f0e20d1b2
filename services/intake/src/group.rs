//! Group commit: registrations that arrive together share one transaction.
//!
//! One commit costs a sync to disk, whatever is in it. The committer takes what has gathered while the last commit ran,
//! so that the group grows with the load and a single post waits for nobody. More committers would only wait for each
//! other: references are numbered without gaps, so that one transaction holds a client at a time.
//!
//! Callers that wait for their answer before they post again would fall into two halves, one in the commit and one in
//! the queue. So the committer gives those a moment whose answers are on their way.

use std::time::Duration;

use chassis::metrics::Batch;
use chassis::{Error, Ground, telemetry};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::handle::{self, Outcome};
use crate::wire::Registration;

/// Registrations in one transaction.
const MOST: usize = 256;
/// Registrations waiting for a commit; one more is shed.
const WAITING: usize = 8_192;
/// How long a group waits for the posts that are expected.
const LINGER: Duration = Duration::from_millis(1);

/// Where registrations gather.
#[derive(Debug, Clone)]
pub struct Group {
    sender: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    registration: Registration,
    reply: oneshot::Sender<Result<Outcome, Error>>,
    /// From the queue to the outcome.
    span: Span,
}

/// Why a registration has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Too many are waiting; nothing was kept.
    #[error("too many registrations are waiting")]
    Full,
    /// The store failed, or we are stopping. The caller may repeat it with the same request_id.
    #[error("it was not registered")]
    Failed(#[from] Error),
}

impl Group {
    /// Starts the committer. It ends when every sender is gone or the service's doors have closed.
    pub fn start(ground: &Ground) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        ground.stop.spawn_machinery(commit_groups(ground.clone(), receiver));
        Self { sender }
    }

    /// Registers one ticket, together with whatever else has gathered.
    ///
    /// Dropping the future gives up the answer, not the commit: what has begun is finished.
    ///
    /// # Errors
    /// [`Lost`]; then nothing was acknowledged.
    pub async fn register(&self, registration: Registration) -> Result<Outcome, Lost> {
        let (reply, outcome) = oneshot::channel();
        let span = telemetry::group_commit(crate::WIRING.service);
        self.sender.try_send(Job { registration, reply, span: span.clone() }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Lost::Full,
            mpsc::error::TrySendError::Closed(_) => Lost::Failed(stopping()),
        })?;
        Ok(outcome.instrument(span).await.map_err(|_| stopping())??)
    }
}

fn stopping() -> Error {
    Error::Unavailable("intake is stopping".into())
}

async fn commit_groups(ground: Ground, mut waiting: mpsc::Receiver<Job>) {
    let mut jobs = Vec::with_capacity(MOST);
    // As many as were under way or waiting when the last commit ended.
    let mut expected = 0;
    loop {
        tokio::select! {
            biased;
            taken = waiting.recv_many(&mut jobs, MOST) => if taken == 0 { return },
            () = ground.stop.doors_closed() => return,
        }
        if jobs.len() < expected {
            // What has come until then is taken.
            drop(timeout(LINGER, gather(&mut waiting, &mut jobs, expected)).await);
        }
        // Whoever no longer waits (its deadline passed in the queue) has not been told anything: not begun, not kept.
        jobs.retain(|job: &Job| !job.reply.is_closed());
        if !jobs.is_empty() {
            let under_way = jobs.len();
            commit(&ground, std::mem::take(&mut jobs)).await;
            expected = (under_way + waiting.len()).min(MOST);
        }
    }
}

/// Takes what comes until so many are here. What was taken stays when it is given up.
async fn gather(waiting: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>, expected: usize) {
    while jobs.len() < expected && waiting.recv_many(jobs, expected - jobs.len()).await > 0 {}
}

async fn commit(ground: &Ground, jobs: Vec<Job>) {
    ground.metrics.batch(Batch::IntakeGroup, jobs.len());
    let span = telemetry::together(ground.service, "commit together", jobs.iter().map(|job| &job.span));
    let (registrations, replies): (Vec<_>, Vec<_>) =
        jobs.into_iter().map(|job| (job.registration, (job.reply, job.span))).unzip();
    match handle::register(ground, registrations.clone()).instrument(span).await {
        Ok(outcomes) => {
            for ((reply, _), outcome) in replies.into_iter().zip(outcomes) {
                // A caller that left will ask again with the same request_id and get the same answer.
                drop(reply.send(Ok(outcome)));
            }
        }
        Err(error) => {
            tracing::warn!(error = %error.chain(), tickets = replies.len(), "a group failed; each for itself");
            for ((reply, span), registration) in replies.into_iter().zip(registrations) {
                drop(reply.send(handle::register_one(ground, registration).instrument(span).await));
            }
        }
    }
}
