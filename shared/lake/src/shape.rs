//! Files that are older than a field of a struct: which parts of a table's schema they lack, and how they are read all the
//! same.
//!
//! Iceberg's reader fills columns that a file lacks, but not fields inside of a column.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes as arrow_types;
use iceberg::spec::{DataFile, ListType, MapType, NestedFieldRef, Schema, SchemaRef, StructType, Type};

use crate::cast::cast;
use crate::error::LakeError;

/// The ids of the schema's primitive fields that the file lacks; nothing if the file does not tell which it has.
pub fn missing(schema: &Schema, file: &DataFile) -> BTreeSet<i32> {
    let mut ids = BTreeSet::new();
    if !file.column_sizes().is_empty() {
        schema.as_struct().fields().iter().for_each(|field| primitives(field, &mut ids));
        ids.retain(|id| !file.column_sizes().contains_key(id));
    }
    ids
}

/// Whether the file has a column of the schema, but not all of it.
pub fn is_partial(schema: &Schema, file: &DataFile) -> bool {
    let missing = missing(schema, file);
    let partial = |field: &NestedFieldRef| {
        let mut ids = BTreeSet::new();
        primitives(field, &mut ids);
        !ids.is_disjoint(&missing) && !ids.is_subset(&missing)
    };
    schema.as_struct().fields().iter().any(partial)
}

fn primitives(field: &NestedFieldRef, ids: &mut BTreeSet<i32>) {
    match field.field_type.as_ref() {
        Type::Primitive(_) => {
            ids.insert(field.id);
        }
        Type::Struct(record) => record.fields().iter().for_each(|field| primitives(field, ids)),
        Type::List(list) => primitives(&list.element_field, ids),
        Type::Map(map) => [&map.key_field, &map.value_field].into_iter().for_each(|field| primitives(field, ids)),
    }
}

/// The schema without those primitive fields, and without what has no field then.
pub fn without(schema: &SchemaRef, missing: &BTreeSet<i32>) -> Result<SchemaRef, LakeError> {
    if missing.is_empty() {
        return Ok(schema.clone());
    }
    let fields = schema.as_struct().fields().iter().filter_map(|field| kept(field, missing));
    let schema = Schema::builder().with_schema_id(schema.schema_id()).with_fields(fields);
    Ok(Arc::new(schema.build()?))
}

fn kept(field: &NestedFieldRef, missing: &BTreeSet<i32>) -> Option<NestedFieldRef> {
    let kind = match field.field_type.as_ref() {
        Type::Primitive(_) => return (!missing.contains(&field.id)).then(|| field.clone()),
        Type::Struct(record) => {
            let fields: Vec<_> = record.fields().iter().filter_map(|field| kept(field, missing)).collect();
            (!fields.is_empty()).then(|| Type::Struct(StructType::new(fields)))?
        }
        Type::List(list) => Type::List(ListType::new(kept(&list.element_field, missing)?)),
        Type::Map(map) => Type::Map(MapType::new(kept(&map.key_field, missing)?, kept(&map.value_field, missing)?)),
    };
    let mut field = field.as_ref().clone();
    field.field_type = Box::new(kind);
    Some(field.into())
}

/// The rows with the table's columns; what the file lacked is null.
pub fn conformed(rows: &RecordBatch, target: &arrow_types::SchemaRef) -> Result<RecordBatch, LakeError> {
    let column = |field: &Arc<arrow_types::Field>| match rows.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), rows.num_rows())),
    };
    let columns = target.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(target.clone(), columns, &options)?)
}
