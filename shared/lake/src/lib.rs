//! The lake: everything that is stored in S3 and listed in Glue.
//!
//! - [`store`]: the bucket: create-only writes, reads, listings
//! - [`message`], [`frame`]: a message as published, and the compressed frame that carries a batch of them to ingest

pub mod frame;
pub mod message;
mod retry;
pub mod store;

pub use message::Message;
pub use store::Store;
