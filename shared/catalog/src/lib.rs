//! The ordered file catalog on DynamoDB: one table, one file per access pattern, each with its condition.
//!
//! Every write is create-only or compare-and-set. What a write did is never guessed from its error: a refused, cancelled
//! or unanswered write is followed by a strongly consistent read, and the read decides.
//!
//! - [`head`]: reads the heads of groups and streams
//! - [`epoch`]: a bridge's reign begins
//! - `membership`, `home`: streams move between groups
//! - [`tail`]: the last batches of a stream, for alignment
//! - [`prefetch`]: the largest prefetch ever used
//! - [`commit`]: a batch gets its sequence
//! - [`pending`]: groups with work
//! - [`debt`]: groups whose tables wait for a compaction
//! - [`view`]: what a dispatch decides from
//! - [`swap`]: a step of a job
//! - [`list`]: batches, jobs and images, for people and for engines
//! - `item`: keys and attributes, which nothing else formats or parses
//! - `table`: consistent reads, conditional writes, and what their errors mean
//! - `patience`: waiting between the tries of a contended write

pub mod commit;
pub mod debt;
pub mod epoch;
mod error;
pub mod head;
mod home;
mod item;
pub mod list;
mod membership;
mod patience;
pub mod pending;
pub mod prefetch;
pub mod swap;
mod table;
pub mod tail;
pub mod view;

pub use commit::Commit;
pub use debt::IndebtedGroup;
pub use error::CatalogError;
pub use item::group::{Debt, GroupHead, Out};
pub use item::image::ImageRecord;
pub use item::stream::{LastBatch, StreamHead};
pub use pending::PendingGroup;
pub use swap::Swap;

/// The catalog of one lake. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog {
    table: table::Table,
}

impl Catalog {
    /// The catalog in the DynamoDB table of that name.
    pub fn new(client: aws_sdk_dynamodb::Client, table: impl Into<String>) -> Self {
        Self { table: table::Table::new(client, table.into()) }
    }
}
