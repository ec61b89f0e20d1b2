use chassis::consume::{Delivery, Failure};
use contracts::desk::v1::{Channel, EventMeta, WaitingReason};
use contracts::reporting::v1 as proto;
use contracts::{ClientId, Fact as _, intake, sla_timer, subject_for, timestamp, triage};
use jiff::Timestamp;
use proptest::prelude::*;
use prost::Message;
use uuid::Uuid;

use super::facts::{CLOCKS, IMPACT, LIFE, fact, heard, source_of};
use super::requests::{self, MAX_CENTS, MAX_CLIENTS, MAX_MONTHS, MAX_TIME_ZONE};
use crate::WIRING;
use crate::domain::{Source, What};

const EVENT: Uuid = Uuid::from_u128(9);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn meta() -> EventMeta {
    EventMeta {
        event_id: EVENT.to_string(),
        client_id: "acme".to_owned(),
        ticket_id: Uuid::from_u128(1).to_string(),
        revision: 3,
        occurred_at: Some(timestamp(at(60))),
        recorded_at: Some(timestamp(at(90))),
        ..EventMeta::default()
    }
}

fn delivered(subject: &str, payload: Vec<u8>) -> Delivery {
    Delivery {
        event_id: EVENT,
        client_id: ClientId::new("acme").unwrap(),
        subject: subject.to_owned(),
        payload: payload.into(),
        span: tracing::Span::none(),
    }
}

fn waiting(meta: EventMeta) -> triage::v1::Event {
    let reason = WaitingReason::Vendor.into();
    let fact = triage::v1::event::Fact::TicketWaiting(triage::v1::TicketWaiting { reason, ..Default::default() });
    triage::v1::Event { meta: Some(meta), reference: "ACME-1".to_owned(), fact: Some(fact) }
}

fn deliver(event: &triage::v1::Event) -> Delivery {
    let subject = subject_for::<triage::v1::Event>(event.name().unwrap(), &ClientId::new("acme").unwrap());
    delivered(&subject, event.encode_to_vec())
}

#[test]
fn what_figures_are_made_of_is_read_from_those_who_announce_it() {
    for of in [&LIFE, &CLOCKS, &IMPACT] {
        for name in of.names {
            let by = WIRING.listens.iter().find(|listen| listen.facts.contains(name)).map(|listen| listen.package);
            let source = by.and_then(source_of);
            assert!(source.is_some_and(|source| of.sources.contains(&source)), "{name} comes from {by:?}");
        }
    }
}

fn registration(attributes: &[(&str, &str)], channel: Channel) -> What {
    let matter = intake::v1::Matter {
        subject: "A\0B".to_owned(),
        channel: channel.into(),
        attributes: attributes.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned())).collect(),
        ..Default::default()
    };
    let ticket = intake::v1::RegisteredTicket {
        reference: "ACME-1".to_owned(),
        matter: Some(matter),
        registered_at: Some(timestamp(at(30))),
        ..Default::default()
    };
    let imported = intake::v1::TicketImported { ticket: Some(ticket), facts: vec![] };
    let event = intake::v1::Event { meta: Some(meta()), fact: Some(intake::v1::event::Fact::TicketImported(imported)) };
    fact(1, EVENT, &event.encode_to_vec()).unwrap().unwrap().what
}

#[test]
fn every_fact_of_the_services_it_listens_to_is_kept() {
    let announced = [intake::v1::Event::NAMES, triage::v1::Event::NAMES, sla_timer::v1::Event::NAMES];
    for (listen, names) in crate::WIRING.listens.iter().zip(announced) {
        for name in names {
            assert!(listen.facts.contains(name), "{name} of {} leaves a gap in the history", listen.package);
        }
    }
}

#[test]
fn a_fact_is_kept_as_it_came_and_read_again() {
    let event = waiting(meta());
    let kept = heard(&deliver(&event)).unwrap().unwrap();
    assert_eq!((kept.name, kept.revision, kept.source), ("ticket_waiting", 3, Source::Triage));
    assert_eq!((kept.occurred_at, kept.recorded_at), (at(60), at(90)));
    assert_eq!(kept.payload, event.encode_to_vec());
    let read = fact(kept.source as i16, kept.event_id, &kept.payload).unwrap().unwrap();
    assert_eq!((read.occurred_at, read.revision, read.what), (at(60), 3, What::Waiting { reason: 2 }));
}

#[test]
fn an_imported_contact_keeps_its_own_word_and_a_plain_one_has_its_channel() {
    let word = |what: What| match what {
        What::Registered(registration) => (registration.contact, registration.subject, registration.registered_at),
        other => panic!("{other:?}"),
    };
    let own = registration(&[("contact_type", " Self service ")], Channel::Portal);
    assert_eq!(word(own), ("Self service".to_owned(), "AB".to_owned(), at(30)));
    assert_eq!(word(registration(&[("contact_type", " ")], Channel::WalkIn)).0, "walk_in");
    assert_eq!(word(registration(&[], Channel::Email)).0, "email");
    let long = "x".repeat(super::facts::MAX_CONTACT + 1);
    assert_eq!(word(registration(&[("contact_type", &long)], Channel::Email)).0.len(), super::facts::MAX_CONTACT);
}

#[test]
fn a_revocation_takes_the_breach_away_whatever_its_clock_says() {
    let clock = sla_timer::v1::Clock {
        clock_id: "c".to_owned(),
        metric: sla_timer::v1::Metric::Resolution.into(),
        state: sla_timer::v1::ClockState::Running.into(),
        breached_at: Some(timestamp(at(50))),
        ..Default::default()
    };
    let read = |of| {
        let event = sla_timer::v1::Event {
            meta: Some(meta()),
            clock: Some(clock.clone()),
            fact: Some(of),
            ..Default::default()
        };
        match fact(3, EVENT, &event.encode_to_vec()).unwrap().unwrap().what {
            What::Clock(clock) => clock.breached,
            other => panic!("{other:?}"),
        }
    };
    assert!(read(sla_timer::v1::event::Fact::ClockBreached(sla_timer::v1::ClockBreached::default())));
    assert!(!read(sla_timer::v1::event::Fact::BreachRevoked(sla_timer::v1::BreachRevoked::default())));
}

#[test]
fn a_fact_of_a_newer_version_is_ignored() {
    let unknown = delivered("skranke.triage.v1.ticket_teleported.acme", vec![1, 2, 3]);
    assert!(heard(&unknown).unwrap().is_none());
    assert!(heard(&delivered("skranke.knowledge_base.v1.article_published.acme", vec![])).unwrap().is_none());
}

#[test]
fn a_fact_without_ticket_time_or_its_own_id_is_poison() {
    let spoilt: [fn(&mut EventMeta); 5] = [
        |meta| meta.ticket_id.clear(),
        |meta| meta.occurred_at = None,
        |meta| meta.occurred_at = Some(prost_types::Timestamp { seconds: 253_402_300_800, nanos: 0 }),
        |meta| meta.event_id = Uuid::from_u128(8).to_string(),
        |meta| meta.revision = u64::MAX,
    ];
    for spoil in spoilt {
        let mut meta = meta();
        spoil(&mut meta);
        let outcome = heard(&deliver(&waiting(meta.clone())));
        assert!(matches!(outcome, Err(Failure::Poison(_))), "{meta:?}");
    }
    let mut elsewhere = deliver(&waiting(meta()));
    elsewhere.subject = "skranke.triage.v1.ticket_waiting.globex".to_owned();
    assert!(matches!(heard(&elsewhere), Err(Failure::Poison(_))));
}

fn period(from: i64, until: i64) -> proto::Period {
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    proto::Period { from: at(from), until: at(until) }
}

#[test]
fn a_period_has_two_instants_in_order() {
    assert!(requests::period(Some(&period(0, 1))).is_ok());
    assert!(requests::period(None).is_err());
    assert!(requests::period(Some(&proto::Period { until: None, ..period(0, 1) })).is_err());
    assert!(requests::period(Some(&period(1, 1))).is_err());
    // 9998-12-31T23:59:59Z is the last, 0001-01-01T00:00:00Z the first.
    assert!(requests::period(Some(&period(-62_135_596_800, 253_370_764_799))).is_ok());
    assert!(requests::period(Some(&period(-62_135_596_801, 0))).is_err());
    assert!(requests::period(Some(&period(0, 253_370_764_800))).is_err());
    assert_eq!(requests::optional_instant("at", None), Ok(None));
    assert!(requests::optional_instant("at", Some(&prost_types::Timestamp { seconds: 0, nanos: -1 })).is_err());
}

#[test]
fn a_time_zone_is_one_that_is_known() {
    assert_eq!(requests::time_zone("").unwrap(), jiff::tz::TimeZone::UTC);
    assert_eq!(requests::time_zone("Europe/Lisbon").unwrap().iana_name(), Some("Europe/Lisbon"));
    assert!(requests::time_zone("Europe/Atlantis").is_err());
    assert!(requests::time_zone(&"x".repeat(MAX_TIME_ZONE + 1)).is_err());
}

#[test]
fn clients_are_limited_and_every_malformed_one_is_told() {
    let named = |count: usize| vec!["acme".to_owned(); count];
    assert_eq!(requests::client_ids(&named(MAX_CLIENTS)).unwrap().len(), 1);
    assert_eq!(requests::client_ids(&named(MAX_CLIENTS + 1)).unwrap_err().len(), 1);
    let two = ["acme", "A", "b*"].map(str::to_owned);
    assert_eq!(requests::client_ids(&two).unwrap_err().len(), 2);
}

fn costs(currency: &str, months: Vec<(String, u64)>) -> proto::Costs {
    proto::Costs {
        client_id: "acme".to_owned(),
        currency: currency.to_owned(),
        months: months.into_iter().map(|(month, cents)| proto::MonthlyCost { month, cents }).collect(),
    }
}

#[test]
fn costs_survive_the_wire_and_stay_within_their_limits() {
    let all = |count: usize| -> Vec<(String, u64)> {
        (0..count).map(|nth| (format!("{:04}-{:02}", 2_000 + nth / 12, nth % 12 + 1), MAX_CENTS)).collect()
    };
    let most = costs("NOK", all(MAX_MONTHS));
    let (client_id, kept) = requests::costs(Some(&most)).unwrap();
    assert_eq!(super::answers::costs(&client_id, Some(&kept)), most);
    assert_eq!(requests::costs(Some(&costs("", vec![]))).unwrap().1, crate::domain::months::Costs::default());

    let violations = |costs: &proto::Costs| requests::costs(Some(costs)).unwrap_err().len();
    assert_eq!(violations(&costs("NOK", all(MAX_MONTHS + 1))), 1);
    assert_eq!(violations(&costs("kr", vec![("2026-13".to_owned(), MAX_CENTS + 1)])), 3);
    let twice = ("2026-01".to_owned(), 1);
    assert_eq!(violations(&costs("NOK", vec![twice.clone(), twice])), 1);
    assert_eq!(requests::costs(None).unwrap_err().len(), 1);
}

proptest! {
    #[test]
    fn hostile_bytes_are_poison_and_never_more(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        source in 0_i16..5,
        flip in (0_usize..60, any::<u8>()),
    ) {
        for name in ["ticket_waiting", "ticket_triaged"] {
            let subject = format!("skranke.triage.v1.{name}.acme");
            if let Ok(Some(kept)) = heard(&delivered(&subject, bytes.clone())) {
                prop_assert!(fact(kept.source as i16, kept.event_id, &kept.payload).is_ok());
            }
        }
        let mut nearly = waiting(meta()).encode_to_vec();
        let at = flip.0 % nearly.len();
        nearly[at] = flip.1;
        let delivery = delivered("skranke.triage.v1.ticket_waiting.acme", nearly);
        if let Ok(Some(kept)) = heard(&delivery) {
            prop_assert!(fact(kept.source as i16, kept.event_id, &kept.payload).is_ok());
        }
        let _whatever = fact(source, EVENT, &bytes);
    }
}
