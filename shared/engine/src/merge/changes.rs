//! The latest change of each key, taken unit by unit.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use datafusion::error::DataFusionError;
use futures::lock::Mutex;
use futures::stream::{self, BoxStream, Peekable, StreamExt, TryStreamExt, try_unfold};

use super::error::MergeError;

/// The unit of a row's key, while changes are sorted.
pub(super) const UNIT: &str = "_unit";

/// Some rows of one unit.
type Part = (i32, RecordBatch);

type Parts = Peekable<BoxStream<'static, Result<Part, DataFusionError>>>;

/// Changes in the order of their units and keys, each key once. Clones take from the same.
#[derive(Clone)]
pub struct Changes(Arc<Mutex<Parts>>);

/// The changes of a unit, as far as they were asked for.
pub struct UnitChanges {
    /// The unit.
    pub unit: u32,
    /// Changes in the order of their keys.
    pub rows: Vec<RecordBatch>,
    /// Whether these are all that the unit has. If not, [`Changes::rest`] gives the others.
    pub whole: bool,
}

impl Changes {
    pub(super) fn new(sorted: BoxStream<'static, Result<RecordBatch, DataFusionError>>) -> Self {
        let parts = sorted.map_ok(|batch| stream::iter(by_unit(&batch).into_iter().map(Ok))).try_flatten();
        Self(Arc::new(Mutex::new(parts.boxed().peekable())))
    }

    /// The changes of the next unit, or the first of them if they take more than `most` bytes of memory; `None` if there
    /// are no more.
    ///
    /// # Errors
    /// The changes cannot be read or sorted.
    pub async fn next(&self, most: usize) -> Result<Option<UnitChanges>, MergeError> {
        let mut parts = self.0.lock().await;
        let Some((unit, first)) = parts.try_next().await? else { return Ok(None) };
        let mut bytes = first.get_array_memory_size();
        let mut rows = vec![first];
        let number = u32::try_from(unit).unwrap_or_default();
        while bytes <= most {
            let of_unit = |part: &Result<Part, DataFusionError>| part.as_ref().map_or(true, |(of, _)| *of == unit);
            let Some(part) = Pin::new(&mut *parts).next_if(of_unit).await.transpose()? else {
                return Ok(Some(UnitChanges { unit: number, rows, whole: true }));
            };
            bytes += part.1.get_array_memory_size();
            rows.push(part.1);
        }
        Ok(Some(UnitChanges { unit: number, rows, whole: false }))
    }

    /// The changes of the unit that were not taken yet.
    pub fn rest(&self, unit: u32) -> BoxStream<'static, Result<RecordBatch, MergeError>> {
        try_unfold(self.clone(), move |changes| async move {
            let of_unit = |part: &Result<Part, DataFusionError>| {
                part.as_ref().map_or(true, |(of, _)| u32::try_from(*of).is_ok_and(|of| of == unit))
            };
            let part = Pin::new(&mut *changes.0.lock().await).next_if(of_unit).await.transpose()?;
            Ok(part.map(|(_, rows)| (rows, changes)))
        })
        .boxed()
    }
}

/// Sorted rows by their unit, without the column that says it.
fn by_unit(rows: &RecordBatch) -> Vec<Part> {
    let Ok(column) = rows.schema().index_of(UNIT) else { return Vec::new() };
    let units = rows.column(column).as_primitive::<Int32Type>().values();
    let others: Vec<usize> = (0..rows.num_columns()).filter(|other| *other != column).collect();
    let Ok(others) = rows.project(&others) else { return Vec::new() };
    let mut start = 0;
    let part = |unit: &[i32]| {
        let rows = others.slice(start, unit.len());
        start += unit.len();
        (unit[0], rows)
    };
    units.chunk_by(|a, b| a == b).map(part).collect()
}
