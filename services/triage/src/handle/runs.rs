//! Starting and cancelling runs of runbooks. What their runners say is [`heard`]; what is due by the clock, [`due`].

pub mod due;
pub mod heard;

use chassis::confidential::may_read;
use chassis::inbox::{self, Seen};
use chassis::{Clock, Scope, new_id, store as kept};
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Desk, Error, Models, happen, record};
use crate::domain::fulfilment::Step;
use crate::domain::runbook::{Fact, Outcome, Refusal, RunState, Runbook, Value, Verdict, run, start as decide};
use crate::domain::{Actor, ActorKind, Event, Ticket};
use crate::store::run::{self as runs, Run};
use crate::store::{self, Key};
use crate::wire::runbook::{Start, violations};

/// A run that its runner has not begun by then is never begun.
pub const TAKEN_WITHIN: SignedDuration = SignedDuration::from_mins(15);
/// How much longer than its time limit a run may stay unheard of.
pub const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// A request with everything that is known of whoever sent it.
#[derive(Debug, Clone)]
pub struct Envelope<T> {
    /// For whom the caller may act.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// What.
    pub asked: T,
    /// Of the whole request.
    pub fingerprint: Vec<u8>,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// What is wanted of a run.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// The caller's own id of it.
    pub request_id: String,
    /// Which.
    pub run_id: Uuid,
    /// Why.
    pub reason: String,
}

/// Asks for a run; the same request is the same run.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn start(desk: &Desk, envelope: Envelope<Start>) -> Result<Run, Error> {
    let scope = envelope.scope.clone();
    let (models, clock) = (desk.models.clone(), desk.ground.clock.clone());
    let store = &desk.ground.store;
    let begun = store.unit_of_work(&scope, move |connection| {
        Box::pin(async move { start_in(connection, &models, &clock, envelope).await })
    });
    let run = begun.await?;
    desk.runs.notify_one();
    Ok(run)
}

async fn start_in(
    connection: &mut PgConnection,
    models: &Models,
    clock: &Clock,
    envelope: Envelope<Start>,
) -> Result<Run, Error> {
    let Envelope { by, asked, fingerprint, traceparent, .. } = envelope;
    let found = store::ticket::lock(connection, &[&asked.ticket]).await?.into_iter().next();
    let ticket = found.ok_or(Error::NotFound("ticket"))?.ticket;
    let model = models.one(connection, &ticket.client_id).await?;
    if by.kind != ActorKind::Desk && !model.may_read(&ticket.work, &by.actor_id) {
        return Err(Error::NotFound("ticket"));
    }
    let run_id = new_id();
    let request_key = inbox::request_key(&ticket.client_id, &by.actor_id, &asked.request_id);
    match inbox::remember_request(connection, &ticket.client_id, request_key, &fingerprint, run_id).await? {
        Seen::New => {}
        Seen::Before { outcome_id } => return runs::find(connection, outcome_id).await?.ok_or(Error::NotFound("run")),
        Seen::Reused => return Err(Error::Reused),
    }
    if asked.expected_revision != 0 && asked.expected_revision != ticket.work.revision {
        return Err(Error::Changed(ticket.work.revision));
    }
    let runbook = model.runbooks.get(&asked.runbook).ok_or(Refusal::UnknownRunbook)?;
    let values = runbook.filled(&asked.given).map_err(|wrong| Error::Invalid(violations(wrong)))?;
    let (under_way, all) = runs::count(connection, &(ticket.client_id.clone(), ticket.ticket_id)).await?;
    if under_way >= run::MOST_UNDER_WAY {
        return Err(Refusal::TooManyUnderWay.into());
    }
    if all >= run::MOST {
        return Err(Refusal::TooManyRuns.into());
    }
    let events = decide(&ticket.work, &ticket.matter.requester_email, runbook, values.clone(), run_id, &by)?;
    let approval = events.iter().find_map(|event| match event {
        Event::Run(Fact::Requested { approval, .. }) => Some(*approval),
        _ => None,
    });
    let approval = approval.unwrap_or_default();
    let now = kept::now(connection, clock).await?;
    let run = Run { requested_by: by.actor_id.clone(), ..asked_for(&ticket, runbook, values, (run_id, approval), now) };
    let mut change = Change { ticket, happened: Vec::new(), traceparent };
    for event in events {
        happen(&mut change, event, &by, now, &asked.request_id);
    }
    record(connection, &[change], |_| Some(&*model)).await?;
    runs::add(connection, &run).await?;
    Ok(run)
}

/// A run as it is asked for at first.
fn asked_for(
    ticket: &Ticket,
    runbook: &Runbook,
    parameters: Vec<Value>,
    (run_id, approval): (Uuid, u32),
    now: Timestamp,
) -> Run {
    let is_free = approval == 0;
    Run {
        client_id: ticket.client_id.clone(),
        run_id,
        ticket_id: ticket.ticket_id,
        reference: ticket.matter.reference.clone(),
        runbook: runbook.runbook.clone(),
        title: runbook.title.clone(),
        runner: runbook.runner.clone(),
        parameters,
        state: if is_free { RunState::Queued } else { RunState::Waiting },
        outcome: None,
        approval,
        requested_by: String::new(),
        requested_at: now,
        time_limit: runbook.time_limit,
        output_limit: runbook.output_limit,
        expires_at: is_free.then(|| after(now, TAKEN_WITHIN)),
        lost_at: None,
        started_at: None,
        ended_at: None,
        exit_code: None,
        output_bytes: 0,
        kept_bytes: 0,
        is_truncated: false,
        reason: String::new(),
        cancel_asked_by: String::new(),
        due_at: is_free.then_some(now),
    }
}

fn after(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// Ends a run, or lets it never begin; asked twice, it is asked once.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn cancel(desk: &Desk, envelope: Envelope<Cancel>) -> Result<Run, Error> {
    let scope = envelope.scope.clone();
    let clock = desk.ground.clock.clone();
    let store = &desk.ground.store;
    let asked = store
        .unit_of_work(&scope, move |connection| Box::pin(async move { cancel_in(connection, &clock, envelope).await }));
    let run = asked.await?;
    desk.runs.notify_one();
    Ok(run)
}

async fn cancel_in(connection: &mut PgConnection, clock: &Clock, envelope: Envelope<Cancel>) -> Result<Run, Error> {
    let Envelope { by, asked, fingerprint, traceparent, .. } = envelope;
    let found = runs::find(connection, asked.run_id).await?.ok_or(Error::NotFound("run"))?;
    let (ticket, mut run) = locked(connection, &found).await?;
    if by.kind != ActorKind::Desk && !may_read(connection, run.client_id.as_str(), run.ticket_id, &by.actor_id).await? {
        return Err(Error::NotFound("run"));
    }
    let request_key = inbox::request_key(&run.client_id, &by.actor_id, &asked.request_id);
    match inbox::remember_request(connection, &run.client_id, request_key, &fingerprint, run.run_id).await? {
        Seen::New => {}
        Seen::Before { .. } => return Ok(run),
        Seen::Reused => return Err(Error::Reused),
    }
    let now = kept::now(connection, clock).await?;
    let fact = match run.state {
        RunState::Ended if run.outcome == Some(Outcome::Cancelled) => return Ok(run),
        RunState::Ended => return Err(Refusal::RunOver.into()),
        RunState::Queued | RunState::Running if !run.cancel_asked_by.is_empty() => return Ok(run),
        RunState::Waiting => ended(&mut run, Verdict::of(Outcome::Cancelled, asked.reason), now),
        RunState::Queued | RunState::Running => {
            run.due_at = Some(now);
            Fact::CancelAsked { run_id: run.run_id, runbook: run.runbook.clone(), reason: asked.reason }
        }
    };
    run.cancel_asked_by.clone_from(&by.actor_id);
    let mut change = Change { ticket, happened: Vec::new(), traceparent };
    happen(&mut change, Event::Run(fact), &by, now, &asked.request_id);
    record(connection, &[change], |_| None).await?;
    runs::keep(connection, &run).await?;
    Ok(run)
}

async fn locked(connection: &mut PgConnection, run: &Run) -> Result<(Ticket, Run), Error> {
    let ticket_key = (run.client_id.clone(), run.ticket_id);
    let ticket = store::ticket::lock_known(connection, std::slice::from_ref(&ticket_key)).await?.remove(&ticket_key);
    let run = runs::lock(connection, &[(run.client_id.clone(), run.run_id)]).await?.into_iter().next();
    ticket.zip(run).ok_or(Error::NotFound("run"))
}

/// The run is over.
fn ended(run: &mut Run, verdict: Verdict, now: Timestamp) -> Fact {
    run.state = RunState::Ended;
    run.outcome = Some(verdict.outcome);
    run.exit_code = verdict.exit_code;
    run.output_bytes = verdict.output_bytes;
    run.is_truncated = verdict.is_truncated;
    run.reason.clone_from(&verdict.reason);
    run.ended_at = Some(now);
    run.due_at = None;
    Fact::Ended { run_id: run.run_id, runbook: run.runbook.clone(), verdict: Box::new(verdict) }
}

/// Has the watch look at runs that waited for what was decided on their tickets, or whose tickets are over.
pub(super) async fn follow(connection: &mut PgConnection, changes: &[Change]) -> Result<(), chassis::Error> {
    let decides = |event: &Event| {
        matches!(event, Event::Fulfilment(Step::ApprovalDecided { .. }))
            || matches!(event, Event::Resolved { .. } | Event::Closed { .. } | Event::Cancelled { .. } | Event::Tied(_))
    };
    let decided = changes.iter().filter(|change| {
        !change.ticket.work.fulfilment.approvals.is_empty() && change.happened.iter().any(|it| decides(&it.event))
    });
    let tickets: Vec<Key> =
        decided.clone().map(|change| (change.ticket.client_id.clone(), change.ticket.ticket_id)).collect();
    let Some(at) = decided.filter_map(|change| change.happened.last()).map(|it| it.recorded_at).min() else {
        return Ok(());
    };
    runs::wake(connection, &tickets, at).await
}
