//! Applying a client's support model.

use contracts::ClientId;
use prost::Message;

use chassis::{Error, Scope};

use super::Desk;
use crate::store::{self, posts};
use crate::wire;
use crate::wire::model::AppliedModel;

/// Sets a client's model, and has its work looked after by it at once. One that says the same as the newest is no new version. Returns the newest, and whether it
/// is new.
///
/// # Errors
/// If the store failed; nothing was changed then.
pub async fn apply(
    desk: &Desk,
    scope: &Scope,
    client_id: ClientId,
    mut model: AppliedModel,
    by: String,
) -> Result<(AppliedModel, bool), Error> {
    let now = desk.ground.clock.now();
    let whose = client_id.clone();
    let applied = desk
        .ground
        .store
        .unit_of_work(scope, move |connection| {
            Box::pin(async move {
                store::model::lock(connection, &client_id).await?;
                let newest = store::model::newest(connection, std::slice::from_ref(&client_id)).await?;
                let newest = newest.get(&client_id).map(|payload| wire::model::decoded(payload)).transpose()?;
                model.version = newest.as_ref().map_or(0, |newest| newest.version);
                let had_rules = newest.as_ref().is_some_and(|newest| !newest.automation.is_empty());
                let gone: Vec<String> = match newest {
                    Some(newest) if newest == model => return Ok((newest, false)),
                    Some(newest) => newest.queues.into_iter().map(|queue| queue.queue).collect(),
                    None => Vec::new(),
                };
                model.version += 1;
                let version = i64::try_from(model.version).map_err(|error| Error::Internal(error.into()))?;
                store::model::add(connection, &client_id, version, model.encode_to_vec(), now, &by).await?;
                let there: Vec<&str> = model.queues.iter().map(|queue| queue.queue.as_str()).collect();
                let gone: Vec<&str> = gone.iter().map(String::as_str).filter(|one| !there.contains(one)).collect();
                posts::vanish(connection, &client_id, &gone, &there).await?;
                posts::watch(connection, &client_id, now).await?;
                super::automation::plan::begin(connection, &client_id, &model, had_rules, now).await?;
                Ok::<_, Error>((model, true))
            })
        })
        .await?;
    if applied.1 && applied.0.closing.is_some() {
        super::closing::plan_all(desk, &whose).await?;
    }
    desk.bell.ring(&whose);
    Ok(applied)
}
