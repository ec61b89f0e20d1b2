//! What agents keep on a ticket to find and share their work: tags, watchers, time worked, mentions. None of it moves
//! the ticket, so that it goes in every state.

pub mod mention;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decide::{Around, Rejection};
use super::event::Event;
use super::ticket::{Actor, Work};

/// Tags of one ticket.
pub const MOST_TAGS: usize = 20;
/// Those who watch one ticket.
pub const MOST_WATCHERS: usize = 100;
/// Entries of time on one ticket.
pub const MOST_ENTRIES: usize = 500;
/// Minutes of one entry: a day.
pub const MOST_MINUTES: u32 = 24 * 60;

/// All of it that a ticket has. Most tickets have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Workspace {
    /// In the order of the alphabet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// In the order in which they came.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watchers: Vec<String>,
    /// In the order in which they were told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub time: Vec<TimeEntry>,
}

/// Time that somebody worked, as it is corrected by now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeEntry {
    /// 1, 2, 3 …
    pub number: u32,
    /// Who.
    pub agent: String,
    /// How long.
    pub minutes: u32,
    /// On what.
    pub what_for: String,
    /// When.
    pub worked_at: Timestamp,
    /// How often it was corrected.
    pub corrections: u32,
}

impl Workspace {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The minutes of all entries.
    pub fn minutes(&self) -> u32 {
        self.time.iter().fold(0, |sum: u32, entry| sum.saturating_add(entry.minutes))
    }

    fn watches(&self, agent: &str) -> bool {
        self.watchers.iter().any(|one| one == agent)
    }
}

/// What can happen to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Tags came and went.
    Tagged {
        /// Those that it did not have.
        added: Vec<String>,
        /// Those that it had.
        removed: Vec<String>,
    },
    /// Somebody watches it.
    WatcherAdded {
        /// Who.
        agent: String,
    },
    /// Somebody watches it no longer.
    WatcherRemoved {
        /// Who.
        agent: String,
    },
    /// Somebody worked on it.
    TimeWorked {
        /// 1, 2, 3 …
        number: u32,
        /// Who.
        agent: String,
        /// How long.
        minutes: u32,
        /// On what.
        what_for: String,
        /// When.
        worked_at: Timestamp,
    },
    /// An entry was wrong.
    TimeCorrected {
        /// Which.
        number: u32,
        /// Minutes that are added to it, or taken from it.
        minutes: i32,
        /// Why.
        reason: String,
    },
    /// A note names agents.
    Mentioned {
        /// Whom.
        agents: Vec<String>,
        /// How it begins.
        excerpt: String,
        /// Of intake's message; empty: the note of a command.
        message_id: String,
    },
}

/// What somebody wants of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Errand {
    /// Set and take away tags.
    Tag {
        /// To set.
        add: Vec<String>,
        /// To take away.
        remove: Vec<String>,
    },
    /// Let somebody watch it.
    Watch {
        /// Whom; empty: themselves.
        agent: String,
    },
    /// Let somebody watch it no longer.
    Unwatch {
        /// Whom; empty: themselves.
        agent: String,
    },
    /// Tell what they worked.
    RecordTime {
        /// How long.
        minutes: u32,
        /// On what.
        what_for: String,
        /// When; `None`: now.
        worked_at: Option<Timestamp>,
    },
    /// Tell what is right of an entry.
    CorrectTime {
        /// Which.
        number: u32,
        /// How long it was.
        right_minutes: u32,
        /// What was wrong.
        reason: String,
    },
}

/// It is understood but not allowed as things are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Enough.
    #[error("a ticket has at most 20 tags; take one away first")]
    TooManyTags,
    /// Enough.
    #[error("a ticket has at most 100 watchers")]
    TooManyWatchers,
    /// Others decide for themselves.
    #[error("only a lead takes others from the watchers")]
    NotYourWatch,
    /// Enough.
    #[error("a ticket has at most 500 entries of time; correct one instead")]
    TooManyEntries,
    /// There is no such entry.
    #[error("the ticket has no such entry of time; look at its numbers again")]
    UnknownEntry,
    /// Others know what they worked.
    #[error("only whoever worked, or a lead, corrects an entry of time")]
    NotYourTime,
    /// Nobody worked tomorrow.
    #[error("worked_at is in the future")]
    TimeInFuture,
}

impl Refusal {
    /// The word for machines. Never renamed.
    pub fn reason(self) -> &'static str {
        match self {
            Self::TooManyTags => "TOO_MANY_TAGS",
            Self::TooManyWatchers => "TOO_MANY_WATCHERS",
            Self::NotYourWatch => "NOT_YOUR_WATCH",
            Self::TooManyEntries => "TOO_MANY_ENTRIES",
            Self::UnknownEntry => "UNKNOWN_ENTRY",
            Self::NotYourTime => "NOT_YOUR_TIME",
            Self::TimeInFuture => "TIME_IN_FUTURE",
        }
    }
}

/// Whether somebody may do this, and what it leads to.
///
/// # Errors
/// The rejection, if it is not allowed as things are.
pub fn decide(work: &Work, errand: &Errand, by: &Actor, around: &Around<'_>) -> Result<Vec<Event>, Rejection> {
    let known = &work.workspace;
    let who = |agent: &String| if agent.is_empty() { by.actor_id.clone() } else { agent.clone() };
    let step = match errand {
        Errand::Tag { add, remove } => tag(known, add, remove)?,
        Errand::Watch { agent } => watch(work, who(agent), by, around)?,
        Errand::Unwatch { agent } => {
            let agent = who(agent);
            if agent != by.actor_id && !around.is_lead {
                return Err(Refusal::NotYourWatch.into());
            }
            known.watches(&agent).then_some(Step::WatcherRemoved { agent })
        }
        Errand::RecordTime { minutes, what_for, worked_at } => {
            if known.time.len() >= MOST_ENTRIES {
                return Err(Refusal::TooManyEntries.into());
            }
            let worked_at = worked_at.unwrap_or(around.at);
            if worked_at > around.at {
                return Err(Refusal::TimeInFuture.into());
            }
            let number = u32::try_from(known.time.len()).unwrap_or(u32::MAX).saturating_add(1);
            let (agent, what_for) = (by.actor_id.clone(), what_for.clone());
            Some(Step::TimeWorked { number, agent, minutes: *minutes, what_for, worked_at })
        }
        Errand::CorrectTime { number, right_minutes, reason } => {
            let entry = known.time.iter().find(|entry| entry.number == *number).ok_or(Refusal::UnknownEntry)?;
            if entry.agent != by.actor_id && !around.is_lead {
                return Err(Refusal::NotYourTime.into());
            }
            let minutes = i32::try_from(*right_minutes)
                .unwrap_or(i32::MAX)
                .saturating_sub(i32::try_from(entry.minutes).unwrap_or(i32::MAX));
            (minutes != 0).then(|| Step::TimeCorrected { number: *number, minutes, reason: reason.clone() })
        }
    };
    Ok(step.map(Event::Workspace).into_iter().collect())
}

fn tag(known: &Workspace, add: &[String], remove: &[String]) -> Result<Option<Step>, Rejection> {
    let mut removed: Vec<String> = remove.iter().filter(|tag| known.tags.contains(tag)).cloned().collect();
    removed.retain(|tag| !add.contains(tag));
    let mut added: Vec<String> = add.iter().filter(|tag| !known.tags.contains(tag)).cloned().collect();
    for tags in [&mut removed, &mut added] {
        tags.sort();
        tags.dedup();
    }
    let after = known.tags.len().saturating_sub(removed.len()).saturating_add(added.len());
    if after > MOST_TAGS && !added.is_empty() {
        return Err(Refusal::TooManyTags.into());
    }
    Ok((!added.is_empty() || !removed.is_empty()).then_some(Step::Tagged { added, removed }))
}

/// Whoever is away hears of it when they are back; who may not look into it watches nothing.
fn watch(work: &Work, agent: String, by: &Actor, around: &Around<'_>) -> Result<Option<Step>, Rejection> {
    if agent != by.actor_id && !around.model.agents.is_empty() && !around.model.agents.contains_key(&agent) {
        return Err(Rejection::UnknownAgent);
    }
    if !around.model.may_look(&work.placement.queue, &agent) {
        return Err(Rejection::Confidential);
    }
    if work.workspace.watches(&agent) {
        return Ok(None);
    }
    if work.workspace.watchers.len() >= MOST_WATCHERS {
        return Err(Refusal::TooManyWatchers.into());
    }
    Ok(Some(Step::WatcherAdded { agent }))
}

/// Applies a fact. It cannot fail: what happened cannot be refused.
pub fn evolve(work: &mut Work, step: &Step) {
    let known = &mut work.workspace;
    match step {
        Step::Tagged { added, removed } => {
            known.tags.retain(|tag| !removed.contains(tag));
            known.tags.extend(added.iter().cloned());
            known.tags.sort();
            known.tags.dedup();
        }
        Step::WatcherAdded { agent } => add_watcher(known, agent),
        Step::WatcherRemoved { agent } => known.watchers.retain(|one| one != agent),
        Step::TimeWorked { number, agent, minutes, what_for, worked_at } => known.time.push(TimeEntry {
            number: *number,
            agent: agent.clone(),
            minutes: *minutes,
            what_for: what_for.clone(),
            worked_at: *worked_at,
            corrections: 0,
        }),
        Step::TimeCorrected { number, minutes, .. } => {
            if let Some(entry) = known.time.iter_mut().find(|entry| entry.number == *number) {
                entry.minutes = entry.minutes.saturating_add_signed(*minutes);
                entry.corrections = entry.corrections.saturating_add(1);
            }
        }
        Step::Mentioned { agents, .. } => agents.iter().for_each(|agent| add_watcher(known, agent)),
    }
}

fn add_watcher(known: &mut Workspace, agent: &str) {
    if !known.watches(agent) && known.watchers.len() < MOST_WATCHERS {
        known.watchers.push(agent.to_owned());
    }
}

impl Step {
    /// What happened, in one line; `because` puts a text behind it.
    pub fn line(&self, because: impl Fn(&str) -> String) -> String {
        match self {
            Self::Tagged { added, removed } => {
                let told =
                    [("tagged ", added), ("no longer ", removed)].into_iter().filter(|(_, tags)| !tags.is_empty());
                told.map(|(what, tags)| format!("{what}{}", tags.join(", "))).collect::<Vec<_>>().join("; ")
            }
            Self::WatcherAdded { agent } => format!("{agent} watches it"),
            Self::WatcherRemoved { agent } => format!("{agent} watches it no longer"),
            Self::TimeWorked { number, agent, minutes, what_for, .. } => {
                format!("{agent} worked {minutes} min (entry {number}){}", because(what_for))
            }
            Self::TimeCorrected { number, minutes, reason } => {
                format!("entry {number} corrected by {minutes:+} min{}", because(reason))
            }
            Self::Mentioned { agents, excerpt, .. } => {
                format!("{} mentioned{}", agents.join(", "), because(excerpt))
            }
        }
    }
}
