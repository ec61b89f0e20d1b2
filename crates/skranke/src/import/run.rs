//! Sends a log to intake and reports what became of it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use contracts::desk::v1::{Actor, ActorKind, Channel, Level, Priority, ResolutionCode, TicketKind, WaitingReason};
use contracts::intake::v1::{HistoricFact, ImportOutcome, ImportTicketsRequest, Matter, historic_fact as fact};
use contracts::reporting::v1::{GetKpisRequest, Period};
use contracts::timestamp;
use jiff::Timestamp;
use serde_json::json;

use crate::apply::apply_file;
use crate::arguments::Import;
use crate::client_file::ClientFile;
use crate::clients::Clients;
use crate::import::uci::{self, FactKind, History};
use crate::output::{Output, table};
use crate::words::{number, span};

/// The source of the imported tickets.
const SOURCE: &str = "uci-498";
/// Histories read ahead of the network.
const AHEAD: usize = 1_000;
/// What the log's client is like, for whoever did not set it up.
const CLIENT_FILE: &str = include_str!("uci/client.yaml");

pub(crate) async fn import(clients: &Clients, output: Output, command: Import) -> anyhow::Result<()> {
    let Import::Uci { file, client, no_wait } = command;
    set_client_up(clients, &client).await?;
    let begun_at = jiff_now();
    let (summary, log) = send(clients, output, &file, &client).await?;
    let sent_at = jiff_now();
    if !no_wait {
        wait_for_report(clients, output, &client, summary.tickets).await?;
    }
    let done_at = jiff_now();
    let (sending, all) = (sent_at.duration_since(begun_at), done_at.duration_since(begun_at));
    let per_second = |count: u64| (count as f64 / all.as_secs_f64().max(0.001)).round();
    let dirt: BTreeMap<String, u64> = log.dirt().met().map(|(kind, count)| (kind.to_string(), count)).collect();
    let value = json!({
        "client": client, "tickets": summary.tickets, "facts": summary.facts, "rows": log.totals().rows,
        "created": summary.created, "extended": summary.extended, "unchanged": summary.unchanged,
        "refused": summary.refused, "dirt": dirt,
        "acknowledged_after_ms": sending.as_millis() as u64, "reported_after_ms": all.as_millis() as u64,
        "tickets_per_second": per_second(summary.tickets), "facts_per_second": per_second(summary.facts),
    });
    output.value(&value, || {
        let mut rows = table(&["what", "count"]);
        for (what, count) in [
            ("rows read", log.totals().rows),
            ("tickets", summary.tickets),
            ("facts", summary.facts),
            ("created", summary.created),
            ("extended", summary.extended),
            ("unchanged", summary.unchanged),
            ("refused", summary.refused),
        ] {
            rows.add_row([what.to_owned(), count.to_string()]);
        }
        for (kind, count) in &dirt {
            rows.add_row([format!("dirt: {}", kind.replace('_', " ")), count.to_string()]);
        }
        format!(
            "{rows}\nacknowledged after {}, in the report after {}: {} tickets/s, {} facts/s",
            span(sending),
            span(all),
            per_second(summary.tickets),
            per_second(summary.facts)
        )
    })
}

fn jiff_now() -> Timestamp {
    chassis::Clock::System.now()
}

/// Sets the log's client up if there is none of that name.
///
/// # Errors
/// What a service refuses.
pub async fn set_client_up(clients: &Clients, client: &str) -> anyhow::Result<()> {
    let request = contracts::intake::v1::GetDirectoryRequest { client_id: client.to_owned() };
    match clients.intake()?.get_directory(request).await {
        Ok(_) => Ok(()),
        Err(status) if status.code() == tonic::Code::NotFound => {
            let mut file = ClientFile::read("uci/client.yaml", CLIENT_FILE)
                .map_err(|complaints| anyhow::anyhow!("the built-in client file is wrong: {complaints:?}"))?;
            file.client = client.to_owned();
            if client != "uci" {
                file.reference_prefix = client.to_ascii_uppercase().replace('-', "").chars().take(10).collect();
            }
            apply_file(clients, &file).await.map(drop)
        }
        Err(status) => Err(status.into()),
    }
}

/// What became of the histories that were sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tickets sent.
    pub tickets: u64,
    /// Facts sent with them.
    pub facts: u64,
    /// Tickets that were new.
    pub created: u64,
    /// Tickets that were there and have grown.
    pub extended: u64,
    /// Tickets that were there with all of their facts.
    pub unchanged: u64,
    /// Tickets that were refused.
    pub refused: u64,
}

async fn send(clients: &Clients, output: Output, file: &Path, client: &str) -> anyhow::Result<(Summary, uci::Log)> {
    let log = uci::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let bar = output.progress(None, "importing");
    let told = bar.clone();
    let say = move |refused: Option<String>| {
        if let Some(refused) = refused {
            told.println(refused);
        }
        told.inc(1);
    };
    let sent = import_histories(clients, client, log, &say).await;
    bar.finish_and_clear();
    sent
}

/// Sends histories to a client's intake as they are read. `say` is told of each answer: nothing, or why it was refused.
/// Returns what became of them, and the log as it was left.
///
/// # Errors
/// If a history cannot be read or intake cannot be reached; what was sent before stays, and sending it again changes
/// nothing.
pub async fn import_histories<L>(
    clients: &Clients,
    client: &str,
    mut log: L,
    say: &(dyn Fn(Option<String>) + Send + Sync),
) -> anyhow::Result<(Summary, L)>
where
    L: Iterator<Item = anyhow::Result<History>> + Send + 'static,
{
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
    let client = client.to_owned();
    // Reading is work for a thread, not for the runtime.
    let reading = tokio::task::spawn_blocking(move || {
        for history in log.by_ref() {
            if sender.blocking_send(request(&client, &history?)?).is_err() {
                break;
            }
        }
        anyhow::Ok(log)
    });
    let mut summary = Summary::default();
    let counted = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let counter = std::sync::Arc::clone(&counted);
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let requests = futures::StreamExt::inspect(requests, move |one: &ImportTicketsRequest| {
        counter.fetch_add(one.facts.len() as u64, std::sync::atomic::Ordering::Relaxed);
    });
    let mut answers = clients.intake()?.import_tickets(requests).await?.into_inner();
    while let Some(answer) = answers.message().await? {
        summary.tickets += 1;
        let mut refused = None;
        match answer.outcome() {
            ImportOutcome::Created => summary.created += 1,
            ImportOutcome::Extended => summary.extended += 1,
            ImportOutcome::Unchanged => summary.unchanged += 1,
            ImportOutcome::Refused | ImportOutcome::Unspecified => {
                summary.refused += 1;
                let why = answer.refused.unwrap_or_default();
                refused = Some(format!("{} was refused: {}", answer.external_ref, why.message));
            }
        }
        say(refused);
    }
    summary.facts = counted.load(std::sync::atomic::Ordering::Relaxed);
    let log = reading.await.context("the reader panicked")??;
    Ok((summary, log))
}

/// Waits until the report counts every ticket and stands still.
async fn wait_for_report(clients: &Clients, output: Output, client: &str, tickets: u64) -> anyhow::Result<()> {
    let bar = output.progress(Some(tickets), "reporting");
    let mut reporting = clients.reporting()?;
    let mut before = None;
    loop {
        let request = GetKpisRequest {
            client_ids: vec![client.to_owned()],
            period: Some(Period {
                from: Some(timestamp("1990-01-01T00:00:00Z".parse()?)),
                until: Some(timestamp("2200-01-01T00:00:00Z".parse()?)),
            }),
            ..GetKpisRequest::default()
        };
        let asked_at = jiff_now();
        let answer = reporting.get_kpis(request).await?.into_inner();
        // Figures over all tickets are not cheap: asking all the time would slow down what is waited for.
        let pause = Duration::from_millis(500).max(jiff_now().duration_since(asked_at).unsigned_abs() * 9);
        let now = answer.clients.into_iter().next().unwrap_or_default();
        bar.set_position(now.registered.min(tickets));
        if now.registered >= tickets && before.as_ref() == Some(&now) {
            bar.finish_and_clear();
            return Ok(());
        }
        before = Some(now);
        tokio::time::sleep(pause).await;
    }
}

fn request(client: &str, history: &History) -> anyhow::Result<ImportTicketsRequest> {
    let mut attributes: BTreeMap<String, String> =
        history.attributes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    if let Some(requester) = &history.requester {
        attributes.insert("caller_id".to_owned(), requester.clone());
    }
    let impact = number::<Level>(&history.impact.to_string())?;
    let urgency = number::<Level>(&history.urgency.to_string())?;
    let mut facts =
        vec![at_registration(history, "0.prioritised", fact_prioritised(impact, urgency, history.priority)?)];
    if let Some(group) = &history.group {
        facts.push(at_registration(
            history,
            "0.placed",
            fact::Fact::HandedOver(fact::HandedOver { queue: queue(group) }),
        ));
    }
    for one in &history.facts {
        facts.push(HistoricFact {
            fact_key: one.key.clone(),
            occurred_at: Some(timestamp(one.at)),
            actor: Some(agent(one.actor.as_deref())),
            fact: Some(kind(&one.kind)?),
        });
    }
    Ok(ImportTicketsRequest {
        client_id: client.to_owned(),
        matter: Some(Matter {
            kind: TicketKind::Incident.into(),
            channel: number::<Channel>(&history.channel.to_string())?,
            subject: history.subject.clone(),
            description: history.description.clone(),
            impact,
            urgency,
            category: history.category.clone().unwrap_or_default(),
            subcategory: history.subcategory.clone().unwrap_or_default(),
            source: SOURCE.to_owned(),
            external_ref: history.external_ref.clone(),
            attributes,
            ..Matter::default()
        }),
        registered_at: Some(timestamp(history.opened_at)),
        facts,
    })
}

fn at_registration(history: &History, key: &str, fact: fact::Fact) -> HistoricFact {
    HistoricFact {
        fact_key: key.to_owned(),
        occurred_at: Some(timestamp(history.opened_at)),
        actor: Some(agent(history.attributes.get("opened_by").map(String::as_str))),
        fact: Some(fact),
    }
}

fn agent(name: Option<&str>) -> Actor {
    Actor { kind: ActorKind::Agent.into(), actor_id: name.unwrap_or_default().to_owned() }
}

/// `Group 56` → `group-56`
fn queue(group: &str) -> String {
    group.to_lowercase().split_whitespace().collect::<Vec<_>>().join("-")
}

fn fact_prioritised(impact: i32, urgency: i32, priority: crate::client_file::Priority) -> anyhow::Result<fact::Fact> {
    let priority = number::<Priority>(&priority.to_string())?;
    Ok(fact::Fact::Prioritised(fact::Prioritised { impact, urgency, priority }))
}

fn kind(kind: &FactKind) -> anyhow::Result<fact::Fact> {
    Ok(match kind {
        FactKind::HandedOver { group } => fact::Fact::HandedOver(fact::HandedOver { queue: queue(group) }),
        FactKind::PrioritySet { impact, urgency, priority } => {
            fact_prioritised(number::<Level>(&impact.to_string())?, number::<Level>(&urgency.to_string())?, *priority)?
        }
        FactKind::Waiting { reason, .. } => {
            fact::Fact::WaitBegan(fact::WaitBegan { reason: number::<WaitingReason>(&reason.to_string())? })
        }
        FactKind::Resumed => fact::Fact::Resumed(fact::Resumed {}),
        FactKind::Resolved { code } => fact::Fact::Resolved(fact::Resolved { code: number::<ResolutionCode>(code)? }),
        FactKind::Reopened => fact::Fact::Reopened(fact::Reopened {}),
        FactKind::Closed => fact::Fact::Closed(fact::Closed {}),
    })
}
