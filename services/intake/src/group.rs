//! Registrations that arrive together share one transaction.

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
