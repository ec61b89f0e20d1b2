//! The chassis: everything that stands between the desk's decisions and the outside world.
//!
//! A service is `start(ground)`: it takes its [`Ground`] (store, bus, clock, stop) and opens its [`doors`].
//! What a service decides lives in the service; what keeps it honest (one transaction per unit of work, inbox,
//! outbox, relay, leases, tenancy, tokens) lives here, once.

#![expect(
    clippy::disallowed_methods,
    reason = "time, tasks, randomness, the environment and `begin` are touched here, and only here"
)]

pub mod authorisation;
pub mod bus;
pub mod clock;
pub mod confidential;
pub mod config;
pub mod consume;
mod dead_letter;
pub mod doors;
mod error;
mod ground;
pub mod group;
mod health;
mod housekeeping;
pub mod inbox;
pub mod lease;
pub mod metrics;
pub mod outbox;
mod page;
mod relay;
mod remarks;
pub mod server;
pub mod status;
mod stop;
pub mod store;
pub mod sweep;
pub mod telemetry;
mod tenancy;
pub mod token;
mod wiring;
pub mod writes;

pub use clock::Clock;
pub use config::Config;
pub use error::Error;
pub use ground::Ground;
pub use page::{PageToken, page_size};
pub use remarks::Remarks;
pub use stop::Stop;
pub use tenancy::Scope;
pub use wiring::{LATER, Listen, SOON, Wiring, stream_for};

/// A new id: UUIDv7, growing within this process.
pub fn new_id() -> uuid::Uuid {
    uuid::Uuid::now_v7()
}

/// Which of the 64 shards a ticket belongs to. The ids' last bytes are random (UUIDv7) or a hash (UUIDv5).
pub fn shard_of(ticket_id: uuid::Uuid) -> i16 {
    i16::from(ticket_id.as_bytes()[15] & 63)
}
