//! Commands, run from the workspace's root.

use std::{
    env,
    ffi::OsString,
    io::{IsTerminal, stdout},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// Where commands run and how they look.
#[derive(Debug, Clone)]
pub(crate) struct Shell {
    /// The workspace's root.
    pub(crate) root: PathBuf,
    /// What cargo writes into, and our tools with it.
    pub(crate) target: PathBuf,
    variables: Vec<(&'static str, OsString)>,
    coloured: bool,
}

impl Shell {
    pub(crate) fn new() -> Result<Self> {
        let root = root()?;
        let target = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        Ok(Self {
            target: root.join(target),
            root,
            variables: Vec::new(),
            coloured: stdout().is_terminal() && env::var_os("NO_COLOR").is_none(),
        })
    }

    /// The same with a build machine's settings: nothing is built twice, nobody watches.
    pub(crate) fn for_ci(&self) -> Self {
        self.with("CARGO_INCREMENTAL", "0")
            .with("CARGO_TERM_COLOR", "never")
            .with("NEXTEST_PROFILE", "ci")
            .with("RUST_BACKTRACE", "1")
    }

    /// The same with one more variable in the environment of its commands.
    pub(crate) fn with(&self, name: &'static str, value: impl Into<OsString>) -> Self {
        let mut shell = self.clone();
        shell.variables.push((name, value.into()));
        shell
    }

    /// A command that knows where it is, to be run by [`Self::run`] or [`Self::answers`].
    pub(crate) fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program.as_ref());
        command.current_dir(&self.root).envs(self.variables.iter().cloned()).stdin(Stdio::null());
        command
    }

    /// The cargo that started us.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = self.command(PathBuf::from(cargo));
        command.args(arguments);
        command
    }

    /// Shows a command, runs it, and fails when it does.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        let line = shown(command);
        println!("{}", self.dim(&format!("$ {line}")));
        let status = command.status().with_context(|| format!("`{line}` does not start"))?;
        ensure!(status.success(), "`{line}` failed");
        Ok(())
    }

    /// What a command prints, or `None` when it fails.
    pub(crate) fn answers(&self, command: &mut Command) -> Option<String> {
        let output = command.stderr(Stdio::null()).output().ok()?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        output.status.success().then_some(text)
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.coloured("1", text)
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.coloured("2", text)
    }

    pub(crate) fn red(&self, text: &str) -> String {
        self.coloured("31", text)
    }

    pub(crate) fn green(&self, text: &str) -> String {
        self.coloured("32", text)
    }

    fn coloured(&self, code: &str, text: &str) -> String {
        if self.coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Cargo tells where xtask is now; what it was when compiled may have been moved.
pub(crate) fn root() -> Result<PathBuf> {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let root = Path::new(&xtask).parent().context("xtask stands in no workspace")?;
    Ok(root.to_path_buf())
}

/// A command as a person would type it.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
