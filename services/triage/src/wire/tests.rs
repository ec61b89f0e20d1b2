//! Round trips, limits one past each, hostile bytes.

mod fulfilment;
mod limits;
mod runbooks;
mod workspace;

use std::collections::BTreeSet;

use prost::Message;
use uuid::Uuid;

use contracts::desk::v1 as desk;
use contracts::{ClientId, DESCRIPTORS};

use super::*;
use crate::domain::*;

fn matter() -> Matter {
    Matter {
        reference: "ACME-1".to_owned(),
        subject: "Mail".to_owned(),
        channel: Some(Channel::Phone),
        requester_email: String::new(),
        requester_name: String::new(),
        language: "nb".to_owned(),
        source: String::new(),
        external_ref: String::new(),
        completeness: None,
        registered_at: Timestamp::UNIX_EPOCH,
    }
}

fn every_event() -> Vec<Event> {
    let text = || "x".to_owned();
    let model = SupportModel::default();
    let classification = model.classify(&Sent::default(), &mut Facts::default());
    let placement = Some(model.place(&classification, &mut Facts::default()));
    let mut events = vec![
        Event::Triaged { classification: classification.clone(), placement },
        Event::Triaged { classification, placement: None },
        Event::Claimed { owner: text() },
        Event::Released,
        Event::HandedOver {
            from_queue: text(),
            from_tier: 1,
            queue: text(),
            tier: 2,
            reason: text(),
            note: text(),
            insufficient_information: true,
            warm: true,
        },
        Event::CallbackPromised { due_at: Timestamp::UNIX_EPOCH, reason: text() },
        Event::CalledBack { note: text() },
        Event::SwarmInvited { agent: text(), note: text() },
        Event::SwarmLeft { agent: text() },
        Event::Closing(crate::domain::closing::Step::Thanked),
        Event::Workspace(crate::domain::workspace::Step::WatcherAdded { agent: text() }),
        Event::Resumed { by_reply: true },
        Event::Resumed { by_reply: false },
        Event::Reopened { reason: text() },
        Event::Closed { confirmed: true },
        Event::Closed { confirmed: false },
    ];
    events.extend(runbooks::events());
    events.extend(AssignmentWay::ALL.iter().map(|way| Event::Assigned { owner: text(), way: *way, reason: text() }));
    events.extend(SwarmKind::ALL.iter().map(|kind| Event::SwarmJoined { agent: text(), kind: *kind }));
    events.extend(LapseReason::ALL.iter().map(|reason| Event::ClaimLapsed {
        owner: text(),
        reason: *reason,
        summary: text(),
    }));
    events.extend(WaitingReason::ALL.iter().map(|reason| Event::Waiting { reason: *reason, note: text() }));
    events.extend(ResolutionCode::ALL.iter().map(|code| Event::Resolved {
        code: *code,
        article_id: text(),
        no_article_reason: text(),
        note: text(),
        approver: text(),
    }));
    events.extend(CancellationReason::ALL.iter().map(|reason| Event::Cancelled {
        reason: *reason,
        duplicate_of: text(),
        note: text(),
    }));
    events
}

#[test]
fn every_event_survives_the_wire_and_has_its_line() {
    let ticket = Ticket {
        client_id: ClientId::new("acme").unwrap(),
        ticket_id: Uuid::from_u128(1),
        work: Work::registered(Timestamp::UNIX_EPOCH),
        matter: matter(),
    };
    for event in every_event() {
        let happened = Happened {
            event_id: Uuid::from_u128(7),
            revision: 3,
            occurred_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
            actor: Actor::desk(),
            cause_id: "because".to_owned(),
            event,
        };
        let announced = super::event::announced(&ticket, &happened);
        let entry = super::event::entry(&ticket, &happened, &announced);
        assert_eq!(super::event::happened(&entry).unwrap(), happened);
        assert!(!entry.fact.is_empty());
        let line = super::event::history_entry(&entry).unwrap().summary;
        assert!(!line.is_empty() && !line.contains(['\n', '_']), "{line}");
    }
}

fn numbers_agree<W: Word>(name: &str) {
    let set = prost_types::FileDescriptorSet::decode(DESCRIPTORS).unwrap();
    let all = set.file.iter().flat_map(|file| &file.enum_type);
    let found = all.into_iter().find(|found| found.name() == name).unwrap();
    assert_eq!(found.value.len(), W::ALL.len() + 1, "{name}");
    for word in W::ALL {
        let value = found.value.iter().find(|value| value.number() == word.number()).unwrap();
        assert!(
            value.name().ends_with(&format!("_{}", word.word().to_uppercase())),
            "{} {}",
            value.name(),
            word.word()
        );
        assert_eq!(W::from_word(word.word()).map(W::number), Some(word.number()));
    }
}

#[test]
fn every_word_has_its_number() {
    numbers_agree::<Kind>("TicketKind");
    numbers_agree::<Level>("Level");
    numbers_agree::<Priority>("Priority");
    numbers_agree::<Channel>("Channel");
    numbers_agree::<State>("TicketState");
    numbers_agree::<WaitingReason>("WaitingReason");
    numbers_agree::<ResolutionCode>("ResolutionCode");
    numbers_agree::<CancellationReason>("CancellationReason");
    numbers_agree::<ActorKind>("ActorKind");
    numbers_agree::<Field>("Field");
    numbers_agree::<AssignmentWay>("AssignmentWay");
    numbers_agree::<LapseReason>("LapseReason");
    numbers_agree::<SwarmKind>("SwarmKind");
}

#[test]
fn what_a_newer_version_wrote_is_kept_and_told_as_such() {
    let meta = Some(desk::EventMeta::default());
    let mut newer = contracts::triage::v1::Event { meta, ..Default::default() }.encode_to_vec();
    // Field 900, a message: a fact of tomorrow.
    newer.extend([0xa2, 0x38, 0x00]);
    let event = super::event::event_in(&newer).unwrap();
    assert_eq!(event, Event::Unknown);
    assert_eq!(crate::domain::told::line(&event), "something that this version does not know");
}

#[test]
fn hostile_bytes_are_refused_and_never_panic() {
    for payload in [&b"\xff\xff\xff"[..], b"", b"\x0a\xff\xff\xff\xff\x0f", &[0x0a; 4096]] {
        assert!(super::event::event_in(payload).is_err());
        let decoded = super::model::decoded(payload);
        let _model = decoded.map(|it| (super::model::check::checked(&it), super::model::compiled(&it)));
    }
}

#[test]
fn instants_are_kept_as_the_store_keeps_them() {
    let at = |seconds, nanos| instant(Some(&prost_types::Timestamp { seconds, nanos }));
    assert_eq!(at(1, 1_999), Some(Timestamp::from_microsecond(1_000_001).unwrap()));
    assert!(at(FIRST_SECOND, 0).is_some());
    assert_eq!(at(FIRST_SECOND - 1, 999_999_999), None);
    assert_eq!((at(i64::MAX, 0), at(0, -1), instant(None)), (None, None, None));
}

#[test]
fn nobody_named_is_the_desk_itself() {
    assert_eq!(actor_of(None), Actor::desk());
    let newer = desk::Actor { kind: 99, actor_id: "x\0y".to_owned() };
    assert_eq!(actor_of(Some(&newer)), Actor { kind: ActorKind::System, actor_id: "xy".to_owned() });
}

/// Every file of Rust below a folder of the workspace, as one text.
fn source(folder: &str) -> String {
    let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(folder)];
    let mut text = String::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                text.push_str(&std::fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn every_test_that_the_documentation_names_is_there() {
    let services = ["intake", "triage", "sla-timer", "knowledge-base", "reporting"];
    let places = services.map(|service| format!("services/{service}/src"));
    let others = ["crates/skranke/src", "tests/integration/tests/stories"];
    let known: String = places.iter().map(String::as_str).chain(others).map(source).collect();
    let triage = ("docs/triage.md", include_str!("../../../../docs/triage.md"), 60);
    let intake = ("docs/intake.md", include_str!("../../../../docs/intake.md"), 30);
    let rules = ("docs/rules.md", include_str!("../../../../docs/rules.md"), 40);
    for (page, docs, at_least) in [triage, intake, rules] {
        let mut names = BTreeSet::new();
        for table in docs.split("\n\n").filter(|part| part.contains(" | stated by |")) {
            let rows = table.lines().skip_while(|line| !line.starts_with("| ---")).skip(1);
            let cells = rows.filter_map(|row| row.split(" | ").nth(1));
            names.extend(cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)));
        }
        for name in &names {
            assert!(known.contains(&format!("fn {name}(")), "{page} names `{name}`, which is no test");
        }
        assert!(names.len() > at_least, "{page}: {}", names.len());
    }
}
