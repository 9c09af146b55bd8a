//! Files that name deleted rows, by path and position: Iceberg's position deletes of version 2.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use foz_domain::keys;
use iceberg::spec::{DataContentType, DataFileBuilder, DataFileFormat, Datum, Struct};
use parquet::arrow::{ArrowWriter, PARQUET_FIELD_ID_META_KEY};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use uuid::Uuid;

use crate::error::LakeError;
use crate::live::LiveFile;
use crate::places::{PATH, POSITION};
use crate::table::Table;
use crate::table_commit::NewDeletes;
use crate::tables::Tables;

/// The names of the columns, as Iceberg has them.
const COLUMNS: [&str; 2] = ["file_path", "pos"];

/// Rows that are to be deleted.
#[derive(Debug, Default)]
pub struct Deletes {
    /// The positions, by the partition of the files and their paths.
    partitions: HashMap<(i32, Struct), BTreeMap<String, Vec<u64>>>,
}

impl Deletes {
    /// Adds rows of a file.
    pub fn add(&mut self, file: &LiveFile, positions: impl IntoIterator<Item = u64>) {
        let mut positions = positions.into_iter().peekable();
        if positions.peek().is_none() {
            return;
        }
        let partition = self.partitions.entry((file.spec, file.file.partition().clone())).or_default();
        partition.entry(file.path().to_owned()).or_default().extend(positions);
    }

    /// Takes in the rows of others.
    pub fn extend(&mut self, others: Self) {
        for (place, files) in others.partitions {
            let partition = self.partitions.entry(place).or_default();
            for (path, positions) in files {
                partition.entry(path).or_default().extend(positions);
            }
        }
    }
}

impl Tables {
    /// Writes files that name these rows of the table, one for each partition; not yet committed.
    ///
    /// # Errors
    /// They cannot be written.
    pub async fn write_deletes(&self, table: &Table, deletes: Deletes) -> Result<Vec<NewDeletes>, LakeError> {
        let mut written = Vec::with_capacity(deletes.partitions.len());
        for ((spec, partition), files) in deletes.partitions {
            let rows = files.values().map(|positions| positions.len() as u64).sum();
            let referenced = files.keys().next().filter(|_| files.len() == 1).cloned();
            let bounds = files.keys().next().zip(files.keys().next_back());
            let bounds = bounds.map(|(least, greatest)| (Datum::string(least), Datum::string(greatest)));
            let bytes = encode(&files)?;
            let name = format!("{}data/{}-deletes.parquet", keys::table(table.name()), Uuid::new_v4().simple());
            let path = self.uri(&name);
            let mut file = DataFileBuilder::default();
            file.content(DataContentType::PositionDeletes)
                .file_path(path.clone())
                .file_format(DataFileFormat::Parquet)
                .partition(partition)
                .partition_spec_id(spec)
                .record_count(rows)
                .file_size_in_bytes(bytes.len() as u64)
                .referenced_data_file(referenced);
            if let Some((least, greatest)) = bounds {
                file.lower_bounds(HashMap::from([(PATH, least)])).upper_bounds(HashMap::from([(PATH, greatest)]));
            }
            let file = file.build().map_err(|e| LakeError::incompatible(table.name(), e))?;
            self.io.new_output(path)?.write(bytes.into()).await?;
            written.push(NewDeletes { file, spec });
        }
        Ok(written)
    }
}

fn encode(files: &BTreeMap<String, Vec<u64>>) -> Result<Vec<u8>, LakeError> {
    let field = |name: &str, kind, id: i32| {
        let id = HashMap::from([(PARQUET_FIELD_ID_META_KEY.to_owned(), id.to_string())]);
        Field::new(name, kind, false).with_metadata(id)
    };
    let [path, position] = COLUMNS;
    let schema = Schema::new(vec![field(path, DataType::Utf8, PATH), field(position, DataType::Int64, POSITION)]);
    let schema = Arc::new(schema);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_column_dictionary_enabled(ColumnPath::from(position), false)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), schema.clone(), Some(properties))?;
    for (file, positions) in files {
        let mut sorted = positions.clone();
        sorted.sort_unstable();
        let paths = StringArray::from_iter_values(std::iter::repeat_n(file, sorted.len()));
        let positions = sorted.into_iter().map(|position| i64::try_from(position).unwrap_or(i64::MAX));
        let positions = Int64Array::from_iter_values(positions);
        writer.write(&RecordBatch::try_new(schema.clone(), vec![Arc::new(paths), Arc::new(positions)])?)?;
    }
    Ok(writer.into_inner()?)
}
