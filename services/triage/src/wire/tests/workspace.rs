//! Tags, watchers, time worked, mentions, bulk commands on the wire.

use contracts::triage::v1 as proto;
use contracts::triage::v1::bulk_command_request::Command as Bulk;

use super::*;
use crate::domain::workspace::{Errand, Step, Workspace};
use crate::wire::request::Commands;
use crate::wire::workspace::request::{MAX_BULK, MAX_TAG, bulk, is_tag};

fn every_step() -> Vec<Step> {
    let (text, some) = (|| "so".to_owned(), || vec!["vpn".to_owned()]);
    vec![
        Step::Tagged { added: some(), removed: vec![] },
        Step::Tagged { added: vec![], removed: some() },
        Step::WatcherAdded { agent: text() },
        Step::TimeWorked { number: 1, agent: text(), minutes: 25, what_for: text(), worked_at: Timestamp::UNIX_EPOCH },
        Step::TimeCorrected { number: 1, minutes: -10, reason: text() },
        Step::Mentioned { agents: vec!["bo".to_owned()], excerpt: text(), message_id: "m".to_owned() },
        Step::WatcherRemoved { agent: text() },
    ]
}

#[test]
fn what_agents_keep_survives_the_history_and_the_store() {
    let mut work = Work::registered(Timestamp::UNIX_EPOCH);
    for step in every_step() {
        let fact = crate::wire::workspace::fact(step.clone());
        assert_eq!(crate::wire::workspace::event_of(&fact), Some(Some(Event::Workspace(step.clone()))));
        crate::domain::workspace::evolve(&mut work, &step);
    }
    let kept = serde_json::to_string(&work.workspace).unwrap();
    assert_eq!(serde_json::from_str::<Workspace>(&kept).unwrap(), work.workspace);
    assert_eq!(serde_json::from_str::<Workspace>("{}").unwrap(), Workspace::default());
    assert_eq!((work.workspace.minutes(), work.workspace.watchers), (15, vec!["bo".to_owned()]));
}

fn asked(tickets: Vec<String>, command: Option<Bulk>) -> proto::BulkCommandRequest {
    proto::BulkCommandRequest { request_id: "r-1".to_owned(), tickets, command }
}

fn one() -> Vec<String> {
    vec!["acme-1".to_owned()]
}

#[test]
fn a_bulk_command_names_up_to_five_hundred_tickets() {
    let many = |count: usize| (0..count).map(|n| format!("ACME-{n}")).collect::<Vec<_>>();
    let claim = || Some(Bulk::Claim(proto::BulkClaim {}));
    assert_eq!(bulk(&asked(many(MAX_BULK), claim())).unwrap().tickets.len(), MAX_BULK);
    assert!(bulk(&asked(many(MAX_BULK + 1), claim())).is_err());
    for tickets in [vec![], vec![String::new()], vec!["x".repeat(51)], vec!["a\0".to_owned()]] {
        assert!(bulk(&asked(tickets.clone(), claim())).is_err(), "{tickets:?}");
    }
    assert!(bulk(&asked(one(), None)).is_err());
    assert!(bulk(&proto::BulkCommandRequest { request_id: String::new(), ..asked(one(), claim()) }).is_err());
}

#[test]
fn each_of_a_bulk_is_read_as_the_single_command_of_its_kind() {
    let head = || ("r-1".to_owned(), "acme-1".to_owned());
    let (request_id, ticket) = head();
    let single = proto::HandOverTicketRequest {
        request_id,
        ticket,
        queue: "network".to_owned(),
        reason: "theirs".to_owned(),
        ..Default::default()
    };
    let of_many = Bulk::HandOver(proto::BulkHandOver {
        queue: "network".to_owned(),
        reason: "theirs".to_owned(),
        note: String::new(),
    });
    assert_eq!(bulk(&asked(one(), Some(of_many))).unwrap().command, single.asked().unwrap().command);
    let told = bulk(&asked(one(), Some(Bulk::HandOver(proto::BulkHandOver::default())))).unwrap_err();
    let told: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(told, ["hand_over.queue must not be empty", "hand_over.reason must not be empty"]);
    let tags = |add: &[&str]| {
        let add = add.iter().map(ToString::to_string).collect();
        bulk(&asked(one(), Some(Bulk::Tag(proto::BulkTag { add, remove: vec![] }))))
    };
    let errand = Errand::Tag { add: vec!["vpn".to_owned()], remove: vec![] };
    assert_eq!(tags(&["vpn"]).unwrap().command, Command::Workspace(errand));
    assert!(tags(&[]).is_err());
}

#[test]
fn tags_are_small_letters_digits_and_hyphens() {
    for tag in ["a", "vpn", "floor-3", &"x".repeat(MAX_TAG)] {
        assert!(is_tag(tag), "{tag}");
    }
    for tag in ["", "VPN", "a b", "ø", "a_b", "a\0", &"x".repeat(MAX_TAG + 1)] {
        assert!(!is_tag(tag), "{tag}");
    }
}

#[test]
fn time_worked_is_one_minute_to_a_day() {
    let record = |minutes| proto::RecordTimeRequest {
        request_id: "r-1".to_owned(),
        ticket: "ACME-1".to_owned(),
        minutes,
        what_for: "a cable".to_owned(),
        ..Default::default()
    };
    for (minutes, is_taken) in [(0, false), (1, true), (1_440, true), (1_441, false), (-1, false), (i32::MIN, false)] {
        assert_eq!(record(minutes).asked().is_ok(), is_taken, "{minutes}");
    }
    let correct = |right_minutes, entry| proto::CorrectTimeRequest {
        request_id: "r-1".to_owned(),
        ticket: "ACME-1".to_owned(),
        entry,
        right_minutes,
        reason: "wrong".to_owned(),
        ..Default::default()
    };
    for (minutes, entry, is_taken) in [(0, 1, true), (1_440, 1, true), (1_441, 1, false), (-1, 1, false), (5, 0, false)]
    {
        assert_eq!(correct(minutes, entry).asked().is_ok(), is_taken, "{minutes} of {entry}");
    }
    let odd = Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 });
    assert!(proto::RecordTimeRequest { worked_at: odd, ..record(1) }.asked().is_err());
}
