//! Posts outlive people.

use super::*;
use crate::domain::lapse::{lapse, summary};

fn claimed(by: &str) -> Event {
    Event::Claimed { owner: by.to_owned() }
}

#[test]
fn a_lapsed_claim_is_back_with_its_queue_and_tells_what_changed_since() {
    let model = manned(vec![on_shift("ada", "first", &[], &["mon"], "08:00-16:00")]);
    let since =
        [happened(3, 12, waiting(WaitingReason::Requester)), happened(4, 20, Event::Resumed { by_reply: true })];
    let work = after(&[claimed("ada"), waiting(WaitingReason::Requester), Event::Resumed { by_reply: true }]);
    let events = lapse(&work, "ada", &since, 2, &model, at(60)).unwrap();
    let [Event::ClaimLapsed { owner, reason: LapseReason::ShiftEnd, summary }] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(owner, "ada");
    assert_eq!(
        summary.lines().collect::<Vec<_>>(),
        [
            "since ada took it:",
            "1970-01-01 00:12 UTC waiting for requester",
            "1970-01-01 00:20 UTC resumed: the requester replied",
            "the requester wrote 2 times",
        ]
    );
    let work = done(work, events);
    assert_eq!(
        (work.state, work.owner.as_deref(), work.placement.queue.as_str()),
        (State::Queued, None, "service-desk")
    );
}

#[test]
fn a_wait_goes_on_when_its_owner_goes() {
    let work = after(&[claimed("ada"), waiting(WaitingReason::Vendor)]);
    let events = lapse(&work, "ada", &[], 0, &manned(vec![]), at(60)).unwrap();
    let work = done(work, events);
    assert_eq!((work.state, work.owner.as_deref()), (State::Waiting, None));
}

#[test]
fn an_absence_is_told_as_one() {
    let mut ada = on_shift("ada", "first", &[], WEEK, "00:00-24:00");
    let (from, until) = ("1970-01-01T00:30".parse().unwrap(), "1970-01-03T00:00".parse().unwrap());
    ada.absences = vec![Absence { from, until, reason: "ill".to_owned() }];
    let model = manned(vec![ada]);
    let events = lapse(&after(&[claimed("ada")]), "ada", &[], 0, &model, at(60)).unwrap();
    assert!(matches!(&events[..], [Event::ClaimLapsed { reason: LapseReason::Absence, summary, .. }]
        if summary.ends_with("nothing changed")));
}

#[test]
fn only_the_claim_that_was_made_lapses() {
    let model = manned(vec![]);
    let others = after(&[claimed("ada"), Event::Released, claimed("bob")]);
    assert_eq!(lapse(&others, "ada", &[], 0, &model, at(60)), None);
    let over = after(&[claimed("ada"), resolved(ResolutionCode::Solved)]);
    assert_eq!(lapse(&over, "ada", &[], 0, &model, at(60)), None);
    let late = Event::ClaimLapsed { owner: "ada".to_owned(), reason: LapseReason::ShiftEnd, summary: String::new() };
    assert_eq!(done(others, vec![late]).owner.as_deref(), Some("bob"), "a late lapse takes nothing from another");
}

#[test]
fn a_long_history_is_told_by_its_end() {
    let since: Vec<Happened> = (1..=50).map(|minute| happened(minute, minute as i64, Event::Released)).collect();
    let text = summary("ada", &since, 1);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[1], "(30 earlier entries are in the history)");
    assert_eq!((lines.len(), lines[23 - 1]), (23, "the requester wrote once"));
}
