//! Major incidents push their children along: whoever lags behind is told the last status, and resolved with the parent.

use std::collections::HashMap;

use chassis::{Clock, Error, Scope, store as kept};
use contracts::ClientId;
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Change, Desk, Models, record};
use crate::domain::discreet::resolved_with;
use crate::domain::relation::{Fact, Other};
use crate::domain::{Actor, Event, Happened, ResolutionCode, State, Ticket, evolve};
use crate::store::pushed::{self, Behind, CaughtUp};
use crate::store::relation;
use crate::store::{self, Key};

/// What a confidential parent is called.
const ITS_MAJOR: &str = "its major incident";
/// Children that are pushed along in one transaction.
const BATCH: i64 = 200;

/// Pushes some of a client's children along, each exactly once: what was told stands beside the relation and goes in
/// the same transaction. Returns whether there may be more.
///
/// # Errors
/// If the store failed; nobody was told then.
pub async fn push(desk: &Desk, client_id: &ClientId) -> Result<bool, Error> {
    let scope = Scope::of(client_id);
    let store = &desk.ground.store;
    let client = client_id.clone();
    let is_busy =
        store.read(&scope, move |connection| Box::pin(async move { pushed::has_busy(connection, &client).await }));
    if !is_busy.await? {
        return Ok(false);
    }
    let (models, clock, client) = (desk.models.clone(), desk.ground.clock.clone(), client_id.clone());
    store.unit_of_work(&scope, move |connection| Box::pin(push_some(connection, client, models, clock))).await
}

async fn push_some(
    connection: &mut PgConnection,
    client_id: ClientId,
    models: Models,
    clock: Clock,
) -> Result<bool, Error> {
    // As whoever links and pushes does it, before any ticket is held.
    relation::lock(connection, &client_id).await?;
    let now = kept::now(connection, &clock).await?;
    let majors = pushed::take_busy(connection, &client_id).await?;
    let behind = pushed::behind(connection, &client_id, &majors, BATCH).await?;
    if behind.is_empty() {
        return Ok(false);
    }
    let keys: Vec<Key> = behind.iter().map(|one| one.child.clone()).collect();
    let parents: Vec<Key> = majors.iter().map(|ticket_id| (client_id.clone(), *ticket_id)).collect();
    let parents = store::ticket::known(connection, &parents).await?;
    let known = store::ticket::lock_known(connection, &keys).await?;
    let model = models.one(connection, &client_id).await?;
    let mut changes: HashMap<Uuid, Change> = HashMap::new();
    let mut caught_up = Vec::with_capacity(behind.len());
    for one in behind {
        let (Some(child), Some(parent)) = (known.get(&one.child), parents.get(&(client_id.clone(), one.parent_id)))
        else {
            continue;
        };
        let change = changes.entry(child.ticket_id).or_insert_with(|| Change {
            ticket: child.clone(),
            happened: Vec::new(),
            traceparent: None,
        });
        let is_secret = model.is_confidential(&parent.work.placement.queue);
        caught_up.push(push_one(change, parent, is_secret, one, now));
    }
    let changes: Vec<Change> = changes.into_values().filter(|change| !change.happened.is_empty()).collect();
    record(connection, &changes, |_| Some(&*model)).await?;
    pushed::catch_up(connection, &caught_up).await?;
    pushed::keep_busy(connection, &client_id, &majors).await?;
    Ok(true)
}

/// What a child makes of its parent's news and end. Of a confidential one it gets the news, which are for requesters, and
/// that it is over.
fn push_one(change: &mut Change, parent: &Ticket, is_secret: bool, behind: Behind, now: Timestamp) -> CaughtUp {
    let other = Other { ticket_id: parent.ticket_id, reference: parent.matter.reference.clone() };
    let mut caught_up = CaughtUp { told: behind.told, settled_at: behind.settled_at, behind };
    if let Some((news, _)) = parent.work.ties.major.as_ref().and_then(|major| major.status.as_ref()) {
        let number = i32::try_from(news.number).unwrap_or(i32::MAX);
        let ties = &change.ticket.work.ties;
        // Who asked on a ticket that was merged into a child is hit as well.
        let is_over = matches!(change.ticket.work.state, State::Closed | State::Cancelled) && ties.merged.is_none();
        let knows = ties
            .news
            .as_ref()
            .is_some_and(|(known, _, of)| of.ticket_id == other.ticket_id && known.number >= news.number);
        let ended_at = parent.work.ties.major.as_ref().and_then(|major| major.ended_at);
        // Whoever came when it was over has nothing to hear of it.
        let concerns = ended_at.is_none_or(|ended_at| caught_up.behind.linked_at <= ended_at);
        if caught_up.told < number && !is_over && !knows && concerns {
            let name = format!("status {number} of {}", parent.ticket_id);
            let fact = Fact::StatusDelivered { parent: other.clone(), news: news.clone() };
            by_parent(change, Event::Tied(fact), &name, &other, now);
        }
        caught_up.told = caught_up.told.max(number);
    }
    let resolution = parent.work.resolution.as_ref().filter(|_| !parent.work.state.is_open());
    if let Some(resolution) = resolution {
        if change.ticket.work.state.is_open() && caught_up.settled_at != Some(resolution.resolved_at) {
            let name = format!("resolved with {} at {}", parent.ticket_id, resolution.resolved_at);
            let event = Event::Resolved {
                code: child_code(resolution.code),
                article_id: String::new(),
                no_article_reason: resolved_with(if is_secret { ITS_MAJOR } else { &other.reference }),
                note: if is_secret { String::new() } else { resolution.note.clone() },
                approver: String::new(),
            };
            by_parent(change, event, &name, &other, now);
        }
        caught_up.settled_at = Some(resolution.resolved_at);
    }
    caught_up
}

/// A child is solved as its parent is, unless the code says something of the parent alone.
fn child_code(code: ResolutionCode) -> ResolutionCode {
    match code {
        ResolutionCode::Workaround | ResolutionCode::KnownError => code,
        _ => ResolutionCode::Solved,
    }
}

/// The same push has the same id, whoever makes it.
fn by_parent(change: &mut Change, event: Event, name: &str, parent: &Other, now: Timestamp) {
    let work = &mut change.ticket.work;
    let happened = Happened {
        event_id: Uuid::new_v5(&change.ticket.ticket_id, name.as_bytes()),
        revision: work.revision + 1,
        occurred_at: now.max(work.changed_at),
        recorded_at: now,
        actor: Actor::desk(),
        cause_id: parent.reference.clone(),
        event,
    };
    *work = evolve(work.clone(), &happened);
    change.happened.push(happened);
}
