//! The project's own chores, for people and for CI alike.
#![expect(
    clippy::disallowed_methods,
    reason = "a chore is a process of its own: it reads its environment and times its steps"
)]

mod manifests;
mod shell;
mod skew;
mod steps;
mod tidy;
mod tools;

use std::{env, process::ExitCode};

use anyhow::{Result, bail};

use crate::{
    shell::Shell,
    steps::{Plan, STEPS},
};

const HELP: &str = "\
The project's chores. All a machine needs is Rust and Python 3 with pip; the rest is fetched.

Usage: cargo xtask <CHORE>

Chores:
  test      everything that must pass before a change is handed in
  ci        the same with the settings for a build machine
  tidy      only the rules of the house that no linter knows
  skew      this version and another one side by side on the same stores; needs --with <git revision>
  prepare   fetch the tools that `test` needs, so that it can run without a network
  help      this text

Options of test and ci:
  --fast          leave out what is slow: proto, manifests, doc tests and everything in tests/ folders
  --only <STEP>   only this step; may be given more than once
  -- <ARGS>       handed on to the test runner

Steps, in this order:
";

const EXAMPLES: &str = "
Examples:
  cargo xtask test                           before handing in a change
  cargo xtask test --fast                    while working
  cargo xtask test --only clippy --only fmt
  cargo xtask test --only test -- -p triage  the tests of one service
  cargo xtask test --only test -- closed     the tests with \"closed\" in their names
  cargo xtask skew --with v0.1.0             before releasing a change of a store, a fact or a call
";

fn main() -> ExitCode {
    match run(env::args().skip(1).collect()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Vec<String>) -> Result<ExitCode> {
    let (chore, rest) = match arguments.split_first() {
        Some((chore, rest)) => (chore.as_str(), rest),
        None => ("help", &[][..]),
    };
    let asks_help = rest.iter().take_while(|it| *it != "--").any(|it| it == "--help" || it == "-h");
    if asks_help || ["help", "--help", "-h"].contains(&chore) {
        println!("{}", help());
        return Ok(ExitCode::SUCCESS);
    }
    let shell = Shell::new()?;
    match chore {
        "test" => steps::run(&shell, &Plan::read(rest)?),
        "ci" => steps::run(&shell.for_ci(), &Plan::read(rest)?.locked()),
        "skew" => {
            skew::run(&shell, skew::revision(rest)?)?;
            Ok(ExitCode::SUCCESS)
        }
        "prepare" => {
            tools::prepare(&shell)?;
            Ok(ExitCode::SUCCESS)
        }
        "tidy" => Ok(report(&tidy::check(&shell.root)?)),
        _ => bail!("there is no chore {chore:?}; `cargo xtask help` lists them"),
    }
}

fn report(findings: &[tidy::Finding]) -> ExitCode {
    for finding in findings {
        println!("{finding}");
    }
    match findings {
        [] => {
            println!("tidy");
            ExitCode::SUCCESS
        }
        _ => ExitCode::FAILURE,
    }
}

fn help() -> String {
    let steps = STEPS.iter().map(|step| format!("  {:<11}{}\n", step.name, step.about));
    format!("{HELP}{}{EXAMPLES}", steps.collect::<String>())
}
