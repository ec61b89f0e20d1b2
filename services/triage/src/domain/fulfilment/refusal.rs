//! Why something is not allowed as things are.

/// The errand is understood but not allowed as things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The client's model has no such vendor.
    #[error("the client's support model has no such vendor; `skranke vendor list` shows those it has")]
    UnknownVendor,
    /// There is one already.
    #[error("a case of this vendor is open; update it, or close it first")]
    VendorCaseOpen,
    /// There is none.
    #[error("no case of this vendor is open on the ticket; open one first")]
    NoVendorCase,
    /// Enough.
    #[error("the ticket has as many of these as there may be; register another ticket for what follows")]
    TooMany,
    /// There is no such approval.
    #[error("the ticket has no such approval; look at its approvals")]
    UnknownApproval,
    /// Several wait for the same person.
    #[error("several approvals of the ticket wait for you; say which by its number")]
    WhichApproval,
    /// It is none of theirs.
    #[error("you are not asked; whoever is asked decides, or a lead asks you instead of them")]
    NotAsked,
    /// Once is for good.
    #[error("you have decided otherwise, and a decision is final; ask for a new approval")]
    DecisionFinal,
    /// It is decided.
    #[error("the approval is over; ask for a new one if it is still needed")]
    ApprovalOver,
    /// Nobody approves of their own wish.
    #[error("nobody approves of what they asked for themselves; name somebody else")]
    OwnRequest,
    /// They are asked already.
    #[error("this person is asked already; name somebody else")]
    AskedAlready,
    /// It lies in the past.
    #[error("the answer is wanted at a time that is over; choose a later one")]
    DueIsPast,
    /// There is no such task.
    #[error("the ticket has no such task; look at its tasks")]
    UnknownTask,
    /// Others come before it.
    #[error("tasks that come before it are still open; end or skip them first")]
    TaskNotReady,
    /// It has ended otherwise.
    #[error("the task has ended otherwise; add a new one if it has to be done after all")]
    TaskOver,
    /// There is something left to do.
    #[error("tasks of the ticket are still open; complete them, or skip them and say why")]
    OpenTasks,
    /// The ticket is something else.
    #[error("the ticket is of another kind; triage it as a change first")]
    NotAChange,
    /// The client's model has no such template.
    #[error("the client's support model has no such template; plan it as a normal change")]
    UnknownTemplate,
    /// It cannot be judged.
    #[error("say what will be done and how it is undone: plan and back_out_plan")]
    PlanNeeded,
    /// Nobody is asked.
    #[error("name who approves; the client's support model names nobody else than yourself")]
    ApproversNeeded,
    /// It is over.
    #[error("the window is over before it begins; choose a later one")]
    WindowIsPast,
    /// Nothing is planned.
    #[error("no change is planned on the ticket; plan it first")]
    NoChange,
    /// It has begun.
    #[error("the change is under way; end it first")]
    ChangeUnderWay,
    /// It has ended.
    #[error("the change is over; register a new ticket for another one")]
    ChangeOver,
    /// It has not begun.
    #[error("the change has not begun; start it first")]
    ChangeNotStarted,
    /// It is not the time.
    #[error("now is outside of the change's window; wait for it, or plan the change anew")]
    OutsideWindow,
    /// Somebody has not agreed.
    #[error("the change is not approved; wait for the approval, or plan the change anew")]
    NotApproved,
}

impl Refusal {
    /// The word for machines. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownVendor => "UNKNOWN_VENDOR",
            Self::VendorCaseOpen => "VENDOR_CASE_OPEN",
            Self::NoVendorCase => "NO_VENDOR_CASE",
            Self::TooMany => "TOO_MANY",
            Self::UnknownApproval => "UNKNOWN_APPROVAL",
            Self::WhichApproval => "WHICH_APPROVAL",
            Self::NotAsked => "NOT_ASKED",
            Self::DecisionFinal => "DECISION_FINAL",
            Self::ApprovalOver => "APPROVAL_OVER",
            Self::OwnRequest => "OWN_REQUEST",
            Self::AskedAlready => "ASKED_ALREADY",
            Self::DueIsPast => "DUE_IS_PAST",
            Self::UnknownTask => "UNKNOWN_TASK",
            Self::TaskNotReady => "TASK_NOT_READY",
            Self::TaskOver => "TASK_OVER",
            Self::OpenTasks => "OPEN_TASKS",
            Self::NotAChange => "NOT_A_CHANGE",
            Self::UnknownTemplate => "UNKNOWN_TEMPLATE",
            Self::PlanNeeded => "PLAN_NEEDED",
            Self::ApproversNeeded => "APPROVERS_NEEDED",
            Self::WindowIsPast => "WINDOW_IS_PAST",
            Self::NoChange => "NO_CHANGE",
            Self::ChangeUnderWay => "CHANGE_UNDER_WAY",
            Self::ChangeOver => "CHANGE_OVER",
            Self::ChangeNotStarted => "CHANGE_NOT_STARTED",
            Self::OutsideWindow => "OUTSIDE_WINDOW",
            Self::NotApproved => "NOT_APPROVED",
        }
    }
}
