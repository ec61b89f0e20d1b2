//! CPU time from the operating system's accounting: what was used, not how long it took.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::machine;

/// Of a tick in `/proc/<pid>/stat`: 100 a second towards programs, on every Linux that Rust knows.
const TICK_MS: f64 = 10.0;

/// CPU-milliseconds by who used them: a service's name, `postgres`, `nats`, `load` (this process).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CpuMs(pub(crate) BTreeMap<String, f64>);

/// The name of the process that makes the load.
pub(crate) const LOAD: &str = "load";
/// The name of Postgres with all its processes.
pub(crate) const POSTGRES: &str = "postgres";
/// The name of nats-server.
pub(crate) const NATS: &str = "nats";

impl CpuMs {
    /// What was used since an earlier look.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let used = |(who, now): (&String, &f64)| {
            let before = earlier.0.get(who).copied().unwrap_or_default();
            (who.clone(), (now - before).max(0.0))
        };
        Self(self.0.iter().map(used).collect())
    }

    /// What one used.
    pub(crate) fn of(&self, who: &str) -> f64 {
        self.0.get(who).copied().unwrap_or_default()
    }

    /// What all services used together.
    pub(crate) fn services(&self) -> f64 {
        self.0.iter().filter(|(who, _)| ![LOAD, POSTGRES, NATS].contains(&who.as_str())).map(|(_, ms)| ms).sum()
    }
}

/// One process as `/proc/<pid>/stat` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stat {
    pub(crate) parent: u32,
    /// Ticks of its own, user and system.
    pub(crate) own: u64,
    /// Ticks of its children that have ended and were waited for.
    pub(crate) ended_children: u64,
}

impl Stat {
    /// Reads the line; the program's name stands in brackets and may have any characters.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        // Counted from the state, the third field: ppid is the fourth, utime the fourteenth.
        let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
        Some(Self {
            parent: u32::try_from(number(4)?).ok()?,
            own: number(14)?.saturating_add(number(15)?),
            ended_children: number(16)?.saturating_add(number(17)?),
        })
    }

    fn of(pid: u32) -> anyhow::Result<Self> {
        let file = format!("/proc/{pid}/stat");
        let line = fs::read_to_string(&file).with_context(|| format!("cannot read {file}: has the process ended?"))?;
        Self::parse(&line).with_context(|| format!("{file} is not as expected"))
    }
}

/// CPU-milliseconds of one process.
pub(crate) fn of_process(pid: u32) -> anyhow::Result<f64> {
    Ok(Stat::of(pid)?.own as f64 * TICK_MS)
}

/// CPU-milliseconds of a process with all its children, those that have ended included: a Postgres.
pub(crate) fn of_family(pid: u32) -> anyhow::Result<f64> {
    // The children first: one that ends in between is then counted twice by a hair, and never lost.
    let children: u64 = children_of(pid, Path::new("/proc"))?.iter().map(|stat| stat.own + stat.ended_children).sum();
    let parent = Stat::of(pid)?;
    Ok((parent.own + parent.ended_children + children) as f64 * TICK_MS)
}

fn children_of(pid: u32, proc: &Path) -> anyhow::Result<Vec<Stat>> {
    let entries = fs::read_dir(proc).context("CPU time is read from /proc, which this system does not have")?;
    let is_process = |name: &std::ffi::OsString| name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit());
    let stats = entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .filter(is_process)
        // One that has ended since the folder was listed is no child any more.
        .filter_map(|name| Stat::parse(&fs::read_to_string(proc.join(name).join("stat")).ok()?))
        .filter(|stat| stat.parent == pid);
    Ok(stats.collect())
}

/// Memory of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// All that is resident, bytes.
    pub(crate) resident: u64,
    /// Its fair part of what is shared, bytes: a page that five processes have counts a fifth for each.
    pub(crate) proportional: u64,
    /// What no other process has, bytes.
    pub(crate) private: u64,
}

impl Memory {
    /// Memory of a running process.
    pub(crate) fn of(pid: u32) -> anyhow::Result<Self> {
        let file = format!("/proc/{pid}/smaps_rollup");
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
        Self::parse(&text).with_context(|| format!("{file} is not as expected"))
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
        };
        let private = bytes("Private_Clean")?.checked_add(bytes("Private_Dirty")?)?;
        Some(Self { resident: bytes("Rss")?, proportional: bytes("Pss")?, private })
    }
}

/// The most that was ever resident of a running process, bytes.
pub(crate) fn highest(pid: u32) -> anyhow::Result<u64> {
    let file = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {file}"))?;
    let kib = machine::field(&text, "VmHWM").and_then(|value| value.strip_suffix("kB")?.trim().parse::<u64>().ok());
    Ok(kib.with_context(|| format!("{file} is not as expected"))?.saturating_mul(1024))
}
