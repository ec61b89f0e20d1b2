//! What can happen to a ticket, and what it makes of it.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::fulfilment;
use super::model::{Classification, Placement};
use super::monitored;
use super::ticket::{Actor, Callback, Handling, Resolution, Waiting, Work};
use super::words::{AssignmentWay, CancellationReason, LapseReason, ResolutionCode, State, SwarmKind, WaitingReason};
use super::{relation, swarm};

/// One fact about the work on a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Kind, category, priority were decided, at first or anew.
    Triaged {
        /// What it is taken for.
        classification: Classification,
        /// Set the first time.
        placement: Option<Placement>,
    },
    /// An agent took it.
    Claimed {
        /// Who.
        owner: String,
    },
    /// The agent gave it back.
    Released,
    /// It went to another queue.
    HandedOver {
        /// Where it was.
        from_queue: String,
        /// The tier it was in.
        from_tier: i32,
        /// Where it is.
        queue: String,
        /// The tier it is in.
        tier: i32,
        /// Why.
        reason: String,
        /// For those who receive it.
        note: String,
        /// It goes back because too little is known.
        insufficient_information: bool,
        /// Somebody is there to receive it.
        warm: bool,
    },
    /// It was given to an agent.
    Assigned {
        /// Whom.
        owner: String,
        /// How they were found.
        way: AssignmentWay,
        /// In words; may be empty.
        reason: String,
    },
    /// The owner is no longer there: the work is back with the position.
    ClaimLapsed {
        /// Whose claim it was.
        owner: String,
        /// Why.
        reason: LapseReason,
        /// What changed since it was made.
        summary: String,
    },
    /// The requester will be called.
    CallbackPromised {
        /// Until when.
        due_at: Timestamp,
        /// Why.
        reason: String,
    },
    /// The requester was called.
    CalledBack {
        /// What was said.
        note: String,
    },
    /// Somebody was asked to help.
    SwarmInvited {
        /// Who.
        agent: String,
        /// With what.
        note: String,
    },
    /// Somebody helps.
    SwarmJoined {
        /// Who.
        agent: String,
        /// What for, if it is the first.
        kind: SwarmKind,
    },
    /// Somebody helps no longer.
    SwarmLeft {
        /// Who.
        agent: String,
    },
    /// Of vendors, approvals, tasks, the catalogue, changes.
    Fulfilment(fulfilment::Step),
    /// What monitoring tells of it.
    Monitored(monitored::Monitored),
    /// What binds it to other tickets.
    Tied(relation::Fact),
    /// What happens by itself when nobody answers.
    Closing(super::closing::Step),
    /// Of runbooks.
    Run(super::runbook::Fact),
    /// Something has passed its time.
    Overdue(super::overdue::Step),
    /// Something was written down for those who work on it.
    Noted {
        /// In words.
        text: String,
    },
    /// What agents keep on it.
    Workspace(super::workspace::Step),
    /// Something that a newer version of triage has written.
    Unknown,
    /// The work stands still.
    Waiting {
        /// For what.
        reason: WaitingReason,
        /// In words.
        note: String,
    },
    /// The work goes on.
    Resumed {
        /// Because the requester replied.
        by_reply: bool,
    },
    /// The matter is resolved.
    Resolved {
        /// How.
        code: ResolutionCode,
        /// The article that helped or was written; may be empty.
        article_id: String,
        /// Why there is none; may be empty.
        no_article_reason: String,
        /// In words.
        note: String,
        /// Who approved of it, where that is needed.
        approver: String,
    },
    /// The matter came back.
    Reopened {
        /// Why.
        reason: String,
    },
    /// The ticket is closed for good.
    Closed {
        /// The requester confirmed.
        confirmed: bool,
    },
    /// The ticket is withdrawn.
    Cancelled {
        /// Why.
        reason: CancellationReason,
        /// The reference of the ticket that stays; may be empty.
        duplicate_of: String,
        /// In words.
        note: String,
    },
}

/// An event with its circumstances: one entry of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Unique for ever.
    pub event_id: Uuid,
    /// 1, 2, 3 … in the order in which triage learned of it.
    pub revision: u64,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// When triage learned of it.
    pub recorded_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The command or event that led to it.
    pub cause_id: String,
    /// What.
    pub event: Event,
}

/// Applies a fact. It cannot fail: what happened cannot be refused.
///
/// Facts that make no sense in their state (imported history has them) are kept in the history and change no more than
/// they can: a closed ticket stays closed when a wait begins, and so on.
pub fn evolve(mut work: Work, happened: &Happened) -> Work {
    work.revision = work.revision.max(happened.revision);
    work.changed_at = work.changed_at.max(happened.occurred_at);
    let tier = work.placement.tier;
    become_other(&mut work, happened);
    if work.placement.tier != tier {
        work.handling = Handling { handled_for: SignedDuration::ZERO, since_at: None };
        work.time_box_overrun_at = None;
    }
    let at = happened.occurred_at;
    match (work.state == State::InProgress, work.handling.since_at) {
        (true, None) => work.handling.since_at = Some(at),
        (false, Some(_)) => work.handling = Handling { handled_for: work.handling.until(at), since_at: None },
        (true, Some(_)) | (false, None) => {}
    }
    work
}

fn become_other(work: &mut Work, happened: &Happened) {
    match &happened.event {
        Event::Triaged { classification, placement } => triage(work, classification, placement.as_ref()),
        Event::Claimed { owner } | Event::Assigned { owner, .. } => take(work, owner, happened.occurred_at),
        Event::Released => give_back(work),
        Event::ClaimLapsed { owner, .. } => {
            if work.owner.as_ref() == Some(owner) {
                give_back(work);
            }
        }
        Event::HandedOver { queue, tier, insufficient_information, .. } => {
            let rule = format!("handed over by {}", happened.actor.actor_id);
            hand_over(work, Placement { queue: queue.clone(), tier: *tier, rule }, *insufficient_information);
        }
        Event::CallbackPromised { due_at, .. } if work.state.is_open() => {
            work.callback = Some(Callback { promised_at: happened.occurred_at, due_at: *due_at });
        }
        Event::CalledBack { .. } => work.callback = None,
        Event::SwarmInvited { agent, .. } => swarm::invited(work, agent, happened.occurred_at),
        Event::SwarmJoined { agent, kind } => swarm::joined(work, agent, *kind, happened.occurred_at),
        Event::SwarmLeft { agent } => swarm::left(work, agent, happened.occurred_at),
        Event::Fulfilment(step) => fulfilment::evolve(work, step, happened),
        Event::Workspace(step) => super::workspace::evolve(work, step),
        Event::Overdue(step) => super::overdue::evolve(work, step),
        Event::Waiting { reason, .. } if work.state.is_open() => {
            work.state = State::Waiting;
            work.waiting = Some(Waiting { reason: *reason, since_at: happened.occurred_at });
        }
        Event::Tied(fact) => relation::become_tied(work, fact, happened),
        Event::Resumed { .. } if work.ties.merged.is_some() => relation::resume_aside(work),
        Event::Resumed { .. } if work.state == State::Waiting => {
            work.state = if work.owner.is_some() { State::InProgress } else { State::Queued };
            work.waiting = None;
        }
        // What another system tells of a merged ticket changes nothing until the merge is undone.
        Event::Resolved { .. } | Event::Reopened { .. } if work.ties.merged.is_some() => {}
        Event::Resolved { code, note, .. } => resolve(work, *code, note, happened.occurred_at),
        Event::Reopened { .. } if !work.state.is_open() => {
            work.state = State::InProgress;
            work.resolution = None;
            work.closed_at = None;
            work.reopenings = work.reopenings.saturating_add(1);
        }
        Event::Closed { .. } => {
            if end(work, State::Closed) {
                work.closed_at = work.closed_at.or(Some(happened.occurred_at));
            }
        }
        Event::Cancelled { .. } => {
            end(work, State::Cancelled);
        }
        Event::Waiting { .. }
        | Event::Resumed { .. }
        | Event::Reopened { .. }
        | Event::CallbackPromised { .. }
        | Event::Monitored(_)
        | Event::Closing(_)
        | Event::Run(_)
        | Event::Noted { .. }
        | Event::Unknown => {}
    }
}

fn triage(work: &mut Work, classification: &Classification, placement: Option<&Placement>) {
    work.classification = classification.clone();
    if let Some(placement) = placement {
        work.placement = placement.clone();
    }
    if work.state == State::Registered {
        work.state = State::Queued;
    }
}

fn resolve(work: &mut Work, code: ResolutionCode, note: &str, resolved_at: Timestamp) {
    work.resolution = Some(Resolution { code, note: note.to_owned(), resolved_at });
    end(work, State::Resolved);
}

fn take(work: &mut Work, owner: &str, at: Timestamp) {
    work.owner = Some(owner.to_owned());
    swarm::owner_joins(work, owner, at);
    if matches!(work.state, State::Registered | State::Queued) {
        work.state = State::InProgress;
    }
}

fn hand_over(work: &mut Work, to: Placement, insufficient_information: bool) {
    if to.queue == work.came_from {
        work.ping_pongs = work.ping_pongs.saturating_add(1);
    }
    work.came_from = std::mem::replace(&mut work.placement, to).queue;
    work.hand_overs = work.hand_overs.saturating_add(1);
    work.returns = work.returns.saturating_add(u32::from(insufficient_information));
    give_back(work);
}

/// Nobody owns it any more; it lies in its queue unless it waits or is over.
fn give_back(work: &mut Work) {
    work.owner = None;
    if work.state == State::InProgress {
        work.state = State::Queued;
    }
}

/// Ends the work, unless it has ended for good already. Returns whether the state is the wanted one.
fn end(work: &mut Work, state: State) -> bool {
    if !matches!(work.state, State::Closed | State::Cancelled) {
        work.state = state;
        work.waiting = None;
        work.callback = None;
    }
    work.state == state
}

/// The work that a history makes, whatever the order in which triage learned of it.
pub fn fold(registered_at: Timestamp, history: &[Happened]) -> Work {
    let mut in_order: Vec<&Happened> = history.iter().collect();
    in_order.sort_by_key(|happened| (happened.occurred_at, happened.revision));
    in_order.into_iter().fold(Work::registered(registered_at), evolve)
}
