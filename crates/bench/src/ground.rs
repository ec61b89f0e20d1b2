//! What a benchmark stands on: real servers, and services as processes of their own.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use anyhow::Context;
use chassis::authorisation::Role;
use chassis::token::Grant;
use jiff::SignedDuration;
use local::{Desk, DeskOptions, SERVICES, Service};
use tempfile::TempDir;

use crate::cpu::{self, CpuMs};
use crate::machine::{self, Machine};
use crate::service::ServiceProcess;
use crate::store::count::{self, Rows};
use crate::{Common, Progress};

/// Where nothing changes for so long, nothing will any more.
const CHANGES_WITHIN: Duration = Duration::from_secs(120);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Where the services are, and a token to use them.
#[derive(Debug, Clone)]
pub struct Doors {
    /// Service → http://host:port
    pub endpoints: BTreeMap<String, String>,
    /// The operator's admin's.
    pub token: String,
}

/// Postgres and nats-server as durable as those of `skranke up`, and services as processes.
#[derive(Debug)]
pub struct Ground {
    pub(crate) desk: Desk,
    pub(crate) services: BTreeMap<&'static str, ServiceProcess>,
    pub(crate) machine: Machine,
    common: Common,
    folder: TempDir,
}

impl Ground {
    /// Starts the servers and prepares stores and streams; then these services.
    ///
    /// # Errors
    /// If something does not start.
    pub async fn lay(common: &Common, services: &[Service], progress: &Progress) -> anyhow::Result<Self> {
        anyhow::ensure!(cfg!(target_os = "linux"), "benchmarks read CPU time and memory from Linux's /proc");
        // Postgres runs as another user where we are root and must get in.
        let folder = tempfile::Builder::new()
            .prefix("skranke-bench-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir_in(&common.folder)
            .with_context(|| format!("cannot make a folder in {}", common.folder.display()))?;
        let machine = Machine::look(&common.binaries, folder.path())?;
        if ["tmpfs", "ramfs"].contains(&machine.file_system.as_str()) {
            progress.note(&format!(
                "WARNING: {} is memory, no disk: what is measured there is not what a commit costs (see --folder)",
                common.folder.display()
            ));
        }
        let mut options = DeskOptions::new(folder.path().join("desk"));
        options.services = Vec::new();
        let desk = Desk::start(&common.binaries, options, &|text| progress.say(text)).await?;
        let mut ground = Self { desk, services: BTreeMap::new(), machine, common: common.clone(), folder };
        for service in services {
            progress.say(&format!("starting {}", service.name()));
            ground.start(*service)?;
        }
        for process in ground.services.values_mut() {
            process.ready().await?;
        }
        Ok(ground)
    }

    /// Starts a service.
    pub(crate) fn start(&mut self, service: Service) -> anyhow::Result<()> {
        let process = ServiceProcess::start(&self.common.program, &self.desk, service)?;
        self.services.insert(service.name(), process);
        Ok(())
    }

    /// Ends a service in order; nobody waits for it any more.
    pub(crate) async fn end(&mut self, name: &str) -> anyhow::Result<()> {
        let mut process = self.services.remove(name).with_context(|| format!("{name} was not started"))?;
        anyhow::ensure!(process.stop().await?, "{name} did not end in order");
        Ok(())
    }

    /// One service's process.
    pub(crate) fn service(&mut self, name: &str) -> anyhow::Result<&mut ServiceProcess> {
        self.services.get_mut(name).with_context(|| format!("{name} was not started"))
    }

    /// Where the services are, for the operator's admin.
    pub(crate) fn doors(&self) -> anyhow::Result<Doors> {
        let endpoints = self.services.iter().map(|(name, one)| ((*name).to_owned(), one.endpoint())).collect();
        Ok(Doors { endpoints, token: self.token("admin@operator.example", &[(Role::Admin, "*")])? })
    }

    /// A token of the desk's issuer.
    pub(crate) fn token(&self, subject: &str, grants: &[(Role, &str)]) -> anyhow::Result<String> {
        let grants = grants.iter().map(|(role, client)| Grant { client: (*client).to_owned(), role: *role }).collect();
        self.desk.issuer.issue(subject, grants, self.desk.clock.now(), SignedDuration::from_hours(24))
    }

    /// CPU time until now, of everybody.
    pub(crate) fn cpu(&self) -> anyhow::Result<CpuMs> {
        let mut used = BTreeMap::new();
        for (name, process) in &self.services {
            used.insert((*name).to_owned(), cpu::of_process(process.pid()?)?);
        }
        let postgres = self.desk.postgres.pid().context("Postgres has ended")?;
        let nats = self.desk.nats.pid().context("nats-server has ended")?;
        used.insert(cpu::POSTGRES.to_owned(), cpu::of_family(postgres)?);
        used.insert(cpu::NATS.to_owned(), cpu::of_process(nats)?);
        used.insert(cpu::LOAD.to_owned(), cpu::of_process(std::process::id())?);
        Ok(CpuMs(used))
    }

    /// Waits until a service's stream has at least so many messages: everything it had to tell is told.
    pub(crate) async fn announced(&self, service: &Service, at_least: u64) -> anyhow::Result<()> {
        let package = service.wiring.announces.context("the service announces nothing")?;
        let stream = chassis::stream_for(package);
        self.until("facts are not announced", || async {
            let info = self.desk.bus.jetstream.get_stream(&stream).await?;
            Ok(at_least.saturating_sub(info.cached_info().state.messages))
        })
        .await
    }

    /// Waits until nobody has anything left to do: outboxes announced, streams handled.
    pub(crate) async fn settle(&self) -> anyhow::Result<()> {
        self.until("messages are not handled or announced", || async {
            // Counting outboxes is work; first wait for what NATS knows of itself.
            let unhandled = self.unhandled().await?;
            let undone = if unhandled == 0 { self.unannounced().await? } else { unhandled };
            // What was announced while it was counted may be unhandled now.
            if undone == 0 { self.unhandled().await } else { Ok(undone) }
        })
        .await
    }

    /// How many facts of the services that run here are not on the bus yet.
    async fn unannounced(&self) -> anyhow::Result<u64> {
        let mut waiting = 0;
        for service in SERVICES.into_iter().filter(|service| self.services.contains_key(service.name())) {
            let Some(package) = service.wiring.announces else { continue };
            let (rows, _) = count::rows(&self.desk.postgres, service, Rows::Announced).await?;
            let stream = self.desk.bus.jetstream.get_stream(chassis::stream_for(package)).await?;
            waiting += rows.saturating_sub(stream.cached_info().state.messages);
        }
        Ok(waiting)
    }

    /// How many messages the listeners that run here have not handled.
    pub(crate) async fn unhandled(&self) -> anyhow::Result<u64> {
        let mut waiting = 0;
        for service in SERVICES.iter().filter(|service| self.services.contains_key(service.name())) {
            for listen in service.wiring.listens {
                let stream = chassis::stream_for(listen.package);
                let mut consumer: async_nats::jetstream::consumer::PullConsumer =
                    self.desk.bus.jetstream.get_consumer_from_stream(service.name(), &stream).await?;
                let info = consumer.info().await?;
                waiting += info.num_pending + info.num_ack_pending as u64;
            }
        }
        Ok(waiting)
    }

    /// Waits until nothing is left; `undone` are words for what is.
    pub(crate) async fn until<F: Future<Output = anyhow::Result<u64>>>(
        &self,
        undone: &str,
        left: impl Fn() -> F,
    ) -> anyhow::Result<()> {
        let mut before = u64::MAX;
        let mut changed_at = Instant::now();
        loop {
            let now = left().await?;
            if now == 0 {
                return Ok(());
            }
            if now != before {
                (before, changed_at) = (now, Instant::now());
            }
            let waited = changed_at.elapsed();
            anyhow::ensure!(waited < CHANGES_WITHIN, "{now} {undone}, and for {waited:?} nothing has changed");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Stops everything in order and deletes the data. Returns the machine as it was.
    ///
    /// # Errors
    /// If a service or a server does not stop by itself.
    pub(crate) async fn clear(mut self) -> anyhow::Result<Machine> {
        self.machine.load_after = machine::load_average();
        for (name, mut process) in self.services {
            anyhow::ensure!(process.stop().await?, "{name} did not end in order");
        }
        self.desk.stop().await?;
        self.folder.close()?;
        Ok(self.machine)
    }
}
