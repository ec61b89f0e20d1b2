//! Who may do what on the local NATS: the desk everything of its own, each runner its own jobs and its own word.
//!
//! The desk and its runners have an account each. Between them pass jobs, one way, and what runners say, the other way;
//! of all else neither sees anything. Whoever connects without credentials is the desk: the local desk trusts its
//! machine, as it does with Postgres. Deployments do not.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use contracts::{ClientId, runners};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// The user who makes streams and consumers in the runners' account.
const DEPLOYMENT: &str = "deployment";

/// A runner's user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// Whose.
    pub client_id: ClientId,
    /// Which.
    pub runner: String,
    /// Its password.
    pub password: String,
}

/// All users of the local NATS, as they are kept beside its configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Accounts {
    desk: String,
    deployment: String,
    /// The runners.
    pub runners: Vec<Enrolled>,
}

/// 244 random bits.
fn password() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// The file that NATS reads.
fn configuration(home: &Path) -> PathBuf {
    home.join("accounts.conf")
}

impl Accounts {
    /// Those of a NATS in this folder; at first the desk's alone.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn of(home: &Path) -> Result<Self> {
        let file = home.join("accounts.json");
        match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).with_context(|| format!("{} cannot be read", file.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { desk: password(), deployment: password(), runners: Vec::new() })
            }
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", file.display())),
        }
    }

    /// Keeps them, and writes what NATS reads.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn keep(&self, home: &Path) -> Result<()> {
        secret(&home.join("accounts.json"), &serde_json::to_vec_pretty(self)?)?;
        secret(&configuration(home), self.text().as_bytes())
    }

    /// The runner's user; a new one if there is none. An old one gets a new password.
    pub fn enrol(&mut self, client_id: &ClientId, runner: &str) -> Enrolled {
        self.runners.retain(|known| known.client_id != *client_id || known.runner != runner);
        let enrolled = Enrolled { client_id: client_id.clone(), runner: runner.to_owned(), password: password() };
        self.runners.push(enrolled.clone());
        enrolled
    }

    /// The URL of whoever makes the runners' streams.
    pub fn deployment_url(&self, url: &str) -> String {
        url.replacen("://", &format!("://{DEPLOYMENT}:{}@", self.deployment), 1)
    }

    /// As NATS reads it. Its strings are JSON's.
    fn text(&self) -> String {
        let text = |value: &str| Value::from(value).to_string();
        let user = |name: &str, password: &str| format!("{{ user: {}, password: {} }}", text(name), text(password));
        let mut runners = vec![format!("      {}\n", user(DEPLOYMENT, &self.deployment))];
        runners.extend(self.runners.iter().map(|it| format!("      {}\n", runner(it))));
        format!(
            "accounts {{\n  DESK {{\n    jetstream: enabled\n    users: [ {desk} ]\n    \
             imports: [ {{ service: {{ account: RUNNERS, subject: {jobs} }} }} ]\n    \
             exports: [ {{ service: {told} }} ]\n  }}\n  RUNNERS {{\n    jetstream: enabled\n    \
             users: [\n{runners}    ]\n    imports: [ {{ service: {{ account: DESK, subject: {told} }} }} ]\n    \
             exports: [ {{ service: {jobs} }} ]\n  }}\n}}\nno_auth_user: desk\n",
            desk = user("desk", &self.desk),
            jobs = text(runners::JOB_SUBJECTS),
            told = text(runners::TOLD_SUBJECTS),
            runners = runners.concat(),
        )
    }
}

/// A runner's user with its permissions.
fn runner(enrolled: &Enrolled) -> String {
    let Enrolled { client_id, runner, password } = enrolled;
    let user = json!({
        "user": runners::user(client_id, runner),
        "password": password,
        "permissions": {
            "publish": runners::may_publish(client_id, runner),
            "subscribe": runners::may_subscribe(client_id, runner),
        },
    });
    user.to_string()
}

/// Writes a file that only we can read, as a whole or not at all.
fn secret(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("new");
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    written().with_context(|| format!("cannot write {}", path.display()))
}
