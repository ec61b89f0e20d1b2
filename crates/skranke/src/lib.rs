//! The desk's command line, as a library: what the commands do, the files they read, the logs they import.

mod apply;
mod arguments;
pub mod client_file;
pub mod clients;
mod clock;
mod dead_letters;
pub mod demo;
pub mod import;
mod kb;
mod output;
mod report;
mod serve;
mod submit;
mod ticket;
mod token;
mod up;
mod words;
pub mod yaml;

use std::process::ExitCode;

pub use apply::{apply_file, differences};
pub use arguments::Arguments;
use arguments::Command;
use output::Output;

/// Runs one command; says what went wrong and what to do about it.
pub async fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.output);
    match dispatch(arguments, output).await {
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
        Command::Submit(options) => submit::submit(&reach.clients()?, output, options).await,
        Command::Ticket { command } => ticket::ticket(&reach.clients()?, output, command).await,
        Command::Clock { command } => clock::clock(&reach.clients()?, output, command).await,
        Command::Kb { command } => kb::kb(&reach.clients()?, output, command).await,
        Command::Report { command } => report::report(&reach.clients()?, output, command).await,
        Command::Apply(options) => apply::apply(&reach, output, options).await,
        Command::Import { command } => import::import(&reach.clients()?, output, command).await,
        Command::Token(options) => token::token(&reach, output, &options),
        Command::DeadLetters { command } => dead_letters::dead_letters(&reach.clients()?, output, command).await,
        Command::Completions { shell } => output::line(&arguments::completions(shell)),
    }
}
