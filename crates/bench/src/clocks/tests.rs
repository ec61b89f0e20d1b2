use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::armed::{Armed, Rows};
use super::due_from;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

#[test]
fn due_instants_are_spread_evenly_over_the_span_and_within_it() {
    let all = due_from(100..300, at(1_000), Duration::from_secs(1)).expect("in range");
    let due: Vec<i64> = all.iter().map(|one| one.due_at.as_millisecond() - 1_000_000).collect();
    assert_eq!((due.len(), due[0], due[1], due[199]), (200, 0, 5, 995));
    assert!(due.is_sorted());
}

#[test]
fn what_only_runs_says_nothing_for_weeks_and_begins_at_different_times() {
    let now = at(1_800_000_000);
    let all: Vec<Armed> = (0..1_000).map(|number| Armed::far(number, now)).collect();
    let distinct: BTreeSet<Timestamp> = all.iter().map(|one| one.registered_at).collect();
    assert!(distinct.len() > 990, "{}", distinct.len());
    assert!(all.iter().all(|one| one.registered_at < now));
    let half = |one: &Armed| one.registered_at + one.due_at.duration_since(one.registered_at) / 2;
    assert!(all.iter().all(|one| half(one) > now + SignedDuration::from_hours(24 * 14)));
}

#[test]
fn a_ticket_is_one_row_with_two_facts_and_a_clock_and_the_columns_are_all_there() {
    let rows = Rows::of(&[Armed::near(7, at(1_800_000_000))]).expect("text");
    let columns = |text: &str| text.lines().map(|line| line.split('\t').count()).collect::<Vec<_>>();
    assert_eq!((columns(&rows.tickets), columns(&rows.facts), columns(&rows.clocks)), (vec![9], vec![7, 7], vec![15]));
    let long = Rows::of_long(&Armed::far(8, at(1_800_000_000)), 5_000, at(1_800_000_000)).expect("text");
    assert_eq!((columns(&long.facts).len(), long.clocks.as_str()), (5_000, ""));
}
