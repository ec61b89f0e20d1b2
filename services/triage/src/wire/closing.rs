//! What happens by itself, on the wire.

use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact;

use super::instant;
use crate::domain::Event;
use crate::domain::closing::Step;

/// As it is announced.
pub fn fact(step: Step) -> Fact {
    match step {
        Step::Reminded { reminder, of, closes_at } => {
            Fact::RequesterReminded(proto::RequesterReminded { reminder, of, closes_at: closes_at.map(timestamp) })
        }
        Step::ConfirmationAsked { closes_at } => {
            Fact::ConfirmationAsked(proto::ConfirmationAsked { closes_at: Some(timestamp(closes_at)) })
        }
        Step::Thanked => Fact::RequesterThanked(proto::RequesterThanked {}),
        Step::CameLate { message_id } => Fact::ContactCameLate(proto::ContactCameLate { message_id }),
    }
}

/// From the history; `None` if it is something else, `Some(None)` if it cannot be read.
pub fn event_of(fact: &Fact) -> Option<Option<Event>> {
    let step = match fact {
        Fact::RequesterReminded(it) => {
            Some(Step::Reminded { reminder: it.reminder, of: it.of, closes_at: instant(it.closes_at.as_ref()) })
        }
        Fact::ConfirmationAsked(it) => {
            instant(it.closes_at.as_ref()).map(|closes_at| Step::ConfirmationAsked { closes_at })
        }
        Fact::RequesterThanked(proto::RequesterThanked {}) => Some(Step::Thanked),
        Fact::ContactCameLate(it) => Some(Step::CameLate { message_id: it.message_id.clone() }),
        _ => return None,
    };
    Some(step.map(Event::Closing))
}
