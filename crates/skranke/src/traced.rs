//! Commands as beginnings of traces: where the desk's traces go, a command's own spans go too.

use chassis::telemetry::{self, LogForm, Settings};
use tracing::Instrument;

use crate::arguments::Command;
use crate::clients::Reach;
use crate::serve::{install_tls, variable};

/// What a command that calls the desk is called in its trace; `None` for the others.
pub(crate) fn name_of(command: &Command) -> Option<&'static str> {
    Some(match command {
        Command::Submit(_) => "skranke submit",
        Command::Ticket { .. } => "skranke ticket",
        Command::View { .. } => "skranke view",
        Command::Roster(_) => "skranke roster",
        Command::Incident { .. } => "skranke incident",
        Command::Problem { .. } => "skranke problem",
        Command::Automation { .. } => "skranke automation",
        Command::Directory { .. } => "skranke directory",
        Command::Vendor { .. } => "skranke vendor",
        Command::Approval { .. } => "skranke approval",
        Command::Task { .. } => "skranke task",
        Command::Catalogue { .. } => "skranke catalogue",
        Command::Change { .. } => "skranke change",
        Command::Runbook { .. } => "skranke runbook",
        Command::Clock { .. } => "skranke clock",
        Command::WhatIf(_) => "skranke what-if",
        Command::Kb { .. } => "skranke kb",
        Command::Report { .. } => "skranke report",
        Command::Apply(_) => "skranke apply",
        Command::Import { .. } => "skranke import",
        Command::DeadLetters { .. } => "skranke dead-letters",
        _ => return None,
    })
}

/// Runs a command in a span of its own, if anybody takes spans: whom the environment names, or the local desk.
pub(crate) async fn traced<T>(
    reach: Reach,
    name: &'static str,
    command: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let mut settings = Settings::read(LogForm::Human, "off", variable)?;
    if settings.endpoint.is_none() && reach.endpoints.is_none() {
        settings.endpoint = reach.local_address().ok().and_then(|address| Some(address.traces?.endpoint));
    }
    if settings.endpoint.is_none() {
        return command.await;
    }
    install_tls();
    settings.service_name.get_or_insert_with(|| "skranke-command".to_owned());
    let telemetry = telemetry::start(&settings)?;
    let ended = command.instrument(telemetry::command(name)).await;
    telemetry.finish().await;
    ended
}
