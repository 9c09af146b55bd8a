//! A table as it was when it was loaded.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use foz_domain::Sequence;
use iceberg::io::FileIO;
use iceberg::spec::{SnapshotRef, TableMetadata, Transform};
use iceberg::{Runtime, TableIdent};

use crate::entity::EntityRule;
use crate::error::LakeError;
use crate::register::Entry;
use crate::spec::{Partition, SNAPSHOTS};

/// Table property and snapshot summary entry: the first sequence that the table does not include.
pub const THROUGH: &str = "foz.through";

/// Snapshot summary entry: the run that made the snapshot.
pub const RUN: &str = "foz.run";

/// A table as it was when it was loaded.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) inner: iceberg::table::Table,
    pub(crate) entry: Entry,
    through: Option<Sequence>,
    rule: EntityRule,
    declared: EntityRule,
}

impl Table {
    /// The table of that name that the metadata describes; its files are read through `io`.
    pub(crate) fn new(name: &str, entry: Entry, metadata: TableMetadata, io: FileIO) -> Result<Self, LakeError> {
        let through = metadata.properties().get(THROUGH).map(|text| text.parse()).transpose();
        let through = through.map_err(|e| LakeError::incompatible(name, format!("property {THROUGH}: {e}")))?;
        let rule = EntityRule::noted(|property| metadata.properties().get(property))
            .map_err(|e| LakeError::incompatible(name, format!("property {}: {e}", crate::entity::KEY)))?;
        let inner = iceberg::table::Table::builder()
            .identifier(TableIdent::from_strs(["lake", name])?)
            .metadata_location(&entry.metadata_location)
            .metadata(metadata)
            .file_io(io)
            .runtime(Runtime::try_current()?)
            .build()?;
        Ok(Self { inner, entry, through, rule, declared: EntityRule::default() })
    }

    /// The table, found to fit a declaration with that rule.
    pub(crate) fn declared_with(self, rule: &EntityRule) -> Self {
        Self { declared: rule.clone(), ..self }
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        self.inner.identifier().name()
    }

    /// Iceberg's view of it.
    pub fn iceberg(&self) -> &iceberg::table::Table {
        &self.inner
    }

    /// Its columns, with field ids in their metadata.
    pub fn schema(&self) -> Result<SchemaRef, LakeError> {
        Ok(Arc::new(ArrowSchema::try_from(self.inner.metadata().current_schema().as_ref())?))
    }

    /// The first sequence that the table does not include; `None` if there was no commit yet.
    pub fn through(&self) -> Option<Sequence> {
        self.through
    }

    /// How its files are divided; `None` if in a way that nothing here makes.
    pub fn partition(&self) -> Option<Partition> {
        let metadata = self.inner.metadata();
        match metadata.default_partition_spec().fields() {
            [] => Some(Partition::None),
            [field] => match field.transform {
                Transform::Bucket(buckets) => {
                    let column = metadata.current_schema().name_by_field_id(field.source_id)?.to_owned();
                    Some(Partition::Bucket { column, buckets })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The rule by which its rows were made, as far as it is noted.
    pub fn rule(&self) -> &EntityRule {
        &self.rule
    }

    /// The rule with which it was declared: new rows are made by it. It says nothing if the table was only loaded.
    pub fn declared(&self) -> &EntityRule {
        &self.declared
    }

    /// Whether rows that are made by that rule may come among the table's.
    ///
    /// # Errors
    /// [`LakeError::Incompatible`] if they would not meet the ones that are there, or lose against them.
    pub fn admits(&self, wanted: &EntityRule) -> Result<(), LakeError> {
        // What never had a row forgets with what it was declared: nothing stands there by it.
        if self.snapshot().is_none() {
            return Ok(());
        }
        let clash = self.rule.clash(wanted).or_else(|| {
            // Made before rules were noted: without a version, new rows would lose against all that have one.
            let unnoted = self.rule == EntityRule::default() && self.has_column("_version");
            (unnoted && wanted.version.is_none()).then(|| {
                "its states have a version, and new ones without could lose against them unnoticed: change `version:` back, or \
                 declare a new stream"
                    .to_owned()
            })
        });
        clash.map_or(Ok(()), |what| Err(LakeError::incompatible(self.name(), what)))
    }

    /// Whether its properties say all this.
    pub(crate) fn has_properties(&self, wanted: &HashMap<String, String>) -> bool {
        let found = self.inner.metadata().properties();
        wanted.iter().all(|(name, value)| found.get(name) == Some(value))
    }

    fn has_column(&self, name: &str) -> bool {
        self.inner.metadata().current_schema().field_by_name(name).is_some()
    }

    /// Number of snapshots that it lists; `None` if nobody has said so.
    pub(crate) fn snapshots(&self) -> Option<u32> {
        self.inner.metadata().properties().get(SNAPSHOTS)?.parse().ok()
    }

    /// The metadata file that describes this state of the table.
    pub fn metadata_location(&self) -> &str {
        &self.entry.metadata_location
    }

    pub(crate) fn snapshot(&self) -> Option<&SnapshotRef> {
        self.inner.metadata().current_snapshot()
    }

    /// The current snapshot; `None` if no commit brought rows yet.
    pub fn snapshot_id(&self) -> Option<i64> {
        self.inner.metadata().current_snapshot_id()
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        let Some(snapshot) = self.snapshot() else { return 0 };
        let total = |name: &str| -> u64 {
            snapshot.summary().additional_properties.get(name).and_then(|total| total.parse().ok()).unwrap_or(0)
        };
        // Each row that is deleted by its position is named once.
        total("total-records").saturating_sub(total("total-position-deletes"))
    }
}
