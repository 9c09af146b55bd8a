//! The merge: current rows, tombstones and history rows become the next image, by the rule of [`foz_domain::merge`].
//!
//! The changes are sorted by unit, key and rank, outside of memory if they do not fit; of each key the last row wins. Then,
//! unit by unit, either the places of the rows that they replace are known, and [`Merge::delta`] says what comes and what
//! goes; or [`Merge::rewrite`] merges them with the sorted rows that are there. A winner that deletes becomes a tombstone,
//! or nothing where tombstones are not kept.

mod beaten;
mod changes;
mod error;
mod latest;
mod runs;
mod sort;

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, new_null_array};
use arrow::compute::{filter_record_batch, not};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimestampMicrosecondType};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use foz_lake::{LakeError, Places, buckets_of, cast};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

use crate::types::{DELETE, UPSERT, column, tombstones};
use beaten::Beaten;
use changes::UNIT;
pub use changes::{Changes, UnitChanges};
pub use error::MergeError;
use runs::Runs;
pub use sort::Limits;

/// Rows on their way.
pub type Rows = BoxStream<'static, Result<RecordBatch, LakeError>>;

/// The next image of one table, planned.
#[derive(Debug, Clone)]
pub struct Merge {
    current: SchemaRef,
    tombstones: Option<SchemaRef>,
    units: u32,
    /// The columns by which rows are merged, and those that are kept of them.
    work: SchemaRef,
    forget_before: i64,
}

/// Rows of some files, one after another, in the order of their keys.
pub struct Run {
    /// The path of the file whose rows come next, for what is said of it.
    pub file: String,
    pub rows: Rows,
    /// Whether nothing says that they are in order: they are sorted first, outside of memory if they do not fit.
    pub unsorted: bool,
}

/// What was there before, of a unit.
#[derive(Default)]
pub struct Base {
    /// Rows of the current table.
    pub current: Vec<Run>,
    /// Rows of the tombstone table, if there is one.
    pub tombstones: Vec<Run>,
}

/// A part of the next image, in the order of the keys.
#[derive(Debug, Clone)]
pub struct Merged {
    /// Rows of the current table.
    pub current: RecordBatch,
    /// Rows of the tombstone table. `None` if the stream keeps no tombstones.
    pub tombstones: Option<RecordBatch>,
}

/// The effect of a unit's changes, where the places of the rows that they replace are known.
#[derive(Debug, Clone)]
pub struct Delta {
    /// The rows that come.
    pub rows: Merged,
    beaten: Beaten,
}

impl Delta {
    /// The positions of the rows that go.
    pub fn gone<'a>(&'a self, places: &'a Places) -> impl Iterator<Item = u64> + 'a {
        let found = places.keys.iter().zip(&places.positions);
        found.filter(move |(key, _)| !self.beaten.has(**key)).map(|(_, position)| *position)
    }
}

impl Merge {
    /// A merge for a current table with these columns, whose keys are divided into that number of units. Tombstones are
    /// kept if it has a `_version`.
    pub fn new(current: &Schema, units: u32) -> Self {
        let optional = |field: &Arc<Field>| Field::new(field.name(), field.data_type().clone(), true);
        let fields: Vec<Field> = current.fields().iter().map(optional).collect();
        let version = current.field_with_name(column::VERSION).ok().map(Field::data_type);
        let own = Field::new(column::OP, DataType::Utf8, true);
        Self {
            current: Arc::new(Schema::new(fields.clone())),
            tombstones: version.map(tombstones),
            units,
            work: Arc::new(Schema::new(fields.into_iter().chain([own]).collect::<Vec<_>>())),
            forget_before: i64::MIN,
        }
    }

    /// Leaves out tombstones of messages that were ingested before this instant (microseconds since 1970 UTC). What is
    /// older and arrives later than that may resurrect its entity.
    #[must_use]
    pub fn forgetting(self, before: i64) -> Self {
        Self { forget_before: before, ..self }
    }

    /// The latest of the changes of each key, by unit and key.
    pub fn changes(&self, rows: Rows, limits: &Limits) -> Changes {
        let with_unit = self.work.fields().iter().map(|field| field.as_ref().clone());
        let schema = with_unit.chain([Field::new(UNIT, DataType::Int32, true)]).collect::<Vec<_>>();
        let schema = Arc::new(Schema::new(schema));
        let (plan, of) = (self.clone(), schema.clone());
        let rows = rows.map(move |batch| plan.placed(&batch.map_err(unread)?, &of)).boxed();
        let order = std::iter::once(UNIT).chain(self.order()).collect();
        Changes::new(latest::latest(sort::sorted(schema, order, rows, limits.clone())).boxed())
    }

    /// The effect of the changes, given where rows and tombstones with their keys are; keys are numbered as the changes are.
    ///
    /// A change comes after all that is there, so only a greater version beats it.
    ///
    /// # Errors
    /// Values cannot be compared.
    pub fn delta(&self, changes: &RecordBatch, found: &[&Places]) -> Result<Delta, MergeError> {
        let beaten = match (&self.tombstones, changes.column_by_name(column::VERSION)) {
            (Some(_), Some(versions)) => Beaten::by(found, versions)?,
            _ => Beaten::none(changes.num_rows()),
        };
        let rows = self.parted(&filter_record_batch(changes, &beaten.others())?)?;
        Ok(Delta { rows, beaten })
    }

    /// Merges the changes of a unit into the rows that are there.
    pub fn rewrite(
        &self,
        changes: BoxStream<'static, Result<RecordBatch, MergeError>>,
        base: Base,
        limits: &Limits,
    ) -> BoxStream<'static, Result<Merged, MergeError>> {
        let mut runs = Runs::new(limits.memory / 4);
        runs.add("the changes".to_owned(), changes);
        for (run, operation) in base
            .current
            .into_iter()
            .map(|run| (run, UPSERT))
            .chain(base.tombstones.into_iter().map(|run| (run, DELETE)))
        {
            let plan = self.clone();
            let rows = run.rows.map(move |batch| plan.prepared(&batch.map_err(unread)?, Some(operation)));
            let rows = match run.unsorted {
                true => sort::sorted(self.work.clone(), self.order().collect(), rows.boxed(), limits.clone()),
                false => rows.boxed(),
            };
            runs.add(run.file, rows.map_err(MergeError::from).boxed());
        }
        let plan = self.clone();
        runs.merged().map(move |winners| plan.parted(&winners?)).boxed()
    }

    /// The columns to sort the changes of a unit by, most significant first.
    fn order(&self) -> impl Iterator<Item = &'static str> {
        let version = self.tombstones.is_some().then_some(column::VERSION);
        [column::KEY].into_iter().chain(version).chain([column::SEQUENCE, column::INDEX])
    }

    /// The rows in the shape in which they are merged: columns by name, what is missing null.
    fn prepared(&self, rows: &RecordBatch, operation: Option<&str>) -> Result<RecordBatch, DataFusionError> {
        let column = |field: &Arc<Field>| -> Result<ArrayRef, ArrowError> {
            match (field.name().as_str(), operation, rows.column_by_name(field.name())) {
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

    /// Prepared rows with the unit of each.
    fn placed(&self, rows: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, DataFusionError> {
        let missing = || ArrowError::SchemaError(format!("there is no column {}", column::KEY));
        let keys = rows.column_by_name(column::KEY).ok_or_else(missing)?;
        let units: ArrayRef = Arc::new(buckets_of(keys, self.units).map_err(unread)?);
        let prepared = self.prepared(rows, None)?;
        Ok(RecordBatch::try_new(schema.clone(), prepared.columns().iter().cloned().chain([units]).collect())?)
    }

    /// The winners by what becomes of them.
    fn parted(&self, winners: &RecordBatch) -> Result<Merged, MergeError> {
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
