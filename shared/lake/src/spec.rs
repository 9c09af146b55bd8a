//! What a table should be, as a definition declares it, and the properties that say so.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use iceberg::spec::{Schema, Transform, UnboundPartitionSpec};

use crate::entity::EntityRule;
use crate::error::LakeError;
use crate::schema;

/// Metadata files kept in the log: some minutes at one commit a second. Older ones stay readable by the names that the
/// catalog keeps of them.
const METADATA_LOG: &str = "100";

/// The snapshots that a log lists, as many as metadata files: a read that takes minutes finds the snapshot with which
/// it began.
const LOG_SNAPSHOTS: u32 = 100;

/// Iceberg's name for the number of snapshots that a table lists.
pub(crate) const SNAPSHOTS: &str = "history.expire.min-snapshots-to-keep";

/// The name by which Spark and Trino know a table's description.
pub(crate) const COMMENT: &str = "comment";

/// What a table should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name in the register.
    pub name: String,
    /// Its columns in order, what is said of each as [`DOC`](crate::DOC) in its metadata; field ids are the table's own
    /// business.
    pub columns: SchemaRef,
    /// How its files are divided; fixed at creation.
    pub partition: Partition,
    /// Snapshots that the table lists, at least 1. The metadata file is read and written by every commit: it must not grow
    /// with the number of commits. What is no longer listed loses its name, not its files.
    pub snapshots: u32,
    /// What makes its rows states of one entity. Fixed by the first rows: under another one new states would not meet the
    /// ones that are there, or lose against them.
    pub rule: EntityRule,
    /// What it is about; `None` leaves what is said of it elsewhere.
    pub description: Option<String>,
}

/// How a table's files are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partition {
    /// Not at all.
    None,
    /// By Iceberg's `bucket(buckets, column)`.
    Bucket {
        /// A column of strings.
        column: String,
        /// Number of buckets, at least 1.
        buckets: u32,
    },
}

impl TableSpec {
    /// A table that only ever grows: history, quarantine. Any of its snapshots holds all that the ones before it held.
    pub fn log(name: impl Into<String>, columns: SchemaRef) -> Self {
        let (partition, rule) = (Partition::None, EntityRule::default());
        Self { name: name.into(), columns, partition, snapshots: LOG_SNAPSHOTS, rule, description: None }
    }

    /// The declaration with its types widened to those of another table, whose rows shall come into this one: what an edit of
    /// the definition widened there stays, also where the edit was taken back.
    ///
    /// # Errors
    /// [`LakeError::Incompatible`] if a column there cannot become what is declared.
    pub fn widened_to(self, there: &ArrowSchema) -> Result<Self, LakeError> {
        let declared = Arc::new(schema::declared(&self.columns)?);
        let shared = there.fields().iter().filter(|field| self.columns.column_with_name(field.name()).is_some());
        let shared = Arc::new(schema::declared(&ArrowSchema::new(shared.cloned().collect::<Vec<_>>()))?);
        schema::evolve(&shared, &declared, shared.highest_field_id())
            .map_err(|what| LakeError::incompatible(&self.name, what))?;
        let wider = schema::evolve(&declared, &shared, declared.highest_field_id())
            .map_err(|what| LakeError::incompatible(&self.name, what))?;
        let columns = wider.map(|wider| ArrowSchema::try_from(&wider)).transpose()?;
        Ok(Self { columns: columns.map_or(self.columns, Arc::new), ..self })
    }

    /// The properties that a later declaration may change.
    pub(crate) fn changeable(&self) -> HashMap<String, String> {
        let description = self.description.iter().map(|text| (COMMENT.to_owned(), text.clone()));
        description.chain([(SNAPSHOTS.to_owned(), self.snapshots.to_string())]).collect()
    }

    /// The properties of a table that begins so.
    pub(crate) fn properties(&self) -> HashMap<String, String> {
        let fixed = [
            ("write.format.default", "parquet"),
            ("write.parquet.compression-codec", "zstd"),
            ("write.metadata.previous-versions-max", METADATA_LOG),
            // Readers are spared deletes that nobody here compacts.
            ("write.delete.mode", "copy-on-write"),
            ("write.update.mode", "copy-on-write"),
            ("write.merge.mode", "copy-on-write"),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        fixed.into_iter().chain(self.changeable()).chain(self.rule.properties()).collect()
    }

    /// The division of a table with that schema; `None` if it is not divided.
    pub(crate) fn division(&self, schema: &Schema) -> Result<Option<UnboundPartitionSpec>, LakeError> {
        let Partition::Bucket { column, buckets } = &self.partition else { return Ok(None) };
        let unknown = || LakeError::incompatible(&self.name, format!("no column {column} to divide it by"));
        let source = schema.field_id_by_name(column).ok_or_else(unknown)?;
        let spec = UnboundPartitionSpec::builder();
        let spec = spec.add_partition_field(source, format!("{column}_bucket"), Transform::Bucket(*buckets))?;
        Ok(Some(spec.build()))
    }
}
