//! A note names agents.

use jiff::Timestamp;
use uuid::Uuid;

use super::Case;
use crate::domain::event::Event;
use crate::domain::ticket::Actor;
use crate::domain::workspace::Step;

impl Case {
    /// A note on a ticket that is known names agents. Twice changes nothing.
    pub fn mention(&mut self, step: Step, event_id: Uuid, by: &Actor, written_at: Timestamp, now: Timestamp) {
        let derived = self.derived("mention", &event_id.to_string());
        if self.known.is_none() || self.history.iter().any(|happened| happened.event_id == derived) {
            return;
        }
        self.append(derived, written_at, now, by.clone(), &event_id.to_string(), Event::Workspace(step));
        self.fold();
    }
}
