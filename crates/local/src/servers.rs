//! The two servers that the desk stands on, real ones, as children of this process:
//! `nats-server` and Postgres.
//!
//! [`find_or_fetch`] gets the programs, [`Postgres::start`] and [`Nats::start`] run them.
//! Everything listens on 127.0.0.1 only. Dropping a server ends it; on Linux the kernel ends it
//! too when this process is killed, and wherever that cannot be had, the next start on the same
//! folder ends what was left behind.

mod accounts;
mod fetch;
mod find;
mod folder;
mod nats;
mod postgres;
mod process;
mod version;

pub use accounts::{Accounts, Enrolled};
pub use find::{Binaries, Wishes, find_or_fetch};
pub use folder::{DataFolder, scratch_folder};
pub use nats::{Nats, NatsOptions};
pub use postgres::{Postgres, PostgresOptions};
pub use version::Version;

/// Where a sentence for the person at the terminal goes, such as `|line| eprintln!("{line}")`.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);
