//! Changes.

use super::super::super::fulfilment::change::{Freeze, Plan, Template};
use super::super::super::fulfilment::words::{ChangeOutcome, ChangeType};
use super::*;

fn model() -> SupportModel {
    let mut model = super::model();
    let changes = &mut model.fulfilment.changes;
    changes.approvers = vec!["cem".to_owned(), "dan".to_owned()];
    changes.emergency_approvers = vec!["eve".to_owned(), "ada".to_owned()];
    let template = Template { plan: "Restart it".to_owned(), back_out_plan: "Start the old one".to_owned() };
    changes.templates.insert("restart".to_owned(), template);
    changes.freezes = vec![Freeze { name: "Year end".to_owned(), from_at: at(10_000), until_at: at(20_000) }];
    model
}

fn a_change() -> Work {
    let classification = Classification { kind: Kind::Change, ..classification() };
    after(&[Event::Triaged { classification, placement: None }])
}

fn plan(kind: ChangeType, from: i64, until: i64) -> Plan {
    Plan {
        kind,
        template: if kind == ChangeType::Standard { "restart".to_owned() } else { String::new() },
        plan: if kind == ChangeType::Standard { String::new() } else { "Replace the switch".to_owned() },
        back_out_plan: if kind == ChangeType::Standard { String::new() } else { "Put it back".to_owned() },
        risk: None,
        window_from_at: at(from),
        window_until_at: at(until),
        approvers: Vec::new(),
        requester_email: String::new(),
        collisions: Vec::new(),
    }
}

fn planned(work: &Work, plan: Plan) -> Result<Work, Rejection> {
    does(work, Errand::PlanChange(Box::new(plan)), "ada", &model())
}

fn starts(work: &Work, minutes: i64) -> Result<Work, Rejection> {
    let (model, loads) = (model(), Loads::new());
    let around = Around { at: at(minutes), ..around(&model, &loads) };
    let events = super::super::super::decide(work, &Command::Fulfilment(Errand::StartChange), &agent("ada"), &around)?;
    Ok(events.into_iter().fold(work.clone(), |work, event| {
        let revision = work.revision + 1;
        evolve(work, &happened(revision, minutes, event))
    }))
}

fn end(outcome: ChangeOutcome) -> Errand {
    Errand::EndChange { outcome, note: String::new() }
}

#[test]
fn a_standard_change_is_approved_once_for_all() {
    let work = planned(&a_change(), plan(ChangeType::Standard, 100, 200)).unwrap();
    let change = work.fulfilment.change.clone().unwrap();
    assert_eq!((change.plan.as_str(), change.approval, work.state), ("Restart it", 0, State::Queued));
    let unknown = Plan { template: "reboot".to_owned(), ..plan(ChangeType::Standard, 100, 200) };
    assert_eq!(refused(planned(&a_change(), unknown)), Refusal::UnknownTemplate);
    assert_eq!(refused(planned(&after(&[]), plan(ChangeType::Standard, 100, 200))), Refusal::NotAChange);
}

#[test]
fn a_change_begins_in_its_window_only() {
    let work = planned(&a_change(), plan(ChangeType::Standard, 100, 200)).unwrap();
    assert_eq!(refused(starts(&work, 99)), Refusal::OutsideWindow);
    assert_eq!(refused(starts(&work, 200)), Refusal::OutsideWindow);
    let begun = starts(&work, 100).unwrap();
    assert_eq!(begun.fulfilment.change.as_ref().unwrap().started_at, Some(at(100)));
    assert_eq!(starts(&begun, 120).unwrap(), begun, "twice begins once");
    assert_eq!(refused(planned(&begun, plan(ChangeType::Standard, 100, 200))), Refusal::ChangeUnderWay);
    assert_eq!(refused(starts(&a_change(), 100)), Refusal::NoChange);
    assert_eq!(refused(planned(&a_change(), plan(ChangeType::Standard, 10, 60))), Refusal::WindowIsPast);
}

#[test]
fn a_normal_change_needs_everybodys_approval_before_its_window() {
    let work = planned(&a_change(), plan(ChangeType::Normal, 100, 200)).unwrap();
    assert_eq!(work.waiting.map(|it| it.reason), Some(WaitingReason::Approval));
    assert_eq!(work.fulfilment.approvals[0].due_at, Some(at(100)));
    assert_eq!(refused(starts(&work, 100)), Refusal::NotApproved);
    let one = does(&work, says(1, Decision::Approved), "cem", &model()).unwrap();
    assert_eq!(refused(starts(&one, 100)), Refusal::NotApproved);
    let both = does(&one, says(1, Decision::Approved), "dan", &model()).unwrap();
    assert_eq!(both.state, State::Queued);
    assert!(starts(&both, 100).is_ok());
    let bare = Plan { back_out_plan: String::new(), ..plan(ChangeType::Normal, 100, 200) };
    assert_eq!(refused(planned(&a_change(), bare)), Refusal::PlanNeeded);
    let own = Plan { approvers: vec!["ada".to_owned()], ..plan(ChangeType::Normal, 100, 200) };
    assert_eq!(refused(planned(&a_change(), own)), Refusal::OwnRequest);
}

#[test]
fn a_plan_made_anew_is_approved_anew() {
    let work = planned(&a_change(), plan(ChangeType::Normal, 100, 200)).unwrap();
    let anew = planned(&work, plan(ChangeType::Normal, 300, 400)).unwrap();
    let states: Vec<_> = anew.fulfilment.approvals.iter().map(|it| it.state).collect();
    assert_eq!(states, [ApprovalState::Withdrawn, ApprovalState::Pending]);
    assert_eq!(refused(does(&anew, says(1, Decision::Approved), "cem", &model())), Refusal::ApprovalOver);
    let harmless = planned(&anew, plan(ChangeType::Standard, 300, 400)).unwrap();
    assert_eq!((harmless.state, harmless.fulfilment.asked().len()), (State::Queued, 0), "nobody is waited for");
}

#[test]
fn an_emergency_change_goes_ahead_and_owes_its_approval_for_a_day() {
    let work = planned(&a_change(), plan(ChangeType::Emergency, 50, 200)).unwrap();
    assert_eq!(work.fulfilment.asked(), ["eve"], "whoever plans it is not asked");
    assert_eq!(work.state, State::Queued, "it does not wait");
    let begun = starts(&work, 70).unwrap();
    assert_eq!(begun.fulfilment.approval_owed_until(), Some(at(70 + 24 * 60)));
    let ended = does(&begun, end(ChangeOutcome::Successful), "ada", &model()).unwrap();
    let resolved = done(ended, vec![resolved(ResolutionCode::Solved)]);
    let approved = does(&resolved, says(0, Decision::Approved), "eve", &model()).unwrap();
    assert_eq!((approved.state, approved.fulfilment.approval_owed_until()), (State::Resolved, None));
    let rejected = does(&work, says(1, Decision::Rejected), "eve", &model()).unwrap();
    assert_eq!(refused(starts(&rejected, 70)), Refusal::NotApproved);
}

#[test]
fn a_change_ends_once_with_its_outcome() {
    let work = planned(&a_change(), plan(ChangeType::Standard, 50, 200)).unwrap();
    assert_eq!(refused(does(&work, end(ChangeOutcome::Failed), "ada", &model())), Refusal::ChangeNotStarted);
    let begun = starts(&work, 70).unwrap();
    let resolve = Command::Resolve {
        code: ResolutionCode::Solved,
        article_id: String::new(),
        no_article_reason: "none".to_owned(),
        note: String::new(),
        approver: String::new(),
    };
    let early = decide(&begun, &resolve, &agent("ada"), &model()).unwrap_err();
    assert_eq!(early.reason(), "CHANGE_UNDER_WAY");
    let ended = does(&begun, end(ChangeOutcome::RolledBack), "ada", &model()).unwrap();
    assert_eq!(does(&ended, end(ChangeOutcome::RolledBack), "ada", &model()).unwrap(), ended);
    assert_eq!(refused(does(&ended, end(ChangeOutcome::Failed), "ada", &model())), Refusal::ChangeOver);
    assert_eq!(refused(starts(&ended, 80)), Refusal::ChangeOver);
    assert!(decide(&ended, &resolve, &agent("ada"), &model()).is_ok());
}

#[test]
fn freezes_and_other_changes_are_warned_of() {
    let collides = Plan { collisions: vec!["ACME-7".to_owned()], ..plan(ChangeType::Standard, 9_000, 10_001) };
    let work = planned(&a_change(), collides).unwrap();
    let warnings = work.fulfilment.change.unwrap().warnings;
    assert_eq!(warnings, ["the window falls into the freeze period `Year end`", "the window touches that of ACME-7"]);
    let before = planned(&a_change(), plan(ChangeType::Standard, 9_000, 10_000)).unwrap();
    assert!(before.fulfilment.change.unwrap().warnings.is_empty(), "it ends as the freeze begins");
}
