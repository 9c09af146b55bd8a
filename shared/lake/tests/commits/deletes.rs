//! Rows that are deleted where they are: found by their keys, named by their positions, and gone for every reader.

use arrow::array::StringArray;
use foz_lake::{Deletes, Files, Keys, LakeError, Table, TableCommit};
use iceberg::spec::Operation;

use crate::world::{NOW, World, change, values};

fn keys(keys: &[&str]) -> Keys {
    Keys::new(StringArray::from(keys.to_vec()))
}

/// The rows with these keys, by name of the file.
async fn found(table: &Table, wanted: &[&str]) -> Vec<(String, Vec<u32>, Vec<u64>)> {
    let files = table.files().await.unwrap();
    let deleted = table.deleted(&files).await.unwrap();
    let mut found = Vec::new();
    for file in &files {
        let places = table.places(file, &keys(wanted), None, &deleted).await.unwrap();
        found.push((file.path().to_owned(), places.keys, places.positions));
    }
    found
}

async fn overwrite(world: &World, table: &Table, gone: &[&str], rows: &[(&str, &str, i64)]) -> Files {
    let files = table.files().await.unwrap();
    let deleted = table.deleted(&files).await.unwrap();
    let mut deletes = Deletes::default();
    for file in &files {
        deletes.add(file, table.places(file, &keys(gone), None, &deleted).await.unwrap().positions);
    }
    let added = if rows.is_empty() { vec![] } else { world.stage(table, rows).await };
    let deletes = world.lake.write_deletes(table, deletes).await.unwrap();
    Files::Overwrite { base: table.snapshot_id(), removed: vec![], added, deletes }
}

fn operation(table: &Table) -> Operation {
    table.iceberg().metadata().current_snapshot().unwrap().summary().operation.clone()
}

#[tokio::test]
async fn rows_are_deleted_where_they_are_and_files_that_name_them_go_with_the_rewritten() {
    for world in World::all().await {
        let table = world.current().await;
        let rows: Vec<_> = ["a", "b", "c", "d", "e", "f", "g"].into_iter().map(|key| (key, "old", 0)).collect();
        let first =
            Files::Overwrite { base: None, removed: vec![], added: world.stage(&table, &rows).await, deletes: vec![] };
        world.lake.commit(table.name(), &change("c1", 0, 1, first), NOW).await.unwrap();

        let table = world.lake.load(table.name()).await.unwrap();
        assert_eq!(operation(&table), Operation::Overwrite);
        let files = overwrite(&world, &table, &["b", "d", "x"], &[("d", "new", 1)]).await;
        let image = world.lake.commit(table.name(), &change("c2", 1, 2, files), NOW).await.unwrap();
        assert_eq!(image.rows, 6);
        let table = world.lake.load(table.name()).await.unwrap();
        assert_eq!(operation(&table), Operation::Overwrite);
        let shown = world.rows(&table).await;
        assert_eq!(shown["d"], ["new"]);
        assert!(!shown.contains_key("b"));
        // What is deleted is not found again; what came is.
        let places = found(&table, &["b", "d"]).await;
        assert_eq!(places.iter().map(|(_, keys, _)| keys.len()).sum::<usize>(), 1);

        // A second delta over the first, then all of it written anew: nothing is left that names deleted rows.
        let files = overwrite(&world, &table, &["d", "e"], &[]).await;
        world.lake.commit(table.name(), &change("c3", 2, 3, files), NOW).await.unwrap();
        let table = world.lake.load(table.name()).await.unwrap();
        assert_eq!(values(&world.rows(&table).await), ["old"; 4]);
        let live = table.live().await.unwrap();
        assert!(!live.deletes.is_empty());
        let removed = live.data.iter().map(|file| file.path().to_owned());
        let removed = removed.chain(live.deletes.iter().map(|delete| delete.path().to_owned())).collect();
        let rows: Vec<_> = ["a", "c", "f", "g"].into_iter().map(|key| (key, "old", 0)).collect();
        let added = world.stage(&table, &rows).await;
        let files = Files::Overwrite { base: table.snapshot_id(), removed, added, deletes: vec![] };
        let same = TableCommit { range: None, ..change("k1", 0, 1, files) };
        let state = world.lake.commit(table.name(), &same, NOW).await.unwrap();
        assert_eq!((state.rows, state.through), (4, image.through.map(|_| foz_domain::Sequence(3))));
        let table = world.lake.load(table.name()).await.unwrap();
        assert_eq!(operation(&table), Operation::Replace);
        assert!(table.live().await.unwrap().deletes.is_empty());
        assert_eq!(values(&world.rows(&table).await), ["old"; 4]);
        let summary = &table.iceberg().metadata().current_snapshot().unwrap().summary().additional_properties;
        assert_eq!((&*summary["total-delete-files"], &*summary["total-position-deletes"]), ("0", "0"));

        // Repeated it is recognised; on another base it is refused.
        assert!(world.lake.commit(table.name(), &same, NOW).await.unwrap().repeated);
        let stale = world.lake.commit(table.name(), &TableCommit { run: "k2".into(), ..same }, NOW).await.unwrap_err();
        assert!(matches!(stale, LakeError::Moved { .. }), "{stale}");
    }
}

#[tokio::test]
async fn keys_are_found_in_whatever_order_a_file_has_them() {
    for world in World::all().await {
        let table = world.current().await;
        let names: Vec<String> =
            (0..5000u32).map(|n| format!("k{:05}", n.wrapping_mul(2_654_435_761) % 5000)).collect();
        let rows: Vec<_> = names.iter().map(|name| (name.as_str(), "v", 0)).collect();
        let mut sorted = rows.clone();
        sorted.sort_unstable();
        sorted.dedup();
        for (run, rows) in [("shuffled", rows), ("sorted", sorted)] {
            let table = world.lake.load(table.name()).await.unwrap();
            let live = table.files().await.unwrap();
            let removed = live.iter().map(|file| file.path().to_owned()).collect();
            let added = world.stage(&table, &rows).await;
            let files = Files::Overwrite { base: table.snapshot_id(), removed, added, deletes: vec![] };
            let at = u64::from(run == "sorted");
            world.lake.commit(table.name(), &change(run, at, at + 1, files), NOW).await.unwrap();
            let table = world.lake.load(table.name()).await.unwrap();
            let wanted = ["a", "k00000", "k00007", "k02500", "k02500x", "k04999", "z"];
            let expected = rows.iter().filter(|row| wanted.contains(&row.0)).count();
            let places = found(&table, &wanted).await;
            assert_eq!(places.iter().map(|(_, keys, _)| keys.len()).sum::<usize>(), expected, "{run}");
            for (path, numbers, positions) in places {
                let file = table.files().await.unwrap().into_iter().find(|file| file.path() == path).unwrap();
                let batches: Vec<_> =
                    futures::TryStreamExt::try_collect(table.read(std::slice::from_ref(&file)).unwrap()).await.unwrap();
                let all = arrow::compute::concat_batches(&table.schema().unwrap(), &batches).unwrap();
                let keys = arrow::array::AsArray::as_string::<i32>(&all["_key"]).clone();
                for (number, position) in numbers.into_iter().zip(positions) {
                    assert_eq!(keys.value(usize::try_from(position).unwrap()), wanted[number as usize], "{run}");
                }
            }
        }
    }
}
