//! Whether a job may be run here: it is the runner's own judgement, whatever the desk has allowed.

use contracts::triage::v1::{RunParameter, RunnerJob};
use contracts::{from_duration, from_timestamp};
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

use crate::config::{Config, Script, whole};

/// Bytes of one value.
const MAX_VALUE: usize = 16 * 1024;
/// Bytes of output that are kept at most, whatever the desk asks for.
const MAX_OUTPUT: usize = 1024 * 1024;
/// How long a run may take at most, whatever the desk allows.
const MAX_TIME: Duration = Duration::from_secs(4 * 3600);

/// A job that is this runner's own.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    /// Which.
    pub run_id: Uuid,
    /// What.
    pub runbook: String,
    /// In the order in which the desk declares them.
    pub parameters: Vec<RunParameter>,
    /// How long it may take.
    pub time_limit: Duration,
    /// Bytes of output that are kept.
    pub output_limit: usize,
    /// It is not begun later.
    pub expires_at: Option<Timestamp>,
    /// End it, or never begin it.
    pub cancel: bool,
}

/// Reads a job; `None` if it is none, or not for this runner.
pub(crate) fn order(job: RunnerJob, config: &Config) -> Option<Order> {
    if job.client_id != config.client.as_str() || job.runner != config.runner {
        return None;
    }
    let asked = job.time_limit.as_ref().and_then(from_duration);
    let asked = asked.and_then(|limit| Duration::try_from(limit).ok()).unwrap_or(MAX_TIME);
    let output_limit = usize::try_from(job.output_limit).unwrap_or(MAX_OUTPUT).min(MAX_OUTPUT);
    Some(Order {
        run_id: Uuid::try_parse(&job.run_id).ok()?,
        runbook: job.runbook,
        parameters: job.parameters,
        time_limit: asked.min(MAX_TIME),
        output_limit,
        expires_at: job.expires_at.as_ref().and_then(from_timestamp),
        cancel: job.cancel,
    })
}

/// The script of the order, if it may be run now.
///
/// # Errors
/// Why not, for the ticket. Values are not repeated: they may be secret.
pub(crate) fn judge<'a>(order: &Order, config: &'a Config, now: Timestamp) -> Result<&'a Script, String> {
    if order.expires_at.is_none_or(|expires_at| now >= expires_at) {
        return Err("it came too late; look at the clock of the runner's machine if that is not so".to_owned());
    }
    let script = config.script(&order.runbook).ok_or("the runner's own list has no such runbook")?;
    for RunParameter { parameter, value, .. } in &order.parameters {
        let pattern = script.parameters.get(parameter).ok_or_else(|| {
            format!("the runner's own list does not let the parameter {} through", shortened(parameter))
        })?;
        if value.contains('\0') || value.len() > MAX_VALUE {
            return Err(format!("the value of {parameter} has NUL or is too long"));
        }
        if !whole(pattern).is_ok_and(|pattern| pattern.is_match(value)) {
            return Err(format!("the value of {parameter} is not what the runner's own list lets through"));
        }
    }
    script.trusted().map_err(|error| format!("{error:#}"))?;
    Ok(script)
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

/// How long it may really take.
pub(crate) fn time_limit(order: &Order, script: &Script) -> Duration {
    script.time_limit_seconds.map_or(order.time_limit, |own| order.time_limit.min(Duration::from_secs(own)))
}
