//! Triage: kind, category, priority, queue, owner – the work on a ticket.
//!
//! It learns of tickets from intake, classifies and places each at once by the client's support model, takes the
//! commands of those who work on them, and announces whatever changes.

// A ticket's row has some forty columns, each a step of one macro.
#![recursion_limit = "256"]

pub mod api;
pub mod automate;
pub mod consumer;
pub mod domain;
pub mod handle;
pub mod news;
pub mod runs;
pub mod store;
pub mod watch;
pub mod wire;

use std::sync::Arc;

use chassis::doors::{Doors, Running};
use chassis::lease::Leases;
use chassis::{Ground, Listen, SOON, Wiring};
use contracts::triage::v1::automation_service_server::AutomationServiceServer;
use contracts::triage::v1::fulfilment_service_server::FulfilmentServiceServer;
use contracts::triage::v1::relation_service_server::RelationServiceServer;
use contracts::triage::v1::runbook_service_server::RunbookServiceServer;
use contracts::triage::v1::triage_service_server::TriageServiceServer;
use contracts::triage::v1::workspace_service_server::WorkspaceServiceServer;

/// What triage serves, announces and listens to.
pub const WIRING: Wiring = Wiring {
    service: "triage",
    serves: &[
        "skranke.triage.v1.TriageService",
        "skranke.triage.v1.RelationService",
        "skranke.triage.v1.FulfilmentService",
        "skranke.triage.v1.AutomationService",
        "skranke.triage.v1.RunbookService",
        "skranke.triage.v1.WorkspaceService",
    ],
    announces: Some("skranke.triage.v1"),
    listens: &[
        Listen {
            package: "skranke.intake.v1",
            facts: &["ticket_registered", "ticket_imported", "message_added", "alert_noted"],
        },
        Listen { package: "skranke.knowledge_base.v1", facts: &["solutions_suggested"] },
    ],
    gathers_for: SOON,
    works_without_bus: false,
};

/// Triage's own tables.
pub static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!();

/// Opens triage's doors and sets its watch.
///
/// # Errors
/// If an address is taken.
pub async fn start(ground: Ground) -> anyhow::Result<Running> {
    let news = news::News::default();
    let desk = handle::Desk::new(ground.clone());
    let api = Arc::new(api::Api { ground: ground.clone(), news: news.clone(), desk: desk.clone() });
    let fulfilment = FulfilmentServiceServer::new(api::fulfilment::Fulfilment(Arc::clone(&api)));
    let workspace = WorkspaceServiceServer::new(api::workspace::Workspace(Arc::clone(&api)))
        .max_decoding_message_size(chassis::server::MAX_REQUEST)
        .max_encoding_message_size(chassis::server::MAX_ANSWER);
    let runbooks = RunbookServiceServer::new(api::runbook::Runbooks(Arc::clone(&api)))
        .max_decoding_message_size(chassis::server::MAX_REQUEST)
        .max_encoding_message_size(chassis::server::MAX_ANSWER);
    let automation = AutomationServiceServer::new(api::automation::Automation::new(api.clone()))
        .max_decoding_message_size(chassis::server::MAX_REQUEST)
        .max_encoding_message_size(chassis::server::MAX_ANSWER);
    let relations = RelationServiceServer::new(api::Relations(api.clone()))
        .max_decoding_message_size(chassis::server::MAX_REQUEST)
        .max_encoding_message_size(chassis::server::MAX_ANSWER);
    let running = Doors::new(&ground, &WIRING, &SCHEMA)
        .grpc(relations)
        .grpc(automation)
        .grpc(runbooks)
        .grpc(workspace)
        .grpc(
            TriageServiceServer::from_arc(api)
                .max_decoding_message_size(chassis::server::MAX_REQUEST)
                .max_encoding_message_size(chassis::server::MAX_ANSWER),
        )
        .grpc(
            fulfilment
                .max_decoding_message_size(chassis::server::MAX_REQUEST)
                .max_encoding_message_size(chassis::server::MAX_ANSWER),
        )
        .listen(consumer::handler(desk.clone(), news.clone()))
        .open()
        .await?;
    let leases = Leases::new("watch");
    ground.stop.spawn_machinery(leases.clone().keep(ground.clone()));
    ground.stop.spawn_machinery(runs::watch(desk.clone(), news.clone(), leases.clone()));
    ground.stop.spawn_door(runs::listen(desk.clone(), news.clone()));
    ground.stop.spawn_machinery(automate::run(desk.clone(), news.clone(), leases.clone()));
    ground.stop.spawn_machinery(chassis::sweep::run(ground.clone(), store::sweeps::SWEEPS));
    ground.stop.spawn_machinery(watch::run(desk, news, leases));
    Ok(running)
}
