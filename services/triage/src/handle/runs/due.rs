//! What is due on runs by the store's clock: jobs are sent, approvals take effect, silence has an end.

use std::collections::{BTreeMap, HashMap};

use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use chassis::{Clock, Error, Scope, store as kept};

use super::{TAKEN_WITHIN, after, ended};
use crate::domain::runbook::{Fact, Outcome, RunState, Verdict, run};
use crate::domain::{Event, Ticket, Work};
use crate::handle::{Change, Desk, posts, record};
use crate::store::run::{self as runs, Run};
use crate::store::{self, Key};
use crate::wire::runbook::job::{Post, post};

/// How often a job is sent until its runner begins: a stream may have been lost. One that is there takes it once.
const AGAIN: SignedDuration = SignedDuration::from_secs(10);

/// Does what is due on these runs: each step once, whoever else tries, because it goes with the run's own row. Returns
/// what is to be sent; sent again, it changes nothing.
///
/// # Errors
/// If the store failed; nothing was done then.
pub async fn act(desk: &Desk, keys: Vec<Key>) -> Result<Vec<Post>, Error> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let scope = Scope::of_all(keys.iter().map(|(client_id, _)| client_id));
    let clock = desk.ground.clock.clone();
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(act_all(connection, keys, clock))).await
}

async fn act_all(connection: &mut PgConnection, keys: Vec<Key>, clock: Clock) -> Result<Vec<Post>, Error> {
    let tickets = runs::tickets(connection, &keys).await?;
    let known: HashMap<Key, Ticket> = store::ticket::lock_known(connection, &tickets).await?;
    // Read under the tickets' locks: whoever was first has moved them on.
    let locked = runs::lock(connection, &keys).await?;
    let now = kept::now(connection, &clock).await?;
    let mut changes: BTreeMap<Key, Change> = BTreeMap::new();
    let mut posts = Vec::new();
    for mut run in locked {
        let key = (run.client_id.clone(), run.ticket_id);
        if run.due_at.is_none_or(|due_at| due_at > now) {
            continue;
        }
        let Some(ticket) = known.get(&key) else { continue };
        let (facts, sends) = step(&mut run, &ticket.work, now);
        for fact in facts {
            let change = changes.entry(key.clone()).or_insert_with(|| Change {
                ticket: ticket.clone(),
                happened: Vec::new(),
                traceparent: None,
            });
            let event_id = Uuid::new_v5(&run.run_id, word(&fact).as_bytes());
            posts::by_desk(change, Event::Run(fact), event_id, now, now, &run.run_id.to_string());
        }
        runs::keep(connection, &run).await?;
        if sends {
            posts.push(post(&run));
        }
    }
    let changes: Vec<Change> = changes.into_values().collect();
    record(connection, &changes, |_| None).await?;
    Ok(posts)
}

/// Each of these happens to a run once by itself.
fn word(fact: &Fact) -> &'static str {
    match fact {
        Fact::Approved { .. } => "approved",
        Fact::Refused { .. } => "refused",
        Fact::Ended { verdict, .. } if verdict.outcome == Outcome::Expired => "expired",
        _ => "lost",
    }
}

/// What is due on a run, and whether something is to be sent to its runner.
fn step(run: &mut Run, work: &Work, now: Timestamp) -> (Vec<Fact>, bool) {
    let mut facts = Vec::new();
    if run.state == RunState::Waiting {
        run.due_at = None;
        let Some(fact) = run::approved(work, run.approval, run.run_id, &run.runbook) else { return (facts, false) };
        if let Fact::Refused { reason, .. } = &fact {
            ended(run, Verdict::of(Outcome::NotApproved, reason.clone()), now);
            return (vec![fact], false);
        }
        run.state = RunState::Queued;
        run.expires_at = Some(after(now, TAKEN_WITHIN));
        facts.push(fact);
    }
    let again_until = |end: Option<Timestamp>| Some(after(now, AGAIN).min(end.unwrap_or(Timestamp::MAX)));
    match run.state {
        RunState::Queued if run.expires_at.is_some_and(|expires_at| now >= expires_at) => {
            let verdict = Verdict::of(Outcome::Expired, "its runner did not begin it in time");
            facts.push(ended(run, verdict, now));
            (facts, false)
        }
        RunState::Queued => {
            run.due_at = again_until(run.expires_at);
            (facts, true)
        }
        RunState::Running if run.lost_at.is_some_and(|lost_at| now >= lost_at) => {
            let verdict = Verdict::of(Outcome::Lost, "its runner has not said how it ended");
            facts.push(ended(run, verdict, now));
            (facts, false)
        }
        RunState::Running if !run.cancel_asked_by.is_empty() => {
            run.due_at = again_until(run.lost_at);
            (facts, true)
        }
        RunState::Running => {
            run.due_at = run.lost_at;
            (facts, false)
        }
        RunState::Waiting | RunState::Ended => {
            run.due_at = None;
            (facts, false)
        }
    }
}
