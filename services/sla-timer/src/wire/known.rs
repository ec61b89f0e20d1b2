//! What events tell of a ticket beside what happened: the fields that conditions of a contract look at.

use contracts::ClientId;
use contracts::desk::v1::{Actor, Channel, TicketKind};
use contracts::intake::v1::RegisteredTicket;
use contracts::triage::v1::{TicketHandedOver, TicketTriaged};

use crate::domain::field::{Attributes, Field};

/// Characters of a text that conditions can look at; the rest is cut off.
const MOST_TEXT: usize = 500;

/// The attribute by which a sender names what the ticket is about.
const SERVICE: &str = "service";

/// Who did it. Imported history does not always know.
pub fn by(actor: Option<&Actor>) -> Option<String> {
    actor.map(|actor| clean(&actor.actor_id)).filter(|actor_id| !actor_id.is_empty())
}

/// What is known at the registration. Kind and category are the sender's; triage has the last word.
pub fn by_intake(ticket: &RegisteredTicket, client_id: &ClientId) -> Attributes {
    let mut known = Attributes::default().with(Field::Client, client_id.as_str());
    let mut learn = |field, text: &str| {
        if !text.is_empty() {
            known = std::mem::take(&mut known).with(field, clean(text));
        }
    };
    if let Some(matter) = &ticket.matter {
        learn(Field::Kind, kind(matter.kind));
        learn(Field::Channel, channel(matter.channel));
        learn(Field::Category, &matter.category);
        learn(Field::Subcategory, &matter.subcategory);
        learn(Field::Service, matter.attributes.get(SERVICE).map_or("", String::as_str));
        learn(Field::RequesterEmail, &matter.requester_email);
    }
    if let Some(requester) = &ticket.requester {
        learn(Field::RequesterEmail, &requester.email);
        learn(Field::RequesterVip, if requester.vip { "true" } else { "false" });
        learn(Field::Site, &requester.site);
        learn(Field::Department, &requester.department);
    }
    known
}

/// What triage found. Its place is named the first time only.
pub fn by_triage(triaged: &TicketTriaged) -> Attributes {
    let mut known = Attributes::default();
    if let Some(classification) = &triaged.classification {
        known = known
            .with(Field::Kind, kind(classification.kind))
            .with(Field::Category, clean(&classification.category))
            .with(Field::Subcategory, clean(&classification.subcategory));
    }
    if triaged.queue.is_empty() { known } else { placed(known, &triaged.queue, triaged.tier) }
}

/// Where a hand-over brought it.
pub fn by_hand_over(handed: &TicketHandedOver) -> Attributes {
    placed(Attributes::default(), &handed.queue, handed.tier)
}

/// Who was asked to help.
pub fn vendor(vendor: &str) -> Attributes {
    Attributes::default().with(Field::Vendor, clean(vendor))
}

fn placed(known: Attributes, queue: &str, tier: i32) -> Attributes {
    known.with(Field::Queue, clean(queue)).with(Field::Tier, tier.to_string())
}

/// The kind's word; empty if it is not set, or of a newer version.
fn kind(number: i32) -> &'static str {
    match TicketKind::try_from(number).unwrap_or_default() {
        TicketKind::Unspecified => "",
        TicketKind::Incident => "incident",
        TicketKind::ServiceRequest => "service_request",
        TicketKind::Question => "question",
        TicketKind::Problem => "problem",
        TicketKind::Change => "change",
    }
}

/// The channel's word; empty if it is not set, or of a newer version.
fn channel(number: i32) -> &'static str {
    match Channel::try_from(number).unwrap_or_default() {
        Channel::Unspecified => "",
        Channel::Phone => "phone",
        Channel::Email => "email",
        Channel::Portal => "portal",
        Channel::Chat => "chat",
        Channel::WalkIn => "walk_in",
        Channel::Api => "api",
        Channel::Monitoring => "monitoring",
    }
}

/// Text that JSON in Postgres can keep (no NUL).
fn clean(text: &str) -> String {
    text.chars().filter(|letter| *letter != '\0').take(MOST_TEXT).collect()
}
