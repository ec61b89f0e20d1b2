//! Runners of the local desk: their users on its NATS, their streams and consumers.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context as JetStream};
use chassis::bus::{ACK_WAIT, Bus};
use contracts::{ClientId, runners};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::servers::Accounts;

/// Jobs are forgotten after this; they expire much earlier.
const JOBS_LIVE_FOR: Duration = Duration::from_secs(24 * 3600);
/// What runners say is forgotten after this if triage does not take it.
const TOLD_LIVES_FOR: Duration = Duration::from_secs(7 * 24 * 3600);
/// A job that is sent again within this time is the same one.
const SAME_WITHIN: Duration = Duration::from_secs(20 * 60);
/// How long NATS may take to know a new user.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);

/// Makes or updates triage's side: the stream of what runners say, and its consumer. Done by a deployment, in the desk's
/// account.
///
/// # Errors
/// If NATS cannot be reached or refuses.
pub async fn deploy_told(jetstream: &JetStream) -> Result<()> {
    let stream = jetstream
        .create_or_update_stream(Config { max_age: TOLD_LIVES_FOR, ..work(runners::TOLD, runners::TOLD_SUBJECTS) })
        .await
        .with_context(|| format!("the stream {} could not be made", runners::TOLD))?;
    drop(stream);
    let stream = jetstream.get_stream(runners::TOLD).await?;
    stream.create_consumer(consumer(runners::TOLD_CONSUMER, runners::TOLD_SUBJECTS, 2_048)).await?;
    Ok(())
}

/// Makes or updates the runners' side: the stream of jobs, and a consumer for each runner. Done by a deployment, in the
/// runners' account.
///
/// # Errors
/// If NATS cannot be reached or refuses.
pub async fn deploy_jobs(jetstream: &JetStream, known: &[(ClientId, String)]) -> Result<()> {
    jetstream
        .create_or_update_stream(Config { max_age: JOBS_LIVE_FOR, ..work(runners::JOBS, runners::JOB_SUBJECTS) })
        .await
        .with_context(|| format!("the stream {} could not be made", runners::JOBS))?;
    let stream = jetstream.get_stream(runners::JOBS).await?;
    for (client_id, runner) in known {
        let name = runners::consumer(client_id, runner);
        let made = stream.create_consumer(consumer(&name, &runners::job_subject(client_id, runner), 64)).await;
        made.with_context(|| format!("the consumer {name} could not be made"))?;
    }
    Ok(())
}

/// A queue: what was taken is gone.
fn work(name: &str, subjects: &str) -> Config {
    Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_message_size: 1024 * 1024,
        duplicate_window: SAME_WITHIN,
        ..Config::default()
    }
}

fn consumer(name: &str, subjects: &str, most: i64) -> pull::Config {
    pull::Config {
        durable_name: Some(name.to_owned()),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_deliver: -1,
        max_ack_pending: most,
        filter_subject: subjects.to_owned(),
        ..pull::Config::default()
    }
}

/// What a desk does at its start: triage's side always, the runners' side for those that are enrolled.
///
/// # Errors
/// If NATS cannot be reached or refuses.
pub(crate) async fn deploy(nats_folder: &Path, url: &str, desk: &JetStream) -> Result<()> {
    deploy_told(desk).await?;
    deploy_all_jobs(&Accounts::of(nats_folder)?, url).await
}

async fn deploy_all_jobs(accounts: &Accounts, url: &str) -> Result<()> {
    let bus = Bus::connect(&accounts.deployment_url(url), None, None, "deployment").await?;
    let known: Vec<(ClientId, String)> =
        accounts.runners.iter().map(|it| (it.client_id.clone(), it.runner.clone())).collect();
    let made = deploy_jobs(&bus.jetstream, &known).await;
    drop(bus.close().await);
    made
}

/// Whether the streams of runners are there.
pub(crate) async fn is_missing(desk: &JetStream) -> bool {
    use jetstream::context::GetStreamErrorKind;
    match desk.get_stream(runners::TOLD).await {
        Ok(stream) => stream.consumer_info(runners::TOLD_CONSUMER).await.is_err(),
        Err(error) => matches!(error.kind(), GetStreamErrorKind::JetStream(_)),
    }
}

/// Lets a runner in: a user of its own on the running NATS of a local desk, and its consumer. Returns its password; one
/// that it had before is void.
///
/// # Errors
/// If the desk does not run, or NATS refuses.
pub async fn enrol(desk_folder: &Path, url: &str, client_id: &ClientId, runner: &str) -> Result<String> {
    ensure!(
        runners::is_runner(runner),
        "a runner's word is 1 to 31 of a-z, 0-9 and -, beginning with a letter, as the client's runbooks name it"
    );
    let home = desk_folder.join("nats");
    let pid = fs::read_to_string(home.join("nats.pid")).context("nats-server does not run in this desk's folder")?;
    let pid: i32 = pid.trim().parse().context("nats.pid cannot be read")?;
    let mut accounts = Accounts::of(&home)?;
    let enrolled = accounts.enrol(client_id, runner);
    accounts.keep(&home)?;
    kill(Pid::from_raw(pid), Signal::SIGHUP).context("nats-server cannot be told")?;
    // While NATS takes its accounts over, JetStream is away for a moment.
    let deployed = async {
        while let Err(error) = deploy_all_jobs(&accounts, url).await {
            tracing::debug!(error = format!("{error:#}"), "the runners' streams cannot be made yet");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(KNOWN_WITHIN, deployed)
        .await
        .context("NATS makes no streams for runners; its log says why")?;
    let known = async {
        while !is_known(url, client_id, runner, &enrolled.password).await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(KNOWN_WITHIN, known).await.context("NATS does not know the new user; its log says why")?;
    Ok(enrolled.password)
}

async fn is_known(url: &str, client_id: &ClientId, runner: &str, password: &str) -> bool {
    let options = async_nats::ConnectOptions::new();
    let user = runners::user(client_id, runner);
    options.user_and_password(user, password.to_owned()).connect(url).await.is_ok()
}
