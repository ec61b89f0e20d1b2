//! The knowledge base: articles with their versions, search, and what may solve a new ticket.
//!
//! Articles are decided on in [`domain`]; suggestions come from published articles and solved tickets of the same
//! client, for every new ticket, a whole batch of tickets in one statement.

mod api;
mod consumer;
mod domain;
mod handle;
mod store;
mod wire;

use chassis::doors::{Doors, Running};
use chassis::server::{MAX_ANSWER, MAX_REQUEST};
use chassis::{Ground, LATER, Listen, Wiring};
use contracts::knowledge_base::v1::knowledge_base_service_server::KnowledgeBaseServiceServer;

pub use domain::limits;

/// What the knowledge base serves, announces and listens to. Imported history has no texts: it is not listened to.
pub const WIRING: Wiring = Wiring {
    service: "knowledge-base",
    serves: &["skranke.knowledge_base.v1.KnowledgeBaseService"],
    announces: Some("skranke.knowledge_base.v1"),
    listens: &[
        Listen { package: "skranke.intake.v1", facts: &["ticket_registered"] },
        Listen { package: "skranke.triage.v1", facts: &["ticket_resolved", "ticket_reopened", "ticket_cancelled"] },
    ],
    gathers_for: LATER,
    works_without_bus: false,
};

/// The knowledge base's schema.
pub static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!();

/// Opens the knowledge base's doors.
///
/// # Errors
/// If an address is taken.
pub async fn start(ground: Ground) -> anyhow::Result<Running> {
    let service = KnowledgeBaseServiceServer::new(api::Api { ground: ground.clone() })
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    Doors::new(&ground, &WIRING, &SCHEMA).grpc(service).listen(consumer::handler()).open().await
}
