//! The declared types as Arrow types, and the columns that every row carries beside the user's.
//!
//! Field names inside lists and maps are those that Iceberg reads back.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef, TimeUnit};
use foz_pipeline::types::DataType as Declared;

/// An instant: microseconds, UTC.
pub(crate) fn instant() -> DataType {
    static UTC: LazyLock<Arc<str>> = LazyLock::new(|| "+00:00".into());
    DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.clone()))
}

/// The Arrow type of a declared type.
pub fn arrow(declared: &Declared) -> DataType {
    let child = |name: &str, declared: &Declared, nullable| Arc::new(Field::new(name, arrow(declared), nullable));
    match declared {
        Declared::Boolean => DataType::Boolean,
        Declared::Int => DataType::Int32,
        Declared::Long => DataType::Int64,
        Declared::Float => DataType::Float32,
        Declared::Double => DataType::Float64,
        Declared::Decimal { precision, scale } => DataType::Decimal128(*precision, scale.cast_signed()),
        Declared::String => DataType::Utf8,
        Declared::Binary => DataType::Binary,
        Declared::Date => DataType::Date32,
        Declared::Timestamp => instant(),
        Declared::TimestampNtz => DataType::Timestamp(TimeUnit::Microsecond, None),
        Declared::List(element) => DataType::List(child("element", element, true)),
        Declared::Map(key, value) => {
            let entries = [child("key", key, false), child("value", value, true)];
            DataType::Map(
                Arc::new(Field::new("key_value", DataType::Struct(entries.into_iter().collect()), false)),
                false,
            )
        }
        Declared::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| child(&field.name, &field.ty, true)).collect())
        }
    }
}

/// The type in which a table stores what an expression computes. `None` if tables have no such type.
pub(crate) fn stored(computed: &DataType) -> Option<DataType> {
    let child = |field: &FieldRef| Some(Arc::new(Field::new(field.name(), stored(field.data_type())?, true)));
    Some(match computed {
        DataType::Boolean
        | DataType::Int32
        | DataType::Int64
        | DataType::Float32
        | DataType::Float64
        | DataType::Utf8
        | DataType::Binary
        | DataType::Date32 => computed.clone(),
        DataType::Decimal128(precision, scale) if (0..=precision.cast_signed()).contains(scale) => computed.clone(),
        DataType::Int8 | DataType::Int16 | DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Timestamp(_, Some(_)) => instant(),
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::List(item) => DataType::List(Arc::new(Field::new("element", stored(item.data_type())?, true))),
        DataType::Map(..) => computed.clone(),
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(child).collect::<Option<_>>()?),
        _ => return None,
    })
}

/// Names of the columns that every row carries.
pub mod column {
    /// What the message carries beyond the declared columns: JSON.
    pub const EXTRA: &str = "_extra";
    /// The entity: the canonical JSON array of the key's values.
    pub const KEY: &str = "_key";
    /// The batch's sequence.
    pub const SEQUENCE: &str = "_sequence";
    /// The message's place in its batch.
    pub const INDEX: &str = "_index";
    /// When the publisher says it published.
    pub const PUBLISHED_AT: &str = "_published_at";
    /// When the bridge took it.
    pub const INGESTED_AT: &str = "_ingested_at";
    /// When the run transformed it.
    pub const PROCESSED_AT: &str = "_processed_at";
    /// The publisher's identity of the message.
    pub const MESSAGE_ID: &str = "_message_id";
    /// `upsert` or `delete`.
    pub const OP: &str = "_op";
    /// The value of the version column.
    pub const VERSION: &str = "_version";
    /// The raw object that holds the message.
    pub const RAW_KEY: &str = "_raw_key";
    /// Quarantine: the message's digest, hexadecimal.
    pub const DIGEST: &str = "_digest";
    /// Quarantine: why.
    pub const REASON: &str = "_reason";
    /// Quarantine: the body as published.
    pub const BODY: &str = "_body";
}

/// The value of `_op` of a message that deletes its entity.
pub const DELETE: &str = "delete";
/// The value of `_op` of every other message.
pub const UPSERT: &str = "upsert";

fn technical(name: &str) -> Field {
    use column::{INDEX, INGESTED_AT, KEY, OP, PROCESSED_AT, RAW_KEY, SEQUENCE};
    let data_type = match name {
        SEQUENCE => DataType::Int64,
        INDEX => DataType::Int32,
        column::PUBLISHED_AT | INGESTED_AT | PROCESSED_AT => instant(),
        column::BODY => DataType::Binary,
        _ => DataType::Utf8,
    };
    let required = [KEY, SEQUENCE, INDEX, INGESTED_AT, PROCESSED_AT, OP, RAW_KEY, column::DIGEST, column::REASON];
    Field::new(name, data_type, !required.contains(&name))
}

/// What every row carries after the user's columns.
const COMMON: [&str; 8] = [
    column::EXTRA,
    column::KEY,
    column::SEQUENCE,
    column::INDEX,
    column::PUBLISHED_AT,
    column::INGESTED_AT,
    column::PROCESSED_AT,
    column::MESSAGE_ID,
];

fn version(version: Option<&DataType>) -> Option<Field> {
    version.map(|data_type| Field::new(column::VERSION, data_type.clone(), true))
}

fn schema(fields: impl IntoIterator<Item = Field>) -> SchemaRef {
    Arc::new(Schema::new(fields.into_iter().collect::<Vec<_>>()))
}

/// `<stream>_changes`, given the user's columns and the type of the version, if one is declared.
pub(crate) fn history(user: &[Field], of_version: Option<&DataType>) -> SchemaRef {
    let common = user.iter().cloned().chain(COMMON.map(technical));
    schema(common.chain([technical(column::OP)]).chain(version(of_version)).chain([technical(column::RAW_KEY)]))
}

/// `<stream>`: the current table.
pub(crate) fn current(user: &[Field], of_version: Option<&DataType>) -> SchemaRef {
    schema(user.iter().cloned().chain(COMMON.map(technical)).chain(version(of_version)))
}

/// `<stream>_tombstones`: what is left of deleted entities.
pub(crate) fn tombstones(of_version: &DataType) -> SchemaRef {
    let position = [column::SEQUENCE, column::INDEX, column::INGESTED_AT].map(technical);
    schema([technical(column::KEY)].into_iter().chain(version(Some(of_version))).chain(position))
}

/// `<stream>_quarantine`: messages that could not be typed.
pub fn quarantine() -> SchemaRef {
    use column::{BODY, DIGEST, INDEX, INGESTED_AT, MESSAGE_ID, PROCESSED_AT, PUBLISHED_AT, RAW_KEY, REASON, SEQUENCE};
    let names = [SEQUENCE, INDEX, DIGEST, REASON, BODY, PUBLISHED_AT, INGESTED_AT, PROCESSED_AT, MESSAGE_ID, RAW_KEY];
    schema(names.map(technical))
}
