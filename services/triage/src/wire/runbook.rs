//! Runs of runbooks, on the wire: facts of tickets, what callers ask for, what runners say.

pub mod heard;
pub mod job;

use chassis::status::Violation;
use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact as ProtoFact;
use contracts::{duration, from_duration, timestamp};
use uuid::Uuid;

use super::request::{MAX_NAME, MAX_REASON, MAX_REQUEST_ID, named};
use super::{Check, number};
use crate::domain::runbook::{Fact, Value, Verdict};
use crate::domain::{Event, Word};
use crate::store::run::{Output, Run};
use crate::store::ticket::Name;

/// Parameters of one request; more are refused unseen.
const MAX_GIVEN: usize = 50;
/// Bytes of one value.
const MAX_VALUE: usize = 16 * 1024;

/// As it is announced.
pub fn fact(fact: Fact) -> ProtoFact {
    match fact {
        Fact::Requested { run_id, runbook, title, runner, parameters, approval } => {
            let (run_id, parameters) = (run_id.to_string(), parameters.iter().map(parameter).collect());
            let it = proto::RunbookRequested { run_id, runbook, title, runner, parameters, approval };
            ProtoFact::RunbookRequested(it)
        }
        Fact::Approved { run_id, runbook } => {
            ProtoFact::RunbookApproved(proto::RunbookApproved { run_id: run_id.to_string(), runbook })
        }
        Fact::Refused { run_id, runbook, reason } => {
            ProtoFact::RunbookRefused(proto::RunbookRefused { run_id: run_id.to_string(), runbook, reason })
        }
        Fact::Started { run_id, runbook, runner } => {
            ProtoFact::RunbookStarted(proto::RunbookStarted { run_id: run_id.to_string(), runbook, runner })
        }
        Fact::CancelAsked { run_id, runbook, reason } => {
            ProtoFact::RunbookCancelAsked(proto::RunbookCancelAsked { run_id: run_id.to_string(), runbook, reason })
        }
        Fact::Ended { run_id, runbook, verdict } => {
            let Verdict { outcome, exit_code, head, tail, output_bytes, is_truncated, reason, ran_for } = *verdict;
            ProtoFact::RunbookEnded(proto::RunbookEnded {
                run_id: run_id.to_string(),
                runbook,
                outcome: outcome.number(),
                exit_code,
                head,
                tail,
                output_bytes,
                is_truncated,
                reason,
                ran_for: Some(duration(ran_for)),
            })
        }
    }
}

/// From the history; `None` if it is something else, `Some(None)` if it cannot be read.
pub fn event_of(fact: &ProtoFact) -> Option<Option<Event>> {
    let run = match fact {
        ProtoFact::RunbookRequested(it) => requested(it),
        ProtoFact::RunbookApproved(it) => {
            id(&it.run_id).map(|run_id| Fact::Approved { run_id, runbook: it.runbook.clone() })
        }
        ProtoFact::RunbookRefused(it) => id(&it.run_id).map(|run_id| Fact::Refused {
            run_id,
            runbook: it.runbook.clone(),
            reason: it.reason.clone(),
        }),
        ProtoFact::RunbookStarted(it) => id(&it.run_id).map(|run_id| Fact::Started {
            run_id,
            runbook: it.runbook.clone(),
            runner: it.runner.clone(),
        }),
        ProtoFact::RunbookCancelAsked(it) => id(&it.run_id).map(|run_id| Fact::CancelAsked {
            run_id,
            runbook: it.runbook.clone(),
            reason: it.reason.clone(),
        }),
        ProtoFact::RunbookEnded(it) => ended(it),
        _ => return None,
    };
    Some(run.map(Event::Run))
}

fn id(text: &str) -> Option<Uuid> {
    Uuid::try_parse(text).ok()
}

fn requested(it: &proto::RunbookRequested) -> Option<Fact> {
    let value = |it: &proto::RunParameter| {
        let kind = Word::from_number(it.kind)?;
        Some(Value { parameter: it.parameter.clone(), value: it.value.clone(), kind })
    };
    Some(Fact::Requested {
        run_id: id(&it.run_id)?,
        runbook: it.runbook.clone(),
        title: it.title.clone(),
        runner: it.runner.clone(),
        parameters: it.parameters.iter().map(value).collect::<Option<_>>()?,
        approval: it.approval,
    })
}

fn ended(it: &proto::RunbookEnded) -> Option<Fact> {
    let verdict = Verdict {
        outcome: Word::from_number(it.outcome)?,
        exit_code: it.exit_code,
        head: it.head.clone(),
        tail: it.tail.clone(),
        output_bytes: it.output_bytes,
        is_truncated: it.is_truncated,
        reason: it.reason.clone(),
        ran_for: it.ran_for.as_ref().and_then(from_duration).unwrap_or_default(),
    };
    Some(Fact::Ended { run_id: id(&it.run_id)?, runbook: it.runbook.clone(), verdict: Box::new(verdict) })
}

/// A value on the wire.
pub fn parameter(value: &Value) -> proto::RunParameter {
    proto::RunParameter { parameter: value.parameter.clone(), value: value.value.clone(), kind: value.kind.number() }
}

/// A run on the wire.
pub fn run(run: &Run) -> proto::Run {
    proto::Run {
        run_id: run.run_id.to_string(),
        client_id: run.client_id.to_string(),
        ticket_id: run.ticket_id.to_string(),
        reference: run.reference.clone(),
        runbook: run.runbook.clone(),
        title: run.title.clone(),
        runner: run.runner.clone(),
        parameters: run.parameters.iter().map(parameter).collect(),
        state: run.state.number(),
        outcome: number(run.outcome),
        approval: run.approval,
        requested_by: run.requested_by.clone(),
        requested_at: Some(timestamp(run.requested_at)),
        started_at: run.started_at.map(timestamp),
        ended_at: run.ended_at.map(timestamp),
        exit_code: run.exit_code,
        output_bytes: run.output_bytes,
        is_truncated: run.is_truncated,
        reason: run.reason.clone(),
        cancel_asked_by: run.cancel_asked_by.clone(),
    }
}

/// A piece of output on the wire.
pub fn output(output: Output) -> proto::RunOutput {
    proto::RunOutput { sequence: output.sequence, is_error: output.is_error, chunk: output.chunk }
}

/// A start as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// The caller's own id of it.
    pub request_id: String,
    /// On which ticket.
    pub ticket: Name,
    /// The revision that the caller saw; 0: any.
    pub expected_revision: u64,
    /// What.
    pub runbook: String,
    /// Name and value, as they were given.
    pub given: Vec<(String, String)>,
}

/// Reads a request to start a runbook. What the values must be, the runbook says.
///
/// # Errors
/// Every violation.
pub fn start(asked: &proto::StartRunbookRequest) -> Result<Start, Vec<Violation>> {
    let mut check = Check::default();
    let start = Start {
        request_id: check.needed("request_id", &asked.request_id, MAX_REQUEST_ID),
        ticket: named(&asked.ticket, &mut check),
        expected_revision: asked.expected_revision,
        runbook: check.needed("runbook", &asked.runbook, MAX_NAME),
        given: asked.parameters.iter().map(|it| (it.parameter.clone(), it.value.clone())).collect(),
    };
    check.at_most("parameters", asked.parameters.len(), MAX_GIVEN);
    for (at, (name, value)) in start.given.iter().enumerate().take(MAX_GIVEN) {
        check.needed(&format!("parameters[{at}].parameter"), name, MAX_NAME);
        if value.len() > MAX_VALUE {
            check.say(format!("parameters[{at}].value"), format!("must have at most {MAX_VALUE} bytes"));
        }
    }
    check.done()?;
    Ok(start)
}

/// What is wrong with the values of a runbook's parameters.
pub fn violations(wrong: Vec<(String, String)>) -> Vec<Violation> {
    wrong.into_iter().map(|(parameter, what)| Violation::new(format!("parameters.{parameter}"), what)).collect()
}

/// The run that a request names.
pub fn run_id(text: &str, check: &mut Check) -> Uuid {
    Uuid::try_parse(text).unwrap_or_else(|_| {
        check.say("run_id", "must be a UUID");
        Uuid::nil()
    })
}

/// Which run shall be cancelled, why, and by which request.
///
/// # Errors
/// Every violation.
pub fn cancel(asked: &proto::CancelRunRequest) -> Result<(String, Uuid, String), Vec<Violation>> {
    let mut check = Check::default();
    let request_id = check.needed("request_id", &asked.request_id, MAX_REQUEST_ID);
    let run_id = run_id(&asked.run_id, &mut check);
    let reason = check.text("reason", &asked.reason, MAX_REASON);
    check.done()?;
    Ok((request_id, run_id, reason))
}
