//! Clocks: a table goes on whatever the clock says that changes it.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use foz_domain::Timestamp;
use foz_lake::{Files, Partition, Table, TableSpec};

use crate::world::{NOW, World, change, values};

/// The year 2100: later than any clock here, also the one that Iceberg's library reads.
const AHEAD: Timestamp = Timestamp(4_102_444_800_000);

/// An hour before that.
const BEHIND: Timestamp = Timestamp(AHEAD.0 - 3_600_000);

/// The table as its metadata file says that it is: a file that contradicts itself cannot be read. Its time must not go back.
async fn read(world: &World, name: &str) -> Table {
    let table = world.lake.load(name).await.unwrap();
    let metadata = table.iceberg().metadata();
    assert!(metadata.last_updated_ms() >= AHEAD.0, "{}", metadata.last_updated_ms());
    assert!(metadata.metadata_log().is_sorted_by_key(|file| file.timestamp_ms));
    assert!(metadata.history().is_sorted_by_key(|snapshot| snapshot.timestamp_ms));
    table
}

/// What a definition may change of a table, one after the other.
fn edits(spec: &TableSpec) -> [TableSpec; 3] {
    let fields = spec.columns.fields().iter().cloned();
    let more = fields.chain([Arc::new(Field::new("more", DataType::Int64, true))]).collect::<Vec<_>>();
    let columns = Arc::new(Schema::new(more));
    [
        TableSpec { columns: columns.clone(), ..spec.clone() },
        TableSpec { columns: columns.clone(), snapshots: 7, ..spec.clone() },
        TableSpec { columns, snapshots: 7, description: Some("orders".to_owned()), ..spec.clone() },
    ]
}

#[tokio::test]
async fn every_change_of_a_table_succeeds_with_a_clock_that_is_behind() {
    for world in World::all().await {
        for now in [BEHIND, NOW] {
            let spec = world.spec(&format!("orders_{now}"), Partition::None);
            let table = world.lake.ensure(&spec).await.unwrap();
            let name = table.name();
            let append = async |run: &str, lo, hi, now| {
                let files = world.stage(&table, &[("k", run, 0)]).await;
                world.lake.commit(name, &change(run, lo, hi, Files::Append(files)), now).await.unwrap();
            };
            append("first", 0, 1, AHEAD).await;
            // Without rows, with rows, and without again, behind one that brought some.
            for lo in 1..6 {
                let empty = change(&format!("empty {lo}"), lo, lo + 1, Files::Append(vec![]));
                match lo {
                    2 | 3 => append(&format!("late {lo}"), lo, lo + 1, now).await,
                    _ => drop(world.lake.commit(name, &empty, now).await.unwrap()),
                }
                read(&world, name).await;
            }
            for edit in edits(&spec) {
                world.lake.ensure(&edit).await.unwrap();
                read(&world, name).await;
            }
            let base = read(&world, name).await;
            let nothing =
                Files::Overwrite { base: base.snapshot_id(), removed: vec![], added: vec![], deletes: vec![] };
            world.lake.commit(name, &change("no overwrite", 6, 7, nothing), now).await.unwrap();
            let base = read(&world, name).await;
            assert_eq!(values(&world.rows(&base).await), ["first", "late 2", "late 3"]);
            let removed = base.files().await.unwrap().iter().map(|file| file.path().to_owned()).collect();
            let added = world.stage(&table, &[("k", "only", 0)]).await;
            let all = Files::Overwrite { base: base.snapshot_id(), removed, added, deletes: vec![] };
            world.lake.commit(name, &change("overwrite", 7, 8, all), now).await.unwrap();
            assert_eq!(values(&world.rows(&read(&world, name).await).await), ["only"]);
        }
    }
}
