//! The embedded engine: the only crate that links DataFusion.
//!
//! - [`types`]: declared types as Arrow types, and the columns that every row carries
//! - [`plan`]: a stream's plan: its SQL, checked and compiled, and the schemas of its tables
//! - `tables`: the tables of a stream, as its definition declares them
//! - `calendar`: the days and instants that a table holds
//! - [`decode`]: bodies to typed columns
//! - [`transform`]: raw rows to history and quarantine rows
//! - `rejection`: why a message becomes no row
//! - [`merge`]: history rows into the next image of a current table
//! - [`query`]: SQL over the lake's tables

mod calendar;
pub mod decode;
#[cfg(test)]
mod fixture;
mod key;
pub mod merge;
mod panics;
mod parts;
pub mod plan;
pub mod query;
mod rejection;
mod sql;
mod tables;
pub mod transform;
pub mod types;

pub use merge::{Base, Changes, Delta, Limits, Merge, MergeError, Merged, Run};
pub use parts::Waiting;
pub use plan::{CompiledStream, PlanProblem};
pub use rejection::Rejection;
pub use transform::{Origin, TransformError, Transformed, Transformer};
