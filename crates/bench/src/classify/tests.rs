use jiff::SignedDuration;

use super::*;

fn ticket(number: usize, caller: &str, queue: &str) -> Registered {
    let registered_at = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(number as i64);
    Registered {
        reference: format!("INC{number}"),
        registered_at,
        ended_at: registered_at + SignedDuration::from_mins(3),
        matter: vec![("category", "any".to_owned())],
        origin: vec![("caller", caller.to_owned())],
        first_queue: String::new(),
        queue: queue.to_owned(),
        category: queue.to_owned(),
    }
}

fn options() -> ClassifyOptions {
    ClassifyOptions { train: 0.7, threshold: 0.8, memory: 1_000 }
}

/// Ada's matters go to one queue, Bo's to another, in turn.
fn log() -> Vec<Registered> {
    (0..400)
        .map(|number| if number % 2 == 0 { ticket(number, "ada", "net") } else { ticket(number, "bo", "mail") })
        .collect()
}

#[test]
fn what_the_caller_decides_is_learned_and_the_commonest_is_not_enough() {
    let mut log = log();
    let split = split(&mut log, &options()).unwrap();
    let scores = TASKS[1].run(&log, split, &options());
    assert_eq!(scores.desk.made, 120);
    assert_eq!(scores.desk.right_percent(), 100.0);
    assert_eq!(scores.nearest.right_percent(), 100.0);
    assert_eq!(scores.going.right_percent(), 100.0);
    assert_eq!(scores.majority.right_percent(), 50.0);
    assert_eq!(scores.majority.among_percent(), 100.0);
}

#[test]
fn as_it_goes_nothing_is_known_before_it_has_ended() {
    let mut log = log();
    for one in &mut log {
        one.ended_at = one.registered_at + SignedDuration::from_hours(24 * 365);
    }
    let split = split(&mut log, &options()).unwrap();
    let scores = TASKS[1].run(&log, split, &options());
    assert_eq!(scores.desk.right_percent(), 100.0);
    assert_eq!(scores.going.made, 120);
    assert_eq!(scores.going.right_percent(), 0.0);
}

#[test]
fn a_log_is_split_by_time_whatever_its_order() {
    let mut log = log();
    log.reverse();
    assert_eq!(split(&mut log, &options()).unwrap(), 280);
    assert_eq!(log[0].reference, "INC0");
    assert!(split(&mut log[..1], &options()).is_err());
}
