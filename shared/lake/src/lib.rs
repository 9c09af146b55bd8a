//! The lake: everything that is stored in S3 and listed in Glue.
//!
//! - [`store`]: the bucket: create-only writes, reads, listings; also as Iceberg's file storage
//! - [`definition`]: definitions in the bucket
//! - [`message`], [`frame`]: a message as published, and the compressed frame that carries a batch of them to ingest
//! - [`raw`]: raw objects: a batch, byte for byte, in Parquet
//! - [`spec`], [`tables`], [`mod@table`]: Iceberg tables: what they should be; created, evolved, loaded; as they were then
//! - [`entity`]: what makes a table's rows states of one entity, and one of them the latest
//! - [`live`], [`scan`], [`partition`]: the files and rows of a table, and in which bucket a key is; `shape`: of files that lack a field
//! - [`places`], [`deletes`]: where the rows with some keys are; files that name deleted rows
//! - `cast`: values in the type of a table
//! - [`writer`], [`staged`]: files for a table that are not yet committed, and the list of those that an attempt made
//! - [`table_commit`], [`commit`]: what a commit is to do, and how it happens once; `snapshot`, `successor`: what it writes,
//!   with rows and without
//! - [`register`]: where a table's current metadata file is written down: Glue, or memory

mod cast;
pub mod commit;
pub mod definition;
pub mod deletes;
pub mod entity;
pub mod error;
pub mod frame;
mod iceberg_io;
pub mod live;
pub mod message;
pub mod partition;
pub mod places;
pub mod raw;
pub mod register;
pub mod scan;
mod schema;
mod shape;
mod snapshot;
pub mod spec;
pub mod staged;
pub mod store;
mod successor;
pub mod table;
pub mod table_commit;
pub mod tables;
pub mod writer;

pub use cast::cast;
pub use commit::TableState;
pub use definition::{DefinitionError, Definitions, StoredDefinition};
pub use deletes::Deletes;
pub use entity::{EntityKey, EntityRule};
pub use error::LakeError;
pub use live::{DeleteFile, LiveFile, LiveFiles};
pub use message::Message;
pub use partition::{Bucket, bucket_of, buckets_of};
pub use places::{Deleted, Keys, Places};
pub use schema::{DOC, impossible};
pub use spec::{Partition, TableSpec};
pub use staged::AttemptManifest;
pub use store::Store;
pub use table::Table;
pub use table_commit::{Files, NewDeletes, TableCommit};
pub use tables::Tables;
pub use writer::StagedWriter;
