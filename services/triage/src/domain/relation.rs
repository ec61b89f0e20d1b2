//! What binds tickets together, and what it makes of each: relations, merges, major incidents, problems.

pub mod decide;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::event::Happened;
use super::ticket::{Callback, Waiting, Work};
use super::words::{Priority, RelationKind, State, WaitingReason, Word};

/// Another ticket of the same client, by both of its names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// Which one.
    pub ticket_id: Uuid,
    /// What people call it.
    pub reference: String,
}

/// One fact about what binds tickets together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// It stands to another one in this way.
    Linked {
        /// In which.
        kind: RelationKind,
        /// To which.
        other: Other,
        /// In words.
        note: String,
    },
    /// It does no longer.
    Unlinked {
        /// In which way.
        kind: RelationKind,
        /// To which.
        other: Other,
    },
    /// It ended as part of another one.
    Merged {
        /// Of which.
        into: Other,
        /// In words.
        note: String,
    },
    /// The merge is undone.
    Unmerged {
        /// The revision of the fact that told of the merge.
        merge_revision: u64,
        /// What it was merged into.
        into: Other,
        /// Whoever had it and is still there.
        owner: Option<String>,
        /// In words.
        reason: String,
    },
    /// Many are hit.
    MajorDeclared {
        /// What an hour of it costs.
        severity: Priority,
        /// What is down.
        services: Vec<String>,
        /// How many are hit.
        affected_users: u32,
        /// Since when.
        impaired_from: Timestamp,
    },
    /// News for everybody concerned.
    StatusPushed(News),
    /// The news of the parent reached it: its requester is told.
    StatusDelivered {
        /// Whose news.
        parent: Other,
        /// What.
        news: News,
    },
    /// The figures of a major incident were wrong. What is not set stays.
    MajorAmended {
        /// How many were hit.
        affected_users: Option<u32>,
        /// Since when.
        impaired_from: Option<Timestamp>,
        /// Until when.
        impaired_until: Option<Timestamp>,
        /// Why they change.
        reason: String,
    },
    /// The major incident is over.
    MajorEnded {
        /// Until when it hit anybody.
        impaired_until: Timestamp,
        /// In words.
        note: String,
    },
    /// Why it keeps happening.
    RootCauseRecorded {
        /// Why.
        root_cause: String,
        /// What helps meanwhile; may be empty.
        workaround: String,
    },
    /// The problem is described.
    KnownErrorDeclared {
        /// Where.
        article_id: String,
        /// In words.
        note: String,
    },
    /// It came back after it was resolved.
    Recurred {
        /// As which ticket.
        incident: Other,
    },
}

/// How a major incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// 1, 2, 3 … per major incident.
    pub number: u32,
    /// For requesters.
    pub text: String,
    /// Until when there will be more, if that was promised.
    pub next_update_due_at: Option<Timestamp>,
}

/// What binds a ticket to others, as far as it is part of the ticket itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ties {
    /// While it is merged into another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged: Option<Merged>,
    /// Since it was declared a major incident.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub major: Option<Major>,
    /// What is known of it as a problem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// The last news of its parent, when they came, and whose they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub news: Option<(News, Timestamp, Other)>,
}

/// A merge, with what it put aside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// Into which.
    pub into: Other,
    /// Of the fact that tells of it.
    pub revision: u64,
    /// When.
    pub merged_at: Timestamp,
    /// Where it stood.
    #[serde(serialize_with = "as_word", deserialize_with = "of_word")]
    pub state: State,
    /// What it waited for, and since when.
    pub waiting: Option<(Reason, Timestamp)>,
    /// A promise to call: when it was given, and until when.
    pub callback: Option<(Timestamp, Timestamp)>,
}

/// A waiting reason as it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason(#[serde(serialize_with = "as_word", deserialize_with = "of_word")] pub WaitingReason);

/// A major incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Major {
    /// What an hour of it costs.
    #[serde(serialize_with = "as_word", deserialize_with = "of_word")]
    pub severity: Priority,
    /// What is down.
    pub services: Vec<String>,
    /// How many are hit.
    pub affected_users: u32,
    /// Since when they were.
    pub impaired_from: Timestamp,
    /// Until when; `None`: still.
    pub impaired_until: Option<Timestamp>,
    /// When it was declared.
    pub declared_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// The last news, and when they were pushed.
    pub status: Option<(News, Timestamp)>,
}

/// What is known of a problem.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Why it happens; empty: not known.
    pub root_cause: String,
    /// What helps meanwhile; may be empty.
    pub workaround: String,
    /// The article of the known error; empty: none.
    pub article_id: String,
    /// How often it came back after it was resolved.
    pub recurrences: u32,
}

fn as_word<W: Word, S: Serializer>(word: &W, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word.word())
}

fn of_word<'de, W: Word, D: Deserializer<'de>>(deserializer: D) -> Result<W, D::Error> {
    let text = String::deserialize(deserializer)?;
    W::from_word(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is no word known here")))
}

impl Work {
    /// What it waits for and since when, also while it is put aside by a merge.
    pub fn kept_waiting(&self) -> Option<Waiting> {
        let put_aside = self.ties.merged.as_ref().and_then(|merged| merged.waiting);
        self.waiting.or(put_aside.map(|(Reason(reason), since_at)| Waiting { reason, since_at }))
    }
}

/// Applies a fact.
pub(super) fn become_tied(work: &mut Work, fact: &Fact, happened: &Happened) {
    let at = happened.occurred_at;
    match fact {
        Fact::Linked { .. } | Fact::Unlinked { .. } => {}
        Fact::Merged { into, .. } => merge(work, into, happened),
        Fact::Unmerged { merge_revision, owner, .. } => unmerge(work, *merge_revision, owner.as_deref()),
        Fact::MajorDeclared { severity, services, affected_users, impaired_from } => {
            let before = work.ties.major.take();
            work.ties.major = Some(Major {
                severity: *severity,
                services: services.clone(),
                affected_users: *affected_users,
                impaired_from: *impaired_from,
                impaired_until: None,
                declared_at: at,
                ended_at: None,
                status: before.and_then(|before| before.status),
            });
        }
        Fact::StatusPushed(news) => {
            if let Some(major) = &mut work.ties.major {
                major.status = Some((news.clone(), at));
            }
        }
        Fact::StatusDelivered { parent, news } => work.ties.news = Some((news.clone(), at, parent.clone())),
        Fact::MajorAmended { affected_users, impaired_from, impaired_until, .. } => {
            if let Some(major) = &mut work.ties.major {
                major.affected_users = affected_users.unwrap_or(major.affected_users);
                major.impaired_from = impaired_from.unwrap_or(major.impaired_from);
                major.impaired_until = impaired_until.or(major.impaired_until);
            }
        }
        Fact::MajorEnded { impaired_until, .. } => {
            if let Some(major) = &mut work.ties.major {
                major.impaired_until = Some(*impaired_until);
                major.ended_at = Some(at);
            }
        }
        Fact::RootCauseRecorded { root_cause, workaround } => {
            let problem = work.ties.problem.get_or_insert_default();
            problem.root_cause.clone_from(root_cause);
            problem.workaround.clone_from(workaround);
        }
        Fact::KnownErrorDeclared { article_id, .. } => {
            work.ties.problem.get_or_insert_default().article_id.clone_from(article_id);
        }
        Fact::Recurred { .. } => {
            let problem = work.ties.problem.get_or_insert_default();
            problem.recurrences = problem.recurrences.saturating_add(1);
        }
    }
}

fn merge(work: &mut Work, into: &Other, happened: &Happened) {
    if !work.state.is_open() {
        return;
    }
    work.ties.merged = Some(Merged {
        into: into.clone(),
        revision: happened.revision,
        merged_at: happened.occurred_at,
        state: work.state,
        waiting: work.waiting.map(|waiting| (Reason(waiting.reason), waiting.since_at)),
        callback: work.callback.map(|callback| (callback.promised_at, callback.due_at)),
    });
    work.state = State::Cancelled;
    work.waiting = None;
    work.callback = None;
}

fn unmerge(work: &mut Work, merge_revision: u64, owner: Option<&str>) {
    let Some(merged) = work.ties.merged.take_if(|merged| merged.revision == merge_revision) else { return };
    work.owner = owner.map(str::to_owned);
    work.state = match (merged.state, &work.owner) {
        (State::InProgress, None) => State::Queued,
        (State::Registered | State::Queued, Some(_)) => State::InProgress,
        (state, _) => state,
    };
    work.waiting = merged.waiting.map(|(Reason(reason), since_at)| Waiting { reason, since_at });
    work.callback = merged.callback.map(|(promised_at, due_at)| Callback { promised_at, due_at });
}

/// The wait that a merge has put aside is over.
pub(super) fn resume_aside(work: &mut Work) {
    let has_owner = work.owner.is_some();
    if let Some(merged) = &mut work.ties.merged
        && merged.waiting.take().is_some()
    {
        merged.state = if has_owner { State::InProgress } else { State::Queued };
    }
}

impl Fact {
    /// Whether somebody has the ticket by it.
    pub fn takes(&self) -> bool {
        matches!(self, Self::Unmerged { owner: Some(_), .. })
    }

    /// Whether nobody has it any more by it.
    pub fn gives_back(&self) -> bool {
        matches!(self, Self::Merged { .. } | Self::Unmerged { owner: None, .. })
    }

    /// What happened, in one line.
    pub fn line(&self, one_line: impl Fn(&str) -> String) -> String {
        let because = |text: &str| if text.is_empty() { String::new() } else { format!(": {}", one_line(text)) };
        let spoken = |kind: RelationKind| kind.word().replace('_', " ");
        let utc = |at: &Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
        match self {
            Self::Linked { kind, other, note } => {
                format!("linked as {} {}{}", spoken(*kind), other.reference, because(note))
            }
            Self::Unlinked { kind, other } => format!("no longer {} {}", spoken(*kind), other.reference),
            Self::Merged { into, note } => format!("merged into {}{}", into.reference, because(note)),
            Self::Unmerged { into, owner, reason, .. } => {
                let whose = owner.as_ref().map_or_else(|| "its queue".to_owned(), Clone::clone);
                format!("the merge into {} is undone, back with {whose}{}", into.reference, because(reason))
            }
            Self::MajorDeclared { severity, services, affected_users, .. } => {
                let services = one_line(&services.join(", "));
                format!("declared a major incident, {severity}, {affected_users} users affected{}", because(&services))
            }
            Self::StatusPushed(news) => format!("status {} pushed{}", news.number, because(&news.text)),
            Self::StatusDelivered { parent, news } => {
                format!("told of status {} of {}{}", news.number, parent.reference, because(&news.text))
            }
            Self::MajorAmended { affected_users, impaired_from, impaired_until, reason } => {
                let users = affected_users.map(|users| format!("{users} users affected"));
                let from = impaired_from.as_ref().map(|at| format!("since {}", utc(at)));
                let until = impaired_until.as_ref().map(|at| format!("until {}", utc(at)));
                let corrected: Vec<String> = [users, from, until].into_iter().flatten().collect();
                format!("the impact is corrected to {}{}", corrected.join(", "), because(reason))
            }
            Self::MajorEnded { impaired_until, note } => {
                format!("the major incident is over since {}{}", utc(impaired_until), because(note))
            }
            Self::RootCauseRecorded { root_cause, workaround } => {
                let meanwhile = if workaround.is_empty() {
                    String::new()
                } else {
                    format!("; workaround: {}", one_line(workaround))
                };
                format!("the root cause is known{}{meanwhile}", because(root_cause))
            }
            Self::KnownErrorDeclared { article_id, note } => {
                format!("a known error, article {article_id}{}", because(note))
            }
            Self::Recurred { incident } => format!("it came back as {}", incident.reference),
        }
    }
}
