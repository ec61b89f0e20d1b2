//! Servers as child processes: started so that they end with us, waited for, ended.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::{OnceLock, mpsc},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{
    process::{Child, Command},
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

/// How long a server may take to end in good order.
const STOP_WITHIN: Duration = Duration::from_secs(30);
/// How often a server is asked whether it is ready.
pub(super) const POLL_EVERY: Duration = Duration::from_millis(5);

/// A server that runs as our child.
#[derive(Debug)]
pub(super) struct Running {
    child: Child,
    pid: Pid,
    quick_end: Signal,
}

/// How a server is started.
pub(super) struct Launch<'a> {
    pub(super) program: &'a Path,
    pub(super) arguments: Vec<String>,
    /// Where the server stands and what its log is.
    pub(super) folder: &'a Path,
    pub(super) log: &'a Path,
    /// The user to run as, if not ourselves.
    pub(super) user: Option<u32>,
    /// Ends the server in good order when we die.
    pub(super) on_our_death: Signal,
    /// Ends the server at once, its own children too, when it is dropped.
    pub(super) on_drop: Signal,
}

impl Running {
    pub(super) async fn start(launch: Launch<'_>) -> Result<Self> {
        let log = File::options().create(true).append(true).open(launch.log)?;
        let mut command = leashed(launch.program, launch.on_our_death);
        command.args(&launch.arguments).current_dir(launch.folder).env("LC_ALL", "C");
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).kill_on_drop(true);
        // Ctrl-C at the terminal is for us; we stop the servers last.
        command.process_group(0);
        if let Some(user) = launch.user {
            command.uid(user).gid(user);
        }
        let child = spawn(command).await.with_context(|| format!("{} does not start", launch.program.display()))?;
        let pid = child.id().context("the server ended before it started")?;
        let pid = Pid::from_raw(i32::try_from(pid)?);
        Ok(Self { child, pid, quick_end: launch.on_drop })
    }

    pub(super) fn pid(&self) -> u32 {
        self.pid.as_raw().unsigned_abs()
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    pub(super) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// Asks the server to end and waits until it has; one that hangs is killed.
    pub(super) async fn stop(mut self, signal: Signal) -> Result<()> {
        self.send(signal);
        if timeout(STOP_WITHIN, self.child.wait()).await.is_err() {
            self.child.kill().await?;
            bail!("process {} did not end within {STOP_WITHIN:?} and was killed", self.pid);
        }
        Ok(())
    }

    /// Ends the server without warning, as a power cut would.
    pub(super) async fn kill(mut self) -> Result<()> {
        self.send(Signal::SIGKILL);
        self.child.wait().await?;
        Ok(())
    }

    /// Sends a signal, unless the server has ended and its number may be another's by now.
    fn send(&mut self, signal: Signal) {
        if self.ended().is_none() {
            kill(self.pid, signal).ok();
        }
    }
}

impl Drop for Running {
    /// Waits a moment, so that nobody writes into a folder that its owner is about to delete.
    fn drop(&mut self) {
        self.send(self.quick_end);
        for _ in 0..200 {
            if self.ended().is_some() {
                return;
            }
            thread::sleep(POLL_EVERY);
        }
    }
}

/// A command whose process gets the signal when we die, where the system can do that.
fn leashed(program: &Path, signal: Signal) -> Command {
    static SETPRIV: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(setpriv) = SETPRIV.get_or_init(find_setpriv) else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", signal.as_str().trim_start_matches("SIG"), "--"]).arg(program);
    command
}

/// `setpriv` of util-linux; the one of busybox lacks the option.
fn find_setpriv() -> Option<PathBuf> {
    let folders = if cfg!(target_os = "linux") { &["/usr/bin", "/bin"][..] } else { &[] };
    folders.iter().map(|folder| Path::new(folder).join("setpriv")).find(|program| {
        let help = std::process::Command::new(program).arg("--help").output();
        help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--pdeathsig"))
    })
}

type Order = (Command, Handle, oneshot::Sender<io::Result<Child>>);

/// Starts a child from a thread that lives as long as we do: what the kernel calls the death of
/// a parent is the death of the thread that made the child.
async fn spawn(mut command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Option<mpsc::Sender<Order>>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        let work = move || {
            for (mut command, runtime, reply) in orders {
                let _entered = runtime.enter();
                // Nobody waits any more: the child is dropped, and so killed.
                reply.send(command.spawn()).ok();
            }
        };
        thread::Builder::new().name("spawner".to_owned()).spawn(work).ok().map(|_| sender)
    });
    let Some(spawner) = spawner else {
        return command.spawn();
    };
    let (reply, child) = oneshot::channel();
    spawner.send((command, Handle::current(), reply)).map_err(io::Error::other)?;
    child.await.map_err(io::Error::other)?
}

/// Ends a server that a killed desk left behind.
///
/// `mark` is a part of its command line that no other process has. A pid file whose number was
/// given to another process since is removed.
pub(super) async fn end_orphan(pid_file: &Path, mark: &str, signal: Signal) -> Result<()> {
    let Ok(text) = fs::read_to_string(pid_file) else {
        return Ok(());
    };
    let Some(pid) = text.lines().next().and_then(|line| line.trim().parse().ok()) else {
        return Ok(());
    };
    let ours = || command_line(pid).is_some_and(|line| line.contains(mark));
    if ours() {
        kill(Pid::from_raw(pid), signal).ok();
        let gone = async {
            while ours() {
                sleep(POLL_EVERY).await;
            }
        };
        if timeout(STOP_WITHIN, gone).await.is_err() {
            bail!("process {pid} is left from an earlier desk and does not end: end it yourself");
        }
    } else if kill(Pid::from_raw(pid), None).is_ok() {
        // A server would take that process for another server on its data.
        fs::remove_file(pid_file)?;
    }
    Ok(())
}

/// What a process was started as; empty for one that has ended but was not yet collected.
fn command_line(pid: i32) -> Option<String> {
    if let Ok(line) = fs::read(format!("/proc/{pid}/cmdline")) {
        return Some(String::from_utf8_lossy(&line).replace('\0', " "));
    }
    let mut ps = std::process::Command::new("ps");
    let listed = ps.args(["-ww", "-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    listed.status.success().then(|| String::from_utf8_lossy(&listed.stdout).into_owned())
}

/// Where a log ends now, to read later what was added.
pub(super) fn log_end(log: &Path) -> u64 {
    fs::metadata(log).map_or(0, |found| found.len())
}

/// What was added to a log since.
pub(super) fn log_since(log: &Path, start: u64) -> String {
    let all = fs::read(log).unwrap_or_default();
    let start = usize::try_from(start).unwrap_or(0).min(all.len());
    String::from_utf8_lossy(all.get(start..).unwrap_or_default()).into_owned()
}

/// The end of what a server said, for an error message.
pub(super) fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said.lines().collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
}
