//! The desk: one folder, one Postgres, one nats-server, all services in this process.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use async_nats::jetstream;
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use chassis::bus::Bus;
use chassis::doors::Running;
use chassis::token::TokenConfig;
use chassis::{Clock, Config, Ground, Wiring};
use serde::{Deserialize, Serialize};

use crate::issuer::{AUDIENCE, ISSUER, Issuer};
use crate::runners;
use crate::servers::{Binaries, DataFolder, Nats, NatsOptions, Postgres, PostgresOptions};
use crate::services::{SERVICES, Service};
use crate::store;

/// When a caller's connection is asked to make way, so that callers of a desk behind a balancer spread out.
const CONNECTION_AGE: Duration = Duration::from_secs(300);
/// How often it is looked whether the streams are still there.
const STREAM_CHECK_EVERY: Duration = Duration::from_secs(1);

/// Which ports the desk takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ports {
    /// Any free ones.
    Free,
    /// These, from a base on: base + 0 … the services, + 10 … their health, + 20 NATS, + 21 Postgres, + 30 and
    /// + 31 traces. Where one is taken, a free one.
    From(u16),
}

/// What kind of desk.
#[derive(Debug, Clone)]
pub struct DeskOptions {
    /// Where everything is kept.
    pub folder: PathBuf,
    /// Its ports.
    pub ports: Ports,
    /// Whether commits reach the disk. Only tests that lose no power may say no.
    pub durable: bool,
    /// Its time.
    pub clock: Clock,
    /// Which services run in this process; the others run elsewhere (see [`Desk::config_of`]).
    pub services: Vec<Service>,
    /// Where its traces are, if it keeps them here.
    pub traces: Option<TracesAddress>,
}

impl DeskOptions {
    /// A desk that keeps its data in `folder`, on free ports, with all services, by the system's clock.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ports: Ports::Free,
            durable: true,
            clock: Clock::System,
            services: SERVICES.to_vec(),
            traces: None,
        }
    }
}

/// Where a running desk is, as kept in `desk.json` for the command line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Address {
    /// Service name → http://host:port of its gRPC.
    pub endpoints: BTreeMap<String, String>,
    /// Service name → http://host:port of its health.
    pub health: BTreeMap<String, String>,
    /// NATS.
    pub nats_url: String,
    /// Postgres, as its superuser.
    pub postgres_url: String,
    /// The folder of the token issuer's key.
    pub issuer_folder: PathBuf,
    /// Its traces; `None` if this desk sends them elsewhere, or nowhere.
    #[serde(default)]
    pub traces: Option<TracesAddress>,
}

/// Where a desk's traces are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracesAddress {
    /// http://host:port where they are received, by OTLP over gRPC.
    pub endpoint: String,
    /// http://host:port where they are shown.
    pub url: String,
}

/// A running desk. [`Desk::stop`] stops it in order; dropping it is like pulling the plug.
#[derive(Debug)]
pub struct Desk {
    /// Services that run here, by name.
    pub services: BTreeMap<&'static str, Running>,
    /// The real nats-server.
    pub nats: Nats,
    /// The real Postgres.
    pub postgres: Postgres,
    /// Issues its tokens.
    pub issuer: Issuer,
    /// Its time.
    pub clock: Clock,
    /// A connection of the deployment's own.
    pub bus: Bus,
    ports: Ports,
    traces: Option<TracesAddress>,
    streams: tokio::task::JoinHandle<()>,
    folder: DataFolder,
}

impl Desk {
    /// Starts everything. `say` is told what happens.
    ///
    /// # Errors
    /// If the folder is in use, a server does not start, or a migration fails.
    pub async fn start(
        binaries: &Binaries,
        options: DeskOptions,
        say: &(dyn Fn(&str) + Send + Sync),
    ) -> anyhow::Result<Self> {
        let folder = DataFolder::claim(&options.folder)?;
        let port = |offset: u16| match options.ports {
            Ports::Free => None,
            Ports::From(base) => free_or_none(base.saturating_add(offset)),
        };
        say("starting Postgres and nats-server");
        let postgres_options = PostgresOptions {
            port: port(21),
            durable: options.durable,
            ..PostgresOptions::new(options.folder.join("postgres"))
        };
        let nats_options = NatsOptions {
            port: port(20),
            sync_always: options.durable,
            ..NatsOptions::new(options.folder.join("nats"))
        };
        let (postgres, nats) =
            tokio::try_join!(Postgres::start(binaries, postgres_options), Nats::start(binaries, nats_options))?;
        say("bringing the stores up to date");
        store::prepare(&postgres).await?;
        let bus = Bus::connect(&nats.url(), None, None, "deployment").await?;
        chassis::bus::deploy(&bus.jetstream, &wirings()).await?;
        let nats_folder = options.folder.join("nats");
        runners::deploy(&nats_folder, &nats.url(), &bus.jetstream).await?;
        let issuer = Issuer::open(&options.folder.join("issuer"))?;
        let streams = watch_streams(bus.clone(), nats_folder, nats.url());
        let mut desk = Self {
            services: BTreeMap::new(),
            nats,
            postgres,
            issuer,
            clock: options.clock,
            bus,
            ports: options.ports,
            traces: options.traces,
            streams,
            folder,
        };
        for service in options.services {
            say(&format!("starting {}", service.name()));
            desk.start_service(service).await?;
        }
        desk.ready().await?;
        desk.write_address()?;
        Ok(desk)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts one service in this process.
    ///
    /// # Errors
    /// If its addresses are taken.
    pub async fn start_service(&mut self, service: Service) -> anyhow::Result<()> {
        self.start_with(service, self.config_of(service)).await
    }

    /// Stops one service and starts it again at the same address.
    ///
    /// # Errors
    /// If it is none of this desk's, or does not start again.
    pub async fn restart_service(&mut self, service: Service) -> anyhow::Result<()> {
        let running = self.services.remove(service.name()).context("the service does not run here")?;
        let (grpc_address, http_address) = (running.grpc_address, running.http_address);
        running.stop().await;
        let config = Config { grpc_address, http_address, ..self.config_of(service) };
        self.start_with(service, config).await
    }

    async fn start_with(&mut self, service: Service, config: Config) -> anyhow::Result<()> {
        let ground = Ground::lay(service.name(), config, self.clock.clone()).await?;
        let running = (service.start)(ground).await.with_context(|| format!("{} does not start", service.name()))?;
        self.services.insert(service.name(), running);
        Ok(())
    }

    /// The settings of a service of this desk, here or in a process of its own.
    pub fn config_of(&self, service: Service) -> Config {
        let index = SERVICES.iter().position(|one| one.name() == service.name()).unwrap_or_default();
        let offset = u16::try_from(index).unwrap_or_default();
        let address = |offset: u16| {
            let port = match self.ports {
                Ports::Free => None,
                Ports::From(base) => free_or_none(base.saturating_add(offset)),
            };
            SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or_default()))
        };
        Config {
            database_url: self.postgres.url(&service.database(), "desk_app"),
            machinery_database_url: self.postgres.url(&service.database(), "desk_machinery"),
            database_connections: 8,
            nats_url: self.nats.url(),
            nats_ca: None,
            nats_certificate: None,
            grpc_address: address(offset),
            http_address: address(offset.saturating_add(10)),
            reflection: true,
            connection_age: CONNECTION_AGE,
            objects: Some(format!("file://{}", self.folder().join("attachments").display())),
            tokens: TokenConfig {
                issuer: ISSUER.to_owned(),
                audience: AUDIENCE.to_owned(),
                keys: self.issuer.key_set().display().to_string(),
            },
        }
    }

    /// http://host:port of a service's gRPC; `None` if it does not run here.
    pub fn endpoint(&self, service: &str) -> Option<String> {
        self.services.get(service).map(|running| format!("http://{}", running.grpc_address))
    }

    /// Where everything is.
    pub fn address(&self) -> Address {
        let by_service = |address: fn(&Running) -> SocketAddr| {
            self.services
                .iter()
                .map(|(name, running)| ((*name).to_owned(), format!("http://{}", address(running))))
                .collect()
        };
        Address {
            endpoints: by_service(|running| running.grpc_address),
            health: by_service(|running| running.http_address),
            nats_url: self.nats.url(),
            postgres_url: self.postgres.superuser_url(),
            issuer_folder: self.folder().join("issuer"),
            traces: self.traces.clone(),
        }
    }

    fn write_address(&self) -> anyhow::Result<()> {
        let file = self.folder().join("desk.json");
        std::fs::write(&file, serde_json::to_vec_pretty(&self.address())?)
            .with_context(|| format!("cannot write {}", file.display()))
    }

    /// Waits until every service that runs here can work.
    ///
    /// # Errors
    /// Which one cannot within half a minute.
    async fn ready(&self) -> anyhow::Result<()> {
        for (name, running) in &self.services {
            let is_ready = chassis::doors::wait_until_ready(running, Duration::from_secs(30)).await;
            anyhow::ensure!(is_ready, "{name} does not get ready; its log lines above say why");
        }
        Ok(())
    }

    /// Stops the services, each finishing what is in flight, then the servers. Returns whether all ended by themselves.
    ///
    /// # Errors
    /// If a server does not stop.
    pub async fn stop(mut self) -> anyhow::Result<bool> {
        let mut in_order = true;
        // Against a ticket's way: whoever listens stops last, so that nothing waits unheard for long.
        for service in SERVICES {
            if let Some(running) = self.services.remove(service.name()) {
                in_order &= running.stop().await;
            }
        }
        self.streams.abort();
        drop(self.bus.close().await);
        self.nats.stop().await?;
        self.postgres.stop().await?;
        drop(std::fs::remove_file(self.folder().join("desk.json")));
        Ok(in_order)
    }
}

fn wirings() -> Vec<Wiring> {
    SERVICES.iter().map(|service| *service.wiring).collect()
}

/// A stream that was lost is made again, as a deployment would.
#[expect(
    clippy::disallowed_methods,
    reason = "the deployment's own task: it belongs to no service and ends with the desk"
)]
fn watch_streams(bus: Bus, nats_folder: PathBuf, nats_url: String) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(STREAM_CHECK_EVERY).await;
            if is_anything_missing(&bus.jetstream).await {
                tracing::warn!("streams or consumers are missing; they are made again");
                if let Err(error) = chassis::bus::deploy(&bus.jetstream, &wirings()).await {
                    tracing::warn!(error = format!("{error:#}"), "the streams could not be made");
                }
            }
            if runners::is_missing(&bus.jetstream).await
                && let Err(error) = runners::deploy(&nats_folder, &nats_url, &bus.jetstream).await
            {
                tracing::warn!(error = format!("{error:#}"), "the streams of runners could not be made");
            }
        }
    })
}

/// Whether a stream or one of its consumers is not there. A server that does not answer has lost nothing as far as is
/// known.
async fn is_anything_missing(jetstream: &jetstream::Context) -> bool {
    for package in wirings().iter().filter_map(|wiring| wiring.announces) {
        let stream = match jetstream.get_stream(chassis::stream_for(package)).await {
            Ok(stream) => stream,
            Err(error) => return matches!(error.kind(), GetStreamErrorKind::JetStream(_)),
        };
        for wiring in wirings().iter().filter(|wiring| wiring.listens.iter().any(|listen| listen.package == package)) {
            match stream.consumer_info(wiring.service).await {
                Ok(_) => {}
                Err(error) => return matches!(error.kind(), ConsumerInfoErrorKind::NotFound),
            }
        }
    }
    false
}

fn free_or_none(port: u16) -> Option<u16> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok().then_some(port)
}
