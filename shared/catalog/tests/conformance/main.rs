//! What the catalog promises, on every backend: in memory always, and on the DynamoDB at `FOZ_TEST_DYNAMODB` if given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backend;
mod batches;
mod compactions;
mod groups;
mod jobs;
mod steps;
mod views;
mod wide;
