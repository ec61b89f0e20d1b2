use super::*;

const APART: Duration = Duration::from_millis(15);
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn groups_begin_apart_where_jobs_come_of_themselves() {
    let begun_at = Instant::now();
    let begins_at = |under_way, left, apart| Pace::after(under_way, left, begun_at, Duration::ZERO, apart).begins_at;
    assert_eq!(begins_at(5, 3, APART), Some(begun_at + APART));
    assert_eq!(begins_at(3, 1, APART), Some(begun_at + APART));
    assert_eq!(begins_at(2, 1, APART), None, "few cost little");
    assert_eq!(begins_at(8, 0, APART), None, "whoever waits for their answer would wait for nothing");
    assert_eq!(begins_at(5, 3, Duration::ZERO), None, "not where it is not wanted");
}

#[test]
fn a_group_lingers_for_a_quarter_of_the_last_one_within_limits() {
    let linger = |took| Pace::after(8, 0, Instant::now(), took, APART).linger;
    assert_eq!(linger(Duration::ZERO), LINGER.0);
    assert_eq!(linger(Duration::from_millis(100)), LINGER.1);
    assert_eq!(linger(Duration::from_millis(8)), Duration::from_millis(2));
    assert_eq!(Pace::after(MOST, 1, Instant::now(), Duration::ZERO, APART).expected, MOST);
}

/// What a group has that finds one job, and to which these come while it waits.
async fn filled(pace: Pace, come: usize) -> usize {
    let (sender, mut queue) = mpsc::channel(WAITING);
    let mut jobs = vec![0];
    let coming = async {
        tokio::task::yield_now().await;
        for job in 1..=come {
            sender.try_send(job).expect("room");
        }
    };
    // Both at once: the sender lives on, so that only the pace ends the waiting.
    let both = async { tokio::join!(pace.fill(&mut queue, &mut jobs), coming) };
    timeout(Duration::from_secs(60), both).await.expect("it begins");
    jobs.len()
}

#[tokio::test]
async fn a_group_begins_when_all_that_are_expected_have_come() {
    let patient = Pace { expected: 6, linger: Duration::ZERO, begins_at: Some(Instant::now() + HOUR) };
    assert_eq!(filled(patient, 5).await, 6);
    let lingering = Pace { expected: 6, linger: HOUR, begins_at: None };
    assert_eq!(filled(lingering, 5).await, 6);
}

#[tokio::test]
async fn a_group_that_is_large_enough_waits_no_longer() {
    let patient = Pace { expected: 100, linger: Duration::ZERO, begins_at: Some(Instant::now() + HOUR) };
    assert!(filled(patient, 40).await >= NUMBERS.end);
}

#[tokio::test]
async fn a_group_that_nobody_follows_begins_at_its_time() {
    let alone = Pace { expected: 100, linger: Duration::ZERO, begins_at: Some(Instant::now()) };
    assert_eq!(filled(alone, 0).await, 1);
    assert_eq!(filled(Pace::default(), 0).await, 1);
}
