//! Views: an agent's own are theirs, a team's are kept by leads and everybody's to look at.

use chassis::authorisation::Caller;
use chassis::new_id;
use uuid::Uuid;

use super::{Desk, is_lead};
use crate::store;
use crate::store::view::{Holder, View};
use crate::wire::model::decoded;
use crate::wire::view::Saving;

/// Views of one agent, or of one team, at one client.
pub const MOST: usize = 100;

/// Why a view was not saved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is none, or it is not the caller's.
    #[error("there is no such view")]
    NotFound,
    /// The client is not the caller's.
    #[error("there is no such client")]
    NoClient,
    /// It is at another version than the caller saw.
    #[error("the view has changed meanwhile; look at it again")]
    Changed,
    /// Another one is called so.
    #[error("another view is called so; choose another name, or change that one")]
    NameTaken,
    /// Enough.
    #[error("there are as many views as there may be: {MOST}; delete one first")]
    TooMany,
    /// A team's are not everybody's to change.
    #[error("only a lead saves and deletes the views of a team")]
    LeadNeeded,
    /// The client's model has no queue of such a team.
    #[error("no queue of the client's support model is of this team")]
    UnknownTeam,
    /// The world is down, or we have a bug.
    #[error(transparent)]
    World(#[from] chassis::Error),
}

/// Whether the caller may look at it.
fn is_theirs(view: &View, caller: &Caller) -> bool {
    match &view.holder {
        Holder::Agent(agent) => *agent == caller.principal.subject,
        Holder::Team(_) => true,
    }
}

/// A view that the caller may look at.
///
/// # Errors
/// [`Error::NotFound`], or the store's.
pub async fn find(desk: &Desk, caller: &Caller, view_id: Uuid) -> Result<View, Error> {
    let read = desk
        .ground
        .store
        .read(&caller.scope, move |connection| Box::pin(async move { store::view::find(connection, view_id).await }));
    read.await?.filter(|view| is_theirs(view, caller)).ok_or(Error::NotFound)
}

/// Saves a view. A new one that is there already, just so, is returned as it is.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn save(desk: &Desk, caller: &Caller, asked: Saving) -> Result<View, Error> {
    let scope = caller.scope_of(&asked.client_id).map_err(|_| Error::NoClient)?;
    let lead = is_lead(&caller.principal, &asked.client_id);
    if !asked.team.is_empty() && !lead {
        return Err(Error::LeadNeeded);
    }
    let (caller, now) = (caller.clone(), desk.ground.clock.now());
    let subject = caller.principal.subject.clone();
    let holder = if asked.team.is_empty() { Holder::Agent(subject.clone()) } else { Holder::Team(asked.team.clone()) };
    let save = desk.ground.store.unit_of_work(&scope, move |connection| {
        Box::pin(async move {
            let Saving { client_id, known, name, team, payload } = asked;
            if !team.is_empty() {
                let clients = std::slice::from_ref(&client_id);
                let model = store::model::newest(connection, clients).await?.remove(&client_id);
                let queues = model.map(|payload| decoded(&payload)).transpose()?.unwrap_or_default().queues;
                if !queues.iter().any(|queue| queue.team == team) {
                    return Err(Error::UnknownTeam);
                }
            }
            let others = store::view::of_holder(connection, &client_id, &holder).await?;
            let called_so = others.iter().find(|view| view.name.to_lowercase() == name.to_lowercase());
            let (view_id, version) = match known {
                None => match called_so {
                    Some(same) if same.payload == payload && same.name == name => return Ok(same.clone()),
                    Some(_) => return Err(Error::NameTaken),
                    None if others.len() >= MOST => return Err(Error::TooMany),
                    None => (new_id(), 1),
                },
                Some((view_id, version)) => {
                    let before = others.iter().find(|view| view.view_id == view_id);
                    let before = before.filter(|view| is_theirs(view, &caller)).ok_or(Error::NotFound)?;
                    if before.version != version {
                        return Err(Error::Changed);
                    }
                    if called_so.is_some_and(|other| other.view_id != view_id) {
                        return Err(Error::NameTaken);
                    }
                    (view_id, version + 1)
                }
            };
            let view =
                View { client_id, view_id, name, holder, payload, version, changed_at: now, changed_by: subject };
            if store::view::put(connection, &view).await? { Ok(view) } else { Err(Error::Changed) }
        })
    });
    save.await
}

/// Forgets a view.
///
/// # Errors
/// As [`Error`] says; nothing was changed then.
pub async fn delete(desk: &Desk, caller: &Caller, view_id: Uuid, version: i64) -> Result<(), Error> {
    let view = find(desk, caller, view_id).await?;
    if matches!(view.holder, Holder::Team(_)) && !is_lead(&caller.principal, &view.client_id) {
        return Err(Error::LeadNeeded);
    }
    if view.version != version {
        return Err(Error::Changed);
    }
    let delete = desk.ground.store.unit_of_work(&caller.scope, move |connection| {
        Box::pin(async move { store::view::delete(connection, &view).await })
    });
    if delete.await? { Ok(()) } else { Err(Error::Changed) }
}
