//! Raw objects: one batch as published, in Parquet that anything can read. Bodies are never parsed here.

mod batch;
mod read;
mod write;

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};

pub use batch::RawBatch;
pub use read::{read, read_digests};
pub use write::encode;

/// User metadata of a raw object: the frame's digest in hexadecimal.
pub const DIGEST_METADATA: &str = "foz-digest";

/// The name under which an AMQP timestamp that is no date stands among the headers, so that it is not lost.
pub const TIMESTAMP_HEADER: &str = "foz-timestamp";

/// The columns of every raw object.
pub fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let required = |name: &str, kind| Field::new(name, kind, false);
        let text = |name: &str| Field::new(name, DataType::Utf8, true);
        let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let number = |name: &str| Field::new(name, DataType::Int32, true);
        Arc::new(Schema::new(vec![
            required("index", DataType::Int32),
            Field::new("body", DataType::Binary, true),
            text("oversize_key"),
            required("digest", DataType::FixedSizeBinary(32)),
            text("message_id"),
            Field::new("published_at", instant(), true),
            required("ingested_at", instant()),
            required("exchange", DataType::Utf8),
            required("routing_key", DataType::Utf8),
            text("content_type"),
            text("content_encoding"),
            number("delivery_mode"),
            number("priority"),
            text("correlation_id"),
            text("reply_to"),
            text("expiration"),
            text("type"),
            text("user_id"),
            text("app_id"),
            text("cluster_id"),
            required("headers", DataType::Map(entry_field(), false)),
        ]))
    });
    SCHEMA.clone()
}

fn header_fields() -> Fields {
    Fields::from(vec![Field::new("type", DataType::Utf8, false), Field::new("value", DataType::Utf8, false)])
}

fn entry_fields() -> Fields {
    Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Struct(header_fields()), true),
    ])
}

fn entry_field() -> FieldRef {
    Arc::new(Field::new("key_value", DataType::Struct(entry_fields()), false))
}
