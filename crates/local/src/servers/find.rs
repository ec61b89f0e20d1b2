//! Which `nats-server` and which Postgres: the ones asked for, else the machine's own, else
//! fetched ones.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use super::{
    Say, fetch, folder,
    version::{self, NATS_OLDEST, NATS_PREFERRED, POSTGRES_OLDEST, Version},
};

/// What the person, the environment and the data folder ask for.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// This `nats-server` and no other.
    pub nats_server: Option<PathBuf>,
    /// The folder with this `postgres` and `initdb`, and no other.
    pub pg_bin: Option<PathBuf>,
    /// The release of Postgres that made the data, 15 or 18: no other can read them.
    /// [`super::Postgres::release_of`] tells it.
    pub pg_release: Option<u32>,
    /// Where programs are looked for: `PATH`, and where the two servers are usually installed.
    pub search_folders: Vec<PathBuf>,
    /// Where fetched servers are kept, for all checkouts of this user.
    pub cache: PathBuf,
}

/// The programs that were chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    /// The `nats-server` program.
    pub nats_server: PathBuf,
    /// Its version.
    pub nats_version: Version,
    /// The folder with `postgres`, `initdb` and what else comes with it.
    pub pg_bin: PathBuf,
    /// The version of Postgres.
    pub pg_version: Version,
}

impl Wishes {
    /// Reads the wishes from an environment: `SKRANKE_NATS_SERVER` (a program),
    /// `SKRANKE_PG_BIN` (a folder), `PATH`, `XDG_CACHE_HOME` and `HOME`.
    ///
    /// The caller hands in the reader, such as `|name| std::env::var_os(name)`.
    pub fn read(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name| variable(name).filter(|value| !value.is_empty());
        let caches = set("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || set("HOME").map(|home| PathBuf::from(home).join(".cache"));
        let cache = caches.or_else(home).unwrap_or_else(env::temp_dir).join("skranke/servers");
        Self {
            nats_server: set("SKRANKE_NATS_SERVER").map(PathBuf::from),
            pg_bin: set("SKRANKE_PG_BIN").map(PathBuf::from),
            pg_release: None,
            search_folders: env::split_paths(&set("PATH").unwrap_or_default())
                .filter(|folder| folder.is_absolute())
                .chain(usual_folders())
                .collect(),
            cache: open_cache(cache),
        }
    }

    /// The first program of this name.
    pub(super) fn program(&self, name: &str) -> Option<PathBuf> {
        let programs = self.search_folders.iter().map(|folder| folder.join(name));
        programs.into_iter().find(|program| program.is_file())
    }
}

/// Where `nats-server` and Postgres are installed without being on everybody's `PATH`.
fn usual_folders() -> impl Iterator<Item = PathBuf> {
    let by_release = [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql@"),
        ("/usr/local/opt", "postgresql@"),
        ("/Applications/Postgres.app/Contents/Versions", ""),
    ];
    let by_release = by_release.into_iter().flat_map(|(parent, prefix)| {
        let entries = fs::read_dir(parent).into_iter().flatten().flatten();
        entries
            .filter(move |entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join("bin"))
    });
    let own = ["/usr/local/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin", "/usr/sbin"];
    by_release.chain(own.map(PathBuf::from))
}

/// Root's own folder is closed to Postgres, which runs as another user then.
fn open_cache(wanted: PathBuf) -> PathBuf {
    let existing = wanted.ancestors().find(|step| step.exists());
    match existing.and_then(folder::closed_to_postgres) {
        Some(_) => PathBuf::from("/var/cache/skranke/servers"),
        None => wanted,
    }
}

/// Finds both servers on this machine, or fetches the missing ones, and says what it chose.
///
/// A `nats-server` older than 2.10 and a Postgres older than 15 are left alone. Fetched servers
/// are pinned by version and checksum and kept in [`Wishes::cache`]; several processes may do
/// this at once.
///
/// # Errors
/// When a wished program is missing or too old, or a server is neither here nor to be had: the
/// error names the commands that install it.
pub async fn find_or_fetch(wishes: &Wishes, say: Say<'_>) -> Result<Binaries> {
    let (nats, postgres) = tokio::try_join!(find_nats(wishes, say), find_postgres(wishes, say))?;
    let (nats_server, nats_version) = nats;
    let (pg_bin, pg_version) = postgres;
    say(&format!("nats-server {nats_version} at {}", nats_server.display()));
    say(&format!("Postgres {pg_version} at {}", pg_bin.display()));
    Ok(Binaries { nats_server, nats_version, pg_bin, pg_version })
}

async fn find_nats(wishes: &Wishes, say: Say<'_>) -> Result<(PathBuf, Version)> {
    if let Some(wished) = &wishes.nats_server {
        let version = version::of(wished).await.context("SKRANKE_NATS_SERVER cannot be used")?;
        ensure!(version >= NATS_OLDEST, "SKRANKE_NATS_SERVER is {version}; the desk needs {NATS_OLDEST} or newer");
        return Ok((wished.clone(), version));
    }
    let found = newest_nats(wishes, say).await;
    if let Some(preferred) = found.as_ref().filter(|(_, version)| *version >= NATS_PREFERRED) {
        return Ok(preferred.clone());
    }
    let fetched = async {
        let program = fetch::NATS.fetch(wishes, say).await?;
        let version = version::of(&program).await?;
        Ok((program, version))
    };
    match (fetched.await, found) {
        (Ok(fetched), _) => Ok(fetched),
        (Err(error), Some(found)) => {
            say(&format!("nats-server {} will do, though older: {error:#}", found.1));
            Ok(found)
        }
        (Err(error), None) => Err(error),
    }
}

/// The machine's newest `nats-server` that is new enough.
async fn newest_nats(wishes: &Wishes, say: Say<'_>) -> Option<(PathBuf, Version)> {
    let mut found = Vec::new();
    for program in installed(wishes, "nats-server") {
        match version::of(&program).await {
            Ok(version) if version < NATS_OLDEST => {
                say(&format!("{} is {version}, the desk needs {NATS_OLDEST} or newer: not used", program.display()));
            }
            Ok(version) => found.push((program, version)),
            Err(error) => say(&format!("not used: {error:#}")),
        }
    }
    found.into_iter().max_by_key(|(_, version)| *version)
}

async fn find_postgres(wishes: &Wishes, say: Say<'_>) -> Result<(PathBuf, Version)> {
    if let Some(wished) = &wishes.pg_bin {
        return usable_postgres(wished).await.context("SKRANKE_PG_BIN cannot be used");
    }
    let mut found = Vec::new();
    for program in installed(wishes, "postgres") {
        match usable_postgres(program.parent().unwrap_or(&program)).await {
            Ok(postgres) => found.push(postgres),
            Err(error) => say(&format!("not used: {error:#}")),
        }
    }
    let fits = |version: Version| wishes.pg_release.is_none_or(|wanted| wanted == version.major);
    let newest = found.into_iter().filter(|(_, version)| fits(*version)).max_by_key(|it| it.1);
    if let Some(newest) = newest {
        return Ok(newest);
    }
    if let Some(wanted) = wishes.pg_release.filter(|wanted| *wanted != fetch::POSTGRES_RELEASE) {
        bail!(
            "the data were made by Postgres {wanted}, which is no longer here: install it, or set \
             SKRANKE_PG_BIN to the folder with its programs, or start with another data folder"
        );
    }
    let program = fetch::POSTGRES.fetch(wishes, say).await?;
    usable_postgres(program.parent().unwrap_or(&program)).await
}

async fn usable_postgres(folder: &Path) -> Result<(PathBuf, Version)> {
    let folder = fs::canonicalize(folder).with_context(|| format!("{} is no folder", folder.display()))?;
    let version = version::of(&folder.join("postgres")).await?;
    ensure!(
        version >= POSTGRES_OLDEST,
        "{} has Postgres {version}, the desk needs {POSTGRES_OLDEST} or newer",
        folder.display()
    );
    let initdb = folder.join("initdb");
    ensure!(initdb.is_file(), "{} has no initdb", folder.display());
    if let Some(closed) = folder::closed_to_postgres(&initdb) {
        bail!("Postgres does not run as root but as \"nobody\", who cannot enter {}", closed.display());
    }
    Ok((folder, version))
}

/// All programs of this name, each once. Links are followed: /usr/local/bin/postgres may be one
/// into the folder where initdb is as well.
fn installed(wishes: &Wishes, name: &str) -> Vec<PathBuf> {
    let programs = wishes.search_folders.iter().map(|folder| folder.join(name));
    let mut all: Vec<PathBuf> = programs.filter_map(|it| fs::canonicalize(it).ok()).collect();
    all.sort();
    all.dedup();
    all
}

#[cfg(test)]
mod tests;
