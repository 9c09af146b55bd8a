//! `foz query`: SQL over the lake.

use std::sync::Arc;

use anyhow::Context;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, PrimitiveArray, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::{Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foz_edge::components;
use foz_engine::Limits;
use foz_engine::query::{QueryAnswer, QueryError, Session};
use foz_pipeline::Definition;
use futures::StreamExt;

use crate::address::LakeAddress;
use crate::arguments::{Format, QueryArgs};
use crate::cli_status::CliStatus;
use crate::output::{CellText, Heading, Printer, complain};
use crate::progress::Progress;

/// Bytes that a query may use before it spills: less than laptops have, and small machines still have it.
const MEMORY: usize = 1 << 30;
/// Most rows of a table that is printed: nobody reads more, and machines read the other formats.
const MOST_ROWS: usize = 1_000;

pub async fn run(what: &QueryArgs, address: &LakeAddress, output: Printer) -> anyhow::Result<CliStatus> {
    let database = address.glue_database()?;
    let aws = address.aws().await?;
    let store = address.store(&aws)?;
    let definition = address.definition(&store).await?;
    let lake = components::tables(&aws, &store, database);
    let limits = Limits { memory: MEMORY, spill_to: None };
    let session = Session::open(&lake, &store, &definition, &limits)?;
    let mut progress = Progress::new(None, "rows");
    let QueryAnswer { schema, mut rows } =
        progress.during(session.sql(&what.sql)).await.map_err(|error| explain(error, &definition))?;
    let format = if output.json { Format::Json } else { what.format };
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut table = Vec::new();
    let mut count = 0;
    if format == Format::Csv {
        output.text(&csv_line(names.iter().map(|name| (*name).to_owned())))?;
    }
    while let Some(batch) = progress.during(rows.next()).await {
        let batch = readable(&batch?)?;
        count += batch.num_rows();
        progress.at(count as u64);
        match format {
            Format::Json => output.text(&json_lines(&batch)?)?,
            Format::Csv => {
                let lines: String = cells(&batch, "")?.into_iter().map(|row| csv_line(row.into_iter())).collect();
                output.text(&lines)?;
            }
            Format::Table => {
                table.extend(cells(&batch, "null")?);
                if count > MOST_ROWS {
                    break;
                }
            }
        }
    }
    drop(progress);
    if format == Format::Table {
        let columns: Vec<Heading<'_>> = schema
            .fields()
            .iter()
            .map(|field| {
                if field.data_type().is_numeric() { Heading::Number(field.name()) } else { Heading::Text(field.name()) }
            })
            .collect();
        let more = table.len() > MOST_ROWS;
        table.truncate(MOST_ROWS);
        let rows = table.into_iter().map(|row| row.into_iter().map(CellText::from).collect()).collect();
        output.table(&columns, rows, "no rows")?;
        if more {
            complain(&format!("foz: there are more than {MOST_ROWS} rows; --json or --format csv prints them all"));
        }
    }
    Ok(CliStatus::Ok)
}

/// Adds to an error about a table that was not found the names of those that there are.
fn explain(error: QueryError, definition: &Definition) -> anyhow::Error {
    if !error.to_string().contains("table '") {
        return error.into();
    }
    let streams: Vec<_> = definition.streams.keys().map(|name| name.as_str()).collect();
    anyhow::anyhow!(
        "{error}\n     the streams are {}; a stream's tables (…, …_changes, …_quarantine, raw_…) exist once something is in them",
        streams.join(", ")
    )
}

/// Shows binary columns as text where they are text: a body is bytes to the lake, but text to people.
fn readable(batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let columns = batch.columns().iter().map(|column| match column.data_type() {
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => as_text(column),
        _ => column.clone(),
    });
    let fields = batch.schema().fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>();
    let columns: Vec<(String, ArrayRef)> = fields.into_iter().zip(columns).collect();
    if columns.is_empty() {
        Ok(batch.clone())
    } else {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
    }
}

fn as_text(column: &ArrayRef) -> ArrayRef {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    match cast_with_options(column, &DataType::Utf8, &options) {
        // What is not UTF-8 would become null.
        Ok(text) if text.null_count() == column.null_count() => text,
        _ => column.clone(),
    }
}

fn cells(batch: &RecordBatch, null: &str) -> Result<Vec<Vec<String>>, ArrowError> {
    let options = FormatOptions::default().with_null(null);
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| column.value(row).try_to_string()).collect()).collect()
}

/// One line of CSV by RFC 4180, but ended as Unix tools expect.
fn csv_line(cells: impl Iterator<Item = String>) -> String {
    let quoted = cells.map(|cell| {
        if cell.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
    });
    format!("{}\n", quoted.collect::<Vec<_>>().join(","))
}

fn json_lines(batch: &RecordBatch) -> anyhow::Result<String> {
    let builder = WriterBuilder::new().with_explicit_nulls(true).with_encoder_factory(Arc::new(Floats));
    let mut writer = builder.build::<_, LineDelimited>(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    String::from_utf8(writer.into_inner()).context("writing JSON")
}

/// Writes floating-point numbers that JSON lacks as texts, as they are read from messages; the writer's own way is null.
#[derive(Debug)]
struct Floats;

impl EncoderFactory for Floats {
    fn make_default_encoder<'a>(
        &self,
        _: &'a FieldRef,
        array: &'a dyn Array,
        _: &'a EncoderOptions,
    ) -> Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder: Box<dyn Encoder + 'a> = match array.data_type() {
            DataType::Float32 => Box::new(FloatEncoder(array.as_primitive::<Float32Type>())),
            DataType::Float64 => Box::new(FloatEncoder(array.as_primitive::<Float64Type>())),
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

struct FloatEncoder<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>);

impl<T: ArrowPrimitiveType<Native: Into<f64> + serde::Serialize>> Encoder for FloatEncoder<'_, T> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        let value = self.0.value(row);
        let text: &[u8] = match value.into() {
            wide if wide.is_nan() => b"\"NaN\"",
            f64::INFINITY => b"\"Infinity\"",
            f64::NEG_INFINITY => b"\"-Infinity\"",
            _ => {
                // In its own width, so that it gets no digits that it does not have. Writing to a Vec does not fail.
                let _ = serde_json::to_writer(out, &value);
                return;
            }
        };
        out.extend_from_slice(text);
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::{BinaryArray, Float32Array, Float64Array, Int64Array, ListArray, StringArray};

    use super::*;

    fn batch() -> RecordBatch {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(Int64Array::from(vec![Some(1), None]))),
            ("body", Arc::new(BinaryArray::from(vec![&b"{\"a\":1}"[..], b"x,y"]))),
            ("bytes", Arc::new(BinaryArray::from(vec![&b"\xff"[..], b"ok"]))),
            ("text", Arc::new(StringArray::from(vec!["a\"b", "c"]))),
        ];
        readable(&RecordBatch::try_from_iter(columns).unwrap()).unwrap()
    }

    #[test]
    fn csv_quotes_what_needs_it() {
        let lines: Vec<_> = cells(&batch(), "").unwrap().into_iter().map(|row| csv_line(row.into_iter())).collect();
        assert_eq!(lines, ["1,\"{\"\"a\"\":1}\",ff,\"a\"\"b\"\n", ",\"x,y\",6f6b,c\n"]);
    }

    #[test]
    fn json_keeps_nulls_and_shows_bodies() {
        let expected = "{\"id\":1,\"body\":\"{\\\"a\\\":1}\",\"bytes\":\"ff\",\"text\":\"a\\\"b\"}\n\
                        {\"id\":null,\"body\":\"x,y\",\"bytes\":\"6f6b\",\"text\":\"c\"}\n";
        assert_eq!(json_lines(&batch()).unwrap(), expected);
    }

    #[test]
    fn json_writes_numbers_that_it_lacks_as_texts() {
        let wide = Float64Array::from(vec![Some(f64::NAN), Some(f64::INFINITY), None, Some(0.1)]);
        let single = Float32Array::from(vec![f32::NEG_INFINITY, 0.1, -0.0, 1e30]);
        let lists = vec![Some(vec![Some(f64::NAN), None]), None, Some(vec![Some(1.0)]), Some(vec![])];
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("wide", Arc::new(wide)),
            ("single", Arc::new(single)),
            ("list", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
        ];
        let expected = "{\"wide\":\"NaN\",\"single\":\"-Infinity\",\"list\":[\"NaN\",null]}\n\
                        {\"wide\":\"Infinity\",\"single\":0.1,\"list\":null}\n\
                        {\"wide\":null,\"single\":-0.0,\"list\":[1.0]}\n\
                        {\"wide\":0.1,\"single\":1e+30,\"list\":[]}\n";
        assert_eq!(json_lines(&RecordBatch::try_from_iter(columns).unwrap()).unwrap(), expected);
    }
}
