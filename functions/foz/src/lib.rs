//! `foz`: what operators and developers do with a lake.
//!
//! - [`arguments`]: what can be asked, with `--help`
//! - [`address`]: which lake is meant: flags, environment, `.local/stack.json`
//! - [`check`], [`infer`]: on files alone
//! - [`queues`], [`send`]: on the broker
//! - [`status`], [`files`], [`runs`]: on the catalog
//! - [`query`]: on the tables
//! - [`output`], [`units`], [`progress`]: how answers look

mod address;
pub mod arguments;
mod broker;
mod check;
mod cli_status;
mod files;
mod infer;
mod lock;
mod output;
mod progress;
mod query;
mod queues;
mod runs;
mod schema;
mod send;
mod status;
mod units;

use std::process::ExitCode;

use address::LakeAddress;
pub use arguments::Cli;
use arguments::Command;
use cli_status::CliStatus;
use output::Printer;

/// Runs the command, and gives the exit code: 0 if all is well, 1 if something failed or is not as it should be. (clap exits
/// with 2 if the arguments make no sense.)
pub fn run(arguments: Cli) -> ExitCode {
    let status = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(Box::pin(execute(arguments))));
    match status {
        Ok(CliStatus::Ok) => ExitCode::SUCCESS,
        Ok(CliStatus::Attention) => ExitCode::FAILURE,
        Err(error) => {
            output::complain(&format!("foz: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Cli) -> anyhow::Result<CliStatus> {
    let output = Printer::new(arguments.json);
    let address = || LakeAddress::find(&arguments.lake);
    match &arguments.command {
        Command::Check(what) => check::run(what, output),
        Command::Infer(what) => infer::run(what, output),
        Command::Queues(what) => queues::run(what, &address()?, output).await,
        Command::Send(what) => send::run(what, &address()?, output).await,
        Command::Status(what) => status::run(what, &address()?, output).await,
        Command::Files(what) => files::run(what, &address()?, output).await,
        Command::Runs(what) => runs::run(what, &address()?, output).await,
        Command::Query(what) => query::run(what, &address()?, output).await,
    }
}
