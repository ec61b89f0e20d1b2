mod impact;

use proptest::prelude::*;

use super::months::{Costs, cost_per_ticket, spanning};
use jiff::tz::TimeZone;

use super::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(minutes * 60).unwrap()
}

fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(7, number)
}

/// The `revision`th fact of triage.
fn work(revision: u64, minutes: i64, what: What) -> Fact {
    Fact { occurred_at: at(minutes), source: Source::Triage, revision, event_id: id(revision), what }
}

fn registered(minutes: i64) -> Fact {
    let registration = Registration {
        reference: "ACME-1".to_owned(),
        subject: "The printer is on fire".to_owned(),
        kind: 1,
        channel: 1,
        contact: "phone".to_owned(),
        registered_at: at(minutes),
    };
    Fact {
        occurred_at: at(minutes),
        source: Source::Intake,
        revision: 1,
        event_id: id(1_000),
        what: What::Registered(registration),
    }
}

fn clock(revision: u64, minutes: i64, state: ClockState, breached: bool, stopped: Option<i64>) -> Fact {
    let clock = Clock {
        clock_id: "resolution-1".to_owned(),
        metric: Metric::Resolution,
        cycle: 1,
        state,
        breached,
        target_secs: 3_600,
        started_at: Some(at(0)),
        stopped_at: stopped.map(at),
    };
    let event_id = id(2_000 + revision);
    Fact { occurred_at: at(minutes), source: Source::SlaTimer, revision, event_id, what: What::Clock(clock) }
}

fn interval(opened: i64, by: Opening, ended: Option<(i64, Ending)>) -> OpenInterval {
    OpenInterval { opened_at: at(opened), opened_by: by, ended: ended.map(|(minutes, by)| (at(minutes), by)) }
}

#[test]
fn a_resolved_and_closed_ticket_was_open_until_it_was_resolved() {
    let figures = fold([registered(0), work(1, 10, What::Resolved), work(2, 20, What::Closed)]);
    assert_eq!(figures.open, [interval(0, Opening::Registered, Some((10, Ending::Resolved)))]);
    assert_eq!((figures.resolved_at, figures.closed_at), (Some(at(10)), Some(at(20))));
    assert_eq!((figures.resolvings, figures.reopenings), (1, 0));
}

#[test]
fn a_reopening_opens_the_ticket_again_and_undoes_resolved_and_closed() {
    let facts = [registered(0), work(1, 10, What::Resolved), work(2, 20, What::Closed), work(3, 30, What::Reopened)];
    let figures = fold(facts);
    let first = interval(0, Opening::Registered, Some((10, Ending::Resolved)));
    assert_eq!(figures.open, [first, interval(30, Opening::Reopened, None)]);
    assert_eq!((figures.resolved_at, figures.closed_at, figures.first_resolved_at), (None, None, Some(at(10))));
    assert_eq!((figures.resolvings, figures.reopenings), (1, 1));
}

#[test]
fn an_undone_merge_opens_the_ticket_again_and_is_no_reopening() {
    let mut facts = vec![registered(0), work(1, 10, What::Cancelled), work(2, 30, What::Unmerged)];
    let figures = fold(facts.clone());
    let first = interval(0, Opening::Registered, Some((10, Ending::Cancelled)));
    assert_eq!(figures.open, [first, interval(30, Opening::Revived, None)]);
    assert_eq!((figures.cancelled_at, figures.reopenings), (None, 0));
    facts.reverse();
    assert_eq!(fold(facts), figures, "whatever the order in which they come");
    let resolved = fold([registered(0), work(1, 10, What::Resolved), work(2, 30, What::Unmerged)]);
    assert_eq!(resolved.resolved_at, Some(at(10)), "nothing else is undone by it");
}

#[test]
fn the_last_resolving_counts_and_every_transition_is_counted() {
    let figures = fold([
        registered(0),
        work(1, 10, What::Resolved),
        work(2, 11, What::Resolved),
        work(3, 20, What::Reopened),
        work(4, 21, What::Reopened),
        work(5, 40, What::Resolved),
    ]);
    assert_eq!((figures.resolved_at, figures.first_resolved_at), (Some(at(40)), Some(at(10))));
    assert_eq!((figures.resolvings, figures.reopenings), (2, 1));
}

#[test]
fn a_ticket_closed_without_being_resolved_is_not_open_and_not_resolved() {
    let figures = fold([registered(0), work(1, 10, What::Closed), work(2, 12, What::Resolved)]);
    assert_eq!(figures.open, [interval(0, Opening::Registered, Some((10, Ending::Closed)))]);
    assert_eq!((figures.resolved_at, figures.closed_at, figures.resolvings), (None, Some(at(10)), 0));
}

#[test]
fn a_revived_ticket_is_open_but_was_not_reopened() {
    let figures = fold([registered(0), work(1, 10, What::Cancelled), work(2, 20, What::Reopened)]);
    assert_eq!(figures.open[1], interval(20, Opening::Revived, None));
    assert_eq!((figures.cancelled_at, figures.reopenings), (None, 0));
    let cancelled = fold([registered(0), work(1, 10, What::Cancelled), work(2, 12, What::Closed)]);
    assert_eq!((cancelled.cancelled_at, cancelled.closed_at), (Some(at(10)), None));
}

#[test]
fn a_ticket_counts_only_when_its_registration_has_arrived() {
    let figures = fold([work(1, 10, What::Resolved)]);
    assert_eq!((figures.registration.is_none(), figures.open.len()), (true, 0));
    let figures = fold([work(1, 10, What::Resolved), registered(3)]);
    assert_eq!(figures.open, [interval(3, Opening::Registered, Some((10, Ending::Resolved)))]);
}

#[test]
fn facts_of_one_instant_follow_their_revisions() {
    let figures =
        fold([work(3, 10, What::Resolved), work(1, 10, What::Resolved), work(2, 10, What::Reopened), registered(10)]);
    assert_eq!((figures.resolvings, figures.reopenings, figures.resolved_at), (2, 1, Some(at(10))));
}

#[test]
fn priority_category_and_queue_are_the_latest_and_waits_are_remembered() {
    let triaged = |priority, queue: &str| What::Triaged {
        kind: 0,
        priority: Some(priority),
        category: "hardware".to_owned(),
        queue: queue.to_owned(),
    };
    let figures = fold([
        registered(0),
        work(4, 40, triaged(1, "")),
        work(1, 1, triaged(3, "front")),
        work(2, 20, What::HandedOver { queue: "network".to_owned() }),
        work(3, 30, What::Waiting { reason: 2 }),
        work(5, 50, What::Waiting { reason: 2 }),
    ]);
    assert_eq!((figures.priority, figures.queue.as_str(), figures.hand_overs), (Some(1), "network", 1));
    assert_eq!((figures.waits, figures.waited_for), (2, BTreeSet::from([2])));
}

#[test]
fn a_revoked_breach_is_undone_though_the_stop_occurred_before_it() {
    let broken = [clock(1, 0, ClockState::Running, false, None), clock(2, 60, ClockState::Running, true, None)];
    assert!(fold(broken.clone()).clocks["resolution-1"].breached);
    let late = [clock(3, 50, ClockState::Running, false, None), clock(4, 50, ClockState::Met, false, Some(50))];
    let kept = fold(broken.into_iter().chain(late)).clocks["resolution-1"].clone();
    assert_eq!((kept.state, kept.breached, kept.ended_at), (ClockState::Met, false, Some(at(50))));
}

#[test]
fn a_clock_that_runs_again_after_a_reopening_has_not_ended() {
    let facts = [clock(1, 30, ClockState::Met, false, Some(30)), clock(2, 40, ClockState::Running, false, None)];
    assert_eq!(fold(facts).clocks["resolution-1"].ended_at, None);
}

fn whats() -> impl Strategy<Value = What> {
    prop_oneof![
        Just(What::Resolved),
        Just(What::Reopened),
        Just(What::Closed),
        Just(What::Cancelled),
        (0_u8..7).prop_map(|reason| What::Waiting { reason }),
        "[a-c]".prop_map(|queue| What::HandedOver { queue }),
        (proptest::option::of(1_u8..6), "[a-c]?").prop_map(|(priority, queue)| What::Triaged {
            kind: 2,
            priority,
            category: queue.clone(),
            queue
        }),
    ]
}

/// A ticket's facts, in order; instants repeat and run backwards.
fn histories() -> impl Strategy<Value = Vec<Fact>> {
    let states = prop_oneof![
        Just(ClockState::Running),
        Just(ClockState::Paused),
        Just(ClockState::Met),
        Just(ClockState::Breached),
        Just(ClockState::Cancelled),
    ];
    let works = proptest::collection::vec((0_i64..20, whats()), 0..25);
    let clocks = proptest::collection::vec((0_i64..20, states, any::<bool>()), 0..6);
    (works, clocks, proptest::option::of(0_i64..20)).prop_map(|(works, clocks, begin)| {
        let works = (1..).zip(works).map(|(revision, (minutes, what))| work(revision, minutes, what));
        let clocks =
            (1..).zip(clocks).map(|(revision, (minutes, state, broken))| clock(revision, minutes, state, broken, None));
        begin.map(registered).into_iter().chain(works).chain(clocks).collect()
    })
}

proptest! {
    #[test]
    fn any_order_and_repetition_of_facts_gives_the_same_figures(
        (history, deliveries) in histories().prop_flat_map(|history| {
            let twice: Vec<Fact> = history.iter().chain(&history).cloned().collect();
            let most = history.len();
            let shuffled = Just(twice).prop_shuffle().prop_map(move |mut deliveries| {
                // Each at least once, some twice: the first of each id and every other second.
                let mut seen = BTreeSet::new();
                let mut nth = 0;
                deliveries.retain(|fact| { nth += 1; seen.insert(fact.event_id) || nth % 2 == 0 });
                assert!(deliveries.len() >= most);
                deliveries
            });
            (Just(history), shuffled)
        })
    ) {
        prop_assert_eq!(fold(history), fold(deliveries));
    }

    /// Why reporting reads no older facts for promises that it hears of in order.
    #[test]
    fn promises_are_as_their_newest_facts_show_them(history in histories(), nth in 0_u64..8) {
        let (older, newer): (Vec<_>, Vec<_>) = history.iter().cloned().partition(|fact| fact.revision <= nth);
        let (mut after, all) = (fold(older).clocks, fold(history).clocks);
        after.extend(fold(newer).clocks);
        prop_assert_eq!(after, all);
    }

    #[test]
    fn intervals_alternate_and_agree_with_the_counts(history in histories()) {
        let figures = fold(history);
        let resolved = figures.open.iter().filter(|one| matches!(one.ended, Some((_, Ending::Resolved)))).count();
        let reopened = figures.open.iter().filter(|one| one.opened_by == Opening::Reopened).count();
        if figures.registration.is_some() {
            prop_assert_eq!((resolved, reopened), (figures.resolvings as usize, figures.reopenings as usize));
            let open = figures.open.iter().filter(|one| one.ended.is_none()).count();
            prop_assert_eq!(open, figures.open.last().map_or(0, |last| usize::from(last.ended.is_none())));
            let ended = figures.resolved_at.or(figures.closed_at).or(figures.cancelled_at);
            prop_assert_eq!(open == 1, ended.is_none());
        }
        prop_assert!(figures.cancelled_at.is_none() || figures.resolved_at.or(figures.closed_at).is_none());
        prop_assert!(figures.resolved_at.is_none() || figures.first_resolved_at.is_some());
    }
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn months_begin_at_local_midnight() {
    let lisbon = TimeZone::get("Europe/Lisbon").unwrap();
    let months = spanning(instant("2016-03-31T22:30:00Z"), instant("2016-03-31T23:30:00Z"), &lisbon);
    let told: Vec<_> = months.iter().map(|(month, begins)| (month.to_string(), *begins)).collect();
    assert_eq!(
        told,
        [
            ("2016-03".to_owned(), instant("2016-03-01T00:00:00Z")),
            ("2016-04".to_owned(), instant("2016-03-31T23:00:00Z")),
        ]
    );
    assert_eq!(spanning(instant("2016-12-31T23:59:59Z"), instant("2017-01-01T00:00:00Z"), &TimeZone::UTC).len(), 2);
}

#[test]
fn a_month_is_four_digits_and_two() {
    assert_eq!("2026-11".parse::<months::Month>().unwrap().to_string(), "2026-11");
    for text in ["2026-13", "2026-00", "26-11", "2026-1", "2026/11", "+026-11", "0000-01", "", "2026-11-01"] {
        assert!(text.parse::<months::Month>().is_err(), "{text}");
    }
}

#[test]
fn costs_are_those_of_the_months_that_the_period_touches() {
    let months = [("2026-01", 100), ("2026-02", 20), ("2026-04", 3)];
    let months = months.into_iter().map(|(month, cents)| (month.parse().unwrap(), cents)).collect();
    let costs = Costs { currency: "NOK".to_owned(), months };
    let cents = |from: &str, until: &str| -> u64 {
        costs.months_in(instant(from), instant(until), &TimeZone::UTC).iter().map(|month| month.cents).sum()
    };
    assert_eq!(cents("2026-01-15T00:00:00Z", "2026-02-01T00:00:00Z"), 100);
    assert_eq!(cents("2026-01-31T23:59:59Z", "2026-04-01T00:00:01Z"), 123);
    assert_eq!(cents("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"), 0);
}

#[test]
fn a_cost_per_ticket_is_rounded_half_up_and_absent_without_tickets() {
    assert_eq!(cost_per_ticket(100, 3), Some(33));
    assert_eq!(cost_per_ticket(5, 2), Some(3));
    assert_eq!(cost_per_ticket(0, 2), Some(0));
    assert_eq!(cost_per_ticket(u64::MAX, 1), Some(u64::MAX));
    assert_eq!(cost_per_ticket(100, 0), None);
}
