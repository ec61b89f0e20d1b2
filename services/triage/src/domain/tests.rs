//! The laws of triage.

mod history;
mod laws;
mod rules;
mod states;

use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::*;

const TICKET_ID: Uuid = Uuid::from_u128(42);

/// So many minutes after the registration.
fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn agent(name: &str) -> Actor {
    Actor { kind: ActorKind::Agent, actor_id: name.to_owned() }
}

fn happened(revision: u64, minutes: i64, event: Event) -> Happened {
    Happened {
        event_id: Uuid::from_u128(u128::from(revision)),
        revision,
        occurred_at: at(minutes),
        recorded_at: at(minutes),
        actor: agent("ada"),
        cause_id: String::new(),
        event,
    }
}

fn arrival() -> Arrival {
    Arrival {
        matter: Matter {
            reference: "ACME-1".to_owned(),
            subject: "Mail is down".to_owned(),
            channel: Some(Channel::Email),
            requester_email: "kari@acme.example".to_owned(),
            requester_name: String::new(),
            language: "nb".to_owned(),
            source: String::new(),
            external_ref: String::new(),
            registered_at: at(0),
        },
        description: "Nobody in Oslo can send.".to_owned(),
        sent: Sent::default(),
        site: "Oslo".to_owned(),
        department: "Sales".to_owned(),
        vip: false,
    }
}

fn unknown() -> Case {
    Case::unknown(ClientId::new("acme").unwrap(), TICKET_ID)
}

fn classification() -> Classification {
    let mut case = unknown();
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    case.ticket().unwrap().work.classification
}

/// A ticket as it is registered, after these events, one a minute.
fn after(events: &[Event]) -> Work {
    let mut case = unknown();
    case.register(&arrival(), &SupportModel::default(), at(0), "");
    let mut work = case.ticket().unwrap().work;
    for event in events {
        let revision = work.revision + 1;
        work = evolve(work, &happened(revision, revision as i64, event.clone()));
    }
    work
}

fn waiting(reason: WaitingReason) -> Event {
    Event::Waiting { reason, note: String::new() }
}

fn resolved(code: ResolutionCode) -> Event {
    Event::Resolved {
        code,
        article_id: "a1".to_owned(),
        no_article_reason: String::new(),
        note: String::new(),
        approver: String::new(),
    }
}
