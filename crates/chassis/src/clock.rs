//! What time it is, and waiting for a time.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

/// The desk's clock: the system's, or one that a test moves by hand.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The real one.
    System,
    /// Stands still until it is moved.
    Manual(ManualClock),
}

/// A clock that a test moves.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

impl Clock {
    /// A manual clock that stands at `at`.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(ManualClock { now: watch::Sender::new(at) })
    }

    /// The instant now, in microseconds: what Postgres can keep, so that a fact is the same before and after its store.
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Manual(manual) => *manual.now.borrow(),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Moves a manual clock forward; the system's clock is not ours to move and stays.
    pub fn advance(&self, by: jiff::SignedDuration) {
        if let Self::Manual(manual) = self {
            manual.now.send_modify(|now| *now = now.saturating_add(by).unwrap_or(*now));
        }
    }

    /// Waits until `at`, at most `at_most` of real time. Measured by the monotonic clock where time is real.
    pub async fn wait_until(&self, at: Option<Timestamp>, at_most: Duration) {
        match self {
            Self::System => {
                let ahead = at.map_or(at_most, |at| {
                    Duration::try_from(at.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO)
                });
                tokio::time::sleep(ahead.min(at_most)).await;
            }
            Self::Manual(manual) => {
                let mut now = manual.now.subscribe();
                let reached = async {
                    let moved_to = |now: &Timestamp| at.is_some_and(|at| *now >= at);
                    if now.wait_for(moved_to).await.is_err() {
                        std::future::pending::<()>().await;
                    }
                };
                // A moved clock also ends the wait by itself, so that the caller looks again.
                let _elapsed = tokio::time::timeout(at_most, reached).await;
            }
        }
    }
}
