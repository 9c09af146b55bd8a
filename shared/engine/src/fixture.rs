//! Streams and raw rows for tests.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, FixedSizeBinaryArray, Int32Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foz_domain::keys::RawKey;
use foz_domain::{Digest, Epoch, Ordinal, Timestamp};
use foz_pipeline::{Definition, Stream};

use crate::types::instant;

/// A stream `s` with the lines of YAML that its definition has beside the queue.
pub fn stream(lines: &str) -> Stream {
    let lines: String = lines.lines().map(|line| format!("\n    {line}")).collect();
    let text = format!("lake: test\nbroker: {{ vhost: / }}\nstreams:\n  s:\n    queue: s{lines}\n");
    let definition =
        Definition::parse(&text, &|sql| Ok(sql.to_owned())).unwrap_or_else(|problems| panic!("{problems}"));
    definition.streams.into_values().next().unwrap()
}

/// Raw rows with these bodies, numbered from `index`.
pub fn raw(index: i32, bodies: &[&[u8]]) -> RecordBatch {
    let rows = bodies.len();
    let digests = bodies.iter().map(|body| Some([body.len() as u8; 32]));
    let instants =
        |micros| Arc::new(TimestampMicrosecondArray::from_value(micros, rows).with_data_type(instant())) as ArrayRef;
    let columns: [(&str, ArrayRef); 6] = [
        ("index", Arc::new(Int32Array::from_iter_values(index..index + rows as i32))),
        ("body", Arc::new(BinaryArray::from_iter_values(bodies))),
        ("digest", Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(digests, 32).unwrap())),
        ("published_at", instants(1_000_000)),
        ("ingested_at", instants(2_000_000)),
        ("message_id", Arc::new(StringArray::from_iter_values((0..rows).map(|row| format!("m{row}"))))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Some raw object's key.
pub fn raw_key() -> RawKey {
    RawKey::new(&"s".parse().unwrap(), Timestamp(0), Epoch(1), Ordinal(1), &Digest([0; 32]))
}

/// A column as text, null as `null`.
pub fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let options = FormatOptions::default().with_null("null");
    let column = batch.column_by_name(name).unwrap_or_else(|| panic!("no column {name}"));
    let formatter = ArrayFormatter::try_new(column, &options).unwrap();
    (0..column.len()).map(|row| formatter.value(row).to_string()).collect()
}
