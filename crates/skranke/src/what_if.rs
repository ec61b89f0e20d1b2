//! `skranke what-if`: recorded history against a drafted contract.

use anyhow::Context;
use contracts::sla_timer::v1::{
    Metric, WhatIfChange, WhatIfFigures, WhatIfRequest, WhatIfResult, WhatIfStandings, what_if_response::Step,
};
use contracts::timestamp;
use serde_json::{Value, json};

use crate::apply::contract_request;
use crate::arguments::WhatIf;
use crate::client_file::ClientFile;
use crate::clients::Clients;
use crate::output::{Output, json as as_json, table};
use crate::preview::text_of;
use crate::words::{instant, length, read_instant, word};

#[cfg(test)]
mod tests;

/// Bytes of a draft's file.
const MOST_BYTES: usize = crate::client_file::limits::MAX_FILE_BYTES;

/// A draft as it was read.
#[derive(Debug, PartialEq, Eq)]
struct Draft {
    terms_json: String,
    /// Of the client file, if it is one.
    client: Option<String>,
}

pub(crate) async fn what_if(clients: &Clients, output: Output, options: WhatIf) -> anyhow::Result<()> {
    let name = options.contract.display().to_string();
    let draft = read_draft(&name, &text_of(&options.contract, MOST_BYTES)?)?;
    let at = |text: &Option<String>| text.as_deref().map(|text| read_instant(text, &options.time_zone)).transpose();
    let (from, until) = (at(&options.from)?.map(timestamp), at(&options.to)?.map(timestamp));
    let client_ids = if options.client.is_empty() { Vec::from_iter(draft.client) } else { options.client };
    let request = WhatIfRequest { terms_json: draft.terms_json, client_ids, from, until };
    let begun_at = chassis::Clock::System.now();
    let mut steps = clients.sla_timer()?.what_if(request).await?.into_inner();
    let bar = output.progress(Some(0), "tickets");
    let mut result = None;
    while let Some(step) = steps.message().await? {
        match step.step {
            Some(Step::Progress(progress)) => {
                bar.set_length(progress.tickets_total);
                bar.set_position(progress.tickets_done);
            }
            Some(Step::Result(last)) => result = Some(last),
            None => {}
        }
    }
    bar.finish_and_clear();
    let result = result.context("the desk ended without a result; ask again")?;
    let took = chassis::Clock::System.now().duration_since(begun_at).as_secs_f64();
    output.value(&value(&result, took)?, || text(&result, took, options.show))
}

/// A client file, or the contract of one alone, as YAML or JSON.
fn read_draft(name: &str, text: &str) -> anyhow::Result<Draft> {
    let whole: Value =
        serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{name} is neither YAML nor JSON: {error}"))?;
    let Value::Object(mut fields) = whole else {
        anyhow::bail!("{name} is no contract; write calendars and targets as docs/contract.md shows");
    };
    if fields.contains_key("client") {
        let file = ClientFile::read(name, text).map_err(|complaints| {
            let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("{name} cannot be used:\n{}", lines.join("\n"))
        })?;
        let request = contract_request(&file)?.with_context(|| format!("{name} has no contract"))?;
        return Ok(Draft { terms_json: request.terms_json, client: Some(file.client) });
    }
    let mut terms = match fields.remove("contract") {
        Some(Value::Object(terms)) => terms,
        Some(_) => anyhow::bail!("{name}: `contract` is no mapping; write calendars and targets below it"),
        None => fields,
    };
    terms.remove("name");
    Ok(Draft { terms_json: Value::Object(terms).to_string(), client: None })
}

fn share(of: &WhatIfStandings) -> Option<f64> {
    (of.ended > 0).then(|| of.met as f64 / of.ended as f64)
}

fn per_minute(tickets: u64, took: f64) -> f64 {
    (tickets as f64 * 60.0 / took.max(0.001)).round()
}

/// The answer with the attainments and the time it took.
fn value(result: &WhatIfResult, took: f64) -> anyhow::Result<Value> {
    let mut value = as_json(result)?;
    let figures = value.get_mut("figures").and_then(Value::as_array_mut).into_iter().flatten();
    for (figures, shown) in result.figures.iter().zip(figures) {
        for (side, standings) in [("recorded", &figures.recorded), ("drafted", &figures.drafted)] {
            if let Some(shown) = shown.get_mut(side).and_then(Value::as_object_mut) {
                shown.insert("attainment".to_owned(), json!(standings.as_ref().and_then(share)));
            }
        }
    }
    if let Some(fields) = value.as_object_mut() {
        fields.insert("took_ms".to_owned(), json!((took * 1000.0).round()));
        fields.insert("tickets_per_minute".to_owned(), json!(per_minute(result.tickets, took)));
    }
    Ok(value)
}

fn text(result: &WhatIfResult, took: f64, most: usize) -> String {
    let mut parts = Vec::new();
    if result.figures.is_empty() {
        parts.push("No clock holds for these tickets, neither under their contracts nor under the draft.".to_owned());
    } else {
        parts.push(figures(&result.figures));
    }
    if !result.changes.is_empty() && most > 0 {
        parts.push(changes(&result.changes, most));
    }
    let listed = result.changes.len();
    if listed > most {
        parts.push(format!("… and {} more; --show {listed} or --output json lists them", listed - most));
    }
    if result.changes_left_out > 0 {
        parts.push(format!("{} more than these {listed} changed and are only counted", result.changes_left_out));
    }
    parts.push(format!(
        "{} tickets in {took:.1} s ({} a minute), as of {}",
        result.tickets,
        per_minute(result.tickets, took),
        instant(result.as_of.as_ref()),
    ));
    parts.join("\n\n")
}

fn figures(figures: &[WhatIfFigures]) -> String {
    let mut rows = table(&["client", "promise", "recorded", "draft", "gained", "lost", "open"]);
    let kept = |of: &WhatIfStandings| match share(of) {
        Some(share) => format!("{:.1} % ({} of {})", share * 100.0, of.met, of.ended),
        None => "–".to_owned(),
    };
    let open = |of: &WhatIfStandings| match of.open_breached {
        0 => of.open.to_string(),
        breached => format!("{} ({breached} breached)", of.open),
    };
    for one in figures {
        let (recorded, drafted) = (one.recorded.unwrap_or_default(), one.drafted.unwrap_or_default());
        rows.add_row([
            one.client_id.clone(),
            word::<Metric>(one.metric),
            kept(&recorded),
            kept(&drafted),
            one.breaches_gained.to_string(),
            one.breaches_lost.to_string(),
            format!("{} → {}", open(&recorded), open(&drafted)),
        ]);
    }
    rows.to_string()
}

fn changes(changes: &[WhatIfChange], most: usize) -> String {
    let mut rows = table(&["ticket", "promise", "breach", "was due", "would be due", "used", "would have used"]);
    for one in changes.iter().take(most) {
        let cycle = if one.cycle > 1 { format!(" ({})", one.cycle) } else { String::new() };
        rows.add_row([
            one.reference.clone(),
            format!("{}{cycle}", word::<Metric>(one.metric)),
            if one.gained { "gained" } else { "lost" }.to_owned(),
            instant(one.was_due_at.as_ref()),
            instant(one.would_be_due_at.as_ref()),
            length(one.was_elapsed_for.as_ref()),
            length(one.would_be_elapsed_for.as_ref()),
        ]);
    }
    rows.to_string()
}
