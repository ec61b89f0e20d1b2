//! All or some services of a desk as processes, and how to ask them over HTTP.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::Context;
use chassis::authorisation::Role;
use chassis::token::Grant;
use jiff::SignedDuration;
use local::{Desk, Service};
use rand::Rng;
use rand::rngs::StdRng;
use skranke::clients::Clients;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::{Launch, ServiceProcess, Surroundings};

/// How often a condition is looked at when there is nothing to subscribe to.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Services outside of this process.
#[derive(Debug)]
pub struct Processes {
    /// By name.
    pub by_name: BTreeMap<&'static str, ServiceProcess>,
}

impl Processes {
    /// Starts them and waits until they are ready.
    ///
    /// # Errors
    /// If one is not ready within a minute.
    pub async fn start(desk: &Desk, services: &[Service], rng: &mut StdRng) -> anyhow::Result<Self> {
        Self::start_in(desk, services, rng, &Surroundings::default()).await
    }

    /// Starts them with more than their settings and waits until they are ready.
    ///
    /// # Errors
    /// If one is not ready within a minute.
    pub async fn start_in(
        desk: &Desk,
        services: &[Service],
        rng: &mut StdRng,
        surroundings: &Surroundings,
    ) -> anyhow::Result<Self> {
        let mut by_name = BTreeMap::new();
        for service in services {
            let launch = Launch::of(desk, *service, free_address(rng)?, free_address(rng)?)?;
            by_name.insert(service.name(), ServiceProcess::launch_in(launch, surroundings.clone())?);
        }
        let processes = Self { by_name };
        processes.ready().await?;
        Ok(processes)
    }

    /// Waits until all can work.
    ///
    /// # Errors
    /// What one lacks after a minute.
    pub async fn ready(&self) -> anyhow::Result<()> {
        for (name, process) in &self.by_name {
            let ready = wait_for_status(process.http_address(), "/readyz", 200, Duration::from_secs(60)).await;
            ready.with_context(|| format!("{name} does not get ready"))?;
        }
        Ok(())
    }

    /// Their gRPC, and that of the desk's own services.
    pub fn endpoints(&self, desk: &Desk) -> BTreeMap<String, String> {
        let mut endpoints = desk.address().endpoints;
        endpoints.extend(self.by_name.iter().map(|(name, process)| ((*name).to_owned(), process.endpoint())));
        endpoints
    }

    /// The services, as somebody with these rights.
    ///
    /// # Errors
    /// If the token cannot be signed.
    pub fn as_one(&self, desk: &Desk, subject: &str, grants: &[(Role, &str)]) -> anyhow::Result<Clients> {
        let grants = grants.iter().map(|(role, client)| Grant { client: (*client).to_owned(), role: *role }).collect();
        let token = desk.issuer.issue(subject, grants, desk.clock.now(), SignedDuration::from_hours(24))?;
        Clients::new(self.endpoints(desk), &token)
    }

    /// Stops all in order (SIGTERM). Returns whether all ended by themselves.
    ///
    /// # Errors
    /// If one does not end.
    pub async fn stop(self) -> anyhow::Result<bool> {
        let mut in_order = true;
        for process in self.by_name.into_values() {
            in_order &= process.stop().await?;
        }
        Ok(in_order)
    }
}

/// A free port that no outgoing connection takes while its service is being restarted: below the ephemeral ones.
///
/// # Errors
/// If none is found.
pub fn free_address(rng: &mut StdRng) -> anyhow::Result<SocketAddr> {
    let found = std::iter::repeat_with(|| SocketAddr::from((Ipv4Addr::LOCALHOST, rng.random_range(20_000..32_000))))
        .take(100)
        .find(|address| TcpListener::bind(address).is_ok());
    found.context("no port is free")
}

/// Some of these at once, all different.
///
/// # Errors
/// If not enough are found.
pub fn free_addresses<const N: usize>(rng: &mut StdRng) -> anyhow::Result<[SocketAddr; N]> {
    let mut held = Vec::new();
    while held.len() < N {
        held.push(TcpListener::bind(free_address(rng)?)?);
    }
    let addresses: Result<Vec<SocketAddr>, _> = held.iter().map(TcpListener::local_addr).collect();
    addresses?.try_into().ok().context("as many as wanted")
}

/// Asks by HTTP. Returns status and body.
///
/// # Errors
/// If nobody answers.
pub async fn get(address: SocketAddr, path: &str) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    let status = head.split(' ').nth(1).context("the answer has no status")?.parse()?;
    Ok((status, body.to_owned()))
}

/// Waits for an answer with this status. Returns its body.
///
/// # Errors
/// What was answered last.
pub async fn wait_for_status(
    address: SocketAddr,
    path: &str,
    wanted: u16,
    at_most: Duration,
) -> anyhow::Result<String> {
    let mut last = "nobody answers".to_owned();
    let asking = async {
        loop {
            match get(address, path).await {
                Ok((status, body)) if status == wanted => return body,
                Ok((status, body)) => last = format!("{status}: {body}"),
                Err(error) => last = format!("{error:#}"),
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    match tokio::time::timeout(at_most, asking).await {
        Ok(body) => Ok(body),
        Err(_) => anyhow::bail!("{path} does not answer {wanted}; the last was: {last}"),
    }
}

/// Waits until a condition holds.
///
/// # Errors
/// `what` if it does not in time, or the condition's own.
pub async fn wait_until(
    what: &str,
    at_most: Duration,
    mut holds: impl AsyncFnMut() -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let looking = async {
        while !holds().await? {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        anyhow::Ok(())
    };
    match tokio::time::timeout(at_most, looking).await {
        Ok(held) => held,
        Err(_) => anyhow::bail!("after {at_most:?} it is still not so that {what}"),
    }
}
