//! The tables of a stream, as its definition declares them.

use arrow::datatypes::SchemaRef;
use foz_domain::TableName;
use foz_lake::{EntityKey, EntityRule, Partition, TableSpec};
use foz_pipeline::Field;

use crate::plan::CompiledStream;
use crate::types::column;

impl CompiledStream {
    /// The latest state of every entity.
    pub fn current_table(&self) -> TableSpec {
        self.divided(&self.stream.name.current(), self.current_schema())
    }

    /// Every state ever seen.
    pub fn changes_table(&self) -> TableSpec {
        TableSpec {
            rule: self.rule(),
            description: self.stream.description.clone(),
            ..TableSpec::log(self.stream.name.changes().to_string(), self.history_schema())
        }
    }

    /// Messages that could not be typed.
    pub fn quarantine_table(&self) -> TableSpec {
        TableSpec::log(self.stream.name.quarantine().to_string(), self.quarantine_schema())
    }

    /// What is left of deleted entities. `None` if the stream declares no version.
    pub fn tombstones_table(&self) -> Option<TableSpec> {
        Some(self.divided(&self.stream.name.tombstones(), self.tombstone_schema()?))
    }

    /// A table whose rows are found by their entity.
    fn divided(&self, name: &TableName, columns: SchemaRef) -> TableSpec {
        let settings = &self.stream.settings;
        TableSpec {
            name: name.to_string(),
            columns,
            partition: Partition::Bucket { column: column::KEY.to_owned(), buckets: settings.buckets },
            snapshots: settings.retain.images,
            rule: self.rule(),
            description: self.stream.description.clone(),
        }
    }

    /// What makes rows states of one entity, and one of them the latest.
    pub fn rule(&self) -> EntityRule {
        let columns = self.stream.key.iter().filter_map(|name| self.stream.column(name));
        let columns = columns.map(|column| Field { name: column.name.clone(), ty: column.ty.clone() });
        EntityRule { key: Some(EntityKey::new(columns)), version: self.stream.version.clone() }
    }
}
