//! Something to look at: the demo's clients, articles and tickets, sent through the desk's own doors.

use std::collections::HashMap;

use contracts::desk::v1::{
    Actor, ActorKind, CancellationReason, Channel, Level, ResolutionCode, TicketKind, WaitingReason,
};
use contracts::intake::v1::{
    HistoricFact, ImportTicketsRequest, ListClientsRequest, Matter, RegisterTicketRequest, historic_fact as fact,
};
use contracts::timestamp;
use contracts::triage::v1::{ListTicketsRequest, TicketFilter};
use include_dir::{Dir, include_dir};
use jiff::{SignedDuration, Timestamp};
use local::Address;

use crate::apply::apply_file;
use crate::clients::Clients;
use crate::demo::{Action, Ago, Demo, Step, StoryTicket};
use crate::words::number;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../demo");
/// The source of the demo's tickets.
const SOURCE: &str = "demo";

/// Sets the demo up unless the desk has clients already.
pub(super) async fn set_up(clients: &Clients, say: &dyn Fn(&str)) -> anyhow::Result<()> {
    let known = clients.intake()?.list_clients(ListClientsRequest::default()).await?.into_inner().clients;
    if !known.is_empty() {
        return Ok(());
    }
    let demo = read()?;
    say(&format!(
        "setting up the demo: {} clients, {} articles, {} tickets",
        demo.clients.len(),
        demo.articles.len(),
        demo.desk.tickets.len()
    ));
    for client in &demo.clients {
        apply_file(clients, client).await?;
        for article in demo.articles.iter().filter(|article| article.may_be_used_for(&client.client)) {
            let is_spoken = client.languages.contains(&article.language);
            if is_spoken {
                crate::kb::add(clients, &client.client, article, true).await?;
            }
        }
    }
    send_tickets(clients, &demo).await
}

fn read() -> anyhow::Result<Demo> {
    let mut files = Vec::new();
    for pattern in ["clients/*.yaml", "articles/*.md", "tickets.yaml"] {
        for entry in FILES.find(pattern)? {
            if let Some(file) = entry.as_file() {
                let text = file.contents_utf8().unwrap_or_default().to_owned();
                files.push((file.path().display().to_string(), text));
            }
        }
    }
    Demo::read(&files).map_err(|complaints| {
        anyhow::anyhow!(
            "the demo's files are wrong: {}",
            complaints.first().map(ToString::to_string).unwrap_or_default()
        )
    })
}

/// Tickets with a past are imported with it; fresh ones are registered as if they came in now.
async fn send_tickets(clients: &Clients, demo: &Demo) -> anyhow::Result<()> {
    let now = chassis::Clock::System.now();
    let agents: HashMap<&str, &str> =
        demo.desk.agents.iter().map(|one| (one.agent.as_str(), one.email.as_str())).collect();
    let (fresh, old): (Vec<_>, Vec<_>) = demo.desk.tickets.iter().partition(|ticket| ticket.story.is_empty());
    let requests = old.into_iter().map(|ticket| history(ticket, now, &agents)).collect::<anyhow::Result<Vec<_>>>()?;
    let mut answers = clients.intake()?.import_tickets(tokio_stream::iter(requests)).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        if let Some(refused) = answer.refused {
            anyhow::bail!("the demo's ticket {} was refused: {}", answer.external_ref, refused.message);
        }
    }
    let mut intake = clients.intake()?;
    for ticket in fresh {
        let request = RegisterTicketRequest {
            request_id: ticket.ticket.chars().take(36).collect(),
            client_id: ticket.client.clone(),
            matter: Some(matter(ticket)?),
            solved: None,
            attachment_ids: Vec::new(),
        };
        intake.register_ticket(request).await?;
    }
    Ok(())
}

fn matter(ticket: &StoryTicket) -> anyhow::Result<Matter> {
    Ok(Matter {
        kind: number::<TicketKind>(&ticket.kind.to_string())?,
        channel: number::<Channel>(&ticket.channel.to_string())?,
        subject: ticket.subject.clone(),
        description: ticket.description.clone(),
        requester_email: ticket.requester.clone(),
        impact: number::<Level>(&ticket.impact.to_string())?,
        urgency: number::<Level>(&ticket.urgency.to_string())?,
        category: ticket.category.clone(),
        subcategory: ticket.subcategory.clone().unwrap_or_default(),
        source: SOURCE.to_owned(),
        external_ref: ticket.ticket.clone(),
        ..Matter::default()
    })
}

fn minutes(ago: Ago) -> SignedDuration {
    SignedDuration::from_mins(i64::from(ago.minutes))
}

fn history(ticket: &StoryTicket, now: Timestamp, agents: &HashMap<&str, &str>) -> anyhow::Result<ImportTicketsRequest> {
    let registered_at = now.checked_sub(minutes(ticket.registered))?;
    let mut facts = Vec::new();
    for (index, step) in ticket.story.iter().enumerate() {
        let Some(kind) = fact_of(step)? else { continue };
        let by_requester = matches!(step.action, Action::Reply { .. } | Action::Reopen { .. });
        let actor = match &step.by {
            _ if by_requester => Actor { kind: ActorKind::Requester.into(), actor_id: ticket.requester.clone() },
            Some(agent) => Actor {
                kind: ActorKind::Agent.into(),
                actor_id: agents.get(agent.as_str()).copied().unwrap_or_default().to_owned(),
            },
            None => Actor { kind: ActorKind::Agent.into(), actor_id: String::new() },
        };
        facts.push(HistoricFact {
            fact_key: format!("{index}"),
            occurred_at: Some(timestamp(registered_at.checked_add(minutes(step.after))?)),
            actor: Some(actor),
            fact: Some(kind),
        });
        // A resolving text is also an answer to the requester.
        if matches!(step.action, Action::Resolve { .. }) {
            let mut answer = facts[facts.len() - 1].clone();
            answer.fact_key = format!("{index}.answer");
            answer.fact = Some(fact::Fact::PublicAnswer(fact::PublicAnswer {}));
            facts.push(answer);
        }
    }
    Ok(ImportTicketsRequest {
        client_id: ticket.client.clone(),
        matter: Some(matter(ticket)?),
        registered_at: Some(timestamp(registered_at)),
        facts,
    })
}

/// A story's step as a historic fact; notes and claims are none.
fn fact_of(step: &Step) -> anyhow::Result<Option<fact::Fact>> {
    Ok(Some(match &step.action {
        Action::Claim | Action::Note { .. } => return Ok(None),
        Action::Answer { .. } => fact::Fact::PublicAnswer(fact::PublicAnswer {}),
        Action::Wait { reason } => {
            fact::Fact::WaitBegan(fact::WaitBegan { reason: number::<WaitingReason>(&reason.to_string())? })
        }
        Action::Reply { .. } => fact::Fact::RequesterMessage(fact::RequesterMessage {}),
        Action::Resume => fact::Fact::Resumed(fact::Resumed {}),
        Action::HandOver { queue, .. } => fact::Fact::HandedOver(fact::HandedOver { queue: queue.clone() }),
        Action::Resolve { code, .. } => fact::Fact::Resolved(fact::Resolved { code: number::<ResolutionCode>(code)? }),
        Action::Close => fact::Fact::Closed(fact::Closed {}),
        Action::Reopen { .. } => fact::Fact::Reopened(fact::Reopened {}),
        Action::Cancel { .. } => {
            fact::Fact::Cancelled(fact::Cancelled { reason: CancellationReason::Withdrawn.into() })
        }
    }))
}

/// Where everything is, and a first command.
pub(super) async fn welcome(address: &Address, clients: &Clients) -> anyhow::Result<String> {
    let mut text = String::from("\nThe desk is up.\n\n");
    for (service, endpoint) in &address.endpoints {
        text.push_str(&format!("  {service:<16} gRPC {endpoint}"));
        if let Some(health) = address.health.get(service) {
            text.push_str(&format!("   health {health}/readyz"));
        }
        text.push('\n');
    }
    text.push_str(&format!("  {:<16} {}\n  {:<16} {}\n", "NATS", address.nats_url, "Postgres", address.postgres_url));
    if let Some(traces) = &address.traces {
        text.push_str(&format!("  {:<16} {}/traces\n", "traces", traces.url));
    }
    let known = clients.intake()?.list_clients(ListClientsRequest::default()).await?.into_inner().clients;
    text.push_str("\nIn another terminal:\n\n");
    match known.first() {
        Some(client) => {
            let client_id = &client.client_id;
            let filter = TicketFilter { client_ids: vec![client_id.clone()], ..Default::default() };
            let request = ListTicketsRequest { filter: Some(filter), page_size: 1, ..Default::default() };
            let newest = clients.triage()?.list_tickets(request).await?.into_inner().tickets;
            let reference = newest.first().map_or("…", |ticket| ticket.reference.as_str());
            text.push_str(&format!(
                "  cargo desk submit --client {client_id} --impact high --urgency medium \"The VPN drops every ten minutes\"\n  \
                 cargo desk ticket list --client {client_id}\n  \
                 cargo desk ticket show {reference}\n  \
                 cargo desk trace {reference}\n  \
                 cargo desk report kpis --client {client_id}\n"
            ));
        }
        None => text.push_str("  cargo desk apply demo/clients/brightwater-energy.yaml\n"),
    }
    text.push_str("\nCtrl-C stops it; starting it again finds the data.");
    Ok(text)
}
