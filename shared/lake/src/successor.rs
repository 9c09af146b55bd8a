//! The metadata that follows a table's where no snapshot comes: what is declared, and what is noted of a range without rows.
//!
//! Iceberg dates metadata, and nobody reads a file that is dated more than a minute before the table's last snapshot, or
//! before the file that it follows. A snapshot brings its own time; without one the library takes the machine's clock, and
//! clocks differ. So a table's time stands still while the clock that changes it is behind.

use iceberg::spec::{TableMetadata, TableMetadataBuilder};
use serde_json::Value;

use crate::error::LakeError;
use crate::table::Table;

const SNAPSHOTS: &str = "snapshot-log";
const FILES: &str = "metadata-log";
const DATE: &str = "timestamp-ms";
const UPDATED: &str = "last-updated-ms";

impl Table {
    /// The metadata that follows the table's by a change that neither adds nor removes snapshots.
    pub(crate) fn successor(
        &self,
        change: impl FnOnce(TableMetadataBuilder) -> Result<TableMetadataBuilder, iceberg::Error>,
    ) -> Result<TableMetadata, LakeError> {
        let metadata = self.inner.metadata();
        // The library holds its clock against the dates of both logs, and lets nobody set it: it gets logs without dates,
        // by the one way into them, which is the metadata file that they stand in.
        let mut file = to_file(metadata)?;
        let [snapshots, files] = [SNAPSHOTS, FILES].map(|log| undate(&mut file, log));
        let undated = from_file(file)?;
        let next = change(undated.into_builder(Some(self.metadata_location().to_owned())))?.build()?.metadata;
        let latest = metadata.history().last().map_or(0, |entry| entry.timestamp_ms);
        let updated = next.last_updated_ms().max(metadata.last_updated_ms()).max(latest);
        let mut file = to_file(&next)?;
        file[SNAPSHOTS] = snapshots.into();
        // The library has put this table's file behind the others, and dropped as many of the oldest as there are too many.
        if let Some(kept) = file[FILES].as_array_mut() {
            let oldest = (files.len() + 1).saturating_sub(kept.len());
            for (entry, dated) in kept.iter_mut().zip(files.into_iter().skip(oldest)) {
                *entry = dated;
            }
        }
        file[UPDATED] = updated.into();
        from_file(file)
    }
}

/// Takes the dates out of a log of the file, and returns the entries with them.
fn undate(file: &mut Value, log: &str) -> Vec<Value> {
    let Some(entries) = file[log].as_array_mut() else { return Vec::new() };
    let dated = entries.clone();
    entries.iter_mut().for_each(|entry| entry[DATE] = 0.into());
    dated
}

fn to_file(metadata: &TableMetadata) -> Result<Value, LakeError> {
    Ok(serde_json::to_value(metadata).map_err(iceberg::Error::from)?)
}

fn from_file(file: Value) -> Result<TableMetadata, LakeError> {
    Ok(serde_json::from_value(file).map_err(iceberg::Error::from)?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;
    use crate::spec::TableSpec;
    use crate::tables::Tables;

    /// The year 2100.
    const AHEAD: i64 = 4_102_444_800_000;

    fn spec(snapshots: u32) -> TableSpec {
        let columns = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        TableSpec { snapshots, ..TableSpec::log("t", columns) }
    }

    /// A table that a machine made whose clock was ahead.
    async fn of_the_future(lake: &Tables) -> Table {
        let table = lake.ensure(&spec(1)).await.unwrap();
        let mut file = to_file(table.inner.metadata()).unwrap();
        file[UPDATED] = AHEAD.into();
        let metadata = from_file(file).unwrap();
        let location = lake.write_next(&table, &metadata).await.unwrap();
        assert!(lake.register.swap("t", &table.entry, &location, &metadata).await.unwrap());
        lake.load("t").await.unwrap()
    }

    #[tokio::test]
    async fn a_table_of_the_future_can_be_read_after_a_change() {
        let lake = Tables::in_memory();
        let first = of_the_future(&lake).await;
        for snapshots in 2..5 {
            lake.ensure(&spec(snapshots)).await.unwrap();
            let table = lake.load("t").await.unwrap();
            assert_eq!((table.snapshots(), table.inner.metadata().last_updated_ms()), (Some(snapshots), AHEAD));
        }
        let table = lake.load("t").await.unwrap();
        let log = table.inner.metadata().metadata_log();
        assert_eq!((log[0].metadata_file.as_str(), log[0].timestamp_ms), (first.metadata_location(), AHEAD));
        assert_eq!(log.iter().map(|entry| entry.timestamp_ms).collect::<Vec<_>>(), [AHEAD; 3]);
    }

    #[tokio::test]
    async fn the_log_keeps_its_dates_when_its_oldest_files_are_dropped() {
        let lake = Tables::in_memory();
        for snapshots in 1..105 {
            lake.ensure(&spec(snapshots)).await.unwrap();
        }
        let table = lake.load("t").await.unwrap();
        let metadata = table.inner.metadata();
        let log = metadata.metadata_log();
        assert_eq!(log.len(), 100);
        assert!(log.is_sorted_by_key(|entry| entry.timestamp_ms) && log.iter().all(|entry| entry.timestamp_ms > 0));
        assert!(log[99].timestamp_ms <= metadata.last_updated_ms());
        assert!(log.iter().all(|entry| entry.metadata_file != table.metadata_location()));
    }
}
