use std::collections::BTreeMap;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{Calendar, CalendarSpec, Weekday};
use crate::domain::contract::Problem;
use crate::domain::strategies::{calendar_near_a_change, cases};
use crate::domain::zone::rules_version;

const WORKING_DAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

fn spec(time_zone: &str, weekly: &[(Weekday, &[&str])]) -> CalendarSpec {
    let list = |hours: &[&str]| hours.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let weekly = weekly.iter().map(|(day, hours)| (*day, list(hours))).collect();
    CalendarSpec { time_zone: time_zone.to_owned(), weekly, special_days: BTreeMap::new() }
}

fn office(time_zone: &str) -> Calendar {
    let week: Vec<(Weekday, &[&str])> = WORKING_DAYS.iter().map(|day| (*day, &["08:00-16:00"][..])).collect();
    Calendar::new(&spec(time_zone, &week)).expect("a valid calendar")
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

/// By the definition: is the wall clock of that instant inside an interval of its date?
fn is_open(zone: &TimeZone, spec: &CalendarSpec, at: Timestamp) -> bool {
    let local = zone.to_datetime(at);
    let weekday = Weekday::ALL[usize::try_from(local.date().weekday().to_monday_zero_offset()).expect("0 to 6")];
    let listed = spec.special_days.get(&local.date().to_string()).or_else(|| spec.weekly.get(&weekday));
    let now = format!("{:02}:{:02}", local.hour(), local.minute());
    listed.is_some_and(|hours| {
        hours.iter().any(|text| text.split_once('-').is_some_and(|(from, until)| *from <= *now && *now < *until))
    })
}

/// Open time minute by minute; offsets and intervals are whole minutes.
fn scanned(spec: &CalendarSpec, from: Timestamp, until: Timestamp) -> i64 {
    let zone = TimeZoneDatabase::bundled().get(&spec.time_zone).expect("a zone");
    let (from, until) = (from.as_millisecond(), until.as_millisecond());
    let mut open = 0;
    let mut minute = from.div_euclid(60_000) * 60_000;
    while minute < until {
        if is_open(&zone, spec, Timestamp::from_millisecond(minute).expect("in range")) {
            open += (minute + 60_000).min(until) - minute.max(from);
        }
        minute += 60_000;
    }
    open
}

#[test]
fn the_version_of_the_rules_is_known() {
    let version = rules_version();
    let (year, letter) = version.split_at(4);
    assert!(year.parse::<u16>().is_ok_and(|year| year >= 2025) && letter.len() == 1, "{version}");
}

fn plus(at: Timestamp, millis: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(millis)).expect("in range")
}

#[test]
fn a_target_that_runs_out_at_closing_time_is_due_at_closing_time() {
    let due = office("Europe/Oslo").due(at("2026-03-13T07:00:00Z"), hours(8));
    assert_eq!(due, Some(at("2026-03-13T15:00:00Z")));
}

#[test]
fn nothing_is_due_at_once_even_while_closed() {
    let sunday = at("2026-03-15T12:00:00Z");
    assert_eq!(office("Europe/Oslo").due(sunday, SignedDuration::ZERO), Some(sunday));
}

#[test]
fn office_hours_follow_the_wall_clock_over_the_change_to_summer() {
    let calendar = office("Europe/Oslo");
    assert_eq!(calendar.due(at("2026-03-27T14:00:00Z"), hours(2)), Some(at("2026-03-30T07:00:00Z")));
}

#[test]
fn a_repeated_open_hour_counts_twice_and_a_skipped_one_not() {
    let calendar = Calendar::new(&spec("Europe/Oslo", &[(Weekday::Sun, &["01:30-03:30"])])).expect("valid");
    let autumn = calendar.elapsed(at("2026-10-24T12:00:00Z"), at("2026-10-25T12:00:00Z"));
    let spring = calendar.elapsed(at("2026-03-28T12:00:00Z"), at("2026-03-29T12:00:00Z"));
    assert_eq!((autumn, spring), (hours(3), hours(1)));
}

#[test]
fn a_date_that_a_zone_skipped_was_never_open() {
    let mut kiritimati = spec("Pacific/Kiritimati", &[]);
    kiritimati.special_days.insert("1994-12-31".to_owned(), vec!["00:00-24:00".to_owned()]);
    let complaints = Calendar::new(&kiritimati).expect_err("it never opens");
    assert_eq!(complaints[0].problem, Problem::NeverOpen);
}

#[test]
fn far_targets_are_reached_without_walking() {
    let calendar = Calendar::new(&spec("Asia/Kathmandu", &[(Weekday::Wed, &["10:00-11:00"])])).expect("valid");
    let start = at("2026-01-01T00:00:00Z");
    // The first Wednesday is 2026-01-07; the 5000th is 4999 weeks later.
    assert_eq!(calendar.due(start, hours(5000)), Some(plus(at("2026-01-07T05:15:00Z"), 4999 * 7 * 86_400_000)));
}

#[test]
fn special_days_alone_end_some_day() {
    let mut once = spec("Europe/Oslo", &[]);
    once.special_days.insert("2026-12-24".to_owned(), vec!["08:00-12:00".to_owned()]);
    let calendar = Calendar::new(&once).expect("it opens once");
    let start = at("2026-01-01T00:00:00Z");
    assert_eq!(calendar.due(start, hours(4)), Some(at("2026-12-24T11:00:00Z")));
    assert_eq!(calendar.due(start, hours(5)), None);
    assert_eq!(
        calendar.due(at("2026-12-24T10:30:00Z"), SignedDuration::from_mins(30)),
        Some(at("2026-12-24T11:00:00Z"))
    );
}

#[test]
fn everything_wrong_is_said_at_once_and_where() {
    let mut wrong = spec(
        "Europe/Trondheim",
        &[
            (Weekday::Mon, &["08:00-16:00", "15:59-17:00"]),
            (Weekday::Tue, &["8:00-16:00", "08:00-24:01", "08:60-09:00", "08:00", "+8:00-16:00"]),
            (Weekday::Wed, &["22:00-06:00", "09:00-09:00"]),
        ],
    );
    wrong.special_days.insert("2026-02-30".to_owned(), vec![]);
    wrong.special_days.insert("2026-12-24".to_owned(), vec!["noon".to_owned()]);
    let complaints = Calendar::new(&wrong).expect_err("it is wrong");
    let found: Vec<(&str, &str)> =
        complaints.iter().map(|complaint| (complaint.path.as_str(), complaint.problem.reason())).collect();
    assert_eq!(
        found,
        [
            ("time_zone", "UNKNOWN_ZONE"),
            ("weekly.mon[1]", "OVERLAPPING_INTERVAL"),
            ("weekly.tue[0]", "MALFORMED_INTERVAL"),
            ("weekly.tue[1]", "MALFORMED_INTERVAL"),
            ("weekly.tue[2]", "MALFORMED_INTERVAL"),
            ("weekly.tue[3]", "MALFORMED_INTERVAL"),
            ("weekly.tue[4]", "MALFORMED_INTERVAL"),
            ("weekly.wed[0]", "BACKWARDS_INTERVAL"),
            ("weekly.wed[1]", "BACKWARDS_INTERVAL"),
            ("special_days.2026-12-24[0]", "MALFORMED_INTERVAL"),
            ("special_days.2026-02-30", "NOT_A_DATE"),
        ]
    );
}

#[test]
fn a_calendar_that_never_opens_is_refused() {
    let complaints = Calendar::new(&spec("Europe/Oslo", &[(Weekday::Mon, &[])])).expect_err("it never opens");
    assert_eq!(complaints[0].problem, Problem::NeverOpen);
}

/// Every minute of a year, by the definition. Of each day the sum so far, and a target that runs out in its middle.
#[test]
fn whole_years_are_as_a_minute_by_minute_count_gives_in_every_odd_zone() {
    for (zone, year) in [
        ("Europe/Oslo", 2026),
        ("Australia/Lord_Howe", 2026),
        ("Pacific/Apia", 2011),
        ("Africa/Casablanca", 2026),
        ("Antarctica/Casey", 2020),
        ("America/Caracas", 2016),
    ] {
        let mut odd = spec(
            zone,
            &[
                (Weekday::Mon, &["00:00-24:00"]),
                (Weekday::Wed, &["22:15-24:00", "00:00-03:30"]),
                (Weekday::Fri, &["00:30-02:30", "12:00-12:01"]),
                (Weekday::Sat, &["00:00-24:00"]),
                (Weekday::Sun, &["01:45-02:15", "23:00-23:59"]),
            ],
        );
        odd.special_days.insert(format!("{year}-12-25"), vec![]);
        odd.special_days.insert(format!("{year}-12-30"), vec!["00:00-24:00".to_owned()]);
        year_of(&odd, year);
    }
}

fn year_of(spec: &CalendarSpec, year: i16) {
    const MINUTE: i64 = 60_000;
    let calendar = Calendar::new(spec).expect("valid");
    let zone = TimeZoneDatabase::bundled().get(&spec.time_zone).expect("a zone");
    let start = at(&format!("{year}-01-01T00:00:00Z"));
    let (mut open, mut last) = (0, None);
    for minute in 0..366 * 24 * 60_i64 {
        let now = plus(start, minute * MINUTE);
        if minute % 720 == 0 {
            assert_eq!(calendar.elapsed(start, now), SignedDuration::from_millis(open), "{} {now}", spec.time_zone);
            if let Some(last) = last {
                // The end of the last open minute is where so much has elapsed for the first time.
                assert_eq!(calendar.due(start, SignedDuration::from_millis(open)), Some(last), "{}", spec.time_zone);
            }
        }
        if is_open(&zone, spec, now) {
            open += MINUTE;
            last = Some(plus(now, MINUTE));
        }
    }
    assert!(open > 0);
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn elapsed_is_what_a_minute_by_minute_count_gives(
        (spec, near) in calendar_near_a_change(), before in 0..130_000_000_i64, after in 0..130_000_000_i64,
    ) {
        let calendar = Calendar::new(&spec).expect("valid");
        let (from, until) = (plus(near, -before), plus(near, after));
        prop_assert_eq!(calendar.elapsed(from, until), SignedDuration::from_millis(scanned(&spec, from, until)));
    }
}

proptest! {
    #![proptest_config(cases(256))]

    #[test]
    fn due_is_the_earliest_instant_with_so_much_elapsed(
        (spec, near) in calendar_near_a_change(), before in 0..400_000_000_i64, length in 1..1_000_000_000_i64,
    ) {
        let calendar = Calendar::new(&spec).expect("valid");
        let start = plus(near, -before);
        let length = SignedDuration::from_millis(length);
        let due = calendar.due(start, length).expect("it opens every week");
        prop_assert_eq!(calendar.elapsed(start, due), length);
        prop_assert!(calendar.elapsed(start, plus(due, -1)) < length);
    }

    #[test]
    fn elapsed_times_add_up(
        (spec, near) in calendar_near_a_change(), mut edges in proptest::array::uniform3(-900_000_000..900_000_000_i64),
    ) {
        edges.sort_unstable();
        let calendar = Calendar::new(&spec).expect("valid");
        let [a, b, c] = edges.map(|edge| plus(near, edge));
        prop_assert_eq!(calendar.elapsed(a, b) + calendar.elapsed(b, c), calendar.elapsed(a, c));
        prop_assert_eq!(calendar.elapsed(c, a), SignedDuration::ZERO);
    }

    #[test]
    fn open_pieces_add_up_to_elapsed(
        (spec, near) in calendar_near_a_change(), before in 0..300_000_000_i64, after in 0..300_000_000_i64,
    ) {
        let calendar = Calendar::new(&spec).expect("valid");
        let (from, until) = (near.as_millisecond() - before, near.as_millisecond() + after);
        let (mut open, mut last) = (0, from);
        calendar.each_open(from, until, |a, b| {
            assert!(last <= a && a < b && b <= until);
            (open, last) = (open + b - a, b);
        });
        prop_assert_eq!(open, calendar.open_between(from, until));
    }

    #[test]
    fn no_text_makes_reading_panic(zone in ".*", hours in ".{0,12}", date in ".{0,12}") {
        let mut any = spec(&zone, &[(Weekday::Fri, &[&hours])]);
        any.special_days.insert(date, vec![hours]);
        prop_assert!(!Calendar::new(&any).map_or_else(|complaints| complaints.is_empty(), |_| false));
    }
}
