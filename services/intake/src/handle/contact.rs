//! Per tier a contact policy says who writes to requesters.

use chassis::authorisation::{Principal, Role};
use chassis::status::refused;
use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use sqlx::PgConnection;
use tonic::Status;

use crate::store::Found;
use crate::store::contact::{self as rows, Place};
use crate::wire::Message;
use crate::wire::messages::{ActorKind, Channel, Visibility};

/// Keeps where tickets lie.
///
/// # Errors
/// If the store failed; nothing was kept then.
pub async fn follow(ground: &Ground, places: Vec<Place>) -> Result<(), Error> {
    if places.is_empty() {
        return Ok(());
    }
    let scope = Scope::of_all(places.iter().map(|one| &one.client_id));
    let store = &ground.store;
    store
        .unit_of_work(&scope, move |connection| Box::pin(async move { rows::keep_places(connection, &places).await }))
        .await
}

/// Whether an agent speaks to the requester by it.
pub fn speaks(message: &Message) -> bool {
    let by_agent = message.author.as_ref().is_some_and(|author| author.kind() == ActorKind::Agent);
    by_agent && message.visibility() == Visibility::Public
}

/// Whether they may. Leads answer for themselves.
///
/// # Errors
/// The refusal, which says what to do; or the store's.
pub async fn may_write(
    connection: &mut PgConnection,
    client_id: &ClientId,
    found: &Found,
    message: &Message,
    principal: &Principal,
) -> Result<(), Status> {
    let leads = |role: &Role| matches!(role, Role::Lead | Role::Admin);
    let of_client = principal.roles.get(client_id).into_iter().flatten();
    if principal.roles_everywhere.iter().chain(of_client).any(leads) {
        return Ok(());
    }
    let who = &principal.subject;
    let rule = rows::rule(connection, client_id, found.ticket_id, who, message.channel).await?;
    match rule {
        Some(rule) if rule.is_silent && !rule.through.is_empty() => {
            let through = &rule.through;
            let what = format!(
                "agents of this tier speak to requesters through {through}: write a note (INTERNAL) for it, or hand the \
                 ticket over"
            );
            Err(refused("CONTACT_THROUGH_FRONT", what))
        }
        // What comes without a channel of its own is the desk's default: nobody has chosen it.
        Some(rule) if rule.is_shut && message.channel() != Channel::Api => {
            let what = "the tier does not speak to requesters over this channel; use one of its channels";
            Err(refused("CHANNEL_NOT_OF_TIER", what))
        }
        _ => Ok(()),
    }
}
