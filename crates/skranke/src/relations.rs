//! `skranke ticket link …`, `skranke incident`, `skranke problem`

use std::time::Duration;

use anyhow::Context;
use contracts::desk::v1::{Channel, Priority, TicketKind};
use contracts::intake::v1::{Matter, RegisterTicketRequest, SplitTicketRequest};
use contracts::timestamp;
use contracts::triage::v1 as proto;
use prost_types::Timestamp;
use tonic::Code;

use crate::arguments::{Bound, Incident, Problem, Which};
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::{headline, listed, new_request_id};
use crate::words::{instant, number, read_instant, word};

/// How long triage may take to hear of a problem that was just registered.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is asked meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The system that problems of proposals are registered for: each once.
const SOURCE: &str = "problem-proposals";

macro_rules! send {
    ($clients:expr, $method:ident, $request:ident, $which:expr, { $($field:ident : $value:expr),* $(,)? }) => {{
        let which: Which = $which;
        let request = proto::$request {
            request_id: new_request_id(),
            ticket: which.ticket,
            expected_revision: which.expected_revision,
            $($field: $value,)*
        };
        $clients.relations()?.$method(request).await?.into_inner().ticket.unwrap_or_default()
    }};
}

fn at(text: Option<&str>, time_zone: &str) -> anyhow::Result<Option<Timestamp>> {
    Ok(text.map(|text| read_instant(text, time_zone)).transpose()?.map(timestamp))
}

/// What binds tickets together.
pub(crate) async fn bound(clients: &Clients, output: Output, command: Bound) -> anyhow::Result<()> {
    let ticket = match command {
        Bound::Link { which, kind, other, note } => {
            let kind = number::<proto::RelationKind>(&kind)?;
            send!(clients, link_tickets, LinkTicketsRequest, which, { kind: kind, other_ticket: other, note: note })
        }
        Bound::Unlink { which, kind, other } => {
            let kind = number::<proto::RelationKind>(&kind)?;
            send!(clients, unlink_tickets, UnlinkTicketsRequest, which, { kind: kind, other_ticket: other })
        }
        Bound::Merge { which, into, note } => {
            send!(clients, merge_ticket, MergeTicketRequest, which, { other_ticket: into, note: note })
        }
        Bound::Unmerge { which, reason } => {
            send!(clients, unmerge_ticket, UnmergeTicketRequest, which, { reason: reason })
        }
        Bound::Split { ticket, subject, message, description } => {
            let request =
                SplitTicketRequest { request_id: new_request_id(), ticket, subject, message_id: message, description };
            let answer = clients.split()?.split_ticket(request).await?.into_inner().registered.unwrap_or_default();
            return output.message(&answer, |answer| answer.reference.clone());
        }
    };
    output.message(&ticket, headline)
}

/// Major incidents.
pub(crate) async fn incident(clients: &Clients, output: Output, command: Incident) -> anyhow::Result<()> {
    let ticket = match command {
        Incident::Declare { which, severity, services, users, from, time_zone } => {
            send!(clients, declare_major_incident, DeclareMajorIncidentRequest, which, {
                severity: number::<Priority>(&severity)?,
                services: services,
                affected_users: users,
                impaired_from: at(from.as_deref(), &time_zone)?,
            })
        }
        Incident::Status { which, text, next, time_zone } => {
            let next_update_due_at = at(next.as_deref(), &time_zone)?;
            send!(clients, push_status, PushStatusRequest, which, {
                text: text,
                next_update_due_at: next_update_due_at,
            })
        }
        Incident::Attach { which, children } => {
            send!(clients, attach_tickets, AttachTicketsRequest, which, { child_tickets: children })
        }
        Incident::Amend { which, users, from, until, time_zone, reason } => {
            send!(clients, amend_major_incident, AmendMajorIncidentRequest, which, {
                affected_users: users,
                impaired_from: at(from.as_deref(), &time_zone)?,
                impaired_until: at(until.as_deref(), &time_zone)?,
                reason: reason,
            })
        }
        Incident::End { which, until, time_zone, note } => {
            let impaired_until = at(until.as_deref(), &time_zone)?;
            send!(clients, end_major_incident, EndMajorIncidentRequest, which, {
                impaired_until: impaired_until,
                note: note,
            })
        }
    };
    output.message(&ticket, |ticket| format!("{}\n{}", headline(ticket), stands(ticket)))
}

/// Problems and what proposes them.
pub(crate) async fn problem(clients: &Clients, output: Output, command: Problem) -> anyhow::Result<()> {
    let ticket = match command {
        Problem::List { client } => return list(clients, output, client).await,
        Problem::Proposals { client, all } => return proposals(clients, output, client, all).await,
        Problem::Accept { proposal, ticket, client, subject } => {
            let ticket = match ticket {
                Some(ticket) => ticket,
                None => registered(clients, &proposal, client, subject).await?,
            };
            let which = Which { ticket, expected_revision: 0 };
            send!(clients, accept_problem_proposal, AcceptProblemProposalRequest, which, { proposal_id: proposal })
        }
        Problem::Dismiss { proposal, reason } => {
            let request = proto::DismissProblemProposalRequest { proposal_id: proposal, reason };
            let answer = clients.relations()?.dismiss_problem_proposal(request).await?.into_inner();
            return output.message(&answer.proposal.unwrap_or_default(), |_| "dismissed".to_owned());
        }
        Problem::Cause { which, root_cause, workaround } => {
            send!(clients, record_root_cause, RecordRootCauseRequest, which, {
                root_cause: root_cause,
                workaround: workaround,
            })
        }
        Problem::KnownError { which, article, note } => {
            send!(clients, declare_known_error, DeclareKnownErrorRequest, which, { article_id: article, note: note })
        }
    };
    output.message(&ticket, |ticket| format!("{}\n{}", headline(ticket), stands(ticket)))
}

/// The problem of a proposal: registered as every matter is, once however often it is asked for, and known to triage.
async fn registered(
    clients: &Clients,
    proposal: &str,
    client: Option<String>,
    subject: Option<String>,
) -> anyhow::Result<String> {
    let request = RegisterTicketRequest {
        request_id: new_request_id(),
        client_id: client.unwrap_or_default(),
        matter: Some(Matter {
            kind: TicketKind::Problem.into(),
            channel: Channel::Api.into(),
            subject: subject.unwrap_or_default(),
            source: SOURCE.to_owned(),
            external_ref: proposal.to_owned(),
            ..Matter::default()
        }),
        ..RegisterTicketRequest::default()
    };
    let ticket = clients.intake()?.register_ticket(request).await?.into_inner().ticket_id;
    let known = async {
        let mut triage = clients.triage()?;
        loop {
            let request = proto::GetTicketRequest { ticket: ticket.clone() };
            match triage.get_ticket(request).await {
                Ok(_) => return anyhow::Ok(()),
                Err(status) if status.code() == Code::NotFound => tokio::time::sleep(LOOK_EVERY).await,
                Err(status) => return Err(status.into()),
            }
        }
    };
    let waited = tokio::time::timeout(PATIENCE, known).await;
    waited.context("the problem is registered, but triage has not heard of it yet; accept the proposal again")??;
    Ok(ticket)
}

async fn list(clients: &Clients, output: Output, client_ids: Vec<String>) -> anyhow::Result<()> {
    let filter = proto::TicketFilter { client_ids, ..Default::default() };
    let mut request = proto::ListTicketsRequest { filter: Some(filter), page_size: 1_000, ..Default::default() };
    let mut triage = clients.triage()?;
    let mut problems = Vec::new();
    loop {
        let page = triage.list_tickets(request.clone()).await?.into_inner();
        let is_problem =
            |ticket: &proto::Ticket| ticket.classification.as_ref().is_some_and(|it| it.kind() == TicketKind::Problem);
        problems.extend(page.tickets.into_iter().filter(is_problem));
        if page.next_page_token.is_empty() {
            return output.messages(&problems, listed);
        }
        request.page_token = page.next_page_token;
    }
}

async fn proposals(clients: &Clients, output: Output, client_ids: Vec<String>, decided: bool) -> anyhow::Result<()> {
    let mut request =
        proto::ListProblemProposalsRequest { client_ids, decided, page_size: 1_000, page_token: String::new() };
    let mut relations = clients.relations()?;
    let mut proposals = Vec::new();
    loop {
        let page = relations.list_problem_proposals(request.clone()).await?.into_inner();
        proposals.extend(page.proposals);
        if page.next_page_token.is_empty() {
            return output.messages(&proposals, shown);
        }
        request.page_token = page.next_page_token;
    }
}

fn shown(proposals: &[proto::ProblemProposal]) -> String {
    if proposals.is_empty() {
        return "No incidents look like one problem.".to_owned();
    }
    let mut rows = table(&["proposal", "client", "found", "state", "tickets", "what they say", "newest"]);
    for one in proposals {
        let newest: Vec<String> = one.tickets.iter().take(5).map(|ticket| plain(&ticket.reference)).collect();
        rows.add_row([
            one.proposal_id.clone(),
            plain(&one.client_id),
            instant(one.found_at.as_ref()),
            word::<proto::ProposalState>(one.state),
            one.ticket_count.to_string(),
            plain(&one.terms.join(" ")),
            newest.join(" "),
        ]);
    }
    rows.to_string()
}

/// A ticket's name; one without is not for the caller's eyes.
fn named(reference: &str) -> &str {
    if reference.is_empty() { "another ticket" } else { reference }
}

/// What is known of it as a major incident or a problem, and which tickets belong to it.
pub(crate) fn stands(ticket: &proto::Ticket) -> String {
    let mut lines = Vec::new();
    if !ticket.merged_into.is_empty() {
        lines.push(format!("merged into {}", plain(&ticket.merged_into)));
    }
    if let Some(major) = &ticket.major_incident {
        let until = major.impaired_until.as_ref().map_or_else(|| "still".to_owned(), |at| instant(Some(at)));
        lines.push(format!(
            "major incident, {}: {} users, {} since {} until {until}",
            word::<Priority>(major.severity),
            major.affected_users,
            plain(&major.services.join(", ")),
            instant(major.impaired_from.as_ref()),
        ));
        lines.extend(major.status.as_ref().map(|news| format!("status {}: {}", news.number, plain(&news.text))));
    }
    if let Some(news) = &ticket.status_news {
        lines.push(format!("status {} of {}: {}", news.number, plain(named(&news.parent)), plain(&news.text)));
    }
    if let Some(problem) = &ticket.problem {
        for (what, text) in [
            ("root cause", &problem.root_cause),
            ("workaround", &problem.workaround),
            ("known error", &problem.known_error_article_id),
        ] {
            if !text.is_empty() {
                lines.push(format!("{what}: {}", plain(text)));
            }
        }
        if problem.recurrences > 0 {
            lines.push(format!("came back {} times after it was resolved", problem.recurrences));
        }
    }
    for one in &ticket.relations {
        let kind = word::<proto::RelationKind>(one.kind).replace('_', " ");
        let other = plain(format!("{} {}", named(&one.reference), one.subject).trim());
        lines.push(if one.reverse { format!("{other} is {kind} this") } else { format!("{kind} {other}") });
    }
    let more = usize::try_from(ticket.relation_count).unwrap_or_default().saturating_sub(ticket.relations.len());
    if more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines.join("\n")
}
