//! Vendors, approvals, tasks, the catalogue, changes: proto ↔ domain.

pub mod request;

use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::event::Fact as ProtoFact;
use jiff::Timestamp;

use super::{instant, number};
use crate::domain::fulfilment::change::Change;
use crate::domain::fulfilment::{Approval, Approver, Fault, Fulfilment, Requested, Step, Task, VendorCase};
use crate::domain::{Ticket, Word};

fn count(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn counts(numbers: &[u32]) -> Vec<i32> {
    numbers.iter().map(|number| count(*number)).collect()
}

fn at(at: Option<Timestamp>) -> Option<prost_types::Timestamp> {
    at.map(timestamp)
}

/// The fact that is announced.
pub fn fact(step: Step) -> ProtoFact {
    match step {
        Step::VendorCaseOpened { number, vendor, vendor_reference, note } => {
            ProtoFact::VendorCaseOpened(proto::VendorCaseOpened {
                number: count(number),
                vendor,
                vendor_reference,
                note,
            })
        }
        Step::VendorCaseUpdated { number: of, vendor, vendor_reference, status, note } => {
            let (of, status) = (count(of), number(status));
            ProtoFact::VendorCaseUpdated(proto::VendorCaseUpdated {
                number: of,
                vendor,
                vendor_reference,
                status,
                note,
            })
        }
        Step::VendorCaseClosed { number, vendor, outcome, note } => {
            let outcome = outcome.number();
            ProtoFact::VendorCaseClosed(proto::VendorCaseClosed { number: count(number), vendor, outcome, note })
        }
        Step::ApprovalRequested { number, question, mode, approvers, due_at, requester_email } => {
            ProtoFact::ApprovalRequested(proto::ApprovalRequested {
                number: count(number),
                question,
                mode: mode.number(),
                approvers,
                due_at: at(due_at),
                requester_email,
            })
        }
        Step::ApprovalDecided { number, approver, decision, reason } => {
            let decision = decision.number();
            ProtoFact::ApprovalDecided(proto::ApprovalDecided { number: count(number), approver, decision, reason })
        }
        Step::ApproverReplaced { number, approver, instead_of, reason } => {
            ProtoFact::ApproverReplaced(proto::ApproverReplaced { number: count(number), approver, instead_of, reason })
        }
        Step::TaskAdded { number, title, queue, after } => {
            ProtoFact::TaskAdded(proto::TaskAdded { number: count(number), title, queue, after: counts(&after) })
        }
        Step::TaskCompleted { number, note } => {
            ProtoFact::TaskCompleted(proto::TaskCompleted { number: count(number), note })
        }
        Step::TaskSkipped { number, reason } => {
            ProtoFact::TaskSkipped(proto::TaskSkipped { number: count(number), reason })
        }
        Step::ItemRequested(item) => ProtoFact::ItemRequested(proto::ItemRequested { item: Some(requested(&item)) }),
        Step::ChangePlanned(change) => ProtoFact::ChangePlanned(planned(&change)),
        Step::ChangeStarted => ProtoFact::ChangeStarted(proto::ChangeStarted::default()),
        Step::ChangeEnded { outcome, note } => {
            ProtoFact::ChangeEnded(proto::ChangeEnded { outcome: outcome.number(), note })
        }
    }
}

fn planned(change: &Change) -> proto::ChangePlanned {
    proto::ChangePlanned {
        r#type: change.kind.number(),
        template: change.template.clone(),
        plan: change.plan.clone(),
        back_out_plan: change.back_out_plan.clone(),
        risk: number(change.risk),
        window_from_at: at(Some(change.window_from_at)),
        window_until_at: at(Some(change.window_until_at)),
        approval: count(change.approval),
        warnings: change.warnings.clone(),
    }
}

fn numbers(counts: &[i32]) -> Vec<u32> {
    counts.iter().map(|count| count.unsigned_abs()).collect()
}

/// The step that a fact tells of; `None` if it is none of fulfilment, or cannot be read.
pub fn step_of(fact: ProtoFact) -> Option<Step> {
    Some(match fact {
        ProtoFact::VendorCaseOpened(it) => Step::VendorCaseOpened {
            number: it.number.unsigned_abs(),
            vendor: it.vendor,
            vendor_reference: it.vendor_reference,
            note: it.note,
        },
        ProtoFact::VendorCaseUpdated(it) => Step::VendorCaseUpdated {
            number: it.number.unsigned_abs(),
            vendor: it.vendor,
            vendor_reference: it.vendor_reference,
            status: Word::from_number(it.status),
            note: it.note,
        },
        ProtoFact::VendorCaseClosed(it) => Step::VendorCaseClosed {
            number: it.number.unsigned_abs(),
            vendor: it.vendor,
            outcome: Word::from_number(it.outcome)?,
            note: it.note,
        },
        ProtoFact::ApprovalRequested(it) => Step::ApprovalRequested {
            number: it.number.unsigned_abs(),
            question: it.question,
            mode: Word::from_number(it.mode)?,
            approvers: it.approvers,
            due_at: instant(it.due_at.as_ref()),
            requester_email: it.requester_email,
        },
        ProtoFact::ApprovalDecided(it) => Step::ApprovalDecided {
            number: it.number.unsigned_abs(),
            approver: it.approver,
            decision: Word::from_number(it.decision)?,
            reason: it.reason,
        },
        ProtoFact::ApproverReplaced(it) => Step::ApproverReplaced {
            number: it.number.unsigned_abs(),
            approver: it.approver,
            instead_of: it.instead_of,
            reason: it.reason,
        },
        ProtoFact::TaskAdded(it) => Step::TaskAdded {
            number: it.number.unsigned_abs(),
            title: it.title,
            queue: it.queue,
            after: numbers(&it.after),
        },
        ProtoFact::TaskCompleted(it) => Step::TaskCompleted { number: it.number.unsigned_abs(), note: it.note },
        ProtoFact::TaskSkipped(it) => Step::TaskSkipped { number: it.number.unsigned_abs(), reason: it.reason },
        ProtoFact::ItemRequested(it) => Step::ItemRequested(was_requested(it.item?)),
        ProtoFact::ChangePlanned(it) => Step::ChangePlanned(Box::new(was_planned(it)?)),
        ProtoFact::ChangeStarted(_) => Step::ChangeStarted,
        ProtoFact::ChangeEnded(it) => Step::ChangeEnded { outcome: Word::from_number(it.outcome)?, note: it.note },
        _ => return None,
    })
}

fn was_requested(it: proto::RequestedItem) -> Requested {
    let fault = |it: proto::AnswerFault| Fault { path: it.path, wrong: it.wrong, advice: it.advice };
    Requested {
        item: it.item,
        name: it.name,
        answers_json: it.answers_json,
        model_version: it.model_version,
        faults: it.faults.into_iter().map(fault).collect(),
    }
}

fn was_planned(it: proto::ChangePlanned) -> Option<Change> {
    Some(Change {
        kind: Word::from_number(it.r#type)?,
        template: it.template,
        plan: it.plan,
        back_out_plan: it.back_out_plan,
        risk: Word::from_number(it.risk),
        window_from_at: instant(it.window_from_at.as_ref())?,
        window_until_at: instant(it.window_until_at.as_ref())?,
        approval: it.approval.unsigned_abs(),
        warnings: it.warnings,
        started_at: None,
        ended_at: None,
        outcome: None,
        note: String::new(),
    })
}

/// The ticket with its fulfilment.
pub fn beside(ticket: proto::Ticket, fulfilment: &Fulfilment) -> proto::Ticket {
    proto::Ticket {
        vendor_cases: fulfilment.vendor_cases.iter().map(vendor_case).collect(),
        approvals: fulfilment.approvals.iter().map(approval).collect(),
        tasks: fulfilment.tasks.iter().map(task).collect(),
        requested: fulfilment.requested.as_ref().map(requested),
        change: fulfilment.change.as_ref().map(|it| change(it, fulfilment.approval_owed_until())),
        ..ticket
    }
}

/// A ticket of a list, with those of its approvals on which somebody's answer is wanted; nobody's reasons.
pub fn waiting_for(ticket: &Ticket, who: &str) -> proto::Ticket {
    let is_asked =
        |it: &&Approval| it.is_pending() && it.approvers.iter().any(|one| one.decision.is_none() && one.is(who));
    let mut approvals: Vec<_> = ticket.work.fulfilment.approvals.iter().filter(is_asked).map(approval).collect();
    for approver in approvals.iter_mut().flat_map(|approval| &mut approval.approvers) {
        approver.reason.clear();
    }
    proto::Ticket { approvals, ..super::ticket::listed(ticket) }
}

/// A ticket of a list, with its change; without the plans.
pub fn with_change(ticket: &Ticket) -> proto::Ticket {
    let known = &ticket.work.fulfilment;
    let brief = |change: proto::PlannedChange| proto::PlannedChange {
        plan: String::new(),
        back_out_plan: String::new(),
        note: String::new(),
        ..change
    };
    let change = known.change.as_ref().map(|it| brief(change(it, known.approval_owed_until())));
    proto::Ticket { change, ..super::ticket::listed(ticket) }
}

fn vendor_case(case: &VendorCase) -> proto::VendorCase {
    proto::VendorCase {
        number: count(case.number),
        vendor: case.vendor.clone(),
        vendor_reference: case.vendor_reference.clone(),
        status: case.status.number(),
        note: case.note.clone(),
        opened_at: at(Some(case.opened_at)),
        opened_by: case.opened_by.clone(),
        closed_at: at(case.closed_at),
        outcome: number(case.outcome),
    }
}

fn approval(approval: &Approval) -> proto::Approval {
    let approver = |one: &Approver| proto::Approver {
        approver: one.approver.clone(),
        decision: number(one.decision),
        reason: one.reason.clone(),
        decided_at: at(one.decided_at),
        instead_of: one.instead_of.clone(),
    };
    proto::Approval {
        number: count(approval.number),
        question: approval.question.clone(),
        mode: approval.mode.number(),
        approvers: approval.approvers.iter().map(approver).collect(),
        due_at: at(approval.due_at),
        asked_at: at(Some(approval.asked_at)),
        asked_by: approval.asked_by.clone(),
        state: approval.state.number(),
        decided_at: at(approval.decided_at),
        overdue_at: at(approval.overdue_at),
    }
}

/// What somebody sees of a ticket who is asked for an approval; `None`: they are not.
pub fn asked(ticket: &Ticket, approval: &Approval, who: &str) -> Option<proto::AskedApproval> {
    let own = approval.approvers.iter().find(|one| one.is(who))?;
    let known = ticket.work.fulfilment.requested.as_ref();
    Some(proto::AskedApproval {
        client_id: ticket.client_id.to_string(),
        reference: ticket.matter.reference.clone(),
        number: count(approval.number),
        question: approval.question.clone(),
        mode: approval.mode.number(),
        due_at: at(approval.due_at),
        asked_at: at(Some(approval.asked_at)),
        asked_by: approval.asked_by.clone(),
        overdue_at: at(approval.overdue_at),
        state: approval.state.number(),
        decision: number(own.decision),
        requester_name: ticket.matter.requester_name.clone(),
        item: known.map_or_else(String::new, |it| if it.name.is_empty() { it.item.clone() } else { it.name.clone() }),
    })
}

fn task(task: &Task) -> proto::Task {
    proto::Task {
        number: count(task.number),
        title: task.title.clone(),
        queue: task.queue.clone(),
        after: counts(&task.after),
        state: task.state.number(),
        note: task.note.clone(),
        ended_by: task.ended_by.clone(),
        ended_at: at(task.ended_at),
    }
}

fn requested(it: &Requested) -> proto::RequestedItem {
    proto::RequestedItem {
        item: it.item.clone(),
        name: it.name.clone(),
        answers_json: it.answers_json.clone(),
        model_version: it.model_version,
        faults: faults(&it.faults),
    }
}

/// What is wrong with answers.
pub fn faults(faults: &[Fault]) -> Vec<proto::AnswerFault> {
    let told = |fault: &Fault| proto::AnswerFault {
        path: fault.path.clone(),
        wrong: fault.wrong.clone(),
        advice: fault.advice.clone(),
    };
    faults.iter().map(told).collect()
}

fn change(change: &Change, owed_until: Option<Timestamp>) -> proto::PlannedChange {
    proto::PlannedChange {
        r#type: change.kind.number(),
        template: change.template.clone(),
        plan: change.plan.clone(),
        back_out_plan: change.back_out_plan.clone(),
        risk: number(change.risk),
        window_from_at: at(Some(change.window_from_at)),
        window_until_at: at(Some(change.window_until_at)),
        approval: count(change.approval),
        warnings: change.warnings.clone(),
        started_at: at(change.started_at),
        ended_at: at(change.ended_at),
        outcome: number(change.outcome),
        note: change.note.clone(),
        approval_owed_until_at: at(owed_until),
    }
}
