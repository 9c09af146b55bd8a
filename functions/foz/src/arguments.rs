//! What can be asked of `foz`.
#![allow(rustdoc::invalid_html_tags, reason = "the comments are what --help prints")]

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use foz_domain::{GroupName, StreamName};
use foz_wire::env;

/// Look after a Foz lake: RabbitMQ messages as queryable tables.
///
/// The lake is found by flags, by the environment (FOZ_BUCKET, FOZ_TABLE, …, and the AWS variables), or by the file
/// .local/stack.json that `make up` writes, looked for from the current folder upward. A bucket given by hand means
/// another lake: then the file is not looked at.
///
/// Exit codes: 0 all is well; 1 it failed, or is not as it should be; 2 the arguments make no sense.
#[derive(Debug, Parser)]
#[command(
    name = "foz",
    version,
    after_help = "Examples:
  foz check pipeline.yaml                     is this definition right, and what does it mean?
  foz infer orders.jsonl                      which columns do these messages have?
  foz queues --apply                          declare the queues as they must be
  foz send orders < orders.jsonl              publish a file, one message a line, confirmed
  foz status                                  how far behind is each stream?
  foz query \"SELECT count(*) FROM orders\"     ask the lake"
)]
pub struct Cli {
    /// Print JSON, for machines.
    #[arg(long, global = true)]
    pub json: bool,
    #[command(flatten)]
    pub(crate) lake: LakeFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which lake is meant.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Which lake")]
pub(crate) struct LakeFlags {
    /// The file that describes a local cloud [default: .local/stack.json, here or further up]
    #[arg(long, global = true, value_name = "FILE", env = env::STACK.name, hide_env_values = true)]
    pub stack: Option<PathBuf>,
    /// The lake's bucket
    #[arg(long, global = true, env = env::BUCKET.name, hide_env_values = true)]
    pub bucket: Option<String>,
    /// The catalog's DynamoDB table
    #[arg(long, global = true, env = env::TABLE.name, hide_env_values = true)]
    pub table: Option<String>,
    /// Key of the current definition in the bucket, config/<digest>.yaml
    #[arg(long, global = true, value_name = "KEY", env = env::DEFINITION.name, hide_env_values = true)]
    pub definition: Option<String>,
    /// The lake's Glue database
    #[arg(long, global = true, value_name = "NAME", env = env::GLUE_DATABASE.name, hide_env_values = true)]
    pub glue_database: Option<String>,
    /// The broker, amqps://user:password@host/vhost
    #[arg(long, global = true, value_name = "URL", env = env::AMQP_URL.name, hide_env_values = true)]
    pub amqp_url: Option<String>,
    /// The broker's management API, https://host
    #[arg(long, global = true, value_name = "URL", env = env::MANAGEMENT_URL.name, hide_env_values = true)]
    pub management_url: Option<String>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Check(CheckArgs),
    Queues(QueuesArgs),
    Status(StatusArgs),
    Files(FilesArgs),
    Runs(RunsArgs),
    Send(SendArgs),
    Infer(InferArgs),
    Query(QueryArgs),
}

/// Check a definition, SQL included, and explain what it means.
///
/// Reports everything that is wrong at once, each with line and column and what to write instead. Needs no lake.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz check
  foz check orders/pipeline.yaml
  foz check --lock                            before `terraform apply`
  foz check --json | jq .groups")]
pub(crate) struct CheckArgs {
    /// The definition
    #[arg(default_value = "pipeline.yaml")]
    pub pipeline: PathBuf,
    /// Write what it means for Terraform, if nothing is wrong [default: pipeline.lock.json beside the definition]
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    pub lock: Option<Option<PathBuf>>,
}

/// Print how the queues must be declared, or declare them.
///
/// Each stream has a quorum queue with a single active consumer, a delivery limit of 1000 and at-least-once
/// dead-lettering into <queue>.dead-letters. Without these RabbitMQ drops or reorders messages in some failures, so the
/// bridge refuses to start. Declaring a queue that is already right changes nothing; one that differs is reported.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz queues                                  the commands, to read or to run
  foz queues --json > queues.json             for rabbitmqctl import_definitions
  foz queues --apply --amqp-url amqps://admin:…@broker/%2f")]
pub(crate) struct QueuesArgs {
    /// The definition [default: that of the lake, else pipeline.yaml]
    pub pipeline: Option<PathBuf>,
    /// Declare them on the broker
    #[arg(long)]
    pub apply: bool,
}

/// Show how far each group and stream is, and what waits where.
///
/// Exits with 0 only if all that was ever published is in the tables: nothing waits in a queue, with a consumer, among dead
/// letters or in the catalog. Otherwise with 1, and says what waits and what to do next. Queues are looked at through the
/// broker, and what is delivered and not acknowledged through its management API: without them nothing is called up to
/// date. What that API counts is up to 12 seconds old: if nothing waits, it looks once more after them before it says so.
#[derive(Debug, Args)]
#[command(after_help = "Columns:
  READY      messages in the queue that nobody has fetched yet
  DEAD       messages in the queue for its dead letters, which are in no table
  MESSAGES   messages that were catalogued
  SEQUENCE   the sequence of the stream's last batch
  THROUGH    the latest image shows everything before this sequence
  PENDING    batches in the catalog that are not in the history tables yet
  OLDEST     age of the oldest batch that no image shows yet

Examples:
  foz status
  foz status flights
  foz status --json | jq '.groups[] | select(.up_to_date | not) | .next_step'
  watch -c foz status")]
pub(crate) struct StatusArgs {
    /// Only this group, or the group of this stream
    #[arg(value_name = "GROUP|STREAM")]
    pub name: Option<StreamName>,
}

/// List the catalogued raw objects, the newest last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz files
  foz files flights --limit 1000
  foz files planes --json | jq -r .raw_key")]
pub(crate) struct FilesArgs {
    /// Only this stream; a group's name that is a stream's too means the stream [default: all groups]
    #[arg(value_name = "GROUP|STREAM")]
    pub name: Option<StreamName>,
    /// How many per group
    #[arg(long, short = 'n', default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: u64,
    /// All batches of the group, where its name is a stream's too
    #[arg(long)]
    pub group: bool,
}

/// List runs (raw objects to history tables), consolidations (history to images) and compactions (small files to large
/// ones), the newest last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz runs
  foz runs flights --limit 100
  foz runs flights --resume
  foz runs --json | jq 'select(.state == \"failed\")'")]
pub(crate) struct RunsArgs {
    /// Only this group
    pub group: Option<GroupName>,
    /// How many per group, of either kind
    #[arg(long, short = 'n', default_value_t = 20)]
    pub limit: usize,
    /// Let what failed in this group go on, once its cause is mended
    #[arg(long, requires = "group")]
    pub resume: bool,
}

/// Publish the lines of a file to a stream's queue, each as one message, in order.
///
/// Each line that is not empty becomes a body, byte for byte, with a new message id and the time. Publishing is confirmed
/// by the broker; at the first message that is not, sending stops, and the lines that are not confirmed are named, as
/// after Ctrl-C. Send the file again from the first of them: states that come twice, in their order, end in the same
/// latest state.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz send orders < orders.jsonl
  foz send orders orders.jsonl --header source=backfill
  jq -c '.[]' orders.json | foz send orders")]
pub(crate) struct SendArgs {
    /// The stream
    pub stream: StreamName,
    /// The file [default: standard input]
    pub file: Option<PathBuf>,
    /// A header to add to each message
    #[arg(long, value_name = "NAME=TEXT", value_parser = header)]
    pub header: Vec<(String, String)>,
    /// The content type of each message
    #[arg(long, value_name = "TYPE", default_value = "application/json", value_parser = short)]
    pub content_type: String,
}

/// Propose the columns of a stream from a file of its messages, one JSON object a line.
///
/// Prints a part of a pipeline.yaml, with comments where a choice is yours. Needs no lake.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz infer orders.jsonl
  foz infer - < orders.jsonl
  aws s3 cp s3://archive/orders.jsonl.gz - | zcat | foz infer -")]
pub(crate) struct InferArgs {
    /// The file, or - for standard input
    pub file: PathBuf,
}

/// Ask the lake in SQL.
///
/// For each stream s there are the tables s (latest states), s_changes (all states), s_quarantine (what could not be
/// typed), s_tombstones where the stream has a version, and raw_s (every message as it came). The definition's SQL
/// dialect, DataFusion's, knows joins, windows and aggregates here.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  foz query \"SELECT status, count(*) FROM flights GROUP BY status\"
  foz query \"SELECT * FROM flights_changes WHERE flight_id = 'UA1' ORDER BY _sequence, _index\"
  foz query \"SELECT _reason, CAST(_body AS STRING) FROM flights_quarantine\"
  foz query --format csv \"SELECT * FROM planes\" > planes.csv")]
pub(crate) struct QueryArgs {
    /// One SQL query
    pub sql: String,
    /// How to print the rows; --json is short for json: one object a line, in which numbers that JSON lacks are the texts
    /// "NaN", "Infinity" and "-Infinity"
    #[arg(long, value_enum, default_value = "table")]
    pub format: Format,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// One JSON object a line
    Json,
    /// Comma-separated values with a header
    Csv,
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if (1..=255).contains(&name.len()) => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=TEXT, the name 1 to 255 bytes long".to_owned()),
    }
}

/// A text that fits AMQP's short strings.
fn short(text: &str) -> Result<String, String> {
    if text.len() <= 255 { Ok(text.to_owned()) } else { Err("it may be 255 bytes long".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn headers() {
        assert_eq!(header("a=b=c"), Ok(("a".to_owned(), "b=c".to_owned())));
        assert!(header("a").is_err() && header("=a").is_err());
    }

    #[test]
    fn content_types_fit_their_field() {
        let parse = |n: usize| Cli::try_parse_from(["foz", "send", "s", "--content-type", &"x".repeat(n)]);
        assert!(parse(255).is_ok() && parse(256).is_err());
    }
}
