use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::{Alarm, Clock, Reminder, State, clocks};
use crate::domain::contract::{Metric, Terms};
use crate::domain::fact::{Fact, Key, Kind, Since};
use crate::domain::field::{Attributes, Field};
use crate::domain::strategies::{START, book, cases, history, priority, versions};

fn just_after(at: Timestamp) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(1)).expect("in range")
}

fn office() -> Terms {
    let json = r#"{
        "calendars": {"office": {"time_zone": "Europe/Oslo", "weekly": {"mon": ["08:00-16:00"], "tue": ["08:00-16:00"]}}},
        "targets": {"P2": {
            "first_response": {"within": "1h", "calendar": "office"},
            "next_response": {"within": "2h", "calendar": "office"},
            "resolution": {"within": "8h", "calendar": "office"}}},
        "pause_on": {"resolution": ["requester"]}
    }"#;
    let contract: crate::domain::contract::Contract = serde_json::from_str(json).expect("well-formed");
    contract.terms().expect("no complaints")
}

fn fact(revision: u64, at: &str, kind: Kind) -> Fact {
    Fact::new(Key { at: at.parse().expect("an instant"), source: 0, revision }, kind)
}

fn registered() -> Fact {
    fact(1, "2026-03-16T07:00:00Z", Kind::registered(Some(crate::domain::contract::Priority::P2)))
}

fn as_of(facts: &[Fact], until: &str) -> Vec<Clock> {
    clocks(&office(), facts, until.parse().expect("an instant"))
}

#[test]
fn a_clock_tells_what_comes_next() {
    let next = |until| as_of(&[registered()], until)[0].next.map(|next| (next.at.to_string(), next.alarm));
    let half = Some(("2026-03-16T07:30:00Z".to_owned(), Alarm::Warning { percent: 50 }));
    let breach = Some(("2026-03-16T08:00:00Z".to_owned(), Alarm::Breach));
    assert_eq!(next("2026-03-16T07:00:00Z"), half);
    assert_eq!(next("2026-03-16T07:30:00Z"), half);
    assert_eq!(next("2026-03-16T07:59:00Z"), breach);
    assert_eq!(next("2026-03-16T08:00:00Z"), breach);
    assert_eq!(next("2026-03-16T08:00:00.001Z"), None);
}

#[test]
fn a_paused_clock_waits_for_nothing() {
    let waiting = Kind::Waiting { reason: crate::domain::contract::WaitingReason::Requester };
    let clocks = as_of(&[registered(), fact(2, "2026-03-16T07:10:00Z", waiting)], "2026-03-16T07:20:00Z");
    let resolution = &clocks[1];
    assert_eq!((resolution.metric, resolution.state), (Metric::Resolution, State::Paused));
    assert_eq!((resolution.next, resolution.due_at), (None, None));
}

#[test]
fn before_the_registration_there_is_no_clock() {
    assert_eq!(as_of(&[registered()], "2026-03-16T06:59:59.999Z"), []);
    assert_eq!(as_of(&[fact(2, "2026-03-16T08:00:00Z", Kind::PublicAnswer)], "2026-03-16T12:00:00Z"), []);
}

#[test]
fn a_stop_that_arrives_late_revokes_the_breach() {
    let until = "2026-03-16T09:00:00Z";
    assert!(as_of(&[registered()], until)[0].breached_at.is_some());
    let late = fact(2, "2026-03-16T07:59:59Z", Kind::PublicAnswer);
    let clocks = as_of(&[registered(), late], until);
    assert_eq!((clocks[0].state, clocks[0].breached_at), (State::Met, None));
}

#[test]
fn nothing_follows_a_cancelled_ticket() {
    let cancelled = fact(2, "2026-03-16T07:10:00Z", Kind::Cancelled);
    let message = fact(3, "2026-03-16T07:20:00Z", Kind::RequesterMessage);
    let clocks = as_of(&[registered(), cancelled, message], "2026-03-16T12:00:00Z");
    assert_eq!(clocks.iter().map(|clock| clock.state).collect::<Vec<_>>(), [State::Cancelled; 2]);
}

#[test]
fn nothing_starts_before_the_registration() {
    let early = |revision, kind| {
        let told = fact(revision, "2026-03-16T06:59:59Z", kind);
        Fact { key: Key { source: 1, ..told.key }, ..told }
    };
    let facts = [early(1, Kind::PublicAnswer), early(2, Kind::RequesterMessage), registered()];
    let clocks = as_of(&facts, "2026-03-16T07:30:00Z");
    assert_eq!(clocks.iter().map(|clock| clock.metric).collect::<Vec<_>>(), Metric::ALL[..3]);
    assert!(clocks.iter().all(|clock| clock.started_at == registered().key.at));
}

#[test]
fn two_of_the_same_key_are_one_fact() {
    let at = "2026-03-16T07:10:00Z";
    let (answered, cancelled) = (fact(2, at, Kind::PublicAnswer), fact(2, at, Kind::Cancelled));
    let until = "2026-03-16T07:30:00Z";
    let both = as_of(&[cancelled.clone(), registered(), answered.clone()], until);
    assert_eq!(both, as_of(&[registered(), answered.clone(), cancelled], until));
    assert_eq!(both, as_of(&[registered(), answered], until));
}

#[test]
fn a_ticket_with_five_thousand_facts_has_its_cycles() {
    let start = registered().key.at;
    let mut facts = vec![registered()];
    for revision in 2..=5_000_u64 {
        let kind = if revision % 2 == 0 { Kind::PublicAnswer } else { Kind::RequesterMessage };
        let minutes = SignedDuration::from_mins(i64::try_from(revision).expect("small"));
        facts.push(Fact::new(Key { at: start + minutes, source: 0, revision }, kind));
    }
    let clocks = clocks(&office(), &facts, start + SignedDuration::from_hours(24 * 30));
    let cycles = clocks.iter().filter(|clock| clock.metric == Metric::NextResponse).map(|clock| clock.cycle);
    assert!(cycles.eq(1..=2_499));
}

fn since() -> impl Strategy<Value = Since> {
    select(&[Since::Now, Since::Start][..])
}

/// After whatever else happened at that instant.
fn changed(late: i64, version: u64, from: Since) -> Fact {
    let at = START.parse::<Timestamp>().expect("an instant") + SignedDuration::from_millis(late);
    Fact::new(Key { at, source: 9, revision: 1 }, Kind::TermsChanged { version, from })
}

proptest! {
    #[test]
    fn an_undone_merge_leaves_no_trace_in_the_clocks((facts, until) in history(), at in 0..100_000_000_i64) {
        let merged_at = facts[0].key.at + SignedDuration::from_millis(at);
        let undone_at = merged_at + SignedDuration::from_hours(30);
        let until = until.max(undone_at);
        let told = |revision, at, kind| Fact::new(Key { at, source: 1, revision }, kind);
        let mut with = facts.clone();
        with.push(told(900, merged_at, Kind::Cancelled));
        // Whichever of the two becomes known first.
        with.insert(1, told(901, undone_at, Kind::Unmerged { merge_revision: 900 }));
        prop_assert_eq!(clocks(&office(), &with, until), clocks(&office(), &facts, until));
    }
}

#[test]
fn a_merge_cancels_until_it_is_undone_and_what_fell_due_meanwhile_is_breached_then() {
    let merged = fact(2, "2026-03-16T07:30:00Z", Kind::Cancelled);
    let undone = fact(3, "2026-03-16T12:00:00Z", Kind::Unmerged { merge_revision: 2 });
    let facts = [registered(), merged, undone];
    let between = as_of(&facts, "2026-03-16T11:00:00Z");
    assert!(between.iter().all(|clock| clock.state == State::Cancelled && clock.breached_at.is_none()), "{between:?}");
    let after = as_of(&facts, "2026-03-16T12:00:00Z");
    assert_eq!(after[0].breached_at, Some("2026-03-16T08:00:00Z".parse().expect("an instant")));
    assert_eq!(after[1].state, State::Running);
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn facts_in_any_order_and_number_give_the_same_clocks(
        terms in versions(),
        (facts, until, told) in history().prop_flat_map(|(facts, until)| {
            let again = subsequence(facts.clone(), 0..=facts.len());
            let told = again.prop_map({
                let facts = facts.clone();
                move |again| [again, facts.clone()].concat()
            });
            (Just(facts), Just(until), told.prop_shuffle())
        }),
    ) {
        prop_assert_eq!(clocks(book(&terms), &told, until), clocks(book(&terms), &facts, until));
    }

    #[test]
    fn the_first_triage_is_as_if_registered_with_it(
        terms in versions(), (mut facts, until) in history(), priority in priority(), late in 0..60_000_000_i64,
    ) {
        facts.retain(|fact| fact.kind.priority().is_none() && fact.kind.attributes().is_none());
        facts.insert(0, Fact::new(Key { at: START.parse().expect("an instant"), source: 0, revision: 1 }, Kind::Resumed));
        let start: Timestamp = START.parse().expect("an instant");
        let triaged_at = (start + SignedDuration::from_millis(late)).min(until);
        facts[0].kind = Kind::registered(Some(priority));
        let at_once = clocks(book(&terms), &facts, until);
        facts[0].kind = Kind::registered(None);
        facts.push(Fact::new(Key { at: triaged_at, source: 7, revision: 1 }, Kind::triaged(priority)));
        prop_assert_eq!(clocks(book(&terms), &facts, until), at_once);
    }

    #[test]
    fn what_is_told_until_the_first_priority_is_as_if_registered_with_it(
        terms in versions(), (mut facts, until) in history(), priority in priority(), late in 0..60_000_000_i64,
    ) {
        let start: Timestamp = START.parse().expect("an instant");
        let known = Attributes::default().with(Field::Queue, "desk").with(Field::RequesterVip, "true");
        let triaged_at = (start + SignedDuration::from_millis(late)).min(until);
        facts.retain(|fact| fact.kind.priority().is_none() && fact.kind.attributes().is_none());
        let with = |mut facts: Vec<Fact>, first: Kind, then: Kind| {
            facts.push(Fact::new(Key { at: start, source: 0, revision: 1 }, first));
            facts.push(Fact::new(Key { at: triaged_at, source: 7, revision: 1 }, then));
            clocks(book(&terms), &facts, until)
        };
        let at_once = with(
            facts.clone(),
            Kind::Registered { priority: Some(priority), attributes: known.clone() },
            Kind::triaged(priority),
        );
        let later = with(facts, Kind::registered(None), Kind::Triaged { priority, attributes: known });
        prop_assert_eq!(later, at_once);
    }

    #[test]
    fn the_same_terms_again_change_nothing(
        terms in versions(), (mut facts, until) in history(), from in since(), late in 0..400_000_000_i64,
    ) {
        facts.retain(|fact| !matches!(fact.kind, Kind::TermsChanged { .. }));
        let before = clocks(book(&terms), &facts, until);
        facts.push(changed(late, 1, from));
        prop_assert_eq!(clocks(book(&terms), &facts, until), before);
    }

    #[test]
    fn other_terms_undo_no_breach_and_change_nothing_that_has_ended(
        terms in versions(), (mut facts, _) in history(), from in since(), late in 0..400_000_000_i64,
    ) {
        let change = changed(late, 2, from);
        facts.retain(|fact| fact.key < change.key);
        let before = clocks(book(&terms), &facts, change.key.at);
        facts.push(change.clone());
        let after = clocks(book(&terms), &facts, just_after(change.key.at));
        for clock in before {
            let then = after.iter().find(|then| (then.metric, then.cycle) == (clock.metric, clock.cycle));
            let then = then.expect("it stays");
            prop_assert!(clock.breached_at.is_none() || then.breached_at == clock.breached_at);
            prop_assert!(then.warnings.starts_with(&clock.warnings));
            if clock.stopped_at.is_some() {
                prop_assert_eq!(then, &clock);
            } else if let Some(breached_at) = then.breached_at.filter(|_| clock.breached_at.is_none()) {
                prop_assert_eq!(breached_at, change.key.at);
            }
        }
    }

    #[test]
    fn other_terms_change_nothing_of_a_ticket_that_was_resolved(
        terms in versions(), (mut facts, _) in history(), from in since(), late in 0..400_000_000_i64,
    ) {
        let change = changed(late, 2, from);
        facts.retain(|fact| fact.key < change.key);
        facts.push(Fact::new(Key { source: 8, ..change.key }, Kind::Resolved));
        let until = change.key.at + SignedDuration::from_hours(100);
        let before = clocks(book(&terms), &facts, until);
        facts.push(change);
        prop_assert_eq!(clocks(book(&terms), &facts, until), before);
    }

    #[test]
    fn what_a_clock_says_next_is_what_it_will_have_said(terms in versions(), (facts, until) in history()) {
        for clock in clocks(book(&terms), &facts, until) {
            let Some(next) = clock.next else { continue };
            prop_assert!(next.at >= until);
            let then = |until| clocks(book(&terms), &facts, until).into_iter()
                .find(|then| (then.metric, then.cycle) == (clock.metric, clock.cycle)).expect("it stays");
            let (until_then, after) = (then(next.at), then(just_after(next.at)));
            prop_assert_eq!(&until_then.warnings, &clock.warnings);
            prop_assert_eq!(until_then.breached_at, clock.breached_at);
            prop_assert_eq!(&until_then.reminders, &clock.reminders);
            match next.alarm {
                Alarm::Breach => prop_assert_eq!(after.breached_at, Some(next.at)),
                Alarm::Reminder { number } => {
                    prop_assert_eq!(after.reminders.len(), clock.reminders.len() + 1);
                    prop_assert_eq!(after.reminders.last().copied(), Some(Reminder { number, at: next.at }));
                }
                Alarm::Warning { percent } => {
                    prop_assert_eq!(after.warnings.len(), clock.warnings.len() + 1);
                    let said = after.warnings.last().copied().expect("it warned");
                    prop_assert_eq!((said.percent, said.at), (percent, next.at));
                }
            }
        }
    }

    #[test]
    fn stepping_from_alarm_to_alarm_misses_none(terms in versions(), (facts, until) in history()) {
        let far = until + SignedDuration::from_hours(24 * 60);
        let mut now = until;
        while let Some(next) = clocks(book(&terms), &facts, now).iter().filter_map(|clock| clock.next).map(|next| next.at).min()
            && just_after(next) <= far
        {
            prop_assert!(next >= now);
            now = just_after(next);
        }
        let said = |clocks: Vec<Clock>| -> Vec<_> {
            clocks.into_iter().map(|clock| (clock.warnings, clock.breached_at, clock.reminders)).collect()
        };
        prop_assert_eq!(said(clocks(book(&terms), &facts, now)), said(clocks(book(&terms), &facts, far)));
    }

    #[test]
    fn a_clock_is_in_one_piece(terms in versions(), (facts, until) in history()) {
        for clock in clocks(book(&terms), &facts, until) {
            prop_assert!(clock.started_at <= until);
            prop_assert!(!clock.elapsed.is_negative());
            prop_assert!(clock.warnings.is_sorted_by(|a, b| a.at <= b.at && a.percent < b.percent));
            prop_assert!(clock.warnings.iter().all(|said| clock.breached_at.is_none_or(|breached| said.at <= breached)));
            let ended = matches!(clock.state, State::Met | State::Breached | State::Cancelled);
            prop_assert_eq!(ended, clock.stopped_at.is_some());
            match clock.state {
                State::Met => {
                    prop_assert_eq!(clock.breached_at, None);
                    // Only a target shortened while paused, or at that very instant, may be exceeded.
                    let in_time = clock.due_at.is_none() || clock.stopped_at <= clock.due_at;
                    prop_assert!(in_time);
                    if clock.elapsed > clock.target && clock.agreed.is_none() {
                        prop_assert!(clock.due_at.is_none() || clock.due_at == clock.stopped_at);
                    }
                }
                State::Breached => prop_assert!(clock.breached_at < clock.stopped_at && clock.breached_at.is_some()),
                _ => {}
            }
            if clock.breached_at.is_some() {
                prop_assert_eq!(clock.due_at, clock.breached_at);
                let next = clock.next.map(|next| next.alarm);
                let reminds_at_most = matches!(next, None | Some(Alarm::Reminder { .. }));
                prop_assert!(reminds_at_most);
            }
            prop_assert!(clock.reminders.is_sorted_by(|a, b| a.at <= b.at && a.number < b.number));
            prop_assert!(clock.reminders.iter().all(|one| clock.breached_at.is_some_and(|breached| breached < one.at)));
        }
    }
}
