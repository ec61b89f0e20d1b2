//! The desk's command line, as a library: what the commands do, the files they read, the logs they import.

mod alert;
mod apply;
mod arguments;
mod automation;
mod bench;
pub mod client_file;
pub mod clients;
mod clock;
mod dead_letters;
pub mod demo;
mod deploy;
mod directory;
mod files;
mod fulfilment;
mod holidays;
pub mod import;
mod kb;
mod output;
mod preview;
mod relations;
mod report;
mod runbook;
mod runner;
mod serve;
mod submit;
mod ticket;
mod token;
mod trace;
mod traced;
mod up;
mod view;
mod what_if;
mod words;
mod workspace;
pub mod yaml;

use std::process::ExitCode;

pub use apply::{apply_file, differences};
pub use arguments::Arguments;
use arguments::Command;
use clap::Parser;
use output::Output;

/// The whole program: reads what was typed and does it.
///
/// It is here and not in `main.rs` because futures are compiled where they are polled: there, all of it would be
/// compiled a second time.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(run(arguments)),
        Err(error) => {
            output::complain(&anyhow::Error::new(error).context("the program cannot start its threads"));
            ExitCode::FAILURE
        }
    }
}

/// Runs one command; says what went wrong and what to do about it.
async fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.output);
    let ended = match traced::name_of(&arguments.command) {
        Some(name) => traced::traced(arguments.reach.clone(), name, dispatch(arguments, output)).await,
        None => dispatch(arguments, output).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output::complain(&error);
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(arguments: Arguments, output: Output) -> anyhow::Result<()> {
    let reach = arguments.reach;
    match arguments.command {
        Command::Up(options) => up::up(&reach, options).await,
        Command::Serve(options) => serve::serve(options).await,
        Command::Submit(options) => submit::submit(&reach.clients()?, output, *options).await,
        Command::Ticket { command } => ticket::ticket(&reach.clients()?, output, command).await,
        Command::View { command } => view::view(&reach.clients()?, output, command).await,
        Command::Incident { command } => relations::incident(&reach.clients()?, output, command).await,
        Command::Problem { command } => relations::problem(&reach.clients()?, output, command).await,
        Command::Alert { command } => alert::alert(&reach.clients()?, output, command).await,
        Command::Automation { command } => automation::automation(&reach.clients()?, output, command).await,
        Command::Roster(options) => ticket::roster(&reach.clients()?, output, &options).await,
        Command::Directory { command } => directory::directory(&reach.clients()?, output, command).await,
        Command::Vendor { command } => fulfilment::vendor(&reach.clients()?, output, command).await,
        Command::Approval { command } => fulfilment::approval(&reach.clients()?, output, command).await,
        Command::Task { command } => fulfilment::task(&reach.clients()?, output, command).await,
        Command::Catalogue { command } => fulfilment::catalogue(&reach.clients()?, output, command).await,
        Command::Change { command } => fulfilment::change(&reach.clients()?, output, command).await,
        Command::Runbook { command } => runbook::runbook(&reach.clients()?, output, command).await,
        Command::Runner(options) => runner::runner(&reach, options).await,
        Command::Clock { command } => clock::clock(&reach.clients()?, output, command).await,
        Command::Kb { command } => kb::kb(&reach.clients()?, output, command).await,
        Command::Preview(options) => preview::preview(&reach, output, options).await,
        Command::WhatIf(options) => what_if::what_if(&reach.clients()?, output, options).await,
        Command::Holidays(options) => holidays::holidays(output, &options),
        Command::Report { command } => report::report(&reach.clients()?, output, command).await,
        Command::Trace(options) => trace::trace(&reach, output, options).await,
        Command::Apply(options) => apply::apply(&reach, output, options).await,
        Command::Import { command } => import::import(&reach.clients()?, output, command).await,
        Command::Token(options) => token::token(&reach, output, &options),
        Command::Deploy { command } => deploy::deploy(command).await,
        Command::Ready => deploy::ready().await,
        Command::DeadLetters { command } => dead_letters::dead_letters(&reach.clients()?, output, command).await,
        Command::Bench { command } => bench::bench(output, command).await,
        Command::Completions { shell } => output::line(&arguments::completions(shell)),
    }
}
