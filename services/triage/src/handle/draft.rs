//! Who is at a ticket, and what they are about to say: kept for each for themselves, by the database's clock.

use chassis::authorisation::Caller;
use chassis::store::now;
use jiff::{SignedDuration, Timestamp};
use sqlx::PgConnection;

use super::Desk;
use super::learn::key_of;
use crate::domain::{Actor, SupportModel, Ticket};
use crate::store::draft::{self as rows, Answer, Draft, Present};
use crate::store::ticket::Name;
use crate::store::{self, Key};
use crate::wire::heard::{Heard, Told};

/// How long somebody is there who does not say so again.
pub const PRESENT_FOR: SignedDuration = SignedDuration::from_secs(30);
/// Drafts of one agent at one client.
pub const MOST_DRAFTS: i64 = 200;

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or it is not the caller's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The draft is at another version than the caller saw.
    #[error("the draft has changed meanwhile; look at it again")]
    Changed,
    /// Enough.
    #[error("there are as many drafts as there may be: {MOST_DRAFTS}; discard one first")]
    TooMany,
    /// The world is down, or we have a bug.
    #[error(transparent)]
    World(#[from] chassis::Error),
}

/// What somebody does at a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Reads it.
    Looking,
    /// Writes on it.
    Writing,
    /// Is there no longer.
    Gone,
}

/// A draft as somebody wants it kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saving {
    /// On which ticket.
    pub ticket: Name,
    /// What.
    pub body: String,
    /// To whom, as on the wire.
    pub visibility: i16,
    /// 0: a new one.
    pub version: i64,
}

/// A draft with what others have said since it was begun.
pub type Found = (Draft, Vec<(Actor, Timestamp)>);

/// The ticket, if the caller may look into it.
async fn ticket(connection: &mut PgConnection, desk: &Desk, name: &Name, agent: &str) -> Result<(Key, Ticket), Error> {
    let found = store::ticket::find(connection, name).await?.ok_or(Error::NotFound("ticket"))?;
    let model: std::sync::Arc<SupportModel> = desk.models.one(connection, &found.ticket.client_id).await?;
    if !model.may_read(&found.ticket.work, agent) {
        return Err(Error::NotFound("ticket"));
    }
    Ok(((found.ticket.client_id.clone(), found.ticket.ticket_id), found.ticket))
}

/// Somebody says what they do at a ticket. Returns everybody who is there, and until when they are themselves.
///
/// # Errors
/// As [`Error`] says.
pub async fn tell(
    desk: &Desk,
    caller: &Caller,
    name: Name,
    doing: Option<Doing>,
) -> Result<(Vec<Present>, Option<Timestamp>), Error> {
    let (desk, agent) = (desk.clone(), caller.principal.subject.clone());
    let store = desk.ground.store.clone();
    let tell = store.unit_of_work(&caller.scope, move |connection| {
        Box::pin(async move {
            let (key, _) = ticket(connection, &desk, &name, &agent).await?;
            let at = now(connection, &desk.ground.clock).await?;
            let until_at = at.saturating_add(PRESENT_FOR).unwrap_or(at);
            let is_writing = doing == Some(Doing::Writing);
            let mut until = None;
            match doing {
                Some(Doing::Gone) => rows::go(connection, &key, &agent).await?,
                Some(Doing::Looking | Doing::Writing) => {
                    let one = Present { agent, is_writing, until_at };
                    rows::be_present(connection, &key, &one, at).await?;
                    until = Some(until_at);
                }
                None => {}
            }
            Ok::<_, Error>((rows::present(connection, &key, at).await?, until))
        })
    });
    tell.await
}

/// Keeps a draft. It is begun when it is kept first.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn save(desk: &Desk, caller: &Caller, asked: Saving) -> Result<Found, Error> {
    let (desk, agent) = (desk.clone(), caller.principal.subject.clone());
    let store = desk.ground.store.clone();
    let save = store.unit_of_work(&caller.scope, move |connection| {
        Box::pin(async move {
            let Saving { ticket: name, body, visibility, version } = asked;
            let (key, known) = ticket(connection, &desk, &name, &agent).await?;
            let at = now(connection, &desk.ground.clock).await?;
            let before = rows::find(connection, &key, &agent).await?;
            // The same once more, whose answer was lost.
            let is_same = |it: &Draft| it.body == body && it.visibility == visibility && it.version == version + 1;
            if let Some(same) = before.clone().filter(is_same) {
                let others = rows::overtaken_by(connection, &same).await?;
                return Ok((same, others));
            }
            let begun_at = match &before {
                Some(before) if before.version == version => before.begun_at,
                None if version == 0 => {
                    if rows::count(connection, &key.0, &agent).await? >= MOST_DRAFTS {
                        return Err(Error::TooMany);
                    }
                    at
                }
                None => return Err(Error::NotFound("draft")),
                Some(_) => return Err(Error::Changed),
            };
            let (reference, version) = (known.matter.reference, version + 1);
            let draft = Draft { key, reference, agent, body, visibility, version, begun_at, saved_at: at };
            if !rows::put(connection, &draft).await? {
                return Err(Error::Changed);
            }
            let others = rows::overtaken_by(connection, &draft).await?;
            Ok((draft, others))
        })
    });
    save.await
}

/// The caller's draft on a ticket.
///
/// # Errors
/// As [`Error`] says.
pub async fn find(desk: &Desk, caller: &Caller, name: Name) -> Result<Found, Error> {
    let (desk, agent) = (desk.clone(), caller.principal.subject.clone());
    let store = desk.ground.store.clone();
    let find = store.read(&caller.scope, move |connection| {
        Box::pin(async move {
            let (key, _) = ticket(connection, &desk, &name, &agent).await?;
            let draft = rows::find(connection, &key, &agent).await?.ok_or(Error::NotFound("draft"))?;
            let others = rows::overtaken_by(connection, &draft).await?;
            Ok::<_, Error>((draft, others))
        })
    });
    find.await
}

/// Forgets the caller's draft on a ticket, also on one that they may look into no longer.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn discard(desk: &Desk, caller: &Caller, name: Name, version: i64) -> Result<(), Error> {
    let (agent, looking) = (caller.principal.subject.clone(), desk.clone());
    let discard = desk.ground.store.unit_of_work(&caller.scope, move |connection| {
        Box::pin(async move {
            let found = store::ticket::find(connection, &name).await?.ok_or(Error::NotFound("ticket"))?;
            let key = (found.ticket.client_id, found.ticket.ticket_id);
            let Some(draft) = rows::find(connection, &key, &agent).await? else {
                // Whoever has none learns nothing of what is not for their eyes.
                ticket(connection, &looking, &name, &agent).await?;
                return Err(Error::NotFound("draft"));
            };
            if draft.version != version || !rows::discard(connection, &draft).await? {
                return Err(Error::Changed);
            }
            Ok(())
        })
    });
    discard.await
}

/// Keeps who answered requesters: whoever has a draft wants to know.
pub(super) async fn keep_answers(connection: &mut PgConnection, heard: &[Heard]) -> Result<(), chassis::Error> {
    let answer = |one: &Heard| match &one.told {
        Told::Asked(asked) => Some(Answer {
            key: key_of(one),
            event_id: one.event_id,
            written_at: asked.at,
            by: asked.by.actor_id.clone(),
        }),
        _ => None,
    };
    let mut answers: Vec<Answer> = heard.iter().filter_map(answer).collect();
    answers.sort_by_key(|answer| (answer.key.clone(), answer.event_id));
    rows::keep_answers(connection, &answers).await
}
