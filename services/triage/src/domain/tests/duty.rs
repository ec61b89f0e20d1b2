//! Who is at the desk when: shifts, absences, changes of the clocks.

use jiff::tz::TimeZone;

use super::*;

fn oslo(mut model: SupportModel) -> SupportModel {
    model.zone = TimeZone::get("Europe/Oslo").unwrap();
    model
}

fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Local time in Oslo.
fn local(model: &SupportModel, text: &str) -> Timestamp {
    model.zone.to_timestamp(text.parse().unwrap()).unwrap()
}

fn names(agents: Vec<&Agent>) -> Vec<&str> {
    agents.into_iter().map(|agent| agent.agent.as_str()).collect()
}

fn away(from: &str, until: &str) -> Absence {
    Absence { from: from.parse().unwrap(), until: until.parse().unwrap(), reason: "holiday".to_owned() }
}

#[test]
fn a_position_is_occupied_from_the_first_minute_of_a_shift_until_its_last() {
    let model = oslo(manned(vec![
        on_shift("ada", "first", &[], &["mon"], "08:00-16:00"),
        on_shift("bob", "first", &[], &["mon"], "12:00-20:00"),
        on_shift("eve", "net", &[], &["mon"], "08:00-16:00"),
    ]));
    let there = |at: &str| names(on_duty(&model, "first", local(&model, at)));
    assert_eq!(there("2026-11-16T07:59:59.999"), Vec::<&str>::new());
    assert_eq!(there("2026-11-16T08:00"), ["ada"]);
    assert_eq!(there("2026-11-16T13:00"), ["ada", "bob"]);
    assert_eq!(there("2026-11-16T15:59:59.999"), ["ada", "bob"]);
    assert_eq!(there("2026-11-16T16:00"), ["bob"]);
    assert_eq!(there("2026-11-17T09:00"), Vec::<&str>::new(), "only on Mondays");
    let goes = |agent: &str, at: &str| model.agents[agent].goes_at(&model.zone, local(&model, at));
    assert_eq!(goes("ada", "2026-11-16T08:00"), Some(local(&model, "2026-11-16T16:00")));
}

#[test]
fn a_night_shift_belongs_to_the_day_on_which_it_begins() {
    let model = oslo(manned(vec![on_shift("ada", "first", &[], &["fri"], "22:00-06:00")]));
    let is_there = |at: &str| model.agents["ada"].is_there(&model.zone, local(&model, at));
    for (at, expected) in [
        ("2026-11-20T21:59", false),
        ("2026-11-20T22:00", true),
        ("2026-11-21T05:59", true),
        ("2026-11-21T06:00", false),
        ("2026-11-20T05:00", false),
    ] {
        assert_eq!(is_there(at), expected, "{at}");
    }
    let ends = model.agents["ada"].goes_at(&model.zone, local(&model, "2026-11-20T23:00"));
    assert_eq!(ends, Some(local(&model, "2026-11-21T06:00")));
}

#[test]
fn the_night_in_which_clocks_go_back_is_an_hour_longer_and_that_in_which_they_go_forward_an_hour_shorter() {
    let model = oslo(manned(vec![on_shift("ada", "first", &[], &["sat"], "22:00-06:00")]));
    let ada = &model.agents["ada"];
    for (begins, ends, hours) in [
        ("2026-10-24T20:00:00Z", "2026-10-25T05:00:00Z", 9),
        ("2026-03-28T21:00:00Z", "2026-03-29T04:00:00Z", 7),
        ("2026-11-21T21:00:00Z", "2026-11-22T05:00:00Z", 8),
    ] {
        let (begins, ends) = (instant(begins), instant(ends));
        assert!(
            ada.is_there(&model.zone, begins) && !ada.is_there(&model.zone, begins - SignedDuration::from_nanos(1))
        );
        assert_eq!(ada.goes_at(&model.zone, begins), Some(ends));
        assert_eq!(ends.duration_since(begins), SignedDuration::from_hours(hours));
    }
}

#[test]
fn a_shift_that_ends_in_the_repeated_hour_ends_at_its_second_passing_and_in_the_skipped_one_at_the_change() {
    let model = oslo(manned(vec![on_shift("ada", "first", &[], &["sat"], "22:00-02:30")]));
    let ada = &model.agents["ada"];
    // Inside is by the wall clock: 02:00–02:30 comes twice, with half an hour outside between, which is a break.
    assert!(!ada.is_there(&model.zone, instant("2026-10-25T00:45:00Z")));
    assert!(ada.is_there(&model.zone, instant("2026-10-25T01:15:00Z")));
    assert_eq!(ada.goes_at(&model.zone, instant("2026-10-24T20:00:00Z")), Some(instant("2026-10-25T01:30:00Z")));
    assert_eq!(ada.goes_at(&model.zone, instant("2026-03-28T21:00:00Z")), Some(instant("2026-03-29T01:00:00Z")));
}

#[test]
fn whoever_is_away_is_not_there_whatever_the_shifts_say() {
    let mut ada = on_shift("ada", "first", &[], &["mon", "tue"], "08:00-16:00");
    ada.absences = vec![away("2026-11-16T12:00", "2026-11-17T00:00")];
    let model = oslo(manned(vec![ada]));
    let ada = &model.agents["ada"];
    assert!(ada.is_there(&model.zone, local(&model, "2026-11-16T11:59")));
    assert!(!ada.is_there(&model.zone, local(&model, "2026-11-16T12:00")));
    assert!(ada.is_there(&model.zone, local(&model, "2026-11-17T08:00")));
    let goes_at = ada.goes_at(&model.zone, local(&model, "2026-11-16T09:00"));
    assert_eq!(goes_at, Some(local(&model, "2026-11-16T12:00")));
}

#[test]
fn an_extra_shift_counts_and_a_shift_out_of_season_does_not() {
    let mut ada = on_shift("ada", "first", &[], &["mon"], "08:00-16:00");
    ada.shifts[0].until = "2026-11-15".parse().unwrap();
    let spans = vec![Span::read("10:00-14:00").unwrap()];
    let (position, date) = ("net".to_owned(), "2026-11-21".parse().unwrap());
    ada.extra_shifts = vec![ExtraShift { position, date, spans }];
    let model = oslo(manned(vec![ada]));
    let positions = |at: &str| model.agents["ada"].positions(&model.zone, local(&model, at)).len();
    assert_eq!(positions("2026-11-09T09:00"), 1);
    assert_eq!(positions("2026-11-16T09:00"), 0, "the shift ended the day before");
    assert_eq!(names(on_duty(&model, "net", local(&model, "2026-11-21T10:00"))), ["ada"]);
    assert_eq!(positions("2026-11-21T14:00"), 0);
}

#[test]
fn a_claim_lapses_at_the_end_of_the_shift_and_outlasts_a_break() {
    let mut ada = on_shift("ada", "first", &[], &["mon", "tue"], "08:00-12:00");
    let mut afternoon = on_shift("ada", "first", &[], &["mon"], "13:00-16:00").shifts;
    ada.shifts.append(&mut afternoon);
    let model = oslo(manned(vec![ada, Agent { agent: "one-man".to_owned(), ..Agent::default() }]));
    let lapses = |agent: &str, at: &str| model.lapses_at(agent, local(&model, at));
    assert_eq!(lapses("ada", "2026-11-16T09:00"), Some(local(&model, "2026-11-16T16:00")), "an hour is a break");
    assert_eq!(lapses("ada", "2026-11-17T09:00"), Some(local(&model, "2026-11-17T12:00")));
    assert_eq!(lapses("ada", "2026-11-16T20:00"), Some(local(&model, "2026-11-17T12:00")), "the end of the next shift");
    assert_eq!(lapses("ada", "2026-11-18T09:00"), Some(local(&model, "2026-11-19T09:00")), "a day at most");
    assert_eq!(lapses("one-man", "2026-11-16T09:00"), None, "who has no shifts keeps their work");
    assert_eq!(lapses("nobody", "2026-11-16T09:00"), None, "and so does whom the model does not name");
}

#[test]
fn a_new_absence_ends_claims_at_once_and_a_new_shift_prolongs_them() {
    let mut ada = on_shift("ada", "first", &[], &["mon"], "08:00-18:00");
    let model = oslo(manned(vec![ada.clone()]));
    let now = local(&model, "2026-11-16T10:00");
    let four = Some(local(&model, "2026-11-16T16:00"));
    assert_eq!(model.lapses_now_at("ada", four, now), Some(local(&model, "2026-11-16T18:00")));
    ada.absences = vec![away("2026-11-16T09:00", "2026-11-18T00:00")];
    let model = oslo(manned(vec![ada]));
    assert_eq!(model.lapses_now_at("ada", four, now), Some(now));
    let nobody = oslo(manned(vec![]));
    assert_eq!(nobody.lapses_now_at("ada", four, now), None, "a model without agents lets nothing lapse");
    let others = oslo(manned(vec![on_shift("bob", "first", &[], &["mon"], "08:00-18:00")]));
    assert_eq!(others.lapses_now_at("ada", four, now), Some(now), "she works here no longer");
    assert_eq!(others.lapses_now_at("lead", None, now), None, "who never was rostered keeps their work");
}

#[test]
fn open_hours_are_by_the_wall_clock_of_their_zone() {
    let mut weekly = Weekly::default();
    weekly.add(jiff::civil::Weekday::Monday, [Span::read("08:00-16:00").unwrap()]);
    let zone = TimeZone::get("Europe/Oslo").unwrap();
    let special_days = [("2026-11-23".parse().unwrap(), vec![])].into();
    let calendar = Calendar { zone, weekly, special_days };
    assert!(calendar.is_open(instant("2026-11-16T07:00:00Z")) && !calendar.is_open(instant("2026-11-16T15:00:00Z")));
    assert!(calendar.is_open(instant("2026-06-15T06:00:00Z")), "in summer an hour earlier");
    assert_eq!(calendar.opens_at(instant("2026-11-15T12:00:00Z"), 8), Some(instant("2026-11-16T07:00:00Z")));
    assert_eq!(calendar.opens_at(instant("2026-11-16T16:00:00Z"), 8), None, "the next Monday is closed");
    assert_eq!(calendar.opens_at(instant("2026-11-16T16:00:00Z"), 15), Some(instant("2026-11-30T07:00:00Z")));
}
