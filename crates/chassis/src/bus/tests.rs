//! When NATS is asked for a connection.

use std::time::Duration;

use super::pause;

#[test]
fn the_first_attempt_waits_for_nothing_and_later_ones_wait_ever_longer() {
    assert_eq!(pause(1), Duration::ZERO);
    let longest = [2, 3, 4, 5, 6, 7, 60].map(|attempt| (0..200).map(|_| pause(attempt)).max().unwrap_or_default());
    assert!(longest.is_sorted(), "{longest:?}");
    let shortest = (2..80).map(pause).min().unwrap_or_default();
    assert!(shortest >= Duration::from_millis(100), "NATS is not pressed: {shortest:?}");
    assert!(longest.iter().all(|pause| *pause <= Duration::from_secs(4)), "{longest:?}");
}
