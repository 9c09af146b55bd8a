//! The lake: everything that is stored in S3 and listed in Glue.
//!
//! - [`store`]: the bucket: create-only writes, reads, listings; also as Iceberg's file storage
//! - [`message`], [`frame`]: a message as published, and the compressed frame that carries a batch of them to ingest
//! - [`raw`]: raw objects: a batch, byte for byte, in Parquet

pub mod error;
pub mod frame;
pub mod message;
pub mod raw;
mod retry;
mod storage;
pub mod store;

pub use error::LakeError;
pub use message::Message;
pub use store::Store;
