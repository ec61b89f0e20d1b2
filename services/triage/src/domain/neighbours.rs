//! Learning from what agents decided: similar past tickets of the same client vote for category, subcategory, queue and
//! priority.
//!
//! A ticket is a set of [`terms`]: its words, and what was known of it at registration. A [`Memory`] keeps the newest
//! tickets of one client with what they ended as, and an inverted index of their terms. Two tickets are as similar as the
//! terms that they share are telling, and a term tells much if the tickets that have it ended otherwise than most. The
//! nearest vote; how often such a vote came true so far is the confidence ([`Calibration`]).

mod calibration;
mod lessons;
mod memory;
mod terms;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use uuid::Uuid;

pub use calibration::Calibration;
pub use lessons::{lesson, terms_of, terms_of_ticket, with_learned};
pub use memory::{MEMORY_LIMIT, Memory};
pub use terms::{MAX_TERMS, Terms};

use super::words::Word;

/// Between a category and its subcategory in the value of [`Target::Subcategory`]: no name contains it.
pub const UNIT: char = '\u{1f}';
/// Values proposed per target.
pub const MAX_VALUES: usize = 3;
/// Tickets named for a value.
pub const MAX_NAMED: usize = 5;

/// What the neighbours vote for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    /// The category.
    Category,
    /// Category and subcategory together, with [`UNIT`] between them.
    Subcategory,
    /// The queue.
    Queue,
    /// The priority: `P1` … `P5`.
    Priority,
}

impl Word for Target {
    const ALL: &'static [Self] = &[Self::Category, Self::Subcategory, Self::Queue, Self::Priority];

    fn word(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Subcategory => "subcategory",
            Self::Queue => "queue",
            Self::Priority => "priority",
        }
    }

    fn number(self) -> i32 {
        match self {
            Self::Category => 1,
            Self::Subcategory => 2,
            Self::Queue => 3,
            Self::Priority => 4,
        }
    }
}

/// How many targets there are.
pub(crate) const TARGETS: usize = 4;

/// What a ticket ended as, or stands as by an agent's word: one value per [`Target`] in their order, empty if unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndedAs(pub [String; TARGETS]);

/// A past ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Example {
    /// Which one.
    pub ticket_id: Uuid,
    /// What people call it.
    pub reference: String,
    /// What was known of it at registration; see [`Terms`].
    pub terms: Vec<String>,
    /// What it ended as.
    pub ended_as: EndedAs,
    /// When that was learned.
    pub learned_at: Timestamp,
    /// What its neighbours said of it when it was registered; empty if they were not asked.
    pub said: Vec<Said>,
}

/// What neighbours said of a ticket, as far as it is needed to see whether it came true.
#[derive(Debug, Clone, PartialEq)]
pub struct Said {
    /// Of what.
    pub target: Target,
    /// Which value.
    pub value: String,
    /// Its part of the vote: 0 to 1.
    pub share: f64,
}

/// A value that similar tickets speak for.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// Of what.
    pub target: Target,
    /// Which value.
    pub value: String,
    /// How likely it is right, by how votes like this one came true so far: 0 to 1.
    pub confidence: f64,
    /// The value's part of the vote, weighted: 0 to 1.
    pub share: f64,
    /// Similar tickets that ended as this.
    pub agreeing: u32,
    /// Similar tickets that voted.
    pub similar: u32,
    /// The most similar of those that agree, nearest first; up to [`MAX_NAMED`].
    pub named: Vec<String>,
}

impl Proposal {
    /// What is kept of it to compare it with the truth.
    pub fn said(&self) -> Said {
        Said { target: self.target, value: self.value.clone(), share: self.share }
    }

    /// `8 of 10 similar tickets`
    pub fn counted(&self) -> String {
        format!("{} of {} similar tickets", self.agreeing, self.similar)
    }

    /// `8 of 10 similar tickets (ACME-1, ACME-7, …)`
    pub fn because(&self) -> String {
        let more = if self.agreeing as usize > self.named.len() { ", …" } else { "" };
        format!("{} ({}{more})", self.counted(), self.named.join(", "))
    }
}
