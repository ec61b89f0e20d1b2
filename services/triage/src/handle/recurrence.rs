//! Recurrence finds itself: incidents that say the same propose a problem, and what comes back after the fix is told.

use std::collections::{BTreeMap, BTreeSet};

use chassis::{Clock, Error, Scope, store as kept};
use contracts::ClientId;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Desk, Models, record};
use crate::domain::recurrence::{Found, Incident, sort};
use crate::domain::relation::{Fact, Other};
use crate::domain::{Actor, Event, Happened, SupportModel, Ticket, evolve};
use crate::store::proposal::{self, Decision, Proposal};
use crate::store::{self, Key};

/// How often a client's incidents are looked through, at most.
const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(60);
/// Tickets of a proposal that are kept, the newest.
const MOST_KEPT: usize = 5_000;

/// Looks through a client's newest incidents, if a look is due: one replica at a time, by the row that says when the
/// last look was.
///
/// # Errors
/// If the store failed; nothing was proposed then.
pub async fn look(desk: &Desk, client_id: &ClientId) -> Result<(), Error> {
    let scope = Scope::of(client_id);
    let (models, clock, client) = (desk.models.clone(), desk.ground.clock.clone(), client_id.clone());
    let store = &desk.ground.store;
    store.unit_of_work(&scope, move |connection| Box::pin(look_through(connection, client, models, clock))).await
}

async fn look_through(
    connection: &mut PgConnection,
    client_id: ClientId,
    models: Models,
    clock: Clock,
) -> Result<(), Error> {
    let model = models.one(connection, &client_id).await?;
    let policy = model.problems;
    if policy.after == 0 {
        return Ok(());
    }
    let now = kept::now(connection, &clock).await?;
    let not_after = now.saturating_sub(LOOK_EVERY).unwrap_or(now);
    if !proposal::begin_look(connection, &client_id, now, not_after).await? {
        return Ok(());
    }
    let since = now.saturating_sub(policy.within).unwrap_or(Timestamp::MIN);
    let known = proposal::compared(connection, &client_id).await?;
    // What was dismissed long ago may come again.
    let holds = |one: &Proposal| match one.decision {
        Decision::Dismissed(_) => one.decided_at.is_none_or(|at| at >= since),
        _ => true,
    };
    let known: Vec<Proposal> = known.into_iter().filter(holds).collect();
    let incidents = proposal::incidents(connection, &client_id, since).await?;
    let words: Vec<BTreeSet<String>> = known.iter().map(|one| one.words.clone()).collect();
    let sorted = sort(&words, &incidents, policy);
    let mut back: BTreeMap<Uuid, Vec<Uuid>> = BTreeMap::new();
    for (at, joined) in sorted.joined {
        let Some(one) = known.get(at) else { continue };
        let new: Vec<Uuid> = joined.into_iter().filter(|ticket_id| !one.ticket_ids.contains(ticket_id)).collect();
        if new.is_empty() {
            continue;
        }
        if let Decision::Accepted(problem_id) = one.decision {
            back.entry(problem_id).or_default().extend(&new);
        }
        let mut ticket_ids = one.ticket_ids.clone();
        ticket_ids.extend(new);
        let too_many = ticket_ids.len().saturating_sub(MOST_KEPT);
        ticket_ids.drain(..too_many);
        proposal::keep(connection, &Proposal { ticket_ids, ..one.clone() }).await?;
    }
    for found in sorted.found {
        proposal::keep(connection, &proposed(&client_id, found, now)).await?;
    }
    come_back(connection, &client_id, back, &incidents, &model, now).await
}

/// The same incidents found twice are one proposal.
fn proposed(client_id: &ClientId, found: Found, now: Timestamp) -> Proposal {
    let first = found.incidents.first().copied().unwrap_or_default();
    Proposal {
        client_id: client_id.clone(),
        proposal_id: Uuid::new_v5(&first, b"proposal"),
        decision: Decision::Open,
        words: found.words,
        ticket_ids: found.incidents,
        found_at: now,
        decided_at: None,
    }
}

/// Incidents that began after their problem was resolved are told on it.
async fn come_back(
    connection: &mut PgConnection,
    client_id: &ClientId,
    back: BTreeMap<Uuid, Vec<Uuid>>,
    incidents: &[Incident],
    model: &SupportModel,
    now: Timestamp,
) -> Result<(), Error> {
    if back.is_empty() {
        return Ok(());
    }
    let keys: Vec<Key> = back.keys().map(|problem_id| (client_id.clone(), *problem_id)).collect();
    let problems = store::ticket::lock_known(connection, &keys).await?;
    let began: BTreeMap<Uuid, Timestamp> = incidents.iter().map(|one| (one.ticket_id, one.registered_at)).collect();
    let ids: Vec<Uuid> = back.values().flatten().copied().collect();
    let references = proposal::references(connection, &ids).await?;
    let mut changes = Vec::new();
    for ((_, problem_id), problem) in problems {
        let Some(resolved_at) = problem.work.resolution.as_ref().map(|it| it.resolved_at) else { continue };
        let new = back.get(&problem_id).into_iter().flatten();
        let after: Vec<&Other> = new
            .filter(|incident| began.get(incident).is_some_and(|at| *at > resolved_at))
            .filter_map(|incident| references.get(incident))
            .collect();
        if !problem.work.state.is_open() && !after.is_empty() {
            changes.push(told(problem, &after, now));
        }
    }
    record(connection, &changes, |_| Some(model)).await?;
    Ok(())
}

fn told(problem: Ticket, incidents: &[&Other], now: Timestamp) -> Change {
    let mut change = Change { ticket: problem, happened: Vec::new(), traceparent: None };
    for incident in incidents {
        let work = &mut change.ticket.work;
        let name = format!("came back as {}", incident.ticket_id);
        let happened = Happened {
            event_id: Uuid::new_v5(&change.ticket.ticket_id, name.as_bytes()),
            revision: work.revision + 1,
            occurred_at: now.max(work.changed_at),
            recorded_at: now,
            actor: Actor::desk(),
            cause_id: "the watch".to_owned(),
            event: Event::Tied(Fact::Recurred { incident: (*incident).clone() }),
        };
        *work = evolve(work.clone(), &happened);
        change.happened.push(happened);
    }
    change
}
