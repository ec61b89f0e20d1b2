//! `skranke runbook`

use std::io::Write;

use anyhow::Context;
use contracts::triage::v1 as proto;
use contracts::triage::v1::runbook_parameter::Type;
use contracts::triage::v1::watch_run_response::News;

use crate::arguments::Runbook;
use crate::clients::Clients;
use crate::output::{Output, plain, table};
use crate::ticket::new_request_id;
use crate::words::{instant, word};

/// Runs that are shown with a ticket.
const SHOWN: i32 = 10;

pub(crate) async fn runbook(clients: &Clients, output: Output, command: Runbook) -> anyhow::Result<()> {
    match command {
        Runbook::List { client } => {
            let request = proto::ListRunbooksRequest { client_id: client };
            let answer = clients.runbooks()?.list_runbooks(request).await?.into_inner();
            output.message(&answer, listed)
        }
        Runbook::Start { ticket, runbook, set, expected_revision, follow } => {
            let request = proto::StartRunbookRequest {
                request_id: new_request_id(),
                ticket,
                expected_revision,
                runbook,
                parameters: set.iter().map(|one| parameter(one)).collect::<anyhow::Result<_>>()?,
            };
            let run = clients.runbooks()?.start_runbook(request).await?.into_inner().run.unwrap_or_default();
            if follow {
                return watch(clients, output, run.run_id).await;
            }
            output.message(&run, headline)
        }
        Runbook::Runs { ticket, client, limit } => {
            let request =
                proto::ListRunsRequest { ticket, client_ids: client, page_size: limit, page_token: String::new() };
            let answer = clients.runbooks()?.list_runs(request).await?.into_inner();
            output.messages(&answer.runs, runs)
        }
        Runbook::Show { run, follow: true } => watch(clients, output, run).await,
        Runbook::Show { run, follow: false } => {
            let answer = clients.runbooks()?.get_run(proto::GetRunRequest { run_id: run }).await?.into_inner();
            output.message(&answer, shown)
        }
        Runbook::Cancel { run, reason } => {
            let request = proto::CancelRunRequest { request_id: new_request_id(), run_id: run, reason };
            let run = clients.runbooks()?.cancel_run(request).await?.into_inner().run.unwrap_or_default();
            output.message(&run, headline)
        }
    }
}

/// The newest runs of a ticket; none for whoever may not see them.
pub(crate) async fn of_ticket(clients: &Clients, ticket: &str) -> anyhow::Result<Vec<proto::Run>> {
    let request = proto::ListRunsRequest { ticket: ticket.to_owned(), page_size: SHOWN, ..Default::default() };
    match clients.runbooks()?.list_runs(request).await {
        Ok(answer) => Ok(answer.into_inner().runs),
        Err(status) if status.code() == tonic::Code::PermissionDenied => Ok(Vec::new()),
        Err(status) => Err(status.into()),
    }
}

/// The same as they are shown with a ticket.
pub(crate) fn beside(of_ticket: &[proto::Run]) -> String {
    if of_ticket.is_empty() { String::new() } else { format!("\n\nRunbooks\n{}", runs(of_ticket)) }
}

fn parameter(text: &str) -> anyhow::Result<proto::RunParameter> {
    let (name, value) = text.split_once('=').with_context(|| format!("{text} is not name=value"))?;
    Ok(proto::RunParameter { parameter: name.to_owned(), value: value.to_owned(), kind: 0 })
}

/// Shows what a run writes until it is over; fails if the run did.
async fn watch(clients: &Clients, output: Output, run_id: String) -> anyhow::Result<()> {
    let request = proto::WatchRunRequest { run_id, after_sequence: 0 };
    let mut stream = clients.runbooks()?.watch_run(request).await?.into_inner();
    let mut last = None;
    while let Some(message) = stream.message().await? {
        match message.news {
            Some(News::Output(piece)) if !output.is_json() => {
                // As it is but for what would command the terminal.
                let text = String::from_utf8_lossy(&piece.chunk);
                let lines: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
                let mut out = std::io::stdout().lock();
                out.write_all(lines.as_bytes())?;
                out.flush()?;
            }
            Some(News::Run(run)) => {
                if !output.is_json() {
                    eprintln!("{}", headline(&run));
                }
                last = Some(run);
            }
            _ => {}
        }
    }
    let run = last.context("the desk did not say how the run stands")?;
    if output.is_json() {
        output.message(&run, headline)?;
    }
    let is_well = matches!(run.outcome(), proto::RunOutcome::Succeeded | proto::RunOutcome::Unspecified);
    anyhow::ensure!(is_well, "the run did not succeed: {}", stands(&run));
    Ok(())
}

/// `ended: failed, exit code 2`
fn stands(run: &proto::Run) -> String {
    let mut text = word::<proto::RunState>(run.state);
    if run.state() == proto::RunState::Ended {
        text = word::<proto::RunOutcome>(run.outcome);
    }
    if let Some(code) = run.exit_code {
        text.push_str(&format!(", exit code {code}"));
    }
    if !run.reason.is_empty() {
        text.push_str(&format!(": {}", plain(&run.reason)));
    }
    text
}

fn headline(run: &proto::Run) -> String {
    let waits = match (run.state(), run.approval) {
        (proto::RunState::Waiting, number) => format!(" for approval {number} of {}", plain(&run.reference)),
        _ => String::new(),
    };
    format!("{}  {} on {}  {}{waits}", run.run_id, plain(&run.runbook), plain(&run.runner), stands(run))
}

fn runs(runs: &[proto::Run]) -> String {
    let mut rows = table(&["run", "ticket", "runbook", "runner", "by", "at", "state"]);
    for run in runs {
        rows.add_row([
            run.run_id.clone(),
            plain(&run.reference),
            plain(&run.runbook),
            plain(&run.runner),
            plain(&run.requested_by),
            instant(run.requested_at.as_ref()),
            stands(run),
        ]);
    }
    rows.to_string()
}

fn shown(answer: &proto::GetRunResponse) -> String {
    let Some(run) = &answer.run else { return String::new() };
    let mut text = headline(run);
    for it in &run.parameters {
        text.push_str(&format!("\n  {} = {}", plain(&it.parameter), plain(&it.value)));
    }
    let cut = if run.is_truncated { ", the rest is not kept" } else { "" };
    text.push_str(&format!("\n{} bytes of output{cut}", run.output_bytes));
    let written: Vec<u8> = answer.output.iter().flat_map(|piece| piece.chunk.clone()).collect();
    for line in String::from_utf8_lossy(&written).lines() {
        text.push_str(&format!("\n  | {}", plain(line)));
    }
    text
}

fn listed(answer: &proto::ListRunbooksResponse) -> String {
    let mut rows = table(&["runbook", "title", "parameters", "runner", "approval"]);
    for it in &answer.runbooks {
        let parameters: Vec<String> = it.parameters.iter().map(taken).collect();
        let joined = if it.any_suffices { " or " } else { " and " };
        rows.add_row([
            plain(&it.runbook),
            plain(&it.title),
            parameters.join(" "),
            plain(&it.runner),
            plain(&it.approvers.join(joined)),
        ]);
    }
    let mut text = rows.to_string();
    let mut rows = table(&["runner", "seen last", "version", "its own list"]);
    for it in &answer.runners {
        let seen = it.seen_at.as_ref().map_or_else(|| "never".to_owned(), |at| instant(Some(at)));
        rows.add_row([plain(&it.runner), seen, plain(&it.version), plain(&it.runbooks.join(" "))]);
    }
    text.push_str(&format!("\n\n{rows}"));
    text
}

/// `host=device`, `[count=1..10]`
fn taken(it: &proto::RunbookParameter) -> String {
    let takes = match &it.r#type {
        Some(Type::Text(text)) if !text.pattern.is_empty() => format!("text:{}", plain(&text.pattern)),
        Some(Type::Text(_)) | None => "text".to_owned(),
        Some(Type::Number(number)) => format!("{}..{}", number.min, number.max),
        Some(Type::Choice(choice)) => plain(&choice.values.join("|")),
        Some(Type::Boolean(_)) => "true|false".to_owned(),
        Some(Type::Device(_)) => "device".to_owned(),
    };
    let taken = format!("{}={takes}", plain(&it.parameter));
    if it.optional { format!("[{taken}]") } else { taken }
}
