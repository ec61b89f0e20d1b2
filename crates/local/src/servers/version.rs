//! What `--version` says, and whether that is new enough.

use std::{fmt, path::Path};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// A release number such as 15.18 or 2.15.1; parts that were not given are 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 15 in 15.18.
    pub major: u32,
    /// 18 in 15.18.
    pub minor: u32,
    /// 1 in 2.15.1; 0 for Postgres.
    pub patch: u32,
}

/// The oldest `nats-server` that the desk's NATS client speaks to.
pub(super) const NATS_OLDEST: Version = Version::new(2, 10, 0);
/// From here on `nats-server` has everything the desk would like to have.
pub(super) const NATS_PREFERRED: Version = Version::new(2, 12, 0);
/// The oldest Postgres that the desk's tables work on.
pub(super) const POSTGRES_OLDEST: Version = Version::new(15, 0, 0);

impl Version {
    pub(super) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Reads the first release number in a `--version` line.
    ///
    /// ```
    /// use local::servers::Version;
    /// let version = Version::parse("postgres (PostgreSQL) 18beta1").unwrap();
    /// assert_eq!(version.major, 18);
    /// ```
    pub fn parse(line: &str) -> Option<Self> {
        let number = line.split_whitespace().find_map(|word| {
            let word = word.strip_prefix('v').unwrap_or(word);
            word.starts_with(|first: char| first.is_ascii_digit()).then_some(word)
        })?;
        let mut parts = number.split('.').map(leading_digits);
        Some(Self {
            major: parts.next()??,
            minor: parts.next().flatten().unwrap_or(0),
            patch: parts.next().flatten().unwrap_or(0),
        })
    }
}

fn leading_digits(part: &str) -> Option<u32> {
    let end = part.find(|character: char| !character.is_ascii_digit()).unwrap_or(part.len());
    part.get(..end)?.parse().ok()
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)?;
        if self.patch > 0 {
            write!(formatter, ".{}", self.patch)?;
        }
        Ok(())
    }
}

/// Asks a program for its version.
pub(super) async fn of(program: &Path) -> Result<Version> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .await
        .with_context(|| format!("{} does not start", program.display()))?;
    let line = String::from_utf8_lossy(&output.stdout);
    match Version::parse(&line) {
        Some(version) if output.status.success() => Ok(version),
        _ => bail!("{} --version tells no version: {}", program.display(), line.trim()),
    }
}

#[cfg(test)]
mod tests;
