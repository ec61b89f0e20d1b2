//! `skranke`: the desk's command line.

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    skranke::run(skranke::Arguments::parse()).await
}
