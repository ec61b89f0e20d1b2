use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Figures, MOST_CHANGES, Standings, Summary, TicketName};
use crate::domain::clock::{Clock, State, clocks};
use crate::domain::contract::{Contract, Metric, Priority, Terms};
use crate::domain::fact::{Fact, Key, Kind};

fn terms(resolution: &str) -> Terms {
    let json = format!(
        r#"{{"calendars": {{"always": {{"time_zone": "UTC", "weekly": {{"mon": ["00:00-24:00"]}}}}}},
             "targets": {{"P3": {{"resolution": {{"within": "{resolution}", "calendar": "always"}}}}}}}}"#
    );
    serde_json::from_str::<Contract>(&json).expect("well-formed").terms().expect("no complaints")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// Registered at eight on a Monday, resolved at ten, or not at all.
fn history(resolved: bool) -> Vec<Fact> {
    let registered = Kind::registered(Some(Priority::P3));
    let mut facts = vec![Fact::new(key("2026-03-16T08:00:00Z", 1), registered)];
    facts.extend(resolved.then(|| Fact::new(key("2026-03-16T10:00:00Z", 2), Kind::Resolved)));
    facts
}

fn key(instant: &str, revision: u64) -> Key {
    Key { at: at(instant), source: 0, revision }
}

fn ticket(client_id: &str, number: u32) -> TicketName {
    TicketName {
        client_id: client_id.to_owned(),
        ticket_id: Uuid::from_u128(number.into()),
        reference: format!("ACME-{number}"),
    }
}

fn under(within: &str, resolved: bool) -> Vec<Clock> {
    clocks(&terms(within), &history(resolved), at("2026-03-16T12:00:00Z"))
}

#[test]
fn a_breach_that_only_the_draft_has_is_gained_and_one_that_only_the_record_has_is_lost() {
    let mut summary = Summary::default();
    summary.add(&ticket("acme", 1), &under("4h", true), &under("1h", true));
    summary.add(&ticket("acme", 2), &under("1h", true), &under("4h", true));
    summary.add(&ticket("acme", 3), &under("1h", true), &under("90m", true));
    summary.add(&ticket("globex", 4), &under("4h", true), &under("2h", true));
    let half = Standings { met: 1, breached: 2, ..Standings::default() };
    let acme = Figures { recorded: half, drafted: half, breaches_gained: 1, breaches_lost: 1 };
    assert_eq!(summary.figures[&("acme".to_owned(), Metric::Resolution)], acme);
    assert_eq!((half.ended(), summary.tickets), (3, 4));
    let kept = Standings { met: 1, ..Standings::default() };
    let globex = Figures { recorded: kept, drafted: kept, ..Figures::default() };
    assert_eq!(summary.figures[&("globex".to_owned(), Metric::Resolution)], globex, "met exactly at its due instant");

    let told: Vec<_> = summary.changes.iter().map(|one| (one.ticket.reference.as_str(), one.gained)).collect();
    assert_eq!(told, [("ACME-1", true), ("ACME-2", false)]);
    let (recorded, drafted) = (summary.changes[0].recorded.expect("there"), summary.changes[0].drafted.expect("there"));
    assert_eq!(recorded.due_at, Some(at("2026-03-16T12:00:00Z")));
    assert_eq!(drafted.due_at, Some(at("2026-03-16T09:00:00Z")));
    assert_eq!((recorded.elapsed, drafted.elapsed), (SignedDuration::from_hours(2), SignedDuration::from_hours(2)));
}

#[test]
fn open_clocks_are_no_ended_ones_but_their_breaches_count() {
    let mut summary = Summary::default();
    summary.add(&ticket("acme", 1), &under("8h", false), &under("1h", false));
    let figures = summary.figures[&("acme".to_owned(), Metric::Resolution)];
    assert_eq!(figures.recorded, Standings { open: 1, ..Standings::default() });
    assert_eq!(figures.drafted, Standings { open: 1, open_breached: 1, ..Standings::default() });
    assert_eq!((figures.drafted.ended(), figures.breaches_gained), (0, 1));
}

#[test]
fn a_clock_that_one_side_does_not_have_is_compared_with_nothing() {
    let mut summary = Summary::default();
    summary.add(&ticket("acme", 1), &[], &under("1h", true));
    summary.add(&ticket("acme", 2), &under("1h", true), &[]);
    summary.add(&ticket("acme", 3), &[], &under("4h", true));
    summary.add(&ticket("acme", 4), &[], &[]);
    let figures = summary.figures[&("acme".to_owned(), Metric::Resolution)];
    assert_eq!((figures.breaches_gained, figures.breaches_lost), (1, 1));
    assert_eq!((figures.recorded.ended(), figures.drafted.ended()), (1, 2));
    assert_eq!(summary.changes.iter().map(|one| one.recorded.is_some()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(summary.tickets, 4);
}

#[test]
fn a_cancelled_clock_is_none_that_ended_and_keeps_its_breach() {
    let mut withdrawn = history(false);
    withdrawn.push(Fact::new(key("2026-03-16T10:00:00Z", 2), Kind::Cancelled));
    let under = |within: &str| clocks(&terms(within), &withdrawn, at("2026-03-16T12:00:00Z"));
    let mut summary = Summary::default();
    summary.add(&ticket("acme", 1), &under("4h"), &under("1h"));
    let figures = summary.figures[&("acme".to_owned(), Metric::Resolution)];
    assert_eq!((figures.drafted.cancelled, figures.drafted.ended(), figures.breaches_gained), (1, 0, 1));
    assert!(under("1h")[0].state == State::Cancelled && summary.changes.len() == 1);
}

#[test]
fn one_change_past_the_most_is_counted_and_not_listed() {
    let mut summary = Summary::default();
    let (recorded, drafted) = (under("4h", true), under("1h", true));
    for number in 0..MOST_CHANGES as u32 {
        summary.add(&ticket("acme", number), &recorded, &drafted);
    }
    assert_eq!((summary.changes.len(), summary.changes_left_out), (MOST_CHANGES, 0));
    summary.add(&ticket("acme", u32::MAX), &recorded, &drafted);
    assert_eq!((summary.changes.len(), summary.changes_left_out), (MOST_CHANGES, 1));
    let figures = summary.figures[&("acme".to_owned(), Metric::Resolution)];
    assert_eq!(figures.breaches_gained, MOST_CHANGES as u64 + 1, "the figures count all");
}
