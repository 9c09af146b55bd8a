//! Overwrites: of what they name, based on what they were computed from.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use foz_lake::{Files, LakeError, Partition, bucket_of};
use futures::TryStreamExt;

use crate::world::{NOW, World, change, values};

#[tokio::test]
async fn an_overwrite_replaces_what_it_names_and_keeps_the_rest() {
    for world in World::all().await {
        let table = world.current().await;
        let keys = ["a", "b", "c", "d", "e", "f"];
        let rows: Vec<_> = keys.iter().map(|key| (*key, "old", 0)).collect();
        let added = world.stage(&table, &rows).await;
        let first = Files::Overwrite { base: None, removed: vec![], added, deletes: vec![] };
        world.lake.commit(table.name(), &change("c1", 0, 1, first), NOW).await.unwrap();
        let before = world.lake.load(table.name()).await.unwrap();

        let bucket = bucket_of("a", 4).unwrap();
        let touched: Vec<_> = keys.into_iter().filter(|key| bucket_of(key, 4).unwrap() == bucket).collect();
        let files = before.files().await.unwrap();
        let removed: Vec<_> = files
            .iter()
            .filter(|f| f.bucket.is_some_and(|of| i64::from(of.number) == i64::from(bucket)))
            .map(|f| f.path().to_owned())
            .collect();
        assert_eq!(removed.len(), 1);
        let rows: Vec<_> = touched.iter().map(|key| (*key, "new", 1)).collect();
        let added = world.stage(&table, &rows).await;
        let files = Files::Overwrite { base: before.snapshot_id(), removed: removed.clone(), added, deletes: vec![] };
        let image = world.lake.commit(table.name(), &change("c2", 1, 2, files.clone()), NOW).await.unwrap();
        assert_eq!((image.rows, image.repeated), (6, false));
        let rows = world.rows(&table).await;
        for key in keys {
            assert_eq!(rows[key], [if touched.contains(&key) { "new" } else { "old" }], "{key}");
        }

        // The same consolidation again is recognised; a later one on the old base is refused, not rebased.
        assert!(world.lake.commit(table.name(), &change("c2", 1, 2, files.clone()), NOW).await.unwrap().repeated);
        let stale = world.lake.commit(table.name(), &change("c3", 2, 3, files), NOW).await.unwrap_err();
        assert!(matches!(stale, LakeError::Moved { .. }), "{stale}");

        // Sequence numbers: survivors keep theirs, and what was deleted is gone for good.
        let gone = Files::Overwrite { base: image.snapshot_id, removed, added: vec![], deletes: vec![] };
        let gone = world.lake.commit(table.name(), &change("c4", 2, 3, gone), NOW).await.unwrap_err();
        assert!(matches!(gone, LakeError::Incompatible { .. }), "{gone}");
        let table = world.lake.load(table.name()).await.unwrap();
        let snapshot = table.iceberg().metadata().current_snapshot().unwrap();
        let list = table.iceberg().manifest_list_reader(snapshot).load().await.unwrap();
        for manifest in list.consume_entries() {
            for entry in manifest.load_manifest(table.iceberg().file_io()).await.unwrap().entries() {
                let new = entry.snapshot_id() == image.snapshot_id && entry.is_alive();
                assert_eq!(entry.sequence_number(), Some(if new { 2 } else { 1 }), "{entry:?}");
            }
        }
    }
}

#[tokio::test]
async fn of_two_consolidations_the_slower_computes_again() {
    for world in World::all().await {
        let table = world.current().await;
        let image = async |run: &str, hi| {
            let added = world.stage(&table, &[("a", run, 0)]).await;
            change(run, 0, hi, Files::Overwrite { base: None, removed: vec![], added, deletes: vec![] })
        };
        let (slow, late, fast) = (image("slow", 2).await, image("late", 1).await, image("fast", 1).await);
        let prepared = world.lake.prepare(table.name(), &slow, NOW).await.unwrap();
        let included = world.lake.prepare(table.name(), &late, NOW).await.unwrap();
        world.lake.commit(table.name(), &fast, NOW).await.unwrap();
        assert_eq!(world.lake.publish(prepared).await.unwrap(), None);
        let again = world.lake.prepare(table.name(), &slow, NOW).await.unwrap_err();
        assert!(matches!(again, LakeError::Moved { .. }), "{again}");
        assert!(world.lake.publish(included).await.unwrap().unwrap().repeated);
        assert_eq!(values(&world.rows(&table).await), ["fast"]);
    }
}

#[tokio::test]
async fn metadata_that_moves_under_an_overwrite_is_followed() {
    for world in World::all().await {
        let table = world.current().await;
        let added = world.stage(&table, &[("a", "v", 0)]).await;
        let change = change("c", 0, 1, Files::Overwrite { base: None, removed: vec![], added, deletes: vec![] });
        let prepared = world.lake.prepare(table.name(), &change, NOW).await.unwrap();
        let partition = Partition::Bucket { column: "_key".into(), buckets: 4 };
        let mut spec = world.spec("orders", partition);
        let more = spec.columns.fields().iter().cloned().chain([Arc::new(Field::new("extra", DataType::Int64, true))]);
        spec.columns = Arc::new(Schema::new(more.collect::<Vec<_>>()));
        world.lake.ensure(&spec).await.unwrap();
        assert_eq!(world.lake.publish(prepared).await.unwrap(), None);
        world.lake.commit(table.name(), &change, NOW).await.unwrap();
        assert_eq!(values(&world.rows(&table).await), ["v"]);
        let table = world.lake.load(table.name()).await.unwrap();
        assert!(table.schema().unwrap().column_with_name("extra").is_some());
        let files = table.files().await.unwrap();
        let batches: Vec<_> = table.read(&files).unwrap().try_collect().await.unwrap();
        assert!(batches.iter().all(|b| b["extra"].as_primitive::<Int64Type>().iter().all(|v| v.is_none())));
    }
}
