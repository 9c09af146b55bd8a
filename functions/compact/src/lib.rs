//! Compact: files of a group's current tables become fewer and larger ones.
//!
//! Nothing of what a table says changes by it, so it may stop after any step, and whatever it did not do is done by the next
//! compaction. What is owed is noted in the catalog by whoever sees it; here it is done and settled.
//!
//! - [`compact`]: the order of things: the group's tables, then the catalog
//! - [`step`]: the next step of one table
//! - [`walk`]: table by table, step by step, as long as there is time

pub mod compact;
pub mod step;
pub mod walk;

pub use compact::Compact;
pub use walk::WalkTime;
