//! The desk's services, as data.

use chassis::doors::Running;
use chassis::{Ground, Wiring};
use sqlx::migrate::Migrator;
use std::pin::Pin;

type Starting = Pin<Box<dyn Future<Output = anyhow::Result<Running>> + Send>>;

/// One service: its connections, its schema, how to start it.
#[derive(Clone, Copy)]
pub struct Service {
    /// What it serves, announces and listens to; also its name.
    pub wiring: &'static Wiring,
    /// Its own migrations.
    pub schema: &'static Migrator,
    /// Opens its doors.
    pub start: fn(Ground) -> Starting,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.wiring.service)
    }
}

impl Service {
    /// Its name: folder, crate, Kubernetes name.
    pub fn name(&self) -> &'static str {
        self.wiring.service
    }

    /// Its database's name.
    pub fn database(&self) -> String {
        self.name().replace('-', "_")
    }
}

/// All services, in the order of a ticket's way.
pub static SERVICES: [Service; 5] = [
    Service { wiring: &intake::WIRING, schema: &intake::SCHEMA, start: |ground| Box::pin(intake::start(ground)) },
    Service { wiring: &triage::WIRING, schema: &triage::SCHEMA, start: |ground| Box::pin(triage::start(ground)) },
    Service {
        wiring: &sla_timer::WIRING,
        schema: &sla_timer::SCHEMA,
        start: |ground| Box::pin(sla_timer::start(ground)),
    },
    Service {
        wiring: &knowledge_base::WIRING,
        schema: &knowledge_base::SCHEMA,
        start: |ground| Box::pin(knowledge_base::start(ground)),
    },
    Service {
        wiring: &reporting::WIRING,
        schema: &reporting::SCHEMA,
        start: |ground| Box::pin(reporting::start(ground)),
    },
];

/// The service of that name.
pub fn service(name: &str) -> Option<Service> {
    SERVICES.iter().copied().find(|service| service.name() == name)
}

#[cfg(test)]
mod tests;
