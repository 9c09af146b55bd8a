//! Attempts: what every function that executes a job does around its work.
//!
//! An event is only a hint at a claim: whether the attempt still holds its job is asked in the catalog, before anything
//! is done and while it is done (heartbeat). So an execution that comes twice, late, or beside its successor changes
//! nothing.
//!
//! - [`attempt`]: look whether the job is still this attempt's, work, tell what became of it
//! - [`components`]: the clients that attempts work with, made of the environment once
//! - [`heartbeat`]: the heartbeat, and what it means to lose the job

pub mod attempt;
pub mod components;
pub mod heartbeat;

pub use components::{AttemptComponents, Settings};
