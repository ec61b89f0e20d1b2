//! What happens to a run, and when it may begin.

use jiff::SignedDuration;
use uuid::Uuid;

use super::{Outcome, Runbook, Value, Word};
use crate::domain::decide::Rejection;
use crate::domain::fulfilment::words::{ApprovalMode, ApprovalState};
use crate::domain::fulfilment::{Refusal as NotFulfilled, Step, approval, open};
use crate::domain::{Actor, Event, Work};

/// Runs of one ticket that are not over.
pub const MOST_UNDER_WAY: i64 = 20;
/// Runs of one ticket, ever.
pub const MOST: i64 = 1_000;
/// Characters of the question that approvers are asked.
const QUESTION: usize = 500;

/// Which run.
pub type RunId = Uuid;

/// One fact of a run on its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// Somebody wants it.
    Requested {
        /// Which.
        run_id: RunId,
        /// What.
        runbook: String,
        /// The same for people.
        title: String,
        /// By whom it is carried out.
        runner: String,
        /// With what.
        parameters: Vec<Value>,
        /// The approval that it waits for; 0: none.
        approval: u32,
    },
    /// Everybody agreed.
    Approved {
        /// Which.
        run_id: RunId,
        /// What.
        runbook: String,
    },
    /// Somebody did not agree.
    Refused {
        /// Which.
        run_id: RunId,
        /// What.
        runbook: String,
        /// Why.
        reason: String,
    },
    /// Its runner began.
    Started {
        /// Which.
        run_id: RunId,
        /// What.
        runbook: String,
        /// Who.
        runner: String,
    },
    /// Somebody wants it ended.
    CancelAsked {
        /// Which.
        run_id: RunId,
        /// What.
        runbook: String,
        /// Why.
        reason: String,
    },
    /// It is over.
    Ended {
        /// Which.
        run_id: RunId,
        /// What.
        runbook: String,
        /// How.
        verdict: Box<Verdict>,
    },
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// In a word.
    pub outcome: Outcome,
    /// What the program said, if it ended by itself.
    pub exit_code: Option<i32>,
    /// The beginning of the output.
    pub head: String,
    /// Its end.
    pub tail: String,
    /// Bytes of output, kept or not.
    pub output_bytes: i64,
    /// Not all of it is kept.
    pub is_truncated: bool,
    /// Why, in words.
    pub reason: String,
    /// How long it ran.
    pub ran_for: SignedDuration,
}

impl Verdict {
    /// Without output.
    pub fn of(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            outcome,
            exit_code: None,
            head: String::new(),
            tail: String::new(),
            output_bytes: 0,
            is_truncated: false,
            reason: reason.into(),
            ran_for: SignedDuration::ZERO,
        }
    }
}

impl Fact {
    /// What happened, in one line.
    pub fn line(&self, one_line: impl Fn(&str) -> String) -> String {
        let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {}", one_line(reason)) };
        match self {
            Self::Requested { runbook, runner, parameters, approval, .. } => {
                let with: Vec<String> = parameters.iter().map(|it| format!("{}={}", it.parameter, it.value)).collect();
                let with =
                    if with.is_empty() { String::new() } else { format!(" with {}", one_line(&with.join(", "))) };
                let waits = if *approval == 0 { String::new() } else { format!("; waits for approval {approval}") };
                format!("runbook {runbook} on {runner}{with}{waits}")
            }
            Self::Approved { runbook, .. } => format!("runbook {runbook} approved"),
            Self::Refused { runbook, reason, .. } => format!("runbook {runbook} is not run{}", because(reason)),
            Self::Started { runbook, runner, .. } => format!("runbook {runbook} begun by {runner}"),
            Self::CancelAsked { runbook, reason, .. } => {
                format!("runbook {runbook} shall be ended{}", because(reason))
            }
            Self::Ended { runbook, verdict, .. } => {
                let code = verdict.exit_code.map_or_else(String::new, |code| format!(", exit code {code}"));
                let cut = if verdict.is_truncated { " (cut)" } else { "" };
                let wrote = match verdict.output_bytes {
                    0 => String::new(),
                    bytes => format!(", {bytes} bytes of output{cut}"),
                };
                let how = verdict.outcome.word().replace('_', " ");
                format!("runbook {runbook} {how}{code}{wrote}{}", because(&verdict.reason))
            }
        }
    }
}

/// Why a runbook is not run, or a run not cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The client's model has no such runbook.
    #[error("the client's support model has no such runbook; `skranke runbook list` shows those it has")]
    UnknownRunbook,
    /// Enough at once.
    #[error("as many runs of this ticket are under way as there may be; wait for one, or cancel one")]
    TooManyUnderWay,
    /// Enough.
    #[error("the ticket has as many runs as there may be; register another ticket for what follows")]
    TooManyRuns,
    /// It is over.
    #[error("the run is over; what it did is done")]
    RunOver,
    /// As for all commands.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

impl Refusal {
    /// The word for machines. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownRunbook => "UNKNOWN_RUNBOOK",
            Self::TooManyUnderWay => "TOO_MANY_UNDER_WAY",
            Self::TooManyRuns => "TOO_MANY_RUNS",
            Self::RunOver => "RUN_OVER",
            Self::Rejected(rejection) => rejection.reason(),
        }
    }
}

/// What starting a runbook on a ticket leads to: it is asked for, and whoever has to agree is asked. Whoever starts it is
/// not asked about it themselves.
///
/// # Errors
/// Why it may not be started.
pub fn start(
    work: &Work,
    requester_email: &str,
    runbook: &Runbook,
    values: Vec<Value>,
    run_id: RunId,
    by: &Actor,
) -> Result<Vec<Event>, Refusal> {
    open(work)?;
    let is_asked = |one: &&String| {
        let is = |other: &str| one.to_lowercase() == other.to_lowercase();
        !is(&by.actor_id) && !is(requester_email)
    };
    let approvers: Vec<String> = runbook.approvers.iter().filter(is_asked).cloned().collect();
    let asked = match (runbook.approvers.is_empty(), approvers.is_empty()) {
        (true, _) => None,
        (false, true) => return Err(Rejection::from(NotFulfilled::ApproversNeeded).into()),
        (false, false) => {
            let mode = if runbook.any_suffices { ApprovalMode::Any } else { ApprovalMode::All };
            let question = question(runbook, &values);
            Some(approval::request(work, &approvers, mode, &question, None, requester_email, by)?)
        }
    };
    let approval = match &asked {
        Some(Event::Fulfilment(Step::ApprovalRequested { number, .. })) => *number,
        _ => 0,
    };
    let requested = Event::Run(Fact::Requested {
        run_id,
        runbook: runbook.runbook.clone(),
        title: runbook.title.clone(),
        runner: runbook.runner.clone(),
        parameters: values,
        approval,
    });
    Ok(std::iter::once(requested).chain(asked).collect())
}

fn question(runbook: &Runbook, values: &[Value]) -> String {
    let with: Vec<String> = values.iter().map(|it| format!("{}={:?}", it.parameter, it.value)).collect();
    let Runbook { runbook: word, title, runner, .. } = runbook;
    let question = format!("run {title} ({word}) on {runner} with {}", with.join(", "));
    let question = if with.is_empty() { format!("run {title} ({word}) on {runner}") } else { question };
    match question.char_indices().nth(QUESTION - 1) {
        Some((end, _)) => format!("{}…", question.get(..end).unwrap_or_default()),
        None => question,
    }
}

/// What an approval makes of a run that waits for it; `None`: it goes on waiting.
pub fn approved(work: &Work, approval: u32, run_id: RunId, runbook: &str) -> Option<Fact> {
    let runbook = runbook.to_owned();
    let known = work.fulfilment.approvals.iter().find(|it| it.number == approval);
    let refused = |reason: &str| Some(Fact::Refused { run_id, runbook: runbook.clone(), reason: reason.to_owned() });
    match known.map(|it| it.state) {
        Some(ApprovalState::Approved) => Some(Fact::Approved { run_id, runbook }),
        Some(ApprovalState::Rejected) => refused("somebody who was asked did not agree"),
        Some(ApprovalState::Pending) if work.state.is_open() => None,
        Some(ApprovalState::Pending) => refused("the ticket is over"),
        Some(ApprovalState::Withdrawn) | None => refused("the approval that it waited for is not there"),
    }
}
