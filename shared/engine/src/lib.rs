//! The embedded engine: the only crate that links DataFusion.
//!
//! - [`types`]: declared types as Arrow types, and the columns that every row carries
//! - [`plan`]: a stream's plan: its SQL, checked and compiled, and the schemas of its tables
//! - [`decode`]: bodies to typed columns
//! - [`transform`]: raw rows to history and quarantine rows

pub mod decode;
mod key;
pub mod plan;
mod sql;
pub mod transform;
pub mod types;

pub use plan::{PlanProblem, StreamPlan};
pub use transform::{Origin, TransformError, Transformed, Transformer};
