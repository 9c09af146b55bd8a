//! How large rows are.

use arrow::array::{Array, ArrayRef, AsArray, OffsetSizeTrait};
use arrow::datatypes::{ArrowNativeType, DataType};

/// Bytes of the array's own rows, whatever else its buffers hold, as a slice's do.
pub(super) fn bytes(array: &ArrayRef) -> usize {
    let rows = array.len();
    match array.data_type() {
        DataType::Utf8 => span(array.as_string::<i32>().value_offsets()),
        DataType::Binary => span(array.as_binary::<i32>().value_offsets()),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            bytes(&within(list.values(), list.value_offsets()))
        }
        DataType::Map(..) => {
            let map = array.as_map();
            let of = |part: &ArrayRef| bytes(&within(part, map.value_offsets()));
            of(map.keys()) + of(map.values())
        }
        DataType::Struct(_) => array.as_struct().columns().iter().map(bytes).sum(),
        other => other.primitive_width().map_or(0, |width| rows * width),
    }
}

fn span<O: OffsetSizeTrait>(offsets: &[O]) -> usize {
    let (first, last) = (offsets.first(), offsets.last());
    last.zip(first).map_or(0, |(last, first)| (*last - *first).as_usize())
}

fn within(values: &ArrayRef, offsets: &[i32]) -> ArrayRef {
    let first = offsets.first().map_or(0, |first| first.as_usize());
    values.slice(first, span(offsets))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Int64Array, ListBuilder, StringArray, StringBuilder, StructArray};
    use arrow::datatypes::Field;

    use super::*;

    #[test]
    fn a_slice_has_the_size_of_its_own_rows() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["aaaa", "b", "cc"]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2, 3]));
        let mut lists = ListBuilder::new(StringBuilder::new());
        for row in [vec!["x", "yy"], vec![], vec!["zzz"]] {
            lists.append_value(row.into_iter().map(Some));
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        let field = |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
        let both: ArrayRef = Arc::new(StructArray::from(vec![
            (field("texts", &texts), texts.clone()),
            (field("lists", &lists), lists.clone()),
        ]));
        let of = |array: &ArrayRef| [bytes(array), bytes(&array.slice(1, 2))];
        assert_eq!([of(&texts), of(&numbers), of(&lists), of(&both)], [[7, 3], [24, 16], [6, 3], [13, 6]]);
    }
}
