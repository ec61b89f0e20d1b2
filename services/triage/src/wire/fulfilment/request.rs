//! What callers ask for.

use chassis::status::Violation;
use contracts::ClientId;
use contracts::triage::v1 as proto;
use jiff::{SignedDuration, Timestamp};

use crate::domain::Command;
use crate::domain::fulfilment::change::Plan;
use crate::domain::fulfilment::words::{ApprovalMode, Decision, VendorStatus};
use crate::domain::fulfilment::{Errand, form};
use crate::wire::request::{Commands, MAX_NAME, MAX_NOTE, MAX_REASON};
use crate::wire::{Check, instant, roster};

/// Those who are asked by one approval.
pub const MAX_APPROVERS: usize = 20;
/// Characters of a question, or of a task's title.
pub const MAX_QUESTION: usize = 500;
/// Tasks before one.
pub const MAX_AFTER: usize = 50;
/// The longest window of a change.
pub const MAX_WINDOW: SignedDuration = SignedDuration::from_hours(31 * 24);
/// The longest period of which changes are listed.
pub const MAX_PERIOD: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Clients named by one question.
const MAX_CLIENTS: usize = 100;

macro_rules! errands {
    ($($request:ident: |$it:ident, $check:ident| $errand:expr;)+) => {$(
        impl Commands for proto::$request {
            fn head(&self) -> (&str, &str, u64) {
                (&self.request_id, &self.ticket, self.expected_revision)
            }
            fn command(&self, $check: &mut Check) -> Option<Command> {
                let $it = self;
                $errand.map(Command::Fulfilment)
            }
        }
    )+};
}

errands! {
    OpenVendorCaseRequest: |it, check| Some(Errand::OpenVendorCase {
        vendor: check.needed("vendor", &it.vendor, MAX_NAME),
        vendor_reference: check.text("vendor_reference", &it.vendor_reference, MAX_NAME),
        note: check.text("note", &it.note, MAX_NOTE),
        wait: it.wait,
    });
    UpdateVendorCaseRequest: |it, check| update(it, check);
    CloseVendorCaseRequest: |it, check| {
        let vendor = check.needed("vendor", &it.vendor, MAX_NAME);
        let note = check.text("note", &it.note, MAX_NOTE);
        check.needed_word("outcome", it.outcome).map(|outcome| Errand::CloseVendorCase { vendor, outcome, note })
    };
    RequestApprovalRequest: |it, check| request_approval(it, check);
    DecideApprovalRequest: |it, check| decide_approval(it.approval, it.decision, &it.reason, check);
    ReplaceApproverRequest: |it, check| Some(Errand::ReplaceApprover {
        approval: numbered("approval", it.approval, check),
        instead_of: check.needed("instead_of", &it.instead_of, MAX_NAME),
        approver: check.person("approver", &it.approver, MAX_NAME),
        reason: check.needed("reason", &it.reason, MAX_REASON),
    });
    AddTaskRequest: |it, check| {
        check.at_most("after", it.after.len(), MAX_AFTER);
        Some(Errand::AddTask {
            title: check.needed("title", &it.title, MAX_QUESTION),
            queue: check.text("queue", &it.queue, MAX_NAME),
            after: it.after.iter().take(MAX_AFTER).map(|number| numbered("after", *number, check)).collect(),
        })
    };
    CompleteTaskRequest: |it, check| Some(Errand::CompleteTask {
        task: numbered("task", it.task, check),
        note: check.text("note", &it.note, MAX_NOTE),
    });
    SkipTaskRequest: |it, check| Some(Errand::SkipTask {
        task: numbered("task", it.task, check),
        reason: check.needed("reason", &it.reason, MAX_REASON),
    });
    PlanChangeRequest: |it, check| plan_change(it, check);
    StartChangeRequest: |_it, _check| Some(Errand::StartChange);
    EndChangeRequest: |it, check| {
        let note = check.text("note", &it.note, MAX_NOTE);
        check.needed_word("outcome", it.outcome).map(|outcome| Errand::EndChange { outcome, note })
    };
}

impl Commands for proto::AnswerApprovalRequest {
    fn head(&self) -> (&str, &str, u64) {
        (&self.request_id, &self.ticket, 0)
    }

    fn command(&self, check: &mut Check) -> Option<Command> {
        decide_approval(self.approval, self.decision, &self.reason, check).map(Command::Fulfilment)
    }
}

/// 1, 2, 3 …
fn numbered(field: &str, number: i32, check: &mut Check) -> u32 {
    if number < 1 {
        check.say(field, "must be the number that the ticket shows: 1, 2, 3 …");
    }
    number.unsigned_abs()
}

fn update(it: &proto::UpdateVendorCaseRequest, check: &mut Check) -> Option<Errand> {
    let status: Option<VendorStatus> = check.word("status", it.status);
    if status == Some(VendorStatus::Closed) {
        check.say("status", "must not be closed: close the case with its outcome");
    }
    let vendor = check.needed("vendor", &it.vendor, MAX_NAME);
    let vendor_reference = check.text("vendor_reference", &it.vendor_reference, MAX_NAME);
    let note = check.text("note", &it.note, MAX_NOTE);
    if vendor_reference.is_empty() && note.is_empty() && it.status == 0 {
        check.say("status", "must be set, or vendor_reference, or note");
    }
    Some(Errand::UpdateVendorCase { vendor, vendor_reference, status, note })
}

fn approvers(approvers: &[String], check: &mut Check) -> Vec<String> {
    check.at_most("approvers", approvers.len(), MAX_APPROVERS);
    approvers.iter().take(MAX_APPROVERS).map(|one| check.person("approvers", one, MAX_NAME)).collect()
}

/// An instant of the years in which the desk works; `None` if it is not set.
fn instant_of(field: &str, at: Option<&prost_types::Timestamp>, check: &mut Check) -> Option<Timestamp> {
    let known = instant(at).filter(|at| roster::YEARS.contains(&at.as_second()));
    if at.is_some() && known.is_none() {
        check.say(field, "is not an instant of the years 1970 to 2199");
    }
    known
}

fn request_approval(it: &proto::RequestApprovalRequest, check: &mut Check) -> Option<Errand> {
    if it.approvers.is_empty() {
        check.say("approvers", "must name at least one");
    }
    Some(Errand::RequestApproval {
        approvers: approvers(&it.approvers, check),
        mode: check.word("mode", it.mode).unwrap_or(ApprovalMode::All),
        question: check.needed("question", &it.question, MAX_QUESTION),
        due_at: instant_of("due_at", it.due_at.as_ref(), check),
        requester_email: String::new(),
    })
}

fn decide_approval(number: i32, decision: i32, reason: &str, check: &mut Check) -> Option<Errand> {
    let approval = if number == 0 { 0 } else { numbered("approval", number, check) };
    let reason = check.text("reason", reason, MAX_REASON);
    let decision: Option<Decision> = check.needed_word("decision", decision);
    if decision == Some(Decision::Rejected) && reason.is_empty() {
        check.say("reason", "must say why it is rejected");
    }
    decision.map(|decision| Errand::DecideApproval { approval, decision, reason })
}

fn plan_change(it: &proto::PlanChangeRequest, check: &mut Check) -> Option<Errand> {
    let kind = check.needed_word("type", it.r#type);
    let from = instant_of("window_from_at", it.window_from_at.as_ref(), check);
    let until = instant_of("window_until_at", it.window_until_at.as_ref(), check);
    for (field, at) in [("window_from_at", &it.window_from_at), ("window_until_at", &it.window_until_at)] {
        if at.is_none() {
            check.say(field, "must be set");
        }
    }
    if let (Some(from), Some(until)) = (from, until) {
        if until <= from {
            check.say("window_until_at", "must be later than window_from_at");
        } else if until.duration_since(from) > MAX_WINDOW {
            check.say("window_until_at", "must be at most 31 days after window_from_at");
        }
    }
    let plan = Plan {
        kind: kind?,
        template: check.text("template", &it.template, MAX_NAME),
        plan: check.text("plan", &it.plan, MAX_NOTE),
        back_out_plan: check.text("back_out_plan", &it.back_out_plan, MAX_NOTE),
        risk: check.word("risk", it.risk),
        window_from_at: from?,
        window_until_at: until?,
        approvers: approvers(&it.approvers, check),
        requester_email: String::new(),
        collisions: Vec::new(),
    };
    Some(Errand::PlanChange(Box::new(plan)))
}

/// Answers to an item's form, as they shall be held against it.
///
/// # Errors
/// Every violation.
pub fn answers(it: &proto::CheckAnswersRequest) -> Result<(ClientId, String), Vec<Violation>> {
    let mut check = Check::default();
    let client_id = ClientId::new(&it.client_id).map_err(|error| Violation::new("client_id", error.to_string()));
    let client_id = check.take(client_id);
    let item = check.needed("item", &it.item, MAX_NAME);
    if it.answers_json.len() > form::MAX_BYTES {
        check.say("answers_json", format!("must have at most {} bytes", form::MAX_BYTES));
    }
    check.done()?;
    client_id.map(|client_id| (client_id, item)).ok_or_else(Vec::new)
}

/// The clients that a question names.
pub fn clients(named: &[String], check: &mut Check) -> Vec<ClientId> {
    check.at_most("client_ids", named.len(), MAX_CLIENTS);
    let mut clients = Vec::new();
    for client_id in named.iter().take(MAX_CLIENTS) {
        match ClientId::new(client_id) {
            Ok(client_id) => clients.push(client_id),
            Err(error) => check.say("client_ids", error.to_string()),
        }
    }
    clients
}

/// The period of which changes are asked for.
///
/// # Errors
/// Every violation.
pub fn changes(it: &proto::ListChangesRequest) -> Result<(Vec<ClientId>, Timestamp, Timestamp), Vec<Violation>> {
    let mut check = Check::default();
    let clients = clients(&it.client_ids, &mut check);
    let from = instant_of("from", it.from.as_ref(), &mut check);
    let until = instant_of("until", it.until.as_ref(), &mut check);
    for (field, at) in [("from", &it.from), ("until", &it.until)] {
        if at.is_none() {
            check.say(field, "must be set");
        }
    }
    if let (Some(from), Some(until)) = (from, until)
        && (until <= from || until.duration_since(from) > MAX_PERIOD)
    {
        check.say("until", "must be later than from, by at most 366 days");
    }
    check.done()?;
    from.zip(until).map(|(from, until)| (clients, from, until)).ok_or_else(Vec::new)
}
