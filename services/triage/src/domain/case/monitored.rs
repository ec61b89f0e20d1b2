//! What monitoring tells, and what was solved while it was registered.

use jiff::Timestamp;
use uuid::Uuid;

use super::Case;
use crate::domain::event::Event;
use crate::domain::monitored::{Monitored, Solved};
use crate::domain::ticket::Actor;

impl Case {
    /// The ticket was solved while it was registered.
    pub(super) fn solve(&mut self, solved: &Solved, registered_at: Timestamp, now: Timestamp, cause_id: &str) {
        for (name, event) in ["solved", "closed"].into_iter().zip(solved.events()) {
            let event_id = self.derived(name, "");
            self.append(event_id, registered_at, now, solved.by.clone(), cause_id, event);
        }
    }

    /// Monitoring tells something of a ticket that is known. Twice changes nothing.
    pub fn monitor(&mut self, told: &Monitored, event_id: Uuid, by: &Actor, occurred_at: Timestamp, now: Timestamp) {
        let derived = self.derived("alert", &event_id.to_string());
        let Some((_, work)) = &self.known else { return };
        if self.history.iter().any(|happened| happened.event_id == derived) {
            return;
        }
        let (cause_id, changed_at) = (event_id.to_string(), work.changed_at);
        let consequences = told.consequences(work, &self.history);
        self.append(derived, occurred_at, now, by.clone(), &cause_id, Event::Monitored(told.clone()));
        for (event, at) in consequences.into_iter().zip(1..) {
            let event_id = self.derived("alert", &format!("{event_id}/{at}"));
            // Never before what was decided on.
            self.append(event_id, occurred_at.max(changed_at), now, Actor::desk(), &cause_id, event);
        }
        self.fold();
    }
}
