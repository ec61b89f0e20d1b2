//! Approvals: a question to those who must agree. The ticket waits for it and goes on with the decision.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::super::decide::{Around, Rejection};
use super::super::event::{Event, Happened};
use super::super::ticket::{Actor, Work};
use super::super::words::WaitingReason;
use super::words::{ApprovalMode, ApprovalState, ChangeType, Decision};
use super::{Errand, MOST, Refusal, Step, begin_wait, end_wait, next, open};

/// A question to those who must agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// 1, 2, 3 … per ticket.
    pub number: u32,
    /// To what.
    pub question: String,
    /// Everybody or the first.
    pub mode: ApprovalMode,
    /// In the order in which they were named.
    pub approvers: Vec<Approver>,
    /// Until when an answer is wanted.
    pub due_at: Option<Timestamp>,
    /// Who does not decide on their own matter; empty for machines.
    pub requester_email: String,
    /// Since when.
    pub asked_at: Timestamp,
    /// By whom.
    pub asked_by: String,
    /// Where it stands.
    pub state: ApprovalState,
    /// Since when it is decided.
    pub decided_at: Option<Timestamp>,
    /// Since when the answer is overdue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overdue_at: Option<Timestamp>,
}

/// Somebody who is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approver {
    /// Who.
    pub approver: String,
    /// What they said.
    pub decision: Option<Decision>,
    /// Why.
    pub reason: String,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// Whom they stand in for; empty: nobody.
    pub instead_of: String,
}

impl Approver {
    /// Whether it is this one.
    pub fn is(&self, who: &str) -> bool {
        is_same(&self.approver, who)
    }
}

impl Approval {
    /// Answers are wanted.
    pub fn is_pending(&self) -> bool {
        self.state == ApprovalState::Pending
    }

    fn is_own_of(&self, who: &str) -> bool {
        is_same(&self.asked_by, who) || is_same(&self.requester_email, who)
    }

    fn of(&self, who: &str) -> Option<&Approver> {
        self.approvers.iter().find(|approver| approver.is(who))
    }

    fn stands_after(&self, decision: Decision) -> ApprovalState {
        let undecided = self.approvers.iter().filter(|approver| approver.decision.is_none()).count();
        match (decision, self.mode) {
            (Decision::Rejected, _) => ApprovalState::Rejected,
            (Decision::Approved, ApprovalMode::Any) => ApprovalState::Approved,
            (Decision::Approved, ApprovalMode::All) if undecided <= 1 => ApprovalState::Approved,
            (Decision::Approved, ApprovalMode::All) => ApprovalState::Pending,
        }
    }
}

/// Subjects are addresses: letter case does not make another person.
fn is_same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

pub(super) fn decide(work: &Work, errand: &Errand, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    match errand {
        Errand::RequestApproval { approvers, mode, question, due_at, requester_email } => {
            open(work)?;
            if due_at.is_some_and(|due_at| due_at <= around.at) {
                return Err(Refusal::DueIsPast.into());
            }
            let requested = request(work, approvers, *mode, question, *due_at, requester_email, by)?;
            let waiting = begin_wait(work, WaitingReason::Approval, question);
            Ok(std::iter::once(requested).chain(waiting).collect())
        }
        Errand::DecideApproval { approval, decision, reason } => answer(work, *approval, *decision, reason, by),
        Errand::ReplaceApprover { approval, instead_of, approver, reason } => {
            replace(work, *approval, (instead_of, approver), reason, around)
        }
        _ => Ok(Vec::new()),
    }
}

/// The question, if it may be asked of them.
pub(in crate::domain) fn request(
    work: &Work,
    approvers: &[String],
    mode: ApprovalMode,
    question: &str,
    due_at: Option<Timestamp>,
    requester_email: &str,
    by: &Actor,
) -> Result<Event, Rejection> {
    let mut named: Vec<String> = Vec::new();
    for approver in approvers {
        if is_same(approver, &by.actor_id) || is_same(approver, requester_email) {
            return Err(Refusal::OwnRequest.into());
        }
        if !named.iter().any(|known| is_same(known, approver)) {
            named.push(approver.clone());
        }
    }
    let approvals = &work.fulfilment.approvals;
    if approvals.len() >= MOST {
        return Err(Refusal::TooMany.into());
    }
    Ok(Event::Fulfilment(Step::ApprovalRequested {
        number: next(approvals.len()),
        question: question.to_owned(),
        mode,
        approvers: named,
        due_at,
        requester_email: requester_email.to_owned(),
    }))
}

fn numbered(work: &Work, number: u32) -> Result<&Approval, Refusal> {
    work.fulfilment.approvals.iter().find(|approval| approval.number == number).ok_or(Refusal::UnknownApproval)
}

/// The only one that waits for them.
fn waiting_for<'a>(work: &'a Work, who: &str) -> Result<&'a Approval, Refusal> {
    let waits =
        |approval: &&Approval| approval.is_pending() && approval.of(who).is_some_and(|it| it.decision.is_none());
    let mut waiting = work.fulfilment.approvals.iter().filter(waits);
    match (waiting.next(), waiting.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Refusal::WhichApproval),
        (None, _) => Err(Refusal::NotAsked),
    }
}

fn answer(work: &Work, number: u32, decision: Decision, reason: &str, by: &Actor) -> Result<Vec<Event>, Rejection> {
    let approval = if number == 0 { waiting_for(work, &by.actor_id)? } else { numbered(work, number)? };
    let approver = approval.of(&by.actor_id).ok_or(Refusal::NotAsked)?;
    match approver.decision {
        Some(known) if known == decision => return Ok(Vec::new()),
        Some(_) => return Err(Refusal::DecisionFinal.into()),
        None => {}
    }
    // What was done in an emergency is approved afterwards, also when the ticket is resolved by then.
    let is_owed = work.fulfilment.change.as_ref().is_some_and(|change| {
        change.kind == ChangeType::Emergency && change.started_at.is_some() && change.approval == approval.number
    });
    if !is_owed {
        open(work)?;
    }
    if !approval.is_pending() {
        return Err(Refusal::ApprovalOver.into());
    }
    if approval.is_own_of(&by.actor_id) {
        return Err(Refusal::OwnRequest.into());
    }
    let decided = Event::Fulfilment(Step::ApprovalDecided {
        number: approval.number,
        approver: approver.approver.clone(),
        decision,
        reason: reason.to_owned(),
    });
    let is_over = approval.stands_after(decision) != ApprovalState::Pending;
    let others = work.fulfilment.approvals.iter().any(|it| it.is_pending() && it.number != approval.number);
    let resumed = if is_over && !others { end_wait(work, WaitingReason::Approval) } else { None };
    Ok(std::iter::once(decided).chain(resumed).collect())
}

fn replace(
    work: &Work,
    number: u32,
    (instead_of, approver): (&str, &str),
    reason: &str,
    around: &Around<'_>,
) -> Result<Vec<Event>, Rejection> {
    if !around.is_lead {
        return Err(Rejection::LeadNeeded);
    }
    let approval = numbered(work, number)?;
    if !approval.is_pending() {
        return Err(Refusal::ApprovalOver.into());
    }
    let former = approval.of(instead_of).ok_or(Refusal::NotAsked)?;
    if former.decision.is_some() {
        return Err(Refusal::DecisionFinal.into());
    }
    if approval.of(approver).is_some() {
        return Err(Refusal::AskedAlready.into());
    }
    if approval.is_own_of(approver) {
        return Err(Refusal::OwnRequest.into());
    }
    Ok(vec![Event::Fulfilment(Step::ApproverReplaced {
        number,
        approver: approver.to_owned(),
        instead_of: former.approver.clone(),
        reason: reason.to_owned(),
    })])
}

pub(super) fn evolve(approvals: &mut Vec<Approval>, step: &Step, happened: &Happened) {
    match step {
        Step::ApprovalRequested { number, question, mode, approvers, due_at, requester_email } => {
            let asked = |approver: &String| Approver {
                approver: approver.clone(),
                decision: None,
                reason: String::new(),
                decided_at: None,
                instead_of: String::new(),
            };
            approvals.push(Approval {
                number: *number,
                question: question.clone(),
                mode: *mode,
                approvers: approvers.iter().map(asked).collect(),
                due_at: *due_at,
                requester_email: requester_email.clone(),
                asked_at: happened.occurred_at,
                asked_by: happened.actor.actor_id.clone(),
                state: ApprovalState::Pending,
                decided_at: None,
                overdue_at: None,
            });
        }
        Step::ApprovalDecided { number, approver, decision, reason } => {
            let Some(approval) = approvals.iter_mut().find(|approval| approval.number == *number) else { return };
            if approval.is_pending() {
                approval.state = approval.stands_after(*decision);
                approval.decided_at = (!approval.is_pending()).then_some(happened.occurred_at);
            }
            if let Some(one) = approval.approvers.iter_mut().find(|one| is_same(&one.approver, approver)) {
                one.decision = Some(*decision);
                one.reason.clone_from(reason);
                one.decided_at = Some(happened.occurred_at);
            }
        }
        Step::ApproverReplaced { number, approver, instead_of, .. } => {
            let Some(approval) = approvals.iter_mut().find(|approval| approval.number == *number) else { return };
            if let Some(one) = approval.approvers.iter_mut().find(|one| is_same(&one.approver, instead_of)) {
                one.approver.clone_from(approver);
                one.instead_of.clone_from(instead_of);
            }
        }
        _ => {}
    }
}
