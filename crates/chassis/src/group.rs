//! Group commit: what arrives together shares one transaction.
//!
//! One commit costs a sync to disk, and one transaction a dozen of statements, whatever is in it. A committer takes what
//! has gathered while the last commit ran, so that the group grows with the load and a single job waits for nobody.
//!
//! Callers that wait for their answer before they ask again would fall into two halves, one in the commit and one in
//! the queue. So a committer gives those a moment whose answers are on their way.
//!
//! Where jobs come while a group is committed, their callers wait for nobody's answer: more come, however soon the next
//! group begins. Groups of a few would cost as much as groups of many, so they begin some time apart and grow.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument, Span};

use crate::metrics::Batch;
use crate::{Error, Ground, telemetry};

#[cfg(test)]
mod tests;

/// Jobs in one transaction.
const MOST: usize = 256;
/// Jobs waiting for a commit; one more is shed.
const WAITING: usize = 8_192;
/// How long a group waits for the jobs that are expected, at least and at most: a quarter of what the last one took, so
/// that on a machine that is busy, where answers take longer to come back, groups do not fall into two halves.
const LINGER: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(5));
/// Of so many at once or more, groups may begin apart ([`Commit::APART`]); with so many a group no longer waits for that.
const NUMBERS: std::ops::Range<usize> = 4..32;
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
    /// How far apart groups begin at least, while jobs keep coming of themselves. Zero: as soon as the one before has ended.
    const APART: Duration = Duration::ZERO;

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

type Reply<C> = oneshot::Sender<Result<<C as Commit>::Outcome, Error>>;

struct Waiting<C: Commit> {
    job: C::Job,
    reply: Reply<C>,
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
    let mut pace = Pace::default();
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
        pace.fill(&mut queue, &mut jobs).await;
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
        // How many came while nobody was answered: who comes after that may be one of those who were.
        let mut left = None;
        while let Some(first) = jobs.first().map(|one| one.job.clone()) {
            let (group, others) = jobs.into_iter().partition(|one| C::may_share(&first, &one.job));
            let answers = do_together(&ground, &*commit, group).await;
            // Where the queue is taken, another gathers from it.
            left = left.or_else(|| Some(door.queue.try_lock().map_or(0, |queue| queue.len())));
            for (reply, outcome) in answers {
                // A caller that left will ask again with the same request_id and get the same answer.
                drop(reply.send(outcome));
            }
            jobs = others;
        }
        drop(turn);
        if let Some(left) = left {
            pace = Pace::after(under_way, left, begun_at, begun_at.elapsed(), C::APART);
        }
    }
}

/// Who is to be told what.
type Answers<C> = Vec<(Reply<C>, Result<<C as Commit>::Outcome, Error>)>;

/// What the last group tells of the next one.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    /// As many jobs as were under way or waiting when the last commit ended: as many callers as there are, if each waits
    /// for its answer.
    expected: usize,
    /// How long it waits for them.
    linger: Duration,
    /// Until when it waits for them, where they come of themselves.
    begins_at: Option<Instant>,
}

impl Pace {
    /// After a group of `under_way` that began then and took so long; `left` came before any of them was answered.
    fn after(under_way: usize, left: usize, begun_at: Instant, took: Duration, apart: Duration) -> Self {
        let expected = (under_way + left).min(MOST);
        let come_of_themselves = left > 0 && expected >= NUMBERS.start && !apart.is_zero();
        Self {
            expected,
            linger: (took / 4).clamp(LINGER.0, LINGER.1),
            begins_at: come_of_themselves.then(|| begun_at + apart),
        }
    }

    /// Waits for those that are expected; what has come until then is taken.
    async fn fill<T>(self, queue: &mut mpsc::Receiver<T>, jobs: &mut Vec<T>) {
        if jobs.len() < self.expected {
            drop(timeout(self.linger, gather(queue, jobs, self.expected)).await);
        }
        if let Some(begins_at) = self.begins_at {
            drop(timeout_at(begins_at, gather(queue, jobs, self.expected.min(NUMBERS.end))).await);
        }
    }
}

/// Takes what comes until so many are here. What was taken stays when it is given up.
async fn gather<T>(queue: &mut mpsc::Receiver<T>, jobs: &mut Vec<T>, expected: usize) {
    while jobs.len() < expected && queue.recv_many(jobs, expected - jobs.len()).await > 0 {}
}

/// Does a group; the answers are to be given. If it fails, each is done for itself and answered at once.
async fn do_together<C: Commit>(ground: &Ground, commit: &C, group: Vec<Waiting<C>>) -> Answers<C> {
    ground.metrics.batch(C::BATCH, group.len());
    let span = telemetry::together(ground.service, "commit together", group.iter().map(|one| &one.span));
    let (jobs, replies): (Vec<_>, Vec<_>) = group.into_iter().map(|one| (one.job, (one.reply, one.span))).unzip();
    match commit.together(jobs.clone()).instrument(span).await {
        Ok(outcomes) => replies.into_iter().zip(outcomes).map(|((reply, _), outcome)| (reply, Ok(outcome))).collect(),
        Err(error) => {
            tracing::warn!(error = %error.chain(), jobs = replies.len(), "a group failed; each for itself");
            for ((reply, span), job) in replies.into_iter().zip(jobs) {
                drop(reply.send(commit.alone(job).instrument(span).await));
            }
            Vec::new()
        }
    }
}
