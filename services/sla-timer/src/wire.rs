//! Between the wire and the domain: events of others to facts, clocks to the desk's words.

mod answer;
mod known;

use chassis::consume::{Delivery, Failure};
use contracts::desk::v1::{ActorKind, Channel, EventMeta, Priority as WirePriority, Visibility, WaitingReason as Wait};
use contracts::intake::v1::historic_fact::Fact as History;
use contracts::intake::v1::{self as intake, HistoricFact, RegisteredTicket};
use contracts::triage::v1 as triage;
use contracts::{ClientId, Fact as _, from_timestamp};
use jiff::Timestamp;
use uuid::Uuid;

use crate::WIRING;
use crate::domain::contract::{Priority, WaitingReason};
use crate::domain::fact::{Fact, Key, Kind};

pub use answer::{clock, contract, event, metric, segment};

#[cfg(test)]
mod tests;

/// Whose count a fact's revision is, in the order in which facts of one instant are told.
mod source {
    pub const INTAKE: u8 = 0;
    pub const TRIAGE: u8 = 1;
    /// What one event of intake's tells besides: imported history, and that a call is an answer.
    pub const BESIDES: u8 = 2;
}

/// Facts before 1970 or after 2199 are nobody's: they could not be kept or computed with.
const YEARS: std::ops::Range<i64> = 0..7_258_118_400;

/// What a message tells of one ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    pub event_id: Uuid,
    pub client_id: ClientId,
    pub ticket_id: Uuid,
    pub reference: String,
    /// It is the ticket's registration: with it the ticket gets its contract.
    pub registers: bool,
    /// Nothing, if it is of no concern to promises.
    pub facts: Vec<Witnessed>,
    pub traceparent: Option<String>,
}

/// A fact and who told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnessed {
    /// The same again is the same fact.
    pub event_id: Uuid,
    pub fact: Fact,
}

/// Whether we listen to facts of this name, from whomever.
pub fn is_known(fact: &str) -> bool {
    WIRING.listens.iter().any(|listen| listen.facts.contains(&fact))
}

/// What intake tells.
///
/// # Errors
/// [`Failure::Poison`] for what intake never says.
pub fn from_intake(delivery: &Delivery, event: intake::Event) -> Result<News, Failure> {
    let meta = event.meta().ok_or_else(|| poison("it has no meta"))?;
    let (reference, registers, facts) = match &event.fact {
        Some(intake::event::Fact::TicketRegistered(registered)) => {
            let ticket = registered.ticket.as_ref().ok_or_else(|| poison("it has no ticket"))?;
            let by_agent = meta.actor.as_ref().is_some_and(|actor| actor.kind() == ActorKind::Agent);
            (ticket.reference.clone(), true, registration(delivery, meta, ticket, by_agent)?)
        }
        Some(intake::event::Fact::TicketImported(imported)) => {
            let ticket = imported.ticket.as_ref().ok_or_else(|| poison("it has no ticket"))?;
            let mut facts = registration(delivery, meta, ticket, true)?;
            let ticket_id = ticket_id(meta)?;
            for fact in &imported.facts {
                facts.extend(historic(ticket_id, fact)?);
            }
            (ticket.reference.clone(), true, facts)
        }
        Some(intake::event::Fact::MessageAdded(added)) => {
            let message = added.message.as_ref().ok_or_else(|| poison("it has no message"))?;
            let author = message.author.as_ref().map(contracts::desk::v1::Actor::kind);
            let kind = match (message.visibility(), author) {
                (Visibility::Public, Some(ActorKind::Agent)) => Some(Kind::PublicAnswer),
                (Visibility::Public, Some(ActorKind::Requester)) => Some(Kind::RequesterMessage),
                // Notes of the desk, and machines: an automatic reply is no answer.
                _ => None,
            };
            let fact = kind.map(|kind| counted(delivery, meta, source::INTAKE, kind)).transpose()?;
            (added.reference.clone(), false, Vec::from_iter(fact))
        }
        // A file starts and stops nothing.
        Some(intake::event::Fact::AttachmentAdded(added)) => (added.reference.clone(), false, Vec::new()),
        Some(intake::event::Fact::AlertNoted(noted)) => (noted.reference.clone(), false, Vec::new()),
        None => return Err(poison("it names no fact known here")),
    };
    news(delivery, meta, reference, registers, facts)
}

/// What triage tells.
///
/// # Errors
/// [`Failure::Poison`] for what triage never says.
pub fn from_triage(delivery: &Delivery, event: triage::Event) -> Result<News, Failure> {
    let meta = event.meta().ok_or_else(|| poison("it has no meta"))?;
    let kind = work_told(event.fact.as_ref())?;
    let fact = kind.map(|kind| counted(delivery, meta, source::TRIAGE, kind)).transpose()?;
    news(delivery, meta, event.reference.clone(), false, Vec::from_iter(fact))
}

/// What a fact about the work means to promises; `None` for what is of no concern to them.
fn work_told(fact: Option<&triage::event::Fact>) -> Result<Option<Kind>, Failure> {
    use triage::event::Fact as Told;
    Ok(match fact {
        Some(Told::TicketTriaged(triaged)) => {
            let priority = triaged.classification.as_ref().map_or(0, |classification| classification.priority);
            let attributes = known::by_triage(triaged);
            match read_priority(priority)? {
                Some(priority) => Some(Kind::Triaged { priority, attributes }),
                None if attributes.is_empty() => None,
                None => Some(Kind::Classified { attributes }),
            }
        }
        Some(Told::TicketHandedOver(handed)) => Some(Kind::EnteredTier { attributes: known::by_hand_over(handed) }),
        // Waiting for nobody knows what pauses nothing, and ends the wait before it.
        Some(Told::TicketWaiting(waiting)) => {
            Some(read_reason(waiting.reason)?.map_or(Kind::Resumed, |reason| Kind::Waiting { reason }))
        }
        Some(Told::TicketResumed(_)) => Some(Kind::Resumed),
        Some(Told::TicketResolved(_)) => Some(Kind::Resolved),
        Some(Told::TicketReopened(_)) => Some(Kind::Reopened),
        Some(Told::TicketClosed(_)) => Some(Kind::Closed),
        Some(Told::TicketCancelled(_)) => Some(Kind::Cancelled),
        Some(other) => told_besides(other)?,
        None => return Err(poison("it names no fact known here")),
    })
}

/// The same of facts that most tickets have none of.
fn told_besides(fact: &triage::event::Fact) -> Result<Option<Kind>, Failure> {
    use triage::event::Fact as Told;
    Ok(match fact {
        Told::TicketUnmerged(undone) => Some(Kind::Unmerged { merge_revision: undone.merge_revision }),
        Told::MajorIncidentDeclared(_) => Some(Kind::MajorDeclared),
        Told::MajorIncidentEnded(_) => Some(Kind::MajorEnded),
        Told::StatusPushed(pushed) => Some(pushed_status(pushed)?),
        Told::CallbackPromised(promised) => Some(promised_callback(promised)?),
        Told::CalledBack(_) => Some(Kind::CalledBack),
        Told::VendorCaseOpened(it) => Some(Kind::VendorAsked { attributes: known::vendor(&it.vendor) }),
        Told::VendorCaseClosed(it) => Some(Kind::VendorDone { attributes: known::vendor(&it.vendor) }),
        // Who works on it is of no concern to promises.
        Told::TicketTriaged(_)
        | Told::TicketHandedOver(_)
        | Told::TicketWaiting(_)
        | Told::TicketResumed(_)
        | Told::TicketResolved(_)
        | Told::TicketReopened(_)
        | Told::TicketClosed(_)
        | Told::TicketCancelled(_)
        | Told::TicketClaimed(_)
        | Told::TicketReleased(_)
        | Told::TicketAssigned(_)
        | Told::ClaimLapsed(_)
        | Told::SwarmInvited(_)
        | Told::SwarmJoined(_)
        | Told::SwarmLeft(_)
        | Told::RequesterReminded(_)
        | Told::ConfirmationAsked(_)
        | Told::RequesterThanked(_)
        | Told::ContactCameLate(_)
        | Told::MonitoringTold(_)
        | Told::TicketNoted(_)
        | Told::ConfidentialQueuesTold(_)
        | Told::ConfidentialTicketTold(_)
        | Told::VendorCaseUpdated(_)
        | Told::ApprovalRequested(_)
        | Told::ApprovalDecided(_)
        | Told::ApproverReplaced(_)
        | Told::ApprovalOverdue(_)
        | Told::TimeBoxOverrun(_)
        | Told::TaskAdded(_)
        | Told::TaskCompleted(_)
        | Told::TaskSkipped(_)
        | Told::ItemRequested(_)
        | Told::ChangePlanned(_)
        | Told::ChangeStarted(_)
        | Told::ChangeEnded(_)
        | Told::TicketLinked(_)
        | Told::TicketUnlinked(_)
        | Told::StatusDelivered(_)
        | Told::MajorIncidentAmended(_)
        | Told::RootCauseRecorded(_)
        | Told::KnownErrorDeclared(_)
        | Told::ProblemRecurred(_)
        | Told::TagsChanged(_)
        | Told::WatcherAdded(_)
        | Told::WatcherRemoved(_)
        | Told::TimeWorked(_)
        | Told::TimeCorrected(_)
        | Told::AgentsMentioned(_)
        | Told::RunbookRequested(_)
        | Told::RunbookApproved(_)
        | Told::RunbookRefused(_)
        | Told::RunbookStarted(_)
        | Told::RunbookCancelAsked(_)
        | Told::RunbookEnded(_) => None,
    })
}

/// A call back, at an instant or as the contract says.
fn promised_callback(promised: &triage::CallbackPromised) -> Result<Kind, Failure> {
    let due_at = promised.due_at.as_ref().map(|at| instant(Some(at))).transpose()?;
    Ok(Kind::CallbackPromised { due_at })
}

/// News for those concerned, with a promise of more or as the contract says.
fn pushed_status(pushed: &triage::StatusPushed) -> Result<Kind, Failure> {
    let due_at = pushed.next_update_due_at.as_ref().map(|at| instant(Some(at))).transpose()?;
    Ok(due_at.map_or(Kind::StatusUpdate, |due_at| Kind::UpdatePromised { due_at }))
}

fn news(
    delivery: &Delivery,
    meta: &EventMeta,
    reference: String,
    registers: bool,
    facts: Vec<Witnessed>,
) -> Result<News, Failure> {
    Ok(News {
        event_id: delivery.event_id,
        client_id: delivery.client_id.clone(),
        ticket_id: ticket_id(meta)?,
        reference,
        registers,
        facts,
        traceparent: delivery.traceparent(),
    })
}

/// The registration, and that a call is an answer where a human took it.
fn registration(
    delivery: &Delivery,
    meta: &EventMeta,
    ticket: &RegisteredTicket,
    by_human: bool,
) -> Result<Vec<Witnessed>, Failure> {
    let registered = Kind::Registered { priority: None, attributes: known::by_intake(ticket, &delivery.client_id) };
    let registered = counted(delivery, meta, source::INTAKE, registered)?;
    let Fact { key, by, .. } = registered.fact.clone();
    let mut facts = vec![registered];
    let channel = ticket.matter.as_ref().map(intake::Matter::channel);
    if by_human && matches!(channel, Some(Channel::Phone | Channel::WalkIn)) {
        let key = Key { at: key.at, source: source::BESIDES, revision: 0 };
        facts.push(Witnessed {
            event_id: Uuid::new_v5(&delivery.event_id, b"contact"),
            fact: Fact { key, kind: Kind::PublicAnswer, by },
        });
    }
    Ok(facts)
}

/// What only intake tells of imported history; triage announces the rest.
fn historic(ticket_id: Uuid, historic: &HistoricFact) -> Result<Option<Witnessed>, Failure> {
    let (rank, kind) = match historic.fact {
        // Of one instant, the question comes before the answer.
        Some(History::RequesterMessage(_)) => (1 << 61, Kind::RequesterMessage),
        Some(History::PublicAnswer(_)) => (1 << 62, Kind::PublicAnswer),
        _ => return Ok(None),
    };
    let event_id = Uuid::new_v5(&ticket_id, historic.fact_key.as_bytes());
    let at = instant(historic.occurred_at.as_ref())?;
    // The import's revision will not do: it grows when the history does. The key of the fact stays.
    let revision = rank | (event_id.as_u64_pair().0 >> 4);
    let key = Key { at, source: source::BESIDES, revision };
    Ok(Some(Witnessed { event_id, fact: Fact { key, kind, by: known::by(historic.actor.as_ref()) } }))
}

fn counted(delivery: &Delivery, meta: &EventMeta, source: u8, kind: Kind) -> Result<Witnessed, Failure> {
    let at = instant(meta.occurred_at.as_ref())?;
    let revision = meta.revision;
    if i64::try_from(revision).is_err() {
        return Err(poison("its revision is past counting"));
    }
    let fact = Fact { key: Key { at, source, revision }, kind, by: known::by(meta.actor.as_ref()) };
    Ok(Witnessed { event_id: delivery.event_id, fact })
}

fn ticket_id(meta: &EventMeta) -> Result<Uuid, Failure> {
    Uuid::try_parse(&meta.ticket_id).map_err(|_| poison("its ticket_id is none"))
}

fn instant(at: Option<&prost_types::Timestamp>) -> Result<Timestamp, Failure> {
    let at = at.and_then(from_timestamp).ok_or_else(|| poison("an instant is missing or malformed"))?;
    if !YEARS.contains(&at.as_second()) {
        return Err(poison("an instant is not of the years 1970 to 2199"));
    }
    Timestamp::from_microsecond(at.as_microsecond()).map_err(|_| poison("an instant is out of range"))
}

/// None where the other system, or triage, has not decided.
fn read_priority(priority: i32) -> Result<Option<Priority>, Failure> {
    match WirePriority::try_from(priority) {
        Ok(WirePriority::Unspecified) => Ok(None),
        Ok(WirePriority::P1) => Ok(Some(Priority::P1)),
        Ok(WirePriority::P2) => Ok(Some(Priority::P2)),
        Ok(WirePriority::P3) => Ok(Some(Priority::P3)),
        Ok(WirePriority::P4) => Ok(Some(Priority::P4)),
        Ok(WirePriority::P5) => Ok(Some(Priority::P5)),
        Err(_) => Err(poison("its priority is none of P1 to P5")),
    }
}

fn read_reason(reason: i32) -> Result<Option<WaitingReason>, Failure> {
    match Wait::try_from(reason) {
        Ok(Wait::Unspecified) => Ok(None),
        Ok(Wait::Requester) => Ok(Some(WaitingReason::Requester)),
        Ok(Wait::Vendor) => Ok(Some(WaitingReason::Vendor)),
        Ok(Wait::Change) => Ok(Some(WaitingReason::Change)),
        Ok(Wait::Approval) => Ok(Some(WaitingReason::Approval)),
        Ok(Wait::Parts) => Ok(Some(WaitingReason::Parts)),
        Ok(Wait::Scheduled) => Ok(Some(WaitingReason::Scheduled)),
        Err(_) => Err(poison("its waiting reason is unknown here")),
    }
}

fn poison(why: &str) -> Failure {
    Failure::Poison(why.to_owned())
}
