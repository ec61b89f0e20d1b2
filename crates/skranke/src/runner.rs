//! `skranke runner`

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, bail};
use chassis::Stop;
use chassis::telemetry::{self, LogForm, Settings};
use contracts::{ClientId, runners};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::{Runner, RunnerCommand};
use crate::clients::Reach;
use crate::output::line;
use crate::serve::{install_tls, variable};

pub(crate) async fn runner(reach: &Reach, options: Runner) -> anyhow::Result<()> {
    match (options.command, options.config) {
        (Some(RunnerCommand::Enrol { client, runner, into }), _) => enrol(reach, &client, &runner, &into).await,
        (Some(RunnerCommand::Permissions { client, runner }), _) => permissions(&client, &runner),
        (None, Some(config)) if options.check => check(&read(&config)?),
        (None, Some(config)) => run(read(&config)?).await,
        (None, None) => bail!("name the runner's file with --config"),
    }
}

fn read(file: &Path) -> anyhow::Result<runner::Config> {
    let name = file.display().to_string();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {name}"))?;
    let (config, _) = crate::yaml::read::<runner::Config>(&name, &text).map_err(|complaints| {
        let lines: Vec<String> = complaints.iter().map(ToString::to_string).collect();
        anyhow::anyhow!("{name} cannot be used:\n{}", lines.join("\n"))
    })?;
    config.check().with_context(|| name)?;
    Ok(config)
}

fn check(config: &runner::Config) -> anyhow::Result<()> {
    for script in &config.scripts {
        let hash = runner::config::hash(&script.program)?;
        let pinned = if script.sha256.is_some() { "pinned" } else { "not pinned" };
        line(&format!("{}  {hash}  {}  {pinned}", script.runbook, script.program.display()))?;
    }
    line("the file can be used")
}

async fn run(config: runner::Config) -> anyhow::Result<()> {
    let form = if variable("SKRANKE_LOG_FORM").as_deref() == Some("json") { LogForm::Json } else { LogForm::Human };
    install_tls();
    let filter = variable("SKRANKE_LOG").unwrap_or_else(|| "info".to_owned());
    let settings = Settings::read(form, &filter, variable)?;
    let telemetry = telemetry::start(&settings)?;
    let stop = Stop::default();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut running = std::pin::pin!(runner::run(config, stop.clone()));
    let ended = tokio::select! {
        ended = &mut running => ended,
        _ = terminate.recv() => {
            stop.ask();
            running.await
        }
        _ = interrupt.recv() => {
            stop.ask();
            running.await
        }
    };
    telemetry.finish().await;
    ended
}

fn named(client: &str, runner: &str) -> anyhow::Result<ClientId> {
    anyhow::ensure!(
        runners::is_runner(runner),
        "{runner} can be no runner's word: use 1 to 31 of a-z, 0-9 and -, beginning with a letter"
    );
    ClientId::new(client).with_context(|| client.to_owned())
}

async fn enrol(reach: &Reach, client: &str, runner: &str, into: &Path) -> anyhow::Result<()> {
    install_tls();
    let client_id = named(client, runner)?;
    let address = reach.local_address()?;
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    let into = fs::canonicalize(into)?;
    let (file, password_file) = (into.join("runner.yaml"), into.join("runner.password"));
    let password = local::runners::enrol(&reach.desk, &address.nats_url, &client_id, runner).await?;
    secret(&password_file, &password)?;
    if file.exists() {
        return line(&format!("{runner} of {client} has a new password in {}", password_file.display()));
    }
    let text = format!(
        "# What the desk may have run here, and nothing else: docs/runbooks.md tells more.\n\
         client: {client}\nrunner: {runner}\nnats:\n  url: {url}\n  password_file: {password}\n\
         folder: {folder}\nscripts: []\n\
         #  - runbook: restart-spooler\n\
         #    program: /usr/local/sbin/restart-spooler\n\
         #    # sha256: as `skranke runner --config … --check` prints it\n\
         #    pass: options            # or environment, or stdin\n\
         #    parameters:\n\
         #      host: \"[a-z0-9.-]+\"    # a regular expression for the whole value\n",
        url = address.nats_url,
        password = password_file.display(),
        folder = into.join("runner").display(),
    );
    fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    line(&format!(
        "{runner} of {client} is enrolled; name its scripts in {}, then run\n  skranke runner --config {}",
        file.display(),
        file.display()
    ))
}

/// The old file goes first: another's could be readable by others.
fn secret(path: &Path, text: &str) -> anyhow::Result<()> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(file.write_all(text.as_bytes())?)
}

/// A user as the configuration of NATS has it, in the runners' account.
fn permissions(client: &str, runner: &str) -> anyhow::Result<()> {
    let client_id = named(client, runner)?;
    let quoted =
        |subjects: &[String]| -> String { subjects.iter().map(|subject| format!("        \"{subject}\"\n")).collect() };
    line(&format!(
        "{{\n  user: \"{}\"\n  permissions: {{\n      publish: [\n{}      ]\n      subscribe: [\n{}      ]\n  }}\n}}",
        runners::user(&client_id, runner),
        quoted(&runners::may_publish(&client_id, runner)),
        quoted(&runners::may_subscribe(&client_id, runner)),
    ))
}
