//! Changes: planned, approved by their type, made in their window, ended with an outcome.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::super::decide::{Around, Rejection};
use super::super::event::Event;
use super::super::ticket::{Actor, Work};
use super::super::words::{Kind, WaitingReason};
use super::words::{ApprovalMode, ApprovalState, ChangeOutcome, ChangeType, Risk};
use super::{Fulfilment, Refusal, Step, approval, begin_wait, end_wait, next, open};

/// How soon after its begin an emergency change has to be approved.
pub const OWED_FOR: SignedDuration = SignedDuration::from_hours(24);

/// How changes are made for a client.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Policy {
    /// Who approves normal changes.
    pub approvers: Vec<String>,
    /// Who approves emergency changes; none: the same.
    pub emergency_approvers: Vec<String>,
    /// By their words.
    pub templates: BTreeMap<String, Template>,
    /// When nothing should be changed.
    pub freezes: Vec<Freeze>,
}

/// A change that is approved once for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Template {
    /// What will be done.
    pub plan: String,
    /// How it is undone.
    pub back_out_plan: String,
}

/// When nothing should be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// What it is called.
    pub name: String,
    /// From then on.
    pub from_at: Timestamp,
    /// Until then.
    pub until_at: Timestamp,
}

/// What somebody wants to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Which kind.
    pub kind: ChangeType,
    /// One of the model's, for standard changes.
    pub template: String,
    /// What will be done.
    pub plan: String,
    /// How it is undone.
    pub back_out_plan: String,
    /// How dangerous it is.
    pub risk: Option<Risk>,
    /// Not before.
    pub window_from_at: Timestamp,
    /// Not after.
    pub window_until_at: Timestamp,
    /// Who approves; none: those of the model.
    pub approvers: Vec<String>,
    /// The ticket's requester; looked up.
    pub requester_email: String,
    /// Other changes whose windows touch this one; looked up.
    pub collisions: Vec<String>,
}

/// A planned alteration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which kind.
    pub kind: ChangeType,
    /// The pre-approved template; empty: none.
    pub template: String,
    /// What will be done.
    pub plan: String,
    /// How it is undone.
    pub back_out_plan: String,
    /// How dangerous it is.
    pub risk: Option<Risk>,
    /// Not before.
    pub window_from_at: Timestamp,
    /// Not after.
    pub window_until_at: Timestamp,
    /// The number of its approval; 0: it needs none.
    pub approval: u32,
    /// What the window falls into.
    pub warnings: Vec<String>,
    /// Since when.
    pub started_at: Option<Timestamp>,
    /// Until when.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<ChangeOutcome>,
    /// In words.
    pub note: String,
}

impl Fulfilment {
    /// Until when the approval of an emergency change that has begun is owed.
    pub fn approval_owed_until(&self) -> Option<Timestamp> {
        let change = self.change.as_ref().filter(|change| change.kind == ChangeType::Emergency)?;
        let pending = self.approvals.iter().any(|it| it.number == change.approval && it.is_pending());
        change.started_at.filter(|_| pending)?.checked_add(OWED_FOR).ok()
    }
}

pub(super) fn plan(work: &Work, plan: &Plan, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    open(work)?;
    if work.classification.kind != Kind::Change {
        return Err(Refusal::NotAChange.into());
    }
    may_plan(work, plan, around)?;
    let policy = &around.model.fulfilment.changes;
    let template = match plan.kind {
        ChangeType::Standard => Some(policy.templates.get(&plan.template).ok_or(Refusal::UnknownTemplate)?),
        ChangeType::Normal | ChangeType::Emergency => None,
    };
    let or = |said: &str, known: Option<&String>| {
        if said.is_empty() { known.cloned().unwrap_or_default() } else { said.to_owned() }
    };
    let what = or(&plan.plan, template.map(|it| &it.plan));
    let back_out_plan = or(&plan.back_out_plan, template.map(|it| &it.back_out_plan));
    if what.is_empty() || back_out_plan.is_empty() {
        return Err(Refusal::PlanNeeded.into());
    }
    let requested = asks(work, plan, &what, by, around)?;
    let planned = Change {
        kind: plan.kind,
        template: plan.template.clone(),
        plan: what,
        back_out_plan,
        risk: plan.risk,
        window_from_at: plan.window_from_at,
        window_until_at: plan.window_until_at,
        approval: if requested.is_some() { next(work.fulfilment.approvals.len()) } else { 0 },
        warnings: warnings(plan, policy),
        started_at: None,
        ended_at: None,
        outcome: None,
        note: String::new(),
    };
    let waits = plan.kind == ChangeType::Normal;
    let waiting = if waits { begin_wait(work, WaitingReason::Approval, "the change's approval") } else { None };
    // What was waited for may be wanted no more.
    let former = work.fulfilment.change.as_ref().map_or(0, |change| change.approval);
    let others = work.fulfilment.approvals.iter().any(|it| it.is_pending() && it.number != former);
    let resumed = if waits || others { None } else { end_wait(work, WaitingReason::Approval) };
    let planned = Event::Fulfilment(Step::ChangePlanned(Box::new(planned)));
    Ok(std::iter::once(planned).chain(requested).chain(waiting).chain(resumed).collect())
}

/// Neither under way, nor over, nor too late.
fn may_plan(work: &Work, plan: &Plan, around: &Around<'_>) -> Result<(), Refusal> {
    if let Some(known) = &work.fulfilment.change {
        match (known.started_at, known.ended_at) {
            (_, Some(_)) => return Err(Refusal::ChangeOver),
            (Some(_), None) => return Err(Refusal::ChangeUnderWay),
            (None, None) => {}
        }
    }
    if plan.window_until_at <= plan.window_from_at || plan.window_until_at <= around.at {
        return Err(Refusal::WindowIsPast);
    }
    Ok(())
}

/// Whom the change's approval is asked of; `None`: of nobody.
fn asks(work: &Work, plan: &Plan, what: &str, by: &Actor, around: &Around<'_>) -> Result<Option<Event>, Rejection> {
    let policy = &around.model.fulfilment.changes;
    let (mode, known) = match plan.kind {
        ChangeType::Standard => return Ok(None),
        ChangeType::Normal => (ApprovalMode::All, &policy.approvers),
        ChangeType::Emergency if policy.emergency_approvers.is_empty() => (ApprovalMode::Any, &policy.approvers),
        ChangeType::Emergency => (ApprovalMode::Any, &policy.emergency_approvers),
    };
    let is_own = |one: &&String| [&by.actor_id, &plan.requester_email].iter().any(|own| own.eq_ignore_ascii_case(one));
    let known: Vec<String> = known.iter().filter(|one| !is_own(one)).cloned().collect();
    let approvers = if plan.approvers.is_empty() { &known } else { &plan.approvers };
    if approvers.is_empty() {
        return Err(Refusal::ApproversNeeded.into());
    }
    let first: String = what.lines().next().unwrap_or_default().chars().take(200).collect();
    let question = format!("{} change: {first}", plan.kind);
    let due_at = (plan.window_from_at > around.at).then_some(plan.window_from_at);
    approval::request(work, approvers, mode, &question, due_at, &plan.requester_email, by).map(Some)
}

/// What the window falls into.
fn warnings(plan: &Plan, policy: &Policy) -> Vec<String> {
    let touched =
        policy.freezes.iter().filter(|it| it.from_at < plan.window_until_at && plan.window_from_at < it.until_at);
    let freezes = touched.map(|freeze| format!("the window falls into the freeze period `{}`", freeze.name));
    let collisions = plan.collisions.iter().map(|other| format!("the window touches that of {other}"));
    freezes.chain(collisions).collect()
}

pub(super) fn start(work: &Work, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    open(work)?;
    let change = work.fulfilment.change.as_ref().ok_or(Refusal::NoChange)?;
    match (change.started_at, change.ended_at) {
        (_, Some(_)) => return Err(Refusal::ChangeOver.into()),
        (Some(_), None) => return Ok(Vec::new()),
        (None, None) => {}
    }
    let approved = work.fulfilment.approvals.iter().find(|it| it.number == change.approval).map(|it| it.state);
    let may = match change.kind {
        ChangeType::Standard => true,
        ChangeType::Normal => approved == Some(ApprovalState::Approved),
        ChangeType::Emergency => matches!(approved, Some(ApprovalState::Approved | ApprovalState::Pending)),
    };
    if !may {
        return Err(Refusal::NotApproved.into());
    }
    if around.at < change.window_from_at || around.at >= change.window_until_at {
        return Err(Refusal::OutsideWindow.into());
    }
    let reasons = [WaitingReason::Change, WaitingReason::Scheduled, WaitingReason::Approval];
    let resumed = reasons.into_iter().find_map(|reason| end_wait(work, reason));
    Ok(std::iter::once(Event::Fulfilment(Step::ChangeStarted)).chain(resumed).collect())
}

pub(super) fn end(work: &Work, outcome: ChangeOutcome, note: &str) -> Result<Vec<Step>, Rejection> {
    let change = work.fulfilment.change.as_ref().ok_or(Refusal::NoChange)?;
    if change.started_at.is_none() {
        return Err(Refusal::ChangeNotStarted.into());
    }
    match change.outcome {
        Some(known) if known == outcome => Ok(Vec::new()),
        Some(_) => Err(Refusal::ChangeOver.into()),
        None => Ok(vec![Step::ChangeEnded { outcome, note: note.to_owned() }]),
    }
}

pub(super) fn evolve(known: &mut Fulfilment, step: &Step, at: Timestamp) {
    match step {
        Step::ChangePlanned(planned) => {
            let former = known.change.replace((**planned).clone()).map_or(0, |change| change.approval);
            let mut asked = known.approvals.iter_mut();
            if let Some(approval) = asked.find(|it| it.number == former && it.is_pending()) {
                approval.state = ApprovalState::Withdrawn;
                approval.decided_at = Some(at);
            }
        }
        Step::ChangeStarted => {
            if let Some(change) = &mut known.change {
                change.started_at = change.started_at.or(Some(at));
            }
        }
        Step::ChangeEnded { outcome, note } => {
            if let Some(change) = &mut known.change {
                change.ended_at = Some(at);
                change.outcome = Some(*outcome);
                change.note.clone_from(note);
            }
        }
        _ => {}
    }
}
