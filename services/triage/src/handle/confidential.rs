//! What somebody may not look into, by the newest models: judged anew with each look.

use contracts::ClientId;
use sqlx::PgConnection;

use chassis::Error;

use super::Models;
use crate::store;
use crate::store::list::Hidden;

/// The queues that are hidden from somebody. `clients` `None`: of all in scope.
///
/// # Errors
/// If the store failed.
pub async fn hidden(
    connection: &mut PgConnection,
    models: &Models,
    clients: Option<&[String]>,
    agent: String,
) -> Result<Hidden, Error> {
    let clients: Vec<ClientId> = match clients {
        Some(clients) => clients.iter().filter_map(|client_id| ClientId::new(client_id).ok()).collect(),
        None => store::model::clients(connection).await?,
    };
    let mut queues = Vec::new();
    for (client_id, model) in models.of(connection, &clients).await? {
        queues.extend(model.hidden_from(&agent).into_iter().map(|queue| (client_id.to_string(), queue)));
    }
    Ok(Hidden { agent, queues })
}
