//! What happened to a ticket, as far as promises are concerned.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::contract::{Metric, Priority, WaitingReason};
use super::field::{Attributes, Field};
use super::once::once;

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

/// Whose count the revision of an edit of the contract is: its version.
pub const EDIT: u8 = 3;

/// One fact of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Fact {
    /// Which one, and so in which order.
    #[serde(flatten)]
    pub key: Key,
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
    /// Who did it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What happened and who did it: a fact without its key, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Happened {
    /// What happened.
    #[serde(flatten)]
    pub kind: Kind,
    /// Who did it, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// From when on another version of the contract holds for what still runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Since {
    /// From now on: what has elapsed stays elapsed.
    Now,
    /// As if it had held from the start.
    Start,
}

/// What can happen. On its own in JSON: `{"type": "triaged", "priority": "P2"}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// The ticket was registered. Without a priority nothing is promised yet; the first fact that
    /// names one gives the terms from the registration on.
    Registered {
        /// The priority, if it was known at once.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        priority: Option<Priority>,
        /// What else was known.
        #[serde(flatten)]
        attributes: Attributes,
    },
    /// Triage gave a priority. The first gives the initial terms, from the registration on; a
    /// later one is a change of priority.
    Triaged {
        /// The priority found.
        priority: Priority,
        /// What else was found.
        #[serde(flatten)]
        attributes: Attributes,
    },
    /// The priority became another.
    PriorityChanged {
        /// The new one.
        priority: Priority,
    },
    /// Something else about it became known, or is otherwise from now on.
    Classified {
        /// What.
        #[serde(flatten)]
        attributes: Attributes,
    },
    /// Another tier works on it.
    EnteredTier {
        /// Which `tier`, and with it perhaps which `queue`.
        #[serde(flatten)]
        attributes: Attributes,
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
    /// The merge that ended it is undone: neither happened.
    Unmerged {
        /// The revision of the cancellation that told of the merge.
        merge_revision: u64,
    },
    /// It is a major incident: news of its status are owed from now on.
    MajorDeclared,
    /// It is no major incident any more.
    MajorEnded,
    /// Those concerned were told how the major incident stands.
    StatusUpdate,
    /// The same, and until when they will be told more.
    UpdatePromised {
        /// Until when.
        due_at: Timestamp,
    },
    /// Somebody promised the requester a call.
    CallbackPromised {
        /// Until when, if that was said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due_at: Option<Timestamp>,
    },
    /// They called.
    CalledBack,
    /// A vendor was asked to help.
    VendorAsked {
        /// Which `vendor`.
        #[serde(flatten)]
        attributes: Attributes,
    },
    /// The vendor is done.
    VendorDone {
        /// Which `vendor`.
        #[serde(flatten)]
        attributes: Attributes,
    },
    /// Another due instant was agreed upon for the clock that runs.
    DueAgreed {
        /// For which promise.
        metric: Metric,
        /// The due instant.
        due_at: Timestamp,
        /// What was agreed, in words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// What was agreed upon does not hold any more.
    DueWithdrawn {
        /// For which promise.
        metric: Metric,
    },
    /// The contract was edited, and the new version is to hold for this ticket.
    TermsChanged {
        /// Of the client's contract.
        version: u64,
        /// From when on.
        from: Since,
    },
}

impl Kind {
    /// What it tells of the ticket beside its priority.
    #[must_use]
    pub fn attributes(&self) -> Option<&Attributes> {
        match self {
            Self::Registered { attributes, .. }
            | Self::Triaged { attributes, .. }
            | Self::Classified { attributes }
            | Self::EnteredTier { attributes }
            | Self::VendorAsked { attributes } => Some(attributes),
            _ => None,
        }
    }

    /// The priority that it names.
    #[must_use]
    pub const fn priority(&self) -> Option<Priority> {
        match self {
            Self::Registered { priority, .. } => *priority,
            Self::Triaged { priority, .. } | Self::PriorityChanged { priority } => Some(*priority),
            _ => None,
        }
    }

    /// A registration of which only this is known.
    #[must_use]
    pub fn registered(priority: Option<Priority>) -> Self {
        Self::Registered { priority, attributes: Attributes::default() }
    }

    /// A priority given by triage and nothing else.
    #[must_use]
    pub fn triaged(priority: Priority) -> Self {
        Self::Triaged { priority, attributes: Attributes::default() }
    }
}

impl Fact {
    /// A fact by nobody known.
    #[must_use]
    pub const fn new(key: Key, kind: Kind) -> Self {
        Self { key, kind, by: None }
    }
}

/// The facts that count, in order, each once: a merge that was undone does not, nor does its undoing.
pub fn in_effect<'f>(facts: impl IntoIterator<Item = &'f Fact>) -> Vec<&'f Fact> {
    let mut facts: Vec<&Fact> = facts.into_iter().collect();
    facts.sort_unstable();
    facts.dedup_by_key(|fact| fact.key);
    let undone = |fact: &&Fact| match fact.kind {
        Kind::Unmerged { merge_revision } => Some((fact.key.source, merge_revision)),
        _ => None,
    };
    let undone: Vec<(u8, u64)> = facts.iter().filter_map(undone).collect();
    if !undone.is_empty() {
        facts.retain(|fact| match fact.kind {
            Kind::Unmerged { .. } => false,
            Kind::Cancelled => !undone.contains(&(fact.key.source, fact.key.revision)),
            _ => true,
        });
    }
    facts
}

/// The versions of the contract that a ticket's facts name, beside the one that it was registered under.
pub fn versions(facts: &[Fact]) -> impl Iterator<Item = u64> {
    facts.iter().filter_map(|fact| match fact.kind {
        Kind::TermsChanged { version, .. } => Some(version),
        _ => None,
    })
}

/// In JSON all on one level. A part that does not belong to the type of the fact is refused.
impl<'de> Deserialize<'de> for Fact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OnOneLevel;

        impl<'de> Visitor<'de> for OnOneLevel {
            type Value = Fact;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a fact")
            }

            fn visit_map<A: MapAccess<'de>>(self, parts: A) -> Result<Fact, A::Error> {
                put_together(once(MapAccessDeserializer::new(parts))?)
            }
        }

        // What is wrong is said inside of the map, so that a reader can tell in which.
        deserializer.deserialize_map(OnOneLevel)
    }
}

fn put_together<E: Error>(mut parts: BTreeMap<String, Value>) -> Result<Fact, E> {
    let at = taken(&mut parts, "at")?.ok_or_else(|| E::missing_field("at"))?;
    let revision = taken(&mut parts, "revision")?.ok_or_else(|| E::missing_field("revision"))?;
    let source = taken(&mut parts, "source")?.unwrap_or_default();
    let by = taken(&mut parts, "by")?;
    parts.retain(|_, value| !value.is_null());
    let written = Value::Object(parts.into_iter().collect());
    let kind = Kind::deserialize(&written).map_err(E::custom)?;
    let understood = serde_json::to_value(&kind).map_err(E::custom)?;
    let stray = written.as_object().and_then(|parts| parts.keys().find(|part| understood.get(part).is_none()));
    if let Some(stray) = stray {
        return Err(E::custom(format!("this type of fact has no `{stray}`; leave it out")));
    }
    if matches!(&kind, Kind::EnteredTier { attributes } if attributes.get(Field::Tier).is_none()) {
        return Err(E::missing_field("tier"));
    }
    Ok(Fact { key: Key { at, source, revision }, kind, by })
}

fn taken<T: DeserializeOwned, E: Error>(parts: &mut BTreeMap<String, Value>, part: &str) -> Result<Option<T>, E> {
    let Some(value) = parts.remove(part).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    T::deserialize(value).map(Some).map_err(|error| E::custom(format!("`{part}`: {error}")))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_first(source: &u8) -> bool {
    *source == 0
}
