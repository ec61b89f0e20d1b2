//! The SLA timer: promises with a due time. It speaks up when one is near or broken.
//!
//! A clock is a pure function of facts, contract and as-of instant (see [`domain`]). The service keeps the facts, computes
//! anew whenever one comes or an instant is reached, and announces what differs from what it said before: so late,
//! repeated and disordered facts lead to the same clocks, and nothing is said twice.

mod alarm;
mod api;
mod consumer;
pub mod domain;
mod edit;
mod handle;
pub mod preview;
mod promises;
mod rules;
mod store;
mod what_if;
mod wire;

use chassis::doors::{Doors, Running};
use chassis::lease::Leases;
use chassis::server::{MAX_ANSWER, MAX_REQUEST};
use chassis::{Ground, Listen, SOON, Wiring};
use contracts::sla_timer::v1::sla_timer_service_server::SlaTimerServiceServer;

use handle::Timer;

/// What the SLA timer serves, announces and listens to.
pub const WIRING: Wiring = Wiring {
    service: "sla-timer",
    serves: &["skranke.sla_timer.v1.SlaTimerService"],
    announces: Some("skranke.sla_timer.v1"),
    listens: &[
        Listen { package: "skranke.intake.v1", facts: &["ticket_registered", "ticket_imported", "message_added"] },
        Listen {
            package: "skranke.triage.v1",
            facts: &[
                "ticket_triaged",
                "ticket_handed_over",
                "ticket_waiting",
                "ticket_resumed",
                "ticket_resolved",
                "ticket_reopened",
                "ticket_closed",
                "ticket_cancelled",
                "callback_promised",
                "called_back",
                "vendor_case_opened",
                "vendor_case_closed",
                "ticket_unmerged",
                "major_incident_declared",
                "status_pushed",
                "major_incident_ended",
                "confidential_queues_told",
                "confidential_ticket_told",
            ],
        },
    ],
    gathers_for: SOON,
    works_without_bus: false,
};

/// The SLA timer's schema.
pub static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!();

/// Opens the SLA timer's doors and starts its alarm.
///
/// # Errors
/// If an address is taken.
pub async fn start(ground: Ground) -> anyhow::Result<Running> {
    let timer = Timer::new(&ground);
    let service = SlaTimerServiceServer::new(api::Api { timer: timer.clone() })
        // A preview may be as large as other requests as a whole; the call around it comes on top.
        .max_decoding_message_size(2 * MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    let running = Doors::new(&ground, &WIRING, &SCHEMA).grpc(service).listen(consumer::handler(&timer)).open().await?;
    let leases = Leases::new("alarm");
    ground.stop.spawn_machinery(leases.clone().keep(ground.clone()));
    ground.stop.spawn_machinery(rules::follow(timer.clone()));
    ground.stop.spawn_machinery(alarm::run(timer, leases));
    Ok(running)
}
