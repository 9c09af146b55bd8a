//! Planned columns, spelled as a definition spells them.

use arrow::datatypes::{DataType as Arrow, Field as ArrowField};
use foz_pipeline::{DataType, Field};

/// The field as a definition would declare it. `None` if no definition can.
pub fn declared(field: &ArrowField) -> Option<Field> {
    Some(Field { name: field.name().clone(), ty: declared_type(field.data_type())? })
}

fn declared_type(ty: &Arrow) -> Option<DataType> {
    Some(match ty {
        Arrow::Boolean => DataType::Boolean,
        Arrow::Int32 => DataType::Int,
        Arrow::Int64 => DataType::Long,
        Arrow::Float32 => DataType::Float,
        Arrow::Float64 => DataType::Double,
        Arrow::Decimal128(precision, scale) => {
            DataType::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        Arrow::Utf8 => DataType::String,
        Arrow::Binary => DataType::Binary,
        Arrow::Date32 => DataType::Date,
        Arrow::Timestamp(_, Some(_)) => DataType::Timestamp,
        Arrow::Timestamp(_, None) => DataType::TimestampNtz,
        Arrow::List(item) => DataType::List(Box::new(declared_type(item.data_type())?)),
        Arrow::Map(entries, _) => match entries.data_type() {
            Arrow::Struct(parts) => match parts.iter().collect::<Vec<_>>().as_slice() {
                [key, value] => DataType::Map(
                    Box::new(declared_type(key.data_type())?),
                    Box::new(declared_type(value.data_type())?),
                ),
                _ => return None,
            },
            _ => return None,
        },
        Arrow::Struct(fields) => DataType::Struct(fields.iter().map(|field| declared(field)).collect::<Option<_>>()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engines_types_come_back_as_declared() {
        let text = "struct<a:boolean,b:int,c:bigint,d:float,e:double,f:decimal(10,2),g:string,h:binary,i:date,j:timestamp,\
                    k:timestamp_ntz,l:array<int>,m:map<string,array<date>>,n:struct<x:int>>";
        let ty: DataType = text.parse().unwrap();
        assert_eq!(declared_type(&foz_engine::types::arrow(&ty)), Some(ty));
    }
}
