//! Raw rows to history rows, and to quarantine rows with their reasons.
//!
//! Every message ends in exactly one place: a history row, a quarantine row, or nowhere because the transform's condition
//! filters it out. A delete always takes effect, whatever the condition says.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, UInt32Array, new_null_array};
use arrow::compute::{concat_batches, filter, filter_record_batch, or, prep_null_mask_filter};
use arrow::datatypes::{Field, Schema, SchemaRef, UInt32Type};
use arrow::error::ArrowError;
use datafusion::common::exec_datafusion_err;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::PhysicalExpr;
use foz_domain::{Position, StreamName};
use foz_pipeline::OnError;

use crate::decode::Decoder;
use crate::key;
use crate::panics::unless_it_panics;
use crate::plan::{CompiledStream, OutputColumn};
use crate::rejection::{Rejection, SqlFailure};
use crate::sql::MAX_TEXT;
use crate::types::{DELETE, UPSERT, column};

mod raw_rows;
mod size;

pub use raw_rows::Origin;
use raw_rows::{RawRows, instants};

/// The place of a row among the raw rows, while it is being transformed.
const ROW: &str = "_row";

/// The most bytes that the columns of a row may have: what one function may make, and what a frame holds, so that every
/// message fits as it is.
const MAX_ROW: usize = MAX_TEXT;

/// The most bytes of rows that are held at once: far below the function's memory, and more than a frame of messages becomes
/// unless its SQL makes more of them.
const MAX_ROWS: usize = 4 * MAX_ROW;

/// Why a batch could not be transformed.
#[derive(Debug, thiserror::Error)]
pub enum TransformError {
    /// A message cannot be typed, and its stream is declared to stop at that.
    #[error("stream {stream} halts at sequence {}, index {}: {reason}", position.sequence, position.index)]
    Halt {
        stream: StreamName,
        position: Position,
        /// Why it cannot be typed, without anything of its content.
        reason: String,
    },
    /// The raw rows are not what they should be.
    #[error("the raw rows are damaged")]
    Raw(#[source] ArrowError),
    /// The rows become more than can be held at once; fewer of them may not.
    #[error("the rows become {bytes} bytes, more than {MAX_ROWS}")]
    TooLarge {
        /// What they become.
        bytes: usize,
    },
    /// The engine failed, which is its own fault and not a message's.
    #[error("the engine failed")]
    Engine(#[from] ArrowError),
}

/// What became of a batch of raw rows.
#[derive(Debug, Clone)]
pub struct Transformed {
    /// Rows of `<stream>_changes`.
    pub history: RecordBatch,
    /// Rows of `<stream>_quarantine`.
    pub quarantine: RecordBatch,
}

/// Transforms the raw rows of one stream.
pub struct Transformer {
    pub(crate) plan: CompiledStream,
    pub(crate) decoder: Decoder,
    processed_at: i64,
}

impl Transformer {
    /// A transformer for the stream of the plan; `processed_at` (microseconds since 1970 UTC) is noted in every row.
    pub fn new(plan: CompiledStream, processed_at: i64) -> Result<Self, TransformError> {
        let decoder = Decoder::new(&plan.sources)?;
        Ok(Self { plan, decoder, processed_at })
    }

    /// Transforms rows of a raw object (see [`foz_lake::raw`]), in their order.
    ///
    /// # Errors
    /// [`TransformError::Halt`] if the stream says `on_error: halt` and a message cannot be typed.
    pub fn transform(&mut self, raw: &RecordBatch, origin: Origin<'_>) -> Result<Transformed, TransformError> {
        let raw = RawRows::new(raw, origin).map_err(TransformError::Raw)?;
        let (messages, mut rejected) = self.decode(&raw)?;
        let mut history = Vec::new();
        self.settle(messages, &mut history, &mut rejected)?;
        self.settled(&raw, &history, rejected)
    }

    /// What became of the raw rows, or why the stream halts.
    fn settled(
        &self,
        raw: &RawRows<'_>,
        history: &[RecordBatch],
        mut rejected: Vec<(u32, Rejection)>,
    ) -> Result<Transformed, TransformError> {
        rejected.sort_unstable_by_key(|(row, _)| *row);
        if let (OnError::Halt, Some((row, rejection))) = (self.plan.stream.settings.on_error, rejected.first()) {
            let position = Position { sequence: raw.origin.sequence, index: raw.index(*row) };
            let (stream, reason) = (self.plan.stream().clone(), rejection.plain.clone());
            return Err(TransformError::Halt { stream, position, reason });
        }
        let bytes = history.iter().flat_map(RecordBatch::columns).map(size::bytes).sum();
        if bytes > MAX_ROWS {
            return Err(TransformError::TooLarge { bytes });
        }
        let history = concat_batches(&self.plan.history, history)?;
        Ok(Transformed { history, quarantine: raw.quarantine(&rejected, self.processed_at)? })
    }

    /// The only row, which cannot be transformed, with the reason.
    pub(crate) fn rejected_alone(
        &self,
        raw: &RecordBatch,
        origin: Origin<'_>,
        reason: &str,
    ) -> Result<Transformed, TransformError> {
        let raw = RawRows::new(raw, origin).map_err(TransformError::Raw)?;
        self.settled(&raw, &[], vec![(0, Rejection::new(reason, "the engine cannot work on it"))])
    }

    /// The messages that could be decoded, and the rows of the others with the reasons.
    fn decode(&mut self, raw: &RawRows) -> Result<(RecordBatch, Vec<(u32, Rejection)>), ArrowError> {
        let mut rejected = Vec::new();
        for (row, body) in (0..).zip(raw.body.as_binary::<i32>()) {
            if let Err(reason) = self.decoder.append(body.unwrap_or_default()) {
                rejected.push((row, reason));
            }
        }
        let (columns, extra) = self.decoder.finish()?;
        let key: Vec<ArrayRef> = self.plan.key.iter().map(|index| columns[*index].clone()).collect();
        let keys = key::texts(&key)?;
        let mut good = vec![true; raw.rows()];
        rejected.iter().for_each(|(row, _)| good[*row as usize] = false);
        for row in (0..raw.rows()).filter(|row| good[*row] && keys.is_null(*row)).collect::<Vec<_>>() {
            good[row] = false;
            let null = |index: &&usize| columns[**index].is_null(row);
            let name = self.plan.key.iter().find(null).map(|index| self.plan.messages.field(*index).name().as_str());
            let reason = format!("the key column {} is null or missing", name.unwrap_or_default());
            rejected.push((to_u32(row), Rejection::new(&reason, &reason)));
        }
        let known =
            [Arc::new(extra) as ArrayRef, raw.published_at.clone(), raw.ingested_at.clone(), raw.message_id.clone()];
        let own = [
            (column::KEY, Arc::new(keys) as ArrayRef),
            (column::SEQUENCE, raw.sequences(raw.rows())),
            (column::INDEX, raw.indices.clone()),
            (column::PROCESSED_AT, instants(self.processed_at, raw.rows())),
            (column::RAW_KEY, raw.raw_keys(raw.rows())),
            (ROW, Arc::new(UInt32Array::from_iter_values(0..to_u32(raw.rows())))),
        ];
        let fields = self.plan.messages.fields().iter().map(|field| field.as_ref().clone());
        let fields = fields.chain(own.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = columns.into_iter().chain(known).chain(own.into_iter().map(|(_, array)| array));
        let all = RecordBatch::try_new(schema, arrays.collect())?;
        Ok((filter_record_batch(&all, &good.into())?, rejected))
    }

    /// Applies the SQL to all rows at once; if that fails, to each half, down to the rows that make it fail.
    fn settle(
        &self,
        rows: RecordBatch,
        history: &mut Vec<RecordBatch>,
        rejected: &mut Vec<(u32, Rejection)>,
    ) -> Result<(), ArrowError> {
        let error = match unless_it_panics(|| self.apply(&rows)) {
            Ok(batch) => {
                history.push(batch);
                return Ok(());
            }
            Err(error) => error,
        };
        let count = rows.num_rows();
        if count > 1 {
            self.settle(rows.slice(0, count / 2), history, rejected)?;
            return self.settle(rows.slice(count / 2, count - count / 2), history, rejected);
        }
        if matches!(unless_it_panics(|| self.deletes(&rows)), Ok(deletes) if deletes.value(0)) {
            history.push(self.bare(&rows)?);
            return Ok(());
        }
        let row = rows[ROW].as_primitive::<UInt32Type>().value(0);
        rejected.push((row, error.rejection()));
        Ok(())
    }

    fn apply(&self, rows: &RecordBatch) -> Result<RecordBatch, SqlFailure> {
        let mut deletes = self.deletes(rows)?;
        let mut kept = rows.clone();
        if let Some(condition) = &self.plan.condition {
            let keep = truth(condition, rows).map_err(SqlFailure::of("WHERE"))?;
            let keep = or(&keep, &deletes)?;
            kept = filter_record_batch(rows, &keep)?;
            deletes = filter(&deletes, &keep)?.as_boolean().clone();
        }
        let mut bytes = 0;
        let value = |output: &OutputColumn| {
            let value = output.expr.evaluate(&kept).and_then(|value| value.into_array(kept.num_rows()));
            let value = value.map_err(SqlFailure::of(output.field.name()))?;
            bytes += size::bytes(&value);
            match bytes > MAX_ROW {
                true => Err(SqlFailure::from(exec_datafusion_err!(
                    "it would have {bytes} bytes or more, and {MAX_ROW} are possible"
                ))),
                false => Ok(value),
            }
        };
        let user = self.plan.outputs.iter().map(value).collect::<Result<Vec<_>, _>>()?;
        Ok(self.rows(user, &deletes, &kept)?)
    }

    /// Which rows delete their entity.
    fn deletes(&self, rows: &RecordBatch) -> Result<BooleanArray, SqlFailure> {
        match &self.plan.delete_when {
            Some(condition) => truth(condition, rows).map_err(SqlFailure::of("delete_when")),
            None => Ok(BooleanArray::from(vec![false; rows.num_rows()])),
        }
    }

    /// The rows of deletes for which the SQL fails: what the SQL computes is null.
    fn bare(&self, rows: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let user = self.plan.outputs.iter().map(|output| match output.passed.then(|| output.expr.evaluate(rows)) {
            Some(value) => value.and_then(|value| value.into_array(rows.num_rows())).map_err(ArrowError::from),
            None => Ok(new_null_array(output.field.data_type(), rows.num_rows())),
        });
        let user = user.collect::<Result<Vec<_>, _>>()?;
        self.rows(user, &BooleanArray::from(vec![true; rows.num_rows()]), rows)
    }

    /// History rows of the user's columns and what the messages carry.
    fn rows(&self, user: Vec<ArrayRef>, deletes: &BooleanArray, from: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let schema: &SchemaRef = &self.plan.history;
        let operation = |delete: Option<bool>| Some(if delete == Some(true) { DELETE } else { UPSERT });
        let mut user = user.into_iter();
        let arrays = schema.fields().iter().map(|field| {
            if let Some(array) = user.next() {
                return Ok(array);
            }
            Ok(match field.name().as_str() {
                column::OP => Arc::new(deletes.iter().map(operation).collect::<StringArray>()),
                column::VERSION => from.column(self.plan.version.unwrap_or_default()).clone(),
                name => {
                    let carried = from.column_by_name(name);
                    carried.ok_or_else(|| ArrowError::SchemaError(format!("no column {name}")))?.clone()
                }
            })
        });
        RecordBatch::try_new(schema.clone(), arrays.collect::<Result<_, ArrowError>>()?)
    }
}

/// Where the condition is true; null is not.
fn truth(condition: &Arc<dyn PhysicalExpr>, rows: &RecordBatch) -> Result<BooleanArray, DataFusionError> {
    let values = condition.evaluate(rows)?.into_array(rows.num_rows())?;
    let values = values.as_boolean();
    Ok(if values.null_count() > 0 { prep_null_mask_filter(values) } else { values.clone() })
}

/// The row's number. A raw object has far fewer rows than fit, as its frame is 64 MiB at most.
fn to_u32(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
