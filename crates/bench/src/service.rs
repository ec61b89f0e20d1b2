//! A service as a process of its own, as `skranke serve` runs it.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use chassis::Config;
use local::{Desk, Service};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long a service may take until it can work.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(2);
/// How long it may take to stop in order.
const STOP_WITHIN: Duration = Duration::from_secs(40);

/// The first port that services are given, and how many there are.
const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 12_000;

/// `skranke serve <service>` at addresses that stay the same when it is started again.
#[derive(Debug)]
pub(crate) struct ServiceProcess {
    service: Service,
    config: Config,
    log: std::path::PathBuf,
    program: std::path::PathBuf,
    child: Child,
}

impl ServiceProcess {
    /// Starts a service of a desk; what it logs goes into the desk's folder.
    pub(crate) fn start(program: &Path, desk: &Desk, service: Service) -> anyhow::Result<Self> {
        let config = Config {
            grpc_address: free_address()?,
            http_address: free_address()?,
            // As deployments have it; the local desk offers it.
            reflection: false,
            ..desk.config_of(service)
        };
        let log = desk.folder().join(format!("{}.log", service.name()));
        let child = spawn(program, service, &config, &log)?;
        Ok(Self { service, config, log, program: program.to_owned(), child })
    }

    /// Where it serves gRPC.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.config.grpc_address)
    }

    /// The process.
    pub(crate) fn pid(&self) -> anyhow::Result<u32> {
        let name = self.service.name();
        self.child.id().with_context(|| format!("{name} has ended by itself; {} says why", self.log.display()))
    }

    /// Waits until it can work.
    pub(crate) async fn ready(&mut self) -> anyhow::Result<()> {
        let begun_at = Instant::now();
        while !is_ready(self.config.http_address).await {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("{} ended ({status}): {}", self.service.name(), self.last_words());
            }
            anyhow::ensure!(
                begun_at.elapsed() < READY_WITHIN,
                "{} is not ready: {}",
                self.service.name(),
                self.last_words()
            );
            tokio::time::sleep(ASK_EVERY).await;
        }
        Ok(())
    }

    /// Asks it to stop (SIGTERM) and waits. Returns whether it ended in order.
    pub(crate) async fn stop(&mut self) -> anyhow::Result<bool> {
        let pid = self.pid()?;
        kill(Pid::from_raw(i32::try_from(pid)?), Signal::SIGTERM)?;
        let ended = tokio::time::timeout(STOP_WITHIN, self.child.wait()).await;
        Ok(ended.with_context(|| format!("{} does not stop", self.service.name()))??.success())
    }

    /// Starts it again where it was, after it has ended.
    pub(crate) fn start_again(&mut self) -> anyhow::Result<()> {
        self.child = spawn(&self.program, self.service, &self.config, &self.log)?;
        Ok(())
    }

    fn last_words(&self) -> String {
        let said = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines.get(lines.len().saturating_sub(5)..).unwrap_or_default().join("\n")
    }
}

fn spawn(program: &Path, service: Service, config: &Config, log: &Path) -> anyhow::Result<Child> {
    let log = File::options().create(true).append(true).open(log)?;
    let mut command = Command::new(program);
    command
        .args(["serve", service.name()])
        .envs(config.environment())
        .env("SKRANKE_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .kill_on_drop(true);
    // Ctrl-C at the terminal is for us, who ends the services.
    command.process_group(0);
    command.spawn().with_context(|| format!("{} cannot be started", service.name()))
}

/// A free port that no outgoing connection takes while its service is restarted: below the ephemeral ones.
fn free_address() -> anyhow::Result<SocketAddr> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Benchmarks beside each other begin at different places.
    let start = std::process::id().wrapping_mul(97);
    let candidates = std::iter::repeat_with(|| {
        let offset = start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(PORTS);
        SocketAddr::from((Ipv4Addr::LOCALHOST, FIRST_PORT.saturating_add(u16::try_from(offset).unwrap_or_default())))
    });
    let free = candidates.take(usize::from(PORTS)).find(|address| TcpListener::bind(address).is_ok());
    free.context("no port is free")
}

/// Whether `/readyz` answers 200.
async fn is_ready(address: SocketAddr) -> bool {
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET /readyz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    asked.await.is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}
