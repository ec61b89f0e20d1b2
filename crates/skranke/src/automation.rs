//! `skranke automation`: rules, what they did, and what they would have done.

use anyhow::Context;
use contracts::timestamp;
use contracts::triage::v1 as proto;
use contracts::triage::v1::dry_run_response::Step;
use serde::Deserialize;
use serde_json::json;

use crate::apply::automation as automation_of;
use crate::arguments::Automation;
use crate::client_file::{AutomationRule, ClientFile};
use crate::clients::Clients;
use crate::output::{Output, json as as_json, plain, table};
use crate::preview::text_of;
use crate::words::{instant, numbers, read_instant, word};

/// Entries that are asked for at once.
const PAGE: usize = 1_000;

/// Rules alone, as a client file has them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    automation: Vec<AutomationRule>,
}

pub(crate) async fn automation(clients: &Clients, output: Output, command: Automation) -> anyhow::Result<()> {
    match command {
        Automation::List { client } => {
            let request = proto::ListRulesRequest { client_id: client };
            let rules = clients.automation()?.list_rules(request).await?.into_inner();
            output.message(&rules, listed)
        }
        Automation::Effects { client, rule, ticket, outcome, limit } => {
            let request = proto::ListEffectsRequest {
                client_ids: client,
                rule,
                ticket,
                outcomes: numbers::<proto::EffectOutcome>(&outcome)?,
                ..Default::default()
            };
            output.messages(&effects(clients, request, limit).await?, shown)
        }
        Automation::DryRun { rules, client, from, to, time_zone, show } => {
            let name = rules.display().to_string();
            let text = text_of(&rules, crate::client_file::limits::MAX_FILE_BYTES)?;
            let (rules, of_file) = read_draft(&name, &text, &time_zone)?;
            let from = read_instant(&from, &time_zone)?;
            let until = match to {
                Some(to) => read_instant(&to, &time_zone)?,
                None => chassis::Clock::System.now(),
            };
            let request = proto::DryRunRequest {
                client_id: client.or(of_file).context("name the client with --client")?,
                rules,
                from: Some(timestamp(from)),
                until: Some(timestamp(until)),
            };
            dry_run(clients, output, request, show).await
        }
    }
}

/// What rules did, as many as are wanted.
pub(crate) async fn effects(
    clients: &Clients,
    mut request: proto::ListEffectsRequest,
    most: usize,
) -> anyhow::Result<Vec<proto::Effect>> {
    let mut service = clients.automation()?;
    let mut effects: Vec<proto::Effect> = Vec::new();
    while effects.len() < most {
        request.page_size = i32::try_from((most - effects.len()).min(PAGE)).unwrap_or(1);
        let page = service.list_effects(request.clone()).await?.into_inner();
        effects.extend(page.effects);
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    Ok(effects)
}

/// A client file, or its rules alone; and the client of the file.
fn read_draft(name: &str, text: &str, time_zone: &str) -> anyhow::Result<(Vec<proto::AutomationRule>, Option<String>)> {
    let complain = |complaints: Vec<crate::yaml::Complaint>| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{name} cannot be used:\n{}", lines.join("\n"))
    };
    if text.lines().any(|line| line.starts_with("client:")) {
        let file = ClientFile::read(name, text).map_err(complain)?;
        return Ok((automation_of::rules(&file)?, Some(file.client)));
    }
    let (draft, _) = crate::yaml::read::<Draft>(name, text).map_err(complain)?;
    let rules = draft.automation.iter().map(|rule| automation_of::rule(rule, time_zone));
    Ok((rules.collect::<anyhow::Result<_>>()?, None))
}

async fn dry_run(clients: &Clients, output: Output, request: proto::DryRunRequest, show: usize) -> anyhow::Result<()> {
    let mut steps = clients.automation()?.dry_run(request).await?.into_inner();
    let bar = output.progress(Some(0), "tickets");
    let (mut effects, mut summary) = (Vec::new(), None);
    while let Some(step) = steps.message().await? {
        match step.step {
            Some(Step::Progress(progress)) => {
                bar.set_length(progress.tickets_total);
                bar.set_position(progress.tickets_done);
            }
            Some(Step::Effect(effect)) => effects.push(effect),
            Some(Step::Summary(last)) => summary = Some(last),
            None => {}
        }
    }
    bar.finish_and_clear();
    let summary = summary.context("the desk ended without a result; ask again")?;
    let told = effects.iter().map(as_json).collect::<anyhow::Result<Vec<_>>>()?;
    output.value(&json!({ "summary": as_json(&summary)?, "effects": told }), || {
        let shown_of = effects.get(..show).unwrap_or(&effects);
        let mut text = shown(shown_of);
        let more = summary.effects.saturating_sub(shown_of.len().try_into().unwrap_or(u64::MAX));
        if more > 0 {
            text.push_str(&format!("\n… and {more} more"));
        }
        let (looked, touched, count) = (summary.tickets, summary.tickets_touched, summary.effects);
        text.push_str(&format!(
            "\n{looked} tickets looked at, {touched} concerned, {count} effects; nothing was stored"
        ));
        text
    })
}

fn listed(answer: &proto::ListRulesResponse) -> String {
    if answer.rules.is_empty() {
        return "The client has no rules of automation, and none in shadow mode.".to_owned();
    }
    let header = ["rule", "of", "mode", "done", "nothing", "refused", "shadow", "loops", "agreed", "by now", "last"];
    let mut rows = table(&header);
    for one in &answer.rules {
        let share = |of: u64| if one.held == 0 { "–".to_owned() } else { format!("{of} of {}", one.held) };
        rows.add_row([
            plain(&one.rule),
            word::<proto::RuleFamily>(one.family),
            word::<proto::RuleMode>(one.mode),
            one.done.to_string(),
            one.nothing.to_string(),
            one.refused.to_string(),
            one.shadow.to_string(),
            one.loop_stopped.to_string(),
            share(one.agreed),
            share(one.agrees_by_now),
            instant(one.last_at.as_ref()),
        ]);
    }
    rows.to_string()
}

/// Entries of the account.
pub(crate) fn shown(effects: &[proto::Effect]) -> String {
    if effects.is_empty() {
        return "No rule has done anything.".to_owned();
    }
    let mut rows = table(&["at", "ticket", "rule", "on", "action", "outcome", "why"]);
    for one in effects {
        let why = match (one.decided.as_str(), one.agreed) {
            ("", _) => plain(&one.detail),
            (decided, true) => format!("agreed: {}", plain(decided)),
            (decided, false) => format!("decided was {}", plain(decided)),
        };
        rows.add_row([
            instant(one.at.as_ref()),
            plain(&one.reference),
            plain(&one.rule),
            plain(&one.trigger),
            plain(&one.what),
            word::<proto::EffectOutcome>(one.outcome),
            why,
        ]);
    }
    rows.to_string()
}
