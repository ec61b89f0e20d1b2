//! The clients' support models, compiled once per version.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contracts::ClientId;
use sqlx::PgConnection;

use chassis::Error;

use crate::domain::SupportModel;
use crate::{store, wire};

type Known = HashMap<ClientId, (u64, Arc<SupportModel>)>;

/// The newest models that were looked at. Which version is the newest, the store says each time.
#[derive(Debug, Clone, Default)]
pub struct Models(Arc<Mutex<Known>>);

impl Models {
    /// The newest models of these clients; the default one for a client that has none.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn of(
        &self,
        connection: &mut PgConnection,
        clients: &[ClientId],
    ) -> Result<HashMap<ClientId, Arc<SupportModel>>, Error> {
        let versions = store::model::versions(connection, clients).await?;
        let mut models = HashMap::new();
        let mut unknown = Vec::new();
        {
            let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for client_id in clients {
                match (versions.get(client_id), known.get(client_id)) {
                    (None, _) => {
                        models.insert(client_id.clone(), Arc::default());
                    }
                    (Some(version), Some((kept, model))) if kept == version => {
                        models.insert(client_id.clone(), model.clone());
                    }
                    (Some(_), _) => unknown.push(client_id.clone()),
                }
            }
        }
        for (client_id, payload) in store::model::newest(connection, &unknown).await? {
            let model = Arc::new(wire::model::kept(&payload)?);
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            known.insert(client_id.clone(), (model.version, model.clone()));
            models.insert(client_id, model);
        }
        Ok(models)
    }

    /// Whether any client that was looked at has rules that give commands.
    pub fn has_rules(&self) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.values().any(|(_, model)| model.automation.is_active())
    }

    /// The newest model of one client.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn one(&self, connection: &mut PgConnection, client_id: &ClientId) -> Result<Arc<SupportModel>, Error> {
        let mut models = self.of(connection, std::slice::from_ref(client_id)).await?;
        Ok(models.remove(client_id).unwrap_or_default())
    }
}
