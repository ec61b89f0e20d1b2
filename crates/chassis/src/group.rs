//! Group commit: what arrives together shares one transaction.
//!
//! One commit costs a sync to disk, and one transaction a dozen of statements, whatever is in it. A committer takes what
//! has gathered while the last commit ran, so that the group grows with the load and a single job waits for nobody.
//!
//! Callers that wait for their answer before they ask again would fall into two halves, one in the commit and one in
//! the queue. So a committer gives those a moment whose answers are on their way.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::{Instrument, Span};

use crate::metrics::Batch;
use crate::{Error, Ground, telemetry};

/// Jobs in one transaction.
const MOST: usize = 256;
/// Jobs waiting for a commit; one more is shed.
const WAITING: usize = 8_192;
/// How long a group waits for the jobs that are expected, at least and at most: a quarter of what the last one took, so
/// that on a machine that is busy, where answers take longer to come back, groups do not fall into two halves.
const LINGER: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(5));
/// How long a group waits for the one before it, and grows. Then it goes on beside it: that one stands still itself.
const PATIENCE: Duration = Duration::from_millis(25);

/// What is done in groups.
pub trait Commit: Send + Sync + 'static {
    /// One thing to do.
    type Job: Clone + Send + Sync + 'static;
    /// What became of it.
    type Outcome: Send + 'static;

    /// Transactions at once, where one stands still. One where each would wait for the other.
    const AT_ONCE: usize;
    /// What is counted.
    const BATCH: Batch;

    /// Whether the two may share a transaction.
    fn may_share(first: &Self::Job, other: &Self::Job) -> bool;

    /// Does all of them in one transaction; the outcomes stand in the order of the jobs.
    ///
    /// # Errors
    /// If the store failed; then nothing was done, and each is tried for itself.
    fn together(&self, jobs: Vec<Self::Job>) -> BoxFuture<'_, Result<Vec<Self::Outcome>, Error>>;

    /// Does one on its own, after its group failed.
    ///
    /// # Errors
    /// If the store failed; then nothing was done.
    fn alone(&self, job: Self::Job) -> BoxFuture<'_, Result<Self::Outcome, Error>>;
}

/// Where jobs gather. Cheap to clone.
#[derive(Debug)]
pub struct Group<C: Commit> {
    service: &'static str,
    sender: mpsc::Sender<Waiting<C>>,
}

impl<C: Commit> Clone for Group<C> {
    fn clone(&self) -> Self {
        Self { service: self.service, sender: self.sender.clone() }
    }
}

struct Waiting<C: Commit> {
    job: C::Job,
    reply: oneshot::Sender<Result<C::Outcome, Error>>,
    /// From the queue to the outcome.
    span: Span,
}

/// Why a job has no outcome.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// Too many are waiting; nothing was done.
    #[error("too many are waiting")]
    Full,
    /// The store failed, or we are stopping. The caller may repeat it with the same request_id.
    #[error("it was not done")]
    Failed(#[from] Error),
}

impl<C: Commit> Group<C> {
    /// Starts the committers. They end when every sender is gone or the service's doors have closed.
    pub fn start(ground: &Ground, commit: C) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let door = Arc::new(Door { queue: Mutex::new(receiver), turn: Mutex::new(()) });
        let commit = Arc::new(commit);
        for _ in 0..C::AT_ONCE {
            ground.stop.spawn_machinery(commit_groups(ground.clone(), door.clone(), commit.clone()));
        }
        Self { service: ground.service, sender }
    }

    /// Does one job, together with whatever else has gathered.
    ///
    /// Dropping the future gives up the answer, not the commit: what has begun is finished.
    ///
    /// # Errors
    /// [`Lost`]; then nothing was acknowledged.
    pub async fn outcome(&self, job: C::Job) -> Result<C::Outcome, Lost> {
        let (reply, outcome) = oneshot::channel();
        let span = telemetry::group_commit(self.service);
        self.sender.try_send(Waiting { job, reply, span: span.clone() }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Lost::Full,
            mpsc::error::TrySendError::Closed(_) => Lost::Failed(stopping()),
        })?;
        Ok(outcome.instrument(span).await.map_err(|_| stopping())??)
    }
}

fn stopping() -> Error {
    Error::Unavailable("the service is stopping".into())
}

/// Where committers take turns.
struct Door<C: Commit> {
    /// One gathers,
    queue: Mutex<mpsc::Receiver<Waiting<C>>>,
    /// one commits.
    turn: Mutex<()>,
}

async fn commit_groups<C: Commit>(ground: Ground, door: Arc<Door<C>>, commit: Arc<C>) {
    // As many as were under way or waiting when the last commit ended.
    let mut expected = 0;
    let mut linger = LINGER.0;
    loop {
        let mut jobs = Vec::with_capacity(MOST);
        let mut queue = tokio::select! {
            biased;
            queue = door.queue.lock() => queue,
            () = ground.stop.doors_closed() => return,
        };
        tokio::select! {
            biased;
            taken = queue.recv_many(&mut jobs, MOST) => if taken == 0 { return },
            () = ground.stop.doors_closed() => return,
        }
        if jobs.len() < expected {
            // What has come until then is taken.
            drop(timeout(linger, gather(&mut queue, &mut jobs, expected)).await);
        }
        let turn = timeout(PATIENCE, door.turn.lock()).await;
        while jobs.len() < MOST
            && let Ok(job) = queue.try_recv()
        {
            jobs.push(job);
        }
        drop(queue);
        // Whoever no longer waits (its deadline passed in the queue) has not been told anything: not begun, not kept.
        jobs.retain(|job: &Waiting<C>| !job.reply.is_closed());
        let under_way = jobs.len();
        let begun_at = Instant::now();
        while let Some(first) = jobs.first().map(|one| one.job.clone()) {
            let (group, others) = jobs.into_iter().partition(|one| C::may_share(&first, &one.job));
            do_together(&ground, &*commit, group).await;
            jobs = others;
        }
        drop(turn);
        linger = (begun_at.elapsed() / 4).clamp(LINGER.0, LINGER.1);
        if under_way > 0 {
            // Nobody gathers just now, or there is nothing left.
            let left = door.queue.try_lock().map_or(0, |queue| queue.len());
            expected = (under_way + left).min(MOST);
        }
    }
}

/// Takes what comes until so many are here. What was taken stays when it is given up.
async fn gather<C: Commit>(queue: &mut mpsc::Receiver<Waiting<C>>, jobs: &mut Vec<Waiting<C>>, expected: usize) {
    while jobs.len() < expected && queue.recv_many(jobs, expected - jobs.len()).await > 0 {}
}

async fn do_together<C: Commit>(ground: &Ground, commit: &C, group: Vec<Waiting<C>>) {
    ground.metrics.batch(C::BATCH, group.len());
    let span = telemetry::together(ground.service, "commit together", group.iter().map(|one| &one.span));
    let (jobs, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|one| (one.job, (one.reply, one.span))).unzip();
    match commit.together(jobs.clone()).instrument(span).await {
        Ok(outcomes) => {
            for ((reply, _), outcome) in replies.into_iter().zip(outcomes) {
                // A caller that left will ask again with the same request_id and get the same answer.
                drop(reply.send(Ok(outcome)));
            }
        }
        Err(error) => {
            tracing::warn!(error = %error.chain(), jobs = replies.len(), "a group failed; each for itself");
            for ((reply, span), job) in replies.into_iter().zip(jobs) {
                drop(reply.send(commit.alone(job).instrument(span).await));
            }
        }
    }
}
