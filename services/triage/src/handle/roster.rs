//! Who is at the desk.

use std::collections::BTreeMap;
use std::sync::Arc;

use contracts::ClientId;

use chassis::{Error, Scope};

use super::Desk;
use crate::domain::SupportModel;
use crate::domain::assign::Loads;
use crate::store::posts;

/// What a roster is told from.
#[derive(Debug)]
pub struct AtTheDesk {
    /// The client's newest.
    pub model: Arc<SupportModel>,
    /// What each agent has on the table.
    pub loads: Loads,
    /// Open tickets that nobody has, by queue.
    pub unclaimed: BTreeMap<String, i64>,
}

/// A client's desk with the work as it is now.
///
/// # Errors
/// If the store failed.
pub async fn of(desk: &Desk, scope: &Scope, client_id: ClientId) -> Result<AtTheDesk, Error> {
    let models = desk.models.clone();
    let store = &desk.ground.store;
    store
        .read(scope, move |connection| {
            Box::pin(async move {
                let model = models.one(connection, &client_id).await?;
                let agents: Vec<&str> = model.agents.keys().map(String::as_str).collect();
                let loads = posts::loads(connection, &client_id, "", &agents, false).await?;
                let unclaimed = posts::unclaimed_by_queue(connection, &client_id).await?;
                Ok(AtTheDesk { model, loads, unclaimed })
            })
        })
        .await
}
