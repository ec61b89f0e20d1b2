//! What passes its time without anybody doing anything: the answer to an approval, the time-box of a tier. Each is told
//! once, as of the instant at which it passed.

use jiff::{SignedDuration, Timestamp};

use super::event::Event;
use super::fulfilment::Approval;
use super::model::SupportModel;
use super::ticket::Work;
use super::words::State;

/// What has passed its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An approval is not answered. That is no answer: it stays wanted.
    Approval {
        /// Which.
        number: u32,
        /// Until when the answer was wanted.
        due_at: Timestamp,
        /// Who asked.
        asked_by: String,
        /// Whose answers are wanted still.
        approvers: Vec<String>,
    },
    /// The ticket is handled in its tier for longer than its category's time-box.
    TimeBox {
        /// Where.
        tier: i32,
        /// Of what.
        category: String,
        /// How long it should be.
        time_box_for: SignedDuration,
        /// Who has it; may be empty.
        owner: String,
        /// When it ran out.
        overrun_at: Timestamp,
    },
}

impl Step {
    /// When it passed.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Approval { due_at, .. } => *due_at,
            Self::TimeBox { overrun_at, .. } => *overrun_at,
        }
    }

    /// In one line.
    pub fn line(&self) -> String {
        match self {
            Self::Approval { number, approvers, .. } => {
                format!("approval {number} is overdue: {} did not answer", approvers.join(", "))
            }
            Self::TimeBox { tier, time_box_for, .. } => {
                format!("the time-box of tier {tier} ran out: {} minutes of handling", time_box_for.as_mins())
            }
        }
    }
}

/// What will have passed on the ticket if nothing happens, the earliest first; what was told already is none of it.
pub fn coming(work: &Work, model: &SupportModel) -> Vec<Step> {
    if work.ties.merged.is_some() {
        return Vec::new();
    }
    let mut steps: Vec<Step> = approvals(work).collect();
    steps.extend(time_box(work, model));
    steps.sort_by_key(Step::at);
    steps
}

fn approvals(work: &Work) -> impl Iterator<Item = Step> {
    let known = &work.fulfilment;
    // On a ticket that is over only what is owed is wanted.
    let is_wanted = work.state.is_open() || known.approval_owed_until().is_some();
    let pending = known.approvals.iter().filter(move |it| is_wanted && it.is_pending() && it.overdue_at.is_none());
    pending.filter_map(|approval| {
        Some(Step::Approval {
            number: approval.number,
            due_at: approval.due_at?,
            asked_by: approval.asked_by.clone(),
            approvers: undecided(approval),
        })
    })
}

fn undecided(approval: &Approval) -> Vec<String> {
    let undecided = approval.approvers.iter().filter(|one| one.decision.is_none());
    undecided.map(|one| one.approver.clone()).collect()
}

fn time_box(work: &Work, model: &SupportModel) -> Option<Step> {
    if work.state != State::InProgress || work.time_box_overrun_at.is_some() {
        return None;
    }
    let (tier, category) = (work.placement.tier, &work.classification.category);
    let time_box_for = model.time_box(category, tier)?;
    let left = time_box_for.saturating_sub(work.handling.handled_for).max(SignedDuration::ZERO);
    Some(Step::TimeBox {
        tier,
        category: category.clone(),
        time_box_for,
        owner: work.owner.clone().unwrap_or_default(),
        overrun_at: work.handling.since_at?.checked_add(left).ok()?,
    })
}

/// What has passed by now, as events.
pub fn passed(work: &Work, model: &SupportModel, now: Timestamp) -> Vec<(Timestamp, Event)> {
    let passed = coming(work, model).into_iter().filter(|step| step.at() <= now);
    passed.map(|step| (step.at(), Event::Overdue(step))).collect()
}

/// Applies a fact. It cannot fail: what happened cannot be refused.
pub fn evolve(work: &mut Work, step: &Step) {
    match step {
        Step::Approval { number, due_at, .. } => {
            let known = work.fulfilment.approvals.iter_mut().find(|it| it.number == *number);
            if let Some(approval) = known.filter(|it| it.is_pending()) {
                approval.overdue_at = Some(*due_at);
            }
        }
        Step::TimeBox { tier, overrun_at, .. } if *tier == work.placement.tier => {
            work.time_box_overrun_at = Some(*overrun_at);
        }
        Step::TimeBox { .. } => {}
    }
}
