//! The question as it is asked, with its limits, and the answer as it is told.

use chassis::status::Violation;
use contracts::sla_timer::v1::{self as proto, what_if_response};
use contracts::{ClientId, duration, from_timestamp, timestamp};
use jiff::Timestamp;

use super::{Question, Step};
use crate::api::read_draft;
use crate::domain::contract::Metric;
use crate::domain::what_if::{Change, Figures, Side, Standings, Summary};
use crate::wire;

/// Clients in one question.
pub const MOST_CLIENTS: usize = 100;
/// The years that facts may be of: 1970 to 2199.
const YEARS: std::ops::Range<i64> = 0..7_258_118_400;

/// The question.
///
/// # Errors
/// Everything that is wrong with it.
pub fn question(request: &proto::WhatIfRequest, now: Timestamp) -> Result<Question, Vec<Violation>> {
    let mut violations = Vec::new();
    let terms = read_draft(&request.terms_json).map_err(|found| violations.extend(found)).ok();
    let clients = clients(&request.client_ids, &mut violations);
    let mut instant = |field: &str, at: Option<&prost_types::Timestamp>, absent: Timestamp| match at {
        None => absent,
        Some(at) => from_timestamp(at).filter(|at| YEARS.contains(&at.as_second())).unwrap_or_else(|| {
            violations.push(Violation::new(field, "must be an instant of the years 1970 to 2199, or absent"));
            absent
        }),
    };
    let from = instant("from", request.from.as_ref(), Timestamp::UNIX_EPOCH);
    let until = instant("until", request.until.as_ref(), now);
    if from >= until && violations.is_empty() {
        violations.push(Violation::new("until", "must be after from"));
    }
    match terms {
        Some(terms) if violations.is_empty() => Ok(Question { terms: terms.into(), clients, from, until }),
        _ => Err(violations),
    }
}

fn clients(named: &[String], violations: &mut Vec<Violation>) -> Vec<ClientId> {
    if named.len() > MOST_CLIENTS {
        violations.push(Violation::new("client_ids", format!("must be at most {MOST_CLIENTS}")));
        return Vec::new();
    }
    let mut clients = Vec::new();
    for (nth, text) in named.iter().enumerate() {
        match ClientId::new(text) {
            Ok(client_id) => clients.push(client_id),
            Err(error) => {
                violations.push(Violation::new(format!("client_ids[{nth}]"), format!("is not one: {error}")));
            }
        }
    }
    clients.sort_unstable();
    clients.dedup();
    clients
}

/// A step as it is told.
pub fn answer(step: Step) -> proto::WhatIfResponse {
    let step = match step {
        Step::Progress { done, total } => {
            what_if_response::Step::Progress(proto::WhatIfProgress { tickets_done: done, tickets_total: total })
        }
        Step::Result { as_of, summary } => what_if_response::Step::Result(result(as_of, summary)),
    };
    proto::WhatIfResponse { step: Some(step) }
}

fn result(as_of: Timestamp, summary: Summary) -> proto::WhatIfResult {
    proto::WhatIfResult {
        as_of: Some(timestamp(as_of)),
        tickets: summary.tickets,
        figures: summary
            .figures
            .into_iter()
            .map(|((client_id, metric), one)| figures(client_id, metric, one))
            .collect(),
        changes: summary.changes.into_iter().map(change).collect(),
        changes_left_out: summary.changes_left_out,
    }
}

fn figures(client_id: String, metric: Metric, figures: Figures) -> proto::WhatIfFigures {
    proto::WhatIfFigures {
        client_id,
        metric: wire::metric(metric).into(),
        recorded: Some(standings(figures.recorded)),
        drafted: Some(standings(figures.drafted)),
        breaches_gained: figures.breaches_gained,
        breaches_lost: figures.breaches_lost,
    }
}

const fn standings(of: Standings) -> proto::WhatIfStandings {
    proto::WhatIfStandings {
        ended: of.ended(),
        met: of.met,
        breached: of.breached,
        open: of.open,
        open_breached: of.open_breached,
        cancelled: of.cancelled,
    }
}

fn change(change: Change) -> proto::WhatIfChange {
    let due_at = |side: Option<Side>| side.and_then(|side| side.due_at).map(timestamp);
    let elapsed_for = |side: Option<Side>| side.map(|side| duration(side.elapsed));
    proto::WhatIfChange {
        client_id: change.ticket.client_id,
        ticket_id: change.ticket.ticket_id.to_string(),
        reference: change.ticket.reference,
        metric: wire::metric(change.metric).into(),
        cycle: change.cycle,
        gained: change.gained,
        was_due_at: due_at(change.recorded),
        would_be_due_at: due_at(change.drafted),
        was_elapsed_for: elapsed_for(change.recorded),
        would_be_elapsed_for: elapsed_for(change.drafted),
    }
}
