//! What commands about several tickets may do.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Fact, News, Other};
use crate::domain::event::Event;
use crate::domain::model::SupportModel;
use crate::domain::ticket::{Ticket, Work};
use crate::domain::words::{Kind, Priority, RelationKind, State};

/// Relations that one ticket may name, and children that it may have.
pub const MOST_NAMED: i64 = 200;
/// Tickets that may name one ticket in one way.
pub const MOST_NAMING: i64 = 20_000;

/// What somebody at the desk wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say what it is to another one.
    Link {
        /// What.
        kind: RelationKind,
        /// In words.
        note: String,
    },
    /// Say so no longer.
    Unlink {
        /// What.
        kind: RelationKind,
    },
    /// End it as part of another one.
    Merge {
        /// In words.
        note: String,
    },
    /// Undo that.
    Unmerge {
        /// Why.
        reason: String,
    },
    /// Make it the parent of all that one failure hits.
    DeclareMajor {
        /// What an hour costs.
        severity: Priority,
        /// What is down.
        services: Vec<String>,
        /// How many are hit.
        affected_users: u32,
        /// Since when; `None`: since the registration.
        impaired_from: Option<Timestamp>,
    },
    /// Make many its children.
    Attach,
    /// Tell the requesters of all children.
    PushStatus {
        /// What.
        text: String,
        /// Until when they will be told more.
        next_update_due_at: Option<Timestamp>,
    },
    /// Correct whom it hit, and when.
    AmendMajor {
        /// How many.
        affected_users: Option<u32>,
        /// Since when.
        impaired_from: Option<Timestamp>,
        /// Until when.
        impaired_until: Option<Timestamp>,
        /// Why.
        reason: String,
    },
    /// It is over.
    EndMajor {
        /// Since when; `None`: now.
        impaired_until: Option<Timestamp>,
        /// In words.
        note: String,
    },
    /// Say why it keeps happening.
    RecordRootCause {
        /// Why.
        root_cause: String,
        /// What helps meanwhile.
        workaround: String,
    },
    /// Say where it is described.
    DeclareKnownError {
        /// Where.
        article_id: String,
        /// In words.
        note: String,
    },
    /// Make the tickets of a proposal its instances.
    Accept {
        /// Of which.
        proposal_id: Uuid,
    },
}

/// How another ticket stands to the one of the command.
#[derive(Debug, Clone)]
pub struct Neighbour {
    /// The other one. Of a merge: the one at the end of the chain.
    pub ticket: Ticket,
    /// Whether it is related in this way already.
    pub is_linked: bool,
    /// Whether it is below the ticket, or the ticket itself: a link to it as parent would be a cycle.
    pub is_below: bool,
    /// Whether it has a parent other than the one that it would get.
    pub has_parent: bool,
    /// How many relations it names.
    pub names: i64,
}

/// What a decision goes by.
#[derive(Debug, Clone)]
pub struct Around<'a> {
    /// The client's model.
    pub model: &'a SupportModel,
    /// Now.
    pub at: Timestamp,
    /// The other tickets of the command.
    pub others: &'a [Neighbour],
    /// Whether the ticket of the command has a parent already, other than the one that it would get.
    pub has_parent: bool,
    /// How many relations the ticket names.
    pub names: i64,
    /// How many name the ticket that is linked to, in this way.
    pub naming: i64,
}

/// The command is understood but not allowed as things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Nothing is its own child.
    #[error("a ticket cannot be bound to itself; name another one")]
    SameTicket,
    /// One parent.
    #[error("the ticket has a parent already; unlink it first")]
    HasParent,
    /// A child of itself in the end.
    #[error("the other ticket is below this one; that would go in a circle")]
    Circle,
    /// Enough.
    #[error("there are as many relations as there may be; unlink some first")]
    TooManyRelations,
    /// Merges are made and undone by their own commands.
    #[error("a merge is made by merging and undone by undoing it")]
    MergeOnly,
    /// Only problems have instances.
    #[error("the ticket is no problem; set its kind to problem first")]
    NotAProblem,
    /// Problems are no instances.
    #[error("a problem is no instance of another one; link it as related")]
    ProblemAsInstance,
    /// It is merged into another one.
    #[error("the ticket is merged into another one; undo that first")]
    AlreadyMerged,
    /// There is no merge to undo.
    #[error("the ticket is not merged into another one")]
    NotMerged,
    /// It would go into what is over.
    #[error("the ticket that would stay is closed or cancelled; choose one that is open")]
    TargetIsOver,
    /// Nobody declared it.
    #[error("the ticket is no major incident; declare it first")]
    NotMajor,
    /// It is over.
    #[error("the major incident is over; declare it anew")]
    MajorIsOver,
    /// It is below another one.
    #[error("the ticket is a child of another one; declare that one, or unlink it first")]
    ChildOfAnother,
    /// Before it began, or to come.
    #[error("the impairment must begin before it ends, and both lie in the past")]
    ImpairedBackwards,
    /// Promised for the past.
    #[error("the next update must be due in the future")]
    DueInThePast,
    /// Somebody else decided.
    #[error("the proposal is decided already")]
    ProposalDecided,
}

impl Rejection {
    /// The word for machines. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::SameTicket => "SAME_TICKET",
            Self::HasParent => "HAS_PARENT",
            Self::Circle => "RELATION_CIRCLE",
            Self::TooManyRelations => "TOO_MANY_RELATIONS",
            Self::MergeOnly => "MERGE_ONLY",
            Self::NotAProblem => "NOT_A_PROBLEM",
            Self::ProblemAsInstance => "PROBLEM_AS_INSTANCE",
            Self::AlreadyMerged => "ALREADY_MERGED",
            Self::NotMerged => "NOT_MERGED",
            Self::TargetIsOver => "TARGET_IS_OVER",
            Self::NotMajor => "NOT_MAJOR",
            Self::MajorIsOver => "MAJOR_IS_OVER",
            Self::ChildOfAnother => "CHILD_OF_ANOTHER",
            Self::ImpairedBackwards => "IMPAIRED_BACKWARDS",
            Self::DueInThePast => "DUE_IN_THE_PAST",
            Self::ProposalDecided => "PROPOSAL_DECIDED",
        }
    }
}

type Outcome<E> = Result<Vec<(Uuid, Event)>, E>;

/// What a command does, to which tickets. Nothing means nothing to do, which is not an error.
///
/// # Errors
/// The rejection, if the command is not allowed as things are.
pub fn decide<E: From<Rejection> + From<crate::domain::Rejection>>(
    ticket: &Ticket,
    command: &Command,
    around: &Around<'_>,
) -> Outcome<E> {
    let facts = match command {
        Command::Link { kind, note } => return link(ticket, *kind, note, around).map_err(E::from),
        Command::Unlink { kind: RelationKind::MergedInto } => return Err(Rejection::MergeOnly.into()),
        Command::Unlink { kind } => {
            let linked = around.others.iter().filter(|other| other.is_linked);
            linked.map(|other| Fact::Unlinked { kind: *kind, other: named(&other.ticket) }).collect()
        }
        Command::Merge { note } => merge::<E>(ticket, note, around)?,
        Command::Unmerge { reason } => return Ok(unmerge(ticket, reason, around)?),
        Command::Attach => return attach(ticket, around).map_err(E::from),
        Command::Accept { .. } => return accept(ticket, around).map_err(E::from),
        Command::RecordRootCause { root_cause, workaround } => {
            let known = problem(ticket)?.is_some_and(|it| (&it.root_cause, &it.workaround) == (root_cause, workaround));
            let fact = Fact::RootCauseRecorded { root_cause: root_cause.clone(), workaround: workaround.clone() };
            (!known).then_some(fact).into_iter().collect()
        }
        Command::DeclareKnownError { article_id, note } => {
            let known = problem(ticket)?.is_some_and(|it| it.article_id == *article_id);
            let fact = Fact::KnownErrorDeclared { article_id: article_id.clone(), note: note.clone() };
            (!known).then_some(fact).into_iter().collect()
        }
        _ => major::<E>(ticket, command, around)?,
    };
    Ok(facts.into_iter().map(|fact| (ticket.ticket_id, Event::Tied(fact))).collect())
}

fn named(ticket: &Ticket) -> Other {
    Other { ticket_id: ticket.ticket_id, reference: ticket.matter.reference.clone() }
}

fn problem(ticket: &Ticket) -> Result<Option<&super::Problem>, Rejection> {
    if ticket.work.classification.kind != Kind::Problem {
        return Err(Rejection::NotAProblem);
    }
    Ok(ticket.work.ties.problem.as_ref())
}

fn link(ticket: &Ticket, kind: RelationKind, note: &str, around: &Around<'_>) -> Outcome<Rejection> {
    if kind == RelationKind::MergedInto {
        return Err(Rejection::MergeOnly);
    }
    let Some(other) = around.others.first() else { return Ok(vec![]) };
    if other.ticket.ticket_id == ticket.ticket_id {
        return Err(Rejection::SameTicket);
    }
    if other.is_linked {
        return Ok(vec![]);
    }
    if kind == RelationKind::ChildOf {
        if around.has_parent {
            return Err(Rejection::HasParent);
        }
        if other.is_below {
            return Err(Rejection::Circle);
        }
    }
    if around.names >= MOST_NAMED || around.naming >= MOST_NAMING {
        return Err(Rejection::TooManyRelations);
    }
    let linked = |other: &Ticket| Event::Tied(Fact::Linked { kind, other: named(other), note: note.to_owned() });
    let mut events = vec![(ticket.ticket_id, linked(&other.ticket))];
    if kind == RelationKind::InstanceOf {
        problem(&other.ticket)?;
        if ticket.work.classification.kind == Kind::Problem {
            return Err(Rejection::ProblemAsInstance);
        }
        events.extend(recurred(ticket, &other.ticket));
    }
    Ok(events)
}

/// After the fix, recurrence is watched: an instance that began after the problem was resolved is told on it.
pub fn recurred(incident: &Ticket, problem: &Ticket) -> Option<(Uuid, Event)> {
    let resolved_at = problem.work.resolution.as_ref()?.resolved_at;
    let came_back = !problem.work.state.is_open() && incident.matter.registered_at > resolved_at;
    came_back.then(|| (problem.ticket_id, Event::Tied(Fact::Recurred { incident: named(incident) })))
}

fn merge<E: From<Rejection> + From<crate::domain::Rejection>>(
    ticket: &Ticket,
    note: &str,
    around: &Around<'_>,
) -> Result<Vec<Fact>, E> {
    use crate::domain::Rejection as Usual;
    let Some(Neighbour { ticket: into, .. }) = around.others.first() else { return Ok(vec![]) };
    if let Some(merged) = &ticket.work.ties.merged {
        let is_same = merged.into.ticket_id == into.ticket_id;
        return if is_same { Ok(vec![]) } else { Err(Rejection::AlreadyMerged.into()) };
    }
    match ticket.work.state {
        State::Registered => return Err(Usual::NotTriaged.into()),
        State::Resolved => return Err(Usual::TicketResolved.into()),
        State::Closed => return Err(Usual::TicketClosed.into()),
        State::Cancelled => return Err(Usual::TicketCancelled.into()),
        State::Queued | State::InProgress | State::Waiting => {}
    }
    if into.ticket_id == ticket.ticket_id {
        return Err(Rejection::SameTicket.into());
    }
    if matches!(into.work.state, State::Closed | State::Cancelled) {
        return Err(Rejection::TargetIsOver.into());
    }
    Ok(vec![Fact::Merged { into: named(into), note: note.to_owned() }])
}

/// Whoever had it gets it back if they are there; otherwise it lies in its queue, or in the default one if that is no
/// more.
fn unmerge(ticket: &Ticket, reason: &str, around: &Around<'_>) -> Outcome<Rejection> {
    let Work { ties, owner, placement, .. } = &ticket.work;
    let merged = ties.merged.as_ref().ok_or(Rejection::NotMerged)?;
    let Around { model, at, .. } = around;
    let is_there = |owner: &String| {
        let agent = model.agents.get(owner);
        agent.map_or(model.agents.is_empty(), |agent| agent.is_there(&model.zone, *at))
    };
    let queue_is_gone = model.version > 0 && !model.queues.contains_key(&placement.queue);
    let unmerged = Fact::Unmerged {
        merge_revision: merged.revision,
        into: merged.into.clone(),
        owner: owner.clone().filter(|owner| !queue_is_gone && is_there(owner)),
        reason: reason.to_owned(),
    };
    let mut events = vec![(ticket.ticket_id, Event::Tied(unmerged))];
    if queue_is_gone {
        events.push((
            ticket.ticket_id,
            Event::HandedOver {
                from_queue: placement.queue.clone(),
                from_tier: placement.tier,
                queue: model.default_queue.clone(),
                tier: model.tier_of(&model.default_queue),
                reason: "its queue is not in the support model any more".to_owned(),
                note: String::new(),
                insufficient_information: false,
                warm: false,
            },
        ));
    }
    Ok(events)
}

/// All or none: a ticket that cannot become a child is named by the refusal of the whole.
fn attach(ticket: &Ticket, around: &Around<'_>) -> Outcome<Rejection> {
    let Around { others, naming, .. } = around;
    let fresh: Vec<&Neighbour> = others.iter().filter(|other| !other.is_linked).collect();
    for other in &fresh {
        if other.ticket.ticket_id == ticket.ticket_id {
            return Err(Rejection::SameTicket);
        }
        if other.has_parent {
            return Err(Rejection::HasParent);
        }
        if other.is_below {
            return Err(Rejection::Circle);
        }
        if other.names >= MOST_NAMED {
            return Err(Rejection::TooManyRelations);
        }
    }
    let naming = naming.saturating_add(i64::try_from(fresh.len()).unwrap_or(i64::MAX));
    if naming > MOST_NAMING {
        return Err(Rejection::TooManyRelations);
    }
    let kind = RelationKind::ChildOf;
    let linked = |_: &&Neighbour| Event::Tied(Fact::Linked { kind, other: named(ticket), note: String::new() });
    Ok(fresh.iter().map(|other| (other.ticket.ticket_id, linked(other))).collect())
}

fn accept(ticket: &Ticket, around: &Around<'_>) -> Outcome<Rejection> {
    problem(ticket)?;
    let kind = RelationKind::InstanceOf;
    let fresh = around.others.iter().filter(|other| {
        let is_self = other.ticket.ticket_id == ticket.ticket_id;
        !other.is_linked
            && !is_self
            && other.names < MOST_NAMED
            && other.ticket.work.classification.kind != Kind::Problem
    });
    let linked = |_: &Neighbour| Event::Tied(Fact::Linked { kind, other: named(ticket), note: String::new() });
    Ok(fresh.map(|other| (other.ticket.ticket_id, linked(other))).collect())
}

/// The commands on a major incident.
fn major<E: From<Rejection> + From<crate::domain::Rejection>>(
    ticket: &Ticket,
    command: &Command,
    around: &Around<'_>,
) -> Result<Vec<Fact>, E> {
    let known = ticket.work.ties.major.as_ref();
    let is_on = known.filter(|major| major.ended_at.is_none());
    if let Command::DeclareMajor { severity, services, affected_users, impaired_from } = command {
        return declare(ticket, around, (*severity, services, *affected_users, *impaired_from));
    }
    let major = known.ok_or(Rejection::NotMajor)?;
    match command {
        Command::PushStatus { text, next_update_due_at } => {
            is_on.ok_or(Rejection::MajorIsOver)?;
            if next_update_due_at.is_some_and(|due_at| due_at <= around.at) {
                return Err(Rejection::DueInThePast.into());
            }
            let number = major.status.as_ref().map_or(0, |(news, _)| news.number).saturating_add(1);
            let news = News { number, text: text.clone(), next_update_due_at: *next_update_due_at };
            Ok(vec![Fact::StatusPushed(news)])
        }
        Command::AmendMajor { affected_users, impaired_from, impaired_until, reason } => {
            let from = impaired_from.unwrap_or(major.impaired_from);
            check_span(from, impaired_until.or(major.impaired_until), around.at)?;
            let is_known = affected_users.is_none_or(|users| users == major.affected_users)
                && from == major.impaired_from
                && impaired_until.is_none_or(|until| Some(until) == major.impaired_until);
            let amended = Fact::MajorAmended {
                affected_users: *affected_users,
                impaired_from: *impaired_from,
                impaired_until: *impaired_until,
                reason: reason.clone(),
            };
            Ok((!is_known).then_some(amended).into_iter().collect())
        }
        Command::EndMajor { impaired_until, note } => {
            if is_on.is_none() {
                return Ok(vec![]);
            }
            let impaired_until = impaired_until.unwrap_or(around.at);
            check_span(major.impaired_from, Some(impaired_until), around.at)?;
            Ok(vec![Fact::MajorEnded { impaired_until, note: note.clone() }])
        }
        _ => Ok(vec![]),
    }
}

fn declare<E: From<Rejection> + From<crate::domain::Rejection>>(
    ticket: &Ticket,
    around: &Around<'_>,
    (severity, services, affected_users, impaired_from): (Priority, &Vec<String>, u32, Option<Timestamp>),
) -> Result<Vec<Fact>, E> {
    use crate::domain::Rejection as Usual;
    match ticket.work.state {
        State::Registered => return Err(Usual::NotTriaged.into()),
        State::Resolved => return Err(Usual::TicketResolved.into()),
        State::Closed => return Err(Usual::TicketClosed.into()),
        State::Cancelled => return Err(Usual::TicketCancelled.into()),
        State::Queued | State::InProgress | State::Waiting => {}
    }
    if around.has_parent {
        return Err(Rejection::ChildOfAnother.into());
    }
    let impaired_from = impaired_from.unwrap_or(ticket.matter.registered_at);
    check_span(impaired_from, None, around.at)?;
    let is_on = ticket.work.ties.major.as_ref().is_some_and(|major| {
        let figures = (major.severity, &major.services, major.affected_users, major.impaired_from);
        major.ended_at.is_none() && figures == (severity, services, affected_users, impaired_from)
    });
    let declared = Fact::MajorDeclared { severity, services: services.clone(), affected_users, impaired_from };
    Ok((!is_on).then_some(declared).into_iter().collect())
}

fn check_span(from: Timestamp, until: Option<Timestamp>, now: Timestamp) -> Result<(), Rejection> {
    let is_well = from <= now && until.is_none_or(|until| from <= until && until <= now);
    if is_well { Ok(()) } else { Err(Rejection::ImpairedBackwards) }
}
