//! What a command may do.

use jiff::Timestamp;

use super::assign::Loads;
use super::event::Event;
use super::model::{Classification, Sent, SupportModel};
use super::ticket::{Actor, Work};
use super::words::{AssignmentWay, CancellationReason, Channel, Priority, ResolutionCode, State, WaitingReason};
use super::{fulfilment, hand_over, swarm};

/// What somebody at the desk wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Classify anew. What is not set stays.
    Triage(Reclassification),
    /// Vendors, approvals, tasks, changes.
    Fulfilment(fulfilment::Errand),
    /// Tags, watchers, time worked.
    Workspace(super::workspace::Errand),
    /// Take it.
    Claim,
    /// Give it back to its queue.
    Release,
    /// Give it to an agent.
    Assign {
        /// Whom.
        owner: String,
        /// In words.
        reason: String,
    },
    /// Send it back to where it came from: too little is known.
    Return {
        /// What is missing.
        reason: String,
        /// For those who get it back.
        note: String,
    },
    /// The requester was called.
    CallBack {
        /// What was said.
        note: String,
    },
    /// Help the owner.
    JoinSwarm,
    /// Ask somebody to help.
    InviteToSwarm {
        /// Whom.
        agent: String,
        /// With what.
        note: String,
    },
    /// Help no longer.
    LeaveSwarm,
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

/// What a decision goes by, besides the work itself.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    /// The client's model.
    pub model: &'a SupportModel,
    /// Now.
    pub at: Timestamp,
    /// What those who come into question have on the table.
    pub loads: &'a Loads,
    /// Whoever asks may decide for others.
    pub is_lead: bool,
    /// The desk has asked the requester something since they wrote last.
    pub is_asked: bool,
    /// There is somebody who can be called.
    pub has_requester: bool,
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
    /// Nobody approves of their own giving up.
    #[error("the approver must be somebody else than the one who resolves")]
    ApproverIsResolver,
    /// A wait for an answer needs its question.
    #[error("nobody has asked the requester anything; write to them first, or say in the note what they were asked")]
    QuestionNeeded,
    /// The agent has enough on the table.
    #[error("the agent has as many tickets of this queue in progress as it allows; finish or release one first")]
    WorkLimitReached,
    /// The agent does not know what the queue asks for.
    #[error("the queue asks for skills that the support model does not give this agent")]
    SkillMissing,
    /// The queue is for its positions only.
    #[error("the queue is confidential: only agents of its positions work there")]
    Confidential,
    /// The client's model names agents, and not this one.
    #[error("the client's support model has no such agent")]
    UnknownAgent,
    /// The agent is away.
    #[error("the agent is absent by the roster; choose somebody who is there")]
    AgentAbsent,
    /// Only leads decide for others.
    #[error("only a lead gives tickets to others; claim it for yourself")]
    LeadNeeded,
    /// There is nowhere to send it back to.
    #[error("the ticket has come from no other queue; hand it over instead")]
    NothingToReturnTo,
    /// The owner keeps it.
    #[error("the queue swarms: its owner keeps a ticket to the end; invite others, or let a lead hand it over")]
    SwarmKeepsOwner,
    /// The queue works in tiers.
    #[error("only P1 tickets and queues of mode swarm have swarms; hand it over instead")]
    NotSwarming,
    /// A swarm helps an owner.
    #[error("nobody owns the ticket; claim it first")]
    NotClaimed,
    /// Only members invite.
    #[error("only the owner and members of the swarm invite; join it first")]
    NotInSwarm,
    /// Enough.
    #[error("the swarm has as many members as there may be")]
    SwarmFull,
    /// Others speak for the tier.
    #[error(
        "agents of this tier speak to requesters through the front queue that the ticket names (contact_through): \
         leave a note for it, or hand the ticket over"
    )]
    ContactThroughFront,
    /// The tier does not use it.
    #[error(
        "the tier does not speak to requesters over this channel; use one of its channels, or hand the ticket over"
    )]
    ChannelNotOfTier,
    /// Of vendors, approvals, tasks, changes.
    #[error(transparent)]
    Fulfilment(#[from] fulfilment::Refusal),
    /// Of tags, watchers, time worked.
    #[error(transparent)]
    Workspace(#[from] super::workspace::Refusal),
    /// The owner is in it to the end.
    #[error("the owner stays in the swarm; release the ticket instead")]
    OwnerStays,
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
            Self::ApproverIsResolver => "APPROVER_IS_RESOLVER",
            Self::QuestionNeeded => "QUESTION_NEEDED",
            Self::WorkLimitReached => "WORK_LIMIT_REACHED",
            Self::SkillMissing => "SKILL_MISSING",
            Self::Confidential => "CONFIDENTIAL",
            Self::UnknownAgent => "UNKNOWN_AGENT",
            Self::AgentAbsent => "AGENT_ABSENT",
            Self::LeadNeeded => "LEAD_NEEDED",
            Self::NothingToReturnTo => "NOTHING_TO_RETURN_TO",
            Self::SwarmKeepsOwner => "SWARM_KEEPS_OWNER",
            Self::NotSwarming => "NOT_SWARMING",
            Self::NotClaimed => "NOT_CLAIMED",
            Self::NotInSwarm => "NOT_IN_SWARM",
            Self::SwarmFull => "SWARM_FULL",
            Self::OwnerStays => "OWNER_STAYS",
            Self::ContactThroughFront => "CONTACT_THROUGH_FRONT",
            Self::ChannelNotOfTier => "CHANNEL_NOT_OF_TIER",
            Self::Fulfilment(refusal) => refusal.reason(),
            Self::Workspace(refusal) => refusal.reason(),
        }
    }
}

/// The whole of triage's judgement on commands. No events means nothing to do, which is not an error.
///
/// # Errors
/// The rejection, if the command is not allowed as things are.
pub fn decide(work: &Work, command: &Command, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    if work.state == State::Registered {
        return Err(Rejection::NotTriaged);
    }
    match command {
        Command::Fulfilment(errand) => return fulfilment::decide(work, errand, by, around),
        Command::Workspace(errand) => return super::workspace::decide(work, errand, by, around),
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
    decide_open(work, command, by, around)
}

/// The commands of the work itself, on a ticket that is open.
fn decide_open(work: &Work, command: &Command, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    match command {
        Command::Triage(anew) => triage(work, anew, by, around.model),
        Command::Claim => claim(work, by, around),
        Command::Assign { owner, reason } => assign(work, owner, reason, by, around),
        Command::Release if work.owner.is_none() && work.state != State::InProgress => Ok(vec![]),
        Command::Release => Ok(vec![Event::Released]),
        Command::HandOver { queue, reason, note } => hand_over::to(work, queue, reason, note, around),
        Command::Return { reason, note } => hand_over::back(work, reason, note, around),
        Command::CallBack { note } => {
            super::contact::may_speak(work, by, Some(Channel::Phone), around)?;
            Ok(work.callback.map(|_| Event::CalledBack { note: note.clone() }).into_iter().collect())
        }
        Command::JoinSwarm => swarm::join(work, by, around),
        Command::InviteToSwarm { agent, note } => swarm::invite(work, agent, note, by, around),
        Command::LeaveSwarm => swarm::leave(work, by),
        Command::Wait { reason, note } => wait(work, *reason, note, by, around),
        Command::Resume if work.state == State::Waiting => Ok(vec![Event::Resumed { by_reply: false }]),
        Command::Resolve { code, article_id, no_article_reason, note, approver } => {
            fulfilment::may_resolve(work)?;
            let needs_approver = matches!(code, ResolutionCode::NotEconomical | ResolutionCode::NotRepairable);
            if article_id.is_empty() && no_article_reason.is_empty() {
                return Err(Rejection::ResolutionNeedsArticle);
            }
            if needs_approver && approver.is_empty() {
                return Err(Rejection::ApproverRequired);
            }
            if needs_approver && *approver == by.actor_id {
                return Err(Rejection::ApproverIsResolver);
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
        Command::Workspace(_)
        | Command::Fulfilment(_)
        | Command::Resume
        | Command::Confirm
        | Command::Reopen { .. }
        | Command::Close => Ok(vec![]),
    }
}

fn claim(work: &Work, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    match &work.owner {
        Some(owner) if *owner == by.actor_id => Ok(vec![]),
        Some(_) => Err(Rejection::AlreadyClaimed),
        None => {
            around.model.may_take(&work.placement.queue, &by.actor_id, around.loads)?;
            Ok(vec![Event::Claimed { owner: by.actor_id.clone() }])
        }
    }
}

/// A lead gives it to whom they want, also from another; everybody else takes it for themselves if it is free.
fn assign(work: &Work, owner: &str, reason: &str, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    if work.owner.as_deref() == Some(owner) {
        return Ok(vec![]);
    }
    if owner != by.actor_id && !around.is_lead {
        return Err(Rejection::LeadNeeded);
    }
    if work.owner.is_some() && !around.is_lead {
        return Err(Rejection::AlreadyClaimed);
    }
    around.model.knows(owner, around.at)?;
    around.model.may_take(&work.placement.queue, owner, around.loads)?;
    Ok(vec![Event::Assigned { owner: owner.to_owned(), way: AssignmentWay::Manual, reason: reason.to_owned() }])
}

/// Whoever waits for the requester has asked them something: in writing, or as the note tells.
fn wait(
    work: &Work,
    reason: WaitingReason,
    note: &str,
    by: &Actor,
    around: &Around<'_>,
) -> Result<Vec<Event>, Rejection> {
    // The note tells that somebody has asked: by word of mouth, if not in writing.
    let has_spoken = reason == WaitingReason::Requester && !around.is_asked && work.waiting.is_none();
    if has_spoken && !note.is_empty() {
        super::contact::may_speak(work, by, None, around)?;
    }
    match work.waiting {
        Some(waiting) if waiting.reason == reason => Ok(vec![]),
        Some(_) => Err(Rejection::AlreadyWaiting),
        None if reason == WaitingReason::Requester && note.is_empty() && !around.is_asked => {
            Err(Rejection::QuestionNeeded)
        }
        None => Ok(vec![Event::Waiting { reason, note: note.to_owned() }]),
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
