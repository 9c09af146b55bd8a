//! Rows of a raw object, as a transform needs them.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use foz_domain::Sequence;
use foz_domain::keys::RawKey;

use crate::rejection::Rejection;
use crate::types::instant;

/// Where raw rows come from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The batch's sequence.
    pub sequence: Sequence,
    /// The raw object.
    pub raw_key: &'a RawKey,
}

/// The columns of raw rows that are needed here, checked.
pub(super) struct RawRows<'a> {
    pub origin: Origin<'a>,
    pub body: ArrayRef,
    pub indices: ArrayRef,
    digest: ArrayRef,
    pub published_at: ArrayRef,
    pub ingested_at: ArrayRef,
    pub message_id: ArrayRef,
}

impl<'a> RawRows<'a> {
    pub fn new(rows: &RecordBatch, origin: Origin<'a>) -> Result<Self, ArrowError> {
        let column = |name: &str, data_type: DataType| {
            let column = rows.column_by_name(name);
            cast(column.ok_or_else(|| ArrowError::SchemaError(format!("there is no column {name}")))?, &data_type)
        };
        Ok(Self {
            origin,
            body: column("body", DataType::Binary)?,
            indices: column("index", DataType::Int32)?,
            digest: column("digest", DataType::FixedSizeBinary(32))?,
            published_at: column("published_at", instant())?,
            ingested_at: column("ingested_at", instant())?,
            message_id: column("message_id", DataType::Utf8)?,
        })
    }

    pub fn rows(&self) -> usize {
        self.body.len()
    }

    pub fn index(&self, row: u32) -> u32 {
        self.indices.as_primitive::<arrow::datatypes::Int32Type>().value(row as usize).cast_unsigned()
    }

    pub fn sequences(&self, rows: usize) -> ArrayRef {
        Arc::new(Int64Array::from_value(self.origin.sequence.0.cast_signed(), rows))
    }

    pub fn raw_keys(&self, rows: usize) -> ArrayRef {
        let key = self.origin.raw_key.to_string();
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(key, rows)))
    }

    pub fn quarantine(&self, rejected: &[(u32, Rejection)], processed_at: i64) -> Result<RecordBatch, ArrowError> {
        let rows = UInt32Array::from_iter_values(rejected.iter().map(|(row, _)| *row));
        let of = |column: &ArrayRef| take(column, &rows, None);
        let digests = of(&self.digest)?;
        let hexadecimal = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let digests = digests.as_fixed_size_binary().iter().map(|digest| digest.map(hexadecimal));
        let reasons = rejected.iter().map(|(_, rejection)| &rejection.reason);
        let arrays: Vec<ArrayRef> = vec![
            self.sequences(rows.len()),
            of(&self.indices)?,
            Arc::new(digests.collect::<StringArray>()),
            Arc::new(StringArray::from_iter_values(reasons)),
            of(&self.body)?,
            of(&self.published_at)?,
            of(&self.ingested_at)?,
            instants(processed_at, rows.len()),
            of(&self.message_id)?,
            self.raw_keys(rows.len()),
        ];
        RecordBatch::try_new(crate::types::quarantine(), arrays)
    }
}

/// The same instant in each row.
pub(super) fn instants(micros: i64, rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_value(micros, rows).with_data_type(instant()))
}
