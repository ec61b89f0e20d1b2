//! `skranke deploy` and `skranke ready`: what a deployment does besides running services.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chassis::bus::Bus;
use chassis::config::setting;
use contracts::ClientId;
use local::Issuer;

use crate::arguments::Deploy;
use crate::output::line;
use crate::serve::{install_tls, variable};

/// Longer than a service takes to look at its store and its streams.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

pub(crate) async fn deploy(command: Deploy) -> anyhow::Result<()> {
    match command {
        Deploy::Streams => streams().await,
        Deploy::Runners { runner } => runners(&runner).await,
        Deploy::Issuer { folder, key_set } => issuer(&folder, key_set.as_deref()),
    }
}

/// A connection to the NATS of the environment.
async fn bus() -> anyhow::Result<Bus> {
    install_tls();
    let read = |name: &str| setting(name, variable);
    let url = read("SKRANKE_NATS_URL")?.context("neither SKRANKE_NATS_URL nor SKRANKE_NATS_URL_FILE is set")?;
    let ca = read("SKRANKE_NATS_CA")?;
    let certificate = match (read("SKRANKE_NATS_CERTIFICATE")?, read("SKRANKE_NATS_KEY")?) {
        (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
        (None, None) => None,
        _ => anyhow::bail!("SKRANKE_NATS_CERTIFICATE and SKRANKE_NATS_KEY go together"),
    };
    Bus::connect(&url, ca.as_deref().map(Path::new), certificate.as_ref(), "deployment").await
}

/// Makes or updates streams and consumers.
async fn streams() -> anyhow::Result<()> {
    let bus = bus().await?;
    let wirings: Vec<_> = local::SERVICES.iter().map(|service| *service.wiring).collect();
    chassis::bus::deploy(&bus.jetstream, &wirings).await?;
    local::runners::deploy_told(&bus.jetstream).await?;
    drop(bus.close().await);
    line("streams and consumers are as the services need them")
}

/// Makes or updates what runners take their jobs from.
async fn runners(named: &[String]) -> anyhow::Result<()> {
    let read = |one: &String| {
        let (client, runner) = one.split_once('/').with_context(|| format!("{one} is not client/runner"))?;
        anyhow::ensure!(contracts::runners::is_runner(runner), "{runner} can be no runner's word");
        Ok((ClientId::new(client).with_context(|| client.to_owned())?, runner.to_owned()))
    };
    let known = named.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let bus = bus().await?;
    local::runners::deploy_jobs(&bus.jetstream, &known).await?;
    drop(bus.close().await);
    line("jobs and consumers are as the runners need them")
}

fn issuer(folder: &Path, key_set: Option<&Path>) -> anyhow::Result<()> {
    let issuer = Issuer::open(folder)?;
    let Some(copy) = key_set else { return line(&format!("the key set is {}", issuer.key_set().display())) };
    std::fs::copy(issuer.key_set(), copy).with_context(|| format!("cannot write {}", copy.display()))?;
    line(&format!("the key set is {}", copy.display()))
}

/// Asks the service of this environment whether it can work.
pub(crate) async fn ready() -> anyhow::Result<()> {
    let address = match setting("SKRANKE_HTTP_ADDRESS", variable)? {
        Some(text) => text.parse().with_context(|| format!("SKRANKE_HTTP_ADDRESS cannot be read: {text}"))?,
        None => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
    };
    let host = if address.ip().is_unspecified() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { address.ip() };
    let url = format!("http://{}/readyz", SocketAddr::from((host, address.port())));
    install_tls();
    let client = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build()?;
    let answer = client.get(&url).send().await.with_context(|| format!("nobody answers at {url}"))?;
    let is_ready = answer.status().is_success();
    let said = answer.text().await?;
    anyhow::ensure!(is_ready, "not ready: {}", said.trim_end());
    line(said.trim_end())
}
