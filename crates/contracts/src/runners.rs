//! Where jobs for runners travel, and what runners say of them.
//!
//! Runners are no part of the desk: they have an account of their own on the bus, and each a user of its own that reads
//! its own jobs and speaks on its own subject. Both subjects name client and runner, so that NATS itself says whose word
//! it is.

use crate::ClientId;

/// The stream of jobs, in the runners' account. Each runner has a consumer of its own ([`consumer`]).
pub const JOBS: &str = "RUN_JOBS";
/// Where all jobs travel.
pub const JOB_SUBJECTS: &str = "skranke.run.*.*.job";
/// The stream of what runners say, in the desk's account.
pub const TOLD: &str = "RUN_TOLD";
/// Where all of it travels.
pub const TOLD_SUBJECTS: &str = "skranke.run.*.*.told";
/// Triage's consumer of what runners say.
pub const TOLD_CONSUMER: &str = "triage";

/// Whether this can be a runner's word: `[a-z][a-z0-9-]{0,30}`.
pub fn is_runner(word: &str) -> bool {
    (1..=31).contains(&word.len())
        && word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Where the jobs of a runner travel.
pub fn job_subject(client_id: &ClientId, runner: &str) -> String {
    format!("skranke.run.{client_id}.{runner}.job")
}

/// Where a runner speaks.
pub fn told_subject(client_id: &ClientId, runner: &str) -> String {
    format!("skranke.run.{client_id}.{runner}.told")
}

/// Who speaks on this subject.
pub fn teller(subject: &str) -> Option<(ClientId, &str)> {
    let (client, runner) = subject.strip_prefix("skranke.run.")?.strip_suffix(".told")?.split_once('.')?;
    Some((ClientId::new(client).ok()?, runner)).filter(|(_, runner)| is_runner(runner))
}

/// The name of a runner's consumer; also the beginning of its inbox.
pub fn consumer(client_id: &ClientId, runner: &str) -> String {
    format!("{client_id}_{runner}")
}

/// The name of a runner's user.
pub fn user(client_id: &ClientId, runner: &str) -> String {
    format!("{client_id}.{runner}")
}

/// Where answers to a runner go.
pub fn inbox(client_id: &ClientId, runner: &str) -> String {
    format!("_INBOX.{}", consumer(client_id, runner))
}

/// All that a runner's user may publish: what it says, and the requests for its own jobs.
pub fn may_publish(client_id: &ClientId, runner: &str) -> Vec<String> {
    let consumer = consumer(client_id, runner);
    vec![
        told_subject(client_id, runner),
        format!("$JS.API.CONSUMER.INFO.{JOBS}.{consumer}"),
        format!("$JS.API.CONSUMER.MSG.NEXT.{JOBS}.{consumer}"),
        format!("$JS.ACK.{JOBS}.{consumer}.>"),
    ]
}

/// All that it may subscribe to.
pub fn may_subscribe(client_id: &ClientId, runner: &str) -> Vec<String> {
    vec![format!("{}.>", inbox(client_id, runner))]
}
