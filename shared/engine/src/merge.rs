//! The merge: current rows, tombstones and history rows become the next image, by the rule of [`foz_domain::merge`].
//!
//! The changes are sorted by bucket, key and rank, outside of memory if they do not fit. Then, for some buckets after the
//! others, they are sorted together with what was there before; of each key the last row wins. A winner that deletes becomes a tombstone, or nothing where tombstones are not kept.

mod buckets;
mod latest;
mod sort;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use foz_lake::{LakeError, buckets_of, cast};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt, try_unfold};

use crate::types::{DELETE, UPSERT, column, tombstones};
use buckets::{BUCKET, Buckets, Part, by_bucket};
use latest::latest;
pub use sort::Limits;

/// Rows on their way.
pub type Rows = BoxStream<'static, Result<RecordBatch, LakeError>>;

/// A merge failed: its input could not be read, or the engine has no room for it (memory, disk to spill to).
#[derive(Debug, thiserror::Error)]
#[error("merging")]
pub struct MergeError(#[from] DataFusionError);

impl From<ArrowError> for MergeError {
    fn from(error: ArrowError) -> Self {
        Self(error.into())
    }
}

/// The next image of one table, planned.
#[derive(Debug, Clone)]
pub struct Merge {
    current: SchemaRef,
    tombstones: Option<SchemaRef>,
    buckets: u32,
    work: SchemaRef,
    forget_before: i64,
}

/// What was there before, of the buckets that are touched.
pub struct Base {
    /// Rows of the current table.
    pub current: Rows,
    /// Rows of the tombstone table, if there is one.
    pub tombstones: Option<Rows>,
}

/// A part of the next image: some of the rows of one bucket, which come together, in the order of their keys.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The bucket.
    pub bucket: i32,
    /// Rows of the current table.
    pub current: RecordBatch,
    /// Rows of the tombstone table. `None` if the stream keeps no tombstones.
    pub tombstones: Option<RecordBatch>,
}

impl Merge {
    /// A merge for a current table with these columns and this number of buckets. Tombstones are kept if it has a `_version`.
    pub fn new(current: &Schema, buckets: u32) -> Self {
        let optional = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), true);
        let fields: Vec<Field> = current.fields().iter().map(optional).collect();
        let version = current.field_with_name(column::VERSION).ok().map(Field::data_type);
        let own = [Field::new(column::OP, DataType::Utf8, true), Field::new(BUCKET, DataType::Int32, true)];
        Self {
            current: Arc::new(Schema::new(fields.clone())),
            tombstones: version.map(tombstones),
            buckets,
            work: Arc::new(Schema::new(fields.into_iter().chain(own).collect::<Vec<_>>())),
            forget_before: i64::MIN,
        }
    }

    /// Leaves out tombstones of messages that were ingested before this instant (microseconds since 1970 UTC). What is
    /// older and arrives later than that may resurrect its entity.
    #[must_use]
    pub fn forgetting(self, before: i64) -> Self {
        Self { forget_before: before, ..self }
    }

    /// Merges the changes into what was there before, some buckets after the others, so that neither memory nor disk holds
    /// more than the changes and these. `together` says of a bucket which is the last that is merged together with it.
    /// `base` is then asked for those of them that the changes touch; other buckets do not change.
    pub fn run<T, F>(
        self,
        changes: Rows,
        together: T,
        base: F,
        limits: &Limits,
    ) -> BoxStream<'static, Result<Merged, MergeError>>
    where
        T: Fn(i32) -> i32 + Send + Sync + 'static,
        F: Fn(BTreeSet<i32>) -> BoxFuture<'static, Result<Base, LakeError>> + Send + Sync + 'static,
    {
        let plan = Arc::new(self);
        // Two sorts work at once: one that has the changes in order, and one of what is merged at the moment.
        let limits = Limits { memory: limits.memory / 2, ..limits.clone() };
        let prepare = plan.clone();
        let changed = changes.map(move |batch| prepare.prepared(&batch.map_err(unread)?, None)).boxed();
        let changed = latest(sort::sorted(plan.work.clone(), plan.order(), changed, limits.clone()));
        let (together, base) = (Arc::new(together), Arc::new(base));
        let some_buckets = move |changed: Buckets| {
            let (plan, limits, together, base) = (plan.clone(), limits.clone(), together.clone(), base.clone());
            async move {
                let Some(first) = changed.first().await? else { return Ok::<_, DataFusionError>(None) };
                let last = together(first).max(first);
                let ask = move |touched| base(touched);
                Ok(Some((plan.merge(changed.clone().through(last), ask, limits), changed)))
            }
        };
        try_unfold(Buckets::new(changed), some_buckets).map_err(MergeError::from).try_flatten().boxed()
    }

    /// Merges the changes of some buckets into what was there before.
    fn merge(
        self: Arc<Self>,
        changed: impl Stream<Item = Result<Part, DataFusionError>> + Send + 'static,
        base: impl FnOnce(BTreeSet<i32>) -> BoxFuture<'static, Result<Base, LakeError>> + Send + 'static,
        limits: Limits,
    ) -> BoxStream<'static, Result<Merged, MergeError>> {
        let touched = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = touched.clone();
        let changed = changed.map_ok(move |(bucket, rows)| {
            noted.lock().unwrap_or_else(PoisonError::into_inner).insert(bucket);
            rows
        });
        let plan = self.clone();
        // Polled when the changes are at their end: only then are the buckets known.
        let before = stream::once(async move {
            let touched = std::mem::take(&mut *touched.lock().unwrap_or_else(PoisonError::into_inner));
            let Base { current, tombstones } = base(touched).await.map_err(unread)?;
            let (upserts, deletes) = (plan.clone(), plan);
            let current = current.map(move |batch| upserts.prepared(&batch.map_err(unread)?, Some(UPSERT)));
            let tombstones = tombstones.unwrap_or_else(|| stream::empty().boxed());
            let tombstones = tombstones.map(move |batch| deletes.prepared(&batch.map_err(unread)?, Some(DELETE)));
            Ok::<_, DataFusionError>(current.chain(tombstones))
        });
        let rows = changed.chain(before.try_flatten()).boxed();
        let winners = latest(sort::sorted(self.work.clone(), self.order(), rows, limits)).map_err(MergeError::from);
        let parted = move |batch: RecordBatch| {
            let parts = by_bucket(&batch).into_iter().map(|(bucket, rows)| self.merged(bucket, &rows));
            stream::iter(parts.collect::<Vec<_>>())
        };
        winners.map_ok(parted).try_flatten().boxed()
    }

    /// The columns to sort by, most significant first.
    fn order(&self) -> Vec<&'static str> {
        let version = self.tombstones.is_some().then_some(column::VERSION);
        [BUCKET, column::KEY].into_iter().chain(version).chain([column::SEQUENCE, column::INDEX]).collect()
    }

    /// The rows in the shape in which they are sorted: columns by name, what is missing null.
    fn prepared(&self, rows: &RecordBatch, operation: Option<&str>) -> Result<RecordBatch, DataFusionError> {
        let missing = || ArrowError::SchemaError(format!("there is no column {}", column::KEY));
        let keys = rows.column_by_name(column::KEY).ok_or_else(missing)?;
        let buckets: ArrayRef = Arc::new(buckets_of(keys, self.buckets).map_err(unread)?);
        let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
            match (field.name().as_str(), operation, rows.column_by_name(field.name())) {
                (BUCKET, ..) => Ok(buckets.clone()),
                (column::OP, Some(operation), _) => {
                    Ok(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(operation, rows.num_rows()))))
                }
                (.., Some(found)) => cast(found, field.data_type()),
                (.., None) => Ok(new_null_array(field.data_type(), rows.num_rows())),
            }
        };
        let columns = self.work.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
        Ok(RecordBatch::try_new(self.work.clone(), columns)?)
    }

    /// The winners of a bucket by what becomes of them.
    fn merged(&self, bucket: i32, winners: &RecordBatch) -> Result<Merged, MergeError> {
        let deletes = winners[column::OP].as_string::<i32>().iter().map(|operation| Some(operation == Some(DELETE)));
        let deletes: BooleanArray = deletes.collect();
        let part = |schema: &SchemaRef, keep: &BooleanArray| {
            let columns = schema.fields().iter().map(|field| winners.schema().index_of(field.name()));
            filter_record_batch(&winners.project(&columns.collect::<Result<Vec<_>, _>>()?)?, keep)
        };
        let ingested = winners[column::INGESTED_AT].as_primitive::<TimestampMicrosecondType>();
        let kept =
            deletes.values().iter().zip(ingested).map(|(delete, at)| Some(delete && at >= Some(self.forget_before)));
        let kept: BooleanArray = kept.collect();
        Ok(Merged {
            bucket,
            current: part(&self.current, &not(&deletes)?)?,
            tombstones: self.tombstones.as_ref().map(|schema| part(schema, &kept)).transpose()?,
        })
    }
}

fn unread(error: LakeError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[cfg(test)]
mod tests;
