//! Consolidate: what is new in the history tables becomes the next image of a group's current tables.
//!
//! All streams of a group are brought to the same sequence, referenced ones first, so that their images form a consistent
//! cut. A table's own `foz.through` says whether that has happened, and each commit depends on the snapshot that it was
//! computed from: any number of executions give one image.
//!
//! - [`consolidate`]: the order of things: the group's streams, then the catalog
//! - [`image`]: the next image of one stream
//! - [`maintenance`]: whether a table waits for a compaction after its image
//! - [`units`]: the files of a table by the buckets whose keys can meet
//! - [`unit_image`]: the next image of one of these: as a delta, or written anew
//! - [`table_change`]: what an image does to the files of one table

pub mod consolidate;
pub mod image;
pub mod maintenance;
pub mod table_change;
pub mod unit_image;
pub mod units;

pub use consolidate::{Consolidate, Execution};
