//! `skranke`: the desk's command line.

use std::process::ExitCode;

/// A third of a service's time went into the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    skranke::main()
}
