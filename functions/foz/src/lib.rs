//! `foz`: what operators and developers do with a lake.
//!
//! - [`arguments`]: what can be asked, with `--help`
//! - [`settings`]: which lake is meant: flags, environment, `.local/stack.json`
//! - [`check`], [`infer`]: on files alone
//! - [`queues`], [`send`]: on the broker
//! - [`status`], [`files`], [`runs`]: on the catalog
//! - [`query`]: on the tables
//! - [`output`], [`units`], [`progress`]: how answers look

pub mod arguments;
mod broker;
mod check;
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
mod settings;
mod status;
mod units;

use std::process::ExitCode;

pub use arguments::Arguments;
use arguments::Command;
use output::Output;
use settings::Settings;

/// How a command ended that was able to do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// All is well.
    Well,
    /// Something that was asked for is not as it should be, and was reported.
    Amiss,
}

/// Runs the command. Exits with 0 if all is well, with 1 if something failed or is not as it should be; clap exits with
/// 2 if the arguments make no sense.
pub fn run(arguments: Arguments) -> ExitCode {
    let end = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(Box::pin(execute(arguments))));
    match end {
        Ok(End::Well) => ExitCode::SUCCESS,
        Ok(End::Amiss) => ExitCode::FAILURE,
        Err(error) => {
            output::complain(&format!("foz: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn execute(arguments: Arguments) -> anyhow::Result<End> {
    let output = Output { json: arguments.json };
    let settings = || Settings::find(&arguments.lake);
    match &arguments.command {
        Command::Check(what) => check::run(what, output),
        Command::Infer(what) => infer::run(what, output),
        Command::Queues(what) => queues::run(what, &settings()?, output).await,
        Command::Send(what) => send::run(what, &settings()?, output).await,
        Command::Status(what) => status::run(what, &settings()?, output).await,
        Command::Files(what) => files::run(what, &settings()?, output).await,
        Command::Runs(what) => runs::run(what, &settings()?, output).await,
        Command::Query(what) => query::run(what, &settings()?, output).await,
    }
}
