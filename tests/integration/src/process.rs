//! Services in processes of their own, to be killed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use chassis::Config;
use local::{Desk, Service};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};

/// The `skranke` binary that was built with the tests.
///
/// # Errors
/// If it is not there.
pub fn skranke_binary() -> anyhow::Result<PathBuf> {
    let mut folder = std::env::current_exe()?;
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let binary = folder.join("skranke");
    anyhow::ensure!(
        binary.exists(),
        "{} is missing; build it with `cargo build --workspace` (cargo xtask test does)",
        binary.display()
    );
    Ok(binary)
}

/// `skranke serve <service>` on fixed addresses.
#[derive(Debug)]
pub struct ServiceProcess {
    service: Service,
    config: Config,
    child: Child,
}

impl ServiceProcess {
    /// Starts a service of a desk outside of this process. Its addresses are the given ones for good.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(desk: &Desk, service: Service, grpc: SocketAddr, http: SocketAddr) -> anyhow::Result<Self> {
        let config = Config { grpc_address: grpc, http_address: http, ..desk.config_of(service) };
        let child = spawn(service, &config)?;
        Ok(Self { service, config, child })
    }

    /// Where it serves gRPC.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.config.grpc_address)
    }

    /// Where it serves /healthz and /readyz.
    pub fn http_address(&self) -> SocketAddr {
        self.config.http_address
    }

    /// Kills it (SIGKILL) for good.
    ///
    /// # Errors
    /// If it has ended already.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Kills it (SIGKILL) and starts it again at once.
    ///
    /// # Errors
    /// If it cannot be started again.
    pub async fn kill_and_restart(&mut self) -> anyhow::Result<()> {
        self.child.kill().await?;
        self.child = spawn(self.service, &self.config)?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM), waits, and starts it again. Returns whether it ended in order.
    ///
    /// # Errors
    /// If it does not end within half a minute, or cannot be started again.
    pub async fn stop_and_restart(&mut self) -> anyhow::Result<bool> {
        let in_order = self.terminate().await?;
        self.child = spawn(self.service, &self.config)?;
        Ok(in_order)
    }

    /// Asks it to stop (SIGTERM) and waits. Returns whether it ended in order.
    ///
    /// # Errors
    /// If it does not end within half a minute.
    pub async fn stop(mut self) -> anyhow::Result<bool> {
        self.terminate().await
    }

    async fn terminate(&mut self) -> anyhow::Result<bool> {
        let pid = self.child.id().context("it has ended already")?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        let status = tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??;
        Ok(status.success())
    }
}

fn spawn(service: Service, config: &Config) -> anyhow::Result<Child> {
    let mut command = Command::new(skranke_binary()?);
    command
        .args(["serve", service.name()])
        .env("SKRANKE_DATABASE_URL", &config.database_url)
        .env("SKRANKE_MACHINERY_DATABASE_URL", &config.machinery_database_url)
        .env("SKRANKE_DATABASE_CONNECTIONS", config.database_connections.to_string())
        .env("SKRANKE_NATS_URL", &config.nats_url)
        .env("SKRANKE_GRPC_ADDRESS", config.grpc_address.to_string())
        .env("SKRANKE_HTTP_ADDRESS", config.http_address.to_string())
        .env("SKRANKE_TOKEN_ISSUER", &config.tokens.issuer)
        .env("SKRANKE_TOKEN_AUDIENCE", &config.tokens.audience)
        .env("SKRANKE_TOKEN_KEYS", &config.tokens.keys)
        .env("SKRANKE_LOG", "warn")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command.spawn().with_context(|| format!("{} cannot be started", service.name()))
}
