//! What callers ask for.

use uuid::Uuid;

use chassis::status::Violation;
use contracts::ClientId;
use contracts::triage::v1 as proto;

use super::workspace::request::tags;
use super::{Check, instant};
use crate::domain::workspace::MOST_TAGS;
use crate::domain::{CancellationReason, Command, Reclassification, Sent};
use crate::store::list::{Filter, Hidden, Order};
use crate::store::ticket::Name;

/// Characters of a request_id.
pub const MAX_REQUEST_ID: usize = 36;
/// Characters of a ticket's reference or id.
pub const MAX_TICKET: usize = 50;
/// Characters of a category, subcategory, queue, owner, approver, article_id, or part of a subject.
pub const MAX_NAME: usize = 200;
/// Characters of a reason.
pub const MAX_REASON: usize = 1_000;
/// Characters of a note.
pub const MAX_NOTE: usize = 10_000;
/// Entries of each list of a filter.
pub const MAX_FILTERED: usize = 100;

/// A command as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The caller's own id of it.
    pub request_id: String,
    /// On which ticket.
    pub ticket: Name,
    /// The revision that the caller saw; 0: any.
    pub expected_revision: u64,
    /// What.
    pub command: Command,
}

/// A request that commands something.
pub trait Commands: prost::Message + prost::Name {
    /// `request_id`, `ticket`, `expected_revision`.
    fn head(&self) -> (&str, &str, u64);
    /// The command; `None` only if the check has a violation.
    fn command(&self, check: &mut Check) -> Option<Command>;

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
        let command = command.ok_or_else(|| vec![Violation::new("", "is not a command")])?;
        Ok(Asked { request_id, ticket, expected_revision, command })
    }
}

/// The ticket that a request names by reference or id.
pub fn named(ticket: &str, check: &mut Check) -> Name {
    let ticket = check.needed("ticket", ticket, MAX_TICKET);
    Uuid::try_parse(&ticket).map_or_else(|_| Name::Reference(ticket.to_ascii_uppercase()), Name::Id)
}

macro_rules! commands {
    ($($request:ident: |$it:ident, $check:ident| $command:expr;)+) => {$(
        impl Commands for proto::$request {
            fn head(&self) -> (&str, &str, u64) {
                (&self.request_id, &self.ticket, self.expected_revision)
            }
            fn command(&self, $check: &mut Check) -> Option<Command> {
                let $it = self;
                $command
            }
        }
    )+};
}

commands! {
    TriageTicketRequest: |it, check| triage(it, check);
    ClaimTicketRequest: |_it, _check| Some(Command::Claim);
    ReleaseTicketRequest: |_it, _check| Some(Command::Release);
    HandOverTicketRequest: |it, check| Some(Command::HandOver {
        queue: check.needed("queue", &it.queue, MAX_NAME),
        reason: check.needed("reason", &it.reason, MAX_REASON),
        note: check.text("note", &it.note, MAX_NOTE),
    });
    WaitTicketRequest: |it, check| {
        let note = check.text("note", &it.note, MAX_NOTE);
        Some(Command::Wait { reason: check.needed_word("reason", it.reason)?, note })
    };
    ResumeTicketRequest: |_it, _check| Some(Command::Resume);
    ResolveTicketRequest: |it, check| resolve(it, check);
    ConfirmTicketRequest: |_it, _check| Some(Command::Confirm);
    ReopenTicketRequest: |it, check| Some(Command::Reopen { reason: check.text("reason", &it.reason, MAX_REASON) });
    CloseTicketRequest: |_it, _check| Some(Command::Close);
    CancelTicketRequest: |it, check| cancel(it, check);
    AssignTicketRequest: |it, check| Some(Command::Assign {
        owner: check.needed("owner", &it.owner, MAX_NAME),
        reason: check.text("reason", &it.reason, MAX_REASON),
    });
    ReturnTicketRequest: |it, check| Some(Command::Return {
        reason: check.needed("reason", &it.reason, MAX_REASON),
        note: check.text("note", &it.note, MAX_NOTE),
    });
    CallBackRequest: |it, check| Some(Command::CallBack { note: check.text("note", &it.note, MAX_NOTE) });
    JoinSwarmRequest: |_it, _check| Some(Command::JoinSwarm);
    InviteToSwarmRequest: |it, check| Some(Command::InviteToSwarm {
        agent: check.needed("agent", &it.agent, MAX_NAME),
        note: check.text("note", &it.note, MAX_NOTE),
    });
    LeaveSwarmRequest: |_it, _check| Some(Command::LeaveSwarm);
}

fn triage(it: &proto::TriageTicketRequest, check: &mut Check) -> Option<Command> {
    let sets = Sent {
        kind: check.word("kind", it.kind),
        category: check.text("category", &it.category, MAX_NAME),
        subcategory: check.text("subcategory", &it.subcategory, MAX_NAME),
        impact: check.word("impact", it.impact),
        urgency: check.word("urgency", it.urgency),
    };
    let reason = check.text("override_reason", &it.override_reason, MAX_REASON);
    let priority = check.word("priority", it.priority);
    match (it.priority, reason.is_empty()) {
        (0, false) => check.say("override_reason", "goes only with a priority"),
        (0, true) | (_, false) => {}
        (_, true) => check.say("override_reason", "must say why the matrix is overridden"),
    }
    Some(Command::Triage(Reclassification { sets, override_by: priority.map(|priority| (priority, reason)) }))
}

fn resolve(it: &proto::ResolveTicketRequest, check: &mut Check) -> Option<Command> {
    let article_id = check.text("article_id", &it.article_id, MAX_NAME);
    let no_article_reason = check.text("no_article_reason", &it.no_article_reason, MAX_REASON);
    if !article_id.is_empty() && !no_article_reason.is_empty() {
        check.say("no_article_reason", "must be empty where there is an article");
    }
    let note = check.text("note", &it.note, MAX_NOTE);
    let approver = check.text("approver", &it.approver, MAX_NAME);
    let code = check.needed_word("code", it.code)?;
    Some(Command::Resolve { code, article_id, no_article_reason, note, approver })
}

fn cancel(it: &proto::CancelTicketRequest, check: &mut Check) -> Option<Command> {
    let duplicate_of = check.text("duplicate_of", &it.duplicate_of, MAX_TICKET).to_ascii_uppercase();
    let note = check.text("note", &it.note, MAX_NOTE);
    let reason = check.needed_word("reason", it.reason)?;
    match (reason, duplicate_of.is_empty()) {
        (CancellationReason::Duplicate, true) => check.say("duplicate_of", "must name the ticket that stays"),
        (CancellationReason::Withdrawn | CancellationReason::Spam, false) => {
            check.say("duplicate_of", "goes only with the reason duplicate");
        }
        _ => {}
    }
    Some(Command::Cancel { reason, duplicate_of, duplicate_is_known: false, note })
}

/// A filter, and the clients that it names. The clients in the filter itself are left to the caller's scope.
pub fn filter(asked: Option<&proto::TicketFilter>, check: &mut Check) -> (Filter, Vec<ClientId>) {
    let Some(asked) = asked else { return Default::default() };
    let proto::TicketFilter { client_ids, states, priorities, queues, owners, unclaimed, .. } = asked;
    for (field, length) in [
        ("filter.client_ids", client_ids.len()),
        ("filter.states", states.len()),
        ("filter.priorities", priorities.len()),
        ("filter.queues", queues.len()),
        ("filter.owners", owners.len()),
        ("filter.watchers", asked.watchers.len()),
    ] {
        check.at_most(field, length, MAX_FILTERED);
    }
    let mut clients = Vec::new();
    for client_id in client_ids.iter().take(MAX_FILTERED) {
        match ClientId::new(client_id) {
            Ok(client_id) => clients.push(client_id),
            Err(error) => check.say("filter.client_ids", error.to_string()),
        }
    }
    let names = |field: &str, names: &[String], check: &mut Check| -> Vec<String> {
        names.iter().take(MAX_FILTERED).map(|name| check.needed(field, name, MAX_NAME)).collect()
    };
    let at = |field: &str, at: Option<&prost_types::Timestamp>, check: &mut Check| {
        let instant = instant(at);
        if at.is_some() && instant.is_none() {
            check.say(field, "is not an instant of the years 1 to 9999");
        }
        instant
    };
    let filter = Filter {
        clients: None,
        states: states
            .iter()
            .take(MAX_FILTERED)
            .filter_map(|state| check.needed_word("filter.states", *state))
            .collect(),
        priorities: priorities
            .iter()
            .take(MAX_FILTERED)
            .filter_map(|one| check.needed_word("filter.priorities", *one))
            .collect(),
        queues: names("filter.queues", queues, check),
        owners: names("filter.owners", owners, check),
        unclaimed: *unclaimed,
        subject_contains: check.text("filter.subject_contains", &asked.subject_contains, MAX_NAME),
        hidden: Hidden::default(),
        tags: tags("filter.tags", &asked.tags, MOST_TAGS, check),
        watchers: names("filter.watchers", &asked.watchers, check),
        registered_from: at("filter.registered_from", asked.registered_from.as_ref(), check),
        registered_until: at("filter.registered_until", asked.registered_until.as_ref(), check),
    };
    (filter, clients)
}

/// The order of a list.
pub fn order(asked: i32, check: &mut Check) -> Order {
    match proto::TicketOrder::try_from(asked) {
        Ok(proto::TicketOrder::Unspecified | proto::TicketOrder::RegisteredAt) => Order::RegisteredAt,
        Ok(proto::TicketOrder::Priority) => Order::Priority,
        Ok(proto::TicketOrder::ChangedAt) => Order::ChangedAt,
        Err(_) => {
            check.say("order", "is no value known here");
            Order::RegisteredAt
        }
    }
}
