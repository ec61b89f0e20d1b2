//! Carrying out one job: a process group of its own, an empty environment, an empty folder, bounded time and output.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use chassis::Clock;
use contracts::duration;
use contracts::triage::v1::{RunOutcome, RunParameter, RunbookParameterKind, RunnerEnded};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use uuid::Uuid;

use crate::config::{Config, Pass, Script};
use crate::journal::{Entry, Journal};
use crate::judge::{Order, time_limit};
use crate::tell::{self, Teller};

/// How long a process group that was asked to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);
/// How long output is read that comes after the end of its process.
const DRAIN: Duration = Duration::from_secs(2);
/// How soon output is told.
const TOLD_EVERY: Duration = Duration::from_millis(200);
/// Bytes of one piece of output.
const CHUNK: usize = 16 * 1024;
/// Bytes of the beginning and of the end of the output that are told with the end.
const SHOWN: usize = 2 * 1024;

/// Why a run shall end before its time; `None`: it shall not.
pub(crate) type Ending = Option<&'static str>;

/// What a job is carried out with.
pub(crate) struct Job {
    pub order: Order,
    pub script: Script,
    pub entry: Entry,
    pub ending: watch::Receiver<Ending>,
}

/// What all jobs are carried out with.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub config: Arc<Config>,
    pub journal: Arc<Journal>,
    pub teller: Teller,
}

/// Runs a job to its end and tells how that was.
pub(crate) async fn carry_out(job: Job, bench: Bench) {
    let begun_at = Clock::System.now();
    let run_id = job.order.run_id;
    let folder = bench.config.folder.join("work").join(run_id.to_string());
    let mut output = Output::new(run_id, job.order.output_limit, job.entry, bench.teller.clone());
    let verdict = match start(&job.order, &job.script, &bench.config, &folder) {
        Ok(child) => {
            if let Some(pid) = group(&child)
                && let Err(error) = bench.journal.note_process(run_id, pid.as_raw())
            {
                tracing::warn!(%run_id, error = format!("{error:#}"), "the journal cannot be written");
            }
            let limit = time_limit(&job.order, &job.script);
            attend(child, &job.order, &job.script, limit, job.ending, &mut output).await
        }
        Err(error) => tell::silent(RunOutcome::Refused, format!("it cannot be started: {error:#}")),
    };
    let ran_for = Clock::System.now().duration_since(begun_at);
    output.end(RunnerEnded { ran_for: Some(duration(ran_for)), ..verdict });
    if let Err(error) = fs::remove_dir_all(&folder) {
        tracing::debug!(%run_id, %error, "the folder of a run stays");
    }
    tracing::info!(%run_id, "a run is over");
}

fn start(order: &Order, script: &Script, config: &Config, folder: &Path) -> Result<Child> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("{} cannot be made", folder.display()))?;
    let mut command = Command::new(&script.program);
    command.args(&script.args).env_clear().env("PATH", &config.path).envs(&script.environment);
    command.current_dir(folder).process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    match script.pass {
        Pass::Options => {
            command.args(order.parameters.iter().map(|it| format!("--{}={}", it.parameter, it.value)));
        }
        Pass::Environment => {
            let name = |it: &RunParameter| format!("SKRANKE_{}", it.parameter.to_ascii_uppercase());
            command.envs(order.parameters.iter().map(|it| (name(it), it.value.clone())));
        }
        Pass::Stdin => {
            command.stdin(Stdio::piped());
        }
    }
    command.spawn().with_context(|| script.program.display().to_string())
}

/// The values as one JSON object.
pub(crate) fn as_json(parameters: &[RunParameter]) -> Value {
    let value = |it: &RunParameter| match it.kind() {
        RunbookParameterKind::Number => it.value.parse::<i64>().map_or_else(|_| it.value.clone().into(), Value::from),
        RunbookParameterKind::Boolean => it.value.parse::<bool>().map_or_else(|_| it.value.clone().into(), Value::from),
        _ => Value::from(it.value.clone()),
    };
    Value::Object(parameters.iter().map(|it| (it.parameter.clone(), value(it))).collect::<Map<_, _>>())
}

async fn feed(stdin: Option<ChildStdin>, text: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        // A script that does not read what it gets is its own matter.
        if let Err(error) = stdin.write_all(&text).await {
            tracing::debug!(%error, "a script did not read all of its input");
        }
    }
}

/// The process group of a child: it leads one of its own.
fn group(child: &Child) -> Option<Pid> {
    child.id().and_then(|pid| i32::try_from(pid).ok()).map(Pid::from_raw)
}

fn signal(group: Option<Pid>, signal: Signal) {
    if let Some(group) = group
        && let Err(error) = killpg(group, signal)
    {
        tracing::debug!(%group, %error, "nobody is left in a process group");
    }
}

/// Waits for the end of a process and of its output, and brings it about if it has to.
async fn attend(
    mut child: Child,
    order: &Order,
    script: &Script,
    limit: Duration,
    mut ending: watch::Receiver<Ending>,
    output: &mut Output,
) -> RunnerEnded {
    let group = group(&child);
    let text =
        if script.pass == Pass::Stdin { as_json(&order.parameters).to_string().into_bytes() } else { Vec::new() };
    let mut feeding = std::pin::pin!(feed(child.stdin.take(), text));
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut out_bytes, mut err_bytes) = (vec![0; CHUNK], vec![0; CHUNK]);
    let mut told = interval(TOLD_EVERY);
    told.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut limit_reached = std::pin::pin!(sleep(limit));
    let mut next_signal: Option<Instant> = None;
    let mut fed = false;
    let mut cut_short: Option<(RunOutcome, String)> = None;
    let mut status: Option<std::io::Result<ExitStatus>> = None;
    while status.is_none() || out.is_some() || err.is_some() {
        tokio::select! {
            read = read(&mut out, &mut out_bytes), if out.is_some() => match read {
                0 => out = None,
                count => output.take(false, out_bytes.get(..count).unwrap_or_default()),
            },
            read = read(&mut err, &mut err_bytes), if err.is_some() => match read {
                0 => err = None,
                count => output.take(true, err_bytes.get(..count).unwrap_or_default()),
            },
            () = &mut feeding, if !fed => fed = true,
            _ = told.tick() => output.flush(),
            ended = child.wait(), if status.is_none() => {
                status = Some(ended);
                // Whatever it left behind ends with it.
                signal(group, Signal::SIGKILL);
                next_signal = Some(after(DRAIN));
            }
            () = &mut limit_reached, if cut_short.is_none() && status.is_none() => {
                cut_short = Some((RunOutcome::TimedOut, format!("it was ended after {} seconds", limit.as_secs())));
                signal(group, Signal::SIGTERM);
                next_signal = Some(after(GRACE));
            }
            why = wanted(&mut ending), if cut_short.is_none() && status.is_none() => {
                cut_short = Some((RunOutcome::Cancelled, why.to_owned()));
                signal(group, Signal::SIGTERM);
                next_signal = Some(after(GRACE));
            }
            () = wait_until(next_signal), if next_signal.is_some() => {
                signal(group, Signal::SIGKILL);
                next_signal = None;
                if status.is_some() {
                    // Somebody outside of the group holds the pipes.
                    (out, err) = (None, None);
                }
            }
        }
    }
    output.flush();
    verdict(cut_short, status)
}

async fn read(from: &mut Option<impl AsyncRead + Unpin>, bytes: &mut [u8]) -> usize {
    match from {
        Some(from) => from.read(bytes).await.unwrap_or(0),
        None => 0,
    }
}

#[expect(clippy::disallowed_methods, reason = "how long something may still take, by the clock that never jumps")]
fn after(time: Duration) -> Instant {
    Instant::now() + time
}

async fn wait_until(at: Option<Instant>) {
    if let Some(at) = at {
        sleep_until(at).await;
    }
}

/// Why it shall end; waits for ever if nobody wants that.
async fn wanted(ending: &mut watch::Receiver<Ending>) -> &'static str {
    let why = ending.wait_for(Option::is_some).await.ok().and_then(|why| *why);
    match why {
        Some(why) => why,
        None => std::future::pending().await,
    }
}

fn verdict(cut_short: Option<(RunOutcome, String)>, status: Option<std::io::Result<ExitStatus>>) -> RunnerEnded {
    use std::os::unix::process::ExitStatusExt;
    if let Some((outcome, reason)) = cut_short {
        let exit_code = status.and_then(Result::ok).and_then(|status| status.code());
        return RunnerEnded { exit_code, ..tell::silent(outcome, reason) };
    }
    match status {
        Some(Ok(status)) => match (status.code(), status.signal()) {
            (Some(0), _) => RunnerEnded { exit_code: Some(0), ..tell::silent(RunOutcome::Succeeded, "") },
            (Some(code), _) => RunnerEnded { exit_code: Some(code), ..tell::silent(RunOutcome::Failed, "") },
            (None, Some(signal)) => tell::silent(RunOutcome::Failed, format!("it was ended by signal {signal}")),
            (None, None) => tell::silent(RunOutcome::Unknown, "nobody knows how it ended"),
        },
        Some(Err(error)) => tell::silent(RunOutcome::Unknown, format!("nobody knows how it ended: {error}")),
        None => tell::silent(RunOutcome::Unknown, "nobody knows how it ended"),
    }
}

/// What a run writes: kept up to its limit, counted to its end.
pub(crate) struct Output {
    run_id: Uuid,
    limit: usize,
    entry: Entry,
    teller: Teller,
    sequence: u32,
    kept: usize,
    total: i64,
    head: Vec<u8>,
    tail: Vec<u8>,
    /// Not yet told.
    pending: Vec<u8>,
    /// Of standard error.
    is_error: bool,
}

impl Output {
    pub fn new(run_id: Uuid, limit: usize, entry: Entry, teller: Teller) -> Self {
        Self {
            run_id,
            limit,
            entry,
            teller,
            sequence: 0,
            kept: 0,
            total: 0,
            head: Vec::new(),
            tail: Vec::new(),
            pending: Vec::new(),
            is_error: false,
        }
    }

    /// Takes what was written.
    pub fn take(&mut self, is_error: bool, bytes: &[u8]) {
        self.total = self.total.saturating_add(i64::try_from(bytes.len()).unwrap_or(i64::MAX));
        let room = SHOWN - self.head.len().min(SHOWN);
        self.head.extend(bytes.iter().take(room));
        self.tail.extend_from_slice(bytes);
        let too_much = self.tail.len().saturating_sub(SHOWN);
        self.tail.drain(..too_much);
        let kept = bytes.get(..bytes.len().min(self.limit - self.kept)).unwrap_or_default();
        if is_error != self.is_error || self.pending.len() + kept.len() > CHUNK {
            self.flush();
        }
        self.is_error = is_error;
        self.kept += kept.len();
        self.pending.extend_from_slice(kept);
    }

    /// Tells what was taken.
    pub fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        self.sequence += 1;
        let told = tell::output(self.run_id, self.sequence, self.is_error, std::mem::take(&mut self.pending));
        self.note(told);
    }

    /// Tells the end.
    pub fn end(mut self, verdict: RunnerEnded) {
        self.flush();
        let is_truncated = usize::try_from(self.total).is_ok_and(|total| total > self.kept);
        let (head, tail) = (std::mem::take(&mut self.head), std::mem::take(&mut self.tail));
        let told =
            tell::ended(self.run_id, RunnerEnded { head, tail, output_bytes: self.total, is_truncated, ..verdict });
        if let Err(error) = self.entry.add(&told).and_then(|()| self.entry.sync()) {
            tracing::error!(run_id = %self.run_id, error = format!("{error:#}"), "the end of a run is told, not noted");
        }
        self.teller.tell(told);
    }

    fn note(&mut self, told: contracts::triage::v1::RunnerTold) {
        if let Err(error) = self.entry.add(&told) {
            tracing::error!(run_id = %self.run_id, error = format!("{error:#}"), "output is told, not noted");
        }
        self.teller.tell(told);
    }
}

/// Where a run works.
pub(crate) fn work_folder(config: &Config) -> PathBuf {
    config.folder.join("work")
}
