//! Reading a table by files: which can hold what is wanted, and their rows in the table's schema.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foz_domain::Range;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use iceberg::expr::{Bind, Predicate, Reference};
use iceberg::scan::{FileScanTask, FileScanTaskDeleteFile};
use iceberg::spec::{DataContentType, DataFile, DataFileFormat, Datum, PrimitiveLiteral, Schema, SchemaRef};

use arrow::array::RecordBatch;
use arrow::datatypes as arrow_types;

use crate::error::LakeError;
use crate::live::{DeleteFile, LiveFile};
use crate::shape;
use crate::table::Table;

/// Files read at a time: one is decoded while the next is fetched.
const FILES: usize = 2;

/// The most rows of a batch that is read.
const ROWS: u64 = 1024;

/// Bytes that such a batch has in its file, at most, as long as it has more rows than one: wide rows come in short batches.
const BATCH: u64 = 4 * 1024 * 1024;

/// The columns that are read: as files have them, and as they are shown.
struct Wanted {
    stored: SchemaRef,
    shown: arrow_types::SchemaRef,
}

impl Table {
    /// The files that may hold rows whose `_sequence` lies in the range; what the bounds exclude is left out.
    pub async fn files_in(&self, range: Range) -> Result<Vec<LiveFile>, LakeError> {
        let id = self.inner.metadata().current_schema().field_id_by_name("_sequence");
        let id = id.ok_or_else(|| LakeError::incompatible(self.name(), "it has no column _sequence"))?;
        let (lo, hi) = bounds(range);
        let may_hold = |file: &DataFile| {
            let least = file.lower_bounds().get(&id).and_then(long);
            let greatest = file.upper_bounds().get(&id).and_then(long);
            least.is_none_or(|least| least < hi) && greatest.is_none_or(|greatest| greatest >= lo)
        };
        Ok(self.files().await?.into_iter().filter(|live| may_hold(&live.file)).collect())
    }

    /// The rows of the files in the table's current schema: columns that a file lacks are null, narrower ones are widened.
    pub fn read(&self, files: &[LiveFile]) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        self.read_where(files, &self.whole()?, None)
    }

    /// The rows of the files with those of the table's columns only, in that order.
    pub fn read_columns(
        &self,
        files: &[LiveFile],
        columns: &[usize],
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        self.read_where(files, &self.part(columns)?, None)
    }

    /// Whether the file lacks a field inside of a column that it has.
    pub fn lacks_fields(&self, live: &LiveFile) -> bool {
        shape::is_partial(self.inner.metadata().current_schema(), &live.file)
    }

    /// The rows of the files whose `_sequence` lies in the range, in the table's current schema.
    pub fn read_range(
        &self,
        files: &[LiveFile],
        range: Range,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let (lo, hi) = bounds(range);
        let sequence = || Reference::new("_sequence");
        let within = sequence().greater_than_or_equal_to(Datum::long(lo)).and(sequence().less_than(Datum::long(hi)));
        self.read_where(files, &self.whole()?, Some(within))
    }

    fn whole(&self) -> Result<Wanted, LakeError> {
        Ok(Wanted { stored: self.inner.metadata().current_schema().clone(), shown: self.schema()? })
    }

    fn part(&self, columns: &[usize]) -> Result<Wanted, LakeError> {
        let Wanted { stored, shown } = self.whole()?;
        let fields = stored.as_struct().fields();
        // A file without any column would tell no number of rows, and each has this one.
        let counted = fields.iter().filter(|field| columns.is_empty() && field.name == "_sequence");
        let wanted = columns.iter().filter_map(|column| fields.get(*column)).chain(counted).cloned();
        let part = Schema::builder().with_schema_id(stored.schema_id()).with_fields(wanted.collect::<Vec<_>>());
        Ok(Wanted { stored: Arc::new(part.build()?), shown: Arc::new(shown.project(columns)?) })
    }

    fn read_where(
        &self,
        files: &[LiveFile],
        wanted: &Wanted,
        filter: Option<Predicate>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let Wanted { stored, shown } = wanted;
        let mut alike: BTreeMap<BTreeSet<i32>, Vec<&LiveFile>> = BTreeMap::new();
        for live in files {
            alike.entry(shape::missing(stored, &live.file)).or_default().push(live);
        }
        let read = |(missing, files): (BTreeSet<i32>, Vec<&LiveFile>)| {
            let rows = self.read_alike(&files, &shape::without(stored, &missing)?, filter.clone())?;
            let shown = shown.clone();
            Ok(rows.map(move |rows| shape::conformed(&rows?, &shown)))
        };
        let groups = alike.into_iter().map(read).collect::<Result<Vec<_>, LakeError>>()?;
        Ok(stream::iter(groups).flatten().boxed())
    }

    /// The rows of files that have all columns of the schema.
    fn read_alike(
        &self,
        files: &[&LiveFile],
        schema: &SchemaRef,
        filter: Option<Predicate>,
    ) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
        let ids: Vec<i32> = schema.as_struct().fields().iter().map(|field| field.id).collect();
        let filter = filter.map(|filter| filter.bind(schema.clone(), true)).transpose()?;
        let tasks = files.iter().map(|live| {
            Ok(FileScanTask::builder()
                .with_file_size_in_bytes(live.bytes())
                .with_start(0)
                .with_length(live.bytes())
                .with_record_count(Some(live.rows()))
                .with_data_file_path(live.path().to_owned())
                .with_data_file_format(DataFileFormat::Parquet)
                .with_schema(schema.clone())
                .with_project_field_ids(ids.clone())
                .with_predicate(filter.clone())
                .with_deletes(live.deletes.iter().map(deletes).collect())
                .with_case_sensitive(true)
                .build())
        });
        let tasks = stream::iter(tasks.collect::<Vec<_>>()).boxed();
        let reader = self.inner.reader_builder().with_data_file_concurrency_limit(FILES);
        let reader = reader.with_batch_size(batch(files)).build();
        Ok(reader.read(tasks)?.stream().map_err(LakeError::from).boxed())
    }
}

fn deletes(delete: &Arc<DeleteFile>) -> FileScanTaskDeleteFile {
    FileScanTaskDeleteFile::builder()
        .with_file_path(delete.path().to_owned())
        .with_file_size_in_bytes(delete.bytes())
        .with_file_type(DataContentType::PositionDeletes)
        .with_partition_spec_id(delete.spec)
        .build()
}

/// Rows of a batch, by the file with the widest rows.
fn batch(files: &[&LiveFile]) -> usize {
    let widest = files.iter().map(|file| file.bytes() / file.rows().max(1)).max().unwrap_or(0);
    usize::try_from((BATCH / widest.max(1)).clamp(1, ROWS)).unwrap_or(1)
}

/// Sequences as the signed numbers that Iceberg stores.
fn bounds(range: Range) -> (i64, i64) {
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    (signed(range.lo().0), signed(range.hi().0))
}

fn long(datum: &Datum) -> Option<i64> {
    match datum.literal() {
        PrimitiveLiteral::Long(value) => Some(*value),
        _ => None,
    }
}
