//! The one write path: inbox → load → decide → save + outbox → commit.

mod around;
pub mod learn;
pub mod model;
pub mod models;
pub mod neighbours;
pub mod posts;
pub mod roster;

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::ClientId;

use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::authorisation::{Principal, Role};
use chassis::inbox::{self, Seen};
use chassis::outbox::{self, Announcement};
use chassis::{Ground, Scope, new_id};

use crate::domain::{Actor, Around, Command, Event, Happened, Rejection, State, SupportModel, Ticket, decide, evolve};
use crate::store::posts::Claim;
use crate::store::ticket::Found;
use crate::store::{self, Key};
use crate::watch::Bell;
use crate::wire;
use crate::wire::request::Asked;

pub use models::Models;
pub use neighbours::Memories;

/// Why a request was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or it is not the caller's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// Not allowed as things are.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The ticket is at another revision than the caller saw.
    #[error("the ticket has changed: it is at revision {0} by now; look at it again")]
    Changed(u64),
    /// The request_id was used for something else.
    #[error("the request_id was used for a different request")]
    Reused,
    /// The world is down, or we have a bug.
    #[error(transparent)]
    World(#[from] chassis::Error),
}

/// What the write path stands on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {
    /// Store, clock and the rest.
    pub ground: Ground,
    /// The clients' models.
    pub models: Models,
    /// What the clients' past tickets teach.
    pub memories: Memories,
    /// Looks after what is stale.
    pub bell: Bell,
}

impl Desk {
    /// With nothing known yet.
    pub fn new(ground: Ground) -> Self {
        Self { ground, models: Models::default(), memories: Memories::default(), bell: Bell::default() }
    }
}

/// A command with everything that is known of whoever gave it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// For whom the caller may act.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// With which roles.
    pub principal: Arc<Principal>,
    /// What.
    pub asked: Asked,
    /// Of the whole request.
    pub fingerprint: Vec<u8>,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// What became of a command.
#[derive(Debug, Clone)]
pub struct Done {
    /// The ticket as it is then.
    pub found: Found,
    /// The client's model.
    pub model: Arc<SupportModel>,
    /// Somebody may get something by itself now.
    may_give: bool,
}

/// Whether the caller decides for others at this client.
fn is_lead(principal: &Principal, client_id: &ClientId) -> bool {
    let leads = |roles: &BTreeSet<Role>| roles.contains(&Role::Lead) || roles.contains(&Role::Admin);
    leads(&principal.roles_everywhere) || principal.roles.get(client_id).is_some_and(leads)
}

/// Something happened to a ticket.
#[derive(Debug, Clone)]
pub struct Change {
    /// The ticket as it is then.
    pub ticket: Ticket,
    /// What happened, in the order of revisions.
    pub happened: Vec<Happened>,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// Decides once; records the decision and its announcements in one transaction. Returns the ticket as it is then.
///
/// A request seen before changes nothing and gets the ticket as it is now.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn command(desk: &Desk, envelope: Envelope) -> Result<Done, Error> {
    let now = desk.ground.clock.now();
    let (scope, models) = (envelope.scope.clone(), desk.models.clone());
    let store = &desk.ground.store;
    let done = store.unit_of_work(&scope, move |connection| in_transaction(connection, models, envelope, now)).await?;
    if done.may_give {
        desk.bell.ring(&done.found.ticket.client_id);
    }
    Ok(done)
}

fn in_transaction(
    connection: &mut PgConnection,
    models: Models,
    envelope: Envelope,
    now: Timestamp,
) -> BoxFuture<'_, Result<Done, Error>> {
    Box::pin(async move {
        let Envelope { by, principal, mut asked, fingerprint, traceparent, .. } = envelope;
        // The lock comes first: only the ticket says whose inbox the request belongs to.
        let mut found = store::ticket::find(connection, &asked.ticket, true).await?.ok_or(Error::NotFound("ticket"))?;
        let ticket = &found.ticket;
        let key = inbox::request_key(&ticket.client_id, &by.actor_id, &asked.request_id);
        let model = models.one(connection, &ticket.client_id).await?;
        match inbox::remember_request(connection, &ticket.client_id, key, &fingerprint, ticket.ticket_id).await? {
            Seen::New => {}
            Seen::Before { .. } => return Ok(Done { found, model, may_give: false }),
            Seen::Reused => return Err(Error::Reused),
        }
        if asked.expected_revision != 0 && asked.expected_revision != ticket.work.revision {
            return Err(Error::Changed(ticket.work.revision));
        }
        if let Command::Cancel { duplicate_of, duplicate_is_known, .. } = &mut asked.command
            && !duplicate_of.is_empty()
        {
            *duplicate_is_known = store::ticket::is_another(connection, ticket, duplicate_of).await?;
        }
        let loads = around::loads(connection, ticket, &asked.command, &by, &model, now).await?;
        let around = Around {
            model: &model,
            at: now,
            loads: &loads,
            is_lead: is_lead(&principal, &ticket.client_id),
            is_asked: around::is_asked(connection, ticket, &asked.command).await?,
            has_requester: !ticket.matter.requester_email.is_empty(),
        };
        let was_busy = ticket.work.state == State::InProgress;
        let mut change = Change { ticket: found.ticket.clone(), happened: Vec::new(), traceparent };
        for event in decide(&ticket.work, &asked.command, &by, &around)? {
            happen(&mut change, event, &by, now, &asked.request_id);
        }
        if !change.happened.is_empty() {
            let claims = record(connection, std::slice::from_ref(&change), |_| Some(&*model)).await?;
            found.lapses_at = claims.first().map_or(found.lapses_at, |claim| claim.lapses_at);
        }
        found.ticket = change.ticket;
        if !found.ticket.work.is_claimed() {
            found.lapses_at = None;
        }
        // Whoever had it may have room for another one now.
        let is_done = was_busy && found.ticket.work.state != State::InProgress;
        let has_room = is_done && model.queues.keys().any(|queue| model.assigns(queue));
        let may_give = has_room || waits_for_owner(&found.ticket, &model);
        Ok(Done { found, model, may_give })
    })
}

/// Whether it lies in a queue whose tickets get their owners by themselves, and has none.
fn waits_for_owner(ticket: &Ticket, model: &SupportModel) -> bool {
    ticket.work.state == State::Queued && model.assigns(&ticket.work.placement.queue)
}

/// What is decided now never lies before what was decided on: a clock that runs behind another replica's cannot change
/// the order in which the history is read.
fn happen(change: &mut Change, event: Event, by: &Actor, now: Timestamp, cause_id: &str) {
    let work = &mut change.ticket.work;
    let happened = Happened {
        event_id: new_id(),
        revision: work.revision + 1,
        occurred_at: now.max(work.changed_at),
        recorded_at: now,
        actor: by.clone(),
        cause_id: cause_id.to_owned(),
        event,
    };
    *work = evolve(work.clone(), &happened);
    change.happened.push(happened);
}

/// Saves tickets, history, announcements and claims: a handful of statements, however many there are. Returns the
/// claims that were made.
async fn record<'a>(
    connection: &mut PgConnection,
    changes: &[Change],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<Vec<Claim>, chassis::Error> {
    let tickets: Vec<Ticket> = changes.iter().map(|change| change.ticket.clone()).collect();
    store::ticket::save(connection, &tickets).await?;
    let mut entries = Vec::new();
    let mut announcements = Vec::new();
    for Change { ticket, happened, traceparent } in changes {
        for happened in happened {
            let announced = wire::event::announced(ticket, happened);
            entries.push(wire::event::entry(ticket, happened, &announced));
            announcements.push(Announcement::of(&announced, traceparent.clone())?);
        }
    }
    store::history::append(connection, &entries).await?;
    outbox::append(connection, &announcements).await?;
    neighbours::learn(connection, changes).await?;
    let (made, ended) = claims(changes, model_of);
    store::posts::end_claims(connection, &ended).await?;
    store::posts::keep_claims(connection, &made).await?;
    Ok(made)
}

/// The claims that these changes make, and the tickets on which they end them.
fn claims<'a>(changes: &[Change], model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>) -> (Vec<Claim>, Vec<Key>) {
    let (mut made, mut ended) = (Vec::new(), Vec::new());
    for Change { ticket, happened, .. } in changes {
        let key = (ticket.client_id.clone(), ticket.ticket_id);
        let takes =
            |event: &Event| matches!(event, Event::Claimed { .. } | Event::Assigned { .. } | Event::Reopened { .. });
        let taken = happened.iter().rfind(|happened| takes(&happened.event));
        let gives_back = |event: &Event| {
            matches!(event, Event::Released | Event::HandedOver { .. } | Event::ClaimLapsed { .. })
                || matches!(event, Event::Resolved { .. } | Event::Closed { .. } | Event::Cancelled { .. })
        };
        let was_unknown = happened.first().is_some_and(|happened| happened.revision == 1);
        let may_end = !was_unknown && happened.iter().any(|happened| gives_back(&happened.event));
        match (&ticket.work.owner, taken) {
            (Some(owner), Some(taken)) if ticket.work.is_claimed() => made.push(Claim {
                key,
                owner: owner.clone(),
                revision: i64::try_from(taken.revision).unwrap_or(i64::MAX),
                claimed_at: taken.occurred_at,
                lapses_at: model_of(&ticket.client_id).and_then(|model| model.lapses_at(owner, taken.recorded_at)),
            }),
            _ if may_end && !ticket.work.is_claimed() => ended.push(key),
            _ => {}
        }
    }
    (made, ended)
}
