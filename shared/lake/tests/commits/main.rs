//! What every register must make true of commits. Runs in memory, and against Glue and S3 at `FOZ_TEST_AWS_ENDPOINT`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

#[path = "../aws/mod.rs"]
mod aws;

mod appends;
mod clocks;
mod declarations;
mod deletes;
mod overwrites;
mod world;
