//! Postgres: made, started, stopped and, for chaos tests, killed.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::Signal;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use super::{
    Binaries, DataFolder, folder,
    process::{self, Launch, POLL_EVERY, Running},
};

/// The superuser of every Postgres that the desk makes.
const SUPERUSER: &str = "desk";
/// Recovery after a crash can take minutes; a server that says nothing for longer hangs.
const READY_WITHIN: Duration = Duration::from_secs(300);
/// How often a start is tried again: a free port can be taken from under us, and the children of
/// a killed server need a moment to notice.
const ATTEMPTS: usize = 50;
/// A Unix socket's path may have no more bytes than this on any system.
const SOCKET_PATH_LIMIT: usize = 100;
/// What is written otherwise in a connection string: all that is no part of usual paths.
const BUT_PATHS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');

/// How a Postgres shall run.
#[derive(Debug, Clone)]
pub struct PostgresOptions {
    /// Its folder, made if needed: data, log and socket.
    pub dir: PathBuf,
    /// The port on 127.0.0.1, or a free one.
    pub port: Option<u16>,
    /// True: what is committed survives a power cut. False: fast, for tests.
    pub durable: bool,
    /// More settings, such as `("max_connections", "400")`; they win over the desk's own.
    pub settings: Vec<(String, String)>,
}

impl PostgresOptions {
    /// A durable Postgres on a free port.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), port: None, durable: true, settings: Vec::new() }
    }
}

/// A running Postgres. Dropping it ends it at once, as a crash would; [`Postgres::stop`] ends it
/// in good order.
#[derive(Debug)]
pub struct Postgres {
    binaries: Binaries,
    options: PostgresOptions,
    /// Absolute, as the command line has it.
    data: PathBuf,
    port: u16,
    // Dropped before the claim on the folder.
    running: Option<Running>,
    folder: DataFolder,
}

enum Start {
    Ready(Running),
    PortTaken,
    /// Another process still uses the data; it is about to end.
    StillInUse,
    Failed(String),
}

impl Postgres {
    /// Starts Postgres and waits until it answers; makes the database files the first time.
    ///
    /// The superuser is `desk`, who needs no password from this machine. Where we are root,
    /// Postgres runs as the user "nobody", to whom its data then belong.
    ///
    /// # Errors
    /// When the folder is in use, closed to "nobody", or holds the data of another release, when
    /// the given port is taken, or with the end of its log when Postgres does not start.
    pub async fn start(binaries: &Binaries, options: PostgresOptions) -> Result<Self> {
        folder::make_open(&options.dir)?;
        let claimed = DataFolder::claim(&options.dir)?;
        if let Some(closed) = folder::closed_to_postgres(claimed.path()) {
            bail!(
                "Postgres does not run as root but as \"nobody\", who cannot enter {}: choose a \
                 data folder outside of it, such as /var/lib/skranke",
                closed.display()
            );
        }
        let mut postgres = Self {
            binaries: binaries.clone(),
            data: claimed.path().join("data"),
            port: options.port.unwrap_or(0),
            options,
            running: None,
            folder: claimed,
        };
        postgres.make_data().await?;
        postgres.launch().await?;
        Ok(postgres)
    }

    /// The release that made the data in a folder, such as 15, or `None` where there are none.
    pub fn release_of(dir: &Path) -> Option<u32> {
        fs::read_to_string(dir.join("data/PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// The port on 127.0.0.1; the same until this value is dropped.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection string, such as `postgres://desk_app@127.0.0.1:5432/triage?host=/srv/desk/data`: over the Unix socket
    /// in that folder, which costs both sides less than TCP, where its path is short enough for one; else without `host`.
    pub fn url(&self, database: &str, role: &str) -> String {
        let by_tcp = format!("postgres://{role}@127.0.0.1:{}/{database}", self.port);
        match self.sockets() {
            Some(folder) => format!("{by_tcp}?host={}", utf8_percent_encode(folder, BUT_PATHS)),
            None => by_tcp,
        }
    }

    /// The folder of the Unix socket, if its path is short enough. "nobody" can write there, and nobody else can enter it.
    fn sockets(&self) -> Option<&str> {
        let folder = self.data.to_str()?;
        (folder.len() + "/.s.PGSQL.65535.lock".len() <= SOCKET_PATH_LIMIT).then_some(folder)
    }

    /// The connection string of the superuser, for making databases and roles.
    pub fn superuser_url(&self) -> String {
        self.url("postgres", SUPERUSER)
    }

    /// What Postgres writes about itself.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("postgres.log")
    }

    /// The process, while it runs: to stop and continue it in a chaos test.
    pub fn pid(&self) -> Option<u32> {
        self.running.as_ref().map(Running::pid)
    }

    /// Waits until Postgres ends by itself, which it should not. It may be asked again.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let running = self.running.as_mut().context("Postgres is not running")?;
        Ok(running.wait().await?)
    }

    /// Ends Postgres in good order; clients are cut off, what they committed is on disk.
    pub async fn stop(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.stop(Signal::SIGINT).await.context("Postgres"),
            None => Ok(()),
        }
    }

    /// Ends Postgres without warning, for chaos tests.
    pub async fn kill(&mut self) -> Result<()> {
        match self.running.take() {
            Some(running) => running.kill().await.context("Postgres"),
            None => Ok(()),
        }
    }

    /// Starts Postgres again on the same port with the same data, after ending it if it runs.
    pub async fn restart(&mut self) -> Result<()> {
        self.stop().await?;
        self.launch().await
    }

    /// Makes the database files, whole or not at all.
    async fn make_data(&self) -> Result<()> {
        if let Some(release) = Self::release_of(self.folder.path()) {
            ensure!(
                release == self.binaries.pg_version.major,
                "the data in {} were made by Postgres {release}, and {} is {}: set SKRANKE_PG_BIN \
                 to a Postgres {release}, or start with another data folder",
                self.data.display(),
                self.binaries.pg_bin.display(),
                self.binaries.pg_version,
            );
            return Ok(());
        }
        let fresh = self.folder.path().join("data.new");
        if fresh.exists() {
            fs::remove_dir_all(&fresh)?;
        }
        folder::make_for_postgres(&fresh)?;
        let mut initdb = Command::new(self.binaries.pg_bin.join("initdb"));
        initdb.arg("--pgdata").arg(&fresh).arg(format!("--username={SUPERUSER}"));
        initdb.args(["--auth=trust", "--encoding=UTF8", "--no-instructions"]);
        initdb.args(locale(self.binaries.pg_version.major));
        if !self.options.durable {
            initdb.arg("--no-sync");
        }
        if let Some(user) = folder::postgres_user() {
            initdb.uid(user).gid(user);
        }
        initdb.current_dir(self.folder.path()).env("LC_ALL", "C");
        initdb.stdin(Stdio::null()).kill_on_drop(true);
        let output = initdb.output().await.context("initdb does not start")?;
        ensure!(
            output.status.success(),
            "initdb could not make the database files:\n{}",
            process::last_words(&String::from_utf8_lossy(&output.stderr))
        );
        fs::rename(&fresh, &self.data).context("cannot put the database files in their place")
    }

    async fn launch(&mut self) -> Result<()> {
        self.end_orphan().await?;
        for _ in 0..ATTEMPTS {
            let port = if self.port == 0 { free_port()? } else { self.port };
            match self.attempt(port).await? {
                Start::Ready(running) => {
                    self.port = port;
                    self.running = Some(running);
                    return Ok(());
                }
                Start::PortTaken if self.port == 0 => {}
                Start::PortTaken => bail!("port {port} on 127.0.0.1, for Postgres, is taken"),
                Start::StillInUse => sleep(Duration::from_millis(100)).await,
                Start::Failed(said) => {
                    bail!("Postgres does not start, see {}:\n{said}", self.log().display())
                }
            }
        }
        bail!("Postgres does not start after {ATTEMPTS} attempts, see {}", self.log().display())
    }

    async fn end_orphan(&self) -> Result<()> {
        let mark = format!("-D {}", self.data.display());
        process::end_orphan(&self.data.join("postmaster.pid"), &mark, Signal::SIGINT).await
    }

    async fn attempt(&self, port: u16) -> Result<Start> {
        let log = self.log();
        let log_start = process::log_end(&log);
        let mut arguments = vec!["-D".to_owned(), self.data.display().to_string()];
        for (name, value) in self.settings(port) {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        let mut running = Running::start(Launch {
            program: &self.binaries.pg_bin.join("postgres"),
            arguments,
            folder: self.folder.path(),
            log: &log,
            user: folder::postgres_user(),
            on_our_death: Signal::SIGINT,
            on_drop: Signal::SIGQUIT,
        })
        .await?;
        let ready = async {
            while running.ended().is_none() && !self.is_ready(running.pid()) {
                sleep(POLL_EVERY).await;
            }
        };
        if timeout(READY_WITHIN, ready).await.is_err() {
            return Ok(Start::Failed(format!("it is not ready after {READY_WITHIN:?}")));
        }
        if running.ended().is_none() {
            return Ok(Start::Ready(running));
        }
        let said = process::log_since(&log, log_start);
        Ok(match said {
            _ if said.contains("Address already in use") => Start::PortTaken,
            _ if said.contains("is still in use") => Start::StillInUse,
            _ => Start::Failed(process::last_words(&said)),
        })
    }

    /// Postgres itself writes into its pid file when it takes connections.
    fn is_ready(&self, pid: u32) -> bool {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        lines.next() == Some(&pid.to_string()) && lines.nth(6).is_some_and(|it| it.trim() == "ready")
    }

    fn settings(&self, port: u16) -> Vec<(String, String)> {
        let common = [
            ("listen_addresses", "127.0.0.1"),
            ("max_connections", "200"),
            ("wal_buffers", "16MB"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("log_line_prefix", "%m [%p] %q%u@%d "),
            // Compiling a query takes longer than any of the desk's queries.
            ("jit", "off"),
        ];
        let kind: &[(&str, &str)] = if self.options.durable { &DURABLE } else { &FAST };
        let mut all = vec![
            ("port".to_owned(), port.to_string()),
            ("unix_socket_directories".to_owned(), self.sockets().unwrap_or_default().to_owned()),
        ];
        let ours = common.iter().chain(kind);
        all.extend(ours.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        all.extend(self.options.settings.iter().cloned());
        all
    }
}

/// Acknowledged means committed means on disk.
const DURABLE: [(&str, &str); 12] = [
    ("fsync", "on"),
    ("synchronous_commit", "on"),
    ("full_page_writes", "on"),
    ("shared_buffers", "256MB"),
    // Five writers at once wait for each other this long (microseconds) and share one sync.
    ("commit_delay", "100"),
    ("commit_siblings", "5"),
    // A page is written whole once after each checkpoint; pressing it together first takes 0.2 ms, twenty times as long.
    ("wal_compression", "off"),
    // Checkpoints seldom and spread out: each makes every page be written whole once more.
    ("checkpoint_timeout", "15min"),
    ("max_wal_size", "2GB"),
    ("log_min_duration_statement", "1s"),
    // Statements planned while a table was nearly empty are planned anew soon after it has grown.
    ("autovacuum_naptime", "5s"),
    // But not each time that a tenth of it has changed: on a busy desk that was a fifth of all of Postgres' time.
    ("autovacuum_analyze_scale_factor", "1"),
];

/// Nothing is worth keeping beyond the test.
const FAST: [(&str, &str); 8] = [
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("shared_buffers", "64MB"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_wal_size", "1GB"),
    ("checkpoint_timeout", "1h"),
];

/// Text is compared by code point, the same on every machine; people's order is made in Rust. Where a release has no
/// provider of its own for it, comparing bytes gives the same order, without asking the system for each.
fn locale(release: u32) -> &'static [&'static str] {
    match (release >= 17, cfg!(target_os = "macos")) {
        (true, true) => &["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        (true, false) => &["--locale=C.UTF-8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
        (false, true) => &["--locale=C", "--lc-ctype=en_US.UTF-8"],
        (false, false) => &["--locale=C.UTF-8", "--lc-collate=C"],
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}
