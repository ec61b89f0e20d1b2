//! When NATS is asked for a connection.

use std::time::Duration;

use super::pause;

#[test]
fn the_first_attempt_waits_for_nothing_and_later_ones_wait_ever_longer() {
    assert_eq!(pause(1), Duration::ZERO);
    // A half to the whole of what doubles: whatever is drawn, the next one is no shorter until the cap is reached.
    let growing: Vec<Duration> = (2..=6).map(pause).collect();
    assert!(growing.is_sorted(), "{growing:?}");
    let capped = [7, 8, 60, usize::MAX].map(pause);
    let (half, cap) = (Duration::from_secs(2), Duration::from_secs(4));
    assert!(capped.iter().all(|pause| (half..=cap).contains(pause)), "{capped:?}");
    let shortest = (2..80).map(pause).min().unwrap_or_default();
    assert!(shortest >= Duration::from_millis(100), "NATS is not pressed: {shortest:?}");
}
