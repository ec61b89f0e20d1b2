//! What a history says of other tickets, without those that are not for its reader's eyes: that there is another one is
//! all that is left of it.

use std::collections::HashSet;

use super::event::Event;
use super::monitored::Monitored;
use super::relation::{Fact, Other};

/// What stands in a line instead of a reference.
const ANOTHER: &str = "another ticket";

/// Why a child that is resolved with its parent needs no article.
pub fn resolved_with(parent: &str) -> String {
    format!("resolved with {parent}")
}

fn other(fact: &mut Fact) -> Option<&mut Other> {
    match fact {
        Fact::Linked { other, .. } | Fact::Unlinked { other, .. } => Some(other),
        Fact::Merged { into, .. } | Fact::Unmerged { into, .. } => Some(into),
        Fact::StatusDelivered { parent, .. } => Some(parent),
        Fact::Recurred { incident } => Some(incident),
        Fact::MajorDeclared { .. }
        | Fact::StatusPushed(_)
        | Fact::MajorAmended { .. }
        | Fact::MajorEnded { .. }
        | Fact::RootCauseRecorded { .. }
        | Fact::KnownErrorDeclared { .. } => None,
    }
}

impl Event {
    /// The reference of the other ticket that it names, if it names one.
    pub fn named(&mut self) -> Option<&mut String> {
        match self {
            Self::Tied(fact) => other(fact).map(|other| &mut other.reference),
            Self::Monitored(Monitored { storm, .. }) => storm.as_mut().map(|storm| &mut storm.reference),
            Self::Cancelled { duplicate_of, .. } => Some(duplicate_of),
            _ => None,
        }
        .filter(|reference| !reference.is_empty())
    }

    /// The same for somebody who may not look into these tickets. `cause_id` is what led to it.
    #[must_use]
    pub fn without(mut self, hidden: &HashSet<String>, cause_id: &str) -> Self {
        if let Self::Resolved { no_article_reason, .. } = &mut self
            && hidden.contains(cause_id)
            && *no_article_reason == resolved_with(cause_id)
        {
            *no_article_reason = resolved_with(ANOTHER);
        }
        if let Some(reference) = self.named().filter(|reference| hidden.contains(*reference)) {
            ANOTHER.clone_into(reference);
        }
        self
    }
}
