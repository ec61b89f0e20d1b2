//! Folders: whose they are, who may enter them, and that only one desk uses one.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{Read, Seek, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use nix::unistd::Uid;
use tempfile::TempDir;

/// The user "nobody", as which Postgres runs where we are root: it refuses to run as root.
const NOBODY: u32 = 65534;

/// A data folder that is ours until this value is dropped. However this process ends, the claim
/// ends with it.
#[derive(Debug)]
pub struct DataFolder {
    path: PathBuf,
    claim: File,
}

impl DataFolder {
    /// Makes the folder if needed and claims it, so that two desks never share one.
    ///
    /// # Errors
    /// When another process has it: the error names that process.
    pub fn claim(path: &Path) -> Result<Self> {
        make(path)?;
        let path = fs::canonicalize(path)?;
        let claimed = path.join("desk.pid");
        let mut claim = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&claimed)
            .with_context(|| format!("{} cannot be written", claimed.display()))?;
        match claim.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                claim.read_to_string(&mut holder)?;
                bail!(
                    "the data folder {} is in use by process {}: stop that desk first, or choose \
                     another folder",
                    path.display(),
                    holder.trim(),
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("cannot lock {}", claimed.display()));
            }
        }
        claim.set_len(0)?;
        claim.rewind()?;
        writeln!(claim, "{}", std::process::id())?;
        Ok(Self { path, claim })
    }

    /// The folder, absolute and without symbolic links.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        self.claim.set_len(0).ok();
        // Closing the file is not enough while a child that is just being started has a copy.
        self.claim.unlock().ok();
    }
}

/// A new empty folder that goes when dropped and that Postgres can enter even where we are root.
pub fn scratch_folder() -> Result<TempDir> {
    tempfile::Builder::new()
        .prefix("skranke-")
        .permissions(Permissions::from_mode(0o711))
        .tempdir()
        .context("there is no room for a temporary folder")
}

/// The user that Postgres must run as, where that is not ourselves.
pub(super) fn postgres_user() -> Option<u32> {
    Uid::effective().is_root().then_some(NOBODY)
}

/// Makes a folder with those above it.
pub(super) fn make(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Makes a folder that everybody can enter, whatever our umask; what exists is left as it is.
pub(super) fn make_open(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_open(parent)?;
    }
    make(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o755))?;
    Ok(())
}

/// Makes a folder that only the user Postgres runs as can enter.
pub(super) fn make_for_postgres(path: &Path) -> Result<()> {
    make(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    if let Some(user) = postgres_user() {
        chown(path, Some(user), Some(user))
            .with_context(|| format!("cannot give {} to user {user}, as which Postgres runs", path.display()))?;
    }
    Ok(())
}

/// The first file or folder on the way to `path` that Postgres cannot use, as it runs as another
/// user where we are root.
pub(super) fn closed_to_postgres(path: &Path) -> Option<PathBuf> {
    let user = postgres_user()?;
    let mut way: Vec<&Path> = path.ancestors().collect();
    way.reverse();
    way.into_iter().find(|step| !can_enter(step, user)).map(Path::to_path_buf)
}

fn can_enter(path: &Path, user: u32) -> bool {
    fs::metadata(path).is_ok_and(|found| {
        let bit = match (found.uid() == user, found.gid() == user) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        found.mode() & bit != 0
    })
}

/// Lets everybody read what is in a folder, whatever our umask was when it was written.
pub(super) fn open_to_all(path: &Path) -> Result<()> {
    let found = fs::symlink_metadata(path)?;
    if found.is_symlink() {
        return Ok(());
    }
    let may_run = found.is_dir() || found.mode() & 0o100 != 0;
    let mode = found.mode() | if may_run { 0o555 } else { 0o444 };
    fs::set_permissions(path, Permissions::from_mode(mode & 0o7777))?;
    if found.is_dir() {
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
