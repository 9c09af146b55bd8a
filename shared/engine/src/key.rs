//! `_key`: the canonical JSON array of a key's values. Equal keys are equal texts, in every engine.
//!
//! - Text as JSON writes it, escaping only what it must; whole numbers and booleans as they are.
//! - Decimals with all digits of their scale: `1.50`.
//! - Dates as `"2026-01-31"`, timestamps as `"2026-01-31T12:00:00.000000Z"`, without the `Z` if they have no zone.
//! - No spaces. A key is null if any part of it is.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, StringBuilder};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
};
use arrow::error::ArrowError;

/// The keys of all rows, from the key's columns in their order.
pub(crate) fn texts(columns: &[ArrayRef]) -> Result<StringArray, ArrowError> {
    let rows = columns.first().map_or(0, |column| column.len());
    let mut keys = StringBuilder::new();
    let mut key = String::new();
    for row in 0..rows {
        if columns.iter().any(|column| column.is_null(row)) {
            keys.append_null();
            continue;
        }
        key.clear();
        for (number, column) in columns.iter().enumerate() {
            key.push(if number == 0 { '[' } else { ',' });
            value(&mut key, column, row)?;
        }
        key.push(']');
        keys.append_value(&key);
    }
    Ok(keys.finish())
}

fn value(out: &mut String, column: &ArrayRef, row: usize) -> Result<(), ArrowError> {
    let unfit = || ArrowError::InvalidArgumentError(format!("{} cannot be a key", column.data_type()));
    let written = match column.data_type() {
        DataType::Utf8 => text(out, column.as_string::<i32>().value(row)),
        DataType::Boolean => write!(out, "{}", column.as_boolean().value(row)),
        DataType::Int32 => write!(out, "{}", column.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => write!(out, "{}", column.as_primitive::<Int64Type>().value(row)),
        DataType::Decimal128(..) => {
            out.push_str(&column.as_primitive::<Decimal128Type>().value_as_string(row));
            Ok(())
        }
        DataType::Date32 => {
            let date = column.as_primitive::<Date32Type>().value_as_date(row).ok_or_else(unfit)?;
            write!(out, "\"{}\"", date.format("%Y-%m-%d"))
        }
        DataType::Timestamp(TimeUnit::Microsecond, zone) => {
            let instant = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let instant = chrono::DateTime::from_timestamp_micros(instant).ok_or_else(unfit)?;
            let zone = if zone.is_some() { "Z" } else { "" };
            write!(out, "\"{}{zone}\"", instant.format("%Y-%m-%dT%H:%M:%S%.6f"))
        }
        _ => return Err(unfit()),
    };
    written.map_err(|error| ArrowError::ExternalError(Box::new(error)))
}

fn text(out: &mut String, text: &str) -> std::fmt::Result {
    write!(out, "{}", serde_json::Value::from(text))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{BooleanArray, Date32Array, Decimal128Array, Int64Array, TimestampMicrosecondArray};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_type_has_one_text() {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(StringArray::from(vec![Some("a\"b/ü\n")])),
            Arc::new(Int64Array::from(vec![i64::MIN])),
            Arc::new(BooleanArray::from(vec![true])),
            Arc::new(Decimal128Array::from(vec![-150]).with_precision_and_scale(5, 2).unwrap()),
            Arc::new(Date32Array::from(vec![-1])),
            Arc::new(TimestampMicrosecondArray::from(vec![1_500_000]).with_data_type(crate::types::instant())),
            Arc::new(TimestampMicrosecondArray::from(vec![0])),
        ];
        let expected = r#"["a\"b/ü\n",-9223372036854775808,true,-1.50,"1969-12-31","1970-01-01T00:00:01.500000Z","1970-01-01T00:00:00.000000"]"#;
        assert_eq!(texts(&columns).unwrap().value(0), expected);
    }

    #[test]
    fn a_null_part_is_no_key() {
        let columns: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(vec![Some("a"), None])), Arc::new(Int64Array::from(vec![None, Some(1)]))];
        assert_eq!(texts(&columns).unwrap().null_count(), 2);
    }

    proptest! {
        #[test]
        fn different_keys_are_different_texts(a in prop::collection::vec(".{0,6}", 2), b in prop::collection::vec(".{0,6}", 2)) {
            let key = |parts: &[String]| {
                let columns: Vec<ArrayRef> = parts.iter().map(|part| Arc::new(StringArray::from(vec![part.as_str()])) as ArrayRef).collect();
                texts(&columns).unwrap().value(0).to_owned()
            };
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&key(&a)).unwrap(), a.clone());
            prop_assert_eq!(key(&a) == key(&b), a == b);
        }
    }
}
