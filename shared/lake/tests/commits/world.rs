//! A lake in memory, and one in Glue and S3 if there is one, whose register fails as told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use async_trait::async_trait;
use foz_domain::{Range, Sequence, Timestamp};
use foz_lake::register::{Entry, GlueRegister, MemoryRegister, Register};
use foz_lake::{EntityRule, Files, LakeError, Partition, Table, TableCommit, TableSpec, TableState, Tables};
use futures::TryStreamExt;
use iceberg::io::FileIO;
use iceberg::spec::{DataFile, TableMetadata};

use crate::aws;

pub const NOW: Timestamp = Timestamp(1_700_000_000_000);

/// A register whose next swaps go wrong as told.
#[derive(Debug)]
pub struct Faulty {
    inner: Arc<dyn Register>,
    fault: AtomicU8,
    pub swaps: AtomicUsize,
    /// How many of the next changes are refused for no reason.
    refusals: AtomicUsize,
}

pub const LOSE_ANSWER: u8 = 1;
pub const LOSE_REQUEST: u8 = 2;
pub const REFUSE_OWN: u8 = 3;

impl Faulty {
    fn new(inner: Arc<dyn Register>) -> Arc<Self> {
        Arc::new(Self { inner, fault: AtomicU8::new(0), swaps: AtomicUsize::new(0), refusals: AtomicUsize::new(0) })
    }

    pub fn next(&self, fault: u8) {
        self.fault.store(fault, Ordering::SeqCst);
    }

    pub fn refuse(&self, refusals: usize) {
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

pub struct World {
    pub lake: Tables,
    pub register: Arc<Faulty>,
    /// Makes table names its own, in a Glue that outlives the test.
    pub tag: String,
}

impl World {
    pub async fn all() -> Vec<Self> {
        let mut worlds =
            vec![Self::of(Arc::new(MemoryRegister::default()), FileIO::new_with_memory(), "memory://lake")];
        if let Some((store, glue)) = aws::connect().await {
            let register = Arc::new(GlueRegister::new(glue, store.bucket()));
            worlds.push(Self::of(register, store.file_io(), store.uri("").trim_end_matches('/')));
        }
        worlds
    }

    pub fn of(register: Arc<dyn Register>, io: FileIO, root: &str) -> Self {
        let register = Faulty::new(register);
        let tag = uuid::Uuid::new_v4().simple().to_string();
        Self { lake: Tables::new(register.clone(), io, root), register, tag }
    }

    pub fn spec(&self, name: &str, partition: Partition) -> TableSpec {
        let columns = vec![
            Field::new("value", DataType::Utf8, true),
            Field::new("_key", DataType::Utf8, false),
            Field::new("_sequence", DataType::Int64, false),
        ];
        let name = format!("{name}_{}", self.tag);
        TableSpec { partition, ..TableSpec::log(name, Arc::new(Schema::new(columns))) }
    }

    pub async fn history(&self) -> Table {
        self.lake.ensure(&self.spec("orders_changes", Partition::None)).await.unwrap()
    }

    pub async fn current(&self) -> Table {
        let partition = Partition::Bucket { column: "_key".into(), buckets: 4 };
        self.lake.ensure(&self.spec("orders", partition)).await.unwrap()
    }

    pub async fn stage(&self, table: &Table, rows: &[(&str, &str, i64)]) -> Vec<DataFile> {
        let mut writer = self.lake.writer(table, "staged/orders/0-1/e1/a/").await.unwrap();
        writer.write(&batch(rows)).await.unwrap();
        writer.close().await.unwrap()
    }

    pub async fn append(&self, table: &Table, run: &str, lo: u64, hi: u64) -> Result<TableState, LakeError> {
        let files = self.stage(table, &[("k", run, i64::try_from(lo).unwrap())]).await;
        self.lake.commit(table.name(), &change(run, lo, hi, Files::Append(files)), NOW).await
    }

    pub async fn rows(&self, table: &Table) -> BTreeMap<String, Vec<String>> {
        let table = self.lake.load(table.name()).await.unwrap();
        let files = table.files().await.unwrap();
        let rows = collect(table.read(&files).unwrap().try_collect::<Vec<_>>().await.unwrap());
        assert_eq!(table.rows(), rows.values().map(Vec::len).sum::<usize>() as u64);
        rows
    }
}

pub fn change(run: &str, lo: u64, hi: u64, files: Files) -> TableCommit {
    TableCommit { run: run.into(), range: Range::new(Sequence(lo), Sequence(hi)), files, rule: EntityRule::default() }
}

pub fn batch(rows: &[(&str, &str, i64)]) -> RecordBatch {
    let keys: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.0)));
    let values: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| r.1)));
    let sequences: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|r| r.2)));
    RecordBatch::try_from_iter([("_key", keys), ("value", values), ("_sequence", sequences)]).unwrap()
}

/// Values by key.
pub fn collect(batches: Vec<RecordBatch>) -> BTreeMap<String, Vec<String>> {
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

pub fn values(rows: &BTreeMap<String, Vec<String>>) -> Vec<&str> {
    rows.values().flatten().map(String::as_str).collect()
}
