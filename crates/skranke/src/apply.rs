//! `skranke apply`: a client's file becomes what the services keep.

pub(crate) mod automation;
mod closing;
mod contact;
mod edit;
mod fulfilment;
mod intake;
mod requests;
mod roster;
mod runbook;

use std::path::Path;

use anyhow::Context;
use contracts::intake::v1::{
    ApplyDirectoryRequest, ApplyIntakeSettingsRequest, GetDirectoryRequest, GetIntakeSettingsRequest, IntakeSettings,
};
use contracts::reporting::v1::{ApplyCostsRequest, GetCostsRequest};
use contracts::sla_timer::v1::{ApplyContractRequest, GetContractRequest, OpenClocks};
use contracts::triage::v1::{ApplySupportModelRequest, GetSupportModelRequest, SupportModel};
use serde_json::{Value, json};
use tonic::{Code, Response, Status};

pub(crate) use requests::{contract as contract_request, support_model as model_of};

use crate::arguments::Apply;
use crate::client_file::{self, Change, ClientFile, difference, render};
use crate::clients::{Clients, Reach};
use crate::output::{Output, json as as_json, line};

pub(crate) async fn apply(reach: &Reach, output: Output, options: Apply) -> anyhow::Result<()> {
    if options.schema {
        return line(&serde_json::to_string_pretty(&client_file::schema())?);
    }
    let file = options.file.context("name the client's file")?;
    let wanted = read(&file)?;
    let today = chassis::Clock::System.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    for advice in wanted.advice(today) {
        output.aside(&advice);
    }
    let clients = reach.clients()?;
    let changes = differences(&clients, &wanted).await?;
    let values: Vec<Value> =
        changes.iter().map(|one| json!({ "path": one.path, "before": one.before, "after": one.after })).collect();
    let edits = changes.iter().any(|change| change.path.starts_with("contract"));
    let preview = match requests::contract(&wanted)? {
        Some(contract) if edits && options.open_clocks != OpenClocks::NewOnly => {
            Some(edit::preview(&clients, output, contract, options.open_clocks).await?)
        }
        _ => None,
    };
    let applied = if options.dry_run || changes.is_empty() {
        Vec::new()
    } else {
        apply_parts(&clients, &wanted, options.open_clocks).await?
    };
    let seen = preview.as_ref().map(as_json).transpose()?;
    let value = json!({ "client": wanted.client, "changes": values, "open_clocks": seen, "applied": applied });
    output.value(&value, || {
        if changes.is_empty() {
            return format!("{}: nothing changes", wanted.client);
        }
        let tail = if options.dry_run { "nothing was applied (--dry-run)".to_owned() } else { applied.join("\n") };
        let clocks = preview.as_ref().map(edit::text).unwrap_or_default();
        format!("{}{clocks}{tail}", render(&changes))
    })
}

fn read(file: &Path) -> anyhow::Result<ClientFile> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    ClientFile::read(&name, &text).map_err(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{name} cannot be applied:\n{}", lines.join("\n"))
    })
}

/// What applying a checked file would change.
///
/// # Errors
/// If a service cannot be asked.
pub async fn differences(clients: &Clients, file: &ClientFile) -> anyhow::Result<Vec<Change>> {
    Ok(difference(&present(clients, file).await?, &wanted_values(file)?))
}

/// Applies a checked file through the services' own RPCs; one line per part says what became of it.
///
/// # Errors
/// What a service refuses. The parts before it stay; applying the file again goes on from there.
pub async fn apply_file(clients: &Clients, file: &ClientFile) -> anyhow::Result<Vec<String>> {
    apply_parts(clients, file, OpenClocks::NewOnly).await
}

async fn apply_parts(clients: &Clients, file: &ClientFile, open_clocks: OpenClocks) -> anyhow::Result<Vec<String>> {
    let mut lines = Vec::new();
    let mut note = |part: &str, version: u64, changed: bool| {
        let state = if changed { "now" } else { "still" };
        lines.push(format!("{part}: {state} version {version}"));
    };
    let answer = clients.intake()?.apply_directory(requests::directory(file)?).await?.into_inner();
    note("directory", answer.client.map_or(0, |client| client.version), answer.changed);
    let request = ApplyIntakeSettingsRequest { settings: Some(intake::settings(file)) };
    let answer = clients.settings()?.apply_intake_settings(request).await?.into_inner();
    let version = answer.settings.map_or(0, |settings| settings.version);
    if version > 0 {
        note("intake settings", version, answer.changed);
    }
    let request = ApplySupportModelRequest { model: Some(requests::support_model(file)?) };
    let answer = clients.triage()?.apply_support_model(request).await?.into_inner();
    note("support model", answer.model.map_or(0, |model| model.version), answer.changed);
    if let Some(contract) = requests::contract(file)? {
        let contract = ApplyContractRequest { open_clocks: open_clocks.into(), ..contract };
        let answer = clients.sla_timer()?.apply_contract(contract).await?.into_inner();
        note("contract", answer.contract.map_or(0, |contract| contract.version), answer.changed);
    }
    if let Some(costs) = requests::costs(file)? {
        let answer = clients.reporting()?.apply_costs(ApplyCostsRequest { costs: Some(costs) }).await?.into_inner();
        note("costs", answer.version, answer.changed);
    }
    Ok(lines)
}

/// What the file says, in the form of the services' messages.
fn wanted_values(file: &ClientFile) -> anyhow::Result<Value> {
    Ok(json!({
        "directory": directory_value(&requests::directory(file)?)?,
        "intake": settings_value(intake::settings(file))?,
        "support_model": model_value(requests::support_model(file)?)?,
        "contract": requests::contract(file)?.map(|one| contract_value(&one)).transpose()?,
        "costs": requests::costs(file)?.map(|one| as_json(&one)).transpose()?,
    }))
}

/// What the services keep, in the same form. What the file leaves out is not compared.
async fn present(clients: &Clients, file: &ClientFile) -> anyhow::Result<Value> {
    let client_id = file.client.clone();
    let directory = clients.intake()?.get_directory(GetDirectoryRequest { client_id: client_id.clone() }).await;
    let directory = found(directory)?
        .map(|one| directory_value(&ApplyDirectoryRequest { client: one.client, requesters: one.requesters }))
        .transpose()?;
    let request = GetIntakeSettingsRequest { client_id: client_id.clone() };
    let settings = found(clients.settings()?.get_intake_settings(request).await)?;
    let settings = settings.and_then(|one| one.settings).map(settings_value).transpose()?.unwrap_or_default();
    let request = GetSupportModelRequest { client_id: client_id.clone(), version: 0 };
    let model = found(clients.triage()?.get_support_model(request).await)?;
    let model = model.and_then(|one| one.model).map(model_value).transpose()?;
    let contract = if file.contract.is_some() {
        let request = GetContractRequest { client_id: client_id.clone(), version: 0 };
        let known = found(clients.sla_timer()?.get_contract(request).await)?.and_then(|one| one.contract);
        known
            .map(|one| {
                contract_value(&ApplyContractRequest {
                    client_id: one.client_id,
                    name: one.name,
                    terms_json: one.terms_json,
                    open_clocks: one.open_clocks,
                })
            })
            .transpose()?
    } else {
        None
    };
    let costs = if file.costs.is_some() {
        let known = found(clients.reporting()?.get_costs(GetCostsRequest { client_id }).await)?;
        known.and_then(|one| one.costs).map(|one| as_json(&one)).transpose()?
    } else {
        None
    };
    Ok(json!({
        "directory": directory, "intake": settings, "support_model": model, "contract": contract, "costs": costs,
    }))
}

/// Nothing there yet is an answer, not an error.
fn found<T>(answer: Result<Response<T>, Status>) -> anyhow::Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer.into_inner())),
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(status.into()),
    }
}

fn directory_value(directory: &ApplyDirectoryRequest) -> anyhow::Result<Value> {
    let mut directory = directory.clone();
    if let Some(client) = &mut directory.client {
        client.version = 0;
    }
    for requester in &mut directory.requesters {
        requester.email = requester.email.to_lowercase();
    }
    as_json(&directory)
}

/// Nothing where nothing is said: then the defaults hold.
fn settings_value(mut settings: IntakeSettings) -> anyhow::Result<Value> {
    settings.version = 0;
    if intake::is_empty(&settings) { Ok(Value::Null) } else { as_json(&settings) }
}

fn model_value(mut model: SupportModel) -> anyhow::Result<Value> {
    model.version = 0;
    as_json(&model)
}

/// Differences take an empty list for none and mind the order; a special day without hours is closed, and the order of
/// reasons means nothing.
fn contract_value(contract: &ApplyContractRequest) -> anyhow::Result<Value> {
    let mut terms: Value = serde_json::from_str(&contract.terms_json).context("the contract's terms are not JSON")?;
    let calendars =
        terms.get_mut("calendars").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut());
    for days in calendars.filter_map(|calendar| calendar.get_mut("special_days")?.as_object_mut()) {
        for hours in days.values_mut().filter(|hours| hours.as_array().is_some_and(Vec::is_empty)) {
            *hours = json!("closed");
        }
    }
    let pauses = terms.get_mut("pause_on").and_then(Value::as_object_mut).into_iter().flat_map(|all| all.values_mut());
    for reasons in pauses.filter_map(Value::as_array_mut) {
        reasons.sort_by_key(Value::to_string);
    }
    Ok(json!({ "name": contract.name, "terms": terms }))
}

#[cfg(test)]
mod tests;
