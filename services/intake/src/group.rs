//! Group commit: registrations that arrive together share one transaction.
//!
//! One commit costs a sync to disk, whatever is in it. Committers take what has gathered while the last commit ran, so
//! that the group grows with the load and a single post waits for nobody.

use std::sync::Arc;

use chassis::{Error, Ground};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::handle::{self, Outcome};
use crate::wire::Registration;

/// Registrations in one transaction.
const MOST: usize = 256;
/// Registrations waiting for a commit; one more is shed.
const WAITING: usize = 8_192;
/// Transactions under way at once: while one syncs, the next gathers and prepares.
const COMMITTERS: usize = 3;

/// Where registrations gather.
#[derive(Debug, Clone)]
pub struct Group {
    sender: mpsc::Sender<Job>,
}

#[derive(Debug)]
struct Job {
    registration: Registration,
    reply: oneshot::Sender<Result<Outcome, Error>>,
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
    /// Starts the committers. They end when every sender is gone or the service's doors have closed.
    pub fn start(ground: &Ground) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING);
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..COMMITTERS {
            ground.stop.spawn_machinery(commit_groups(ground.clone(), Arc::clone(&receiver)));
        }
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
        self.sender.try_send(Job { registration, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Lost::Full,
            mpsc::error::TrySendError::Closed(_) => Lost::Failed(stopping()),
        })?;
        Ok(outcome.await.map_err(|_| stopping())??)
    }
}

fn stopping() -> Error {
    Error::Unavailable("intake is stopping".into())
}

async fn commit_groups(ground: Ground, receiver: Arc<Mutex<mpsc::Receiver<Job>>>) {
    let mut jobs = Vec::with_capacity(MOST);
    loop {
        let mut waiting = receiver.lock().await;
        tokio::select! {
            biased;
            taken = waiting.recv_many(&mut jobs, MOST) => if taken == 0 { return },
            () = ground.stop.doors_closed() => return,
        }
        drop(waiting);
        // Whoever no longer waits (its deadline passed in the queue) has not been told anything: not begun, not kept.
        jobs.retain(|job: &Job| !job.reply.is_closed());
        if !jobs.is_empty() {
            commit(&ground, std::mem::take(&mut jobs)).await;
        }
    }
}

async fn commit(ground: &Ground, jobs: Vec<Job>) {
    let (registrations, replies): (Vec<_>, Vec<_>) = jobs.into_iter().map(|job| (job.registration, job.reply)).unzip();
    match handle::register(ground, registrations.clone()).await {
        Ok(outcomes) => {
            for (reply, outcome) in replies.into_iter().zip(outcomes) {
                // A caller that left will ask again with the same request_id and get the same answer.
                drop(reply.send(Ok(outcome)));
            }
        }
        Err(error) => {
            tracing::warn!(error = %error.chain(), tickets = replies.len(), "a group failed; each for itself");
            for (reply, registration) in replies.into_iter().zip(registrations) {
                drop(reply.send(handle::register_one(ground, registration).await));
            }
        }
    }
}
