//! A client's site: a runner behind its firewall, in a process of its own, and its scripts.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use contracts::triage::v1::watch_run_response::News;
use contracts::triage::v1::{Run, RunParameter, RunState, StartRunbookRequest, WatchRunRequest};
use contracts::{ClientId, runners};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use skranke::clients::Clients;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{Answer, Story, skranke_binary};

/// How long a run may take to get somewhere, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A site and its runner.
#[derive(Debug)]
pub struct Site {
    /// Whose.
    pub client_id: ClientId,
    /// The runner's word.
    pub runner: String,
    /// The runner's password.
    pub password: String,
    url: String,
    folder: TempDir,
    scripts: String,
    process: Option<Child>,
}

impl Site {
    /// A site whose runner was let in.
    ///
    /// # Errors
    /// If the desk does not let it in.
    pub async fn enrol(story: &Story, client: &str, runner: &str) -> anyhow::Result<Self> {
        let client_id = ClientId::new(client)?;
        let url = story.desk.nats.url();
        let password = local::runners::enrol(&story.folder(), &url, &client_id, runner).await?;
        let folder = tempfile::tempdir()?;
        let runner = runner.to_owned();
        Ok(Self { client_id, runner, password, url, folder, scripts: String::new(), process: None })
    }

    /// A file of the site.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A script for `/bin/sh` under a runbook's word, with more lines of its entry: `pass: stdin`.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn script(&mut self, runbook: &str, body: &str, more: &str) -> anyhow::Result<()> {
        let path = self.file(&format!("{runbook}.sh"));
        fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
        fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        let more: String = more.lines().map(|line| format!("    {line}\n")).collect();
        self.scripts.push_str(&format!("  - runbook: {runbook}\n    program: {}\n{more}", path.display()));
        Ok(())
    }

    /// Starts the runner.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(&mut self) -> anyhow::Result<()> {
        let password_file = self.file("runner.password");
        fs::write(&password_file, &self.password)?;
        let text = format!(
            "client: {}\nrunner: {}\nnats:\n  url: {}\n  password_file: {}\nfolder: {}\nat_once: 4\n\
             stop_after_seconds: 1\nscripts:\n{}",
            self.client_id,
            self.runner,
            self.url,
            password_file.display(),
            self.file("runner").display(),
            self.scripts,
        );
        let config = self.file("runner.yaml");
        fs::write(&config, text)?;
        let mut command = Command::new(skranke_binary()?);
        command.arg("runner").arg("--config").arg(config).env("A_SECRET_OF_THE_MACHINE", "tell nobody");
        let log = fs::File::options().create(true).append(true).open(self.file("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        self.process = Some(command.spawn()?);
        Ok(())
    }

    /// Ends the runner as a power cut would.
    ///
    /// # Errors
    /// If it does not run.
    pub async fn kill(&mut self) -> anyhow::Result<()> {
        Ok(self.process.take().context("the runner does not run")?.kill().await?)
    }

    /// Asks the runner to stop, and waits. Returns whether it ended in order.
    ///
    /// # Errors
    /// If it does not end.
    pub async fn stop(&mut self) -> anyhow::Result<bool> {
        let mut process = self.process.take().context("the runner does not run")?;
        let pid = process.id().context("it has ended already")?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        Ok(tokio::time::timeout(PATIENCE, process.wait()).await??.success())
    }

    /// What the runner has written about itself.
    ///
    /// # Errors
    /// If it has not been started.
    pub fn log(&self) -> anyhow::Result<String> {
        Ok(fs::read_to_string(self.file("log"))?)
    }

    /// A connection with the runner's own credentials.
    ///
    /// # Errors
    /// If NATS does not let it in.
    pub async fn connect(&self) -> anyhow::Result<async_nats::Client> {
        let options = async_nats::ConnectOptions::new()
            .user_and_password(runners::user(&self.client_id, &self.runner), self.password.clone())
            .custom_inbox_prefix(runners::inbox(&self.client_id, &self.runner));
        Ok(options.connect(&self.url).await?)
    }
}

/// A request for a run.
pub fn start_of(request_id: &str, ticket: &str, runbook: &str, parameters: &[(&str, &str)]) -> StartRunbookRequest {
    let parameter = |(name, value): &(&str, &str)| RunParameter {
        parameter: (*name).to_owned(),
        value: (*value).to_owned(),
        kind: 0,
    };
    StartRunbookRequest {
        request_id: request_id.to_owned(),
        ticket: ticket.to_owned(),
        expected_revision: 0,
        runbook: runbook.to_owned(),
        parameters: parameters.iter().map(parameter).collect(),
    }
}

/// Starts a runbook.
///
/// # Errors
/// What triage answers.
pub async fn begin(
    clients: &Clients,
    request_id: &str,
    ticket: &str,
    runbook: &str,
    parameters: &[(&str, &str)],
) -> Answer<Run> {
    let request = start_of(request_id, ticket, runbook, parameters);
    let mut runbooks = clients.runbooks().map_err(|error| tonic::Status::internal(error.to_string()))?;
    Ok(runbooks.start_runbook(request).await?.into_inner().run.unwrap_or_default())
}

/// Watches a run until it is in this state; returns it and what it had written until then.
///
/// # Errors
/// If it does not get there.
pub async fn until(clients: &Clients, run_id: &str, state: RunState) -> anyhow::Result<(Run, String)> {
    let request = WatchRunRequest { run_id: run_id.to_owned(), after_sequence: 0 };
    let mut news = clients.runbooks()?.watch_run(request).await?.into_inner();
    let mut written = Vec::new();
    let watching = async {
        while let Some(message) = news.message().await? {
            match message.news {
                Some(News::Output(piece)) => written.extend(piece.chunk),
                Some(News::Run(run)) if run.state() == state => return Ok(run),
                _ => {}
            }
        }
        anyhow::bail!("the run ended before")
    };
    let run =
        tokio::time::timeout(PATIENCE, watching).await.with_context(|| format!("{run_id} is not {state:?}"))??;
    Ok((run, String::from_utf8_lossy(&written).into_owned()))
}

/// Watches a run until it has written this; returns all that it had written until then.
///
/// # Errors
/// If it does not.
pub async fn until_written(clients: &Clients, run_id: &str, text: &str) -> anyhow::Result<String> {
    let request = WatchRunRequest { run_id: run_id.to_owned(), after_sequence: 0 };
    let mut news = clients.runbooks()?.watch_run(request).await?.into_inner();
    let mut written = String::new();
    let watching = async {
        while let Some(message) = news.message().await? {
            if let Some(News::Output(piece)) = message.news {
                written.push_str(&String::from_utf8_lossy(&piece.chunk));
                if written.contains(text) {
                    return Ok(());
                }
            }
        }
        anyhow::bail!("the run ended without it")
    };
    tokio::time::timeout(PATIENCE, watching).await.with_context(|| format!("{run_id} does not write {text}"))??;
    Ok(written)
}
