//! Registrations that arrive together share one transaction.

use std::time::Duration;

use chassis::group::Commit;
use chassis::metrics::Batch;
use chassis::{Error, Ground};
use futures::future::BoxFuture;

use crate::handle::{self, Outcome};
use crate::settings::Settings;
use crate::wire::Registration;

/// Registers on this ground.
#[derive(Debug)]
pub struct Register(pub Ground, pub Settings);

impl Commit for Register {
    type Job = Registration;
    type Outcome = Outcome;

    /// References are numbered without gaps, so that one transaction holds a client at a time: others would only wait.
    const AT_ONCE: usize = 1;
    const BATCH: Batch = Batch::IntakeGroup;
    /// At 1,000 posts a second groups of fifteen instead of five: a post is acknowledged 7 ms later, and its clock runs
    /// sooner, since all services have a fifth of the machine more.
    const APART: Duration = Duration::from_millis(15);

    /// Each was compared with its caller's rights at the door; the transaction sees the clients of the group.
    fn may_share(_: &Registration, _: &Registration) -> bool {
        true
    }

    fn together(&self, jobs: Vec<Registration>) -> BoxFuture<'_, Result<Vec<Outcome>, Error>> {
        Box::pin(handle::register(&self.0, &self.1, jobs))
    }

    fn alone(&self, job: Registration) -> BoxFuture<'_, Result<Outcome, Error>> {
        Box::pin(handle::register_one(&self.0, &self.1, job))
    }
}
