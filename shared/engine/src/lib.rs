//! The embedded engine: the only crate that links DataFusion.
//!
//! - [`types`]: declared types as Arrow types, and the columns that every row carries
//! - [`plan`]: a stream's plan: its SQL, checked and compiled, and the schemas of its tables
//! - `tables`: the tables of a stream, as its definition declares them
//! - [`decode`]: bodies to typed columns
//! - [`transform`]: raw rows to history and quarantine rows
//! - [`merge`]: history rows into the next image of a current table
//! - [`query`]: SQL over the lake's tables

pub mod decode;
#[cfg(test)]
mod fixture;
mod key;
pub mod merge;
mod panics;
mod parts;
pub mod plan;
pub mod query;
mod sql;
mod tables;
pub mod transform;
pub mod types;

pub use merge::{Limits, Merge, MergeError, Merged};
pub use parts::Waiting;
pub use plan::{CompiledStream, PlanProblem};
pub use transform::{Origin, TransformError, Transformed, Transformer};
