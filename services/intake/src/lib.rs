//! Intake: one way in. Every contact, on whatever channel, becomes or joins a ticket.
//!
//! A registration is acknowledged after its commit, never before; many callers share one commit (see [`group`]).
//! Intake also keeps the directory (clients and requesters) and the conversation on each ticket.

pub mod alertmanager;
mod api;
mod attachments;
mod consumer;
mod directory;
mod domain;
mod group;
mod handle;
mod import;
mod people;
mod settings;
mod store;
mod watch;
mod wire;

use chassis::doors::{Doors, Running};
use chassis::group::Group;
use std::sync::Arc;

use chassis::lease::Leases;
use chassis::server::{MAX_ANSWER, MAX_REQUEST};
use chassis::{Ground, LATER, Listen, Wiring};
use contracts::intake::v1::alert_service_server::AlertServiceServer;
use contracts::intake::v1::attachment_service_server::AttachmentServiceServer;
use contracts::intake::v1::directory_service_server::DirectoryServiceServer;
use contracts::intake::v1::intake_service_server::IntakeServiceServer;
use contracts::intake::v1::receipt_service_server::ReceiptServiceServer;
use contracts::intake::v1::settings_service_server::SettingsServiceServer;
use contracts::intake::v1::split_service_server::SplitServiceServer;
use settings::Settings;
use tokio::sync::Notify;

pub use domain::limits;

/// What intake serves, announces and listens to. It takes everything without NATS; only what becomes of it waits.
pub const WIRING: Wiring = Wiring {
    service: "intake",
    serves: &[
        "skranke.intake.v1.IntakeService",
        "skranke.intake.v1.DirectoryService",
        "skranke.intake.v1.AttachmentService",
        "skranke.intake.v1.AlertService",
        "skranke.intake.v1.ReceiptService",
        "skranke.intake.v1.SettingsService",
        "skranke.intake.v1.SplitService",
    ],
    announces: Some("skranke.intake.v1"),
    listens: &[Listen {
        package: "skranke.triage.v1",
        facts: &[
            "ticket_triaged",
            "ticket_resolved",
            "ticket_reopened",
            "ticket_closed",
            "ticket_cancelled",
            "status_pushed",
            "status_delivered",
            "contact_came_late",
            "ticket_unmerged",
            "ticket_handed_over",
            "confidential_queues_told",
            "confidential_ticket_told",
        ],
    }],
    gathers_for: LATER,
    works_without_bus: true,
};

/// Intake's schema.
pub static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!();

/// Opens intake's doors.
///
/// # Errors
/// If an address is taken.
pub async fn start(ground: Ground) -> anyhow::Result<Running> {
    let settings = Settings::default();
    let news = Arc::new(Notify::new());
    let group = Group::start(&ground, group::Register(ground.clone(), settings.clone()));
    let api = api::Api { ground: ground.clone(), group };
    let split = SplitServiceServer::new(api::split::Split(api.clone()))
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    let service =
        IntakeServiceServer::new(api).max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_ANSWER);
    let directory = DirectoryServiceServer::new(people::api::DirectoryApi { ground: ground.clone() })
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    let shelf = ground.config.objects.as_deref().map(attachments::Shelf::open).transpose()?;
    let files = attachments::api::AttachmentApi { ground: ground.clone(), shelf: shelf.clone() };
    let files = AttachmentServiceServer::new(files)
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    let take = api::alerts::Take { ground: ground.clone(), settings: settings.clone() };
    let take = Group::start(&ground, take);
    let alerts = api::alerts::AlertApi { ground: ground.clone(), settings: settings.clone(), group: take };
    let alerts =
        AlertServiceServer::new(alerts).max_decoding_message_size(MAX_REQUEST).max_encoding_message_size(MAX_ANSWER);
    let receipts = api::receipts::ReceiptApi { ground: ground.clone(), news: Arc::clone(&news) };
    let kept = SettingsServiceServer::new(api::settings::SettingsApi { ground: ground.clone() })
        .max_decoding_message_size(MAX_REQUEST);
    let doors = Doors::new(&ground, &WIRING, &SCHEMA).grpc(service).grpc(split).grpc(directory).grpc(files);
    let doors = doors.grpc(alerts).grpc(ReceiptServiceServer::new(receipts)).grpc(kept);
    let running = doors.listen(consumer::handler(news, settings.clone())).open().await?;
    let leases = Leases::new("alerts");
    ground.stop.spawn_machinery(leases.clone().keep(ground.clone()));
    ground.stop.spawn_machinery(watch::run(ground.clone(), settings, leases));
    ground.stop.spawn_machinery(chassis::sweep::run(ground.clone(), store::sweeps::SWEEPS));
    if let Some(shelf) = shelf {
        ground.stop.spawn_door(attachments::look(ground.clone(), shelf.clone()));
        ground.stop.spawn_machinery(attachments::sweep(ground.clone(), shelf));
    }
    Ok(running)
}
