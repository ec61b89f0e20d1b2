//! The raw limits of this Postgres: what commits and inserts cost when there is nothing else.

use std::time::Duration;

use anyhow::Context;

use crate::cpu::{self, CpuMs};
use crate::ground::Ground;
use crate::latency::Latency;
use crate::load::{Caller, closed_loop};
use crate::store::{self, Sizes, Writer};

/// Writers of many rows at once, and the rows of each statement: as many as intake has committers, about as many as it
/// groups.
pub(crate) const WRITERS: u64 = 3;
pub(crate) const ROWS: u64 = 200;

/// A raw limit as it was measured.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) per_second: f64,
    pub(crate) latency: Latency,
    /// Of Postgres, per ticket.
    pub(crate) postgres_ms: f64,
}

/// One row and its announcement per statement and commit.
struct Single {
    writer: Writer,
    next: u64,
}

impl Caller for Single {
    type Answer = ();

    async fn call(&mut self) -> Result<(), String> {
        self.next += 1;
        self.writer.one(self.next).await.map_err(|error| error.to_string())
    }
}

/// Many rows with their announcements per statement and commit.
struct Many {
    writer: Writer,
    next: u64,
}

impl Caller for Many {
    type Answer = ();

    async fn call(&mut self) -> Result<(), String> {
        self.next += ROWS;
        self.writer.many(self.next, ROWS).await.map_err(|error| error.to_string())
    }

    fn tickets(&self) -> u64 {
        ROWS
    }
}

/// Single-statement commits on so many connections.
pub(crate) async fn single(
    ground: &Ground,
    sizes: Sizes,
    connections: u64,
    warm_up: Duration,
    window: Duration,
) -> anyhow::Result<Raw> {
    let mut callers = Vec::new();
    for _ in 0..connections {
        callers.push(Single { writer: Writer::connect(&ground.desk.postgres, sizes).await?, next: 0 });
    }
    measure(ground, callers, warm_up, window).await
}

/// Multi-row inserts.
pub(crate) async fn many(ground: &Ground, sizes: Sizes, warm_up: Duration, window: Duration) -> anyhow::Result<Raw> {
    let mut callers = Vec::new();
    for _ in 0..WRITERS {
        callers.push(Many { writer: Writer::connect(&ground.desk.postgres, sizes).await?, next: 0 });
    }
    measure(ground, callers, warm_up, window).await
}

async fn measure<C: Caller<Answer = ()>>(
    ground: &Ground,
    callers: Vec<C>,
    warm_up: Duration,
    window: Duration,
) -> anyhow::Result<Raw> {
    store::checkpoint(&ground.desk.postgres).await?;
    let before = ground.cpu()?;
    let loaded = closed_loop(callers, warm_up, window).await?;
    let used: CpuMs = ground.cpu()?.since(&before);
    let failure = loaded.failures.keys().next();
    anyhow::ensure!(failure.is_none(), "a raw limit failed: {}", failure.context("no failure")?);
    let postgres_ms = used.of(cpu::POSTGRES) / loaded.tickets.max(1) as f64;
    Ok(Raw { per_second: loaded.per_second, latency: loaded.latency, postgres_ms })
}
