//! What a ticket needs besides the work of its queue: vendors, approvals, tasks, what was asked for from the catalogue,
//! a planned change.

pub mod approval;
pub mod change;
pub mod form;
pub mod item;
pub mod refusal;
pub mod task;
pub mod told;
pub mod vendor;
pub mod words;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::{Around, Rejection};
use super::event::{Event, Happened};
use super::ticket::{Actor, Work};
use super::words::{State, WaitingReason};
use words::{ApprovalMode, ChangeOutcome, Decision, VendorOutcome, VendorStatus};

pub use approval::{Approval, Approver};
pub use change::{Change, Plan, Policy};
pub use form::{Fault, Form};
pub use item::{Asked, Item, Requested};
pub use refusal::Refusal;
pub use task::Task;
pub use vendor::VendorCase;

/// Cases, approvals and tasks of one ticket, of each kind.
pub const MOST: usize = 100;

/// All of it that a ticket has. Most tickets have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Fulfilment {
    /// In the order in which they were opened.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub vendor_cases: Vec<VendorCase>,
    /// In the order in which they were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<Approval>,
    /// In the order in which they were added.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// From the catalogue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested: Option<Requested>,
    /// As it was planned last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

impl Fulfilment {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Those whose answers are wanted.
    pub fn asked(&self) -> Vec<&str> {
        let pending = self.approvals.iter().filter(|approval| approval.is_pending());
        let undecided = pending.flat_map(|approval| approval.approvers.iter().filter(|it| it.decision.is_none()));
        undecided.map(|approver| approver.approver.as_str()).collect()
    }
}

/// What of it the client's model says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Model {
    /// The words of the vendors.
    pub vendors: Vec<String>,
    /// The catalogue by its words.
    pub items: BTreeMap<String, Item>,
    /// How changes are made.
    pub changes: Policy,
}

/// What can happen to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A vendor was asked to help.
    VendorCaseOpened {
        /// 1, 2, 3 …
        number: u32,
        /// Who.
        vendor: String,
        /// The case's number there; may be empty.
        vendor_reference: String,
        /// What they were told.
        note: String,
    },
    /// The case goes on.
    VendorCaseUpdated {
        /// Which.
        number: u32,
        /// Whose.
        vendor: String,
        /// Empty: as before.
        vendor_reference: String,
        /// How far it is; `None`: as before.
        status: Option<VendorStatus>,
        /// In words.
        note: String,
    },
    /// The case is over.
    VendorCaseClosed {
        /// Which.
        number: u32,
        /// Whose.
        vendor: String,
        /// How.
        outcome: VendorOutcome,
        /// In words.
        note: String,
    },
    /// Somebody must agree.
    ApprovalRequested {
        /// 1, 2, 3 …
        number: u32,
        /// To what.
        question: String,
        /// Everybody or the first.
        mode: ApprovalMode,
        /// Who.
        approvers: Vec<String>,
        /// Until when an answer is wanted.
        due_at: Option<Timestamp>,
        /// Who does not decide on their own matter; empty for machines.
        requester_email: String,
    },
    /// Somebody agreed, or did not.
    ApprovalDecided {
        /// On which.
        number: u32,
        /// Who.
        approver: String,
        /// What.
        decision: Decision,
        /// Why.
        reason: String,
    },
    /// Somebody else is asked.
    ApproverReplaced {
        /// For which.
        number: u32,
        /// Who is asked now.
        approver: String,
        /// Who was.
        instead_of: String,
        /// Why.
        reason: String,
    },
    /// Something has to be done.
    TaskAdded {
        /// 1, 2, 3 …
        number: u32,
        /// What.
        title: String,
        /// By whom; empty: whoever has the ticket.
        queue: String,
        /// The numbers of those before it.
        after: Vec<u32>,
    },
    /// It is done.
    TaskCompleted {
        /// Which.
        number: u32,
        /// In words.
        note: String,
    },
    /// It is not done.
    TaskSkipped {
        /// Which.
        number: u32,
        /// Why.
        reason: String,
    },
    /// Something was asked for from the catalogue.
    ItemRequested(Requested),
    /// A change was planned, at first or anew.
    ChangePlanned(Box<Change>),
    /// It began.
    ChangeStarted,
    /// It is over.
    ChangeEnded {
        /// How.
        outcome: ChangeOutcome,
        /// In words.
        note: String,
    },
}

/// What somebody wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Ask a vendor to help.
    OpenVendorCase {
        /// One of the model's.
        vendor: String,
        /// The case's number there, if it is known.
        vendor_reference: String,
        /// What they were told.
        note: String,
        /// Let the ticket wait for them.
        wait: bool,
    },
    /// Note how far a vendor is.
    UpdateVendorCase {
        /// Whose case is open.
        vendor: String,
        /// Empty: as before.
        vendor_reference: String,
        /// `None`: as before.
        status: Option<VendorStatus>,
        /// In words.
        note: String,
    },
    /// End a vendor's case.
    CloseVendorCase {
        /// Whose case is open.
        vendor: String,
        /// How.
        outcome: VendorOutcome,
        /// In words.
        note: String,
    },
    /// Ask others to agree.
    RequestApproval {
        /// Whom.
        approvers: Vec<String>,
        /// Everybody or the first.
        mode: ApprovalMode,
        /// To what.
        question: String,
        /// Until when an answer is wanted.
        due_at: Option<Timestamp>,
        /// The ticket's requester; looked up.
        requester_email: String,
    },
    /// Agree, or not.
    DecideApproval {
        /// 0: the only one that waits for whoever decides.
        approval: u32,
        /// What.
        decision: Decision,
        /// Why.
        reason: String,
    },
    /// Ask somebody else.
    ReplaceApprover {
        /// For which.
        approval: u32,
        /// Who was asked.
        instead_of: String,
        /// Who is to be asked.
        approver: String,
        /// Why.
        reason: String,
    },
    /// Add something that has to be done.
    AddTask {
        /// What.
        title: String,
        /// By whom; empty: whoever has the ticket.
        queue: String,
        /// The numbers of those before it.
        after: Vec<u32>,
    },
    /// It is done.
    CompleteTask {
        /// Which.
        task: u32,
        /// In words.
        note: String,
    },
    /// It is not needed.
    SkipTask {
        /// Which.
        task: u32,
        /// Why.
        reason: String,
    },
    /// Plan a change, at first or anew.
    PlanChange(Box<Plan>),
    /// Begin it.
    StartChange,
    /// End it.
    EndChange {
        /// How.
        outcome: ChangeOutcome,
        /// In words.
        note: String,
    },
}

/// Whether somebody may do this, and what it leads to.
///
/// # Errors
/// The rejection, if it is not allowed as things are.
pub fn decide(work: &Work, errand: &Errand, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    let steps = match errand {
        Errand::OpenVendorCase { .. } | Errand::UpdateVendorCase { .. } | Errand::CloseVendorCase { .. } => {
            return vendor::decide(work, errand, around);
        }
        Errand::RequestApproval { .. } | Errand::DecideApproval { .. } | Errand::ReplaceApprover { .. } => {
            return approval::decide(work, errand, by, around);
        }
        Errand::AddTask { .. } | Errand::CompleteTask { .. } | Errand::SkipTask { .. } => {
            task::decide(work, errand, around)?
        }
        Errand::PlanChange(plan) => return change::plan(work, plan, by, around),
        Errand::StartChange => return change::start(work, around),
        Errand::EndChange { outcome, note } => change::end(work, *outcome, note)?,
    };
    Ok(steps.into_iter().map(Event::Fulfilment).collect())
}

/// What is left undone is told before a ticket is called resolved.
///
/// # Errors
/// What is left.
pub fn may_resolve(work: &Work) -> Result<(), Refusal> {
    if work.fulfilment.tasks.iter().any(Task::is_open) {
        return Err(Refusal::OpenTasks);
    }
    let is_under_way = |change: &Change| change.started_at.is_some() && change.ended_at.is_none();
    if work.fulfilment.change.as_ref().is_some_and(is_under_way) {
        return Err(Refusal::ChangeUnderWay);
    }
    Ok(())
}

/// Only on a ticket that is not over.
pub(super) fn open(work: &Work) -> Result<(), Rejection> {
    match work.state {
        State::Registered => Err(Rejection::NotTriaged),
        State::Resolved => Err(Rejection::TicketResolved),
        State::Closed => Err(Rejection::TicketClosed),
        State::Cancelled => Err(Rejection::TicketCancelled),
        State::Queued | State::InProgress | State::Waiting => Ok(()),
    }
}

fn waits_for(work: &Work, reason: WaitingReason) -> bool {
    work.waiting.is_some_and(|waiting| waiting.reason == reason)
}

/// The wait that begins, unless it waits already.
fn begin_wait(work: &Work, reason: WaitingReason, note: &str) -> Option<Event> {
    let stands = work.state == State::Waiting || !work.state.is_open();
    (!stands).then(|| Event::Waiting { reason, note: note.to_owned() })
}

/// The work goes on, if it waited for this.
fn end_wait(work: &Work, reason: WaitingReason) -> Option<Event> {
    waits_for(work, reason).then_some(Event::Resumed { by_reply: false })
}

/// Applies a fact. It cannot fail: what happened cannot be refused.
pub fn evolve(work: &mut Work, step: &Step, happened: &Happened) {
    let known = &mut work.fulfilment;
    match step {
        Step::VendorCaseOpened { .. } | Step::VendorCaseUpdated { .. } | Step::VendorCaseClosed { .. } => {
            vendor::evolve(&mut known.vendor_cases, step, happened);
        }
        Step::ApprovalRequested { .. } | Step::ApprovalDecided { .. } | Step::ApproverReplaced { .. } => {
            approval::evolve(&mut known.approvals, step, happened);
        }
        Step::TaskAdded { .. } | Step::TaskCompleted { .. } | Step::TaskSkipped { .. } => {
            task::evolve(&mut known.tasks, step, happened);
        }
        Step::ItemRequested(requested) => known.requested = Some(requested.clone()),
        Step::ChangePlanned(_) | Step::ChangeStarted | Step::ChangeEnded { .. } => {
            change::evolve(known, step, happened.occurred_at);
        }
    }
}

/// The number after the last.
fn next(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).saturating_add(1)
}
