//! The laws of triage.

mod assignment;
mod automation;
mod closing;
mod confidential;
mod duty;
mod fulfilment;
mod history;
mod laws;
mod learning;
mod monitored;
mod moves;
mod overdue;
mod posts;
mod relations;
mod rules;
mod runbooks;
mod search;
mod simulation;
mod states;
mod swarms;
mod workspace;

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
            completeness: None,
            registered_at: at(0),
        },
        description: "Nobody in Oslo can send.".to_owned(),
        sent: Sent::default(),
        site: "Oslo".to_owned(),
        department: "Sales".to_owned(),
        vip: false,
        solved: None,
        follow_up_of: None,
        asked: None,
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

/// An hour after the registration, by an agent who is no lead; the requester was asked and can be called.
fn around<'a>(model: &'a SupportModel, loads: &'a Loads) -> Around<'a> {
    Around { model, at: at(60), loads, is_lead: false, is_asked: true, has_requester: true }
}

/// The same with nothing on anybody's table.
fn decide(work: &Work, command: &Command, by: &Actor, model: &SupportModel) -> Result<Vec<Event>, Rejection> {
    super::decide(work, command, by, &around(model, &Loads::new()))
}

/// What a command makes of the work, in the minute after what happened before.
fn done(work: Work, events: Vec<Event>) -> Work {
    events.into_iter().fold(work, |work, event| {
        let revision = work.revision + 1;
        evolve(work, &happened(revision, 60 + revision as i64, event))
    })
}

/// Somebody who occupies a position on these days at these hours.
fn on_shift(agent: &str, position: &str, skills: &[&str], days: &[&str], hours: &str) -> Agent {
    let mut weekly = Weekly::default();
    for day in days {
        weekly.add(hours::weekday(day).unwrap(), [Span::read(hours).unwrap()]);
    }
    let (from, until) = (jiff::civil::Date::MIN, jiff::civil::Date::MAX);
    Agent {
        agent: agent.to_owned(),
        skills: skills.iter().map(ToString::to_string).collect(),
        shifts: vec![Shift { position: position.to_owned(), weekly, from, until }],
        ..Agent::default()
    }
}

const WEEK: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The service desk (tier 1, front) and the network (tier 2, through the front); posts `first` and `net` for them.
fn manned(agents: Vec<Agent>) -> SupportModel {
    let mut model = SupportModel::default();
    model.queues.insert("network".to_owned(), Queue::of_tier(2));
    model.tiers.insert(2, Tier { kind: TierKind::Specialist, through_front: true, channels: Vec::new() });
    for (position, queue) in [("first", "service-desk"), ("net", "network")] {
        let position = position.to_owned();
        let queues = [queue.to_owned()].into();
        model.positions.insert(position.clone(), Position { position, name: String::new(), queues });
    }
    model.agents = agents.into_iter().map(|agent| (agent.agent.clone(), agent)).collect();
    model
}

fn handed_over(queue: &str, tier: i32) -> Event {
    Event::HandedOver {
        from_queue: String::new(),
        from_tier: 0,
        queue: queue.to_owned(),
        tier,
        reason: String::new(),
        note: String::new(),
        insufficient_information: false,
        warm: false,
    }
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
