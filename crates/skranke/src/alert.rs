//! `skranke alert`, `skranke ticket receipts`

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use contracts::duration;
use contracts::intake::v1 as proto;
use contracts::intake::v1::post_alerts_response::Outcome;
use contracts::intake::v1::{AlertAction, AlertEffect, AlertSeverity, AlertState, ReceiptState};
use jiff::SignedDuration;

use crate::arguments::{Alert, PostAlert};
use crate::clients::Clients;
use crate::output::{Output, line, plain, table};
use crate::words::{instant, length, number, number_or_none, word};

pub(crate) async fn alert(clients: &Clients, output: Output, command: Alert) -> anyhow::Result<()> {
    match command {
        Alert::Post(options) => post(clients, output, options).await,
        Alert::List { client, ticket, key, open, limit } => {
            let request = proto::ListAlertsRequest {
                client_id: client,
                ticket,
                dedup_key: key,
                open_only: open,
                page_size: i32::try_from(limit.clamp(1, 1_000))?,
                page_token: String::new(),
            };
            list(clients, output, request, limit).await
        }
        Alert::Heartbeat { client, name, every_minutes, grace_minutes, severity, end } => {
            let minutes = |count: u32| Some(duration(SignedDuration::from_mins(count.into())));
            let request = proto::PutHeartbeatRequest {
                client_id: client,
                name,
                every_for: minutes(every_minutes),
                grace_for: minutes(grace_minutes),
                severity: number_or_none::<AlertSeverity>(severity.as_deref())?,
                ends: end,
            };
            let answer = clients.alerts()?.put_heartbeat(request).await?.into_inner();
            output.message(&answer, |answer| match answer.heartbeat.as_ref().and_then(|one| one.due_at.as_ref()) {
                Some(due) => format!("the next one is due at {}", instant(Some(due))),
                None => "it is expected no longer".to_owned(),
            })
        }
        Alert::Heartbeats { client } => {
            let request = proto::ListHeartbeatsRequest { client_id: client };
            let answer = clients.alerts()?.list_heartbeats(request).await?.into_inner();
            output.messages(&answer.heartbeats, heartbeats)
        }
    }
}

async fn post(clients: &Clients, output: Output, options: PostAlert) -> anyhow::Result<()> {
    let alerts = match &options.alertmanager {
        Some(path) => {
            intake::alertmanager::alerts(&read(path)?).map_err(|what| anyhow::anyhow!("{} {what}", path.display()))?
        }
        None => vec![one(&options)?],
    };
    let posts: Vec<proto::PostAlertsRequest> = alerts
        .into_iter()
        .map(|alert| proto::PostAlertsRequest {
            alert: Some(proto::PostAlertRequest {
                request_id: String::new(),
                client_id: options.client.clone(),
                alert: Some(alert),
            }),
        })
        .collect();
    let mut answers = clients.alerts()?.post_alerts(tokio_stream::iter(posts)).await?.into_inner();
    let (mut told, mut refused) = (Vec::new(), 0);
    while let Some(answer) = answers.message().await? {
        refused += usize::from(matches!(answer.outcome, Some(Outcome::Refused(_))));
        told.push(answer);
    }
    output.messages(&told, posted)?;
    anyhow::ensure!(refused == 0, "{refused} of {} alerts were refused", told.len());
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn one(options: &PostAlert) -> anyhow::Result<proto::Alert> {
    Ok(proto::Alert {
        action: number::<AlertAction>(&options.action)?,
        dedup_key: options.key.clone(),
        source: options.source.clone(),
        severity: number::<AlertSeverity>(&options.severity)?,
        summary: options.summary.clone(),
        details: options.details.clone(),
        fingerprint: options.fingerprint.clone(),
        labels: pairs(&options.label)?,
        ..proto::Alert::default()
    })
}

/// `name=value`, several of them.
pub(crate) fn pairs(texts: &[String]) -> anyhow::Result<BTreeMap<String, String>> {
    let pair = |text: &String| {
        let (name, value) = text.split_once('=').with_context(|| format!("{text} is not name=value"))?;
        Ok((name.to_owned(), value.to_owned()))
    };
    texts.iter().map(pair).collect()
}

fn posted(answers: &[proto::PostAlertsResponse]) -> String {
    let mut rows = table(&["key", "ticket", "what", "state", "posts"]);
    for answer in answers {
        let [reference, what, state, posts] = match &answer.outcome {
            Some(Outcome::Accepted(it)) => {
                let flapping = if it.flapping { " (flapping)" } else { "" };
                let state = format!("{}{flapping}", word::<AlertState>(it.state));
                [it.reference.clone(), word::<AlertEffect>(it.effect), state, it.posts.to_string()]
            }
            Some(Outcome::Refused(it)) => {
                [String::new(), format!("refused: {}", plain(&it.message)), String::new(), String::new()]
            }
            None => Default::default(),
        };
        rows.add_row([plain(&answer.dedup_key), reference, what, state, posts]);
    }
    rows.to_string()
}

async fn list(
    clients: &Clients,
    output: Output,
    mut request: proto::ListAlertsRequest,
    limit: usize,
) -> anyhow::Result<()> {
    let mut service = clients.alerts()?;
    let mut alerts = Vec::new();
    while alerts.len() < limit {
        let page = service.list_alerts(request.clone()).await?.into_inner();
        alerts.extend(page.alerts);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    alerts.truncate(limit);
    output.messages(&alerts, |alerts| {
        if alerts.is_empty() {
            return "No such alerts.".to_owned();
        }
        let mut rows = table(&["key", "ticket", "state", "posts", "last", "summary"]);
        for one in alerts {
            let said = one.alert.clone().unwrap_or_default();
            let state = if one.over { "over".to_owned() } else { word::<AlertState>(one.state) };
            let state = format!("{state}{}", if one.flapping { " (flapping)" } else { "" });
            let (posts, last) = (one.posts.to_string(), instant(one.last_at.as_ref()));
            rows.add_row([plain(&said.dedup_key), one.reference.clone(), state, posts, last, plain(&said.summary)]);
        }
        rows.to_string()
    })
}

fn heartbeats(heartbeats: &[proto::Heartbeat]) -> String {
    if heartbeats.is_empty() {
        return "No signs of life are expected.".to_owned();
    }
    let mut rows = table(&["name", "every", "grace", "last", "due"]);
    for one in heartbeats {
        let due = one.due_at.as_ref().map_or_else(|| "silent".to_owned(), |due| instant(Some(due)));
        let (every, grace) = (length(one.every_for.as_ref()), length(one.grace_for.as_ref()));
        rows.add_row([plain(&one.name), every, grace, instant(one.beaten_at.as_ref()), due]);
    }
    rows.to_string()
}

/// What becomes of what the caller posted.
pub(crate) async fn receipts(
    clients: &Clients,
    output: Output,
    request: proto::WatchReceiptsRequest,
) -> anyhow::Result<()> {
    let mut steps = clients.receipts()?.watch_receipts(request).await?.into_inner();
    if !output.is_json() {
        line("when                  ticket        what          external reference")?;
    }
    while let Some(step) = steps.message().await? {
        output.message(&step, |step| {
            let into = if step.into.is_empty() { String::new() } else { format!(" into {}", step.into) };
            let outside = format!("{} {}", plain(&step.source), plain(&step.external_ref));
            let (when, what) = (instant(step.occurred_at.as_ref()), word::<ReceiptState>(step.state));
            format!("{when}  {:<12}  {:<12}  {}", step.reference, format!("{what}{into}"), outside.trim())
        })?;
    }
    Ok(())
}
