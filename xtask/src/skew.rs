//! This version and another one, side by side on the same stores.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use crate::shell::Shell;

/// The revision behind `--with`.
pub(crate) fn revision(arguments: &[String]) -> Result<&str> {
    let revision = match arguments {
        [option, revision] if option == "--with" => revision.as_str(),
        [option] => option.strip_prefix("--with=").unwrap_or_default(),
        _ => "",
    };
    if revision.is_empty() || revision.starts_with('-') {
        bail!("skew needs the other version: cargo xtask skew --with <git revision>");
    }
    Ok(revision)
}

/// Builds `skranke` of another revision and runs the story that mixes it with the one of this tree.
pub(crate) fn run(shell: &Shell, revision: &str) -> Result<()> {
    let other = build(shell, revision)?;
    shell.run(&mut shell.cargo(&["build", "--workspace", "--bins"]))?;
    let story = ["test", "--workspace", "--test", "stories", "skew::", "--", "--nocapture"];
    let shell = shell.with("SKRANKE_OTHER_BINARY", other);
    shell.run(&mut shell.cargo(&story))
}

/// The `skranke` of a revision. Tree and target folder stay, so that the next revision is built sooner.
fn build(shell: &Shell, revision: &str) -> Result<PathBuf> {
    let ask = |arguments: &[&str]| shell.answers(shell.command("git").args(arguments));
    let commit = ask(&["rev-parse", "--verify", "--quiet", &format!("{revision}^{{commit}}")])
        .with_context(|| format!("git knows no revision {revision}"))?;
    let home = shell.target.join("skew");
    let (tree, target) = (home.join("tree"), home.join("target"));
    let mut git = shell.command("git");
    if tree.join(".git").exists() {
        git.arg("-C").arg(&tree).args(["checkout", "--quiet", "--force", "--detach", &commit]);
    } else {
        // Git may remember a tree that is gone, with a target folder that was cleaned.
        git.args(["worktree", "add", "--quiet", "--force", "--detach"]).arg(&tree).arg(&commit);
    }
    shell.run(&mut git)?;
    let mut cargo = shell.cargo(&["build", "--locked", "--workspace", "--bins"]);
    shell.run(cargo.current_dir(&tree).env("CARGO_TARGET_DIR", &target))?;
    let built = target.join("debug").join("skranke");
    ensure!(built.is_file(), "{revision} has no `skranke`: it is older than the first that can be mixed");
    Ok(built)
}

#[cfg(test)]
mod tests;
