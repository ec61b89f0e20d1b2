//! `skranke ticket`

mod roster;
mod show;

use contracts::desk::v1::{
    CancellationReason, Level, Priority, ResolutionCode, TicketKind, TicketState, Visibility, WaitingReason,
};
use contracts::intake::v1::{AddMessageRequest, WatchReceiptsRequest};
use contracts::triage::v1 as proto;

use crate::arguments::{Filter, Swarm, Ticket, Which};
use crate::clients::Clients;
use crate::output::{Output, line};
use crate::words::{number, number_or_none, numbers, order};

pub(crate) use roster::roster;
pub(crate) use show::{headline, list as listed};

pub(crate) async fn ticket(clients: &Clients, output: Output, command: Ticket) -> anyhow::Result<()> {
    match command {
        Ticket::Bound(command) => crate::relations::bound(clients, output, command).await,
        Ticket::Workspace(command) => crate::workspace::workspace(clients, output, command).await,
        Ticket::List { filter, order, limit } => list(clients, output, filter, &order, limit).await,
        Ticket::Show { ticket } => show::show(clients, output, &ticket).await,
        Ticket::History { ticket } => show::history(clients, output, &ticket).await,
        Ticket::Watch { filter, view } => watch(clients, output, filter, view).await,
        Ticket::Receipts { client, source, after, follow } => {
            let request = WatchReceiptsRequest { client_id: client, source, after, follow };
            crate::alert::receipts(clients, output, request).await
        }
        Ticket::Say { ticket, text, internal, requester } => {
            let visibility = if internal { Visibility::Internal } else { Visibility::Public };
            let request = AddMessageRequest {
                request_id: new_request_id(),
                ticket,
                visibility: visibility.into(),
                body: text,
                requester_email: requester,
                ..Default::default()
            };
            let answer = clients.intake()?.add_message(request).await?.into_inner();
            output.message(&answer, |_| "written".to_owned())
        }
        Ticket::Files(command) => crate::files::files(clients, output, command).await,
        command => {
            let ticket = change(clients, command).await?;
            output.message(&ticket, show::headline)
        }
    }
}

pub(crate) fn new_request_id() -> String {
    chassis::new_id().to_string()
}

pub(crate) fn filter_of(filter: Filter) -> anyhow::Result<proto::TicketFilter> {
    Ok(proto::TicketFilter {
        client_ids: filter.client,
        states: numbers::<TicketState>(&filter.state)?,
        priorities: numbers::<Priority>(&filter.priority)?,
        queues: filter.queue,
        owners: filter.owner,
        unclaimed: filter.unclaimed,
        subject_contains: filter.subject,
        tags: filter.tag,
        watchers: filter.watcher,
        ..Default::default()
    })
}

async fn list(clients: &Clients, output: Output, filter: Filter, by: &str, limit: usize) -> anyhow::Result<()> {
    let (filter, order) = (Some(filter_of(filter)?), order(by)?);
    let request = proto::ListTicketsRequest { filter, order, ..Default::default() };
    output.messages(&first_of(clients, request, limit).await?, show::list)
}

/// The first tickets of a list, page by page.
pub(crate) async fn first_of(
    clients: &Clients,
    mut request: proto::ListTicketsRequest,
    limit: usize,
) -> anyhow::Result<Vec<proto::Ticket>> {
    request.page_size = i32::try_from(limit.clamp(1, 1_000))?;
    let mut triage = clients.triage()?;
    let mut tickets = Vec::new();
    while tickets.len() < limit {
        let page = triage.list_tickets(request.clone()).await?.into_inner();
        tickets.extend(page.tickets);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    tickets.truncate(limit);
    Ok(tickets)
}

async fn watch(clients: &Clients, output: Output, filter: Filter, view_id: String) -> anyhow::Result<()> {
    let request = proto::WatchTicketsRequest { filter: Some(filter_of(filter)?), view_id };
    let mut changes = clients.triage()?.watch_tickets(request).await?.into_inner();
    if !output.is_json() {
        line("Watching; Ctrl-C ends it.")?;
    }
    while let Some(change) = changes.message().await? {
        output.message(&change, show::change)?;
    }
    Ok(())
}

macro_rules! send {
    ($clients:expr, $method:ident, $request:ident, $which:expr, { $($field:ident : $value:expr),* $(,)? }) => {{
        let which: Which = $which;
        let request = proto::$request {
            request_id: new_request_id(),
            ticket: which.ticket,
            expected_revision: which.expected_revision,
            $($field: $value,)*
        };
        $clients.triage()?.$method(request).await?.into_inner().ticket.unwrap_or_default()
    }};
}

/// Sends a command; the ticket as it is then.
async fn change(clients: &Clients, command: Ticket) -> anyhow::Result<proto::Ticket> {
    Ok(match command {
        Ticket::Triage { which, kind, category, impact, urgency, priority, reason } => {
            send!(clients, triage_ticket, TriageTicketRequest, which, {
                kind: number_or_none::<TicketKind>(kind.as_deref())?,
                category: category,
                subcategory: String::new(),
                impact: number_or_none::<Level>(impact.as_deref())?,
                urgency: number_or_none::<Level>(urgency.as_deref())?,
                priority: number_or_none::<Priority>(priority.as_deref())?,
                override_reason: reason,
            })
        }
        Ticket::Claim(which) => send!(clients, claim_ticket, ClaimTicketRequest, which, {}),
        Ticket::Release(which) => send!(clients, release_ticket, ReleaseTicketRequest, which, {}),
        Ticket::HandOver { which, queue, reason, note } => {
            send!(clients, hand_over_ticket, HandOverTicketRequest, which, { queue: queue, reason: reason, note: note })
        }
        Ticket::Wait { which, reason, note } => {
            let reason = number::<WaitingReason>(&reason)?;
            send!(clients, wait_ticket, WaitTicketRequest, which, { reason: reason, note: note })
        }
        Ticket::Assign { which, to, reason } => {
            send!(clients, assign_ticket, AssignTicketRequest, which, { owner: to, reason: reason })
        }
        Ticket::Return { which, reason, note } => {
            send!(clients, return_ticket, ReturnTicketRequest, which, { reason: reason, note: note })
        }
        Ticket::CallBack { which, note } => send!(clients, call_back, CallBackRequest, which, { note: note }),
        Ticket::Swarm { command: Swarm::Join(which) } => send!(clients, join_swarm, JoinSwarmRequest, which, {}),
        Ticket::Swarm { command: Swarm::Invite { which, agent, note } } => {
            send!(clients, invite_to_swarm, InviteToSwarmRequest, which, { agent: agent, note: note })
        }
        Ticket::Swarm { command: Swarm::Leave(which) } => send!(clients, leave_swarm, LeaveSwarmRequest, which, {}),
        Ticket::Resume(which) => send!(clients, resume_ticket, ResumeTicketRequest, which, {}),
        Ticket::Resolve { which, code, article, no_article, note, approver } => {
            send!(clients, resolve_ticket, ResolveTicketRequest, which, {
                code: number::<ResolutionCode>(&code)?,
                article_id: article,
                no_article_reason: no_article,
                note: note,
                approver: approver,
            })
        }
        Ticket::Confirm(which) => send!(clients, confirm_ticket, ConfirmTicketRequest, which, {}),
        Ticket::Reopen { which, reason } => {
            send!(clients, reopen_ticket, ReopenTicketRequest, which, { reason: reason })
        }
        Ticket::Close(which) => send!(clients, close_ticket, CloseTicketRequest, which, {}),
        Ticket::Cancel { which, reason, duplicate_of, note } => {
            send!(clients, cancel_ticket, CancelTicketRequest, which, {
                reason: number::<CancellationReason>(&reason)?,
                duplicate_of: duplicate_of,
                note: note,
            })
        }
        Ticket::Bound(_)
        | Ticket::Workspace(_)
        | Ticket::List { .. }
        | Ticket::Show { .. }
        | Ticket::History { .. }
        | Ticket::Watch { .. }
        | Ticket::Receipts { .. }
        | Ticket::Files(_)
        | Ticket::Say { .. } => {
            anyhow::bail!("this is not a change")
        }
    })
}
