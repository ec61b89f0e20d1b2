//! Two processes for each service, restarted in turn while their callers go on.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;
use chassis::{Clock, Config};
use jiff::SignedDuration;
use local::{Desk, SERVICES};
use rand::rngs::StdRng;
use skranke::clients::Clients;

use crate::balancer::Balancer;
use crate::processes::{free_addresses, get, wait_until};
use crate::{Launch, ServiceProcess};

/// How long a replica that was asked to stop may still call itself ready.
const NOTICED_FOR: std::time::Duration = std::time::Duration::from_secs(10);

/// Connections to Postgres of each of ten processes, which the desk's one Postgres must bear.
const CONNECTIONS: u32 = 6;

/// Whether the balancer knows of a stop before the replica does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Warning {
    /// As in Kubernetes with its pause before the stop: new calls go elsewhere first.
    Foretold,
    /// The balancer finds out by asking whether the replica is ready.
    Sudden,
}

/// How a restart went.
#[derive(Debug, Clone, Copy)]
pub struct Restart {
    /// From the signal to the end of the process.
    pub stopped_for: SignedDuration,
    /// From the start of the next process until it gets calls.
    pub started_for: SignedDuration,
    /// Whether the process ended with 0.
    pub in_order: bool,
}

/// Two replicas of a service behind their balancer.
#[derive(Debug)]
pub struct Replicas {
    /// Where the calls come in.
    pub balancer: Balancer,
    running: VecDeque<ServiceProcess>,
}

impl Replicas {
    /// Stops the replica that runs the longest and starts it anew, by another binary if one is named. Whatever is under
    /// way there may end.
    ///
    /// # Errors
    /// If it does not end, or the new one does not get ready.
    pub async fn restart(&mut self, warning: Warning, binary: Option<&Path>) -> anyhow::Result<Restart> {
        let mut process = self.running.pop_front().context("there is a replica")?;
        let (endpoint, http) = (process.endpoint(), process.http_address());
        if warning == Warning::Foretold {
            self.balancer.take_out(&endpoint).await?;
        }
        let asked_at = Clock::System.now();
        process.ask_to_stop()?;
        if warning == Warning::Sudden {
            let is_ready = async || get(http, "/readyz").await.is_ok_and(|(status, _)| status == 200);
            wait_until("it is not ready any more", NOTICED_FOR, async || Ok(!is_ready().await)).await?;
            self.balancer.forget(&endpoint);
        }
        let in_order = process.ended().await?;
        let ended_at = Clock::System.now();
        self.begin(process.into_launch(), binary).await?;
        Ok(Restart {
            stopped_for: ended_at.duration_since(asked_at),
            started_for: Clock::System.now().duration_since(ended_at),
            in_order,
        })
    }

    /// Kills (SIGKILL) the replica that runs the longest and starts it anew.
    ///
    /// # Errors
    /// If the new one does not get ready.
    pub async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        let mut process = self.running.pop_front().context("there is a replica")?;
        process.kill_now().await?;
        self.balancer.forget(&process.endpoint());
        self.begin(process.into_launch(), None).await
    }

    async fn begin(&mut self, launch: Launch, binary: Option<&Path>) -> anyhow::Result<()> {
        let binary = binary.map_or_else(|| launch.binary.clone(), Path::to_owned);
        let process = ServiceProcess::launch(Launch { binary, ..launch })?;
        self.balancer.put_in(process.endpoint()).await?;
        self.running.push_back(process);
        Ok(())
    }
}

/// All services, each twice.
#[derive(Debug)]
pub struct Fleet {
    /// By name.
    pub by_name: BTreeMap<&'static str, Replicas>,
}

impl Fleet {
    /// Starts all services of a desk twice outside of this process, by this binary.
    ///
    /// # Errors
    /// If one does not get ready.
    pub async fn start(desk: &Desk, binary: &Path, rng: &mut StdRng) -> anyhow::Result<Self> {
        let mut by_name = BTreeMap::new();
        let addresses: [SocketAddr; 4 * SERVICES.len()] = free_addresses(rng)?;
        for (service, addresses) in SERVICES.into_iter().zip(addresses.as_chunks::<4>().0) {
            let mut running = VecDeque::new();
            for &[grpc_address, http_address] in addresses.as_chunks().0 {
                let config = desk.config_of(service);
                let config = Config { grpc_address, http_address, database_connections: CONNECTIONS, ..config };
                running.push_back(ServiceProcess::launch(Launch { service, config, binary: binary.to_owned() })?);
            }
            by_name.insert(service.name(), Replicas { balancer: Balancer::default(), running });
        }
        for replicas in by_name.values() {
            for process in &replicas.running {
                replicas.balancer.put_in(process.endpoint()).await?;
            }
        }
        Ok(Self { by_name })
    }

    /// The services without a balancer: one replica of each, as the holder of this token.
    ///
    /// # Errors
    /// If the token cannot be sent.
    pub fn clients(&self, token: &str) -> anyhow::Result<Clients> {
        let first = |replicas: &Replicas| replicas.running.front().map(ServiceProcess::endpoint);
        let endpoints = self.by_name.iter().filter_map(|(name, it)| Some(((*name).to_owned(), first(it)?)));
        Clients::new(endpoints.collect(), token)
    }

    /// Stops all in order. Returns whether all ended with 0.
    ///
    /// # Errors
    /// If one does not end.
    pub async fn stop(self) -> anyhow::Result<bool> {
        let mut in_order = true;
        for process in self.by_name.into_values().flat_map(|replicas| replicas.running) {
            in_order &= process.stop().await?;
        }
        Ok(in_order)
    }
}
