//! Calendars, contracts and histories for property tests.

use std::collections::{BTreeMap, BTreeSet};

use conditions::{Comparison, Op, Rule};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::calendar::{CalendarSpec, Weekday};
use super::contract::{
    Contract, Metric, NOTHING, OnReopen, Priority, PromiseRule, Target, Targets, Terms, TermsBook, WaitingReason,
};
use super::fact::{Fact, Key, Kind, Since};
use super::field::{Attributes, Field};

/// Zones with a moment within a day of which their offset changes; the last two have none near.
pub(super) const CHANGES: [(&str, &str); 21] = [
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
    ("Africa/Casablanca", "2037-10-04T02:00:00Z"),
    ("Pacific/Kiritimati", "1994-12-31T10:00:00Z"),
    // A date that never was.
    ("Pacific/Apia", "2011-12-30T10:00:00Z"),
    ("Pacific/Apia", "2011-09-24T14:00:00Z"),
    // Three hours at once, back and forth over the years.
    ("Antarctica/Casey", "2020-10-03T16:00:00Z"),
    ("Antarctica/Casey", "2021-03-13T13:00:00Z"),
    ("Antarctica/Casey", "2023-03-08T19:00:00Z"),
    ("America/Caracas", "2016-05-01T07:00:00Z"),
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

fn targets() -> impl Strategy<Value = Targets> {
    let target = |shortest: u32, longest: u32| {
        proptest::option::weighted(
            0.8,
            (shortest..longest, select(&["a", "b"][..])).prop_map(|(minutes, calendar)| Target {
                within: format!("{minutes}m"),
                calendar: Some(calendar.to_owned()),
            }),
        )
    };
    let asked = (target(1, 300), target(1, 600), target(301, 3000));
    let besides = (target(1, 300), target(1, 900), target(1, 900), target(1, 600));
    let row = (asked, besides).prop_map(|((first, next, resolution), (update, tier, vendor, callback))| {
        let row = [first, next, resolution, update, tier, vendor, callback];
        Metric::ALL.into_iter().zip(row).filter_map(|(metric, target)| Some((metric, target?))).collect()
    });
    proptest::collection::btree_map(priority(), row, 1..=5)
}

const QUEUES: [&str; 3] = ["desk", "network", ""];

/// Rules over queue, tier and importance, some of which say that nothing is promised.
fn rules() -> impl Strategy<Value = Vec<PromiseRule>> {
    let compared = |field, value: &str| {
        Rule::When(Comparison { field, op: Op::Is, value: conditions::Value::Text(value.to_owned()) })
    };
    let when = prop_oneof![
        select(&QUEUES[..2]).prop_map(move |queue| compared(Field::Queue, queue)),
        select(&["1", "2"][..]).prop_map(move |tier| Rule::Not(Box::new(compared(Field::Tier, tier)))),
        Just(Rule::When(Comparison { field: Field::RequesterVip, op: Op::Is, value: conditions::Value::Flag(true) })),
    ];
    let row = (when, targets(), any::<[bool; 7]>()).prop_map(|(when, mut targets, nothing)| {
        for row in targets.values_mut() {
            for (metric, target) in row {
                if nothing[*metric as usize] {
                    *target = Target { within: NOTHING.to_owned(), calendar: None };
                }
            }
        }
        (when, targets)
    });
    proptest::collection::vec(row, 0..3).prop_map(|rows| {
        let named = |(index, (when, targets))| PromiseRule { rule: format!("rule {index}"), when, targets };
        rows.into_iter()
            .enumerate()
            .map(named)
            .filter(|rule| rule.targets.values().any(|row| !row.is_empty()))
            .collect()
    })
}

/// A contract over two calendars of zones that change at that time of year.
pub(super) fn contract() -> impl Strategy<Value = Contract> {
    let near: Timestamp = START.parse().expect("an instant");
    let calendars = (calendar("Europe/Oslo", near), calendar("Africa/Casablanca", near));
    let pause_on =
        proptest::collection::btree_map(select(&Metric::ALL[..]), proptest::collection::vec(reason(), 0..4), 0..=5);
    use OnReopen::{Continue, None, Restart, Resume};
    let on_reopen = select(&[Resume, Restart, Continue, None][..]);
    let warnings = (subsequence(vec![90, 10, 50, 75, 33], 0..=5), proptest::option::of(10..500_u32));
    let promises = (targets(), rules());
    (calendars, promises, pause_on, on_reopen, warnings).prop_map(
        |((a, b), (targets, rules), mut pause_on, on_reopen, (warn_at, warn_after))| {
            let calendars = BTreeMap::from([("a".to_owned(), a), ("b".to_owned(), b)]);
            pause_on.entry(Metric::Vendor).or_default().retain(|reason| *reason != WaitingReason::Vendor);
            let warn_after = warn_after.map(|minutes| format!("{minutes}m"));
            Contract { calendars, targets, rules, pause_on, on_reopen, warn_at, warn_after }
        },
    )
}

/// The terms of two versions of a contract, to be named 1 and 2.
pub(super) fn versions() -> impl Strategy<Value = [Terms; 2]> {
    [contract(), contract()].prop_map(|both| both.map(|contract| contract.terms().expect("no complaints")))
}

/// The book of both, beginning with the first.
pub(super) fn book([first, second]: &[Terms; 2]) -> TermsBook<'_> {
    TermsBook::new(1, first).with(2, second)
}

/// The week before the clocks change in Oslo.
pub(super) const START: &str = "2026-03-23T08:00:00Z";

fn attributes() -> impl Strategy<Value = Attributes> {
    let field = prop_oneof![
        select(&QUEUES[..]).prop_map(|queue| (Field::Queue, queue)),
        select(&["1", "2", "3"][..]).prop_map(|tier| (Field::Tier, tier)),
        select(&["true", "false"][..]).prop_map(|vip| (Field::RequesterVip, vip)),
    ];
    proptest::collection::vec(field, 0..3)
        .prop_map(|told| told.into_iter().fold(Attributes::default(), |all, (field, text)| all.with(field, text)))
}

fn metric() -> impl Strategy<Value = Metric> {
    select(&Metric::ALL[..])
}

fn instant() -> impl Strategy<Value = Timestamp> {
    let start = START.parse::<Timestamp>().expect("an instant");
    (-10_000_000..1_000_000_000_i64).prop_map(move |after| start + SignedDuration::from_millis(after))
}

fn vendor() -> impl Strategy<Value = Attributes> {
    select(&["printco", "telco"][..]).prop_map(|vendor| Attributes::default().with(Field::Vendor, vendor))
}

fn kind() -> impl Strategy<Value = Kind> {
    let work = prop_oneof![
        3 => Just(Kind::PublicAnswer),
        3 => Just(Kind::RequesterMessage),
        3 => reason().prop_map(|reason| Kind::Waiting { reason }),
        2 => Just(Kind::Resumed),
        2 => priority().prop_map(|priority| Kind::PriorityChanged { priority }),
        1 => (priority(), attributes()).prop_map(|(priority, attributes)| Kind::Triaged { priority, attributes }),
        2 => Just(Kind::Resolved),
        2 => Just(Kind::Reopened),
        1 => Just(Kind::Closed),
        1 => Just(Kind::Cancelled),
    ];
    let since = select(&[Since::Now, Since::Start][..]);
    let besides = prop_oneof![
        3 => attributes().prop_map(|attributes| Kind::Classified { attributes }),
        3 => select(&["1", "2", "3"][..]).prop_map(|tier| Kind::EnteredTier {
            attributes: Attributes::default().with(Field::Tier, tier)
        }),
        2 => Just(Kind::MajorDeclared),
        1 => Just(Kind::MajorEnded),
        3 => Just(Kind::StatusUpdate),
        2 => proptest::option::of(instant()).prop_map(|due_at| Kind::CallbackPromised { due_at }),
        1 => Just(Kind::CalledBack),
        2 => vendor().prop_map(|attributes| Kind::VendorAsked { attributes }),
        1 => vendor().prop_map(|attributes| Kind::VendorDone { attributes }),
        3 => (metric(), instant()).prop_map(|(metric, due_at)| Kind::DueAgreed { metric, due_at, note: None }),
        2 => metric().prop_map(|metric| Kind::DueWithdrawn { metric }),
        3 => (1..=2_u64, since).prop_map(|(version, from)| Kind::TermsChanged { version, from }),
    ];
    prop_oneof![work, besides]
}

/// The history of a ticket and an instant not before its last fact. What cannot happen happens
/// here too, and several facts may share an instant.
pub(super) fn history() -> impl Strategy<Value = (Vec<Fact>, Timestamp)> {
    let gap = prop_oneof![1 => Just(0), 2 => 0..5_000_i64, 8 => 0..86_400_000_i64];
    let registered = (proptest::option::weighted(0.8, priority()), attributes());
    let rest = proptest::collection::vec((gap, kind(), 0..2_u8), 0..18);
    (registered, rest, 0..10 * 86_400_000_i64).prop_map(|((priority, attributes), rest, after)| {
        let mut at = START.parse::<Timestamp>().expect("an instant").as_millisecond();
        let instant = |at| Timestamp::from_millisecond(at).expect("in range");
        let first = Key { at: instant(at), source: 0, revision: 1 };
        let mut facts = vec![Fact::new(first, Kind::Registered { priority, attributes })];
        let mut revisions = [1_u64, 0];
        for (gap, kind, source) in rest {
            at += gap;
            let revision = &mut revisions[usize::from(source)];
            *revision += 1;
            facts.push(Fact::new(Key { at: instant(at), source, revision: *revision }, kind));
        }
        (facts, instant(at + after))
    })
}

/// Few enough to stay quick, and no files beside the sources.
pub(super) fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
