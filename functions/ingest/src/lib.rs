//! Ingest: a frame becomes a raw object, then an entry of the catalog with the group's next sequence.
//!
//! Object first, then the row that names it. Whatever dies in between, the same frame sent again ends in the same object
//! and the same sequence.
//!
//! - [`event`]: what the bridge sends, and what it is answered
//! - [`ingest`]: the way of a frame

pub mod event;
pub mod ingest;

pub use event::{Answer, Request};
pub use ingest::Ingest;
