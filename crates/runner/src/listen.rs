//! The runner's life: what is left from before, then one job after the other, then an end in good order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::{self, AckKind, Message};
use chassis::{Clock, Stop};
use contracts::runners;
use contracts::triage::v1::{RunOutcome, RunnerHello, RunnerJob, RunnerTold, runner_told::News};
use futures::StreamExt;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use prost::Message as _;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, timeout};
use uuid::Uuid;

use crate::config::{Config, Nats};
use crate::journal::{Entry, Footprint, Journal, Left};
use crate::judge::{Order, judge, order};
use crate::process::{Bench, Ending, Job, carry_out, work_folder};
use crate::tell::{self, Teller, publish};

/// How often the runner says that it is there.
const HELLO_EVERY: Duration = Duration::from_secs(10);
/// How soon a job comes again that there was no room for.
const LATER: Duration = Duration::from_secs(1);
/// How long the end waits until everything is told; the rest is told at the next start.
const TOLD_WITHIN: Duration = Duration::from_secs(5);
/// How soon a broken subscription is made again.
const RETRY: Duration = Duration::from_secs(1);

const STOPPED: &str = "its runner was stopped";
const CANCELLED: &str = "it was cancelled";
const INTERRUPTED: &str =
    "its runner broke down while it ran: what it did is not known, and it is not run again by itself";

/// Runs until it is asked to stop.
///
/// # Errors
/// If the file cannot be as it says, or another runner works in the same folder.
pub async fn run(config: Config, stop: Stop) -> Result<()> {
    config.check()?;
    let config = Arc::new(config);
    let journal = Arc::new(Journal::open(&config.folder)?);
    if let Err(error) = std::fs::remove_dir_all(work_folder(&config)) {
        tracing::debug!(%error, "no folders of runs were left");
    }
    let client = connect(&config).await?;
    let jetstream = jetstream::new(client.clone());
    let (teller, waiting) = Teller::new();
    let subject = runners::told_subject(&config.client, &config.runner);
    let telling = stop.spawn_machinery(publish(jetstream.clone(), subject, Arc::clone(&journal), waiting));
    let bench = Bench { config: Arc::clone(&config), journal: Arc::clone(&journal), teller };
    for left in journal.left()? {
        recover(left, &bench).await?;
    }
    let mut runner =
        Runner { bench, client: client.clone(), jetstream, running: BTreeMap::new(), tasks: JoinSet::new() };
    tracing::info!(client = %config.client, runner = config.runner, "the runner is there");
    runner.work(&stop).await;
    runner.finish().await;
    drop(runner);
    if timeout(TOLD_WITHIN, telling).await.is_err() {
        tracing::warn!("not everything was told; the rest is told at the next start");
    }
    timeout(TOLD_WITHIN, client.drain()).await.ok();
    Ok(())
}

async fn connect(config: &Config) -> Result<async_nats::Client> {
    let Nats { url, password_file, ca, certificate, key } = &config.nats;
    let mut options = async_nats::ConnectOptions::new();
    if let Some(file) = password_file {
        let password = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
        let user = runners::user(&config.client, &config.runner);
        options = options.user_and_password(user, password.trim().to_owned());
    }
    if let Some(ca) = ca {
        options = options.add_root_certificates(ca.clone()).require_tls(true);
    }
    if let Some((certificate, key)) = certificate.clone().zip(key.clone()) {
        options = options.add_client_certificate(certificate, key);
    }
    options
        .name(runners::user(&config.client, &config.runner))
        .custom_inbox_prefix(runners::inbox(&config.client, &config.runner))
        .retry_on_initial_connect()
        .ping_interval(Duration::from_secs(10))
        .event_callback(|event| async move {
            match event {
                async_nats::Event::Connected => tracing::info!("connected to NATS"),
                event => tracing::warn!(%event, "NATS"),
            }
        })
        .connect(url.as_str())
        .await
        .context("`nats.url` cannot be used; it looks like tls://nats.example:4222")
}

/// What was not told is told; what was interrupted is told as such, and whatever of it still runs is ended.
async fn recover(left: Left, bench: &Bench) -> Result<()> {
    let mut told = left.told.clone();
    if left.is_interrupted() {
        if let Some(process) = &left.process
            && Footprint::of(process.pid).as_ref() == Some(process)
            && let Err(error) = killpg(Pid::from_raw(process.pid), Signal::SIGKILL)
        {
            tracing::warn!(run_id = %left.run_id, %error, "what was left of a run cannot be ended");
        }
        let ended = interrupted(&left);
        let mut entry = bench.journal.again(&left)?;
        entry.add(&ended)?;
        entry.sync()?;
        told.push(ended);
        tracing::warn!(run_id = %left.run_id, "a run was interrupted; it is not run again");
    }
    for one in told {
        bench.teller.tell(one);
    }
    Ok(())
}

fn interrupted(left: &Left) -> RunnerTold {
    let written: Vec<u8> = left
        .told
        .iter()
        .filter_map(|told| match &told.news {
            Some(News::Output(piece)) => Some(piece.chunk.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    const SHOWN: usize = 2 * 1024;
    let head = written.get(..SHOWN).unwrap_or(&written).to_vec();
    let tail = written.get(written.len().saturating_sub(SHOWN)..).unwrap_or_default().to_vec();
    let mut ended = tell::silent(RunOutcome::Unknown, INTERRUPTED);
    ended.output_bytes = i64::try_from(written.len()).unwrap_or(i64::MAX);
    (ended.head, ended.tail) = (head, tail);
    tell::ended(left.run_id, ended)
}

/// The runner at work.
struct Runner {
    bench: Bench,
    client: async_nats::Client,
    jetstream: jetstream::Context,
    running: BTreeMap<Uuid, watch::Sender<Ending>>,
    tasks: JoinSet<Uuid>,
}

impl Runner {
    async fn work(&mut self, stop: &Stop) {
        let mut hello = interval(HELLO_EVERY);
        let mut messages: Option<pull::Stream> = None;
        while !stop.is_asked() {
            if messages.is_none() {
                tokio::select! {
                    subscribed = self.subscribe() => match subscribed {
                        Ok(subscribed) => messages = Some(subscribed),
                        Err(error) => {
                            tracing::warn!(error = format!("{error:#}"), "no jobs can be heard; trying again");
                            tokio::select! {
                                () = sleep(RETRY) => {}
                                () = stop.asked() => {}
                            }
                            continue;
                        }
                    },
                    () = stop.asked() => return,
                }
            }
            let Some(subscribed) = messages.as_mut() else { continue };
            tokio::select! {
                message = subscribed.next() => match message {
                    Some(Ok(message)) => self.take(message).await,
                    Some(Err(error)) => {
                        tracing::warn!(%error, "jobs are not heard; subscribing again");
                        messages = None;
                    }
                    None => messages = None,
                },
                Some(ended) = self.tasks.join_next() => self.forget(ended),
                _ = hello.tick() => self.hello().await,
                () = stop.asked() => {}
            }
        }
    }

    fn forget(&mut self, ended: Result<Uuid, tokio::task::JoinError>) {
        match ended {
            Ok(run_id) => drop(self.running.remove(&run_id)),
            Err(error) => tracing::error!(%error, "a run broke down; it is told as unknown at the next start"),
        }
    }

    async fn subscribe(&self) -> Result<pull::Stream> {
        let config = &self.bench.config;
        let consumer = runners::consumer(&config.client, &config.runner);
        let found: PullConsumer =
            self.jetstream.get_consumer_from_stream(&consumer, runners::JOBS).await.map_err(|error| {
                anyhow::anyhow!(
                    "the consumer {consumer} is not there, or not this user's; was the runner enrolled? {error}"
                )
            })?;
        let messages = found
            .stream()
            .max_messages_per_batch(config.at_once)
            .heartbeat(Duration::from_secs(5))
            .expires(Duration::from_secs(30))
            .messages()
            .await?;
        Ok(messages)
    }

    /// Whoever hears it knows that the runner is there; nobody waits for it.
    async fn hello(&self) {
        let config = &self.bench.config;
        let hello = RunnerHello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            runbooks: config.scripts.iter().map(|script| script.runbook.clone()).collect(),
        };
        let told = RunnerTold {
            told_id: chassis::new_id().to_string(),
            run_id: String::new(),
            news: Some(News::Hello(hello)),
        };
        let subject = runners::told_subject(&config.client, &config.runner);
        let sent = self.client.publish_with_headers(subject, tell::headers(&told), told.encode_to_vec().into()).await;
        if let Err(error) = sent {
            tracing::debug!(%error, "nobody heard that the runner is there");
        }
    }

    async fn take(&mut self, message: Message) {
        let job = RunnerJob::decode(message.payload.clone()).ok();
        let Some(order) = job.and_then(|job| order(job, &self.bench.config)) else {
            tracing::error!("a job is none of this runner's; it is dropped");
            return answer(&message, AckKind::Term).await;
        };
        let run_id = order.run_id;
        let kind = match self.decide(order) {
            Ok(kind) => kind,
            Err(error) => {
                // Without its journal nothing runs.
                tracing::error!(%run_id, error = format!("{error:#}"), "a job cannot be noted; trying again");
                AckKind::Nak(Some(LATER))
            }
        };
        answer(&message, kind).await;
    }

    /// What becomes of a job: nothing begins before the journal has it.
    fn decide(&mut self, order: Order) -> Result<AckKind> {
        let run_id = order.run_id;
        let bench = &self.bench;
        if order.cancel {
            if let Some(running) = self.running.get(&run_id) {
                running.send_replace(Some(CANCELLED));
            } else if !bench.journal.knows(run_id) {
                self.end_at_once(run_id, RunOutcome::Cancelled, "it had not begun")?;
            }
            return Ok(AckKind::Ack);
        }
        if bench.journal.knows(run_id) {
            return Ok(AckKind::Ack);
        }
        if self.running.len() >= bench.config.at_once {
            return Ok(AckKind::Nak(Some(LATER)));
        }
        let now = Clock::System.now();
        let script = match judge(&order, &bench.config, now) {
            Ok(script) => script.clone(),
            Err(reason) => {
                tracing::warn!(%run_id, runbook = order.runbook, reason, "a job is refused");
                self.end_at_once(run_id, RunOutcome::Refused, &reason)?;
                return Ok(AckKind::Ack);
            }
        };
        let started = tell::started(run_id, now);
        if let Some(entry) = bench.journal.begin(run_id, &started)? {
            tracing::info!(%run_id, runbook = order.runbook, "a run begins");
            bench.teller.tell(started);
            let (ending, heard) = watch::channel(None);
            self.running.insert(run_id, ending);
            let (job, bench) = (Job { order, script, entry, ending: heard }, self.bench.clone());
            self.tasks.spawn(async move {
                carry_out(job, bench).await;
                run_id
            });
        }
        Ok(AckKind::Ack)
    }

    fn end_at_once(&self, run_id: Uuid, outcome: RunOutcome, reason: &str) -> Result<()> {
        let ended = tell::ended(run_id, tell::silent(outcome, reason));
        let begun: Option<Entry> = self.bench.journal.begin(run_id, &ended)?;
        if begun.is_some() {
            self.bench.teller.tell(ended);
        }
        Ok(())
    }

    /// Waits for what runs, then ends it.
    async fn finish(&mut self) {
        if !self.running.is_empty() {
            tracing::info!(runs = self.running.len(), "waiting for what runs");
        }
        let patience = self.bench.config.stop_after();
        if timeout(patience, self.all_over()).await.is_err() {
            for running in self.running.values() {
                running.send_replace(Some(STOPPED));
            }
            self.all_over().await;
        }
        let swept = self.bench.journal.sweep(Clock::System.now());
        if let Err(error) = swept {
            tracing::warn!(error = format!("{error:#}"), "the journal cannot be swept");
        }
    }

    async fn all_over(&mut self) {
        while let Some(ended) = self.tasks.join_next().await {
            self.forget(ended);
        }
    }
}

async fn answer(message: &Message, kind: AckKind) {
    // A lost answer means one more delivery, which changes nothing.
    if let Err(error) = message.ack_with(kind).await {
        tracing::debug!(%error, "an acknowledgement was not sent");
    }
}
