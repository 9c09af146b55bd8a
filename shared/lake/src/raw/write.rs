//! Batch → Parquet.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryBuilder, FixedSizeBinaryBuilder, Int32Array, Int32Builder, MapArray, RecordBatch, StringArray,
    StringBuilder, StructArray, TimestampMicrosecondArray,
};
use arrow::buffer::OffsetBuffer;
use bytes::Bytes;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::batch::RawBatch;
use super::{TIMESTAMP_HEADER, entry_field, entry_fields, header_fields, schema};
use crate::error::LakeError;
use crate::message::{Body, Message};

/// 9999-12-31T23:59:59Z, the last second that every reader of Parquet can show.
const LAST_SECOND: u64 = 253_402_300_799;

/// The batch as a Parquet file. The same batch gives the same rows; the bytes may differ between versions.
pub fn encode(batch: &RawBatch) -> Result<Bytes, LakeError> {
    let mut writer = ArrowWriter::try_new(Vec::with_capacity(batch.raw_len / 2), schema(), Some(properties()))?;
    writer.write(&rows(batch)?)?;
    Ok(writer.into_inner()?.into())
}

fn properties() -> WriterProperties {
    // Every value of these is different: a dictionary, or the least and greatest value, would only cost.
    let unique = ["body", "digest", "message_id"].map(ColumnPath::from);
    let all = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    let all = unique.into_iter().fold(all, |properties, column| {
        properties
            .set_column_dictionary_enabled(column.clone(), false)
            .set_column_statistics_enabled(column, EnabledStatistics::None)
    });
    all.build()
}

fn rows(batch: &RawBatch) -> Result<RecordBatch, LakeError> {
    let count = batch.messages.len();
    let messages = || batch.messages.iter().map(|(_, message)| message);
    let texts = |of: fn(&Message) -> Option<&String>| -> ArrayRef {
        Arc::new(messages().map(|m| of(m).map(String::as_str)).collect::<StringArray>())
    };
    let numbers = |of: fn(&Message) -> Option<u8>| -> ArrayRef {
        Arc::new(messages().map(|m| of(m).map(i32::from)).collect::<Int32Array>())
    };
    let required =
        |of: fn(&Message) -> &String| -> ArrayRef { Arc::new(StringArray::from_iter_values(messages().map(of))) };

    let mut bodies = BinaryBuilder::with_capacity(count, batch.raw_len);
    let mut oversize = StringBuilder::new();
    let mut digests = FixedSizeBinaryBuilder::with_capacity(count, 32);
    for (digest, message) in &batch.messages {
        digests.append_value(digest.0)?;
        match &message.body {
            Body::Inline(bytes) => {
                bodies.append_value(bytes);
                oversize.append_null();
            }
            Body::Oversize { key, .. } => {
                bodies.append_null();
                oversize.append_value(key);
            }
        }
    }
    let mut indexes = Int32Builder::with_capacity(count);
    indexes.extend((0..).take(count).map(Some));
    let published = messages().map(|m| m.properties.timestamp.and_then(micros));
    let ingested = TimestampMicrosecondArray::from_value(batch.opened_at.micros(), count);

    Ok(RecordBatch::try_new(
        schema(),
        vec![
            Arc::new(indexes.finish()),
            Arc::new(bodies.finish()),
            Arc::new(oversize.finish()),
            Arc::new(digests.finish()),
            texts(|m| m.properties.message_id.as_ref()),
            Arc::new(published.collect::<TimestampMicrosecondArray>().with_timezone("UTC")),
            Arc::new(ingested.with_timezone("UTC")),
            required(|m| &m.exchange),
            required(|m| &m.routing_key),
            texts(|m| m.properties.content_type.as_ref()),
            texts(|m| m.properties.content_encoding.as_ref()),
            numbers(|m| m.properties.delivery_mode),
            numbers(|m| m.properties.priority),
            texts(|m| m.properties.correlation_id.as_ref()),
            texts(|m| m.properties.reply_to.as_ref()),
            texts(|m| m.properties.expiration.as_ref()),
            texts(|m| m.properties.kind.as_ref()),
            texts(|m| m.properties.user_id.as_ref()),
            texts(|m| m.properties.app_id.as_ref()),
            texts(|m| m.properties.cluster_id.as_ref()),
            headers(messages())?,
        ],
    )?)
}

/// The microseconds of an AMQP timestamp, which counts seconds; `None` if it is no date, and so is kept as a header.
fn micros(seconds: u64) -> Option<i64> {
    i64::try_from(seconds).ok().filter(|_| seconds <= LAST_SECOND).map(|seconds| seconds * 1_000_000)
}

fn headers<'a>(messages: impl Iterator<Item = &'a Message>) -> Result<ArrayRef, LakeError> {
    let (mut names, mut kinds, mut texts) = (StringBuilder::new(), StringBuilder::new(), StringBuilder::new());
    let mut lengths = Vec::new();
    for message in messages {
        for header in &message.headers {
            names.append_value(&header.name);
            kinds.append_value(&header.kind);
            texts.append_value(&header.text);
        }
        let odd = message.properties.timestamp.filter(|seconds| micros(*seconds).is_none());
        if let Some(seconds) = odd {
            // A map's names are told apart, as headers are where they are read.
            let taken = |name: &str| message.headers.iter().any(|header| header.name == name);
            let mut name = TIMESTAMP_HEADER.to_owned();
            let mut number = 1;
            while taken(&name) {
                number += 1;
                name = format!("{TIMESTAMP_HEADER}'{number}");
            }
            names.append_value(name);
            kinds.append_value("timestamp");
            texts.append_value(seconds.to_string());
        }
        lengths.push(message.headers.len() + usize::from(odd.is_some()));
    }
    let values = StructArray::try_new(header_fields(), vec![Arc::new(kinds.finish()), Arc::new(texts.finish())], None)?;
    let entries = StructArray::try_new(entry_fields(), vec![Arc::new(names.finish()), Arc::new(values)], None)?;
    Ok(Arc::new(MapArray::try_new(entry_field(), OffsetBuffer::from_lengths(lengths), entries, None, false)?))
}
