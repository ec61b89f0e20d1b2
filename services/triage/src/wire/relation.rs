//! What binds tickets together, on the wire.

pub mod request;

#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact as ProtoFact;
use uuid::Uuid;

use super::{instant, number};
use crate::domain::relation::{Fact, Major, News, Other, Problem, Ties};
use crate::domain::{CancellationReason, Word};
use crate::store::proposal::{Decision, Proposal};
use crate::store::relation::Shown;

/// Tickets of a proposal that are shown, the newest.
pub const SHOWN_TICKETS: usize = 100;

fn other(other: &Other) -> proto::OtherTicket {
    proto::OtherTicket { ticket_id: other.ticket_id.to_string(), reference: other.reference.clone() }
}

fn other_of(other: Option<proto::OtherTicket>) -> Option<Other> {
    let proto::OtherTicket { ticket_id, reference } = other?;
    Some(Other { ticket_id: Uuid::try_parse(&ticket_id).ok()?, reference })
}

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

/// The fact as it is announced. A merge is told as the cancellation that it is for everybody else.
pub fn fact(fact: Fact) -> Option<ProtoFact> {
    Some(match fact {
        Fact::Linked { kind, other: to, note } => {
            ProtoFact::TicketLinked(proto::TicketLinked { kind: kind.number(), other: Some(other(&to)), note })
        }
        Fact::Unlinked { kind, other: from } => {
            ProtoFact::TicketUnlinked(proto::TicketUnlinked { kind: kind.number(), other: Some(other(&from)) })
        }
        Fact::Merged { into, note } => ProtoFact::TicketCancelled(proto::TicketCancelled {
            reason: CancellationReason::Duplicate.number(),
            duplicate_of: into.reference,
            note,
            merged_into_ticket_id: into.ticket_id.to_string(),
        }),
        Fact::Unmerged { merge_revision, into, owner, reason } => ProtoFact::TicketUnmerged(proto::TicketUnmerged {
            merge_revision,
            other: Some(other(&into)),
            owner: owner.unwrap_or_default(),
            reason,
        }),
        Fact::RootCauseRecorded { root_cause, workaround } => {
            ProtoFact::RootCauseRecorded(proto::RootCauseRecorded { root_cause, workaround })
        }
        Fact::KnownErrorDeclared { article_id, note } => {
            ProtoFact::KnownErrorDeclared(proto::KnownErrorDeclared { article_id, note })
        }
        Fact::Recurred { incident } => {
            ProtoFact::ProblemRecurred(proto::ProblemRecurred { incident: Some(other(&incident)) })
        }
        fact => return fact_of_major(fact),
    })
}

fn fact_of_major(fact: Fact) -> Option<ProtoFact> {
    Some(match fact {
        Fact::MajorDeclared { severity, services, affected_users, impaired_from } => {
            ProtoFact::MajorIncidentDeclared(proto::MajorIncidentDeclared {
                severity: severity.number(),
                services,
                affected_users: count(affected_users),
                impaired_from: Some(timestamp(impaired_from)),
            })
        }
        Fact::StatusPushed(News { number, text, next_update_due_at }) => {
            let next_update_due_at = next_update_due_at.map(timestamp);
            ProtoFact::StatusPushed(proto::StatusPushed { number: count(number), text, next_update_due_at })
        }
        Fact::StatusDelivered { parent, news: News { number, text, next_update_due_at } } => {
            ProtoFact::StatusDelivered(proto::StatusDelivered {
                parent: Some(other(&parent)),
                number: count(number),
                text,
                next_update_due_at: next_update_due_at.map(timestamp),
            })
        }
        Fact::MajorAmended { affected_users, impaired_from, impaired_until, reason } => {
            ProtoFact::MajorIncidentAmended(proto::MajorIncidentAmended {
                affected_users: affected_users.map(count),
                impaired_from: impaired_from.map(timestamp),
                impaired_until: impaired_until.map(timestamp),
                reason,
            })
        }
        Fact::MajorEnded { impaired_until, note } => ProtoFact::MajorIncidentEnded(proto::MajorIncidentEnded {
            impaired_until: Some(timestamp(impaired_until)),
            note,
        }),
        _ => return None,
    })
}

/// The fact that was announced; `None` if it is another one, or unreadable.
pub fn fact_of(fact: &ProtoFact) -> Option<Fact> {
    match fact {
        ProtoFact::TicketLinked(_)
        | ProtoFact::TicketUnlinked(_)
        | ProtoFact::TicketUnmerged(_)
        | ProtoFact::MajorIncidentDeclared(_)
        | ProtoFact::StatusPushed(_)
        | ProtoFact::StatusDelivered(_)
        | ProtoFact::MajorIncidentAmended(_)
        | ProtoFact::MajorIncidentEnded(_)
        | ProtoFact::RootCauseRecorded(_)
        | ProtoFact::KnownErrorDeclared(_)
        | ProtoFact::ProblemRecurred(_) => {}
        ProtoFact::TicketCancelled(it) if !it.merged_into_ticket_id.is_empty() => {}
        _ => return None,
    }
    let users = |users: i32| u32::try_from(users).ok();
    Some(match fact.clone() {
        ProtoFact::TicketLinked(it) => {
            Fact::Linked { kind: Word::from_number(it.kind)?, other: other_of(it.other)?, note: it.note }
        }
        ProtoFact::TicketUnlinked(it) => {
            Fact::Unlinked { kind: Word::from_number(it.kind)?, other: other_of(it.other)? }
        }
        ProtoFact::TicketCancelled(it) if !it.merged_into_ticket_id.is_empty() => Fact::Merged {
            into: Other { ticket_id: Uuid::try_parse(&it.merged_into_ticket_id).ok()?, reference: it.duplicate_of },
            note: it.note,
        },
        ProtoFact::TicketUnmerged(it) => Fact::Unmerged {
            merge_revision: it.merge_revision,
            into: other_of(it.other)?,
            owner: Some(it.owner).filter(|owner| !owner.is_empty()),
            reason: it.reason,
        },
        ProtoFact::MajorIncidentDeclared(it) => Fact::MajorDeclared {
            severity: Word::from_number(it.severity)?,
            services: it.services,
            affected_users: users(it.affected_users)?,
            impaired_from: instant(it.impaired_from.as_ref())?,
        },
        ProtoFact::StatusPushed(it) => Fact::StatusPushed(News {
            number: users(it.number)?,
            text: it.text,
            next_update_due_at: instant(it.next_update_due_at.as_ref()),
        }),
        ProtoFact::StatusDelivered(it) => Fact::StatusDelivered {
            parent: other_of(it.parent)?,
            news: News {
                number: users(it.number)?,
                text: it.text,
                next_update_due_at: instant(it.next_update_due_at.as_ref()),
            },
        },
        ProtoFact::MajorIncidentAmended(it) => Fact::MajorAmended {
            affected_users: it.affected_users.and_then(users),
            impaired_from: instant(it.impaired_from.as_ref()),
            impaired_until: instant(it.impaired_until.as_ref()),
            reason: it.reason,
        },
        ProtoFact::MajorIncidentEnded(it) => {
            Fact::MajorEnded { impaired_until: instant(it.impaired_until.as_ref())?, note: it.note }
        }
        ProtoFact::RootCauseRecorded(it) => {
            Fact::RootCauseRecorded { root_cause: it.root_cause, workaround: it.workaround }
        }
        ProtoFact::KnownErrorDeclared(it) => Fact::KnownErrorDeclared { article_id: it.article_id, note: it.note },
        ProtoFact::ProblemRecurred(it) => Fact::Recurred { incident: other_of(it.incident)? },
        _ => return None,
    })
}

/// The ticket with what of its ties is part of itself.
pub fn tied(ticket: proto::Ticket, ties: &Ties) -> proto::Ticket {
    proto::Ticket {
        merged_into: ties.merged.as_ref().map(|merged| merged.into.reference.clone()).unwrap_or_default(),
        major_incident: ties.major.as_ref().map(major),
        problem: ties.problem.as_ref().map(problem),
        status_news: ties
            .news
            .as_ref()
            .map(|(told, at, parent)| proto::StatusNews { parent: parent.reference.clone(), ..news(told, *at) }),
        ..ticket
    }
}

fn news(news: &News, at: jiff::Timestamp) -> proto::StatusNews {
    proto::StatusNews {
        number: count(news.number),
        text: news.text.clone(),
        next_update_due_at: news.next_update_due_at.map(timestamp),
        pushed_at: Some(timestamp(at)),
        parent: String::new(),
    }
}

fn major(major: &Major) -> proto::MajorIncident {
    proto::MajorIncident {
        severity: number(Some(major.severity)),
        services: major.services.clone(),
        affected_users: count(major.affected_users),
        impaired_from: Some(timestamp(major.impaired_from)),
        impaired_until: major.impaired_until.map(timestamp),
        declared_at: Some(timestamp(major.declared_at)),
        ended_at: major.ended_at.map(timestamp),
        status: major.status.as_ref().map(|(told, at)| news(told, *at)),
    }
}

fn problem(problem: &Problem) -> proto::ProblemRecord {
    proto::ProblemRecord {
        root_cause: problem.root_cause.clone(),
        workaround: problem.workaround.clone(),
        known_error_article_id: problem.article_id.clone(),
        recurrences: count(problem.recurrences),
    }
}

/// The ticket with the others that it belongs together with.
pub fn beside(ticket: proto::Ticket, (shown, all): &(Vec<Shown>, i64)) -> proto::Ticket {
    let one = |shown: &Shown| proto::Relation {
        kind: shown.kind.number(),
        reverse: shown.reverse,
        ticket_id: if shown.other.ticket_id.is_nil() { String::new() } else { shown.other.ticket_id.to_string() },
        reference: shown.other.reference.clone(),
        state: number(shown.stands.as_ref().map(|(state, _)| *state)),
        subject: shown.stands.as_ref().map(|(_, subject)| subject.clone()).unwrap_or_default(),
        linked_at: Some(timestamp(shown.linked_at)),
    };
    let relation_count = i32::try_from(*all).unwrap_or(i32::MAX);
    proto::Ticket { relations: shown.iter().map(one).collect(), relation_count, ..ticket }
}

/// The references of the other tickets that a ticket of a list names itself.
pub fn named(ticket: &proto::Ticket) -> impl Iterator<Item = &String> {
    let parent = ticket.status_news.as_ref().map(|news| &news.parent);
    std::iter::once(&ticket.merged_into).chain(parent).filter(|reference| !reference.is_empty())
}

/// Takes these off it.
pub fn forget(ticket: &mut proto::Ticket, hidden: &HashSet<String>) {
    let parent = ticket.status_news.as_mut().map(|news| &mut news.parent);
    for reference in std::iter::once(&mut ticket.merged_into).chain(parent).filter(|one| hidden.contains(*one)) {
        reference.clear();
    }
}

/// A proposal, with the references of its tickets as far as they are known.
pub fn proposal(proposal: &Proposal, references: &HashMap<Uuid, Other>) -> proto::ProblemProposal {
    let newest = proposal.ticket_ids.iter().rev().take(SHOWN_TICKETS);
    let (state, reason, problem_ticket_id) = match &proposal.decision {
        Decision::Open => (proto::ProposalState::Open, String::new(), String::new()),
        Decision::Accepted(problem_id) => (proto::ProposalState::Accepted, String::new(), problem_id.to_string()),
        Decision::Dismissed(reason) => (proto::ProposalState::Dismissed, reason.clone(), String::new()),
    };
    proto::ProblemProposal {
        proposal_id: proposal.proposal_id.to_string(),
        client_id: proposal.client_id.to_string(),
        found_at: Some(timestamp(proposal.found_at)),
        state: state.into(),
        tickets: newest.filter_map(|ticket_id| references.get(ticket_id)).map(other).collect(),
        ticket_count: i32::try_from(proposal.ticket_ids.len()).unwrap_or(i32::MAX),
        terms: crate::domain::recurrence::shown(&proposal.words),
        reason,
        problem_ticket_id,
    }
}
