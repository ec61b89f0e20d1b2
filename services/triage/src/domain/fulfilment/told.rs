//! What happened, in one line for people.

use super::Step;
use super::words::ApprovalMode;

/// What happened, in one line; `because` puts a text behind it.
pub fn line(step: &Step, because: impl Fn(&str) -> String) -> String {
    let spoken = |word: &str| word.replace('_', " ");
    match step {
        Step::VendorCaseOpened { vendor, vendor_reference, note, .. } => {
            let theirs = if vendor_reference.is_empty() { String::new() } else { format!(" as {vendor_reference}") };
            format!("{vendor} was asked to help{theirs}{}", because(note))
        }
        Step::VendorCaseUpdated { vendor, vendor_reference, status, note, .. } => {
            let theirs = if vendor_reference.is_empty() { String::new() } else { format!(" as {vendor_reference}") };
            let status = status.map_or_else(String::new, |status| format!(" is {}", spoken(&status.to_string())));
            format!("the case of {vendor}{theirs}{status}{}", because(note))
        }
        Step::VendorCaseClosed { vendor, outcome, note, .. } => {
            format!("the case of {vendor} is over: {}{}", spoken(&outcome.to_string()), because(note))
        }
        Step::ApprovalRequested { number, mode, approvers, question, .. } => {
            let who = match mode {
                ApprovalMode::All => approvers.join(" and "),
                ApprovalMode::Any => approvers.join(" or "),
            };
            format!("approval {number} is asked of {who}{}", because(question))
        }
        Step::ApprovalDecided { number, approver, decision, reason } => {
            format!("{approver} {decision} approval {number}{}", because(reason))
        }
        Step::ApproverReplaced { number, approver, instead_of, reason } => {
            format!("{approver} is asked for approval {number} instead of {instead_of}{}", because(reason))
        }
        Step::TaskAdded { number, title, .. } => format!("task {number} was added{}", because(title)),
        Step::TaskCompleted { number, note } => format!("task {number} is done{}", because(note)),
        Step::TaskSkipped { number, reason } => format!("task {number} was skipped{}", because(reason)),
        Step::ItemRequested(requested) => {
            let name = if requested.name.is_empty() { &requested.item } else { &requested.name };
            match requested.faults.len() {
                0 => format!("asked for from the catalogue{}", because(name)),
                count => format!("asked for from the catalogue, with {count} faults in the answers{}", because(name)),
            }
        }
        Step::ChangePlanned(change) => {
            let at = change.window_from_at.strftime("%Y-%m-%d %H:%M UTC");
            format!("{} change planned from {at}{}", change.kind, because(&change.plan))
        }
        Step::ChangeStarted => "the change began".to_owned(),
        Step::ChangeEnded { outcome, note } => {
            format!("the change ended {}{}", spoken(&outcome.to_string()), because(note))
        }
    }
}
