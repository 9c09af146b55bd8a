//! Picks the last row of each key from rows that are sorted by key and rank.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, filter_record_batch, take_record_batch};
use datafusion::error::DataFusionError;
use futures::stream::{Stream, TryStreamExt, try_unfold};

use super::sort::Sorting;
use crate::types::column;

/// The last row of each key. Whether a batch's last row wins shows only in the next batch, so it is held back.
pub(super) fn latest(sorted: Sorting) -> impl Stream<Item = Result<RecordBatch, DataFusionError>> + Send + 'static {
    try_unfold((sorted, None::<RecordBatch>, false), |(mut sorted, held, ended)| async move {
        if ended {
            return Ok::<_, DataFusionError>(None);
        }
        let Some(batch) = sorted.try_next().await? else {
            return Ok(held.map(|held| (held, (sorted, None, true))));
        };
        if batch.num_rows() == 0 {
            return Ok(Some((batch, (sorted, held, false))));
        }
        let winners = filter_record_batch(&batch, &wins(keys(&batch)))?;
        let overtaken = held.filter(|held| keys(held).value(0) != keys(&batch).value(0));
        let winners = match overtaken {
            Some(held) => concat_batches(&batch.schema(), [&held, &winners])?,
            None => winners,
        };
        // A copy, so that one row does not keep the whole batch in memory.
        let last = UInt32Array::from_iter_values(u32::try_from(batch.num_rows() - 1));
        let last = take_record_batch(&batch, &last)?;
        Ok(Some((winners, (sorted, Some(last), false))))
    })
}

/// The rows that are followed by another key; never the batch's last.
fn wins(keys: &StringArray) -> BooleanArray {
    let last = keys.len() - 1;
    (0..keys.len()).map(|row| Some(row < last && keys.value(row) != keys.value(row + 1))).collect()
}

fn keys(batch: &RecordBatch) -> &StringArray {
    batch[column::KEY].as_string::<i32>()
}
