//! What a command may do.

use super::event::Event;
use super::model::{Classification, Sent, SupportModel};
use super::ticket::{Actor, Work};
use super::words::{CancellationReason, Priority, ResolutionCode, State, WaitingReason};

/// What somebody at the desk wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Classify anew. What is not set stays.
    Triage(Reclassification),
    /// Take it.
    Claim,
    /// Give it back to its queue.
    Release,
    /// Send it to another queue.
    HandOver {
        /// Which; must be one of the client's model.
        queue: String,
        /// Why.
        reason: String,
        /// For those who receive it.
        note: String,
    },
    /// Let it stand still.
    Wait {
        /// For what.
        reason: WaitingReason,
        /// In words.
        note: String,
    },
    /// Go on.
    Resume,
    /// Call it resolved.
    Resolve {
        /// How.
        code: ResolutionCode,
        /// The article that helped or was written.
        article_id: String,
        /// Why there is none.
        no_article_reason: String,
        /// In words.
        note: String,
        /// Who approved.
        approver: String,
    },
    /// The requester says that it is solved.
    Confirm,
    /// It came back.
    Reopen {
        /// Why.
        reason: String,
    },
    /// Close it without the requester's word.
    Close,
    /// Withdraw it.
    Cancel {
        /// Why.
        reason: CancellationReason,
        /// The reference of the ticket that stays.
        duplicate_of: String,
        /// Whether `duplicate_of`, if it is set, is another ticket of the same client.
        duplicate_is_known: bool,
        /// In words.
        note: String,
    },
}

/// What a ticket shall be taken for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reclassification {
    /// What is set anew.
    pub sets: Sent,
    /// A priority against the matrix, and its reason.
    pub override_by: Option<(Priority, String)>,
}

/// The command is understood but not allowed as things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Triage has not placed it yet.
    #[error("the ticket is not triaged yet; try again in a moment")]
    NotTriaged,
    /// Only what is resolved can be confirmed or closed.
    #[error("the ticket is not resolved; resolve it first")]
    NotResolved,
    /// It is resolved.
    #[error("the ticket is resolved; reopen it first")]
    TicketResolved,
    /// It is closed for good.
    #[error("the ticket is closed for good; register a new ticket that names this one")]
    TicketClosed,
    /// It is cancelled.
    #[error("the ticket is cancelled; register a new ticket that names this one")]
    TicketCancelled,
    /// Another agent owns it.
    #[error("another agent has claimed the ticket; ask for its release first")]
    AlreadyClaimed,
    /// It waits for something else.
    #[error("the ticket waits for something else already; resume it first")]
    AlreadyWaiting,
    /// It lies there.
    #[error("the ticket lies in this queue already; release it to give it back")]
    SameQueue,
    /// The client's model has no such queue.
    #[error("the client's support model has no such queue")]
    UnknownQueue,
    /// The client's model has no such category.
    #[error("the client's support model has no such category")]
    UnknownCategory,
    /// The category has no such subcategory.
    #[error("the category has no such subcategory")]
    UnknownSubcategory,
    /// Knowledge is part of resolving.
    #[error("name the article that helped or was written, or say why none is needed")]
    ResolutionNeedsArticle,
    /// Giving up costs somebody something.
    #[error("not_economical and not_repairable need an approver")]
    ApproverRequired,
    /// There is no such ticket that could stay.
    #[error("duplicate_of is not the reference of another ticket of this client")]
    UnknownDuplicate,
}

impl Rejection {
    /// The word for machines. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotTriaged => "NOT_TRIAGED",
            Self::NotResolved => "NOT_RESOLVED",
            Self::TicketResolved => "TICKET_RESOLVED",
            Self::TicketClosed => "TICKET_CLOSED",
            Self::TicketCancelled => "TICKET_CANCELLED",
            Self::AlreadyClaimed => "ALREADY_CLAIMED",
            Self::AlreadyWaiting => "ALREADY_WAITING",
            Self::SameQueue => "SAME_QUEUE",
            Self::UnknownQueue => "UNKNOWN_QUEUE",
            Self::UnknownCategory => "UNKNOWN_CATEGORY",
            Self::UnknownSubcategory => "UNKNOWN_SUBCATEGORY",
            Self::ResolutionNeedsArticle => "RESOLUTION_NEEDS_ARTICLE",
            Self::ApproverRequired => "APPROVER_REQUIRED",
            Self::UnknownDuplicate => "UNKNOWN_DUPLICATE",
        }
    }
}

/// The whole of triage's judgement on commands. No events means nothing to do, which is not an error.
///
/// # Errors
/// The rejection, if the command is not allowed as things are.
pub fn decide(work: &Work, command: &Command, by: &Actor, model: &SupportModel) -> Result<Vec<Event>, Rejection> {
    if work.state == State::Registered {
        return Err(Rejection::NotTriaged);
    }
    match command {
        Command::Confirm => return close(work, true),
        Command::Close => return close(work, false),
        Command::Reopen { reason } => return reopen(work, reason),
        Command::Cancel { .. } if work.state == State::Cancelled => return Ok(vec![]),
        Command::Resolve { code, .. } if resolved_as(work, *code) => return Ok(vec![]),
        _ => {}
    }
    match work.state {
        State::Resolved => return Err(Rejection::TicketResolved),
        State::Closed => return Err(Rejection::TicketClosed),
        State::Cancelled => return Err(Rejection::TicketCancelled),
        State::Registered | State::Queued | State::InProgress | State::Waiting => {}
    }
    decide_open(work, command, by, model)
}

/// The commands of the work itself, on a ticket that is open.
fn decide_open(work: &Work, command: &Command, by: &Actor, model: &SupportModel) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Triage(anew) => triage(work, anew, by, model),
        Command::Claim => match &work.owner {
            Some(owner) if *owner == by.actor_id => Ok(vec![]),
            Some(_) => Err(Rejection::AlreadyClaimed),
            None => Ok(vec![Event::Claimed { owner: by.actor_id.clone() }]),
        },
        Command::Release if work.owner.is_none() && work.state != State::InProgress => Ok(vec![]),
        Command::Release => Ok(vec![Event::Released]),
        Command::HandOver { queue, reason, note } => hand_over(work, queue, reason, note, model),
        Command::Wait { reason, note } => match work.waiting {
            Some(waiting) if waiting.reason == *reason => Ok(vec![]),
            Some(_) => Err(Rejection::AlreadyWaiting),
            None => Ok(vec![Event::Waiting { reason: *reason, note: note.clone() }]),
        },
        Command::Resume if work.state == State::Waiting => Ok(vec![Event::Resumed { by_reply: false }]),
        Command::Resolve { code, article_id, no_article_reason, note, approver } => {
            let needs_approver = matches!(code, ResolutionCode::NotEconomical | ResolutionCode::NotRepairable);
            if article_id.is_empty() && no_article_reason.is_empty() {
                return Err(Rejection::ResolutionNeedsArticle);
            }
            if needs_approver && approver.is_empty() {
                return Err(Rejection::ApproverRequired);
            }
            Ok(vec![Event::Resolved {
                code: *code,
                article_id: article_id.clone(),
                no_article_reason: no_article_reason.clone(),
                note: note.clone(),
                approver: approver.clone(),
            }])
        }
        Command::Cancel { duplicate_of, duplicate_is_known, .. } if !duplicate_of.is_empty() && !duplicate_is_known => {
            Err(Rejection::UnknownDuplicate)
        }
        Command::Cancel { reason, duplicate_of, note, .. } => {
            Ok(vec![Event::Cancelled { reason: *reason, duplicate_of: duplicate_of.clone(), note: note.clone() }])
        }
        Command::Resume | Command::Confirm | Command::Reopen { .. } | Command::Close => Ok(vec![]),
    }
}

fn resolved_as(work: &Work, code: ResolutionCode) -> bool {
    work.state == State::Resolved && work.resolution.as_ref().is_some_and(|resolution| resolution.code == code)
}

fn close(work: &Work, confirmed: bool) -> Result<Vec<Event>, Rejection> {
    match work.state {
        State::Resolved => Ok(vec![Event::Closed { confirmed }]),
        State::Closed => Ok(vec![]),
        State::Cancelled => Err(Rejection::TicketCancelled),
        State::Registered | State::Queued | State::InProgress | State::Waiting => Err(Rejection::NotResolved),
    }
}

/// What is open needs no reopening: that is nothing to do.
fn reopen(work: &Work, reason: &str) -> Result<Vec<Event>, Rejection> {
    match work.state {
        State::Resolved => Ok(vec![Event::Reopened { reason: reason.to_owned() }]),
        State::Closed => Err(Rejection::TicketClosed),
        State::Cancelled => Err(Rejection::TicketCancelled),
        State::Registered | State::Queued | State::InProgress | State::Waiting => Ok(vec![]),
    }
}

/// A ticket that waits goes on waiting in its new queue: what it waits for has not come.
fn hand_over(
    work: &Work,
    queue: &str,
    reason: &str,
    note: &str,
    model: &SupportModel,
) -> Result<Vec<Event>, Rejection> {
    let place = model.queue(queue, "").ok_or(Rejection::UnknownQueue)?;
    if work.placement.queue == queue {
        return if work.owner.is_none() { Ok(vec![]) } else { Err(Rejection::SameQueue) };
    }
    Ok(vec![Event::HandedOver {
        from_queue: work.placement.queue.clone(),
        from_tier: work.placement.tier,
        queue: place.queue,
        tier: place.tier,
        reason: reason.to_owned(),
        note: note.to_owned(),
    }])
}

/// What is not set stays. Setting impact or urgency, even to what it is, asks the matrix again and so ends an override.
fn triage(work: &Work, anew: &Reclassification, by: &Actor, model: &SupportModel) -> Result<Vec<Event>, Rejection> {
    let now = &work.classification;
    let sets = &anew.sets;
    let (category, subcategory) = categories(now, sets, model)?;
    let impact = sets.impact.unwrap_or(now.impact);
    let urgency = sets.urgency.unwrap_or(now.urgency);
    let (priority, priority_rule, model_version) = if let Some((priority, reason)) = &anew.override_by {
        (*priority, format!("override by {}: {reason}", by.actor_id), model.version)
    } else if sets.impact.is_some() || sets.urgency.is_some() {
        let (priority, rule) = model.priority(impact, urgency);
        (priority, rule, model.version)
    } else {
        (now.priority, now.priority_rule.clone(), now.model_version)
    };
    let kind = sets.kind.unwrap_or(now.kind);
    let classification =
        Classification { kind, category, subcategory, impact, urgency, priority, priority_rule, model_version };
    if classification == *now {
        return Ok(vec![]);
    }
    Ok(vec![Event::Triaged { classification, placement: None }])
}

/// The category and subcategory to be. A subcategory that the new category does not have falls away.
fn categories(now: &Classification, sets: &Sent, model: &SupportModel) -> Result<(String, String), Rejection> {
    let category = if sets.category.is_empty() || sets.category == now.category {
        now.category.clone()
    } else {
        model.category(&sets.category).ok_or(Rejection::UnknownCategory)?.category.clone()
    };
    let listed = |name: &str| model.category(&category).and_then(|known| known.subcategory(name));
    let is_the_same = sets.subcategory == now.subcategory && category == now.category;
    if !sets.subcategory.is_empty() && !is_the_same {
        let subcategory = listed(&sets.subcategory).ok_or(Rejection::UnknownSubcategory)?;
        return Ok((category, subcategory));
    }
    let subcategory =
        if category == now.category { now.subcategory.clone() } else { listed(&now.subcategory).unwrap_or_default() };
    Ok((category, subcategory))
}
