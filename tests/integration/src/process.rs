//! Services in processes of their own, to be killed.

use std::fs::File;
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

/// How a service is run outside of this process.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Which service.
    pub service: Service,
    /// Its settings.
    pub config: Config,
    /// Which `skranke`.
    pub binary: PathBuf,
}

impl Launch {
    /// A service of a desk on these addresses, by the `skranke` that was built with the tests.
    ///
    /// # Errors
    /// If that was not built.
    pub fn of(desk: &Desk, service: Service, grpc: SocketAddr, http: SocketAddr) -> anyhow::Result<Self> {
        let config = Config { grpc_address: grpc, http_address: http, ..desk.config_of(service) };
        Ok(Self { service, config, binary: skranke_binary()? })
    }
}

/// What a process is given besides its settings.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// More variables.
    pub environment: Vec<(String, String)>,
    /// A file that its log lines are added to; else they go where ours go.
    pub log: Option<PathBuf>,
}

/// `skranke serve <service>` on fixed addresses.
#[derive(Debug)]
pub struct ServiceProcess {
    launch: Launch,
    surroundings: Surroundings,
    child: Child,
}

impl ServiceProcess {
    /// Starts a service outside of this process.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn launch(launch: Launch) -> anyhow::Result<Self> {
        Self::launch_in(launch, Surroundings::default())
    }

    /// Starts a service outside of this process, with more than its settings.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn launch_in(launch: Launch, surroundings: Surroundings) -> anyhow::Result<Self> {
        let child = spawn(&launch, &surroundings)?;
        Ok(Self { launch, surroundings, child })
    }

    /// Starts a service of a desk outside of this process. Its addresses are the given ones for good.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(desk: &Desk, service: Service, grpc: SocketAddr, http: SocketAddr) -> anyhow::Result<Self> {
        Self::launch(Launch::of(desk, service, grpc, http)?)
    }

    /// Where it serves gRPC.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.launch.config.grpc_address)
    }

    /// Where it serves /healthz and /readyz.
    pub fn http_address(&self) -> SocketAddr {
        self.launch.config.http_address
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
        self.child = spawn(&self.launch, &self.surroundings)?;
        Ok(())
    }

    /// Asks it to stop (SIGTERM), waits, and starts it again. Returns whether it ended in order.
    ///
    /// # Errors
    /// If it does not end within half a minute, or cannot be started again.
    pub async fn stop_and_restart(&mut self) -> anyhow::Result<bool> {
        let in_order = self.terminate().await?;
        self.child = spawn(&self.launch, &self.surroundings)?;
        Ok(in_order)
    }

    /// Asks it to stop (SIGTERM) and waits. Returns whether it ended in order.
    ///
    /// # Errors
    /// If it does not end within half a minute.
    pub async fn stop(mut self) -> anyhow::Result<bool> {
        self.terminate().await
    }

    /// Kills it (SIGKILL); it can be launched again.
    ///
    /// # Errors
    /// If it has ended already.
    pub async fn kill_now(&mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// How it was started, to start another one like it.
    pub fn into_launch(self) -> Launch {
        self.launch
    }

    /// Asks it to stop (SIGTERM).
    ///
    /// # Errors
    /// If it has ended already.
    pub fn ask_to_stop(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGTERM)
    }

    /// Freezes it (SIGSTOP): it does nothing and knows nothing of it.
    ///
    /// # Errors
    /// If it has ended already.
    pub fn freeze(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Errors
    /// If it has ended already.
    pub fn thaw(&self) -> anyhow::Result<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.child.id().context("it has ended already")?;
        Ok(kill(Pid::from_raw(i32::try_from(pid)?), signal)?)
    }

    /// Waits until it has ended. Returns whether it did so in order.
    ///
    /// # Errors
    /// If it does not within half a minute.
    pub async fn ended(&mut self) -> anyhow::Result<bool> {
        Ok(tokio::time::timeout(Duration::from_secs(30), self.child.wait()).await??.success())
    }

    async fn terminate(&mut self) -> anyhow::Result<bool> {
        self.ask_to_stop()?;
        self.ended().await
    }
}

fn spawn(launch: &Launch, surroundings: &Surroundings) -> anyhow::Result<Child> {
    let Launch { service, config, binary } = launch;
    let mut command = Command::new(binary);
    command
        .args(["serve", service.name()])
        .envs(config.environment())
        .env("SKRANKE_LOG", "warn")
        .envs(surroundings.environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(log) = &surroundings.log {
        command.stderr(File::options().create(true).append(true).open(log)?);
    }
    command.spawn().with_context(|| format!("{} cannot be started", service.name()))
}
