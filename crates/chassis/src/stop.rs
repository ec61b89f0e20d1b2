//! Stopping in order: nothing in flight is lost.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// One service's stop: who asks, who is still at work.
///
/// Two phases. First the doors close and what is in flight finishes; then the machinery (relay, leases) does its last
/// round and ends.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    doors: CancellationToken,
    machinery: CancellationToken,
    door_tasks: TaskTracker,
    machinery_tasks: TaskTracker,
}

impl Stop {
    /// Asks the service to stop. Returns at once.
    pub fn ask(&self) {
        self.doors.cancel();
    }

    /// Resolves once the service was asked to stop.
    pub async fn asked(&self) {
        self.doors.cancelled().await;
    }

    /// Whether the service was asked to stop.
    pub fn is_asked(&self) -> bool {
        self.doors.is_cancelled()
    }

    /// Resolves once the doors are closed and their work is done.
    pub async fn doors_closed(&self) {
        self.machinery.cancelled().await;
    }

    /// Whether the doors are closed and their work is done.
    pub fn are_doors_closed(&self) -> bool {
        self.machinery.is_cancelled()
    }

    /// Runs work that belongs to a door: it ends by itself soon after [`Stop::asked`].
    pub fn spawn_door<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        tokio::spawn(self.door_tasks.track_future(work))
    }

    /// Runs machinery: it ends by itself soon after [`Stop::doors_closed`].
    pub fn spawn_machinery<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        tokio::spawn(self.machinery_tasks.track_future(work))
    }

    /// Waits for both phases, each at most `patience`. Returns whether everything ended by itself.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.asked().await;
        self.door_tasks.close();
        let doors = tokio::time::timeout(patience, self.door_tasks.wait()).await.is_ok();
        self.machinery.cancel();
        self.machinery_tasks.close();
        let machinery = tokio::time::timeout(patience, self.machinery_tasks.wait()).await.is_ok();
        doors && machinery
    }
}
