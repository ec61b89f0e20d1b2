//! How vendors, approvals, tasks, the catalogue and changes are shown.

use contracts::desk::v1::{Level, TicketState};
use contracts::triage::v1 as proto;

use crate::output::{plain, table};
use crate::words::{instant, length, word};

/// `FJELL-1001  waiting  New laptop`, and what of these it has.
pub(super) fn headline(ticket: &proto::Ticket) -> String {
    let state = word::<TicketState>(ticket.state);
    format!("{}  {state}  {}{}", ticket.reference, plain(&ticket.subject), beside(ticket))
}

pub(super) fn vendors(vendors: &[proto::Vendor]) -> String {
    let mut rows = table(&["vendor", "name", "contact", "contract"]);
    for one in vendors {
        rows.add_row([plain(&one.vendor), plain(&one.name), plain(&one.contact), plain(&one.contract_reference)]);
    }
    rows.to_string()
}

pub(super) fn approvals(tickets: &[proto::Ticket]) -> String {
    let mut rows = table(&["ticket", "number", "question", "asked by", "until"]);
    for ticket in tickets {
        let pending = proto::ApprovalState::Pending;
        for approval in ticket.approvals.iter().filter(|approval| approval.state() == pending) {
            rows.add_row([
                ticket.reference.clone(),
                approval.number.to_string(),
                plain(&approval.question),
                plain(&approval.asked_by),
                until(approval.due_at.as_ref(), approval.overdue_at.is_some()),
            ]);
        }
    }
    rows.to_string()
}

/// Until when an answer is wanted.
fn until(due_at: Option<&prost_types::Timestamp>, is_overdue: bool) -> String {
    let overdue = if is_overdue { " (overdue)" } else { "" };
    format!("{}{overdue}", instant(due_at))
}

pub(super) fn asked(approvals: &[proto::AskedApproval]) -> String {
    let mut rows = table(&["ticket", "number", "question", "for", "asked by", "until", "stands"]);
    for one in approvals {
        let own =
            if one.decision == 0 { String::new() } else { format!(", you: {}", word::<proto::Decision>(one.decision)) };
        rows.add_row([
            one.reference.clone(),
            one.number.to_string(),
            plain(&one.question),
            plain(&one.requester_name),
            plain(&one.asked_by),
            until(one.due_at.as_ref(), one.overdue_at.is_some()),
            format!("{}{own}", word::<proto::ApprovalState>(one.state)),
        ]);
    }
    rows.to_string()
}

pub(super) fn items(items: &[proto::CatalogueItem]) -> String {
    let mut rows = table(&["item", "name", "approval", "tasks"]);
    for item in items {
        let agree = item.approval.as_ref().map_or_else(String::new, |rule| plain(&rule.approvers.join(", ")));
        rows.add_row([plain(&item.item), plain(&item.name), agree, item.tasks.len().to_string()]);
    }
    rows.to_string()
}

pub(super) fn item(item: &proto::CatalogueItem) -> String {
    let mut text = format!("{}  {}\n{}", plain(&item.item), plain(&item.name), plain(&item.description));
    if let Some(rule) = &item.approval {
        let joined = if rule.any_suffices { " or " } else { " and " };
        let when = if rule.when.is_some() { ", where its condition holds" } else { "" };
        let within = rule.within.as_ref().map_or_else(String::new, |it| format!(" within {}", length(Some(it))));
        text.push_str(&format!("\nApproved by {}{within}{when}", plain(&rule.approvers.join(joined))));
    }
    for (task, number) in item.tasks.iter().zip(1..) {
        let queue = if task.queue.is_empty() { String::new() } else { format!("  ({})", plain(&task.queue)) };
        text.push_str(&format!("\n  {number}. {}{queue}{}", plain(&task.title), after(&task.after)));
    }
    if !item.form_json.is_empty() {
        text.push_str(&format!("\nForm: {}", plain(&item.form_json)));
    }
    text
}

pub(super) fn checked(checked: &proto::CheckAnswersResponse) -> String {
    if checked.faults.is_empty() {
        return "the answers fit the form".to_owned();
    }
    let fault = |it: &proto::AnswerFault| {
        let path = if it.path.is_empty() { "/" } else { &it.path };
        format!("\n  {}: {}; {}", plain(path), plain(&it.wrong), plain(&it.advice))
    };
    format!("the answers do not fit the form:{}", checked.faults.iter().map(fault).collect::<String>())
}

pub(super) fn changes(tickets: &[proto::Ticket]) -> String {
    let mut rows = table(&["ticket", "type", "risk", "from", "until", "stands", "subject"]);
    for ticket in tickets {
        let Some(change) = &ticket.change else { continue };
        rows.add_row([
            ticket.reference.clone(),
            word::<proto::ChangeType>(change.r#type),
            word::<Level>(change.risk),
            instant(change.window_from_at.as_ref()),
            instant(change.window_until_at.as_ref()),
            stands(change),
            plain(&ticket.subject),
        ]);
    }
    rows.to_string()
}

fn stands(change: &proto::PlannedChange) -> String {
    match (&change.started_at, &change.ended_at) {
        (_, Some(_)) => word::<proto::ChangeOutcome>(change.outcome),
        (Some(_), None) => "under way".to_owned(),
        (None, None) => "planned".to_owned(),
    }
}

fn after(numbers: &[i32]) -> String {
    if numbers.is_empty() {
        return String::new();
    }
    let numbers: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    format!(" after {}", numbers.join(", "))
}

/// What of these a ticket has, each on a line of its own.
pub(crate) fn beside(ticket: &proto::Ticket) -> String {
    let mut text = String::new();
    let mut say = |name: &str, line: String| text.push_str(&format!("\n  {name:<12} {line}"));
    if let Some(asked) = &ticket.requested {
        let name = if asked.name.is_empty() { &asked.item } else { &asked.name };
        say("asked for", format!("{}  {}", plain(name), plain(&asked.answers_json)));
        for fault in &asked.faults {
            say("", format!("{}: {}; {}", plain(&fault.path), plain(&fault.wrong), plain(&fault.advice)));
        }
    }
    for approval in &ticket.approvals {
        say("approval", format!("{}  {}", approval.number, approved(approval)));
    }
    for task in &ticket.tasks {
        let state = word::<proto::TaskState>(task.state);
        let queue = if task.queue.is_empty() { String::new() } else { format!("  ({})", plain(&task.queue)) };
        say("task", format!("{}  {state}  {}{queue}{}", task.number, plain(&task.title), after(&task.after)));
    }
    for case in &ticket.vendor_cases {
        let ended = word::<proto::VendorOutcome>(case.outcome);
        let stands = if case.closed_at.is_some() { ended } else { word::<proto::VendorCaseStatus>(case.status) };
        say(
            "vendor",
            format!("{}  {}  {stands}  {}", plain(&case.vendor), plain(&case.vendor_reference), plain(&case.note)),
        );
    }
    if let Some(change) = &ticket.change {
        let window =
            format!("{} – {}", instant(change.window_from_at.as_ref()), instant(change.window_until_at.as_ref()));
        say("change", format!("{}  {}  {window}", word::<proto::ChangeType>(change.r#type), stands(change)));
        for warning in &change.warnings {
            say("", plain(warning));
        }
        if let Some(owed) = &change.approval_owed_until_at {
            say("", format!("its approval is owed until {}", instant(Some(owed))));
        }
    }
    text
}

fn approved(approval: &proto::Approval) -> String {
    let one = |it: &proto::Approver| {
        let said = if it.decision == 0 { "asked".to_owned() } else { word::<proto::Decision>(it.decision) };
        format!("{} ({said})", plain(&it.approver))
    };
    let who: Vec<String> = approval.approvers.iter().map(one).collect();
    let overdue = if approval.overdue_at.is_some() { "  overdue" } else { "" };
    let state = word::<proto::ApprovalState>(approval.state);
    format!("{state}{overdue}  {}  {}", plain(&approval.question), who.join(", "))
}
