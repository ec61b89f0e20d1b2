//! What is asked of an edit, and the preview as it is told.

use chassis::status::Violation;
use contracts::sla_timer::v1::{self as proto, preview_contract_response};
use contracts::timestamp;
use jiff::Timestamp;
use uuid::Uuid;

use super::Step;
use crate::domain::edit::{EditSummary, Edited, Effect};
use crate::domain::fact::Since;
use crate::wire::metric;

/// From when on an edit holds for open tickets; `None`: not at all.
///
/// # Errors
/// That it is none of the ways.
pub fn holds_from(open_clocks: i32) -> Result<Option<Since>, Violation> {
    match proto::OpenClocks::try_from(open_clocks) {
        Ok(proto::OpenClocks::Unspecified | proto::OpenClocks::NewOnly) => Ok(None),
        Ok(proto::OpenClocks::FromNow) => Ok(Some(Since::Now)),
        Ok(proto::OpenClocks::FromStart) => Ok(Some(Since::Start)),
        Err(_) => Err(Violation::new("open_clocks", "must be NEW_ONLY, FROM_NOW, FROM_START or unspecified")),
    }
}

/// The same, told.
pub const fn open_clocks(holds_from: Option<Since>) -> proto::OpenClocks {
    match holds_from {
        None => proto::OpenClocks::NewOnly,
        Some(Since::Now) => proto::OpenClocks::FromNow,
        Some(Since::Start) => proto::OpenClocks::FromStart,
    }
}

/// A step as it is told.
pub fn answer(step: Step) -> proto::PreviewContractResponse {
    use preview_contract_response::Step as Told;
    let step = match step {
        Step::Progress { done, total } => {
            Told::Progress(proto::WhatIfProgress { tickets_done: done, tickets_total: total })
        }
        Step::Preview { as_of, summary } => Told::Preview(preview(as_of, summary)),
    };
    proto::PreviewContractResponse { step: Some(step) }
}

fn preview(as_of: Timestamp, summary: EditSummary) -> proto::ContractPreview {
    proto::ContractPreview {
        as_of: Some(timestamp(as_of)),
        tickets: summary.tickets,
        clocks: summary.clocks,
        changed: summary.changed,
        cancelled: summary.cancelled,
        started: summary.started,
        breached: summary.breached,
        edited: summary.edited.into_iter().map(edited).collect(),
        edited_left_out: summary.left_out,
    }
}

fn edited((ticket_id, reference, one): (Uuid, String, Edited)) -> proto::EditedClock {
    proto::EditedClock {
        ticket_id: ticket_id.to_string(),
        reference,
        metric: metric(one.metric).into(),
        cycle: one.cycle,
        was_due_at: one.was_due_at.map(timestamp),
        would_be_due_at: one.would_be_due_at.map(timestamp),
        would_breach: one.would_breach,
        would_be_cancelled: one.effect == Effect::Cancelled,
    }
}
