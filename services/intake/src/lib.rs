//! Intake: one way in. Every contact, on whatever channel, becomes or joins a ticket.
//!
//! A registration is acknowledged after its commit, never before; many callers share one commit (see [`group`]).
//! Intake also keeps the directory (clients and requesters) and the conversation on each ticket.

mod api;
mod directory;
mod domain;
mod group;
mod handle;
mod import;
mod store;
mod wire;

use chassis::doors::{Doors, Running};
use chassis::group::Group;
use chassis::server::{MAX_ANSWER, MAX_REQUEST};
use chassis::{Ground, SOON, Wiring};
use contracts::intake::v1::intake_service_server::IntakeServiceServer;

pub use domain::limits;

/// What intake serves and announces. It listens to nobody: it works without NATS.
pub const WIRING: Wiring = Wiring {
    service: "intake",
    serves: &["skranke.intake.v1.IntakeService"],
    announces: Some("skranke.intake.v1"),
    listens: &[],
    gathers_for: SOON,
};

/// Intake's schema.
pub static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!();

/// Opens intake's doors.
///
/// # Errors
/// If an address is taken.
pub async fn start(ground: Ground) -> anyhow::Result<Running> {
    let group = Group::start(&ground, group::Register(ground.clone()));
    let service = IntakeServiceServer::new(api::Api { ground: ground.clone(), group })
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    Doors::new(&ground, &WIRING, &SCHEMA).grpc(service).open().await
}
