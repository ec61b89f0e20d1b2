//! What time it is, and waiting for a time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The desk's clock: the system's, or one that a test moves by hand.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The real one.
    System,
    /// Goes as the real one does, but not by the right time.
    Moved(MovedClock),
    /// Stands still until it is moved.
    Manual(ManualClock),
}

/// A clock that a test moves.
#[derive(Debug, Clone)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
}

/// The clock of a machine whose time is wrong, and jumps.
#[derive(Debug, Clone)]
pub struct MovedClock {
    ahead_by: watch::Sender<SignedDuration>,
}

impl MovedClock {
    fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        now.saturating_add(*self.ahead_by.borrow()).unwrap_or(now)
    }
}

impl Clock {
    /// A manual clock that stands at `at`.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(ManualClock { now: watch::Sender::new(at) })
    }

    /// A clock that goes `ahead_by` before the real one; behind it, if that is negative.
    pub fn moved(ahead_by: SignedDuration) -> Self {
        Self::Moved(MovedClock { ahead_by: watch::Sender::new(ahead_by) })
    }

    /// Whether time passes by itself: then what is due is the database's to say.
    pub const fn passes(&self) -> bool {
        !matches!(self, Self::Manual(_))
    }

    /// How much later it is by the database's clock, by which it is `now` right after the question. A clock that stands is
    /// the database's as well.
    pub fn behind_by(&self, now: Timestamp) -> SignedDuration {
        if self.passes() { now.duration_since(self.now()) } else { SignedDuration::ZERO }
    }

    /// The instant now, in microseconds: what Postgres can keep, so that a fact is the same before and after its store.
    pub fn now(&self) -> Timestamp {
        let now = match self {
            Self::System => Timestamp::now(),
            Self::Moved(moved) => moved.now(),
            Self::Manual(manual) => *manual.now.borrow(),
        };
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Moves a test's clock, back as well; the system's is not ours to move and stays.
    pub fn advance(&self, by: SignedDuration) {
        match self {
            Self::System => {}
            Self::Moved(moved) => moved.ahead_by.send_modify(|ahead_by| *ahead_by = ahead_by.saturating_add(by)),
            Self::Manual(manual) => manual.now.send_modify(|now| *now = now.saturating_add(by).unwrap_or(*now)),
        }
    }

    /// Waits until `at`, at most `at_most` of real time. Measured by the monotonic clock where time is real.
    pub async fn wait_until(&self, at: Option<Timestamp>, at_most: Duration) {
        match self {
            // As with a real clock, whoever sleeps does not notice that it jumps.
            Self::System | Self::Moved(_) => {
                let ahead = at
                    .map_or(at_most, |at| Duration::try_from(at.duration_since(self.now())).unwrap_or(Duration::ZERO));
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
