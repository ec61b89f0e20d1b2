//! What passes its time.

use super::super::fulfilment::words::{ApprovalMode, Decision};
use super::super::fulfilment::{Errand, Step as Fulfilled};
use super::super::overdue::{Step, coming, passed};
use super::*;

fn asked(due_at: Option<Timestamp>) -> Event {
    Event::Fulfilment(Fulfilled::ApprovalRequested {
        number: 1,
        question: "A new laptop?".to_owned(),
        mode: ApprovalMode::All,
        approvers: vec!["cem".to_owned(), "dan".to_owned()],
        due_at,
        requester_email: String::new(),
    })
}

fn decided(approver: &str, decision: Decision) -> Event {
    let (approver, reason) = (approver.to_owned(), String::new());
    Event::Fulfilment(Fulfilled::ApprovalDecided { number: 1, approver, decision, reason })
}

fn claimed() -> Event {
    Event::Claimed { owner: "ada".to_owned() }
}

/// What it makes of the work that time passes until then.
fn later(work: Work, minutes: i64, model: &SupportModel) -> Work {
    passed(&work, model, at(minutes)).into_iter().fold(work, |work, (_, event)| {
        let revision = work.revision + 1;
        evolve(work, &happened(revision, minutes, event))
    })
}

#[test]
fn an_approval_is_overdue_once_and_stays_wanted() {
    let model = manned(vec![]);
    let work = after(&[asked(Some(at(30))), waiting(WaitingReason::Approval), decided("cem", Decision::Approved)]);
    assert_eq!(passed(&work, &model, at(29)), []);
    let [(when, Event::Overdue(Step::Approval { number: 1, approvers, .. }))] = &passed(&work, &model, at(500))[..]
    else {
        panic!("{:?}", passed(&work, &model, at(500)))
    };
    assert_eq!((*when, approvers.as_slice()), (at(30), ["dan".to_owned()].as_slice()), "of whom an answer is wanted");
    let work = later(work, 500, &model);
    assert_eq!(work.fulfilment.approvals[0].overdue_at, Some(at(30)));
    assert_eq!(passed(&work, &model, at(5_000)), [], "once");
    assert_eq!((work.state, work.fulfilment.asked()), (State::Waiting, vec!["dan"]), "no answer is no answer");
    let answer = Errand::DecideApproval { approval: 1, decision: Decision::Approved, reason: String::new() };
    let events = decide(&work, &Command::Fulfilment(answer), &agent("dan"), &model).unwrap();
    assert_eq!(done(work, events).state, State::Queued, "a late answer counts");
}

#[test]
fn what_nobody_waits_for_is_not_overdue() {
    let model = manned(vec![]);
    for events in [
        vec![asked(None)],
        vec![asked(Some(at(30))), decided("cem", Decision::Rejected)],
        vec![asked(Some(at(30))), resolved(ResolutionCode::Withdrawn)],
    ] {
        assert_eq!(passed(&after(&events), &model, at(500)), [], "{events:?}");
    }
}

#[test]
fn a_time_box_runs_out_once_per_entry_into_the_tier() {
    let model = manned(vec![]);
    // Claimed at 2, waits at 3, resumed at 4: a minute is used up by then.
    let work = after(&[claimed(), waiting(WaitingReason::Parts), Event::Resumed { by_reply: false }]);
    assert_eq!(coming(&work, &model).first().map(Step::at), Some(at(18)));
    assert_eq!(passed(&work, &model, at(17)), []);
    let work = later(work, 40, &model);
    assert_eq!(work.time_box_overrun_at, Some(at(18)), "at its true time");
    assert_eq!(coming(&work, &model), [], "once");
    let there = evolve(work, &happened(10, 41, handed_over("network", 2)));
    let there = evolve(there, &happened(11, 42, claimed()));
    assert_eq!((there.time_box_overrun_at, coming(&there, &model)), (None, vec![]), "tier 2 has none");
    let back = evolve(there, &happened(12, 50, handed_over("service-desk", 1)));
    let back = evolve(back, &happened(13, 51, claimed()));
    assert_eq!(coming(&back, &model).first().map(Step::at), Some(at(66)), "anew");
}

#[test]
fn what_waits_is_in_no_time_box() {
    let model = manned(vec![]);
    for events in [vec![], vec![claimed(), waiting(WaitingReason::Parts)], vec![claimed(), Event::Released]] {
        assert_eq!(coming(&after(&events), &model), [], "{events:?}");
    }
}
