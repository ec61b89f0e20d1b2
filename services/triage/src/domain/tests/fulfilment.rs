//! Vendors, approvals, tasks, the catalogue, changes.

mod changes;
mod items;

use super::super::fulfilment::words::{ApprovalMode, ApprovalState, Decision, TaskState, VendorOutcome, VendorStatus};
use super::super::fulfilment::{Errand, MOST, Refusal};
use super::*;

fn model() -> SupportModel {
    let mut model = SupportModel::default();
    model.fulfilment.vendors = vec!["printco".to_owned(), "telco".to_owned()];
    model.queues.insert("network".to_owned(), Queue::of_tier(2));
    model
}

/// What an errand does, an hour after the registration.
fn does(work: &Work, errand: Errand, by: &str, model: &SupportModel) -> Result<Work, Rejection> {
    decide(work, &Command::Fulfilment(errand), &agent(by), model).map(|events| told(work.clone(), by, events))
}

/// What events by somebody make of the work.
fn told(work: Work, by: &str, events: Vec<Event>) -> Work {
    events.into_iter().fold(work, |work, event| {
        let revision = work.revision + 1;
        evolve(work, &Happened { actor: agent(by), ..happened(revision, 60 + revision as i64, event) })
    })
}

fn refused(outcome: Result<Work, Rejection>) -> Refusal {
    match outcome {
        Err(Rejection::Fulfilment(refusal)) => refusal,
        outcome => panic!("{outcome:?}"),
    }
}

fn ask(vendor: &str, wait: bool) -> Errand {
    let (vendor, note) = (vendor.to_owned(), "error 50.4".to_owned());
    Errand::OpenVendorCase { vendor, vendor_reference: "P-7".to_owned(), note, wait }
}

fn end_case(vendor: &str) -> Errand {
    Errand::CloseVendorCase { vendor: vendor.to_owned(), outcome: VendorOutcome::Replaced, note: String::new() }
}

fn approval(approvers: &[&str], mode: ApprovalMode) -> Errand {
    Errand::RequestApproval {
        approvers: approvers.iter().map(ToString::to_string).collect(),
        mode,
        question: "A new laptop?".to_owned(),
        due_at: Some(at(600)),
        requester_email: "kari@acme.example".to_owned(),
    }
}

fn says(number: u32, decision: Decision) -> Errand {
    Errand::DecideApproval { approval: number, decision, reason: "budget".to_owned() }
}

fn task(after: &[u32]) -> Errand {
    Errand::AddTask { title: "Order it".to_owned(), queue: String::new(), after: after.to_vec() }
}

fn finish(task: u32) -> Errand {
    Errand::CompleteTask { task, note: "done".to_owned() }
}

fn skip(task: u32) -> Errand {
    Errand::SkipTask { task, reason: "not needed".to_owned() }
}

#[test]
fn a_vendor_gets_a_case_and_the_ticket_stays_with_the_desk() {
    let model = model();
    let asked = does(&after(&[]), ask("printco", false), "ada", &model).unwrap();
    assert_eq!((asked.state, asked.placement.queue.as_str()), (State::Queued, "service-desk"));
    let case = &asked.fulfilment.vendor_cases[0];
    assert_eq!((case.number, case.vendor_reference.as_str(), case.status), (1, "P-7", VendorStatus::Opened));
    assert_eq!(case.opened_by, "ada");

    let waits = does(&after(&[]), ask("printco", true), "ada", &model).unwrap();
    assert_eq!(waits.waiting.map(|it| it.reason), Some(WaitingReason::Vendor));
    let over = does(&waits, end_case("printco"), "ada", &model).unwrap();
    assert_eq!((over.state, over.fulfilment.vendor_cases[0].outcome), (State::Queued, Some(VendorOutcome::Replaced)));
    let again = does(&over, ask("printco", true), "ada", &model).unwrap();
    assert_eq!(again.fulfilment.vendor_cases[1].number, 2, "one after the other");
}

#[test]
fn one_case_per_vendor_is_open_and_the_wait_ends_with_the_last() {
    let model = model();
    let one = does(&after(&[]), ask("printco", true), "ada", &model).unwrap();
    assert_eq!(refused(does(&one, ask("printco", true), "ada", &model)), Refusal::VendorCaseOpen);
    let both = does(&one, ask("telco", true), "ada", &model).unwrap();
    let still = does(&both, end_case("printco"), "ada", &model).unwrap();
    assert_eq!(still.state, State::Waiting, "the other vendor works on it");
    assert_eq!(refused(does(&still, end_case("printco"), "ada", &model)), Refusal::NoVendorCase);
    assert_eq!(does(&still, end_case("telco"), "ada", &model).unwrap().state, State::Queued);
}

#[test]
fn a_vendors_case_is_updated_as_far_as_something_is_said() {
    let model = model();
    let asked = does(&after(&[]), ask("printco", false), "ada", &model).unwrap();
    let update = |reference: &str, status| Errand::UpdateVendorCase {
        vendor: "printco".to_owned(),
        vendor_reference: reference.to_owned(),
        status,
        note: String::new(),
    };
    let updated = does(&asked, update("", Some(VendorStatus::Acknowledged)), "ada", &model).unwrap();
    let case = &updated.fulfilment.vendor_cases[0];
    assert_eq!((case.vendor_reference.as_str(), case.status), ("P-7", VendorStatus::Acknowledged));
    assert_eq!(does(&updated, update("P-7", None), "ada", &model).unwrap(), updated, "nothing new is nothing to do");
    assert_eq!(refused(does(&after(&[]), update("X", None), "ada", &model)), Refusal::NoVendorCase);
    assert_eq!(refused(does(&after(&[]), ask("nobody", false), "ada", &model)), Refusal::UnknownVendor);
}

#[test]
fn an_approval_lets_the_ticket_wait_and_goes_on_with_the_decision() {
    let model = model();
    let asked = does(&after(&[]), approval(&["cem", "dan"], ApprovalMode::All), "ada", &model).unwrap();
    assert_eq!(asked.waiting.map(|it| it.reason), Some(WaitingReason::Approval));
    assert_eq!(asked.fulfilment.asked(), ["cem", "dan"]);
    let one = does(&asked, says(0, Decision::Approved), "cem", &model).unwrap();
    assert_eq!((one.state, one.fulfilment.asked()), (State::Waiting, vec!["dan"]), "everybody has to approve");
    let both = does(&one, says(1, Decision::Approved), "DAN", &model).unwrap();
    assert_eq!((both.state, both.fulfilment.approvals[0].state), (State::Queued, ApprovalState::Approved));

    let no = does(&asked, says(1, Decision::Rejected), "dan", &model).unwrap();
    assert_eq!((no.state, no.fulfilment.approvals[0].state), (State::Queued, ApprovalState::Rejected), "one no is no");
    assert_eq!(refused(does(&no, says(1, Decision::Approved), "cem", &model)), Refusal::ApprovalOver);
    let any = does(&after(&[]), approval(&["cem", "dan"], ApprovalMode::Any), "ada", &model).unwrap();
    let first = does(&any, says(1, Decision::Approved), "dan", &model).unwrap();
    assert_eq!(first.fulfilment.approvals[0].state, ApprovalState::Approved, "the first decides");
}

#[test]
fn a_decision_is_final_and_only_who_is_asked_decides() {
    let model = model();
    let asked = does(&after(&[]), approval(&["cem", "dan"], ApprovalMode::All), "ada", &model).unwrap();
    assert_eq!(refused(does(&asked, says(1, Decision::Approved), "eve", &model)), Refusal::NotAsked);
    assert_eq!(refused(does(&asked, says(0, Decision::Approved), "eve", &model)), Refusal::NotAsked);
    assert_eq!(refused(does(&asked, says(2, Decision::Approved), "cem", &model)), Refusal::UnknownApproval);
    let one = does(&asked, says(1, Decision::Approved), "cem", &model).unwrap();
    assert_eq!(does(&one, says(1, Decision::Approved), "cem", &model).unwrap(), one, "the same again is nothing");
    assert_eq!(refused(does(&one, says(1, Decision::Rejected), "cem", &model)), Refusal::DecisionFinal);
    let two = does(&one, approval(&["dan"], ApprovalMode::All), "bob", &model).unwrap();
    assert_eq!(refused(does(&two, says(0, Decision::Approved), "dan", &model)), Refusal::WhichApproval);
    let half = does(&two, says(2, Decision::Approved), "dan", &model).unwrap();
    assert_eq!(half.state, State::Waiting, "the first approval is still waited for");
}

#[test]
fn nobody_approves_of_what_they_asked_for() {
    let model = model();
    for own in ["ada", "ADA", "kari@acme.example"] {
        let asked = does(&after(&[]), approval(&[own], ApprovalMode::All), "ada", &model);
        assert_eq!(refused(asked), Refusal::OwnRequest, "{own}");
    }
    let late = Errand::RequestApproval {
        approvers: vec!["cem".to_owned()],
        mode: ApprovalMode::All,
        question: "?".to_owned(),
        due_at: Some(at(60)),
        requester_email: String::new(),
    };
    assert_eq!(refused(does(&after(&[]), late, "ada", &model)), Refusal::DueIsPast);
}

#[test]
fn a_lead_asks_somebody_else_instead() {
    let model = model();
    let asked = does(&after(&[]), approval(&["cem", "dan"], ApprovalMode::All), "ada", &model).unwrap();
    let loads = Loads::new();
    let lead = Around { is_lead: true, ..around(&model, &loads) };
    let replace = |work: &Work, instead_of: &str, approver: &str, around: &Around<'_>| {
        let (instead_of, approver) = (instead_of.to_owned(), approver.to_owned());
        let errand = Errand::ReplaceApprover { approval: 1, instead_of, approver, reason: "on leave".to_owned() };
        super::super::decide(work, &Command::Fulfilment(errand), &agent("lea"), around)
            .map(|events| told(work.clone(), "lea", events))
    };
    assert_eq!(replace(&asked, "cem", "eve", &around(&model, &loads)), Err(Rejection::LeadNeeded));
    assert_eq!(refused(replace(&asked, "cem", "dan", &lead)), Refusal::AskedAlready);
    assert_eq!(refused(replace(&asked, "cem", "ada", &lead)), Refusal::OwnRequest);
    assert_eq!(refused(replace(&asked, "eve", "bob", &lead)), Refusal::NotAsked);
    let replaced = replace(&asked, "cem", "eve", &lead).unwrap();
    assert_eq!(replaced.fulfilment.asked(), ["eve", "dan"]);
    assert_eq!(replaced.fulfilment.approvals[0].approvers[0].instead_of, "cem");
    assert_eq!(refused(does(&replaced, says(1, Decision::Approved), "cem", &model)), Refusal::NotAsked);
    let said = does(&replaced, says(1, Decision::Approved), "eve", &model).unwrap();
    assert_eq!(refused(replace(&said, "eve", "bob", &lead)), Refusal::DecisionFinal);
}

#[test]
fn tasks_are_done_in_their_order_or_skipped_for_a_reason() {
    let model = model();
    let first = does(&after(&[]), task(&[]), "ada", &model).unwrap();
    let both = does(&first, task(&[1]), "ada", &model).unwrap();
    assert_eq!(refused(does(&both, task(&[3]), "ada", &model)), Refusal::UnknownTask);
    let elsewhere = Errand::AddTask { title: "x".to_owned(), queue: "nowhere".to_owned(), after: vec![] };
    assert_eq!(does(&both, elsewhere, "ada", &model), Err(Rejection::UnknownQueue));
    assert_eq!(refused(does(&both, finish(2), "ada", &model)), Refusal::TaskNotReady);
    assert_eq!(refused(does(&both, finish(7), "ada", &model)), Refusal::UnknownTask);
    let skipped = does(&both, skip(1), "ada", &model).unwrap();
    assert_eq!(refused(does(&skipped, finish(1), "ada", &model)), Refusal::TaskOver);
    let done = does(&skipped, finish(2), "bob", &model).unwrap();
    let states: Vec<_> = done.fulfilment.tasks.iter().map(|it| (it.state, it.ended_by.as_str())).collect();
    assert_eq!(states, [(TaskState::Skipped, "ada"), (TaskState::Done, "bob")]);
    assert_eq!(does(&done, finish(2), "ada", &model).unwrap(), done);
    assert_eq!(refused(does(&done, skip(2), "ada", &model)), Refusal::TaskOver);
}

#[test]
fn a_ticket_with_open_tasks_is_not_resolved() {
    let model = model();
    let resolve = Command::Resolve {
        code: ResolutionCode::Solved,
        article_id: String::new(),
        no_article_reason: "known".to_owned(),
        note: String::new(),
        approver: String::new(),
    };
    let open = does(&after(&[]), task(&[]), "ada", &model).unwrap();
    let refusal = decide(&open, &resolve, &agent("ada"), &model).unwrap_err();
    assert_eq!(refusal.reason(), "OPEN_TASKS");
    let skipped = does(&open, skip(1), "ada", &model).unwrap();
    assert_eq!(decide(&skipped, &resolve, &agent("ada"), &model).unwrap().len(), 1);
}

#[test]
fn a_ticket_that_is_over_needs_nothing_more_and_none_grows_for_ever() {
    let model = model();
    let over = after(&[resolved(ResolutionCode::Solved)]);
    for errand in [ask("telco", false), approval(&["cem"], ApprovalMode::All), task(&[]), finish(1)] {
        assert_eq!(does(&over, errand, "ada", &model), Err(Rejection::TicketResolved));
    }
    let mut full = after(&[]);
    for _ in 0..MOST {
        full = does(&full, task(&[]), "ada", &model).unwrap();
    }
    assert_eq!(refused(does(&full, task(&[]), "ada", &model)), Refusal::TooMany);
    assert_eq!(
        decide(&Work::registered(at(0)), &Command::Fulfilment(task(&[])), &agent("ada"), &model),
        Err(Rejection::NotTriaged)
    );
}
