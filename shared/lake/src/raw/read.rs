//! Parquet → rows, and the digests alone.

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, RecordBatch};
use bytes::Bytes;
use foz_domain::{Digest, keys::RawKey};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::error::LakeError;
use crate::store::Store;

/// Rows per batch: a raw object is 64 MiB at most, its usual rows about 1 kB.
const ROWS: usize = 4096;

/// The rows of a raw object in order, in batches with [`super::schema`]. Bodies that are objects of their own are fetched and
/// verified; each such row comes as a batch of its own, so that memory holds one at a time.
pub async fn read(
    store: &Store,
    key: &RawKey,
) -> Result<BoxStream<'static, Result<RecordBatch, LakeError>>, LakeError> {
    // One request: a frame fits an invoke, so the object is a few megabytes.
    let key = key.to_string();
    let reader = open(store.get(&key).await?, &key, None)?;
    let store = store.clone();
    let batches = stream::iter(reader).map(move |batch| batch.map_err(|e| LakeError::damaged(&key, e)));
    let parts = batches.map_ok(|batch| stream::iter(apart(&batch).into_iter().map(Ok))).try_flatten();
    Ok(parts
        .and_then(move |part| {
            let store = store.clone();
            async move { resolve(&store, part).await }
        })
        .boxed())
}

/// The messages' digests in order; reads no other column.
pub async fn read_digests(store: &Store, key: &RawKey) -> Result<Vec<Digest>, LakeError> {
    let key = key.to_string();
    let mut digests = Vec::new();
    for batch in open(store.get(&key).await?, &key, Some("digest"))? {
        let batch = batch.map_err(|e| LakeError::damaged(&key, e))?;
        let column = batch.column(0).as_fixed_size_binary_opt();
        let column = column.ok_or_else(|| LakeError::damaged(&key, "digests are not 32 bytes"))?;
        for digest in column.iter().flatten() {
            digests.push(Digest(digest.try_into().map_err(|_| LakeError::damaged(&key, "digests are not 32 bytes"))?));
        }
    }
    Ok(digests)
}

fn open(object: Bytes, key: &str, column: Option<&str>) -> Result<ParquetRecordBatchReader, LakeError> {
    let damaged = |e| LakeError::damaged(key, e);
    let builder = ParquetRecordBatchReaderBuilder::try_new(object).map_err(damaged)?.with_batch_size(ROWS);
    let mask = match column {
        Some(name) => ProjectionMask::columns(builder.parquet_schema(), [name]),
        None => ProjectionMask::all(),
    };
    builder.with_projection(mask).build().map_err(damaged)
}

fn oversize_keys(batch: &RecordBatch) -> Option<&arrow::array::StringArray> {
    batch.column_by_name("oversize_key")?.as_string_opt()
}

/// Slices a batch so that each row with an oversize body stands alone.
fn apart(batch: &RecordBatch) -> Vec<RecordBatch> {
    let mut parts = Vec::new();
    let mut begin = 0;
    if let Some(keys) = oversize_keys(batch).filter(|keys| keys.null_count() < keys.len()) {
        for row in (0..batch.num_rows()).filter(|row| keys.is_valid(*row)) {
            if begin < row {
                parts.push(batch.slice(begin, row - begin));
            }
            parts.push(batch.slice(row, 1));
            begin = row + 1;
        }
    }
    if begin < batch.num_rows() {
        parts.push(batch.slice(begin, batch.num_rows() - begin));
    }
    parts
}

/// Puts the body of an oversize row in its place.
async fn resolve(store: &Store, batch: RecordBatch) -> Result<RecordBatch, LakeError> {
    let Some(key) = oversize_keys(&batch).filter(|keys| keys.len() == 1 && keys.is_valid(0)).map(|keys| keys.value(0))
    else {
        return Ok(batch);
    };
    let body = store.get(key).await?;
    // The object's name ends in the digest of what it must hold.
    let digest = Digest(*blake3::hash(&body).as_bytes()).to_string();
    if !key.ends_with(&digest) {
        return Err(LakeError::damaged(key, format!("its content has the digest {digest}")));
    }
    let body: ArrayRef = std::sync::Arc::new(BinaryArray::from_vec(vec![&body]));
    let schema = batch.schema();
    let columns = schema.fields().iter().zip(batch.columns());
    let columns = columns.map(|(field, column)| if field.name() == "body" { body.clone() } else { column.clone() });
    RecordBatch::try_new(schema.clone(), columns.collect()).map_err(|e| LakeError::damaged(key, e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameWriter, MAX_RAW, decode};
    use crate::message::tests::messages;
    use crate::message::{Body, Message};
    use crate::raw::{TIMESTAMP_HEADER, encode, schema};
    use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
    use foz_domain::Timestamp;
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn check(row: usize, batch: &RecordBatch, digest: Digest, sent: &Message) {
        let text = |name: &str| {
            let column = batch.column_by_name(name).unwrap().as_string::<i32>();
            column.is_valid(row).then(|| column.value(row).to_owned())
        };
        let number = |name: &str| {
            let column = batch.column_by_name(name).unwrap().as_primitive::<Int32Type>();
            column.is_valid(row).then(|| u8::try_from(column.value(row)).unwrap())
        };
        let body = batch["body"].as_binary::<i32>();
        match &sent.body {
            Body::Inline(bytes) => assert_eq!((body.value(row), text("oversize_key")), (&bytes[..], None)),
            Body::Oversize { key, .. } => {
                assert_eq!((body.is_null(row), text("oversize_key")), (true, Some(key.clone())))
            }
        }
        assert_eq!(batch["digest"].as_fixed_size_binary().value(row), digest.0);
        let p = &sent.properties;
        assert_eq!(text("exchange").as_ref(), Some(&sent.exchange));
        assert_eq!(text("routing_key").as_ref(), Some(&sent.routing_key));
        assert_eq!(
            [text("message_id"), text("content_type"), text("content_encoding"), text("correlation_id")],
            [p.message_id.clone(), p.content_type.clone(), p.content_encoding.clone(), p.correlation_id.clone()]
        );
        assert_eq!(
            [text("reply_to"), text("expiration"), text("type"), text("user_id"), text("app_id"), text("cluster_id")],
            [&p.reply_to, &p.expiration, &p.kind, &p.user_id, &p.app_id, &p.cluster_id].map(Clone::clone)
        );
        assert_eq!([number("delivery_mode"), number("priority")], [p.delivery_mode, p.priority]);

        let entries = batch["headers"].as_map().value(row);
        let (names, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_struct());
        let (kinds, texts) = (values.column(0).as_string::<i32>(), values.column(1).as_string::<i32>());
        let mut got: Vec<_> = (0..entries.len()).map(|i| (names.value(i), kinds.value(i), texts.value(i))).collect();
        let published = batch["published_at"].as_primitive::<TimestampMicrosecondType>();
        let seconds = p.timestamp.map(|s| s.to_string());
        if published.is_valid(row) {
            assert_eq!(Some((published.value(row) / 1_000_000).to_string()), seconds);
        } else if let Some(seconds) = seconds {
            assert_eq!(got.pop(), Some((TIMESTAMP_HEADER, "timestamp", &*seconds)));
        }
        let want: Vec<_> = sent.headers.iter().map(|h| (&*h.name, &*h.kind, &*h.text)).collect();
        assert_eq!(got, want);
    }

    proptest! {
        #[test]
        fn raw_objects_hold_what_was_sent(sent in vec(messages(), 0..30), opened_at in 0i64..4_000_000_000_000) {
            let mut writer = FrameWriter::new(&"orders".parse().unwrap(), Timestamp(opened_at));
            sent.iter().for_each(|m| { writer.push(m); });
            let frame = decode(&writer.finish().zstd, MAX_RAW).unwrap();
            let object = encode(&frame).unwrap();
            let mut row = 0;
            for batch in open(object, "raw", None).unwrap() {
                let batch = batch.unwrap();
                prop_assert_eq!(&batch.schema().fields, &schema().fields);
                for i in 0..batch.num_rows() {
                    prop_assert_eq!(batch["index"].as_primitive::<Int32Type>().value(i), i32::try_from(row).unwrap());
                    prop_assert_eq!(batch["ingested_at"].as_primitive::<TimestampMicrosecondType>().value(i), opened_at * 1000);
                    check(i, &batch, frame.messages[row].0, &sent[row]);
                    row += 1;
                }
            }
            prop_assert_eq!(row, sent.len());
        }

        #[test]
        fn oversize_rows_stand_alone(sent in vec(messages(), 0..30)) {
            let mut writer = FrameWriter::new(&"orders".parse().unwrap(), Timestamp(0));
            sent.iter().for_each(|m| { writer.push(m); });
            let object = encode(&decode(&writer.finish().zstd, MAX_RAW).unwrap()).unwrap();
            let parts: Vec<_> = open(object, "raw", None).unwrap().flat_map(|b| apart(&b.unwrap())).collect();
            prop_assert_eq!(parts.iter().map(RecordBatch::num_rows).sum::<usize>(), sent.len());
            for part in parts {
                prop_assert!(part.num_rows() > 0);
                prop_assert!(part.num_rows() == 1 || oversize_keys(&part).unwrap().null_count() == part.num_rows());
            }
        }
    }
}
