//! The steps of `cargo xtask test`.

use std::{
    ffi::OsStr,
    process::ExitCode,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{manifests, shell::Shell, tools};

/// Every step, in the order they run: what fails fast comes first, the tests last.
pub(crate) const STEPS: [Step; 7] = [
    Step { name: "fmt", about: "cargo fmt --check", slow: false, run: fmt },
    Step { name: "clippy", about: "all lints, warnings are errors", slow: false, run: clippy },
    Step { name: "proto", about: "buf: lint, format, breaking changes", slow: true, run: proto },
    Step { name: "deny", about: "licences, banned crates, sources", slow: true, run: deny },
    Step { name: "manifests", about: "deploy/k8s and the Dockerfile: schemas, checkov", slow: true, run: manifests },
    Step { name: "doc", about: "the examples in the documentation", slow: true, run: doc },
    Step { name: "test", about: "the tests, with cargo-nextest if it is there", slow: false, run: test },
];

/// One thing that must pass.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    slow: bool,
    run: fn(&Shell, &Plan) -> Result<Outcome>,
}

/// What the person asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    locked: bool,
    fast: bool,
    only: Vec<String>,
    for_runner: Vec<String>,
}

enum Outcome {
    Passed,
    Skipped(&'static str),
}

impl Plan {
    /// Reads the arguments behind `test` or `ci`.
    pub(crate) fn read(arguments: &[String]) -> Result<Self> {
        let mut plan = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--fast" => plan.fast = true,
                "--only" => plan.only.push(step_name(rest.next().map(String::as_str))?),
                "--" => plan.for_runner = rest.by_ref().cloned().collect(),
                other => match other.strip_prefix("--only=") {
                    Some(name) => plan.only.push(step_name(Some(name))?),
                    None => bail!("{other:?} is no option; `cargo xtask help` lists them"),
                },
            }
        }
        Ok(plan)
    }

    fn includes(&self, step: &Step) -> bool {
        let named = self.only.iter().any(|name| name == step.name);
        named || (self.only.is_empty() && !(self.fast && step.slow))
    }

    /// The same, but with the versions in Cargo.lock and no others.
    pub(crate) fn locked(self) -> Self {
        Self { locked: true, ..self }
    }

    fn for_cargo(&self) -> &'static [&'static str] {
        if self.locked { &["--locked"] } else { &[] }
    }
}

fn step_name(name: Option<&str>) -> Result<String> {
    let all = STEPS.map(|step| step.name);
    match name {
        Some(name) if all.contains(&name) => Ok(name.to_owned()),
        Some(name) => bail!("there is no step {name:?}; the steps are {}", all.join(", ")),
        None => bail!("--only needs one of the steps {}", all.join(", ")),
    }
}

/// Runs every step of the plan, also after one has failed, and sums up.
pub(crate) fn run(shell: &Shell, plan: &Plan) -> Result<ExitCode> {
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for step in STEPS.iter().filter(|step| plan.includes(step)) {
        println!("\n{}", shell.bold(&format!("── {} · {}", step.name, step.about)));
        let started = Instant::now();
        let outcome = (step.run)(shell, plan);
        let took = shown(started.elapsed());
        let verdict = match outcome {
            Ok(Outcome::Passed) => format!("{} {took}", shell.green("ok     ")),
            Ok(Outcome::Skipped(why)) => format!("{} {took}  {why}", shell.dim("skipped")),
            Err(error) => {
                failed.push(step.name);
                format!("{} {took}  {error:#}", shell.red("FAILED "))
            }
        };
        println!("{:<11}{verdict}", step.name);
        lines.push(format!("{:<11}{verdict}", step.name));
    }
    println!("\n{}", shell.bold("── summary"));
    println!("{}", lines.join("\n"));
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let again = failed.iter().map(|name| format!(" --only {name}")).collect::<String>();
    println!("{}", shell.red(&format!("failed: {}", failed.join(", "))));
    println!("again with: cargo xtask test{again}");
    Ok(ExitCode::FAILURE)
}

fn shown(took: Duration) -> String {
    format!("{:>6.1} s", took.as_secs_f64())
}

fn fmt(shell: &Shell, _: &Plan) -> Result<Outcome> {
    shell.run(&mut shell.cargo(&["fmt", "--all", "--check"])).context("try `cargo fmt`")?;
    Ok(Outcome::Passed)
}

fn clippy(shell: &Shell, plan: &Plan) -> Result<Outcome> {
    let mut clippy = shell.cargo(&["clippy", "--workspace", "--all-targets"]);
    shell.run(clippy.args(plan.for_cargo()).args(["--", "-D", "warnings"]))?;
    Ok(Outcome::Passed)
}

fn proto(shell: &Shell, _: &Plan) -> Result<Outcome> {
    if !shell.root.join("proto").is_dir() {
        return Ok(Outcome::Skipped("there is no proto/"));
    }
    let buf = tools::buf(shell)?;
    shell.run(shell.command(&buf).args(["lint", "proto"]))?;
    shell.run(shell.command(&buf).args(["format", "proto", "-d", "--exit-code"]))?;
    match baseline(shell) {
        Some(against) => shell.run(shell.command(&buf).args(["breaking", "proto", "--against", &against]))?,
        None => println!("no tag and no proto/baseline.binpb to compare the contracts with"),
    }
    Ok(Outcome::Passed)
}

/// The contracts as they were released last: of the last tag, else a stored image.
fn baseline(shell: &Shell) -> Option<String> {
    let git = |arguments: &[&str]| shell.answers(shell.command("git").args(arguments));
    let tag = git(&["describe", "--tags", "--abbrev=0"])
        .filter(|tag| git(&["cat-file", "-e", &format!("{tag}:proto")]).is_some());
    let image = "proto/baseline.binpb";
    match tag {
        Some(tag) => Some(format!(".git#tag={tag},subdir=proto")),
        None => shell.root.join(image).is_file().then(|| image.to_owned()),
    }
}

fn deny(shell: &Shell, _: &Plan) -> Result<Outcome> {
    let deny = tools::deny(shell)?;
    shell.run(shell.command(&deny).args(["check", "licenses", "bans", "sources"]))?;
    Ok(Outcome::Passed)
}

fn manifests(shell: &Shell, _: &Plan) -> Result<Outcome> {
    Ok(match manifests::check(shell)? {
        true => Outcome::Passed,
        false => Outcome::Skipped("there is no kubectl to render with"),
    })
}

fn doc(shell: &Shell, plan: &Plan) -> Result<Outcome> {
    shell.run(shell.cargo(&["test", "--doc", "--workspace"]).args(plan.for_cargo()))?;
    Ok(Outcome::Passed)
}

fn test(shell: &Shell, plan: &Plan) -> Result<Outcome> {
    let targets: &[&str] = if plan.fast { &["--lib", "--bins"] } else { &[] };
    let shell = match plan.fast {
        true => shell.clone(),
        false => shell.with("SKRANKE_TEST_PYTHONPATH", tools::python(shell)?),
    };
    let shell = match tools::kubectl(&shell)? {
        Some(kubectl) if !plan.fast => shell.with("SKRANKE_TEST_KUBECTL", kubectl),
        _ => shell,
    };
    let nextest = shell.answers(&mut shell.cargo(&["nextest", "--version"])).is_some();
    let runner: &[&str] = if nextest { &["nextest", "run"] } else { &["test", "--no-fail-fast"] };
    if !plan.fast {
        // The stories run services as processes of their own.
        shell.run(shell.cargo(&["build", "--workspace", "--bins"]).args(plan.for_cargo()))?;
    }
    let mut tests = shell.cargo(runner);
    tests.arg("--workspace").args(plan.for_cargo()).args(targets);
    if !nextest && !plan.fast {
        // `cargo test` would run the doc tests again, which have a step of their own.
        tests.args(["--lib", "--bins", "--tests", "--examples"]);
    }
    tests.args(plan.for_runner.iter().map(OsStr::new));
    shell.run(&mut tests)?;
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests;
