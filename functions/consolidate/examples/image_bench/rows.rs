//! Rows of the history: about 50 bytes each as they are stored, of entities that follow from a number.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, bail};
use arrow::array::TimestampMicrosecondArray;
use arrow::array::{ArrayRef, Decimal128Array, Int32Array, Int64Array, RecordBatch, StringArray, new_null_array};
use arrow::datatypes::{DataType, Field, SchemaRef};

/// The stream whose messages these rows are.
pub const DEFINITION: &str = "
lake: bench
broker: { vhost: / }
streams:
  orders:
    queue: orders
    key: [id]
    columns: { id: long, customer: long, status: string, total: \"decimal(12,2)\", note: string }
";

/// Messages of one batch.
pub const BATCH: u64 = 2_000;

/// The instant of the first message, in microseconds.
const BEGIN: i64 = 1_780_000_000_000_000;

const STATUS: [&str; 6] = ["placed", "paid", "packed", "shipped", "delivered", "returned"];

/// Entities, in the order in which they are published.
#[derive(Debug)]
pub struct Entities {
    ids: Vec<u64>,
    /// Which publication of these entities it is: the same numbers give other rows in another one.
    round: u64,
}

impl Entities {
    /// The entities of a new table: the even numbers, in an order that looks like chance.
    pub fn all(rows: u64) -> Self {
        // Coprime to any number of rows that is smaller.
        const STEP: u64 = 2_654_435_761;
        Self { ids: (0..rows).map(|row| 2 * (row * STEP % rows)).collect(), round: 0 }
    }

    /// `count` of the entities of a table of `rows`, each once.
    pub fn known(rows: u64, count: u64, round: u64) -> Self {
        Self { ids: drawn(rows, count, round).into_iter().map(|n| 2 * n).collect(), round }
    }

    /// `count` entities that a table of `rows` does not have, all over its keys.
    pub fn new(rows: u64, count: u64, round: u64) -> Self {
        Self { ids: drawn(rows, count, round).into_iter().map(|n| 2 * n + 1).collect(), round }
    }

    /// Number of messages.
    pub fn count(&self) -> u64 {
        self.ids.len() as u64
    }

    /// Rows of the history table, batch by batch; the first batch has that sequence.
    pub fn history(&self, schema: &SchemaRef, first: u64) -> impl Iterator<Item = anyhow::Result<RecordBatch>> {
        let batches = self.ids.chunks(usize::try_from(BATCH).unwrap_or(usize::MAX)).zip(first..);
        batches.map(|(ids, sequence)| {
            let columns = schema.fields().iter().map(|field| column(field, ids, sequence, self.round));
            Ok(RecordBatch::try_new(schema.clone(), columns.collect::<anyhow::Result<_>>()?)?)
        })
    }
}

/// `count` different numbers below `rows`, in an order that looks like chance.
fn drawn(rows: u64, count: u64, round: u64) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    let numbers = (0..).map(|n| mixed(n, 31 * round + 7) % rows);
    numbers.filter(|number| seen.insert(*number)).take(usize::try_from(count.min(rows)).unwrap_or(0)).collect()
}

fn column(field: &Field, ids: &[u64], sequence: u64, round: u64) -> anyhow::Result<ArrayRef> {
    let of = |salt: u64| ids.iter().map(move |id| mixed(*id, salt + 100 * round));
    let at = BEGIN + i64::try_from(sequence)? * 1_000_000;
    let long = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let array: ArrayRef = match (field.name().as_str(), field.data_type()) {
        ("id", _) => Arc::new(Int64Array::from_iter_values(ids.iter().map(|id| long(*id)))),
        ("customer", _) => Arc::new(Int64Array::from_iter_values(of(1).map(|n| long(n % (1 << 24))))),
        ("status", _) => Arc::new(StringArray::from_iter_values(of(2).map(|n| STATUS[(n % 6) as usize]))),
        ("total", DataType::Decimal128(precision, scale)) => {
            let values = Decimal128Array::from_iter_values(of(3).map(|n| i128::from(n % 100_000_000)));
            Arc::new(values.with_precision_and_scale(*precision, *scale)?)
        }
        ("note", _) => Arc::new(StringArray::from_iter_values(of(4).map(|n| format!("{n:016x}")))),
        ("_key", _) => Arc::new(StringArray::from_iter_values(ids.iter().map(|id| format!("[{id}]")))),
        ("_sequence", _) => Arc::new(Int64Array::from(vec![long(sequence); ids.len()])),
        ("_index", _) => Arc::new(Int32Array::from_iter_values(0..i32::try_from(ids.len())?)),
        ("_message_id", _) => Arc::new(StringArray::from_iter_values(of(5).map(|n| format!("{:012x}", n >> 16)))),
        ("_op", _) => Arc::new(StringArray::from(vec!["upsert"; ids.len()])),
        ("_raw_key", _) => Arc::new(StringArray::from(vec![format!("raw/{sequence}"); ids.len()])),
        ("_extra", data_type) => new_null_array(data_type, ids.len()),
        (_, DataType::Timestamp(_, _)) => {
            Arc::new(TimestampMicrosecondArray::from(vec![at; ids.len()]).with_timezone("+00:00"))
        }
        (name, _) => bail!("nothing is known of the column {name}"),
    };
    arrow::compute::cast(&array, field.data_type()).with_context(|| format!("column {}", field.name()))
}

/// A number that follows from two others and looks like chance (splitmix64).
fn mixed(number: u64, salt: u64) -> u64 {
    let mut mixed = number.wrapping_add(salt.wrapping_mul(0xD1B5_4A32_D192_ED03)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
