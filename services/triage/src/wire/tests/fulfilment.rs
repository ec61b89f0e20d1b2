//! Vendors, approvals, tasks, the catalogue, changes on the wire and in the store.

use crate::domain::fulfilment::change::Change;
use crate::domain::fulfilment::words::{
    ApprovalMode, ApprovalState, ChangeOutcome, ChangeType, Decision, Risk, TaskState, VendorOutcome, VendorStatus,
};
use crate::domain::fulfilment::{Fault, Fulfilment, Requested, Step};

use super::*;

fn change() -> Change {
    Change {
        kind: ChangeType::Emergency,
        template: "restart".to_owned(),
        plan: "one\ntwo_three".to_owned(),
        back_out_plan: "back".to_owned(),
        risk: Some(Risk::Low),
        window_from_at: Timestamp::UNIX_EPOCH,
        window_until_at: Timestamp::from_second(60).unwrap(),
        approval: 2,
        warnings: vec!["beware".to_owned()],
        started_at: None,
        ended_at: None,
        outcome: None,
        note: String::new(),
    }
}

fn every_step() -> Vec<Step> {
    let text = || "so".to_owned();
    let faults = vec![Fault { path: "/a".to_owned(), wrong: text(), advice: text() }];
    let (item, name, answers_json) = ("laptop".to_owned(), "New laptop".to_owned(), "{}".to_owned());
    let requested = Requested { item, name, answers_json, model_version: 3, faults };
    vec![
        Step::VendorCaseOpened { number: 1, vendor: text(), vendor_reference: text(), note: text() },
        Step::VendorCaseUpdated {
            number: 1,
            vendor: text(),
            vendor_reference: text(),
            status: Some(VendorStatus::WaitingForDesk),
            note: text(),
        },
        Step::VendorCaseUpdated { number: 1, vendor: text(), vendor_reference: text(), status: None, note: text() },
        Step::VendorCaseClosed { number: 1, vendor: text(), outcome: VendorOutcome::Refused, note: text() },
        Step::ApprovalRequested {
            number: 2,
            question: text(),
            mode: ApprovalMode::Any,
            approvers: vec![text(), text()],
            due_at: Some(Timestamp::UNIX_EPOCH),
            requester_email: text(),
        },
        Step::ApprovalDecided { number: 2, approver: text(), decision: Decision::Rejected, reason: text() },
        Step::ApproverReplaced { number: 2, approver: "b".to_owned(), instead_of: text(), reason: text() },
        Step::TaskAdded { number: 1, title: text(), queue: text(), after: vec![1, 2] },
        Step::TaskCompleted { number: 1, note: text() },
        Step::TaskAdded { number: 2, title: text(), queue: String::new(), after: vec![] },
        Step::TaskSkipped { number: 2, reason: text() },
        Step::ItemRequested(requested),
        Step::ChangePlanned(Box::new(change())),
        Step::ChangeStarted,
        Step::ChangeEnded { outcome: ChangeOutcome::RolledBack, note: text() },
    ]
}

fn happened(step: Step) -> Happened {
    Happened {
        event_id: Uuid::from_u128(7),
        revision: 3,
        occurred_at: Timestamp::UNIX_EPOCH,
        recorded_at: Timestamp::UNIX_EPOCH,
        actor: Actor::desk(),
        cause_id: "because".to_owned(),
        event: Event::Fulfilment(step),
    }
}

#[test]
fn every_step_survives_the_wire_and_the_store_and_has_its_line() {
    let mut ticket = Ticket {
        client_id: ClientId::new("acme").unwrap(),
        ticket_id: Uuid::from_u128(1),
        work: Work::registered(Timestamp::UNIX_EPOCH),
        matter: matter(),
    };
    for step in every_step() {
        let happened = happened(step);
        let announced = crate::wire::event::announced(&ticket, &happened);
        let entry = crate::wire::event::entry(&ticket, &happened, &announced);
        assert_eq!(crate::wire::event::happened(&entry).unwrap(), happened);
        assert!(!entry.fact.is_empty());
        let line = crate::wire::event::history_entry(&entry).unwrap().summary;
        assert!(!line.contains('\n') && line.len() > 3, "{line}");
        ticket.work = evolve(ticket.work, &happened);
    }
    let known = &ticket.work.fulfilment;
    assert_eq!((known.vendor_cases.len(), known.approvals.len(), known.tasks.len()), (1, 1, 2));
    let kept = serde_json::to_value(known).unwrap();
    assert_eq!(serde_json::from_value::<Fulfilment>(kept).unwrap(), *known);
    assert_eq!(serde_json::from_str::<Fulfilment>("{}").unwrap(), Fulfilment::default(), "what an older version kept");
    let shown = crate::wire::fulfilment::beside(crate::wire::ticket::listed(&ticket), known);
    assert_eq!((shown.vendor_cases.len(), shown.approvals.len(), shown.tasks.len()), (1, 1, 2));
    assert!(shown.change.is_some() && shown.requested.is_some());
}

#[test]
fn every_word_of_fulfilment_has_its_number() {
    numbers_agree::<VendorStatus>("VendorCaseStatus");
    numbers_agree::<VendorOutcome>("VendorOutcome");
    numbers_agree::<ApprovalMode>("ApprovalMode");
    numbers_agree::<ApprovalState>("ApprovalState");
    numbers_agree::<Decision>("Decision");
    numbers_agree::<TaskState>("TaskState");
    numbers_agree::<ChangeType>("ChangeType");
    numbers_agree::<ChangeOutcome>("ChangeOutcome");
    numbers_agree::<Risk>("Level");
}
