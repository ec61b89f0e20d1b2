//! What runners say: each word once, in any order, and of their own runs only.

use std::collections::{BTreeMap, HashMap, HashSet};

use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Clock, Error, Scope, inbox, store as kept};

use super::{GRACE, after, ended};
use crate::domain::runbook::{Fact, Outcome, RunState};
use crate::domain::{Actor, ActorKind, Event};
use crate::handle::{Change, Desk, happen, record};
use crate::store::run::{self as runs, Output, Run, Runner};
use crate::store::{self, Key};
use crate::wire::runbook::heard::{MAX_CHUNK, News, Told};

/// Keeps what runners said.
///
/// # Errors
/// If the store failed; nothing was kept then.
pub async fn hear(desk: &Desk, told: Vec<Told>) -> Result<(), Error> {
    if told.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(told.iter().map(|one| &one.client_id));
    let clock = desk.ground.clock.clone();
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(hear_all(connection, told, clock))).await
}

async fn hear_all(connection: &mut PgConnection, told: Vec<Told>, clock: Clock) -> Result<(), Error> {
    let now = kept::now(connection, &clock).await?;
    greet(connection, &told, now).await?;
    let of_runs: Vec<(ClientId, Uuid)> =
        told.iter().filter(|one| one.news.run_id().is_some()).map(|one| (one.client_id.clone(), one.told_id)).collect();
    if of_runs.is_empty() {
        return Ok(());
    }
    let new: HashSet<Uuid> = inbox::remember_events(connection, &of_runs).await?;
    let keys: HashSet<Key> = told.iter().filter_map(|one| Some((one.client_id.clone(), one.news.run_id()?))).collect();
    let keys: Vec<Key> = keys.into_iter().collect();
    let tickets = runs::tickets(connection, &keys).await?;
    let known = store::ticket::lock_known(connection, &tickets).await?;
    let mut locked: HashMap<Uuid, Run> =
        runs::lock(connection, &keys).await?.into_iter().map(|run| (run.run_id, run)).collect();
    let mut changes: BTreeMap<Key, Change> = BTreeMap::new();
    let mut pieces: Vec<(Key, &Output)> = Vec::new();
    let mut seen = HashSet::new();
    for one in told.iter().filter(|one| new.contains(&one.told_id)) {
        let Some(run_id) = one.news.run_id().filter(|_| seen.insert(one.told_id)) else { continue };
        let its = locked.get_mut(&run_id).filter(|run| run.client_id == one.client_id && run.runner == one.runner);
        let Some(run) = its else {
            tracing::warn!(client_id = %one.client_id, runner = one.runner, %run_id, "a runner speaks of a run that is not its own");
            continue;
        };
        if let News::Output(_, piece) = &one.news {
            // The runner keeps to the limit; whoever does not is cut off here.
            let most = run.output_limit.saturating_add(i64::try_from(MAX_CHUNK).unwrap_or(i64::MAX));
            if run.kept_bytes < most {
                run.kept_bytes += i64::try_from(piece.chunk.len()).unwrap_or(i64::MAX);
                pieces.push(((run.client_id.clone(), run.run_id), piece));
            }
            continue;
        }
        let Some(fact) = fact(run, &one.news, now) else { continue };
        let key = (run.client_id.clone(), run.ticket_id);
        let Some(ticket) = known.get(&key) else { continue };
        let change = changes.entry(key).or_insert_with(|| Change {
            ticket: ticket.clone(),
            happened: Vec::new(),
            traceparent: None,
        });
        happen(change, Event::Run(fact), &speaker(one), now, &run.run_id.to_string());
    }
    runs::add_output(connection, &pieces).await?;
    for run in locked.values() {
        runs::keep(connection, run).await?;
    }
    let changes: Vec<Change> = changes.into_values().collect();
    record(connection, &changes, |_| None).await.map(drop)
}

/// The runner as the actor of what it did.
fn speaker(told: &Told) -> Actor {
    Actor { kind: ActorKind::System, actor_id: format!("runner:{}/{}", told.client_id, told.runner) }
}

async fn greet(connection: &mut PgConnection, told: &[Told], now: Timestamp) -> Result<(), Error> {
    let mut greeted: BTreeMap<(&ClientId, &str), Runner> = BTreeMap::new();
    for one in told {
        if let News::Hello { version, runbooks } = &one.news {
            let runner = Runner {
                client_id: one.client_id.clone(),
                runner: one.runner.clone(),
                seen_at: now,
                version: version.clone(),
                runbooks: runbooks.clone(),
            };
            greeted.insert((&one.client_id, one.runner.as_str()), runner);
        }
    }
    for runner in greeted.values() {
        runs::hear(connection, runner).await?;
    }
    Ok(())
}

/// What the news make of a run. What triage only presumed gives way to what the runner says; what the runner said of its
/// end is final.
fn fact(run: &mut Run, news: &News, now: Timestamp) -> Option<Fact> {
    let is_open = match run.state {
        RunState::Waiting => false,
        RunState::Queued | RunState::Running => true,
        RunState::Ended => run.outcome.is_some_and(Outcome::is_presumed),
    };
    match news {
        News::Started(run_id) if is_open && run.started_at.is_none() => {
            run.state = RunState::Running;
            run.outcome = None;
            run.ended_at = None;
            run.reason = String::new();
            run.started_at = Some(now);
            run.lost_at = Some(after(after(now, run.time_limit), GRACE));
            run.due_at = if run.cancel_asked_by.is_empty() { run.lost_at } else { Some(now) };
            Some(Fact::Started { run_id: *run_id, runbook: run.runbook.clone(), runner: run.runner.clone() })
        }
        News::Ended(_, verdict) if is_open => Some(ended(run, verdict.clone(), now)),
        _ => None,
    }
}
