//! How a client's contacts are taken in: what its file says, kept by version and known by this process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chassis::{Error, Ground, Scope};
use contracts::ClientId;
use prost::Message as _;
use sqlx::PgConnection;

use crate::domain::alert::AlertRules;
use crate::domain::form::Form;
use crate::store;
use crate::wire;
use crate::wire::messages::IntakeSettings;

/// What holds for a client.
#[derive(Debug, Default)]
pub struct Known {
    /// Which version this is; 0: the defaults.
    pub version: i64,
    /// How alerts are taken.
    pub alerts: AlertRules,
    /// Forms by category.
    pub forms: HashMap<String, Form>,
}

/// The clients' settings. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    known: Arc<Mutex<HashMap<String, Arc<Known>>>>,
    defaults: Arc<Known>,
}

impl Settings {
    /// What holds for a client, by the version that its row names. Nothing is asked where it is known.
    ///
    /// # Errors
    /// If the store failed.
    pub async fn of(
        &self,
        connection: &mut PgConnection,
        client_id: &str,
        version: Option<i64>,
    ) -> Result<Arc<Known>, Error> {
        let Some(version) = version else { return Ok(Arc::clone(&self.defaults)) };
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(client_id).filter(|known| known.version == version) {
            return Ok(Arc::clone(known));
        }
        let body = store::settings(connection, client_id, version).await?;
        let settings = body.map(|body| IntakeSettings::decode(body.as_slice())).transpose();
        let settings = settings.map_err(|error| Error::Internal(error.into()))?.unwrap_or_default();
        let known = Arc::new(Known {
            version,
            alerts: wire::alert::rules(settings.alerts.as_ref()),
            forms: wire::settings::forms(&settings),
        });
        lock().insert(client_id.to_owned(), Arc::clone(&known));
        Ok(known)
    }
}

/// Keeps checked settings as the next version; the same again changes nothing. `None` if there is no such client.
///
/// # Errors
/// If the store failed.
pub async fn apply(
    ground: &Ground,
    client_id: ClientId,
    mut settings: IntakeSettings,
    applied_by: String,
) -> Result<Option<(IntakeSettings, bool)>, Error> {
    let now = ground.clock.now();
    let scope = Scope::of(&client_id);
    let store = &ground.store;
    store
        .unit_of_work(&scope, move |connection| {
            Box::pin(async move {
                let homes = store::hold_clients(connection, &[client_id.as_str()]).await?;
                let Some(home) = homes.get(client_id.as_str()) else { return Ok(None) };
                let last = home.settings_version.unwrap_or_default();
                settings.version = last.unsigned_abs();
                if last == 0 && settings.alerts.is_none() && settings.forms.is_empty() && settings.contact.is_empty() {
                    return Ok(Some((settings, false)));
                }
                let present = store::settings(connection, client_id.as_str(), last).await?;
                if present.as_deref() == Some(settings.encode_to_vec().as_slice()) {
                    return Ok(Some((settings, false)));
                }
                settings.version += 1;
                let body = settings.encode_to_vec();
                store::save_settings(connection, &client_id, last + 1, body, now, &applied_by).await?;
                store::contact::apply(connection, &client_id, &settings.contact).await?;
                Ok::<_, Error>(Some((settings, true)))
            })
        })
        .await
}
