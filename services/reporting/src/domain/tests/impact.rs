use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use uuid::Uuid;

use super::{at, id, registered, work};
use crate::domain::impact::{Effect, Hit, Impairment, Outcome, lost_work, stability};
use crate::domain::{Fact, What, fold};

fn effect(revision: u64, minutes: i64, effect: Effect) -> Fact {
    work(revision, minutes, What::Impact(effect))
}

fn declared(users: u32, from: i64) -> Impairment {
    Impairment {
        severity: 1,
        services: BTreeSet::from(["mail".to_owned()]),
        affected_users: users,
        impaired_from: at(from),
        impaired_until: None,
    }
}

fn hit(ticket: u64, service: &str, users: u32, (from, until): (i64, i64)) -> Hit {
    Hit {
        ticket_id: id(ticket),
        severity: 1,
        services: BTreeSet::from([service.to_owned()]),
        affected_users: users,
        from: at(from),
        until: at(until),
        cause: "hardware".to_owned(),
    }
}

fn minutes(count: i64) -> SignedDuration {
    SignedDuration::from_mins(count)
}

#[test]
fn a_ticket_is_of_the_kind_that_was_decided_last_else_of_the_senders() {
    let triaged = |kind| What::Triaged { kind, priority: None, category: String::new(), queue: String::new() };
    assert_eq!(fold([registered(0)]).kind, 1);
    assert_eq!(fold([registered(0), work(1, 1, triaged(2)), work(2, 2, triaged(5))]).kind, 5);
    assert_eq!(fold([registered(0), work(1, 1, triaged(0))]).kind, 1, "nobody has said otherwise");
}

#[test]
fn a_major_incident_is_corrected_and_one_declared_anew_is_another() {
    let amended = Effect::Amended { affected_users: Some(7), impaired_from: None, impaired_until: None };
    let facts = [
        effect(1, 10, Effect::Declared(declared(400, 5))),
        effect(2, 11, Effect::Declared(declared(300, 5))),
        effect(3, 20, amended.clone()),
        effect(4, 30, Effect::Ended { impaired_until: at(25) }),
        effect(5, 31, amended),
        effect(6, 90, Effect::Declared(declared(2, 80))),
    ];
    let first = Impairment { impaired_until: Some(at(25)), ..declared(7, 5) };
    assert_eq!(fold(facts).impact.impairments, [first, declared(2, 80)]);
}

#[test]
fn a_cause_counts_since_it_was_first_named_until_it_is_taken_back() {
    let facts = [
        effect(1, 10, Effect::CausedBy(id(1))),
        effect(2, 11, Effect::CausedBy(id(2))),
        effect(3, 12, Effect::CausedBy(id(1))),
        effect(4, 13, Effect::NotCausedBy(id(2))),
    ];
    let causes: Vec<(Uuid, Timestamp)> = fold(facts).impact.causes.into_iter().collect();
    assert_eq!(causes, [(id(1), at(10))]);
}

#[test]
fn a_change_ends_once() {
    let facts = [
        effect(1, 10, Effect::ChangeEnded(Outcome::RolledBack)),
        effect(2, 20, Effect::ChangeEnded(Outcome::Successful)),
    ];
    assert_eq!(fold(facts).impact.change, Some((Outcome::RolledBack, at(10))));
}

#[test]
fn lost_work_is_users_by_time_by_the_severitys_factor() {
    for (severity, lost) in [(1, 600), (2, 300), (3, 120), (4, 30), (5, 0)] {
        let one = Hit { severity, ..hit(1, "mail", 10, (0, 60)) };
        assert_eq!(one.lost_work_for(), minutes(lost), "P{severity}");
    }
    let change = Hit { cause: "change".to_owned(), ..hit(2, "web", 100, (0, 60)) };
    let told = lost_work(&[hit(1, "mail", 10, (0, 60)), change]);
    assert_eq!(told.lost_for, minutes(6_600));
    assert_eq!(told.by_cause, [("change".to_owned(), minutes(6_000)), ("hardware".to_owned(), minutes(600))]);
    let everybody = Hit { until: Timestamp::MAX, ..hit(3, "all", u32::MAX, (0, 0)) };
    assert_eq!(everybody.lost_work_for().as_secs(), 315_576_000_000, "as much as can be said");
}

#[test]
fn major_incidents_that_overlap_are_one_downtime_and_two_failures() {
    let hits = [hit(1, "mail", 1, (10, 30)), hit(2, "mail", 1, (20, 40)), hit(1, "mail", 1, (60, 70))];
    let told = stability(&hits, at(0), at(200));
    assert_eq!((told.len(), told[0].major_incidents, told[0].downtime_for), (1, 2, minutes(40)));
    assert_eq!((told[0].availability(), told[0].between_failures_for()), (Some(0.8), minutes(80)));
    assert!(stability(&[], at(0), at(200)).is_empty(), "who was not hit is not told of");
}

proptest! {
    #[test]
    fn downtime_is_what_a_count_of_minutes_says(
        spans in proptest::collection::vec((0_i64..100, 0_i64..40), 0..12)
    ) {
        let hits: Vec<Hit> = spans.iter().zip(1..).map(|((from, length), ticket)| {
            hit(ticket, "mail", 1, (*from, (*from + *length).min(100)))
        }).collect();
        let down = (0..100).filter(|minute| hits.iter().any(|hit| hit.from <= at(*minute) && at(*minute) < hit.until));
        let down = i64::try_from(down.count()).unwrap();
        let told = stability(&hits, at(0), at(100));
        prop_assert_eq!(told.first().map_or(minutes(0), |one| one.downtime_for), minutes(down));
        prop_assert_eq!(told.first().map_or(minutes(100), |one| one.uptime_for), minutes(100 - down));
    }

    #[test]
    fn any_order_of_facts_gives_the_same_impact(
        facts in Just((1..9).zip([
            Effect::Declared(declared(3, 1)), Effect::Ended { impaired_until: at(4) }, Effect::CausedBy(id(1)),
            Effect::NotCausedBy(id(1)), Effect::CausedBy(id(2)), Effect::ChangeEnded(Outcome::Failed),
            Effect::Declared(declared(5, 6)),
            Effect::Amended { affected_users: None, impaired_from: Some(at(2)), impaired_until: Some(at(7)) },
        ]).map(|(nth, what)| effect(nth, i64::try_from(nth).unwrap(), what)).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let told = fold(facts.iter().chain(&facts).cloned()).impact;
        prop_assert_eq!(told.impairments.len(), 2);
        prop_assert_eq!((told.impairments[1].impaired_from, told.impairments[1].impaired_until), (at(2), Some(at(7))));
        prop_assert_eq!(told.causes.len(), 1);
    }
}
