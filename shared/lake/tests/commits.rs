//! What every register must make true of commits. Runs in memory, and against Glue and S3 at `FOZ_TEST_AWS_ENDPOINT`.

#![expect(clippy::unwrap_used, reason = "helpers of tests may unwrap as tests do")]

mod aws;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};
use async_trait::async_trait;
use foz_domain::keys::ManifestKey;
use foz_domain::{Range, Sequence, Timestamp};
use foz_lake::register::{Entry, GlueRegister, MemoryRegister, Register};
use foz_lake::{
    AttemptManifest, Files, LakeError, Partition, Table, TableCommit, TableSpec, TableState, Tables, bucket_of,
};
use futures::TryStreamExt;
use iceberg::io::FileIO;
use iceberg::spec::{DataFile, TableMetadata};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// A register whose next swaps go wrong as told.
#[derive(Debug)]
struct Faulty {
    inner: Arc<dyn Register>,
    fault: AtomicU8,
    swaps: AtomicUsize,
    /// How many of the next changes are refused for no reason.
    refusals: AtomicUsize,
}

const LOSE_ANSWER: u8 = 1;
const LOSE_REQUEST: u8 = 2;
const REFUSE_OWN: u8 = 3;

impl Faulty {
    fn new(inner: Arc<dyn Register>) -> Arc<Self> {
        Arc::new(Self { inner, fault: AtomicU8::new(0), swaps: AtomicUsize::new(0), refusals: AtomicUsize::new(0) })
    }

    fn next(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    fn refuse(&self, refusals: usize) {
        self.refusals.store(refusals, Ordering::SeqCst);
    }

    fn refuses(&self) -> bool {
        self.refusals.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
    }
}

fn lost(table: &str) -> LakeError {
    LakeError::Register { verb: "update", table: table.into(), transient: true, source: "connection reset".into() }
}

#[async_trait]
impl Register for Faulty {
    async fn find(&self, table: &str) -> Result<Option<Entry>, LakeError> {
        self.inner.find(table).await
    }

    async fn create(&self, table: &str, location: &str, metadata: &TableMetadata) -> Result<bool, LakeError> {
        if self.refuses() {
            return Ok(false);
        }
        self.inner.create(table, location, metadata).await
    }

    async fn swap(
        &self,
        table: &str,
        from: &Entry,
        location: &str,
        metadata: &TableMetadata,
    ) -> Result<bool, LakeError> {
        self.swaps.fetch_add(1, Ordering::SeqCst);
        let fault = self.fault.swap(0, Ordering::SeqCst);
        if self.refuses() {
            return Ok(false);
        }
        if fault == LOSE_REQUEST {
            return Err(lost(table));
        }
        let done = self.inner.swap(table, from, location, metadata).await?;
        match fault {
            LOSE_ANSWER => Err(lost(table)),
            // What an SDK sees that repeats a request which had succeeded.
            REFUSE_OWN => Ok(false),
            _ => Ok(done),
        }
    }
}

struct World {
    lake: Tables,
    register: Arc<Faulty>,
    /// Makes table names its own, in a Glue that outlives the test.
    tag: String,
}

impl World {
    async fn all() -> Vec<Self> {
        let mut worlds =
            vec![Self::of(Arc::new(MemoryRegister::default()), FileIO::new_with_memory(), "memory://lake")];
        if let Some((store, glue)) = aws::connect().await {
            let register = Arc::new(GlueRegister::new(glue, store.bucket()));
            worlds.push(Self::of(register, store.file_io(), store.uri("").trim_end_matches('/')));
        }
        worlds
    }

    fn of(register: Arc<dyn Register>, io: FileIO, root: &str) -> Self {
        let register = Faulty::new(register);
        let tag = uuid::Uuid::new_v4().simple().to_string();
        Self { lake: Tables::new(register.clone(), io, root), register, tag }
    }

    fn spec(&self, name: &str, partition: Partition) -> TableSpec {
        let columns = vec![
            Field::new("value", DataType::Utf8, true),
            Field::new("_key", DataType::Utf8, false),
            Field::new("_sequence", DataType::Int64, false),
        ];
        let name = format!("{name}_{}", self.tag);
        TableSpec { partition, ..TableSpec::log(name, Arc::new(Schema::new(columns))) }
    }

    async fn history(&self) -> Table {
        self.lake.ensure(&self.spec("orders_changes", Partition::None)).await.unwrap()
    }

    async fn current(&self) -> Table {
        let partition = Partition::Bucket { column: "_key".into(), buckets: 4 };
        self.lake.ensure(&self.spec("orders", partition)).await.unwrap()
    }

    async fn stage(&self, table: &Table, rows: &[(&str, &str, i64)]) -> Vec<DataFile> {
        let mut writer = self.lake.writer(table, "staged/orders/0-1/e1/a/").await.unwrap();
        writer.write(&batch(rows)).await.unwrap();
        writer.close().await.unwrap()
    }

    async fn append(&self, table: &Table, run: &str, lo: u64, hi: u64) -> Result<TableState, LakeError> {
        let files = self.stage(table, &[("k", run, i64::try_from(lo).unwrap())]).await;
        self.lake.commit(table.name(), &change(run, lo, hi, Files::Append(files)), NOW).await
    }

    async fn rows(&self, table: &Table) -> BTreeMap<String, Vec<String>> {
        let table = self.lake.load(table.name()).await.unwrap();
        let files = table.files().await.unwrap();
        let rows = collect(table.read(&files).unwrap().try_collect::<Vec<_>>().await.unwrap());
        assert_eq!(table.rows(), rows.values().map(Vec::len).sum::<usize>() as u64);
        rows
    }
}

fn change(run: &str, lo: u64, hi: u64, files: Files) -> TableCommit {
    TableCommit { run: run.into(), range: Range::new(Sequence(lo), Sequence(hi)).unwrap(), files }
}

fn batch(rows: &[(&str, &str, i64)]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0)));
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1)));
    let sequences: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2)));
    RecordBatch::try_from_iter([("_key", keys), ("value", values), ("_sequence", sequences)]).unwrap()
}

/// Values by key.
fn collect(batches: Vec<RecordBatch>) -> BTreeMap<String, Vec<String>> {
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for batch in batches {
        let (keys, values) = (batch["_key"].as_string::<i32>(), batch["value"].as_string::<i32>());
        for i in 0..batch.num_rows() {
            rows.entry(keys.value(i).into()).or_default().push(values.value(i).into());
        }
    }
    rows.values_mut().for_each(|values| values.sort());
    rows
}

fn values(rows: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    rows.values().flatten().map(String::as_str).collect()
}

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
async fn an_overwrite_replaces_what_it_names_and_keeps_the_rest() {
    for world in World::all().await {
        let table = world.current().await;
        let keys = ["a", "b", "c", "d", "e", "f"];
        let rows: Vec<_> = keys.iter().map(|key| (*key, "old", 0)).collect();
        let added = world.stage(&table, &rows).await;
        let first = Files::Overwrite { base: None, removed: vec![], added };
        world.lake.commit(table.name(), &change("c1", 0, 1, first), NOW).await.unwrap();
        let before = world.lake.load(table.name()).await.unwrap();

        let bucket = bucket_of("a", 4).unwrap();
        let touched: Vec<_> = keys.into_iter().filter(|key| bucket_of(key, 4).unwrap() == bucket).collect();
        let files = before.files().await.unwrap();
        let removed: Vec<_> = files.iter().filter(|f| f.bucket == Some(bucket)).map(|f| f.path().to_owned()).collect();
        assert_eq!(removed.len(), 1);
        let rows: Vec<_> = touched.iter().map(|key| (*key, "new", 1)).collect();
        let added = world.stage(&table, &rows).await;
        let files = Files::Overwrite { base: before.snapshot_id(), removed: removed.clone(), added };
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
        let gone = Files::Overwrite { base: image.snapshot_id, removed, added: vec![] };
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
            change(run, 0, hi, Files::Overwrite { base: None, removed: vec![], added })
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
        let change = change("c", 0, 1, Files::Overwrite { base: None, removed: vec![], added });
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
async fn parallel_creators_make_one_table() {
    for world in World::all().await {
        let tables = futures::future::join_all((0..4).map(|_| world.history())).await;
        let mut ids: Vec<_> = tables.iter().map(|t| t.iceberg().metadata().uuid()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(world.register.swaps.load(Ordering::SeqCst), 0);
    }
}

#[tokio::test]
async fn a_declaration_that_does_not_fit_is_refused() {
    for world in World::all().await {
        let table = world.current().await;
        let name = table.name();
        let fewer = world.spec("orders", Partition::Bucket { column: "_key".into(), buckets: 2 });
        assert_eq!(fewer.name, name);
        assert!(matches!(world.lake.ensure(&fewer).await, Err(LakeError::Incompatible { .. })));
        let mut other = world.spec("orders", Partition::Bucket { column: "_key".into(), buckets: 4 });
        other.columns = Arc::new(Schema::new(vec![Field::new("value", DataType::Int64, true)]));
        assert!(matches!(world.lake.ensure(&other).await, Err(LakeError::Incompatible { .. })));
    }
}

#[tokio::test]
async fn the_version_by_which_states_are_ordered_stays() {
    for world in World::all().await {
        let spec = |version: Option<&str>| {
            let partition = Partition::Bucket { column: "_key".into(), buckets: 4 };
            TableSpec { version: version.map(str::to_owned), ..world.spec("orders", partition) }
        };
        // Made before anybody declared one, or by an older release.
        assert_eq!(world.lake.ensure(&spec(None)).await.unwrap().version(), None);
        assert_eq!(world.lake.ensure(&spec(Some("updated_at"))).await.unwrap().version(), Some("updated_at"));
        let table = world.lake.ensure(&spec(Some("updated_at"))).await.unwrap();
        for other in [None, Some("revision")] {
            let error = world.lake.ensure(&spec(other)).await.unwrap_err();
            assert!(matches!(error, LakeError::Incompatible { .. }), "{error}");
            assert!(error.to_string().contains("change it back to `version: updated_at`"), "{error}");
        }
        // A commit keeps it.
        world.append(&table, "r", 0, 1).await.unwrap();
        assert!(world.lake.ensure(&spec(None)).await.is_err());

        let named = TableSpec { name: format!("{}_new", table.name()), ..spec(Some("revision")) };
        assert_eq!(world.lake.ensure(&named).await.unwrap().version(), Some("revision"));
    }
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
