//! Applying a client's support model.

use contracts::ClientId;
use prost::Message;

use chassis::{Error, Ground, Scope};

use crate::store;
use crate::wire;
use crate::wire::model::AppliedModel;

/// Sets a client's model. One that says the same as the newest is no new version. Returns the newest, and whether it
/// is new.
///
/// # Errors
/// If the store failed; nothing was changed then.
pub async fn apply(
    ground: &Ground,
    scope: &Scope,
    client_id: ClientId,
    mut model: AppliedModel,
    by: String,
) -> Result<(AppliedModel, bool), Error> {
    let now = ground.clock.now();
    ground
        .store
        .unit_of_work(scope, move |connection| {
            Box::pin(async move {
                store::model::lock(connection, &client_id).await?;
                let newest = store::model::newest(connection, std::slice::from_ref(&client_id)).await?;
                let newest = newest.get(&client_id).map(|payload| wire::model::decoded(payload)).transpose()?;
                model.version = newest.as_ref().map_or(0, |newest| newest.version);
                if let Some(newest) = newest
                    && newest == model
                {
                    return Ok((newest, false));
                }
                model.version += 1;
                let version = i64::try_from(model.version).map_err(|error| Error::Internal(error.into()))?;
                store::model::add(connection, &client_id, version, model.encode_to_vec(), now, &by).await?;
                Ok((model, true))
            })
        })
        .await
}
