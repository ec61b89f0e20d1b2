//! What has begun here, on disk: the reason why nothing is run twice.
//!
//! One file per run, with everything that is told of it, one message after the other. It is there, and on the disk, before
//! the job is acknowledged and before anything runs. When all of it has been told a mark remains, so that a job that
//! comes again is known.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use contracts::triage::v1::RunnerTold;
use contracts::triage::v1::runner_told::News;
use jiff::{SignedDuration, Timestamp};
use prost::Message;
use uuid::Uuid;

/// Marks of runs that are over are kept so long: jobs do not live longer.
const KEEP: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The journal's folder, of one runner process at a time.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    /// Held as long as we live.
    _lock: File,
}

/// The file of a run that goes on.
#[derive(Debug)]
pub(crate) struct Entry {
    file: File,
}

/// A run of which not everything was told before the runner ended.
#[derive(Debug)]
pub(crate) struct Left {
    /// Which.
    pub run_id: Uuid,
    /// What is to be told of it, in order.
    pub told: Vec<RunnerTold>,
    /// Its process, if it was running.
    pub process: Option<Footprint>,
    /// Bytes of the file that can be read; what follows was cut off by the crash.
    valid: u64,
}

/// By what a process is recognised: numbers are used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Footprint {
    /// Its number.
    pub pid: i32,
    /// When it began, as the kernel counts.
    pub begun: String,
}

impl Left {
    /// It was running, and nobody knows how it ended.
    pub fn is_interrupted(&self) -> bool {
        !self.told.iter().any(|told| matches!(told.news, Some(News::Ended(_))))
    }
}

impl Footprint {
    /// Of a process that runs; `None` if it has ended, or where there is no /proc.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name in brackets may hold anything; the 20th field after it is the start.
        let begun = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.to_owned();
        Some(Self { pid, begun })
    }
}

impl Journal {
    /// Opens the journal below a folder; makes both if needed.
    ///
    /// # Errors
    /// If it cannot be written, or another process has it.
    pub fn open(folder: &Path) -> Result<Self> {
        let folder = folder.join("journal");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("{} cannot be made", folder.display()))?;
        let lock = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"))?;
        ensure!(
            lock.try_lock().is_ok(),
            "another runner works in {}; each needs a folder of its own",
            folder.display()
        );
        Ok(Self { folder, _lock: lock })
    }

    fn path(&self, run_id: Uuid, ending: &str) -> PathBuf {
        self.folder.join(format!("{run_id}.{ending}"))
    }

    /// Whether the run is known here: it is never begun again.
    pub fn knows(&self, run_id: Uuid) -> bool {
        self.path(run_id, "run").exists() || self.path(run_id, "told").exists()
    }

    /// Notes that a run begins, with the first that is told of it; `None` if it is known. When this returns, it is on disk.
    ///
    /// # Errors
    /// If it cannot be written: then nothing may run.
    pub fn begin(&self, run_id: Uuid, first: &RunnerTold) -> Result<Option<Entry>> {
        if self.path(run_id, "told").exists() {
            return Ok(None);
        }
        let path = self.path(run_id, "run");
        let file = match OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be written", path.display())),
        };
        let mut entry = Entry { file };
        entry.add(first)?;
        entry.sync()?;
        File::open(&self.folder)?.sync_all()?;
        Ok(Some(entry))
    }

    /// Notes by which process a run is carried out.
    pub fn note_process(&self, run_id: Uuid, pid: i32) -> Result<()> {
        if let Some(Footprint { pid, begun }) = Footprint::of(pid) {
            fs::write(self.path(run_id, "pid"), format!("{pid} {begun}"))?;
        }
        Ok(())
    }

    /// Everything of a run was told: a mark remains.
    pub fn told(&self, run_id: Uuid) -> Result<()> {
        File::create(self.path(run_id, "told"))?.sync_all()?;
        for ending in ["run", "pid"] {
            match fs::remove_file(self.path(run_id, ending)) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Runs of which not everything was told.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn left(&self) -> Result<Vec<Left>> {
        let mut left = Vec::new();
        for run_id in self.with("run")? {
            let bytes = fs::read(self.path(run_id, "run"))?;
            let process = fs::read_to_string(self.path(run_id, "pid")).ok().and_then(|text| footprint(&text));
            let (told, valid) = messages(&bytes);
            left.push(Left { run_id, told, process, valid });
        }
        Ok(left)
    }

    /// The file of a run that is left, to add to it.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn again(&self, left: &Left) -> Result<Entry> {
        let file = OpenOptions::new().append(true).open(self.path(left.run_id, "run"))?;
        file.set_len(left.valid)?;
        Ok(Entry { file })
    }

    /// Forgets marks that are old.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn sweep(&self, now: Timestamp) -> Result<()> {
        for run_id in self.with("told")? {
            let path = self.path(run_id, "told");
            let Ok(modified_at) = fs::metadata(&path)?.modified().map(Timestamp::try_from) else { continue };
            if modified_at.is_ok_and(|at| now.duration_since(at) > KEEP) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn with(&self, ending: &str) -> Result<Vec<Uuid>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let run = name.to_str().and_then(|name| name.strip_suffix(ending)?.strip_suffix('.'));
            found.extend(run.and_then(|run| Uuid::try_parse(run).ok()));
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn footprint(text: &str) -> Option<Footprint> {
    let (pid, begun) = text.split_once(' ')?;
    Some(Footprint { pid: pid.parse().ok()?, begun: begun.to_owned() })
}

/// The messages, and how many bytes they take. Whatever was cut off in the middle was never told.
fn messages(all: &[u8]) -> (Vec<RunnerTold>, u64) {
    let (mut told, mut rest, mut valid) = (Vec::new(), all, 0);
    while !rest.is_empty()
        && let Ok(message) = RunnerTold::decode_length_delimited(&mut rest)
    {
        told.push(message);
        valid = all.len() - rest.len();
    }
    (told, u64::try_from(valid).unwrap_or_default())
}

impl Entry {
    /// Adds what is told next.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, told: &RunnerTold) -> Result<()> {
        self.file.write_all(&told.encode_length_delimited_to_vec()).context("the journal cannot be written")
    }

    /// When this returns, everything is on the disk.
    ///
    /// # Errors
    /// If it cannot be.
    pub fn sync(&self) -> Result<()> {
        self.file.sync_all().context("the journal cannot be written")
    }
}
