//! `nats-server` with JetStream: started, stopped and, for chaos tests, killed and wiped.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{
    Accounts, Binaries, DataFolder, folder,
    process::{self, Launch, POLL_EVERY, Running},
};

/// Reading large streams back after a crash takes a while; a server silent for longer hangs.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// How a `nats-server` shall run.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Its folder, made if needed: streams, log and configuration.
    pub dir: PathBuf,
    /// The port on 127.0.0.1, or a free one.
    pub port: Option<u16>,
    /// Whether it tells about itself over HTTP, on a free port: [`Nats::monitor_url`].
    pub monitor: bool,
    /// True: a message is on disk before it is acknowledged. False: every two minutes.
    pub sync_always: bool,
}

impl NatsOptions {
    /// A durable server on a free port, without monitoring.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), port: None, monitor: false, sync_always: true }
    }
}

/// A running `nats-server`. Dropping it ends it at once, as a crash would; [`Nats::stop`] ends it
/// in good order.
#[derive(Debug)]
pub struct Nats {
    program: PathBuf,
    options: NatsOptions,
    /// What it listens on: the clients' address and perhaps the monitor's.
    ports: Ports,
    // Dropped before the claim on the folder.
    running: Option<Running>,
    folder: DataFolder,
}

#[derive(Debug, Clone, Copy, Default)]
struct Ports {
    clients: u16,
    monitor: Option<u16>,
}

impl Nats {
    /// Starts `nats-server` and waits until JetStream answers.
    ///
    /// # Errors
    /// When the folder is in use, the given port is taken, or with the end of its log when the
    /// server does not start.
    pub async fn start(binaries: &Binaries, options: NatsOptions) -> Result<Self> {
        let folder = DataFolder::claim(&options.dir)?;
        let ports = Ports { clients: options.port.unwrap_or(0), monitor: None };
        let program = binaries.nats_server.clone();
        let mut nats = Self { program, options, ports, running: None, folder };
        nats.launch().await?;
        Ok(nats)
    }

    /// The port on 127.0.0.1; the same until this value is dropped.
    pub fn port(&self) -> u16 {
        self.ports.clients
    }

    /// Where clients connect, such as `nats://127.0.0.1:4222`.
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.ports.clients)
    }

    /// Where it tells about itself, such as `http://127.0.0.1:8222`, if that was asked for.
    pub fn monitor_url(&self) -> Option<String> {
        self.ports.monitor.map(|port| format!("http://127.0.0.1:{port}"))
    }

    /// What the server writes about itself.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("nats.log")
    }

    /// The process, while it runs: to stop and continue it in a chaos test.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    /// Waits until the server ends by itself, which it should not. It may be asked again.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let running = self.running.as_mut().context("nats-server is not running")?;
        Ok(running.wait().await?)
    }

    /// Ends the server in good order.
    pub async fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.stop(Signal::SIGTERM).await.context("nats-server"),
            None => Ok(()),
        }
    }

    /// Ends the server without warning, for chaos tests.
    pub async fn kill(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.kill().await.context("nats-server"),
            None => Ok(()),
        }
    }

    /// Starts the server again on the same port with the same streams, after ending it if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Loses every stream and consumer, as a broken disk would, and starts again on the same port.
    pub async fn wipe(&mut self) -> Result<()> {
        self.stop().await?;
        fs::remove_dir_all(self.store()).context("cannot delete the streams")?;
        self.launch().await
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("streams")
    }

    async fn launch(&mut self) -> Result<()> {
        let home = self.folder.path().to_path_buf();
        let (configuration, pid_file) = (home.join("nats.conf"), home.join("nats.pid"));
        let (ports, log) = (home.join("ports"), self.log());
        let mark = format!("--config {}", configuration.display());
        process::end_orphan(&pid_file, &mark, Signal::SIGTERM).await?;
        if ports.exists() {
            fs::remove_dir_all(&ports)?;
        }
        folder::make(&ports)?;
        Accounts::of(&home)?.keep(&home)?;
        fs::write(&configuration, self.configuration())?;
        let log_start = process::log_end(&log);
        let files = [("--config", &configuration), ("--pid", &pid_file), ("--ports_file_dir", &ports)];
        let arguments = files.iter().flat_map(|(option, path)| [(*option).to_owned(), path.display().to_string()]);
        let mut running = Running::start(Launch {
            program: &self.program,
            arguments: arguments.collect(),
            folder: &home,
            log: &log,
            user: None,
            on_our_death: Signal::SIGTERM,
            on_drop: Signal::SIGKILL,
        })
        .await?;
        let listening = timeout(READY_WITHIN, await_ready(&mut running, &ports)).await;
        let listening = listening.with_context(|| format!("nats-server is not ready after {READY_WITHIN:?}"))?;
        if let Some(listening) = listening {
            self.ports = listening;
            self.running = Some(running);
            return Ok(());
        }
        let said = process::log_since(&log, log_start);
        if said.contains("address already in use") {
            bail!("port {} on 127.0.0.1, for nats-server, is taken", self.ports.clients);
        }
        let said = process::last_words(&said);
        bail!("nats-server does not start, see {}:\n{said}", log.display())
    }

    /// Port -1 is a free one.
    fn configuration(&self) -> String {
        let port = |known: u16| if known == 0 { -1 } else { i32::from(known) };
        let monitor = match self.options.monitor {
            true => format!("http: \"127.0.0.1:{}\"\n", port(self.ports.monitor.unwrap_or(0))),
            false => String::new(),
        };
        let sync = if self.options.sync_always { "always" } else { "2m" };
        format!(
            "server_name: desk\nhost: \"127.0.0.1\"\nport: {port}\n{monitor}jetstream {{\n    \
             store_dir: {store}\n    max_mem: 64MB\n    max_file: 10GB\n    \
             sync_interval: {sync}\n}}\ninclude \"accounts.conf\"\n",
            port = port(self.ports.clients),
            store = Value::from(self.store().display().to_string()),
        )
    }
}

/// Waits until the server takes clients and has JetStream; `None` when it ends instead.
async fn await_ready(running: &mut Running, ports: &Path) -> Option<Ports> {
    let ports = ports.join(format!("nats-server_{}.ports", running.pid()));
    while running.ended().is_none() {
        let listening = fs::read_to_string(&ports).ok().and_then(|text| parse_ports(&text));
        if let Some(listening) = listening
            && has_jetstream(listening.clients).await
        {
            return Some(listening);
        }
        sleep(POLL_EVERY).await;
    }
    None
}

/// Reads what the server says it listens on; `None` while it is still writing.
fn parse_ports(text: &str) -> Option<Ports> {
    let all: Value = serde_json::from_str(text).ok()?;
    let port = |kind: &str| all[kind][0].as_str()?.rsplit(':').next()?.parse().ok();
    Some(Ports { clients: port("nats")?, monitor: port("monitoring") })
}

/// Whether the server greets a client and says that it has JetStream.
async fn has_jetstream(port: u16) -> bool {
    let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await else {
        return false;
    };
    let mut greeting = String::new();
    if BufReader::new(stream).read_line(&mut greeting).await.is_err() {
        return false;
    }
    let greeting = greeting.strip_prefix("INFO ").unwrap_or_default();
    serde_json::from_str(greeting).is_ok_and(|told: Value| told["jetstream"] == true)
}
