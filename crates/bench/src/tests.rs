use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::cpu::{CpuMs, Memory, Stat};
use crate::follow::{self, Seen, Sent};
use crate::latency::{Times, median};
use crate::load::{Schedule, open_loop};
use crate::machine::{self, Machine};
use crate::outcome::{Check, Figure, Target, number};
use crate::post;

pub(crate) fn machine() -> Machine {
    Machine {
        cpu: "a processor".to_owned(),
        cores: 2,
        memory: 8_000_000_000,
        kernel: "6.18".to_owned(),
        file_system: "ext4".to_owned(),
        sync_ms: 1.5,
        load_before: "0.10 0.20 0.30".to_owned(),
        load_after: "1.10 0.50 0.40".to_owned(),
        skranke: "0.1.0".to_owned(),
        postgres: "15.18".to_owned(),
        nats: "2.11".to_owned(),
    }
}

#[test]
fn the_median_is_in_the_middle_whatever_the_order() {
    assert_eq!(median(&[]), 0.0);
    assert_eq!(median(&[3.0]), 3.0);
    assert_eq!(median(&[9.0, 1.0, 5.0]), 5.0);
    assert_eq!(median(&[4.0, 1.0, 2.0, 100.0]), 3.0);
}

#[test]
fn of_a_hundred_times_the_ninety_ninth_is_p99() {
    let mut times = Times::new().expect("bounds");
    for millis in 1..=100 {
        times.record(Duration::from_millis(millis));
    }
    let summary = times.summary();
    for (found, wanted) in [(summary.p50_ms, 50.0), (summary.p99_ms, 99.0), (summary.max_ms, 100.0)] {
        assert!((found - wanted).abs() / wanted < 0.002, "{found} for {wanted}");
    }
    assert_eq!(times.count(), 100);
}

#[test]
fn times_of_several_callers_count_as_one() {
    let (mut one, mut other) = (Times::new().expect("bounds"), Times::new().expect("bounds"));
    one.record(Duration::from_millis(1));
    other.record(Duration::from_millis(9));
    one.add(&other).expect("the same bounds");
    assert_eq!(one.count(), 2);
    assert!(one.summary().max_ms >= 9.0);
}

#[test]
fn a_process_is_read_whatever_its_name_is() {
    let line = "4242 (a) b ((x) S 17 4242 4242 0 -1 4194560 1 2 3 4 250 50 30 20 20 0 5 0 1 1 1";
    assert_eq!(Stat::parse(line), Some(Stat { parent: 17, own: 300, ended_children: 50 }));
    assert_eq!(Stat::parse("4242 (x) S 17"), None);
    assert_eq!(Stat::parse(""), None);
}

#[test]
fn services_are_added_up_round_by_round() {
    let each = [("intake", vec![1.0, 2.0]), ("triage", vec![10.0, 20.0])].into_iter().collect();
    assert_eq!(crate::footprint::together(&each), [11.0, 22.0]);
    assert_eq!(crate::footprint::together(&Default::default()), Vec::<f64>::new());
}

#[test]
fn memory_is_read_in_bytes() {
    let text = "55f-7ff ---p 0 00:00 0 [rollup]\nRss:   14200 kB\nPss:    5100 kB\nPss_Dirty: 1 kB\n\
                Private_Clean:  300 kB\nPrivate_Dirty: 2000 kB\n";
    let memory = Memory { resident: 14_200 * 1024, proportional: 5_100 * 1024, private: 2_300 * 1024 };
    assert_eq!(Memory::parse(text), Some(memory));
    assert_eq!(Memory::parse("Rss: 1 kB\nPss: 1 kB\n"), None);
}

#[test]
fn cpu_is_what_was_used_in_between() {
    let at = |intake: f64, postgres: f64, load: f64| {
        CpuMs([("intake", intake), ("postgres", postgres), ("load", load)].map(|(who, ms)| (who.to_owned(), ms)).into())
    };
    let used = at(150.0, 90.0, 700.0).since(&at(100.0, 50.0, 100.0));
    assert_eq!((used.of("intake"), used.of("postgres"), used.of("load")), (50.0, 40.0, 600.0));
    // Neither the servers' nor the load's.
    assert_eq!(used.services(), 50.0);
}

#[test]
fn the_nearest_mount_above_a_folder_is_its_own() {
    let mounts = "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:1 / /tmp rw - tmpfs tmpfs rw\n3 1 0:2 / /t rw - xfs x rw\n";
    let kind = |folder: &str| machine::mounted_on(mounts, std::path::Path::new(folder));
    assert_eq!(kind("/tmp/x/y").as_deref(), Some("tmpfs"));
    assert_eq!(kind("/tmpfile").as_deref(), Some("ext4"));
    assert_eq!(kind("/home").as_deref(), Some("ext4"));
}

#[test]
fn a_post_is_counted_from_its_instant_not_from_when_it_was_sent() {
    let due_at = Instant::now();
    let after = |millis: u64| due_at + Duration::from_millis(millis);
    let (seen, lost) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let sent = [seen, lost].map(|ticket_id| Sent { ticket_id, due_at, acknowledged_at: after(40) });
    assert!((follow::acknowledged(&sent).expect("times").p50_ms - 40.0).abs() < 0.1);
    let sightings = Seen::default();
    sightings.note(seen, after(50));
    sightings.note(seen, after(500));
    let (latency, missing) = sightings.latency(&sent).expect("times");
    assert!((latency.max_ms - 50.0).abs() < 0.1, "only the first sighting counts: {latency:?}");
    assert_eq!(missing, 1);
}

#[test]
fn a_schedule_never_waits_for_answers() {
    let begin = Instant::now();
    let schedule = Schedule::new(begin, 1_000.0);
    assert_eq!(schedule.due(0), begin);
    assert_eq!(schedule.due(2_500), begin + Duration::from_millis(2_500));
}

#[tokio::test]
async fn every_call_of_an_open_loop_is_made_once() {
    let schedule = Schedule::new(Instant::now(), 100_000.0);
    let mut numbers = open_loop(schedule, 50, |number, _| async move { number }).await.expect("calls");
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).collect::<Vec<u64>>());
}

#[test]
fn a_ratio_is_the_median_of_the_rounds_own() {
    let figure = Figure::new("", "", "", vec![10.0, 100.0, 30.0]).beside("raw", vec![10.0, 50.0, 60.0]);
    assert_eq!(figure.beside.as_ref().map(|raw| raw.ratio), Some(1.0));
    assert_eq!(figure.clone().target(Target::RatioAtLeast(0.7)).is_met(), Some(true));
    assert_eq!(figure.clone().target(Target::RatioAtMost(0.7)).is_met(), Some(false));
    assert_eq!(figure.clone().target(Target::AtMost(30.0)).is_met(), Some(true));
    assert_eq!(figure.clone().target(Target::AtLeast(31.0)).is_met(), Some(false));
    assert_eq!(figure.is_met(), None);
}

#[test]
fn a_count_that_is_one_off_fails() {
    assert!(Check::exactly("tickets", 5, 5).holds());
    assert!(!Check::exactly("tickets", 4, 5).holds());
    assert!(!Check::exactly("tickets", 6, 5).holds());
    let in_doubt = |found| Check { what: String::new(), found, at_least: 5, at_most: 7 };
    assert_eq!([4, 5, 7, 8].map(|found| in_doubt(found).holds()), [false, true, true, false]);
}

#[test]
fn numbers_have_three_digits_that_say_something() {
    let told = [0.0, 0.0123, 0.25, 5.0, 5.237, 42.24, 999.6, 24_000.4, 1_234_567.0, -1_500.0].map(number);
    let wanted = ["0", "0.012", "0.25", "5", "5.24", "42.2", "1,000", "24,000", "1,234,567", "-1,500"];
    assert_eq!(told, wanted);
}

#[test]
fn posts_are_as_large_as_real_ones_and_never_the_same() {
    let posts: Vec<_> = (0..40).map(|number| post::post("caller", number)).collect();
    for post in &posts {
        let matter = post.matter.as_ref().expect("a matter");
        let size = matter.subject.len() + matter.description.len();
        assert!((350..=480).contains(&size), "{size}");
        assert_ne!(matter.requester_email.is_empty(), matter.external_ref.is_empty());
        assert!(post.request_id.len() <= 36);
    }
    let ids: std::collections::BTreeSet<_> = posts.iter().map(|post| &post.request_id).collect();
    assert_eq!(ids.len(), posts.len());
}
