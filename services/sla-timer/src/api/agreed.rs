//! Due instants that somebody agreed upon: the request with its limits, and the answer.

use chassis::Error;
use chassis::authorisation::Caller;
use chassis::inbox::fingerprint;
use chassis::status::{Violation, invalid, not_found, refused, request_id_reused};
use contracts::from_timestamp;
use contracts::sla_timer::v1 as proto;
use jiff::{SignedDuration, Timestamp};
use tonic::Status;

use super::{Api, MUST_BE_TICKET, is_ticket};
use crate::domain::contract::Metric;
use crate::domain::fact::Kind;
use crate::handle::{Agreement, NotAgreed};
use crate::wire;

#[cfg(test)]
mod tests;

/// Characters of a request_id.
const MOST_REQUEST_ID: usize = 128;
/// Characters of what was agreed upon, in words.
const MOST_NOTE: usize = 500;
/// How far ahead a due instant may be agreed upon.
const AHEAD: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);

impl Api {
    /// Does what was agreed upon; the ticket's clocks after it.
    pub(super) async fn agree(
        &self,
        caller: &Caller,
        ticket: String,
        agreement: Agreement,
    ) -> Result<Vec<proto::Clock>, Status> {
        self.timer.agree(&caller.scope, agreement).await.map_err(|error| match error {
            NotAgreed::Failed(error) => error.into(),
            NotAgreed::Reused => request_id_reused(),
            NotAgreed::NoTicket => not_found("ticket"),
            NotAgreed::NoClock => refused("NO_SUCH_CLOCK", error.to_string()),
        })?;
        let asked = self.asked(caller, &ticket).await?;
        let clocks = asked.clocks().map_err(|error: Error| Status::from(error))?;
        Ok(clocks.iter().map(|clock| wire::clock(asked.ticket.ticket_id, clock)).collect())
    }
}

/// # Errors
/// Everything that is wrong with the request.
pub(super) fn read_agreed(
    request: &proto::AgreeDueRequest,
    caller: &Caller,
    now: Timestamp,
) -> Result<(String, Agreement), Status> {
    let mut violations = common(&request.request_id, &request.ticket);
    let due_at = request.due_at.as_ref().and_then(from_timestamp);
    let due_at = due_at.filter(|at| *at > now && now.checked_add(AHEAD).is_ok_and(|last| *at <= last));
    if due_at.is_none() {
        violations.push(Violation::new("due_at", "must be in the future, and within ten years"));
    }
    let note = request.note.trim();
    if note.chars().count() > MOST_NOTE || note.contains('\0') {
        violations.push(Violation::new("note", format!("must be at most {MOST_NOTE} characters")));
    }
    let metric = metric(request.metric, &mut violations);
    let (Some(metric), Some(due_at), []) = (metric, due_at, violations.as_slice()) else {
        return Err(invalid(violations));
    };
    let note = (!note.is_empty()).then(|| note.to_owned());
    let kind = Kind::DueAgreed { metric, due_at, note };
    Ok(agreement(caller, &request.ticket, &request.request_id, fingerprint(request), metric, kind))
}

/// # Errors
/// Everything that is wrong with the request.
pub(super) fn read_withdrawn(
    request: &proto::WithdrawDueRequest,
    caller: &Caller,
) -> Result<(String, Agreement), Status> {
    let mut violations = common(&request.request_id, &request.ticket);
    let metric = metric(request.metric, &mut violations);
    let (Some(metric), []) = (metric, violations.as_slice()) else { return Err(invalid(violations)) };
    let kind = Kind::DueWithdrawn { metric };
    Ok(agreement(caller, &request.ticket, &request.request_id, fingerprint(request), metric, kind))
}

fn agreement(
    caller: &Caller,
    ticket: &str,
    request_id: &str,
    fingerprint: Vec<u8>,
    metric: Metric,
    kind: Kind,
) -> (String, Agreement) {
    let by = caller.principal.subject.clone();
    let (ticket, request_id) = (ticket.to_owned(), request_id.to_owned());
    (ticket.clone(), Agreement { ticket, metric, kind, by, request_id, fingerprint })
}

fn common(request_id: &str, ticket: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    let length = request_id.chars().count();
    if length == 0 || length > MOST_REQUEST_ID || request_id.chars().any(char::is_control) {
        let text = format!("must be 1 to {MOST_REQUEST_ID} characters, the same when you ask again");
        violations.push(Violation::new("request_id", text));
    }
    if !is_ticket(ticket) {
        violations.push(Violation::new("ticket", MUST_BE_TICKET));
    }
    violations
}

fn metric(number: i32, violations: &mut Vec<Violation>) -> Option<Metric> {
    let found = Metric::ALL.into_iter().find(|metric| i32::from(wire::metric(*metric)) == number);
    if found.is_none() {
        violations.push(Violation::new("metric", "must be one of the metrics"));
    }
    found
}
