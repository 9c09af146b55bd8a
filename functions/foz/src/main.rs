//! The operators' CLI.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    foz::run(foz::Cli::parse())
}
