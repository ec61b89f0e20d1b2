//! On what it was measured.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use local::servers::Binaries;
use serde::{Deserialize, Serialize};

use crate::latency::median;

/// Syncs from which the disk's own delay is taken.
const SYNCS: usize = 200;
/// What one of them writes: a page of Postgres' log.
const PAGE: usize = 8 * 1024;

/// The machine, what runs on it, and how busy it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's model.
    pub cpu: String,
    /// Cores that this process may use.
    pub cores: usize,
    /// Bytes.
    pub memory: u64,
    /// The kernel's release.
    pub kernel: String,
    /// What kind of file system has the data.
    pub file_system: String,
    /// A page written and synced to that disk: milliseconds, median.
    pub sync_ms: f64,
    /// Load averages of 1, 5 and 15 minutes before the first measurement.
    pub load_before: String,
    /// The same after the last.
    pub load_after: String,
    /// This version of the desk.
    pub skranke: String,
    /// Postgres.
    pub postgres: String,
    /// nats-server.
    pub nats: String,
}

impl Machine {
    /// Looks at the machine; `folder` is where the data will be.
    ///
    /// # Errors
    /// If the folder's disk cannot be written.
    pub(crate) fn look(binaries: &Binaries, folder: &Path) -> anyhow::Result<Self> {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        let kib: u64 = memory.trim_end_matches("kB").trim().parse().unwrap_or_default();
        Ok(Self {
            cpu: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kib * 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            file_system: file_system(folder),
            sync_ms: sync_ms(folder)?,
            load_before: load_average(),
            load_after: String::new(),
            skranke: env!("CARGO_PKG_VERSION").to_owned(),
            postgres: binaries.pg_version.to_string(),
            nats: binaries.nats_version.to_string(),
        })
    }
}

/// The load averages now.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// Of `model name : AMD EPYC` the `AMD EPYC`.
pub(crate) fn field(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        (found.trim() == name).then(|| value.trim().to_owned())
    })
}

/// The kind of the file system that holds a folder: `ext4`.
pub(crate) fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let folder = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
    mounted_on(&mounts, &folder).unwrap_or_else(|| "unknown".to_owned())
}

/// Of all mounts above a folder the longest is its own; of equal ones the last, which covers the others.
pub(crate) fn mounted_on(mounts: &str, folder: &Path) -> Option<String> {
    let all = mounts.lines().filter_map(|line| {
        let (place, kind) = line.split_once(" - ")?;
        Some((Path::new(place.split(' ').nth(4)?), kind.split(' ').next()?))
    });
    let above = all.filter(|(place, _)| folder.starts_with(place));
    above.max_by_key(|(place, _)| place.components().count()).map(|(_, kind)| kind.to_owned())
}

/// How long the disk takes to have a page: what every commit waits for at least.
fn sync_ms(folder: &Path) -> anyhow::Result<f64> {
    let path = folder.join("sync");
    let mut file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    // As Postgres does: the file has its length before, so that only its content is synced.
    file.write_all(&vec![0; PAGE * SYNCS])?;
    file.sync_all()?;
    let mut file = File::options().write(true).open(&path)?;
    let mut took = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        let begun_at = Instant::now();
        file.write_all(&[1; PAGE])?;
        file.sync_data()?;
        took.push(millis(begun_at.elapsed()));
    }
    fs::remove_file(&path)?;
    Ok(median(&took))
}

/// Milliseconds as a number for figures.
pub(crate) fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}
