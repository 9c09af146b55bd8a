//! Values in the type of a table.
//!
//! Arrow casts structs by position where one of them has more fields, so it would put values under other names.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Fields};
use arrow::error::ArrowError;

/// The values in another type: fields of structs are found by their names, at any depth, and those that are missing are null.
///
/// # Errors
/// A value does not fit, or a field has no place.
pub fn cast(values: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    if values.data_type() == to {
        return Ok(values.clone());
    }
    match (values.data_type(), to) {
        (DataType::Struct(_), DataType::Struct(fields)) => Ok(Arc::new(record(values.as_struct(), fields)?)),
        (DataType::List(_), DataType::List(element)) => {
            let list = values.as_list::<i32>();
            let elements = cast(list.values(), element.data_type())?;
            let nulls = list.nulls().cloned();
            Ok(Arc::new(ListArray::try_new(element.clone(), list.offsets().clone(), elements, nulls)?))
        }
        (DataType::Map(..), DataType::Map(entries, sorted)) => {
            let map = values.as_map();
            let DataType::Struct(fields) = entries.data_type() else {
                return Err(ArrowError::CastError(format!("{to} is no map")));
            };
            let columns = map.entries().columns().iter().zip(fields).map(|(column, to)| cast(column, to.data_type()));
            let cast = StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, None)?;
            let (offsets, nulls) = (map.offsets().clone(), map.nulls().cloned());
            Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, cast, nulls, *sorted)?))
        }
        // A value that does not fit must not become null.
        _ => cast_with_options(values, to, &CastOptions { safe: false, ..CastOptions::default() }),
    }
}

fn record(values: &StructArray, fields: &Fields) -> Result<StructArray, ArrowError> {
    if let Some(extra) = values.fields().iter().find(|field| fields.find(field.name()).is_none()) {
        return Err(ArrowError::CastError(format!("there is no field {}", extra.name())));
    }
    let columns = fields.iter().map(|field| match values.column_by_name(field.name()) {
        Some(column) => cast(column, field.data_type()),
        None => Ok(new_null_array(field.data_type(), values.len())),
    });
    StructArray::try_new(fields.clone(), columns.collect::<Result<_, _>>()?, values.nulls().cloned())
}

#[cfg(test)]
mod tests {
    use arrow::array::{Int32Array, StringArray};
    use arrow::datatypes::Field;

    use super::*;

    fn texts(texts: &[Option<&str>]) -> ArrayRef {
        Arc::new(StringArray::from(texts.to_vec()))
    }

    fn of(columns: Vec<(&str, ArrayRef)>) -> ArrayRef {
        let field = |name: &str, column: &ArrayRef| Arc::new(Field::new(name, column.data_type().clone(), true));
        Arc::new(StructArray::from(
            columns.into_iter().map(|(name, column)| (field(name, &column), column)).collect::<Vec<_>>(),
        ))
    }

    fn list(element: ArrayRef) -> ArrayRef {
        let field = Arc::new(Field::new("element", element.data_type().clone(), true));
        let offsets = arrow::buffer::OffsetBuffer::from_lengths([element.len()]);
        Arc::new(ListArray::new(field, offsets, element, None))
    }

    #[test]
    fn fields_are_found_by_name_and_filled() {
        let wide = of(vec![("a", texts(&[None])), ("b", texts(&[Some("x")])), ("c", texts(&[None]))]);
        let narrow = of(vec![("b", texts(&[Some("x")]))]);
        assert_eq!(&cast(&narrow, wide.data_type()).unwrap(), &wide);
        assert_eq!(&cast(&list(narrow), list(wide.clone()).data_type()).unwrap(), &list(wide));
    }

    #[test]
    fn fields_are_widened_at_any_depth() {
        let deep = |n: ArrayRef| list(of(vec![("m", list(of(vec![("n", n)])))]));
        let long: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![7]));
        let int: ArrayRef = Arc::new(Int32Array::from(vec![7]));
        assert_eq!(&cast(&deep(int), deep(long.clone()).data_type()).unwrap(), &deep(long));
    }

    #[test]
    fn nothing_is_lost_silently() {
        let wide = of(vec![("a", texts(&[Some("x")])), ("b", texts(&[Some("y")]))]);
        let narrow = of(vec![("a", texts(&[None]))]);
        assert!(cast(&wide, narrow.data_type()).unwrap_err().to_string().contains("there is no field b"));
        let long: ArrayRef = Arc::new(arrow::array::Int64Array::from(vec![i64::MAX]));
        assert!(
            cast(&of(vec![("n", long)]), &DataType::Struct(vec![Field::new("n", DataType::Int32, true)].into()))
                .is_err()
        );
    }
}
