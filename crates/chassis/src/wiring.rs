//! What a service serves, announces and listens to: the one place where its connections are written down.

use std::time::Duration;

/// Somebody waits for what comes of it: see [`Wiring::gathers_for`].
pub const SOON: Duration = Duration::from_millis(5);
/// Nobody waits for it, so that larger batches save work.
pub const LATER: Duration = Duration::from_millis(200);

/// A service's connections. The streams and consumers of a deployment are made from it, and tests compare it with
/// the protos and the manifests.
#[derive(Debug, Clone, Copy)]
pub struct Wiring {
    /// The service's name: folder, crate, Kubernetes name.
    pub service: &'static str,
    /// Full names of the gRPC services.
    pub serves: &'static [&'static str],
    /// The proto package whose facts it announces, if any.
    pub announces: Option<&'static str>,
    /// What it listens to, one entry per stream.
    pub listens: &'static [Listen],
    /// While facts come in numbers, at least so long from the beginning of one unit of work to that of the next, unless
    /// a batch is full before: what comes meanwhile is handled together. A lone fact never waits.
    pub gathers_for: Duration,
    /// Whether it is of use while NATS is away: what it takes is kept and announced later, what it hears comes later.
    pub works_without_bus: bool,
}

/// Facts of one announcing service that a listener wants.
#[derive(Debug, Clone, Copy)]
pub struct Listen {
    /// The announcing service's proto package: `skranke.intake.v1`.
    pub package: &'static str,
    /// The facts: `ticket_registered`.
    pub facts: &'static [&'static str],
}

impl Listen {
    /// The subjects, for all clients.
    pub fn subjects(&self) -> Vec<String> {
        self.facts.iter().map(|fact| format!("{}.{fact}.*", self.package)).collect()
    }
}

/// The stream of an announcing package: `skranke.sla_timer.v1` → `SLA_TIMER`.
pub fn stream_for(package: &str) -> String {
    package.split('.').nth(1).unwrap_or(package).to_ascii_uppercase()
}
