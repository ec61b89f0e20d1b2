//! Reporting: what happened, as figures with their definitions and their tickets.
//!
//! It keeps every fact that intake, triage and the SLA timer announce. All figures are a pure fold of a ticket's facts
//! ([`domain::fold`]), kept beside them for reading, and can be rebuilt at any time.

mod api;
mod consumer;
pub mod domain;
mod handle;
mod store;
mod wire;

use chassis::doors::{Doors, Running};
use chassis::server::{MAX_ANSWER, MAX_REQUEST};
use chassis::{Ground, LATER, Listen, Wiring};
use contracts::reporting::v1::reporting_service_server::ReportingServiceServer;

/// Its connections.
pub const WIRING: Wiring = Wiring {
    service: "reporting",
    serves: &["skranke.reporting.v1.ReportingService"],
    announces: None,
    listens: &[
        Listen {
            package: "skranke.intake.v1",
            facts: &["ticket_registered", "ticket_imported", "message_added", "alert_noted", "attachment_added"],
        },
        Listen {
            package: "skranke.triage.v1",
            facts: &[
                "ticket_triaged",
                "ticket_claimed",
                "ticket_released",
                "ticket_handed_over",
                "ticket_waiting",
                "ticket_resumed",
                "ticket_resolved",
                "ticket_reopened",
                "ticket_closed",
                "ticket_cancelled",
                "ticket_assigned",
                "claim_lapsed",
                "callback_promised",
                "called_back",
                "swarm_invited",
                "swarm_joined",
                "swarm_left",
                "requester_thanked",
                "requester_reminded",
                "monitoring_told",
                "ticket_noted",
                "contact_came_late",
                "runbook_requested",
                "runbook_approved",
                "runbook_refused",
                "runbook_started",
                "runbook_cancel_asked",
                "runbook_ended",
                "confirmation_asked",
                "vendor_case_opened",
                "vendor_case_updated",
                "vendor_case_closed",
                "approval_requested",
                "approval_decided",
                "approver_replaced",
                "approval_overdue",
                "time_box_overrun",
                "task_added",
                "task_completed",
                "task_skipped",
                "item_requested",
                "change_planned",
                "change_started",
                "change_ended",
                "ticket_linked",
                "ticket_unlinked",
                "ticket_unmerged",
                "major_incident_declared",
                "status_pushed",
                "status_delivered",
                "major_incident_amended",
                "major_incident_ended",
                "root_cause_recorded",
                "known_error_declared",
                "problem_recurred",
                "tags_changed",
                "watcher_added",
                "watcher_removed",
                "time_worked",
                "time_corrected",
                "agents_mentioned",
                "confidential_queues_told",
                "confidential_ticket_told",
            ],
        },
        Listen {
            package: "skranke.sla_timer.v1",
            facts: &[
                "clock_started",
                "clock_changed",
                "clock_warned",
                "clock_breached",
                "breach_revoked",
                "clock_ended",
            ],
        },
    ],
    gathers_for: LATER,
    works_without_bus: false,
};

/// Its tables.
pub static SCHEMA: sqlx::migrate::Migrator = sqlx::migrate!();

/// Starts the service: facts in, reports out.
///
/// # Errors
/// If an address is taken.
pub async fn start(ground: Ground) -> anyhow::Result<Running> {
    let api = ReportingServiceServer::new(api::Api { ground: ground.clone() })
        .max_decoding_message_size(MAX_REQUEST)
        .max_encoding_message_size(MAX_ANSWER);
    Doors::new(&ground, &WIRING, &SCHEMA).grpc(api).listen(consumer::handler()).open().await
}
