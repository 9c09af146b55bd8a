//! Ingest: a batch becomes a raw object, then an entry of the catalog with the group's next sequence.
//!
//! Object first, then the row that names it. Whatever dies in between, the same batch sent again ends in the same object
//! and the same sequence.
//!
//! - [`ingest`]: the way of a batch, from the bridge's frame on
//! - [`mapping`]: the second front door, Amazon MQ's event source mapping

pub mod ingest;
pub mod mapping;

pub use ingest::Ingest;
