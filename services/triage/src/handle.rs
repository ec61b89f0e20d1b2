//! The one write path: inbox → load → decide → save + outbox → commit.

pub mod learn;
pub mod model;

use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::PgConnection;

use chassis::inbox::{self, Seen};
use chassis::outbox::{self, Announcement};
use chassis::{Ground, Scope, new_id};

use crate::domain::{Actor, Command, Event, Happened, Rejection, SupportModel, Ticket, decide, evolve};
use crate::store;
use crate::store::ticket::Found;
use crate::wire;
use crate::wire::request::Asked;

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

/// A command with everything that is known of whoever gave it.
#[derive(Debug, Clone)]
pub struct Envelope {
    /// For whom the caller may act.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// What.
    pub asked: Asked,
    /// Of the whole request.
    pub fingerprint: Vec<u8>,
    /// The trace to go on with.
    pub traceparent: Option<String>,
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
pub async fn command(ground: &Ground, envelope: Envelope) -> Result<Found, Error> {
    let now = ground.clock.now();
    let scope = envelope.scope.clone();
    ground.store.unit_of_work(&scope, move |connection| in_transaction(connection, envelope, now)).await
}

fn in_transaction(
    connection: &mut PgConnection,
    envelope: Envelope,
    now: Timestamp,
) -> BoxFuture<'_, Result<Found, Error>> {
    Box::pin(async move {
        let Envelope { by, mut asked, fingerprint, traceparent, .. } = envelope;
        // The lock comes first: only the ticket says whose inbox the request belongs to.
        let mut found = store::ticket::find(connection, &asked.ticket, true).await?.ok_or(Error::NotFound("ticket"))?;
        let ticket = &found.ticket;
        let key = inbox::request_key(&ticket.client_id, &by.actor_id, &asked.request_id);
        match inbox::remember_request(connection, &ticket.client_id, key, &fingerprint, ticket.ticket_id).await? {
            Seen::New => {}
            Seen::Before { .. } => return Ok(found),
            Seen::Reused => return Err(Error::Reused),
        }
        if asked.expected_revision != 0 && asked.expected_revision != ticket.work.revision {
            return Err(Error::Changed(ticket.work.revision));
        }
        let model = known_model(connection, ticket, &asked.command).await?;
        if let Command::Cancel { duplicate_of, duplicate_is_known, .. } = &mut asked.command
            && !duplicate_of.is_empty()
        {
            *duplicate_is_known = store::ticket::is_another(connection, ticket, duplicate_of).await?;
        }
        let mut change = Change { ticket: found.ticket.clone(), happened: Vec::new(), traceparent };
        for event in decide(&ticket.work, &asked.command, &by, &model)? {
            happen(&mut change, event, &by, now, &asked.request_id);
        }
        if !change.happened.is_empty() {
            record(connection, std::slice::from_ref(&change)).await?;
        }
        found.ticket = change.ticket;
        Ok(found)
    })
}

/// The client's model, if the command needs it.
async fn known_model(
    connection: &mut PgConnection,
    ticket: &Ticket,
    command: &Command,
) -> Result<SupportModel, chassis::Error> {
    if !matches!(command, Command::Triage(_) | Command::HandOver { .. }) {
        return Ok(SupportModel::default());
    }
    let models = store::model::newest(connection, std::slice::from_ref(&ticket.client_id)).await?;
    models.get(&ticket.client_id).map_or_else(|| Ok(SupportModel::default()), |payload| wire::model::kept(payload))
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

/// Saves tickets, history and announcements: three statements, however many there are.
async fn record(connection: &mut PgConnection, changes: &[Change]) -> Result<(), chassis::Error> {
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
    outbox::append(connection, &announcements).await
}
