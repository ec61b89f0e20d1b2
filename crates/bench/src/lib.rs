//! Measures the desk beside the raw limits of the same machine in the same minutes.
//!
//! Every command stands on a [`Ground`]: a real Postgres and a real nats-server, as durable as those of `skranke up`,
//! and the services as processes of their own, so that the operating system tells their CPU time apart. What came out is
//! an [`Outcome`]: figures with the raw limit and the target beside them, checks that nothing was lost or doubled, and
//! every round as it was measured.

#![expect(clippy::disallowed_methods, reason = "a benchmark measures real time and runs tasks of its own")]

mod bare;
mod classify;
mod clocks;
mod cpu;
mod door;
mod follow;
mod footprint;
mod ground;
mod import;
mod intake;
mod latency;
mod load;
mod machine;
mod outcome;
mod page;
mod pipeline;
mod post;
mod progress;
mod raw;
mod service;
mod store;
mod triage;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

pub use classify::{ClassifyOptions, Registered, classify};
pub use clocks::{ClocksOptions, clocks};
pub use footprint::footprint;
pub use ground::{Doors, Ground};
pub use import::{ImportOptions, import};
pub use intake::{IntakeOptions, intake};
pub use latency::{Latency, median};
pub use machine::Machine;
pub use outcome::{Beside, Chart, Check, Figure, Outcome, Series, Target, number};
pub use page::page;
pub use pipeline::{PipelineOptions, pipeline};
pub use progress::Progress;
pub use triage::{TriageOptions, triage};

/// What all benchmarks have in common.
#[derive(Debug, Clone)]
pub struct Common {
    /// How often everything is measured; medians are told.
    pub rounds: u32,
    /// How long each measurement counts, after its warm-up.
    pub window: Duration,
    /// Where a temporary folder for the data is made.
    pub folder: PathBuf,
    /// The `skranke` whose services are measured.
    pub program: PathBuf,
    /// Postgres and nats-server.
    pub binaries: local::servers::Binaries,
}

impl Common {
    /// How long each measurement runs before it counts.
    fn warm_up(&self) -> Duration {
        (self.window / 4).min(Duration::from_secs(2))
    }
}

/// Something under way.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    /// Tickets sent and acknowledged.
    pub tickets: u64,
    /// Facts sent with them.
    pub facts: u64,
    /// Tickets that were refused.
    pub refused: u64,
}

/// What the benchmarks ask of the command line, which knows client files and foreign logs.
pub trait Errands: Send + Sync {
    /// Sets up a client with its requesters, support model and contract.
    ///
    /// # Errors
    /// What a service refuses.
    fn set_up<'a>(&'a self, doors: &'a Doors, client: &'a str, file: &'a str) -> Doing<'a, ()>;

    /// Sets up the client of a foreign log and sends the log; returns when the last ticket is acknowledged.
    ///
    /// # Errors
    /// If the log cannot be read, or what a service answers.
    fn import<'a>(
        &'a self,
        doors: &'a Doors,
        client: &'a str,
        file: &'a Path,
        told: &'a (dyn Fn() + Send + Sync),
    ) -> Doing<'a, Imported>;
}

#[cfg(test)]
mod tests;
