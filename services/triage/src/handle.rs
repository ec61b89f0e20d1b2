//! The one write path: inbox → load → decide → save + outbox → commit.

mod around;
pub mod automation;
pub mod closing;
mod command;
pub mod confidential;
pub mod draft;
mod fulfilment;
pub mod learn;
pub mod model;
pub mod models;
pub mod neighbours;
pub mod overdue;
pub mod posts;
pub mod push;
pub mod recurrence;
pub mod relation;
pub mod roster;
pub mod runs;
pub mod view;
pub mod workspace;

use std::collections::BTreeSet;
use std::sync::Arc;

use contracts::ClientId;

use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::authorisation::{Principal, Role};
use chassis::group::{Group, Lost};
use chassis::outbox::{self, Announcement};
use chassis::writes::Writes;
use chassis::{Ground, Scope, new_id};

use crate::domain::{Actor, Event, Happened, Rejection, State, SupportModel, Ticket, evolve};
use crate::store::posts::Claim;
use crate::store::ticket::Found;
use crate::store::{self, Key};
use crate::watch::Bell;
use crate::wire;
use crate::wire::request::Asked;

use command::Decide;

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
    /// Not allowed as things are with the other tickets.
    #[error(transparent)]
    Bound(#[from] crate::domain::relation::decide::Rejection),
    /// The ticket is at another revision than the caller saw.
    #[error("the ticket has changed: it is at revision {0} by now; look at it again")]
    Changed(u64),
    /// The request_id was used for something else.
    #[error("the request_id was used for a different request")]
    Reused,
    /// Not allowed as things are with runbooks.
    #[error(transparent)]
    Run(#[from] crate::domain::runbook::Refusal),
    /// Not what a runbook takes.
    #[error("the request is not what the runbook takes")]
    Invalid(Vec<chassis::status::Violation>),
    /// Too many commands are waiting.
    #[error("too many commands are waiting; try again shortly")]
    TooMuch,
    /// The world is down, or we have a bug.
    #[error(transparent)]
    World(#[from] chassis::Error),
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Full => Self::TooMuch,
            Lost::Failed(error) => Self::World(error),
        }
    }
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
    /// Looks at what is due on runs of runbooks.
    pub runs: Arc<tokio::sync::Notify>,
    /// Where commands gather.
    commands: Group<Decide>,
}

impl Desk {
    /// With nothing known yet.
    pub fn new(ground: Ground) -> Self {
        let models = Models::default();
        let commands = Group::start(&ground, Decide { ground: ground.clone(), models: models.clone() });
        Self { ground, models, memories: Memories::default(), bell: Bell::default(), runs: Arc::default(), commands }
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

/// Decides once; records the decision and its announcements in one transaction, which it shares with what else was
/// asked for at the time. Returns the ticket as it is then.
///
/// A request seen before changes nothing and gets the ticket as it is now.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn command(desk: &Desk, envelope: Envelope) -> Result<Done, Error> {
    let done = desk.commands.outcome(envelope).await??;
    if done.may_give {
        desk.bell.ring(&done.found.ticket.client_id);
    }
    Ok(done)
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
    record_with(connection, Writes::default(), changes, model_of).await
}

/// As [`record`], together with what else is to be written.
async fn record_with<'a>(
    connection: &mut PgConnection,
    mut writes: Writes,
    changes: &[Change],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
) -> Result<Vec<Claim>, chassis::Error> {
    let is_known = |change: &&Change| change.happened.first().is_some_and(|first| first.revision > 1);
    let known = changes.iter().filter(is_known).map(|change| &change.ticket);
    let new = changes.iter().filter(|change| !is_known(change)).map(|change| &change.ticket);
    store::words::keep(&mut writes, new.clone());
    store::ticket::save(connection, &mut writes, known, new).await?;
    let mut entries = Vec::new();
    let mut announcements = Vec::new();
    for Change { ticket, happened, traceparent } in changes {
        for happened in happened {
            let announced = wire::event::announced(ticket, happened);
            entries.push(wire::event::entry(ticket, happened, &announced));
            announcements.push(Announcement::of(&announced, traceparent.clone())?);
        }
    }
    store::history::append(&mut writes, &entries);
    outbox::add(&mut writes, &announcements);
    neighbours::learn(&mut writes, changes);
    let (made, ended) = claims(changes, &model_of);
    store::posts::end_claims(&mut writes, &ended);
    store::posts::keep_claims(&mut writes, &made);
    writes.run(connection).await?;
    automation::follow(connection, changes, &entries, &model_of).await?;
    store::relation::follow(connection, changes.iter().map(|it| (&it.ticket, it.happened.as_slice()))).await?;
    closing::follow(connection, changes, &model_of).await?;
    confidential::follow(connection, changes, &model_of).await?;
    runs::follow(connection, changes).await?;
    workspace::follow(connection, changes).await?;
    Ok(made)
}

/// The claims that these changes make, and the tickets on which they end them.
fn claims<'a>(changes: &[Change], model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>) -> (Vec<Claim>, Vec<Key>) {
    let (mut made, mut ended) = (Vec::new(), Vec::new());
    for Change { ticket, happened, .. } in changes {
        let key = (ticket.client_id.clone(), ticket.ticket_id);
        let takes = |event: &Event| {
            matches!(event, Event::Claimed { .. } | Event::Assigned { .. } | Event::Reopened { .. })
                || matches!(event, Event::Tied(fact) if fact.takes())
        };
        let taken = happened.iter().rfind(|happened| takes(&happened.event));
        let gives_back = |event: &Event| {
            matches!(event, Event::Released | Event::HandedOver { .. } | Event::ClaimLapsed { .. })
                || matches!(event, Event::Resolved { .. } | Event::Closed { .. } | Event::Cancelled { .. })
                || matches!(event, Event::Tied(fact) if fact.gives_back())
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
