//! Where it is written down which metadata file of a table is the current one: the sole commit point.

mod glue;
mod hive;
pub(crate) mod insist;
mod memory;

use std::collections::HashMap;
use std::fmt::Debug;

use async_trait::async_trait;
use iceberg::spec::TableMetadata;

pub use glue::GlueRegister;
pub(crate) use hive::hive;
pub use memory::MemoryRegister;

use crate::error::LakeError;

/// What is registered for a table, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where the current metadata file is.
    pub metadata_location: String,
    /// Changes with every change of the entry.
    pub(crate) version: String,
    /// What others noted beside it; kept by every change.
    pub(crate) parameters: HashMap<String, String>,
    /// What people said of the table and its columns; kept by every change that does not say something else.
    pub(crate) remarks: Remarks,
}

/// What is said of a table and its columns where it is registered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Remarks {
    /// Of the table; `None` if nothing is.
    pub(crate) table: Option<String>,
    /// Of columns, by name.
    pub(crate) columns: HashMap<String, String>,
    /// Whose it is; `None` if nobody's.
    pub(crate) owner: Option<String>,
}

/// A register of tables with compare-and-set. Contract:
///
/// - Of several [`Register::create`]s of a table one succeeds.
/// - Of several [`Register::swap`]s from the same entry at most one succeeds.
/// - [`Register::find`] sees every change that was answered before it was called.
/// - After an error, whether a change took effect is unknown, and it may yet.
#[async_trait]
pub trait Register: Debug + Send + Sync {
    /// The table's entry; `None` if there is none.
    async fn find(&self, table: &str) -> Result<Option<Entry>, LakeError>;

    /// Registers a table whose metadata file is written; `false` if there is one of that name.
    async fn create(&self, table: &str, location: &str, metadata: &TableMetadata) -> Result<bool, LakeError>;

    /// Makes `location` the current metadata file, if the entry is still `from`; `false` if not.
    async fn swap(
        &self,
        table: &str,
        from: &Entry,
        location: &str,
        metadata: &TableMetadata,
    ) -> Result<bool, LakeError>;
}
