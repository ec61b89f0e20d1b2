use std::collections::BTreeMap;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use super::calendar::{self, MOST_REPEATS, Read};
use super::known::Country;
use super::{Days, MOST_YEARS, Years, one_line, yaml};
use crate::client_file::Interval;

fn years(text: &str) -> Years {
    text.parse().expect("years")
}

fn days(country: &str, region: Option<&str>, of: &str) -> Days {
    Country::of(country).expect("it is known").days(region, years(of), None).expect("they are known")
}

fn named<'d>(days: &'d Days, date: &str) -> Vec<&'d str> {
    let date: Date = date.parse().expect("a date");
    days.get(&date).map(|names| names.iter().map(String::as_str).collect()).unwrap_or_default()
}

#[test]
fn known_dates_are_holidays() {
    let norway = days("NO", None, "2026..2027");
    assert_eq!(named(&norway, "2026-05-17"), ["Grunnlovsdag"]);
    assert_eq!(named(&norway, "2026-04-03"), ["Langfredag"]);
    assert_eq!(named(&norway, "2027-05-17"), ["Andre pinsedag", "Grunnlovsdag"], "two on one day");
    assert_eq!(norway.len(), 12 + 11);

    let dutch = days("nl", None, "2025..2026");
    assert_eq!(named(&dutch, "2026-04-27"), ["Koningsdag"]);
    assert_eq!(named(&dutch, "2025-04-26"), ["Koningsdag"], "the 27th was a Sunday");
    assert!(named(&dutch, "2025-04-27").is_empty());
    assert_eq!(named(&dutch, "2025-05-05"), ["Bevrijdingsdag"], "every five years");
    assert!(named(&dutch, "2026-05-05").is_empty());

    let british = days("UK", None, "2027");
    assert_eq!(named(&british, "2027-12-27"), ["Christmas Day (observed)"]);
    assert_eq!(named(&british, "2027-12-28"), ["Boxing Day (observed)"]);
    let american = days("US", None, "2026");
    assert_eq!(named(&american, "2026-07-03"), ["Independence Day (observed)"], "the 4th is a Saturday");
    assert_eq!(named(&american, "2026-11-26"), ["Thanksgiving Day"]);
}

#[test]
fn a_region_has_holidays_of_its_own_and_may_lack_others() {
    assert!(named(&days("DE", None, "2026"), "2026-01-06").is_empty());
    assert_eq!(named(&days("DE", Some("by"), "2026"), "2026-01-06"), ["Heilige Drei Könige"]);
    assert_eq!(named(&days("DE", Some("Bayern"), "2026"), "2026-10-03"), ["Tag der Deutschen Einheit"]);
    assert!(named(&days("DE", Some("BY"), "2026"), "2026-08-15").is_empty());
    assert_eq!(named(&days("DE", Some("BY-CATHOLIC"), "2026"), "2026-08-15"), ["Mariä Himmelfahrt"]);

    assert!(named(&days("GB", Some("SCT"), "2026"), "2026-04-06").is_empty(), "no Easter Monday in Scotland");
    assert_eq!(named(&days("GB", Some("England"), "2026"), "2026-04-06"), ["Easter Monday"]);
    assert_eq!(named(&days("GB", Some("SCT"), "2026"), "2026-01-02"), ["New Year Holiday"]);
    assert_eq!(named(&days("US", None, "2026"), "2026-10-12"), ["Columbus Day"]);
    assert!(named(&days("US", Some("CA"), "2026"), "2026-10-12").is_empty(), "not in California");
}

#[test]
fn names_come_in_the_language_that_is_asked_for() {
    let norway = Country::of("no").expect("it is known");
    let english = norway.days(None, years("2026"), Some("EN")).expect("it is there");
    assert_eq!(named(&english, "2026-05-17"), ["Constitution Day"]);
    let refused = norway.days(None, years("2026"), Some("fr")).expect_err("it is not there");
    assert!(refused.to_string().contains("nb, en"), "{refused}");
}

#[test]
fn whoever_asks_for_what_is_not_known_learns_what_is() {
    let refused = |country: &str, region: Option<&str>, of: &str| {
        Country::of(country)
            .and_then(|known| known.days(region, years(of), None))
            .expect_err("it is refused")
            .to_string()
    };
    assert!(refused("FR", None, "2026").contains("NO, NL, DE, GB, US"));
    let regions = refused("DE", Some("XX"), "2026");
    assert!(regions.contains("BY Bayern") && regions.contains("SN Sachsen"), "{regions}");
    assert!(refused("NO", Some("Oslo"), "2026").contains("leave --region out"));
    assert!(refused("NO", None, "2019..2026").contains("2020 to 2040 only; ask for --years 2020..2026"));
    assert!(refused("NO", None, "2040..2041").contains("--years 2040..2040"));
}

#[test]
fn years_are_one_or_from_the_first_to_the_last() {
    assert_eq!((years("2026").first, years("2026").last), (2026, 2026));
    assert_eq!(years("2026..2030"), years("2026..=2030"));
    for wrong in ["", "26", "2030..2026", "1969", "2200", "2026..", "2026-2030", "next"] {
        assert!(wrong.parse::<Years>().is_err(), "{wrong}");
    }
    let most = |years: i16| format!("2000..{}", 1999 + years).parse::<Years>();
    assert!(most(MOST_YEARS).is_ok());
    assert!(most(MOST_YEARS + 1).is_err_and(|text| text.contains("more than 50 years")));
}

#[derive(Deserialize)]
struct Calendar {
    special_days: BTreeMap<Date, Vec<Interval>>,
}

#[test]
fn what_is_printed_is_read_by_a_client_file() {
    for region in [None, Some("SCT")] {
        let days = days("GB", region, "2026..2030");
        for indent in [0, 6] {
            let text = yaml(&days, "GB", indent);
            let (read, _) = crate::yaml::read::<Calendar>("special_days.yaml", &text).expect("it is read");
            assert!(read.special_days.keys().eq(days.keys()));
            assert!(read.special_days.values().all(Vec::is_empty));
        }
    }
    let none = yaml(&Days::new(), "none.ics", 2);
    assert!(crate::yaml::read::<Calendar>("special_days.yaml", &none).expect("it is read").0.special_days.is_empty());
    assert_eq!(one_line("New\r\n  Year\u{1b}[31m"), "New Year [31m");
}

fn calendar(events: &[&str]) -> String {
    let events: String = events.iter().map(|event| format!("BEGIN:VEVENT\n{event}\nEND:VEVENT\n")).collect();
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a test//EN\n{events}END:VCALENDAR\n").replace('\n', "\r\n")
}

fn imported(events: &[&str], of: &str) -> Read {
    calendar::read(&calendar(events), years(of)).expect("it is read")
}

fn dates(read: &Read) -> Vec<String> {
    read.days.keys().map(ToString::to_string).collect()
}

#[test]
fn an_all_day_event_is_a_day_off_and_a_longer_one_is_several() {
    let read = imported(
        &[
            "UID:1\nSUMMARY:Company day\nDTSTART;VALUE=DATE:20260612",
            "UID:2\nSUMMARY:Christmas\nDTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227",
            "UID:3\nSUMMARY:Turn of the year\nDTSTART;VALUE=DATE:20261231\nDURATION:P2D",
            "UID:4\nSUMMARY:Same day\nDTSTART;VALUE=DATE:20260612\nDTEND;VALUE=DATE:20260612",
        ],
        "2026",
    );
    assert_eq!(dates(&read), ["2026-06-12", "2026-12-24", "2026-12-25", "2026-12-26", "2026-12-31"]);
    assert_eq!(named(&read.days, "2026-06-12"), ["Company day", "Same day"]);
    assert!(read.left_out.is_empty(), "{:?}", read.left_out);
}

#[test]
fn yearly_rules_exceptions_and_additions_are_followed() {
    let read = imported(
        &[
            "UID:1\nSUMMARY:Founders' day\nDTSTART;VALUE=DATE:20200301\nRRULE:FREQ=YEARLY\nEXDATE;VALUE=DATE:20270301",
            "UID:2\nSUMMARY:Last Friday in May\nDTSTART;VALUE=DATE:20240531\nRRULE:FREQ=YEARLY;BYMONTH=5;BYDAY=-1FR",
            "UID:3\nSUMMARY:Ended\nDTSTART;VALUE=DATE:20200601\nRRULE:FREQ=YEARLY;UNTIL=20260601",
            "UID:4\nSUMMARY:Counted\nDTSTART;VALUE=DATE:20250701\nRRULE:FREQ=YEARLY;COUNT=2",
            "UID:5\nSUMMARY:Added\nDTSTART;VALUE=DATE:20260801\nRDATE;VALUE=DATE:20270802",
        ],
        "2026..2028",
    );
    let expected = [
        "2026-03-01",
        "2026-05-29",
        "2026-06-01",
        "2026-07-01",
        "2026-08-01",
        "2027-05-28",
        "2027-08-02",
        "2028-03-01",
        "2028-05-26",
    ];
    assert_eq!(dates(&read), expected);
}

#[test]
fn a_repetition_that_was_moved_stands_where_it_was_moved_to() {
    let read = imported(
        &[
            "UID:1\nSUMMARY:Founders' day\nDTSTART;VALUE=DATE:20250301\nRRULE:FREQ=YEARLY",
            "UID:1\nSUMMARY:Founders' day\nRECURRENCE-ID;VALUE=DATE:20260301\nDTSTART;VALUE=DATE:20260302",
            "UID:2\nSUMMARY:Another\nDTSTART;VALUE=DATE:20250301\nRRULE:FREQ=YEARLY",
        ],
        "2026",
    );
    assert_eq!(named(&read.days, "2026-03-01"), ["Another"]);
    assert_eq!(named(&read.days, "2026-03-02"), ["Founders' day"]);
}

#[test]
fn what_is_no_day_off_is_left_out_and_told() {
    let read = imported(
        &[
            "UID:1\nSUMMARY:Meeting\nDTSTART:20260612T100000Z\nDTEND:20260612T110000Z",
            "UID:2\nSUMMARY:Nothing\nSTATUS:CANCELLED\nDTSTART;VALUE=DATE:20260613",
            "UID:3\nSUMMARY:Timeless",
            "UID:4\nSUMMARY:Day off\nDTSTART;VALUE=DATE:20260614",
        ],
        "2026",
    );
    assert_eq!(dates(&read), ["2026-06-14"]);
    assert_eq!(read.left_out.len(), 3, "{:?}", read.left_out);
    let only_timed = calendar(&["UID:1\nSUMMARY:Meeting\nDTSTART:20260612T100000Z"]);
    let refused = calendar::read(&only_timed, years("2026")).expect_err("it is refused").to_string();
    assert!(refused.contains("no all-day event") && refused.contains("Meeting"), "{refused}");
}

#[test]
fn an_event_that_goes_on_for_ever_ends_with_the_years_asked_for() {
    let read = imported(
        &[
            "UID:1\nSUMMARY:Every day\nDTSTART;VALUE=DATE:20250301\nRRULE:FREQ=DAILY",
            "UID:2\nSUMMARY:Closed down\nDTSTART;VALUE=DATE:20200301\nDTEND;VALUE=DATE:99991231",
        ],
        "2026",
    );
    assert_eq!(read.days.len(), 365);
    assert!(read.days.values().all(|names| names == &["Closed down", "Every day"]));
}

#[test]
fn an_event_that_repeats_itself_once_too_often_is_left_out_and_told() {
    let first: Date = "2026-01-01".parse().expect("a date");
    let last = first.checked_add((i64::try_from(MOST_REPEATS).expect("few") - 1).days()).expect("a date");
    let daily = "UID:1\nSUMMARY:Every day\nDTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY";
    let until = |year: i16| imported(&[daily], &format!("2026..{year}"));
    assert!(until(last.year() - 1).left_out.is_empty());
    let cut = until(last.year());
    assert!(cut.days.is_empty() && cut.left_out[0].contains("Every day: it repeats itself more than"), "{cut:?}");
}

#[test]
fn what_is_no_calendar_is_refused_and_nothing_panics() {
    for text in ["", "hello", "BEGIN:VCARD\nEND:VCARD\n", "BEGIN:VCALENDAR\nBEGIN:VEVENT\n"] {
        assert!(calendar::read(text, years("2026")).is_err(), "{text}");
    }
    let whole = calendar(&[
        "UID:1\nSUMMARY:Æ\nDTSTART;VALUE=DATE:20260301\nDTEND;VALUE=DATE:20260304\nRRULE:FREQ=DAILY;COUNT=9\nEXDATE:20260305",
    ]);
    for cut in (0..whole.len()).filter(|cut| whole.is_char_boundary(*cut)) {
        let _any = calendar::read(&whole[..cut], years("2026"));
    }
}
