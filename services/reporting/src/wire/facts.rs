//! Facts of the other services as reporting keeps and reads them.

use chassis::consume::{Delivery, Failure};
use contracts::desk::v1::{Channel, EventMeta};
use contracts::{Fact as Announced, intake, sla_timer, triage};
use jiff::Timestamp;
use prost::Message;
use uuid::Uuid;

use super::{impact, instant};
use crate::WIRING;
use crate::domain::{Clock, ClockState, Fact, Metric, Registration, Source, What};
use crate::store::NewFact;

/// Longest word for a contact that is kept, in characters; the reports group by it.
pub const MAX_CONTACT: usize = 100;
/// Longest other word that is kept (subject, queue, category), in characters.
pub const MAX_WORD: usize = 300;

/// The facts that some figures are made of. Those that are in none are kept only.
#[derive(Debug)]
pub struct Facts {
    /// Who announces them.
    pub sources: &'static [Source],
    /// What they are called.
    pub names: &'static [&'static str],
}

/// The facts that a ticket's own figures are made of.
pub const LIFE: Facts = Facts {
    sources: &[Source::Intake, Source::Triage],
    names: &[
        "ticket_registered",
        "ticket_imported",
        "ticket_triaged",
        "ticket_handed_over",
        "ticket_waiting",
        "ticket_resolved",
        "ticket_reopened",
        "ticket_closed",
        "ticket_cancelled",
        "ticket_unmerged",
    ],
};
/// The facts that its promises' figures are made of.
pub const CLOCKS: Facts = Facts {
    sources: &[Source::SlaTimer],
    names: &["clock_started", "clock_changed", "clock_breached", "breach_revoked", "clock_ended"],
};

/// The facts that changes and major incidents are measured by.
pub const IMPACT: Facts = Facts {
    sources: &[Source::Triage],
    names: &[
        "change_ended",
        "ticket_linked",
        "ticket_unlinked",
        "major_incident_declared",
        "major_incident_amended",
        "major_incident_ended",
    ],
};

/// The sender's own word for how a contact came, among a matter's attributes.
const CONTACT_TYPE: &str = "contact_type";

/// A kept payload cannot be read, though it could when it was kept.
#[derive(Debug, thiserror::Error)]
#[error("the kept fact {event_id} cannot be read")]
pub struct Unreadable {
    event_id: Uuid,
}

/// A message as a row of the history; `None` for a fact that this version does not know.
///
/// # Errors
/// Poison for what is no genuine fact about a ticket.
pub fn heard(delivery: &Delivery) -> Result<Option<NewFact>, Failure> {
    let listens = |package: &str| delivery.subject.strip_prefix(package).is_some_and(|rest| rest.starts_with('.'));
    let Some(listen) = WIRING.listens.iter().find(|listen| listens(listen.package)) else { return Ok(None) };
    if !listen.facts.contains(&delivery.fact()) {
        return Ok(None);
    }
    match source_of(listen.package) {
        Some(Source::Intake) => new_fact::<intake::v1::Event>(delivery, Source::Intake),
        Some(Source::Triage) => new_fact::<triage::v1::Event>(delivery, Source::Triage),
        Some(Source::SlaTimer) => new_fact::<sla_timer::v1::Event>(delivery, Source::SlaTimer),
        None => Ok(None),
    }
}

pub(super) fn source_of(package: &str) -> Option<Source> {
    [
        (intake::v1::Event::PACKAGE, Source::Intake),
        (triage::v1::Event::PACKAGE, Source::Triage),
        (sla_timer::v1::Event::PACKAGE, Source::SlaTimer),
    ]
    .into_iter()
    .find_map(|(of, source)| (of == package).then_some(source))
}

fn new_fact<E: Announced>(delivery: &Delivery, source: Source) -> Result<Option<NewFact>, Failure> {
    let event = E::received(&delivery.subject, &delivery.payload)?;
    let (Some(meta), Some(name)) = (event.meta(), event.name()) else { return Ok(None) };
    let poison = |what: &str| Failure::Poison(what.to_owned());
    if Uuid::try_parse(&meta.event_id).ok() != Some(delivery.event_id) {
        return Err(poison("its meta names another event_id than its message id"));
    }
    let ticket_id = Uuid::try_parse(&meta.ticket_id).map_err(|_| poison("it names no ticket"))?;
    let revision = i64::try_from(meta.revision).map_err(|_| poison("its revision is too large"))?;
    let occurred_at = instant(meta.occurred_at.as_ref()).ok_or_else(|| poison("it names no usable occurred_at"))?;
    Ok(Some(NewFact {
        client_id: delivery.client_id.clone(),
        event_id: delivery.event_id,
        ticket_id,
        source,
        revision,
        name,
        occurred_at,
        recorded_at: instant(meta.recorded_at.as_ref()).unwrap_or(occurred_at),
        payload: delivery.payload.to_vec(),
    }))
}

/// A kept payload as a fact that figures depend on; `None` for one that they do not depend on.
///
/// # Errors
/// [`Unreadable`] if it is not what [`heard`] let in.
pub fn fact(source: i16, event_id: Uuid, payload: &[u8]) -> Result<Option<Fact>, Unreadable> {
    let unreadable = || Unreadable { event_id };
    let when = |meta: Option<EventMeta>| {
        let meta = meta?;
        Some((instant(meta.occurred_at.as_ref())?, meta.revision))
    };
    let (source, (occurred_at, revision), what) = match source {
        1 => {
            let event = intake::v1::Event::decode(payload).map_err(|_| unreadable())?;
            let at = when(event.meta).ok_or_else(unreadable)?;
            (Source::Intake, at, event.fact.and_then(|fact| intake_says(fact, at.0)))
        }
        2 => {
            let event = triage::v1::Event::decode(payload).map_err(|_| unreadable())?;
            (Source::Triage, when(event.meta).ok_or_else(unreadable)?, event.fact.and_then(triage_says))
        }
        3 => {
            let mut event = sla_timer::v1::Event::decode(payload).map_err(|_| unreadable())?;
            (Source::SlaTimer, when(event.meta.take()).ok_or_else(unreadable)?, clock_says(event))
        }
        _ => return Err(unreadable()),
    };
    Ok(what.map(|what| Fact { occurred_at, source, revision, event_id, what }))
}

fn intake_says(fact: intake::v1::event::Fact, occurred_at: Timestamp) -> Option<What> {
    use intake::v1::event::Fact as Of;
    match fact {
        Of::TicketRegistered(fact) => registered(fact.ticket?, occurred_at),
        // Its history comes as facts of triage, which decides what it means for the ticket.
        Of::TicketImported(fact) => registered(fact.ticket?, occurred_at),
        Of::MessageAdded(_) | Of::AttachmentAdded(_) | Of::AlertNoted(_) => None,
    }
}

fn registered(ticket: intake::v1::RegisteredTicket, occurred_at: Timestamp) -> Option<What> {
    let matter = ticket.matter?;
    let channel = matter.channel();
    let word = matter.attributes.get(CONTACT_TYPE).map(|word| clean(word.trim(), MAX_CONTACT));
    Some(What::Registered(Registration {
        reference: clean(&ticket.reference, MAX_WORD),
        subject: clean(&matter.subject, MAX_WORD),
        kind: kind(matter.kind),
        channel: channel as u8,
        contact: word.filter(|word| !word.is_empty()).unwrap_or_else(|| channel_word(channel).to_owned()),
        registered_at: instant(ticket.registered_at.as_ref()).unwrap_or(occurred_at),
    }))
}

fn channel_word(channel: Channel) -> &'static str {
    match channel {
        Channel::Unspecified => "unknown",
        Channel::Phone => "phone",
        Channel::Email => "email",
        Channel::Portal => "portal",
        Channel::Chat => "chat",
        Channel::WalkIn => "walk_in",
        Channel::Api => "api",
        Channel::Monitoring => "monitoring",
    }
}

/// A `TicketKind` of this version, else 0.
fn kind(of: i32) -> u8 {
    u8::try_from(of).ok().filter(|kind| (1..=5).contains(kind)).unwrap_or(0)
}

fn triaged(fact: triage::v1::TicketTriaged) -> Option<What> {
    let classification = fact.classification?;
    Some(What::Triaged {
        kind: kind(classification.kind),
        priority: u8::try_from(classification.priority).ok().filter(|priority| (1..=5).contains(priority)),
        category: clean(&classification.category, MAX_WORD),
        queue: clean(&fact.queue, MAX_WORD),
    })
}

fn triage_says(fact: triage::v1::event::Fact) -> Option<What> {
    use triage::v1::event::Fact as Of;
    Some(match fact {
        Of::TicketTriaged(fact) => triaged(fact)?,
        Of::TicketHandedOver(fact) => What::HandedOver { queue: clean(&fact.queue, MAX_WORD) },
        Of::TicketWaiting(fact) => What::Waiting { reason: fact.reason() as u8 },
        Of::TicketResolved(_) => What::Resolved,
        Of::TicketReopened(_) => What::Reopened,
        Of::TicketClosed(_) => What::Closed,
        Of::TicketCancelled(_) => What::Cancelled,
        Of::TicketUnmerged(_) => What::Unmerged,
        Of::ChangeEnded(fact) => What::Impact(impact::change_ended(&fact)?),
        Of::TicketLinked(fact) => What::Impact(impact::linked(&fact)?),
        Of::TicketUnlinked(fact) => What::Impact(impact::unlinked(&fact)?),
        Of::MajorIncidentDeclared(fact) => What::Impact(impact::declared(&fact)?),
        Of::MajorIncidentAmended(fact) => What::Impact(impact::amended(&fact)),
        Of::MajorIncidentEnded(fact) => What::Impact(impact::ended(&fact)?),
        Of::TicketClaimed(_)
        | Of::TicketReleased(_)
        | Of::TicketResumed(_)
        | Of::TicketAssigned(_)
        | Of::ClaimLapsed(_)
        | Of::CallbackPromised(_)
        | Of::CalledBack(_)
        | Of::SwarmInvited(_)
        | Of::SwarmJoined(_)
        | Of::SwarmLeft(_)
        | Of::RequesterReminded(_)
        | Of::ConfirmationAsked(_)
        | Of::RequesterThanked(_)
        | Of::ContactCameLate(_)
        | Of::MonitoringTold(_)
        | Of::TicketNoted(_)
        | Of::ConfidentialQueuesTold(_)
        | Of::ConfidentialTicketTold(_)
        | Of::VendorCaseOpened(_)
        | Of::VendorCaseUpdated(_)
        | Of::VendorCaseClosed(_)
        | Of::ApprovalRequested(_)
        | Of::ApprovalDecided(_)
        | Of::ApproverReplaced(_)
        | Of::ApprovalOverdue(_)
        | Of::TimeBoxOverrun(_)
        | Of::TaskAdded(_)
        | Of::TaskCompleted(_)
        | Of::TaskSkipped(_)
        | Of::ItemRequested(_)
        | Of::ChangePlanned(_)
        | Of::ChangeStarted(_)
        | Of::StatusPushed(_)
        | Of::StatusDelivered(_)
        | Of::RootCauseRecorded(_)
        | Of::KnownErrorDeclared(_)
        | Of::ProblemRecurred(_)
        | Of::TagsChanged(_)
        | Of::WatcherAdded(_)
        | Of::WatcherRemoved(_)
        | Of::TimeWorked(_)
        | Of::TimeCorrected(_)
        | Of::AgentsMentioned(_)
        | Of::RunbookRequested(_)
        | Of::RunbookApproved(_)
        | Of::RunbookRefused(_)
        | Of::RunbookStarted(_)
        | Of::RunbookCancelAsked(_)
        | Of::RunbookEnded(_) => return None,
    })
}

fn clock_says(event: sla_timer::v1::Event) -> Option<What> {
    use sla_timer::v1::event::Fact as Of;
    use sla_timer::v1::{ClockState as State, Metric as Promise};
    let revoked = match event.fact? {
        Of::ClockWarned(_) => return None,
        Of::BreachRevoked(_) => true,
        Of::ClockStarted(_) | Of::ClockChanged(_) | Of::ClockBreached(_) | Of::ClockEnded(_) => false,
    };
    let clock = event.clock?;
    let metric = match clock.metric() {
        Promise::FirstResponse => Metric::FirstResponse,
        Promise::NextResponse => Metric::NextResponse,
        Promise::Resolution => Metric::Resolution,
        Promise::Update => Metric::Update,
        Promise::Tier => Metric::Tier,
        Promise::Vendor => Metric::Vendor,
        Promise::Callback => Metric::Callback,
        Promise::Unspecified => return None,
    };
    let state = match clock.state() {
        State::Running => ClockState::Running,
        State::Paused => ClockState::Paused,
        State::Met => ClockState::Met,
        State::Breached => ClockState::Breached,
        State::Cancelled => ClockState::Cancelled,
        State::Unspecified => return None,
    };
    Some(What::Clock(Clock {
        clock_id: clean(&clock.clock_id, MAX_WORD),
        metric,
        cycle: clock.cycle,
        state,
        breached: !revoked && (clock.breached_at.is_some() || state == ClockState::Breached),
        target_secs: clock.target_for.map_or(0, |target| target.seconds),
        started_at: instant(clock.started_at.as_ref()),
        stopped_at: instant(clock.stopped_at.as_ref()),
    }))
}

/// Text that Postgres can keep (no NUL), not longer than `most` characters.
pub(super) fn clean(text: &str, most: usize) -> String {
    text.chars().filter(|letter| *letter != '\0').take(most).collect()
}
