//! What a runner may do: its own file, beside the program, in the client's hands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use contracts::{ClientId, runners};
use regex::Regex;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Jobs that a runner may carry out at once.
const MOST_AT_ONCE: usize = 16;
/// Where programs look for others, if the file does not say.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The runner's file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whose runner it is.
    pub client: ClientId,
    /// Its word, as the client's runbooks name it.
    pub runner: String,
    /// Where NATS is.
    pub nats: Nats,
    /// Where it keeps its journal, and below which scripts work.
    pub folder: PathBuf,
    /// Jobs at once.
    #[serde(default = "two")]
    pub at_once: usize,
    /// Where programs look for others.
    #[serde(default = "usual_path")]
    pub path: String,
    /// How many seconds a stop waits for what runs.
    #[serde(default = "half_a_minute")]
    pub stop_after_seconds: u64,
    /// What it may run: nothing else.
    #[serde(default)]
    pub scripts: Vec<Script>,
}

/// How NATS is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nats {
    /// `tls://nats.example:4222`, without user and password.
    pub url: String,
    /// The file with the password of the runner's user; none where NATS knows it by its certificate.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// A file with the certificates (PEM) that vouch for NATS, where no public authority does.
    #[serde(default)]
    pub ca: Option<PathBuf>,
    /// The runner's own certificate (PEM), where NATS knows it by one.
    #[serde(default)]
    pub certificate: Option<PathBuf>,
    /// The key of the certificate.
    #[serde(default)]
    pub key: Option<PathBuf>,
}

/// One thing that the runner may run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The word by which the desk calls it.
    pub runbook: String,
    /// The program: an absolute path.
    pub program: PathBuf,
    /// What it is called with before anything else.
    #[serde(default)]
    pub args: Vec<String>,
    /// SHA-256 of the program in hex; whatever has another one is not run.
    #[serde(default)]
    pub sha256: Option<String>,
    /// How it gets the parameters.
    #[serde(default)]
    pub pass: Pass,
    /// The parameters that it takes, each with a regular expression for the whole value; no other is let through.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
    /// Its environment beside PATH.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// It is ended after so many seconds, whatever the desk allows.
    #[serde(default)]
    pub time_limit_seconds: Option<u64>,
}

/// How a script gets its parameters. In every way a value arrives as it is, and is never read by a shell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pass {
    /// Each as one argument, `--name=value`, in the order in which the desk declares them.
    #[default]
    Options,
    /// Each as a variable, `SKRANKE_NAME`.
    Environment,
    /// All as one JSON object on standard input; numbers and booleans as such.
    Stdin,
}

fn two() -> usize {
    2
}

fn usual_path() -> String {
    USUAL_PATH.to_owned()
}

fn half_a_minute() -> u64 {
    30
}

impl Config {
    /// Looks whether everything in the file can be as it says.
    ///
    /// # Errors
    /// What cannot, and what to do.
    pub fn check(&self) -> Result<()> {
        ensure!(
            runners::is_runner(&self.runner),
            "`runner` must be 1 to 31 of a-z, 0-9 and -, beginning with a letter, as the client's runbooks name it"
        );
        ensure!(self.folder.is_absolute(), "`folder` must be an absolute path");
        ensure!((1..=MOST_AT_ONCE).contains(&self.at_once), "`at_once` must be 1 to {MOST_AT_ONCE}");
        ensure!(
            self.nats.certificate.is_some() == self.nats.key.is_some(),
            "`nats.certificate` and `nats.key` go together"
        );
        ensure!(!self.nats.url.contains('@'), "`nats.url` holds no user and no password: name a `password_file`");
        for (at, script) in self.scripts.iter().enumerate() {
            script.check().with_context(|| format!("scripts[{at}] ({})", script.runbook))?;
            let earlier = self.scripts.iter().take(at).any(|one| one.runbook == script.runbook);
            ensure!(!earlier, "scripts[{at}]: `{}` is there already", script.runbook);
        }
        Ok(())
    }

    /// The script of a runbook.
    pub fn script(&self, runbook: &str) -> Option<&Script> {
        self.scripts.iter().find(|script| script.runbook == runbook)
    }

    /// How long a stop waits for what runs.
    pub fn stop_after(&self) -> Duration {
        Duration::from_secs(self.stop_after_seconds)
    }
}

impl Script {
    fn check(&self) -> Result<()> {
        ensure!(self.program.is_absolute(), "`program` must be an absolute path");
        let nul = |text: &str| text.contains('\0');
        ensure!(!self.args.iter().any(|one| nul(one)), "`args` must not contain NUL");
        if let Some(pinned) = &self.sha256 {
            let is_hash = pinned.len() == 64 && pinned.bytes().all(|byte| byte.is_ascii_hexdigit());
            ensure!(is_hash, "`sha256` must be 64 hexadecimal digits; `sha256sum` prints them");
        }
        for (name, pattern) in &self.parameters {
            let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
            ensure!(is_name && !name.is_empty(), "the parameter `{name}` must be of a-z, 0-9 and _");
            whole(pattern).with_context(|| format!("the pattern of `{name}` is no regular expression"))?;
        }
        for (name, value) in &self.environment {
            let is_name = !name.is_empty() && !name.contains(['=', '\0']);
            ensure!(is_name && !nul(value), "the variable `{name}` cannot be one");
        }
        self.trusted()
    }

    /// Looks whether the program is what the file speaks of.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn trusted(&self) -> Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let program = self.program.display();
        let found = std::fs::metadata(&self.program).with_context(|| format!("{program} cannot be found"))?;
        ensure!(found.is_file(), "{program} is no file");
        let mode = found.permissions().mode();
        ensure!(mode & 0o111 != 0, "{program} cannot be executed; chmod it");
        ensure!(mode & 0o002 == 0, "everybody may write to {program}; chmod o-w it");
        let Some(pinned) = &self.sha256 else { return Ok(()) };
        let is = hash(&self.program)?;
        if !is.eq_ignore_ascii_case(pinned) {
            bail!("{program} is not what was pinned: its SHA-256 is {is}");
        }
        Ok(())
    }
}

/// SHA-256 of a file, in hex.
///
/// # Errors
/// If it cannot be read.
pub fn hash(path: &Path) -> Result<String> {
    let bytes = std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A regular expression for a whole value, line breaks and all.
pub(crate) fn whole(pattern: &str) -> Result<Regex, regex::Error> {
    Regex::new(pattern)?;
    Regex::new(&format!(r"\A(?:{pattern})\z"))
}
