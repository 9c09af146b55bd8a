//! Writes rows as the Parquet files of a table, not yet committed.

use std::collections::HashMap;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::datatypes::SchemaRef;
use iceberg::arrow::RecordBatchPartitionSplitter;
use iceberg::spec::{DataFile, DataFileBuilder, DataFileBuilderError, DataFileFormat, Datum, PrimitiveType};
use iceberg::writer::base_writer::data_file_writer::DataFileWriterBuilder;
use iceberg::writer::file_writer::ParquetWriterBuilder;
use iceberg::writer::file_writer::location_generator::{DefaultFileNameGenerator, DefaultLocationGenerator};
use iceberg::writer::file_writer::rolling_writer::RollingFileWriterBuilder;
use iceberg::writer::partitioning::PartitioningWriter;
use iceberg::writer::partitioning::fanout_writer::FanoutWriter;
use iceberg::writer::{IcebergWriter, IcebergWriterBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use crate::cast::cast;
use crate::error::LakeError;
use crate::places::KEY;
use crate::table::Table;
use crate::tables::Tables;

/// Bytes of a row group, which is held in memory until it is full.
const ROW_GROUP: usize = 64 * 1024 * 1024;

/// Bytes after which a file is completed: large enough that a bucket is few requests, small enough that rewriting one
/// is cheap.
const TARGET_FILE: usize = 256 * 1024 * 1024;

/// Bytes of a page of keys before compression. A page is the least that is read to find a key: of Parquet's usual pages of
/// twenty thousand rows, a few changes would touch all.
const KEY_PAGE: usize = 4 * 1024;

/// Rows after which is looked whether a page is full.
const KEY_PAGE_ROWS: usize = 256;

type Builder = DataFileWriterBuilder<ParquetWriterBuilder, DefaultLocationGenerator, DefaultFileNameGenerator>;

/// Writes rows of one table below a prefix of their own. Memory: one row group for each open bucket.
pub struct StagedWriter {
    table: String,
    schema: SchemaRef,
    rows: u64,
    files: Writer,
}

enum Writer {
    Whole(Box<<Builder as IcebergWriterBuilder>::R>),
    Bucketed { splitter: Box<RecordBatchPartitionSplitter>, writer: Box<FanoutWriter<Builder>> },
}

impl Tables {
    /// A writer of files of the table below `prefix` (a key that ends in `/`). Names are never the same twice.
    pub async fn writer(&self, table: &Table, prefix: &str) -> Result<StagedWriter, LakeError> {
        let metadata = table.iceberg().metadata();
        let (schema, spec) = (metadata.current_schema(), metadata.default_partition_spec());
        let files = RollingFileWriterBuilder::new(
            ParquetWriterBuilder::new(properties(!spec.is_unpartitioned()), schema.clone()),
            TARGET_FILE,
            self.io.clone(),
            DefaultLocationGenerator::with_data_location(self.uri(prefix.trim_end_matches('/'))),
            DefaultFileNameGenerator::new(
                table.name().to_owned(),
                Some(Uuid::new_v4().simple().to_string()),
                DataFileFormat::Parquet,
            ),
        );
        let builder = DataFileWriterBuilder::new(files);
        let files = if spec.is_unpartitioned() {
            Writer::Whole(Box::new(builder.build(None).await?))
        } else {
            let splitter = RecordBatchPartitionSplitter::try_new_with_computed_values(schema.clone(), spec.clone())?;
            Writer::Bucketed { splitter: Box::new(splitter), writer: Box::new(FanoutWriter::new(builder)) }
        };
        Ok(StagedWriter { table: table.name().to_owned(), schema: table.schema()?, rows: 0, files })
    }
}

impl StagedWriter {
    /// Adds rows. Columns are found by name and cast to the table's types; those that the batch lacks are null.
    ///
    /// # Errors
    /// [`LakeError::Incompatible`] if the batch has a column that the table lacks or a value that does not fit.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = conform(batch, &self.schema).map_err(|what| LakeError::incompatible(&self.table, what))?;
        self.rows += batch.num_rows() as u64;
        match &mut self.files {
            Writer::Whole(writer) => writer.write(batch).await?,
            Writer::Bucketed { splitter, writer } => {
                for (partition, rows) in splitter.split(&batch)? {
                    writer.write(partition, rows).await?;
                }
            }
        }
        Ok(())
    }

    /// Number of rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Completes the files; there are none if there were no rows.
    pub async fn close(self) -> Result<Vec<DataFile>, LakeError> {
        let files = match self.files {
            Writer::Whole(mut writer) => writer.close().await?,
            Writer::Bucketed { writer, .. } => writer.close().await?,
        };
        files.into_iter().map(|file| sound_bounds(file).map_err(|e| LakeError::incompatible(&self.table, e))).collect()
    }
}

/// How files are written; in a table that is divided by keys, rows are found again by them.
fn properties(by_key: bool) -> WriterProperties {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_bytes(Some(ROW_GROUP));
    if !by_key {
        return properties.build();
    }
    let key = ColumnPath::from(KEY);
    properties
        .set_write_batch_size(KEY_PAGE_ROWS)
        .set_column_data_page_size_limit(key.clone(), KEY_PAGE)
        // Each key stands there once.
        .set_column_dictionary_enabled(key, false)
        .build()
}

/// Drops the bounds of texts and bytes in files of several row groups.
///
/// Parquet cuts long values in its statistics, and iceberg 0.10 skips what was cut: if one row group's greatest value was cut
/// and another's was not, the file's upper bound would be the lesser of the two, and readers would miss rows.
fn sound_bounds(file: DataFile) -> Result<DataFile, DataFileBuilderError> {
    if file.split_offsets().is_none_or(|offsets| offsets.len() < 2) {
        return Ok(file);
    }
    let fixed = |bounds: &HashMap<i32, Datum>| {
        let cut = |datum: &Datum| matches!(datum.data_type(), PrimitiveType::String | PrimitiveType::Binary);
        bounds.iter().filter(|(_, datum)| !cut(datum)).map(|(id, datum)| (*id, datum.clone())).collect()
    };
    let mut builder = DataFileBuilder::default();
    builder
        .content(file.content_type())
        .file_path(file.file_path().to_owned())
        .file_format(file.file_format())
        .partition(file.partition().clone())
        .record_count(file.record_count())
        .file_size_in_bytes(file.file_size_in_bytes())
        .column_sizes(file.column_sizes().clone())
        .value_counts(file.value_counts().clone())
        .null_value_counts(file.null_value_counts().clone())
        .nan_value_counts(file.nan_value_counts().clone())
        .lower_bounds(fixed(file.lower_bounds()))
        .upper_bounds(fixed(file.upper_bounds()))
        .split_offsets(file.split_offsets().map(<[i64]>::to_vec));
    builder.build()
}

/// The batch with exactly the table's columns, types and field ids.
fn conform(batch: &RecordBatch, target: &SchemaRef) -> Result<RecordBatch, String> {
    let source = batch.schema();
    if let Some(extra) = source.fields().iter().find(|f| target.column_with_name(f.name()).is_none()) {
        return Err(format!("it has no column {}", extra.name()));
    }
    let column = |field: &arrow::datatypes::FieldRef| -> Result<ArrayRef, String> {
        let column = match batch.column_by_name(field.name()) {
            Some(column) => cast(column, field.data_type()).map_err(|e| format!("column {}: {e}", field.name()))?,
            None => new_null_array(field.data_type(), batch.num_rows()),
        };
        if !field.is_nullable() && column.null_count() > 0 {
            return Err(format!("column {} must not be null", field.name()));
        }
        Ok(column)
    };
    let columns = target.fields().iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(target.clone(), columns, &options).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use arrow::array::{Int32Array, Int64Array, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    fn target() -> SchemaRef {
        Arc::new(Schema::new(vec![Field::new("a", DataType::Int32, false), Field::new("b", DataType::Utf8, true)]))
    }

    fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
            .unwrap()
    }

    #[test]
    fn columns_are_found_by_name_cast_and_filled() {
        let got = conform(&batch(vec![("a", Arc::new(Int64Array::from(vec![1, 2])))]), &target()).unwrap();
        let b: ArrayRef = Arc::new(StringArray::new_null(2));
        let want = RecordBatch::try_new(target(), vec![Arc::new(Int32Array::from(vec![1, 2])), b]).unwrap();
        assert_eq!(got, want);
    }

    #[test]
    fn bounds_of_texts_are_trusted_in_one_row_group_only() {
        let file = |row_groups: i64| {
            let mut builder = DataFileBuilder::default();
            builder.content(iceberg::spec::DataContentType::Data).file_format(DataFileFormat::Parquet);
            builder.file_path("f".into()).record_count(1).file_size_in_bytes(1);
            builder.split_offsets(Some((0..row_groups).collect()));
            builder.upper_bounds(HashMap::from([(1, Datum::string("m")), (2, Datum::long(7))]));
            builder.build().unwrap()
        };
        assert_eq!(sound_bounds(file(1)).unwrap(), file(1));
        let several = sound_bounds(file(2)).unwrap();
        assert_eq!(several.upper_bounds(), &HashMap::from([(2, Datum::long(7))]));
        assert_eq!((several.record_count(), several.split_offsets()), (1, Some(&[0, 1][..])));
    }

    #[test]
    fn nothing_is_lost_silently() {
        let refusal = |columns| conform(&batch(columns), &target()).unwrap_err();
        assert_eq!(refusal(vec![("c", Arc::new(Int32Array::from(vec![1])))]), "it has no column c");
        assert!(refusal(vec![("a", Arc::new(Int64Array::from(vec![i64::MAX])))]).starts_with("column a: "));
        assert_eq!(refusal(vec![("b", Arc::new(StringArray::from(vec!["x"])))]), "column a must not be null");
    }
}
