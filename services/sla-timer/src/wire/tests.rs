use chassis::consume::{Delivery, Failure};
use contracts::desk::v1::{
    Actor, ActorKind, Channel, EventMeta, Priority as WirePriority, TicketKind, Visibility, WaitingReason as Wait,
};
use contracts::intake::v1::{self as intake, HistoricFact, historic_fact};
use contracts::triage::v1 as triage;
use contracts::{ClientId, Fact as _, timestamp};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use prost::Message as _;
use uuid::Uuid;

use super::{News, from_intake, from_triage, is_known};
use crate::domain::clock::{Clock, State};
use crate::domain::contract::{Metric, Priority, WaitingReason};
use crate::domain::explain::{Kind as Paused, PauseReason, Segment};
use crate::domain::fact::{Key, Kind};
use crate::domain::field::{Attributes, Field};
use crate::domain::told::{Said, What};
use crate::store::Ticket;

const TICKET: Uuid = Uuid::from_u128(42);
const EVENT: Uuid = Uuid::from_u128(7);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_773_648_000 + second).expect("in range")
}

fn meta(kind: ActorKind) -> Option<EventMeta> {
    Some(EventMeta {
        event_id: EVENT.to_string(),
        client_id: "acme".to_owned(),
        ticket_id: TICKET.to_string(),
        revision: 3,
        occurred_at: Some(timestamp(at(0))),
        recorded_at: Some(timestamp(at(1))),
        actor: Some(Actor { kind: kind.into(), actor_id: "somebody".to_owned() }),
        cause_id: String::new(),
    })
}

fn delivery(subject: &str) -> Delivery {
    Delivery {
        event_id: EVENT,
        client_id: ClientId::new("acme").expect("well-formed"),
        subject: subject.to_owned(),
        payload: Vec::new().into(),
        span: tracing::Span::none(),
    }
}

fn ticket(channel: Channel) -> Option<intake::RegisteredTicket> {
    Some(intake::RegisteredTicket {
        reference: "ACME-1042".to_owned(),
        matter: Some(intake::Matter { channel: channel.into(), ..Default::default() }),
        requester: None,
        registered_at: Some(timestamp(at(0))),
        ..Default::default()
    })
}

fn told_by_intake(fact: intake::event::Fact, by: ActorKind) -> Result<News, Failure> {
    from_intake(&delivery(""), intake::Event { meta: meta(by), fact: Some(fact) })
}

fn told_by_triage(fact: triage::event::Fact) -> Result<News, Failure> {
    let event = triage::Event { meta: meta(ActorKind::Agent), reference: "ACME-1042".to_owned(), fact: Some(fact) };
    from_triage(&delivery(""), event)
}

fn kinds(news: Result<News, Failure>) -> Vec<Kind> {
    news.expect("it can be read").facts.into_iter().map(|witnessed| bare(witnessed.fact.kind)).collect()
}

/// Without what is known beside.
fn bare(kind: Kind) -> Kind {
    match kind {
        Kind::Registered { priority, .. } => Kind::registered(priority),
        Kind::Triaged { priority, .. } => Kind::triaged(priority),
        other => other,
    }
}

fn registered() -> Kind {
    Kind::registered(None)
}

#[test]
fn a_registration_is_a_fact_and_a_call_taken_by_an_agent_is_an_answer() {
    let told = |channel, by| {
        let fact = intake::TicketRegistered { ticket: ticket(channel), ..Default::default() };
        told_by_intake(intake::event::Fact::TicketRegistered(fact), by)
    };
    assert_eq!(kinds(told(Channel::Phone, ActorKind::Agent)), [registered(), Kind::PublicAnswer]);
    assert_eq!(kinds(told(Channel::WalkIn, ActorKind::Agent)), [registered(), Kind::PublicAnswer]);
    assert_eq!(kinds(told(Channel::Phone, ActorKind::System)), [registered()]);
    assert_eq!(kinds(told(Channel::Email, ActorKind::Agent)), [registered()]);
    let news = told(Channel::Phone, ActorKind::Agent).expect("it can be read");
    assert!(news.registers);
    assert_eq!(news.reference, "ACME-1042");
    assert_eq!(news.facts[0].event_id, EVENT);
    assert_eq!(news.facts[0].fact.key, Key { at: at(0), source: 0, revision: 3 });
    // Two facts of one event and instant: both must count.
    assert_ne!(news.facts[0].event_id, news.facts[1].event_id);
    assert!(news.facts[0].fact.key < news.facts[1].fact.key);
}

fn imported(facts: Vec<HistoricFact>) -> News {
    let fact = intake::TicketImported { ticket: ticket(Channel::Portal), facts };
    told_by_intake(intake::event::Fact::TicketImported(fact), ActorKind::System).expect("it can be read")
}

fn historic(fact_key: &str, second: i64, fact: historic_fact::Fact) -> HistoricFact {
    HistoricFact {
        fact_key: fact_key.to_owned(),
        occurred_at: Some(timestamp(at(second))),
        actor: None,
        fact: Some(fact),
    }
}

#[test]
fn of_imported_history_only_the_conversation_is_taken_from_intake() {
    use historic_fact::Fact as History;
    let answer = historic("a", 60, History::PublicAnswer(historic_fact::PublicAnswer {}));
    let question = historic("q", 60, History::RequesterMessage(historic_fact::RequesterMessage {}));
    let resolved = historic("r", 90, History::Resolved(historic_fact::Resolved::default()));
    let once = imported(vec![answer.clone(), question.clone(), resolved.clone()]);
    let mut told: Vec<_> = once.facts.iter().map(|witnessed| witnessed.fact.clone()).collect();
    told.sort();
    let told: Vec<_> = told.into_iter().map(|fact| (fact.key.at, bare(fact.kind))).collect();
    let expected = [(at(0), registered()), (at(60), Kind::RequesterMessage), (at(60), Kind::PublicAnswer)];
    assert_eq!(told, expected);
    // Grown and in another order, the same history is the same facts.
    let grown = imported(vec![
        historic("b", 99, History::PublicAnswer(historic_fact::PublicAnswer {})),
        question,
        resolved,
        answer,
    ]);
    assert_eq!(grown.facts.len(), 4);
    assert!(once.facts.iter().all(|witnessed| grown.facts.contains(witnessed)));
    assert!(grown.facts.iter().all(|witnessed| i64::try_from(witnessed.fact.key.revision).is_ok()));
}

#[test]
fn only_public_messages_of_people_count() {
    let added = |visibility: Visibility, author| {
        let author = Some(Actor { kind: ActorKind::into(author), actor_id: String::new() });
        let message = intake::Message { visibility: visibility.into(), author, ..Default::default() };
        let fact = intake::MessageAdded { reference: "ACME-1042".to_owned(), message: Some(message) };
        kinds(told_by_intake(intake::event::Fact::MessageAdded(fact), author_of_meta()))
    };
    assert_eq!(added(Visibility::Public, ActorKind::Agent), [Kind::PublicAnswer]);
    assert_eq!(added(Visibility::Public, ActorKind::Requester), [Kind::RequesterMessage]);
    assert_eq!(added(Visibility::Public, ActorKind::System), []);
    assert_eq!(added(Visibility::Public, ActorKind::Desk), []);
    assert_eq!(added(Visibility::Internal, ActorKind::Agent), []);
    assert_eq!(added(Visibility::Internal, ActorKind::Requester), []);
    assert_eq!(added(Visibility::Unspecified, ActorKind::Agent), []);
}

const fn author_of_meta() -> ActorKind {
    ActorKind::System
}

#[test]
fn every_fact_of_triage_has_its_kind() {
    use triage::event::Fact as Told;
    let triaged = |priority: i32| {
        let classification = Some(triage::Classification { priority, ..Default::default() });
        told_by_triage(Told::TicketTriaged(triage::TicketTriaged { classification, ..Default::default() }))
    };
    let waiting =
        |reason: i32| told_by_triage(Told::TicketWaiting(triage::TicketWaiting { reason, note: String::new() }));
    assert_eq!(kinds(triaged(WirePriority::P4.into())), [Kind::triaged(Priority::P4)]);
    assert_eq!(kinds(triaged(0)), [Kind::Classified { attributes: unclassified() }]);
    assert_eq!(kinds(told_by_triage(Told::TicketTriaged(Default::default()))), []);
    assert!(matches!(triaged(17), Err(Failure::Poison(_))));
    assert_eq!(kinds(waiting(Wait::Parts.into())), [Kind::Waiting { reason: WaitingReason::Parts }]);
    assert_eq!(kinds(waiting(0)), [Kind::Resumed]);
    assert!(matches!(waiting(17), Err(Failure::Poison(_))));
    assert_eq!(kinds(told_by_triage(Told::TicketResumed(Default::default()))), [Kind::Resumed]);
    assert_eq!(kinds(told_by_triage(Told::TicketResolved(Default::default()))), [Kind::Resolved]);
    assert_eq!(kinds(told_by_triage(Told::TicketReopened(Default::default()))), [Kind::Reopened]);
    assert_eq!(kinds(told_by_triage(Told::TicketClosed(Default::default()))), [Kind::Closed]);
    assert_eq!(kinds(told_by_triage(Told::TicketCancelled(Default::default()))), [Kind::Cancelled]);
    assert_eq!(kinds(told_by_triage(Told::TicketClaimed(Default::default()))), []);
    let news = told_by_triage(Told::TicketResumed(Default::default())).expect("it can be read");
    assert_eq!((news.facts[0].fact.key.source, news.registers), (1, false));
}

fn unclassified() -> Attributes {
    [Field::Kind, Field::Category, Field::Subcategory]
        .into_iter()
        .fold(Attributes::default(), |all, one| all.with(one, ""))
}

fn attributes(news: Result<News, Failure>) -> Vec<(Field, String)> {
    let fact = news.expect("it can be read").facts.remove(0).fact;
    let told = fact.kind.attributes().expect("it tells something").clone();
    told.iter().map(|(field, text)| (field, text.to_owned())).collect()
}

#[test]
fn a_registration_tells_what_conditions_look_at() {
    let requester = intake::Requester {
        email: "kari@acme.example".to_owned(),
        site: "Oslo\0".to_owned(),
        department: "Board".to_owned(),
        vip: true,
        ..Default::default()
    };
    let matter = intake::Matter {
        kind: TicketKind::Question.into(),
        channel: Channel::WalkIn.into(),
        category: "software".to_owned(),
        subcategory: "vpn".to_owned(),
        requester_email: "Kari@acme.example".to_owned(),
        attributes: [("service".to_owned(), "payroll".to_owned())].into(),
        ..Default::default()
    };
    let ticket = intake::RegisteredTicket {
        matter: Some(matter),
        requester: Some(requester),
        ..ticket(Channel::WalkIn).expect("a ticket")
    };
    let registered = intake::TicketRegistered { ticket: Some(ticket), ..Default::default() };
    let news = told_by_intake(intake::event::Fact::TicketRegistered(registered), ActorKind::Agent);
    let expected = [
        (Field::Kind, "question"),
        (Field::Category, "software"),
        (Field::Subcategory, "vpn"),
        (Field::Service, "payroll"),
        (Field::Channel, "walk_in"),
        (Field::Site, "Oslo"),
        (Field::Department, "Board"),
        (Field::RequesterEmail, "kari@acme.example"),
        (Field::RequesterVip, "true"),
        (Field::Client, "acme"),
    ];
    assert_eq!(attributes(news), expected.map(|(field, text)| (field, text.to_owned())));
}

#[test]
fn triage_tells_what_it_found_and_where_it_put_it() {
    use triage::event::Fact as Told;
    let classification = triage::Classification {
        kind: TicketKind::ServiceRequest.into(),
        category: "hardware".to_owned(),
        priority: WirePriority::P2.into(),
        ..Default::default()
    };
    let triaged = triage::TicketTriaged {
        classification: Some(classification),
        queue: "desk".to_owned(),
        tier: 1,
        queue_rule: String::new(),
    };
    let told = |fields: &[(Field, &str)]| -> Vec<_> {
        fields.iter().map(|(field, text)| (*field, (*text).to_owned())).collect()
    };
    assert_eq!(
        attributes(told_by_triage(Told::TicketTriaged(triaged.clone()))),
        told(&[
            (Field::Kind, "service_request"),
            (Field::Category, "hardware"),
            (Field::Subcategory, ""),
            (Field::Tier, "1"),
            (Field::Queue, "desk"),
        ])
    );
    // Classified anew it stays where it is.
    let again = triage::TicketTriaged { queue: String::new(), tier: 0, ..triaged };
    let found = attributes(told_by_triage(Told::TicketTriaged(again)));
    assert!(found.iter().all(|(field, _)| *field != Field::Tier && *field != Field::Queue));
    let handed = triage::TicketHandedOver { queue: "network".to_owned(), tier: 2, ..Default::default() };
    let news = told_by_triage(Told::TicketHandedOver(handed));
    assert!(matches!(news.as_ref().expect("it can be read").facts[0].fact.kind, Kind::EnteredTier { .. }));
    assert_eq!(attributes(news), told(&[(Field::Tier, "2"), (Field::Queue, "network")]));
}

#[test]
fn a_fact_tells_who_did_it() {
    let news = told_by_triage(triage::event::Fact::TicketResumed(Default::default())).expect("it can be read");
    assert_eq!(news.facts[0].fact.by.as_deref(), Some("somebody"));
    let mut nameless = triage::Event {
        meta: meta(ActorKind::Agent),
        reference: String::new(),
        fact: Some(triage::event::Fact::TicketResumed(Default::default())),
    };
    nameless.meta.as_mut().expect("a meta").actor = None;
    assert_eq!(from_triage(&delivery(""), nameless).expect("it can be read").facts[0].fact.by, None);
}

#[test]
fn a_pause_is_explained_by_its_fact_and_its_actor() {
    let fact = Key { at: at(0), source: 1, revision: 3 };
    let reason = PauseReason::Waiting(WaitingReason::Vendor);
    let kind = Paused::Paused { fact, reason, by: Some("kari".to_owned()) };
    let segment = super::segment(&Segment { from: at(0), to: at(60), kind });
    assert_eq!((segment.cause.as_str(), segment.actor_id.as_str()), ("waiting for vendor", "kari"));
    let fact = segment.fact.expect("a fact");
    assert_eq!((fact.service.as_str(), fact.revision, fact.occurred_at), ("triage", 3, Some(timestamp(at(0)))));
}

#[test]
fn what_cannot_be_kept_is_poison() {
    let with = |change: fn(&mut EventMeta)| {
        let mut event = triage::Event {
            meta: meta(ActorKind::Agent),
            reference: String::new(),
            fact: Some(triage::event::Fact::TicketResumed(Default::default())),
        };
        event.meta.as_mut().map(change);
        from_triage(&delivery(""), event)
    };
    assert!(with(|_| {}).is_ok());
    for (what, change) in [
        ("no instant", (|meta| meta.occurred_at = None) as fn(&mut EventMeta)),
        ("year 0", |meta| meta.occurred_at = Some(prost_types::Timestamp { seconds: -62_135_596_800, nanos: 0 })),
        ("year 2200", |meta| meta.occurred_at = Some(prost_types::Timestamp { seconds: 7_258_118_400, nanos: 0 })),
        ("no ticket", |meta| meta.ticket_id.clear()),
        ("past counting", |meta| meta.revision = u64::MAX),
    ] {
        assert!(matches!(with(change), Err(Failure::Poison(_))), "{what}");
    }
}

#[test]
fn a_breach_is_announced_with_its_true_instant_and_its_lateness() {
    let clock = Clock {
        metric: Metric::FirstResponse,
        cycle: 1,
        state: State::Running,
        started_at: at(0),
        target: SignedDuration::from_mins(30),
        due_at: Some(at(1_800)),
        breached_at: Some(at(1_800)),
        stopped_at: None,
        elapsed: SignedDuration::from_mins(31),
        calendar: "office".to_owned(),
        rule: Some("important people".to_owned()),
        contract_version: 2,
        agreed: None,
        warnings: Vec::new(),
        reminders: Vec::new(),
        next: None,
    };
    let ticket = Ticket {
        client_id: ClientId::new("acme").expect("well-formed"),
        ticket_id: TICKET,
        reference: "ACME-1042".to_owned(),
        is_registered: true,
        contract_version: Some(2),
        revision: 5,
        next_at: None,
        is_settled: None,
        changes: 0,
    };
    let said = Said { clock, occurred_at: at(1_800), order_at: at(1_800), what: What::Breached { event_id: EVENT } };
    let event = super::event(&ticket, &said, at(1_860), None);
    let meta = event.meta().expect("it has a meta");
    assert_eq!((meta.event_id.as_str(), meta.revision), (EVENT.to_string().as_str(), 5));
    assert_eq!(meta.occurred_at, Some(timestamp(at(1_800))));
    let clock = event.clock.as_ref().expect("it has a clock");
    assert_eq!(
        (clock.contract_version, clock.calendar.as_str(), clock.due_at),
        (2, "office", Some(timestamp(at(1_800))))
    );
    let Some(contracts::sla_timer::v1::event::Fact::ClockBreached(breached)) = event.fact else { panic!("a breach") };
    assert_eq!(breached.late_for.map(|late| late.seconds), Some(60));
}

#[test]
fn only_what_is_listened_to_is_read() {
    assert!(is_known("ticket_registered") && is_known("ticket_cancelled"));
    assert!(is_known("ticket_handed_over"));
    assert!(!is_known("ticket_claimed") && !is_known("ticket_exploded") && !is_known(""));
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let delivery = delivery("skranke.intake.v1.ticket_registered.acme");
        if let Ok(event) = intake::Event::decode(bytes.as_slice()) {
            drop(from_intake(&delivery, event));
        }
        if let Ok(event) = triage::Event::decode(bytes.as_slice()) {
            drop(from_triage(&delivery, event));
        }
    }
}
