//! `skranke ticket bulk`, `tag`, `follow`, `worked`, `mentions`, `here`, `draft`

mod draft;

use std::io::Read;
use std::path::Path;

use anyhow::Context;
use contracts::desk::v1::{
    Actor, CancellationReason, Level, Priority, ResolutionCode, TicketKind, TicketState, WaitingReason,
};
use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::bulk_command_request::Command;

use crate::arguments::{Bulk, Which, Workspace};
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::{headline, new_request_id};
use crate::words::{instant, number, number_or_none, read_instant, word};

/// Tickets of one call.
const AT_ONCE: usize = 500;

macro_rules! send {
    ($clients:expr, $method:ident, $request:ident, $which:expr, { $($field:ident : $value:expr),* $(,)? }) => {{
        let which: Which = $which;
        let request = proto::$request {
            request_id: new_request_id(),
            ticket: which.ticket,
            expected_revision: which.expected_revision,
            $($field: $value,)*
        };
        $clients.workspace()?.$method(request).await?.into_inner().ticket.unwrap_or_default()
    }};
}

pub(crate) async fn workspace(clients: &Clients, output: Output, command: Workspace) -> anyhow::Result<()> {
    let ticket = match command {
        Workspace::Bulk(options) => return bulk(clients, output, *options).await,
        Workspace::Mentions { client, limit } => {
            let request =
                proto::ListMentionsRequest { client_ids: client, page_size: limit.max(1), ..Default::default() };
            let answer = clients.workspace()?.list_mentions(request).await?.into_inner();
            return output.messages(&answer.mentions, mentions);
        }
        Workspace::Here { ticket, writing, gone } => return draft::here(clients, output, ticket, writing, gone).await,
        Workspace::Draft { command } => return draft::draft(clients, output, command).await,
        Workspace::Tag { which, add, remove } => {
            send!(clients, tag_ticket, TagTicketRequest, which, { add: add, remove: remove })
        }
        Workspace::Follow { which, agent } => {
            send!(clients, add_watcher, AddWatcherRequest, which, { watcher: agent })
        }
        Workspace::Unfollow { which, agent } => {
            send!(clients, remove_watcher, RemoveWatcherRequest, which, { watcher: agent })
        }
        Workspace::Worked { which, minutes, what_for, at, time_zone } => {
            let worked_at = at.map(|at| read_instant(&at, &time_zone)).transpose()?.map(timestamp);
            send!(clients, record_time, RecordTimeRequest, which, {
                minutes: minutes,
                what_for: what_for,
                worked_at: worked_at,
            })
        }
        Workspace::CorrectWorked { which, entry, minutes, reason } => {
            send!(clients, correct_time, CorrectTimeRequest, which, {
                entry: entry,
                right_minutes: minutes,
                reason: reason,
            })
        }
    };
    output.message(&ticket, |ticket| format!("{}{}", headline(ticket), beside(ticket)))
}

/// What agents keep on a ticket; nothing for nothing.
pub(crate) fn beside(ticket: &proto::Ticket) -> String {
    let mut text = String::new();
    let mut field = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("\n  {name:<12} {value}"));
        }
    };
    field("tags", ticket.tags.join(", "));
    field("watched by", plain(&ticket.watchers.join(", ")));
    let total = if ticket.minutes_worked > 0 { format!("{} min", ticket.minutes_worked) } else { String::new() };
    field("worked", total);
    if !ticket.time.is_empty() {
        let mut rows = table(&["#", "when", "who", "min", "on what"]);
        for entry in &ticket.time {
            let corrected = if entry.corrections > 0 { " (corrected)" } else { "" };
            rows.add_row([
                entry.number.to_string(),
                instant(entry.worked_at.as_ref()),
                plain(&entry.agent),
                format!("{}{corrected}", entry.minutes),
                plain(&entry.what_for),
            ]);
        }
        text.push_str(&format!("\n\nTime worked\n{rows}"));
    }
    text
}

fn mentions(mentions: &[proto::Mention]) -> String {
    if mentions.is_empty() {
        return "Nobody has mentioned you.".to_owned();
    }
    let mut rows = table(&["when", "ticket", "state", "who", "note"]);
    for one in mentions {
        rows.add_row([
            instant(one.mentioned_at.as_ref()),
            one.reference.clone(),
            word::<TicketState>(one.state),
            plain(&one.by.clone().unwrap_or(Actor::default()).actor_id),
            plain(&one.excerpt),
        ]);
    }
    rows.to_string()
}

async fn bulk(clients: &Clients, output: Output, options: Bulk) -> anyhow::Result<()> {
    let command = command(&options)?;
    let mut tickets = options.tickets;
    if let Some(path) = &options.from_list {
        tickets.extend(listed(path)?);
    }
    anyhow::ensure!(!tickets.is_empty(), "name tickets, or a file of them with --from-list");
    // One id for all of them: each ticket is told apart by itself.
    let request_id = options.request_id.unwrap_or_else(new_request_id);
    let mut results = Vec::with_capacity(tickets.len());
    for some in tickets.chunks(AT_ONCE) {
        let request = proto::BulkCommandRequest {
            request_id: request_id.clone(),
            tickets: some.to_vec(),
            command: Some(command.clone()),
        };
        results.extend(clients.workspace()?.bulk_command(request).await?.into_inner().results);
    }
    let refused = results.iter().filter(|one| one.refused.is_some()).count();
    let count = results.len();
    output.message(&proto::BulkCommandResponse { results }, |answer| became(&answer.results))?;
    anyhow::ensure!(refused == 0, "{refused} of {count} were refused; the same again with --request-id {request_id}");
    Ok(())
}

fn became(results: &[proto::BulkResult]) -> String {
    let mut rows = table(&["ticket", "state", "revision", "refused because"]);
    for one in results {
        let (state, revision, why) = match &one.refused {
            Some(why) => ("–".to_owned(), "–".to_owned(), format!("{}: {}", why.reason, plain(&why.message))),
            None => (word::<TicketState>(one.state), one.revision.to_string(), String::new()),
        };
        let ticket = if one.reference.is_empty() { plain(&one.ticket) } else { one.reference.clone() };
        rows.add_row([ticket, state, revision, why]);
    }
    rows.to_string()
}

/// The first word of each line that has one with a digit: a table's header has none.
fn listed(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?
    };
    let words = text.lines().filter_map(|line| line.split_whitespace().next());
    Ok(words.filter(|word| word.contains(|c: char| c.is_ascii_digit())).map(ToOwned::to_owned).collect())
}

fn command(it: &Bulk) -> anyhow::Result<Command> {
    let (what, reason, note) = (&it.what, it.reason.clone(), it.note.clone());
    Ok(if what.claim {
        Command::Claim(proto::BulkClaim {})
    } else if what.release {
        Command::Release(proto::BulkRelease {})
    } else if what.resume {
        Command::Resume(proto::BulkResume {})
    } else if what.close {
        Command::Close(proto::BulkClose {})
    } else if let Some(owner) = what.assign.clone() {
        Command::Assign(proto::BulkAssign { owner, reason })
    } else if let Some(queue) = what.hand_over.clone() {
        Command::HandOver(proto::BulkHandOver { queue, reason, note })
    } else if let Some(why) = &what.wait {
        Command::Wait(proto::BulkWait { reason: number::<WaitingReason>(why)?, note })
    } else if let Some(code) = &what.resolve {
        Command::Resolve(proto::BulkResolve {
            code: number::<ResolutionCode>(code)?,
            article_id: it.article.clone(),
            no_article_reason: it.no_article.clone(),
            note,
            approver: it.approver.clone(),
        })
    } else if let Some(why) = &what.cancel {
        let reason = number::<CancellationReason>(why)?;
        Command::Cancel(proto::BulkCancel { reason, duplicate_of: it.duplicate_of.clone(), note })
    } else if what.triage {
        Command::Triage(proto::BulkTriage {
            kind: number_or_none::<TicketKind>(it.kind.as_deref())?,
            category: it.category.clone(),
            subcategory: String::new(),
            impact: number_or_none::<Level>(it.impact.as_deref())?,
            urgency: number_or_none::<Level>(it.urgency.as_deref())?,
            priority: number_or_none::<Priority>(it.priority.as_deref())?,
            override_reason: reason,
        })
    } else {
        let (remove, add): (Vec<&String>, Vec<&String>) = what.tag.iter().partition(|tag| tag.starts_with('~'));
        let remove = remove.into_iter().map(|tag| tag.trim_start_matches('~').to_owned()).collect();
        Command::Tag(proto::BulkTag { add: add.into_iter().cloned().collect(), remove })
    })
}
