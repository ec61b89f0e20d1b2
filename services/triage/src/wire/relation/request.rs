//! What callers ask for about tickets that belong together.

use chassis::status::Violation;
use contracts::ClientId;
use contracts::triage::v1 as proto;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::relation::decide::Command;
use crate::domain::{Priority, RelationKind};
use crate::store::ticket::Name;
use crate::wire::request::{MAX_FILTERED, MAX_NAME, MAX_NOTE, MAX_REASON, MAX_REQUEST_ID, MAX_TICKET, named};
use crate::wire::{Check, instant};

/// Tickets that are attached at once.
pub const MAX_ATTACHED: usize = 500;
/// Services of a major incident.
pub const MAX_SERVICES: usize = 50;
/// Users that a major incident may hit.
pub const MAX_USERS: i32 = 100_000_000;

/// A command as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The caller's own id of it.
    pub request_id: String,
    /// On which ticket.
    pub ticket: Name,
    /// The revision that the caller saw; 0: any.
    pub expected_revision: u64,
    /// The other tickets that it names.
    pub others: Vec<Name>,
    /// What.
    pub command: Command,
}

/// A request that commands something about several tickets.
pub trait Commands: prost::Message + prost::Name {
    /// `request_id`, `ticket`, `expected_revision`.
    fn head(&self) -> (&str, &str, u64);
    /// The command and the other tickets; `None` only if the check has a violation.
    fn command(&self, check: &mut Check) -> Option<(Command, Vec<Name>)>;

    /// The whole request, checked.
    ///
    /// # Errors
    /// Every violation.
    fn asked(&self) -> Result<Asked, Vec<Violation>> {
        let mut check = Check::default();
        let (request_id, ticket, expected_revision) = self.head();
        let request_id = check.needed("request_id", request_id, MAX_REQUEST_ID);
        let ticket = named(ticket, &mut check);
        let command = self.command(&mut check);
        check.done()?;
        let (command, others) = command.ok_or_else(|| vec![Violation::new("", "is not a command")])?;
        Ok(Asked { request_id, ticket, expected_revision, others, command })
    }
}

/// Another ticket, by reference or id.
fn other(field: &str, ticket: &str, check: &mut Check) -> Name {
    let ticket = check.needed(field, ticket, MAX_TICKET);
    Uuid::try_parse(&ticket).map_or_else(|_| Name::Reference(ticket.to_ascii_uppercase()), Name::Id)
}

fn at(field: &str, at: Option<&prost_types::Timestamp>, check: &mut Check) -> Option<Timestamp> {
    let read = instant(at);
    if at.is_some() && read.is_none() {
        check.say(field, "is not an instant of the years 1 to 9999");
    }
    read
}

fn users(users: i32, check: &mut Check) -> u32 {
    if !(0..=MAX_USERS).contains(&users) {
        check.say("affected_users", format!("must be 0 to {MAX_USERS}"));
    }
    users.unsigned_abs()
}

macro_rules! commands {
    ($($request:ident: |$it:ident, $check:ident| $command:expr;)+) => {$(
        impl Commands for proto::$request {
            fn head(&self) -> (&str, &str, u64) {
                (&self.request_id, &self.ticket, self.expected_revision)
            }
            fn command(&self, $check: &mut Check) -> Option<(Command, Vec<Name>)> {
                let $it = self;
                $command
            }
        }
    )+};
}

commands! {
    LinkTicketsRequest: |it, check| {
        let others = vec![other("other_ticket", &it.other_ticket, check)];
        let note = check.text("note", &it.note, MAX_NOTE);
        Some((Command::Link { kind: check.needed_word::<RelationKind>("kind", it.kind)?, note }, others))
    };
    UnlinkTicketsRequest: |it, check| {
        let others = vec![other("other_ticket", &it.other_ticket, check)];
        Some((Command::Unlink { kind: check.needed_word::<RelationKind>("kind", it.kind)? }, others))
    };
    MergeTicketRequest: |it, check| {
        let others = vec![other("other_ticket", &it.other_ticket, check)];
        Some((Command::Merge { note: check.text("note", &it.note, MAX_NOTE) }, others))
    };
    UnmergeTicketRequest: |it, check| {
        Some((Command::Unmerge { reason: check.text("reason", &it.reason, MAX_REASON) }, Vec::new()))
    };
    DeclareMajorIncidentRequest: |it, check| declare(it, check);
    AttachTicketsRequest: |it, check| {
        check.at_most("child_tickets", it.child_tickets.len(), MAX_ATTACHED);
        if it.child_tickets.is_empty() {
            check.say("child_tickets", "must name a ticket");
        }
        let children = it.child_tickets.iter().take(MAX_ATTACHED);
        let children = children.map(|ticket| other("child_tickets", ticket, check)).collect();
        Some((Command::Attach, children))
    };
    PushStatusRequest: |it, check| {
        let text = check.needed("text", &it.text, MAX_NOTE);
        let next_update_due_at = at("next_update_due_at", it.next_update_due_at.as_ref(), check);
        Some((Command::PushStatus { text, next_update_due_at }, Vec::new()))
    };
    AmendMajorIncidentRequest: |it, check| {
        let impaired_from = at("impaired_from", it.impaired_from.as_ref(), check);
        let impaired_until = at("impaired_until", it.impaired_until.as_ref(), check);
        let affected_users = it.affected_users.map(|it| users(it, check));
        if (affected_users, impaired_from, impaired_until) == (None, None, None) {
            check.say("affected_users", "or another figure must be set");
        }
        let reason = check.needed("reason", &it.reason, MAX_REASON);
        Some((Command::AmendMajor { affected_users, impaired_from, impaired_until, reason }, Vec::new()))
    };
    EndMajorIncidentRequest: |it, check| {
        let impaired_until = at("impaired_until", it.impaired_until.as_ref(), check);
        Some((Command::EndMajor { impaired_until, note: check.text("note", &it.note, MAX_NOTE) }, Vec::new()))
    };
    RecordRootCauseRequest: |it, check| {
        let root_cause = check.needed("root_cause", &it.root_cause, MAX_NOTE);
        let workaround = check.text("workaround", &it.workaround, MAX_NOTE);
        Some((Command::RecordRootCause { root_cause, workaround }, Vec::new()))
    };
    DeclareKnownErrorRequest: |it, check| {
        let article_id = check.needed("article_id", &it.article_id, MAX_NAME);
        let note = check.text("note", &it.note, MAX_NOTE);
        Some((Command::DeclareKnownError { article_id, note }, Vec::new()))
    };
    AcceptProblemProposalRequest: |it, check| {
        Some((Command::Accept { proposal_id: proposal_id(&it.proposal_id, check)? }, Vec::new()))
    };
}

fn declare(it: &proto::DeclareMajorIncidentRequest, check: &mut Check) -> Option<(Command, Vec<Name>)> {
    check.at_most("services", it.services.len(), MAX_SERVICES);
    let services = it.services.iter().take(MAX_SERVICES);
    let services = services.map(|service| check.needed("services", service, MAX_NAME)).collect();
    let severity = check.word("severity", it.severity).unwrap_or(Priority::P1);
    let affected_users = users(it.affected_users, check);
    let impaired_from = at("impaired_from", it.impaired_from.as_ref(), check);
    Some((Command::DeclareMajor { severity, services, affected_users, impaired_from }, Vec::new()))
}

/// A proposal's id; `None` only if the check has a violation.
pub fn proposal_id(text: &str, check: &mut Check) -> Option<Uuid> {
    let text = check.needed("proposal_id", text, MAX_REQUEST_ID);
    let read = Uuid::try_parse(&text).ok();
    if read.is_none() && !text.is_empty() {
        check.say("proposal_id", "is not an id");
    }
    read
}

/// The clients that a question names.
pub fn clients(client_ids: &[String], check: &mut Check) -> Vec<ClientId> {
    check.at_most("client_ids", client_ids.len(), MAX_FILTERED);
    let mut clients = Vec::new();
    for client_id in client_ids.iter().take(MAX_FILTERED) {
        match ClientId::new(client_id) {
            Ok(client_id) => clients.push(client_id),
            Err(error) => check.say("client_ids", error.to_string()),
        }
    }
    clients
}
