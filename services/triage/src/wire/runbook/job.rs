//! What triage sends to runners.

use contracts::triage::v1 as proto;
use contracts::{ClientId, duration, timestamp};
use uuid::Uuid;

use super::parameter;
use crate::store::run::Run;

/// Something to send to a runner.
#[derive(Debug, Clone, PartialEq)]
pub struct Post {
    /// Whose runner.
    pub client_id: ClientId,
    /// Which.
    pub runner: String,
    /// The same for the same job: the stream takes it once.
    pub post_id: Uuid,
    /// What.
    pub job: proto::RunnerJob,
}

/// The job of a run, or the word that it shall end.
pub fn post(run: &Run) -> Post {
    let cancel = !run.cancel_asked_by.is_empty();
    Post {
        client_id: run.client_id.clone(),
        runner: run.runner.clone(),
        post_id: if cancel { Uuid::new_v5(&run.run_id, b"cancel") } else { run.run_id },
        job: proto::RunnerJob {
            run_id: run.run_id.to_string(),
            client_id: run.client_id.to_string(),
            runner: run.runner.clone(),
            runbook: run.runbook.clone(),
            parameters: if cancel { Vec::new() } else { run.parameters.iter().map(parameter).collect() },
            time_limit: Some(duration(run.time_limit)),
            output_limit: run.output_limit,
            expires_at: run.expires_at.map(timestamp),
            cancel,
        },
    }
}
