//! What must hold for every message and service.

use jiff::{SignedDuration, Timestamp};
use prost::Message;

use crate::*;

#[test]
fn instants_survive_the_wire() {
    for text in ["1969-12-31T23:59:59.5Z", "1970-01-01T00:00:00Z", "2026-11-21T10:00:00.123456789Z"] {
        let at: Timestamp = text.parse().unwrap();
        assert_eq!(from_timestamp(&timestamp(at)), Some(at));
        assert!((0..1_000_000_000).contains(&timestamp(at).nanos));
    }
}

#[test]
fn malformed_instants_and_durations_are_none() {
    assert_eq!(from_timestamp(&prost_types::Timestamp { seconds: 0, nanos: -1 }), None);
    assert_eq!(from_timestamp(&prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), None);
    assert_eq!(from_duration(&prost_types::Duration { seconds: 1, nanos: -1 }), None);
    let length = SignedDuration::from_millis(-1_500);
    assert_eq!(from_duration(&duration(length)), Some(length));
}

#[test]
fn a_client_id_is_a_short_word() {
    for good in ["acme", "a1", "van-dijk-logistiek"] {
        assert!(ClientId::new(good).is_ok(), "{good}");
    }
    let too_long = "a".repeat(32);
    for bad in ["", "a", "1a", "Acme", "a.b", "a*", "a>", "a b", "å1", too_long.as_str()] {
        assert_eq!(ClientId::new(bad), Err(NotAClientId), "{bad}");
    }
}

fn registered_at(client: &str) -> intake::v1::Event {
    intake::v1::Event {
        meta: Some(desk::v1::EventMeta { client_id: client.to_owned(), ..Default::default() }),
        fact: Some(intake::v1::event::Fact::TicketRegistered(Default::default())),
    }
}

#[test]
fn a_message_is_taken_only_on_its_own_subject() {
    let payload = registered_at("acme").encode_to_vec();
    assert!(intake::v1::Event::received("skranke.intake.v1.ticket_registered.acme", &payload).is_ok());
    for foreign in ["skranke.intake.v1.ticket_registered.other", "skranke.intake.v1.message_added.acme"] {
        assert_eq!(intake::v1::Event::received(foreign, &payload), Err(Misaddressed::Elsewhere));
    }
}

#[test]
fn hostile_bytes_are_refused_and_never_panic() {
    for payload in [&b"\xff\xff\xff"[..], b"", b"\x0a\xff\xff\xff\xff\x0f", &[0x0a; 4096]] {
        let refused = intake::v1::Event::received("skranke.intake.v1.ticket_registered.acme", payload);
        assert!(matches!(refused, Err(Misaddressed::Malformed(_))));
    }
}

#[test]
fn every_fact_of_every_event_has_its_subject() {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let mut seen = 0;
    for file in &set.file {
        for message in file.message_type.iter().filter(|message| message.name() == "Event") {
            for field in message.field.iter().filter(|field| field.oneof_index.is_some()) {
                let camel: String = field.name().split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
                assert_eq!(field.type_name(), format!(".{}.{camel}", file.package()), "field and message agree");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 77);
}
