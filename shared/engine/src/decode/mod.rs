//! Bodies to typed columns: JSON text straight into Arrow builders.
//!
//! A body either becomes one row, all of it exact, or a reason. What it carries beyond the declared columns, at any
//! depth, becomes the row's `_extra`, a JSON object of the same shape as the body.

mod column;
mod object;
mod problem;
mod scalar;
mod scan;
mod shape;
mod tape;
mod time;

use arrow::array::{ArrayRef, StringArray, StringBuilder};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;

use problem::{DecodeProblem, Reason};
use shape::Shape;
use tape::{Tape, Token};

use crate::rejection::Rejection;

/// Decodes bodies one after another.
pub struct Decoder {
    shape: Shape,
    extra: StringBuilder,
    tape: Tape,
    scratch: String,
}

/// One declared column: the names of the fields that lead to its value, and its type.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSource {
    /// Field names from the body's top level down; at least one.
    pub path: Vec<String>,
    /// The type, one of those of [`crate::types`].
    pub data_type: DataType,
}

impl Decoder {
    /// A decoder for the columns, in this order.
    pub fn new(sources: &[ColumnSource]) -> Result<Self, ArrowError> {
        let numbered = sources.iter().enumerate();
        let columns: Vec<_> = numbered.map(|(number, source)| (number, &source.path[..], &source.data_type)).collect();
        Ok(Self {
            shape: Shape::new(&columns)?,
            extra: StringBuilder::new(),
            tape: Tape::default(),
            scratch: String::new(),
        })
    }

    /// Adds one row. If the body cannot be decoded, says why; the row is there all the same, to be dropped.
    pub fn append(&mut self, body: &[u8]) -> Result<(), Rejection> {
        self.scratch.clear();
        let read = text(body).and_then(|text| self.tape.read(text).map_err(DecodeProblem::from));
        let outcome = match read {
            Ok(object) => self.shape.append(Token::Object(object), &mut self.scratch),
            Err(problem) => self.shape.append(Token::Null, &mut self.scratch).and(Err(problem)),
        };
        let extra = matches!(outcome, Ok(true));
        self.extra.append_option(extra.then_some(&self.scratch));
        outcome.map(|_| ()).map_err(|problem| problem.rejection())
    }

    /// The rows so far: the columns in the declared order, and `_extra`. The decoder starts anew.
    pub fn finish(&mut self) -> Result<(Vec<ArrayRef>, StringArray), ArrowError> {
        let mut columns = Vec::new();
        self.shape.finish(&mut columns)?;
        columns.sort_unstable_by_key(|(number, _)| *number);
        Ok((columns.into_iter().map(|(_, array)| array).collect(), self.extra.finish()))
    }
}

fn text(body: &[u8]) -> Result<&str, DecodeProblem> {
    let problem = |reason: String| DecodeProblem::from(Reason::from(reason));
    let text =
        std::str::from_utf8(body).map_err(|error| problem(format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    if text.trim_ascii().is_empty() { Err(problem("the body is empty".to_owned())) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Array, AsArray};
    use arrow::datatypes::{Int32Type, Int64Type};
    use arrow::util::display::{ArrayFormatter, FormatOptions};

    use super::*;

    fn source(path: &str, data_type: DataType) -> ColumnSource {
        ColumnSource { path: path.split('.').map(str::to_owned).collect(), data_type }
    }

    /// What the decoder makes of a body: every column as text, then `_extra`; or the reason.
    fn decode(sources: &[ColumnSource], body: impl AsRef<[u8]>) -> Result<Vec<String>, String> {
        let mut decoder = Decoder::new(sources).unwrap();
        let outcome = decoder.append(body.as_ref());
        let (mut columns, extra) = decoder.finish().unwrap();
        columns.push(Arc::new(extra));
        assert!(columns.len() == sources.len() + 1 && columns.iter().all(|column| column.len() == 1), "one slot each");
        let options = FormatOptions::default().with_null("null");
        let text = |column: &ArrayRef| ArrayFormatter::try_new(column, &options).unwrap().value(0).to_string();
        outcome.map(|()| columns.iter().map(text).collect()).map_err(|rejection| rejection.reason)
    }

    fn item() -> DataType {
        let fields = [("sku", DataType::Utf8), ("n", DataType::Int32)];
        DataType::Struct(
            fields.map(|(name, data_type)| arrow::datatypes::Field::new(name, data_type, true)).into_iter().collect(),
        )
    }

    fn nested() -> Vec<ColumnSource> {
        let list = DataType::new_list(item(), true);
        let entries = [("key", DataType::Utf8, false), ("value", item(), true)];
        let entries =
            entries.map(|(name, data_type, nullable)| arrow::datatypes::Field::new(name, data_type, nullable));
        let entries = arrow::datatypes::Field::new("key_value", DataType::Struct(entries.into_iter().collect()), false);
        vec![
            source("id", DataType::Int64),
            source("one", item()),
            source("many", list),
            source("by_name", DataType::Map(Arc::new(entries), false)),
            source("deep.er.value", DataType::Utf8),
        ]
    }

    #[test]
    fn nested_values_and_what_they_carry_beyond() {
        let body = r#"{"id": 1, "one": {"sku": "a", "n": 2, "color": "red"}, "many": [{"sku": "b"}, null, {"n": 3, "x": [1 ,2]}],
            "by_name": {"k": {"n": 4, "y": 1.10}, "l": null}, "deep": {"er": {"value": "v", "z": true}, "q": null}, "top": {"a": 1}}"#;
        let row = decode(&nested(), body).unwrap();
        assert_eq!(row[0], "1");
        assert_eq!(row[1], "{sku: a, n: 2}");
        assert_eq!(row[2], "[{sku: b, n: null}, null, {sku: null, n: 3}]");
        assert_eq!(row[3], "{k: {sku: null, n: 4}, l: null}");
        assert_eq!(row[4], "v");
        let extra: serde_json::Value = serde_json::from_str(&row[5]).unwrap();
        let expected = r#"{"one":{"color":"red"},"many":[null,null,{"x":[1,2]}],"by_name":{"k":{"y":1.10}},"deep":{"er":{"z":true},"q":null},"top":{"a":1}}"#;
        assert_eq!(extra, serde_json::from_str::<serde_json::Value>(expected).unwrap());
        assert!(row[5].contains("1.10"), "numbers stay as written: {}", row[5]);
    }

    #[test]
    fn missing_and_null_are_null() {
        for body in
            ["{}", r#"{"id":null,"one":null,"many":null,"by_name":null,"deep":null}"#, r#"{"deep":{"er":null}}"#]
        {
            assert_eq!(decode(&nested(), body).unwrap(), ["null"; 6].map(str::to_owned), "{body}");
        }
    }

    #[test]
    fn bad_bodies_say_why() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
        let cases: [(&[u8], &str); 14] = [
            (b"", "the body is empty"),
            (b" \n", "the body is empty"),
            (b"{\"id\":\"\xff\"}", "not UTF-8 at byte 7"),
            (b"hello", "not JSON: expected a value, found 'h' at byte 0"),
            (b"[{\"id\":1}]", "expected an object, found an array"),
            (b"null", "expected an object, found null"),
            (b"{\"id\":1} {}", "not JSON: expected nothing after the object, found '{' at byte 9"),
            (deep.as_bytes(), "nested deeper than 128 levels"),
            (b"{\"id\":1,\"id\":2}", "a field occurs twice in one object: \"id\""),
            (b"{\"x\":1,\"\\u0078\":2}", "a field occurs twice in one object: \"x\""),
            (b"{\"id\":1e19}", "id: expected a whole number within the limits of long, found a number 1e19"),
            (
                b"{\"many\":[{},{\"n\":true}]}",
                "many[1].n: expected a whole number within the limits of int, found a boolean true",
            ),
            (b"{\"by_name\":{\"k\":{},\"k\":{}}}", "by_name: a field occurs twice in one object: \"k\""),
            (b"{\"deep\":{\"er\":7}}", "deep.er: expected an object, found a number"),
        ];
        for (body, reason) in cases {
            assert_eq!(
                decode(&nested(), body).unwrap_err(),
                reason,
                "{}",
                String::from_utf8_lossy(&body[..body.len().min(80)])
            );
        }
    }

    /// Case 29: whatever a message does, its neighbours come out unharmed.
    #[test]
    fn the_next_message_is_unharmed() {
        let mut decoder = Decoder::new(&nested()).unwrap();
        let good = |id: i64| format!(r#"{{"id":{id},"many":[{{"n":{id}}}],"by_name":{{"k":{{"n":{id}}}}}}}"#);
        let bad = [
            r#"{"id":7,"many":[{"n":1},{"n":"x"}],"by_name":{"k":{"n":1}}}"#,
            "[",
            r#"{"id":7,"by_name":{"k":{"n":1},"k":1}}"#,
            "",
            "{\"one\":[]}",
        ];
        for (id, body) in bad.iter().enumerate() {
            decoder.append(good(id as i64).as_bytes()).unwrap();
            decoder.append(body.as_bytes()).unwrap_err();
        }
        let (columns, _) = decoder.finish().unwrap();
        for id in 0..bad.len() {
            let row = 2 * id;
            assert_eq!(columns[0].as_primitive::<Int64Type>().value(row), id as i64);
            let items = columns[2].as_list::<i32>().value(row);
            let numbers = items.as_struct().column(1).as_primitive::<Int32Type>();
            assert_eq!((numbers.len(), numbers.value(0)), (1, id as i32));
            assert_eq!(columns[3].as_map().value(row).len(), 1);
        }
    }

    #[test]
    fn two_columns_may_read_one_field() {
        let sources = [source("a", DataType::Utf8), source("a", item()), source("a.n", DataType::Int64)];
        let row = decode(&sources, r#"{"a":{"n":5,"more":1}}"#).unwrap();
        assert_eq!(row, [r#"{"n":5,"more":1}"#, "{sku: null, n: 5}", "5", "null"].map(str::to_owned));
    }
}
