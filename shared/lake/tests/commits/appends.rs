//! Appends: once, in order, whatever the register answers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use foz_domain::keys::ManifestKey;
use foz_domain::{Range, Sequence};
use foz_lake::register::MemoryRegister;
use foz_lake::{AttemptManifest, Files, LakeError, Partition, TableSpec, TableState};
use futures::TryStreamExt;
use iceberg::io::FileIO;
use iceberg::spec::DataFile;

use crate::world::{LOSE_ANSWER, LOSE_REQUEST, NOW, REFUSE_OWN, World, change, collect, values};

#[tokio::test]
async fn appends_happen_once_and_in_order() {
    for world in World::all().await {
        let table = world.history().await;
        assert_eq!(table.through(), None);
        let first = world.append(&table, "r0", 0, 3).await.unwrap();
        assert_eq!((first.through, first.rows, first.repeated), (Some(Sequence(3)), 1, false));
        let again = world.append(&table, "r0-again", 0, 3).await.unwrap();
        assert_eq!(again, TableState { repeated: true, ..first });
        let overlap = world.append(&table, "r1", 2, 5).await.unwrap_err();
        assert!(matches!(overlap, LakeError::Halt { through: 3, lo: 2, hi: 5, .. }), "{overlap}");
        world.append(&table, "r2", 3, 5).await.unwrap();
        assert_eq!(values(&world.rows(&table).await), ["r0", "r2"]);
        let loaded = world.lake.load(table.name()).await.unwrap();
        assert_eq!(loaded.through(), Some(Sequence(5)));
        let summary = loaded.iceberg().metadata().current_snapshot().unwrap().summary();
        assert_eq!(summary.additional_properties["foz.through"], "5");
    }
}

#[tokio::test]
async fn a_table_lists_its_latest_snapshots_and_loses_no_row() {
    for world in World::all().await {
        for snapshots in [1, 3] {
            let spec = world.spec(&format!("orders_{snapshots}"), Partition::None);
            world.lake.ensure(&spec).await.unwrap();
            let table = world.lake.ensure(&TableSpec { snapshots, ..spec }).await.unwrap();
            for n in 0..6 {
                world.append(&table, &format!("r{n}"), n, n + 1).await.unwrap();
            }
            // What is no longer listed is still included.
            assert!(world.append(&table, "r0", 0, 1).await.unwrap().repeated);
            assert_eq!(values(&world.rows(&table).await), ["r0", "r1", "r2", "r3", "r4", "r5"]);
            let table = world.lake.load(table.name()).await.unwrap();
            let metadata = table.iceberg().metadata();
            assert_eq!(metadata.snapshots().count(), snapshots as usize);
            assert_eq!(metadata.history().last().map(|log| log.snapshot_id), metadata.current_snapshot_id());
        }
    }
}

#[tokio::test]
async fn a_range_without_rows_is_noted_without_a_snapshot() {
    for world in World::all().await {
        let table = world.history().await;
        let image = world.lake.commit(table.name(), &change("r", 0, 9, Files::Append(vec![])), NOW).await.unwrap();
        assert_eq!((image.through, image.snapshot_id, image.rows), (Some(Sequence(9)), None, 0));
        assert!(world.append(&table, "late", 0, 9).await.unwrap().repeated);
    }
}

#[tokio::test]
async fn of_concurrent_committers_of_a_range_one_wins() {
    for world in World::all().await {
        let table = world.history().await;
        world.append(&table, "before", 0, 1).await.unwrap();
        let mut prepared = Vec::new();
        for i in 0..4 {
            let files = world.stage(&table, &[("k", "after", 1)]).await;
            let change = change(&format!("r{i}"), 1, 2, Files::Append(files));
            prepared.push(world.lake.prepare(table.name(), &change, NOW).await.unwrap());
        }
        let images = futures::future::join_all(prepared.into_iter().map(|p| world.lake.publish(p))).await;
        let made = images.into_iter().filter(|image| !image.as_ref().unwrap().as_ref().unwrap().repeated).count();
        assert_eq!(made, 1);
        assert_eq!(world.rows(&table).await["k"], ["after", "before"]);
    }
}

#[tokio::test]
async fn a_lost_answer_changes_nothing() {
    for world in World::all().await {
        let table = world.history().await;
        for (hi, fault) in [(1, LOSE_ANSWER), (2, REFUSE_OWN)] {
            world.register.next(fault);
            let image = world.append(&table, &format!("r{hi}"), hi - 1, hi).await.unwrap();
            assert_eq!((image.rows, image.repeated), (hi, false));
        }
        world.register.next(LOSE_REQUEST);
        assert!(world.append(&table, "r3", 2, 3).await.unwrap_err().is_transient());
        assert_eq!(world.append(&table, "r3", 2, 3).await.unwrap().rows, 3);
        assert_eq!(values(&world.rows(&table).await), ["r1", "r2", "r3"]);
    }
}

#[tokio::test]
async fn a_register_that_refuses_for_no_reason_is_asked_again_but_not_for_ever() {
    for world in World::all().await {
        world.register.refuse(2);
        let table = world.history().await;
        world.register.refuse(2);
        let spec = TableSpec { snapshots: 7, ..world.spec("orders_changes", Partition::None) };
        world.lake.ensure(&spec).await.unwrap();
        assert_eq!(world.register.swaps.load(Ordering::SeqCst), 3);
        world.register.refuse(2);
        let image = world.append(&table, "r1", 0, 1).await.unwrap();
        assert_eq!((image.rows, image.repeated), (1, false));
        assert_eq!(world.register.swaps.load(Ordering::SeqCst), 6);

        world.register.refuse(usize::MAX);
        let error = world.append(&table, "r2", 1, 2).await.unwrap_err();
        assert!(error.is_transient() && matches!(error, LakeError::Register { verb: "update", .. }), "{error}");
        assert!(world.register.swaps.load(Ordering::SeqCst) < 20, "bounded");
        world.register.refuse(0);
        assert_eq!(world.append(&table, "r2", 1, 2).await.unwrap().rows, 2);
        assert_eq!(values(&world.rows(&table).await), ["r1", "r2"]);
    }
}

#[tokio::test]
async fn a_commit_that_died_before_its_publication_leaves_nothing_visible() {
    for world in World::all().await {
        let table = world.history().await;
        let files = world.stage(&table, &[("k", "v", 0)]).await;
        let change = change("r", 0, 1, Files::Append(files));
        let zombie = world.lake.prepare(table.name(), &change, NOW).await.unwrap();
        assert!(world.rows(&table).await.is_empty());
        assert_eq!(world.lake.load(table.name()).await.unwrap().through(), None);
        // The same attempt is finished by somebody else; then the dead one wakes.
        assert!(!world.lake.commit(table.name(), &change, NOW).await.unwrap().repeated);
        let woken = world.lake.publish(zombie).await.unwrap().unwrap();
        assert_eq!((woken.rows, woken.through), (1, Some(Sequence(1))));
        assert_eq!(world.rows(&table).await["k"], ["v"]);
    }
}

#[tokio::test]
async fn many_appends_do_not_leave_many_manifests() {
    let world = World::of(Arc::new(MemoryRegister::default()), FileIO::new_with_memory(), "memory://lake");
    let table = world.history().await;
    for i in 0..205 {
        world.append(&table, &format!("r{i:03}"), i, i + 1).await.unwrap();
    }
    let table = world.lake.load(table.name()).await.unwrap();
    let snapshot = table.iceberg().metadata().current_snapshot().unwrap();
    let list = table.iceberg().manifest_list_reader(snapshot).load().await.unwrap();
    assert!(list.entries().len() <= 101, "{}", list.entries().len());
    let rows = world.rows(&table).await;
    assert_eq!(values(&rows), (0..205).map(|i| format!("r{i:03}")).collect::<Vec<_>>());

    // Bounds survive, so a range finds its files without opening them; rows outside it are filtered.
    let range = Range::new(Sequence(50), Sequence(53)).unwrap();
    let files = table.files_in(range).await.unwrap();
    assert_eq!(files.len(), 3);
    let all = table.files().await.unwrap();
    let found = collect(table.read_range(&all, range).unwrap().try_collect().await.unwrap());
    assert_eq!(values(&found), ["r050", "r051", "r052"]);
}

#[tokio::test]
async fn a_staged_attempt_is_committed_from_its_manifest_alone() {
    for world in World::all().await {
        let (history, current) = (world.history().await, world.current().await);
        let mut manifest = AttemptManifest::default();
        manifest.push(&history, world.stage(&history, &[("a", "x", 0), ("b", "y", 0)]).await).unwrap();
        manifest.push(&current, world.stage(&current, &[("a", "x", 0), ("b", "y", 0)]).await).unwrap();
        let key = ManifestKey::below(&format!("staged/orders/0-1/e1/{}/", world.tag));
        world.lake.write_manifest(&key, &manifest).await.unwrap();

        let manifest = world.lake.read_manifest(&key).await.unwrap();
        for staged in manifest.tables() {
            let table = world.lake.load(&staged.table).await.unwrap();
            let files = staged.files(&table).unwrap();
            assert_eq!((staged.rows, staged.bytes), (2, files.iter().map(DataFile::file_size_in_bytes).sum()));
            assert!(files.iter().all(|file| !file.lower_bounds().is_empty()));
            world.lake.commit(&staged.table, &change("r", 0, 1, Files::Append(files)), NOW).await.unwrap();
            assert_eq!(values(&world.rows(&table).await), ["x", "y"]);
        }
    }
}
