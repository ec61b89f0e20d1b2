//! Calendars, contracts and histories for property tests.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::calendar::{CalendarSpec, Weekday};
use super::contract::{Contract, Metric, OnReopen, Priority, Target, WaitingReason};
use super::fact::{Fact, Key, Kind};

/// Zones with a moment within a day of which their offset changes; the last two have none near.
pub(super) const CHANGES: [(&str, &str); 14] = [
    ("Europe/Oslo", "2026-03-29T01:00:00Z"),
    ("Europe/Oslo", "2026-10-25T01:00:00Z"),
    ("Europe/Berlin", "2027-03-28T01:00:00Z"),
    ("Europe/Berlin", "2027-10-31T01:00:00Z"),
    ("America/New_York", "2026-03-08T07:00:00Z"),
    ("America/New_York", "2026-11-01T06:00:00Z"),
    ("America/New_York", "2151-03-14T07:00:00Z"),
    ("Australia/Lord_Howe", "2026-04-04T15:00:00Z"),
    ("Australia/Lord_Howe", "2026-10-03T15:30:00Z"),
    ("Africa/Casablanca", "2026-02-15T02:00:00Z"),
    ("Africa/Casablanca", "2026-03-22T02:00:00Z"),
    ("Pacific/Kiritimati", "1994-12-31T10:00:00Z"),
    ("Pacific/Kiritimati", "2026-06-01T00:00:00Z"),
    ("Asia/Kathmandu", "2026-06-01T00:00:00Z"),
];

fn clock_face(minute: u32) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// Up to three intervals, in any order.
fn intervals() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::btree_set(0..=96_u32, 0..=6)
        .prop_map(|edges: BTreeSet<u32>| {
            let edges: Vec<u32> = edges.into_iter().map(|quarter| quarter * 15).collect();
            edges.chunks_exact(2).map(|edge| format!("{}-{}", clock_face(edge[0]), clock_face(edge[1]))).collect()
        })
        .prop_shuffle()
}

/// A calendar of that zone with special days within three days of `near`; open on Sundays at least.
pub(super) fn calendar(time_zone: &'static str, near: Timestamp) -> impl Strategy<Value = CalendarSpec> {
    let weekly = proptest::collection::btree_map(select(&Weekday::ALL[..]), intervals(), 0..=7);
    let special = proptest::collection::btree_map(-3..=3_i64, intervals(), 0..=2);
    (weekly, special).prop_map(move |(mut weekly, special)| {
        weekly.entry(Weekday::Sun).or_default();
        if weekly.values().all(Vec::is_empty) {
            weekly.insert(Weekday::Sun, vec!["01:15-02:45".to_owned()]);
        }
        let date = |days: i64| near.as_second() + days * 86_400;
        let written = |second| Timestamp::from_second(second).expect("in range").to_string()[..10].to_owned();
        let special_days = special.into_iter().map(|(days, hours)| (written(date(days)), hours)).collect();
        CalendarSpec { time_zone: time_zone.to_owned(), weekly, special_days }
    })
}

/// A calendar and an instant near which its zone's offset changes.
pub(super) fn calendar_near_a_change() -> impl Strategy<Value = (CalendarSpec, Timestamp)> {
    select(&CHANGES[..]).prop_flat_map(|(zone, near)| {
        let near: Timestamp = near.parse().expect("an instant");
        (calendar(zone, near), Just(near))
    })
}

pub(super) fn reason() -> impl Strategy<Value = WaitingReason> {
    use WaitingReason::{Approval, Change, Parts, Requester, Scheduled, Vendor};
    select(&[Requester, Vendor, Change, Approval, Parts, Scheduled][..])
}

pub(super) fn priority() -> impl Strategy<Value = Priority> {
    select(&Priority::ALL[..])
}

fn targets() -> impl Strategy<Value = BTreeMap<Priority, BTreeMap<Metric, Target>>> {
    let target = |shortest: u32, longest: u32| {
        proptest::option::weighted(
            0.8,
            (shortest..longest, select(&["a", "b"][..])).prop_map(|(minutes, calendar)| Target {
                within: format!("{minutes}m"),
                calendar: calendar.to_owned(),
            }),
        )
    };
    let row = (target(1, 300), target(1, 600), target(301, 3000)).prop_map(|(first, next, resolution)| {
        let row = [(Metric::FirstResponse, first), (Metric::NextResponse, next), (Metric::Resolution, resolution)];
        row.into_iter().filter_map(|(metric, target)| Some((metric, target?))).collect()
    });
    proptest::collection::btree_map(priority(), row, 1..=5)
}

/// A contract over two calendars of zones that change at that time of year.
pub(super) fn contract() -> impl Strategy<Value = Contract> {
    let near: Timestamp = START.parse().expect("an instant");
    let calendars = (calendar("Europe/Oslo", near), calendar("Africa/Casablanca", near));
    let pause_on =
        proptest::collection::btree_map(select(&Metric::ALL[..]), proptest::collection::vec(reason(), 0..4), 0..=3);
    use OnReopen::{Continue, None, Restart, Resume};
    let on_reopen = select(&[Resume, Restart, Continue, None][..]);
    let warn_at = subsequence(vec![90, 10, 50, 75, 33], 0..=5);
    (calendars, targets(), pause_on, on_reopen, warn_at).prop_map(|((a, b), targets, pause_on, on_reopen, warn_at)| {
        let calendars = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
        Contract { calendars, targets, pause_on, on_reopen, warn_at }
    })
}

/// The week before the clocks change in Oslo.
pub(super) const START: &str = "2026-03-23T08:00:00Z";

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        3 => Just(Kind::PublicAnswer),
        3 => Just(Kind::RequesterMessage),
        3 => reason().prop_map(|reason| Kind::Waiting { reason }),
        2 => Just(Kind::Resumed),
        2 => priority().prop_map(|priority| Kind::PriorityChanged { priority }),
        1 => priority().prop_map(|priority| Kind::Triaged { priority }),
        2 => Just(Kind::Resolved),
        2 => Just(Kind::Reopened),
        1 => Just(Kind::Closed),
        1 => Just(Kind::Cancelled),
    ]
}

/// The history of a ticket and an instant not before its last fact. What cannot happen happens
/// here too, and several facts may share an instant.
pub(super) fn history() -> impl Strategy<Value = (Vec<Fact>, Timestamp)> {
    let gap = prop_oneof![1 => Just(0), 2 => 0..5_000_i64, 8 => 0..86_400_000_i64];
    let registered = proptest::option::weighted(0.8, priority());
    let rest = proptest::collection::vec((gap, kind(), 0..2_u8), 0..14);
    (registered, rest, 0..10 * 86_400_000_i64).prop_map(|(priority, rest, after)| {
        let mut at = START.parse::<Timestamp>().expect("an instant").as_millisecond();
        let instant = |at| Timestamp::from_millisecond(at).expect("in range");
        let first = Key { at: instant(at), source: 0, revision: 1 };
        let mut facts = vec![Fact { key: first, kind: Kind::Registered { priority } }];
        let mut revisions = [1_u64, 0];
        for (gap, kind, source) in rest {
            at += gap;
            let revision = &mut revisions[usize::from(source)];
            *revision += 1;
            facts.push(Fact { key: Key { at: instant(at), source, revision: *revision }, kind });
        }
        (facts, instant(at + after))
    })
}

/// Few enough to stay quick, and no files beside the sources.
pub(super) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
