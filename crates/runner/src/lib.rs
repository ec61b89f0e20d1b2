//! `skranke runner`: carries out runbooks behind a client's firewall.
//!
//! It opens no door: it connects to NATS with credentials of its own, which let it read its own jobs and speak on its own
//! subject, and nothing else. What it runs is on its own list ([`config::Script`]); the desk names a runbook and values,
//! never a command. Nothing goes through a shell. A job is begun at most once: its journal is written before it is
//! acknowledged, and what a crash interrupted is told as unknown and not run again.

pub mod config;
mod journal;
mod judge;
mod listen;
mod process;
mod tell;

pub use config::{Config, Pass, Script};
pub use listen::run;

#[cfg(test)]
mod tests;
