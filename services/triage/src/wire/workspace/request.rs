//! What callers ask for.

use chassis::status::Violation;
use contracts::triage::v1 as proto;
use contracts::triage::v1::bulk_command_request::Command as Bulk;

use crate::domain::Command;
use crate::domain::workspace::{Errand, MOST_MINUTES, MOST_TAGS};
use crate::store::ticket::Name;
use crate::wire::request::{Commands, MAX_NAME, MAX_REASON, MAX_REQUEST_ID, MAX_TICKET, named};
use crate::wire::{Check, instant, roster};

/// Tickets of one bulk command.
pub const MAX_BULK: usize = 500;
/// Characters of a tag.
pub const MAX_TAG: usize = 40;

macro_rules! errands {
    ($($request:ident: |$it:ident, $check:ident| $errand:expr;)+) => {$(
        impl Commands for proto::$request {
            fn head(&self) -> (&str, &str, u64) {
                (&self.request_id, &self.ticket, self.expected_revision)
            }
            fn command(&self, $check: &mut Check) -> Option<Command> {
                let $it = self;
                Some(Command::Workspace($errand))
            }
        }
    )+};
}

errands! {
    TagTicketRequest: |it, check| tag(&it.add, &it.remove, check);
    AddWatcherRequest: |it, check| Errand::Watch { agent: check.text("watcher", &it.watcher, MAX_NAME) };
    RemoveWatcherRequest: |it, check| Errand::Unwatch { agent: check.text("watcher", &it.watcher, MAX_NAME) };
    RecordTimeRequest: |it, check| {
        let worked_at = instant(it.worked_at.as_ref()).filter(|at| roster::YEARS.contains(&at.as_second()));
        if it.worked_at.is_some() && worked_at.is_none() {
            check.say("worked_at", "is not an instant of the years 1970 to 2199");
        }
        let minutes = minutes("minutes", it.minutes, 1, check);
        Errand::RecordTime { minutes, what_for: check.needed("what_for", &it.what_for, MAX_REASON), worked_at }
    };
    CorrectTimeRequest: |it, check| {
        if it.entry < 1 {
            check.say("entry", "must be the number that the ticket shows: 1, 2, 3 …");
        }
        Errand::CorrectTime {
            number: it.entry.unsigned_abs(),
            right_minutes: minutes("right_minutes", it.right_minutes, 0, check),
            reason: check.needed("reason", &it.reason, MAX_REASON),
        }
    };
}

fn minutes(field: &str, minutes: i32, least: u32, check: &mut Check) -> u32 {
    let told = u32::try_from(minutes).ok().filter(|told| (least..=MOST_MINUTES).contains(told));
    if told.is_none() {
        check.say(field, format!("must be {least} to {MOST_MINUTES}"));
    }
    told.unwrap_or_default()
}

/// A tag in its only form.
///
/// # Errors
/// What is wrong with it.
pub fn is_tag(tag: &str) -> bool {
    (1..=MAX_TAG).contains(&tag.len())
        && tag.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Tags of a request or a filter.
pub fn tags(field: &str, asked: &[String], most: usize, check: &mut Check) -> Vec<String> {
    check.at_most(field, asked.len(), most);
    if asked.iter().any(|tag| !is_tag(tag)) {
        check.say(field, format!("must be small letters, digits and hyphens, 1 to {MAX_TAG} each"));
    }
    asked.iter().take(most).cloned().collect()
}

fn tag(add: &[String], remove: &[String], check: &mut Check) -> Errand {
    if add.is_empty() && remove.is_empty() {
        check.say("add", "must name a tag, or remove must");
    }
    Errand::Tag { add: tags("add", add, MOST_TAGS, check), remove: tags("remove", remove, MOST_TAGS, check) }
}

/// One command for many tickets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkAsked {
    /// The caller's own id of the whole.
    pub request_id: String,
    /// Each as it was named, and what that means.
    pub tickets: Vec<(String, Name)>,
    /// What.
    pub command: Command,
}

/// A bulk command, checked.
///
/// # Errors
/// Every violation.
pub fn bulk(it: &proto::BulkCommandRequest) -> Result<BulkAsked, Vec<Violation>> {
    let mut check = Check::default();
    let request_id = check.needed("request_id", &it.request_id, MAX_REQUEST_ID);
    if it.tickets.is_empty() {
        check.say("tickets", "must name at least one");
    }
    check.at_most("tickets", it.tickets.len(), MAX_BULK);
    let is_named = |ticket: &String| !ticket.trim().is_empty() && ticket.chars().count() <= MAX_TICKET;
    if it.tickets.iter().take(MAX_BULK).any(|ticket| !is_named(ticket) || ticket.contains('\0')) {
        check.say("tickets", format!("must be references or ids of 1 to {MAX_TICKET} characters, without NUL"));
    }
    let mut within = Check::default();
    let (path, command) = match &it.command {
        Some(asked) => command(asked, &mut within),
        None => {
            check.say("command", "must be set: claim, release, assign, hand_over, wait, resume, resolve, close, …");
            ("", None)
        }
    };
    if let Err(violations) = within.done() {
        for it in violations {
            check.take::<()>(Err(it.within(path)));
        }
    }
    check.done()?;
    let mut unchecked = Check::default();
    let tickets = it.tickets.iter().map(|ticket| (ticket.clone(), named(ticket, &mut unchecked))).collect();
    let command = command.ok_or_else(|| vec![Violation::new("command", "is no command")])?;
    Ok(BulkAsked { request_id, tickets, command })
}

/// Each is read as the single command of its kind is.
fn command(asked: &Bulk, check: &mut Check) -> (&'static str, Option<Command>) {
    match asked.clone() {
        Bulk::Claim(proto::BulkClaim {}) => ("claim", Some(Command::Claim)),
        Bulk::Release(proto::BulkRelease {}) => ("release", Some(Command::Release)),
        Bulk::Resume(proto::BulkResume {}) => ("resume", Some(Command::Resume)),
        Bulk::Close(proto::BulkClose {}) => ("close", Some(Command::Close)),
        Bulk::Assign(proto::BulkAssign { owner, reason }) => {
            ("assign", proto::AssignTicketRequest { owner, reason, ..Default::default() }.command(check))
        }
        Bulk::HandOver(proto::BulkHandOver { queue, reason, note }) => {
            ("hand_over", proto::HandOverTicketRequest { queue, reason, note, ..Default::default() }.command(check))
        }
        Bulk::Wait(proto::BulkWait { reason, note }) => {
            ("wait", proto::WaitTicketRequest { reason, note, ..Default::default() }.command(check))
        }
        Bulk::Resolve(proto::BulkResolve { code, article_id, no_article_reason, note, approver }) => {
            let head = proto::ResolveTicketRequest::default();
            let single = proto::ResolveTicketRequest { code, article_id, no_article_reason, note, approver, ..head };
            ("resolve", single.command(check))
        }
        Bulk::Cancel(proto::BulkCancel { reason, duplicate_of, note }) => {
            ("cancel", proto::CancelTicketRequest { reason, duplicate_of, note, ..Default::default() }.command(check))
        }
        Bulk::Triage(it) => {
            let single = proto::TriageTicketRequest {
                kind: it.kind,
                category: it.category,
                subcategory: it.subcategory,
                impact: it.impact,
                urgency: it.urgency,
                priority: it.priority,
                override_reason: it.override_reason,
                ..Default::default()
            };
            ("triage", single.command(check))
        }
        Bulk::Tag(proto::BulkTag { add, remove }) => ("tag", Some(Command::Workspace(tag(&add, &remove, check)))),
    }
}
