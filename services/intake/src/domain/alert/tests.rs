use jiff::{SignedDuration, Timestamp};

use super::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
}

fn rules() -> AlertRules {
    AlertRules::default()
}

#[test]
fn repeats_are_counted_and_an_acknowledgement_is_told_once() {
    let mut alert = Standing::begun();
    assert_eq!(alert.said(Action::Trigger, at(0), &rules()), (Effect::Counted, None));
    assert_eq!(alert.said(Action::Acknowledge, at(1), &rules()), (Effect::Acknowledged, Some(Note::Acknowledged)));
    assert_eq!(alert.said(Action::Acknowledge, at(2), &rules()), (Effect::Acknowledged, None));
    assert_eq!(alert.said(Action::Trigger, at(3), &rules()), (Effect::Counted, None));
    assert_eq!((alert.posts, alert.state), (3, State::Acknowledged));
}

#[test]
fn an_end_is_held_off_and_a_trigger_takes_it_back() {
    let mut alert = Standing::begun();
    assert_eq!(alert.said(Action::Resolve, at(0), &rules()), (Effect::Recovering, Some(Note::Recovering)));
    assert_eq!(alert.clears_at, Some(at(5)));
    // Said again, it does not begin anew.
    assert_eq!(alert.said(Action::Resolve, at(3), &rules()), (Effect::Recovering, None));
    assert_eq!(alert.clears_at, Some(at(5)));
    assert!(!alert.clear(at(4)));
    assert_eq!(alert.said(Action::Trigger, at(4), &rules()), (Effect::Returned, Some(Note::Returned)));
    assert!(!alert.clear(at(60)), "it came back");
    alert.said(Action::Resolve, at(60), &rules());
    assert!(alert.clear(at(65)) && alert.state == State::Cleared);
    assert_eq!(alert.said(Action::Resolve, at(66), &rules()), (Effect::Nothing, None));
    // Its ticket is still open: it is the same one.
    assert_eq!(alert.said(Action::Trigger, at(67), &rules()), (Effect::Returned, Some(Note::Returned)));
}

#[test]
fn an_alert_that_comes_and_goes_is_told_once_and_stays_open_until_it_is_quiet() {
    let rules = AlertRules { flaps_above: 3, ..rules() };
    let mut alert = Standing::begun();
    let mut told = Vec::new();
    for minute in 0..8 {
        let action = if minute % 2 == 0 { Action::Resolve } else { Action::Trigger };
        told.push(alert.said(action, at(minute), &rules).1);
    }
    let (recovering, returned) = (Some(Note::Recovering), Some(Note::Returned));
    assert_eq!(told, [recovering, returned, recovering, Some(Note::Flapping), None, None, None, None]);
    assert!(alert.is_flapping && alert.changes.len() <= 4, "{alert:?}");
    alert.said(Action::Resolve, at(8), &rules);
    assert_eq!(alert.clears_at, Some(at(18)), "as long as it is watched, not only the hold-off");
    // Exactly as many as may be are none too many.
    let mut steady = Standing::begun();
    for minute in 0..3 {
        let action = if minute % 2 == 0 { Action::Resolve } else { Action::Trigger };
        steady.said(action, at(minute), &rules);
    }
    assert!(!steady.is_flapping);
    // After a quiet time it flaps no more.
    alert.said(Action::Trigger, at(60), &rules);
    assert!(!alert.is_flapping);
}

#[test]
fn more_than_so_many_keys_of_one_fingerprint_are_a_storm() {
    let rules = rules();
    assert_eq!(fold(9, false, &rules), Fold::Own, "the tenth");
    assert_eq!(fold(10, false, &rules), Fold::Begins, "the eleventh");
    assert_eq!(fold(0, true, &rules), Fold::Joins);
}

#[test]
fn a_count_is_told_when_it_doubles_and_every_minute() {
    let told: Vec<u64> = (1..=20)
        .scan(1, |told, posts| {
            let tells = tells_count(posts, *told, at(0), at(0));
            *told = if tells { posts } else { *told };
            Some(tells.then_some(posts))
        })
        .flatten()
        .collect();
    assert_eq!(told, [2, 4, 8, 16]);
    assert!(tells_count(17, 16, at(0), at(1)), "a minute has passed");
    assert!(!tells_count(16, 16, at(0), at(9)), "nothing is new");
}

#[test]
fn a_fingerprint_leaves_out_what_tells_one_machine_from_another() {
    let labels = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let of = |pairs: &[(&str, &str)]| fingerprint("", "prometheus", "Disk full", &labels(pairs), 255);
    let one = of(&[("alertname", "DiskFull"), ("instance", "db1"), ("Pod", "a-1")]);
    assert_eq!(one, "prometheus: alertname=DiskFull");
    assert_eq!(one, of(&[("alertname", "DiskFull"), ("instance", "db2"), ("host", "x")]));
    assert_ne!(one, of(&[("alertname", "DiskSlow"), ("instance", "db1")]));
    assert_eq!(fingerprint("mine", "s", "t", &labels(&[]), 255), "mine");
    let summary = |text: &str| fingerprint("", "", text, &labels(&[]), 255);
    assert_eq!(summary("Link 17 down"), summary("link 4 DOWN"));
    let long = |text: &str| fingerprint("", "", text, &labels(&[]), 255);
    let (a, b) = (long(&format!("{}a", "å".repeat(300))), long(&format!("{}b", "å".repeat(300))));
    assert!(a.len() <= 255 && b.len() <= 255 && a != b, "{a} {b}");
}

#[test]
fn a_hold_off_of_nothing_is_over_at_once() {
    let rules = AlertRules { hold_off: SignedDuration::ZERO, ..rules() };
    let mut alert = Standing::begun();
    alert.said(Action::Resolve, at(0), &rules);
    assert!(alert.clear(at(0)));
}
