//! The requester writes again on what is over.

use jiff::Timestamp;

use super::{Case, Reply};
use crate::domain::closing::written_again;
use crate::domain::event::Event;
use crate::domain::model::SupportModel;

impl Case {
    /// The requester wrote on a ticket that is resolved or closed: in grace it comes back, unless they only said thanks;
    /// after it another ticket follows. The same message again changes nothing.
    pub fn write_again(&mut self, reply: &Reply, model: &SupportModel, now: Timestamp) {
        let Some((_, work)) = &self.known else { return };
        let (Some(written), None) = (&reply.written, &work.ties.merged) else { return };
        let (thanks, message_id) = (written.is_thanks, &written.message_id);
        let Some(event) = written_again(work, reply.written_at, thanks, message_id, &model.closing) else { return };
        let mut events = vec![event];
        // Nobody has it any more: it goes back to its queue.
        if matches!(events[..], [Event::Reopened { .. }]) && work.owner.is_none() {
            events.push(Event::Released);
        }
        let (changed_at, cause_id) = (work.changed_at, reply.event_id.to_string());
        for (event, at) in events.into_iter().zip(1..) {
            let event_id = self.derived("again", &format!("{cause_id}/{at}"));
            if self.history.iter().all(|happened| happened.event_id != event_id) {
                let occurred_at = reply.written_at.max(changed_at);
                self.append(event_id, occurred_at, now, reply.actor.clone(), &cause_id, event);
            }
        }
        self.fold();
    }
}
