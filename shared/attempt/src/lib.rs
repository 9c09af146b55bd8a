//! Attempts: what every function that executes a run does around its work.
//!
//! An event is only a hint at a claim: whether the attempt still holds its run is asked in the catalog, before anything
//! is done and while it is done (heartbeat). So an execution that comes twice, late, or beside its successor changes
//! nothing.
//!
//! - [`attempt`]: look whether the run is still this attempt's, work, tell what became of it
//! - [`bench`]: what attempts work with, made of the environment once
//! - [`hold`]: the heartbeat, and what it means to lose the run

pub mod attempt;
pub mod bench;
pub mod hold;

pub use bench::{Settings, Workbench};
