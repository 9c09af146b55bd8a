//! Transform: one run, from raw objects to committed history tables.
//!
//! An event is only a hint at a claim: whether the attempt still holds its run is asked in the catalog, before anything
//! is done, while it is done (heartbeat), and by the election that must be won before any table is touched. So an
//! execution that comes twice, late, or beside its successor changes nothing.
//!
//! - [`transform`]: the order of things: stage, elect, publish, finish
//! - [`stage`]: raw objects to staged files and their manifest
//! - [`publish`]: staged files into tables, referenced streams first

pub mod publish;
pub mod stage;
pub mod transform;

pub use transform::Transform;
