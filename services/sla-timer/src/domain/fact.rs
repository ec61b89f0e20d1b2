//! What happened to a ticket, as far as promises are concerned.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::contract::{Priority, WaitingReason};

#[cfg(test)]
mod tests;

/// Which fact: facts are told in this order, and two of the same key are one fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Key {
    /// When it happened.
    pub at: Timestamp,
    /// Which service announced it; each counts its own revisions. One source need not be named.
    #[serde(default, skip_serializing_if = "is_first")]
    pub source: u8,
    /// The announcing service's count of what happened to the ticket.
    pub revision: u64,
}

/// One fact of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Fact {
    /// Which one, and so in which order.
    pub key: Key,
    /// What happened.
    pub kind: Kind,
}

/// What can happen. On its own in JSON: `{"type": "triaged", "priority": "P2"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// The ticket was registered. Without a priority nothing is promised yet; the first fact that
    /// names one gives the terms from the registration on.
    Registered {
        /// The priority, if it was known at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<Priority>,
    },
    /// Triage gave a priority. The first gives the initial terms, from the registration on; a
    /// later one is a change of priority.
    Triaged {
        /// The priority found.
        priority: Priority,
    },
    /// The priority became another.
    PriorityChanged {
        /// The new one.
        priority: Priority,
    },
    /// A human answered the requester.
    PublicAnswer,
    /// The requester wrote.
    RequesterMessage,
    /// The ticket waits, from now on for this reason only.
    Waiting {
        /// For what.
        reason: WaitingReason,
    },
    /// The waiting is over.
    Resumed,
    /// Resolved.
    Resolved,
    /// Resolved no longer.
    Reopened,
    /// Closed: resolves what was not resolved, otherwise changes no clock.
    Closed,
    /// Withdrawn, duplicate, spam, or merged into another. What follows is of no concern.
    Cancelled,
}

/// A fact in JSON, all on one level.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    revision: u64,
    #[serde(default, skip_serializing_if = "is_first")]
    source: u8,
    at: Timestamp,
    #[serde(rename = "type")]
    kind: Type,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<Priority>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<WaitingReason>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Type {
    Registered,
    Triaged,
    PriorityChanged,
    PublicAnswer,
    RequesterMessage,
    Waiting,
    Resumed,
    Resolved,
    Reopened,
    Closed,
    Cancelled,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_first(source: &u8) -> bool {
    *source == 0
}

/// A fact whose parts do not fit its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Misfit {
    /// `triaged` or `priority_changed` without a priority.
    #[error("this type of fact names a priority; add \"priority\"")]
    NoPriority,
    /// `waiting` without a reason.
    #[error("this type of fact names what is waited for; add \"reason\"")]
    NoReason,
    /// A priority where none belongs.
    #[error("this type of fact has no priority; leave it out")]
    StrayPriority,
    /// A reason where none belongs.
    #[error("this type of fact has no reason; leave it out")]
    StrayReason,
}

impl TryFrom<Written> for Fact {
    type Error = Misfit;

    fn try_from(written: Written) -> Result<Self, Misfit> {
        let Written { revision, source, at, kind, priority, reason } = written;
        if reason.is_some() && kind != Type::Waiting {
            return Err(Misfit::StrayReason);
        }
        if priority.is_some() && !matches!(kind, Type::Registered | Type::Triaged | Type::PriorityChanged) {
            return Err(Misfit::StrayPriority);
        }
        let kind = match kind {
            Type::Registered => Kind::Registered { priority },
            Type::Triaged => Kind::Triaged { priority: priority.ok_or(Misfit::NoPriority)? },
            Type::PriorityChanged => Kind::PriorityChanged { priority: priority.ok_or(Misfit::NoPriority)? },
            Type::PublicAnswer => Kind::PublicAnswer,
            Type::RequesterMessage => Kind::RequesterMessage,
            Type::Waiting => Kind::Waiting { reason: reason.ok_or(Misfit::NoReason)? },
            Type::Resumed => Kind::Resumed,
            Type::Resolved => Kind::Resolved,
            Type::Reopened => Kind::Reopened,
            Type::Closed => Kind::Closed,
            Type::Cancelled => Kind::Cancelled,
        };
        Ok(Self { key: Key { at, source, revision }, kind })
    }
}

impl From<Fact> for Written {
    fn from(fact: Fact) -> Self {
        let (kind, priority, reason) = match fact.kind {
            Kind::Registered { priority } => (Type::Registered, priority, None),
            Kind::Triaged { priority } => (Type::Triaged, Some(priority), None),
            Kind::PriorityChanged { priority } => (Type::PriorityChanged, Some(priority), None),
            Kind::PublicAnswer => (Type::PublicAnswer, None, None),
            Kind::RequesterMessage => (Type::RequesterMessage, None, None),
            Kind::Waiting { reason } => (Type::Waiting, None, Some(reason)),
            Kind::Resumed => (Type::Resumed, None, None),
            Kind::Resolved => (Type::Resolved, None, None),
            Kind::Reopened => (Type::Reopened, None, None),
            Kind::Closed => (Type::Closed, None, None),
            Kind::Cancelled => (Type::Cancelled, None, None),
        };
        let Key { at, source, revision } = fact.key;
        Self { revision, source, at, kind, priority, reason }
    }
}
