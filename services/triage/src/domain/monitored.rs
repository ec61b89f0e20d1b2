//! What monitoring tells of a ticket, and what was solved while it was registered.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::event::{Event, Happened};
use super::relation::{Fact, Other};
use super::ticket::{Actor, Work};
use super::words::{ActorKind, RelationKind, ResolutionCode, State};

/// Why a ticket has no article that monitoring resolved.
pub const BY_MONITORING: &str = "resolved by monitoring";
/// Why a ticket is a child of a storm's.
const BY_STORM: &str = "one of the first of the storm";

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// So many by now.
    Counted,
    /// Somebody knows of it.
    Acknowledged,
    /// It is said to be over, and held until it is sure.
    Recovering,
    /// It came back.
    Returned,
    /// It comes and goes.
    Flapping,
    /// All alerts of the ticket are over.
    Cleared,
    /// It was one of the first of a storm.
    OfStorm,
}

/// Something that monitoring tells of a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitored {
    /// What.
    pub note: Note,
    /// Of intake's facts on the ticket: what is told later is newer.
    pub revision: u64,
    /// Of which alert; empty: of several.
    pub dedup_key: String,
    /// Different alerts on the ticket.
    pub alerts: u64,
    /// How often they were triggered.
    pub posts: u64,
    /// One line.
    pub summary: String,
    /// When the hold-off ends.
    pub clears_at: Option<Timestamp>,
    /// The ticket of the storm that it belongs to.
    pub storm: Option<Other>,
}

/// A matter that was solved while it was registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// By whom.
    pub by: Actor,
    /// How.
    pub code: ResolutionCode,
    /// The article that helped.
    pub article_id: String,
    /// Why there is none.
    pub no_article_reason: String,
    /// In words.
    pub note: String,
    /// Who approved.
    pub approver: String,
}

impl Solved {
    /// What happens: the requester was there, and knows that it is solved.
    pub fn events(&self) -> [Event; 2] {
        let resolved = Event::Resolved {
            code: self.code,
            article_id: self.article_id.clone(),
            no_article_reason: self.no_article_reason.clone(),
            note: self.note.clone(),
            approver: self.approver.clone(),
        };
        [resolved, Event::Closed { confirmed: true }]
    }
}

impl Monitored {
    /// What it makes of the work, besides being told. Monitoring resolves only what nobody has taken over, and takes
    /// back only what it resolved itself; what was told before something newer comes too late.
    pub fn consequences(&self, work: &Work, history: &[Happened]) -> Vec<Event> {
        let newer = |happened: &Happened| match &happened.event {
            Event::Monitored(other) => other.revision > self.revision,
            _ => false,
        };
        if let Some(storm) = &self.storm {
            return joins(storm, work, history).into_iter().collect();
        }
        if history.iter().any(newer) {
            return Vec::new();
        }
        let is_untouched = work.owner.is_none() && matches!(work.state, State::Registered | State::Queued);
        match self.note {
            Note::Cleared if is_untouched => vec![Event::Resolved {
                code: ResolutionCode::Solved,
                article_id: String::new(),
                no_article_reason: BY_MONITORING.to_owned(),
                note: String::new(),
                approver: String::new(),
            }],
            Note::Returned if work.state == State::Resolved && is_ours(history) => {
                vec![Event::Reopened { reason: "the alert came back".to_owned() }, Event::Released]
            }
            _ => Vec::new(),
        }
    }

    /// What is told, in one line.
    pub fn line(&self) -> String {
        let of = if self.dedup_key.is_empty() { String::new() } else { format!(" ({})", self.dedup_key) };
        match self.note {
            Note::Counted if self.alerts > 1 => {
                format!("monitoring: {} alerts, triggered {} times by now", self.alerts, self.posts)
            }
            Note::Counted => format!("monitoring: triggered {} times by now", self.posts),
            Note::Acknowledged => format!("monitoring: somebody knows of it{of}"),
            Note::Recovering => {
                let until = self
                    .clears_at
                    .map_or_else(String::new, |at| format!("; for sure at {}", at.strftime("%Y-%m-%d %H:%M:%S UTC")));
                format!("monitoring: it is over{of}{until}")
            }
            Note::Returned => format!("monitoring: it came back{of}"),
            Note::Flapping => format!("monitoring: it comes and goes{of}; it stays open until it is quiet"),
            Note::Cleared => "monitoring: all of it is over".to_owned(),
            Note::OfStorm => {
                let storm = self.storm.as_ref().map_or_else(String::new, |storm| format!(" {}", storm.reference));
                format!("monitoring: it belongs to the storm{storm}")
            }
        }
    }
}

/// It becomes a child of the storm's ticket, while it is open and nobody's child.
fn joins(storm: &Other, work: &Work, history: &[Happened]) -> Option<Event> {
    let parents = history.iter().fold(BTreeSet::new(), |mut parents, one| {
        match &one.event {
            Event::Tied(Fact::Linked { kind: RelationKind::ChildOf, other, .. }) => parents.insert(other.ticket_id),
            Event::Tied(Fact::Unlinked { kind: RelationKind::ChildOf, other }) => parents.remove(&other.ticket_id),
            _ => false,
        };
        parents
    });
    let link = || Fact::Linked { kind: RelationKind::ChildOf, other: storm.clone(), note: BY_STORM.to_owned() };
    (work.state.is_open() && parents.is_empty()).then(|| Event::Tied(link()))
}

/// Whether monitoring resolved it.
fn is_ours(history: &[Happened]) -> bool {
    let last = history.iter().filter(|happened| matches!(happened.event, Event::Resolved { .. }));
    last.max_by_key(|happened| (happened.occurred_at, happened.revision)).is_some_and(|happened| {
        let by_rule =
            matches!(&happened.event, Event::Resolved { no_article_reason, .. } if no_article_reason == BY_MONITORING);
        by_rule && happened.actor.kind == ActorKind::Desk
    })
}
