//! What a service stands on.

use std::sync::Arc;

use crate::bus::Bus;
use crate::metrics::Metrics;
use crate::store::{Store, StoreConfig};
use crate::token::Verifier;
use crate::{Clock, Config, Remarks, Stop};

/// Store, bus, clock, keys, figures and stop of one running service. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ground {
    /// The service's name.
    pub service: &'static str,
    /// Its store.
    pub store: Store,
    /// Its connection to NATS.
    pub bus: Bus,
    /// What time it is.
    pub clock: Clock,
    /// How it stops.
    pub stop: Stop,
    /// Whose tokens it believes.
    pub verifier: Arc<Verifier>,
    /// What it measures.
    pub metrics: Arc<Metrics>,
    /// What does not work although it does.
    pub remarks: Remarks,
    /// Its settings.
    pub config: Arc<Config>,
}

impl Ground {
    /// Prepares everything without waiting for anything: Postgres and NATS may come up later.
    ///
    /// # Errors
    /// If a setting cannot be used.
    pub async fn lay(service: &'static str, config: Config, clock: Clock) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::new(service)?);
        let store = Store::open(
            &StoreConfig {
                app_url: config.database_url.clone(),
                machinery_url: config.machinery_database_url.clone(),
                connections: config.database_connections,
            },
            service,
        )?
        .measured_by(&metrics);
        let bus = Bus::connect(&config.nats_url, config.nats_ca.as_deref(), config.nats_certificate.as_ref(), service)
            .await?;
        let verifier = Arc::new(Verifier::new(config.tokens.clone()).await?);
        Ok(Self {
            service,
            store,
            bus,
            clock,
            stop: Stop::default(),
            verifier,
            metrics,
            remarks: Remarks::default(),
            config: Arc::new(config),
        })
    }
}
