//! Ingest: a batch becomes a raw object, then an entry of the catalog with the group's next sequence.
//!
//! Object first, then the row that names it. Whatever dies in between, the same batch sent again ends in the same object
//! and the same sequence.
//!
//! - [`door`]: how batches come in: a bridge's frame, an event of a mapping
//! - [`ingest`]: the way of a batch, whichever door it came by
//! - `streams`: what ingest needs to know of the definition

pub mod door;
pub mod ingest;
mod streams;

pub use ingest::{Ingest, most_of};
