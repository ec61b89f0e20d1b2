//! What agents keep on tickets: many commands at once, and what is found by tags, watchers and mentions.

use std::collections::HashMap;
use std::sync::Arc;

use chassis::Scope;
use chassis::authorisation::Principal;
use contracts::ClientId;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use sqlx::PgConnection;
use uuid::Uuid;

use super::learn::key_of;
use super::{Change, Desk, Done, Envelope, Error, command};
use crate::domain::workspace::{Step, mention};
use crate::domain::{Actor, Case, Event, SupportModel};
use crate::store::ticket::Name;
use crate::store::workspace::Kept;
use crate::store::{self, Key};
use crate::wire::heard::{Heard, Told};
use crate::wire::request::Asked;
use crate::wire::workspace::request::BulkAsked;

/// Commands of one bulk that are under way at a time: others' commands come in between.
const AT_ONCE: usize = 64;

/// A bulk command with everything that is known of whoever gave it.
#[derive(Debug, Clone)]
pub struct Bulk {
    /// For whom the caller may act.
    pub scope: Scope,
    /// Who.
    pub by: Actor,
    /// With which roles.
    pub principal: Arc<Principal>,
    /// What.
    pub asked: BulkAsked,
    /// Of the request without its tickets: whoever asks again may leave out what was done.
    pub fingerprint: Vec<u8>,
    /// The trace to go on with.
    pub traceparent: Option<String>,
}

/// Gives one command on many tickets, each as if it had come alone. What became of each, in the order in which they
/// were named.
///
/// # Errors
/// If the tickets cannot be looked up; nothing was done then.
pub async fn bulk(desk: &Desk, bulk: Bulk) -> Result<Vec<(String, Result<Done, Error>)>, Error> {
    let Bulk { scope, by, principal, asked, fingerprint, traceparent } = bulk;
    let names: Vec<Name> = asked.tickets.iter().map(|(_, name)| name.clone()).collect();
    let look = desk
        .ground
        .store
        .read(&scope, move |connection| Box::pin(async move { store::workspace::ids(connection, &names).await }));
    let ids = look.await?;
    let one = |(ticket, name): (String, Name)| {
        let known = match &name {
            Name::Reference(reference) => ids.get(reference),
            Name::Id(ticket_id) => ids.get(&ticket_id.to_string()),
        };
        let envelope = known.map(|ticket_id| Envelope {
            scope: scope.clone(),
            by: by.clone(),
            principal: Arc::clone(&principal),
            asked: Asked {
                request_id: request_id_of(&asked.request_id, *ticket_id),
                ticket: Name::Id(*ticket_id),
                expected_revision: 0,
                command: asked.command.clone(),
            },
            fingerprint: fingerprint.clone(),
            traceparent: traceparent.clone(),
        });
        let desk = desk.clone();
        Box::pin(async move {
            let outcome = match envelope {
                Some(envelope) => command(&desk, envelope).await,
                None => Err(Error::NotFound("ticket")),
            };
            (ticket, outcome)
        })
    };
    let each: Vec<_> = asked.tickets.clone().into_iter().map(one).collect();
    Ok(stream::iter(each).buffered(AT_ONCE).collect().await)
}

/// Of one command of many: the same for the same ticket however it is named.
fn request_id_of(request_id: &str, ticket_id: Uuid) -> String {
    Uuid::new_v5(&ticket_id, format!("bulk/{request_id}").as_bytes()).to_string()
}

/// Lets tickets be found by what they are tagged with and who watches them, and agents find their mentions.
pub(super) async fn follow(connection: &mut PgConnection, changes: &[Change]) -> Result<(), chassis::Error> {
    let (mut tagged, mut watched, mut mentions) = (Vec::new(), Vec::new(), Vec::new());
    for Change { ticket, happened, .. } in changes {
        let key = || (ticket.client_id.clone(), ticket.ticket_id);
        let steps = || {
            happened
                .iter()
                .filter_map(|it| if let Event::Workspace(step) = &it.event { Some((it, step)) } else { None })
        };
        let workspace = &ticket.work.workspace;
        if steps().any(|(_, step)| matches!(step, Step::Tagged { .. })) {
            tagged.push((key(), workspace.tags.as_slice()));
        }
        let is_of_watchers = |step: &Step| {
            matches!(step, Step::WatcherAdded { .. } | Step::WatcherRemoved { .. } | Step::Mentioned { .. })
        };
        if steps().any(|(_, step)| is_of_watchers(step)) {
            watched.push((key(), workspace.watchers.as_slice()));
        }
        for (it, step) in steps() {
            let Step::Mentioned { agents, excerpt, message_id } = step else { continue };
            mentions.extend(agents.iter().map(|agent| Kept {
                key: key(),
                agent,
                event_id: it.event_id,
                mentioned_at: it.occurred_at,
                by: &it.actor,
                excerpt,
                message_id,
            }));
        }
    }
    store::workspace::put(connection, &store::workspace::TAGS, &tagged).await?;
    store::workspace::put(connection, &store::workspace::WATCHERS, &watched).await?;
    store::workspace::mention(connection, &mentions).await
}

/// Notes of agents that name others, after the registrations of the same batch. A ticket that is not known yet will be:
/// its registration is on the same stream, so that the note is heard again.
pub(super) fn mention<'a>(
    cases: &mut HashMap<Key, Case>,
    heard: &[Heard],
    model_of: impl Fn(&ClientId) -> Option<&'a SupportModel>,
    now: Timestamp,
) -> Result<(), chassis::Error> {
    for one in heard {
        let Told::Noted(note) = &one.told else { continue };
        let Some(model) = model_of(&one.client_id).filter(|model| !model.agents.is_empty()) else { continue };
        let case = cases.get_mut(&key_of(one)).filter(|case| case.ticket().is_some());
        let case = case.ok_or_else(|| chassis::Error::internal("a note is on a ticket that is not known yet"))?;
        let Some(ticket) = case.ticket() else { continue };
        let found = mention::of(&note.text, &note.message_id, &note.by.actor_id, &ticket.work, model);
        if let Some(step) = found {
            case.mention(step, one.event_id, &note.by, note.written_at, now);
        }
    }
    Ok(())
}
