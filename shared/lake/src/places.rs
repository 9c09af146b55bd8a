//! Where the rows with some keys are: found by reading keys only, and of these only the pages that may hold one.
//!
//! Nothing depends on the order of a file's rows; that they are sorted by their key is why few pages are read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray, UInt32Array};
use arrow::compute::{concat, take};
use futures::TryStreamExt;
use iceberg::arrow::ArrowFileReader;
use iceberg::io::FileMetadata;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection, RowSelector};
use parquet::arrow::async_reader::ParquetRecordBatchStreamBuilder;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::schema::types::SchemaDescriptor;

use crate::error::LakeError;
use crate::live::LiveFile;
use crate::table::Table;

/// The column that names a row's entity.
pub(crate) const KEY: &str = "_key";

/// Rows of a batch of keys.
const ROWS: usize = 8192;

/// Bytes at the end of a file that are fetched first: the footer, and of most files the index of pages.
const TAIL: usize = 64 * 1024;

/// Keys, ascending, each once.
#[derive(Debug, Clone)]
pub struct Keys(StringArray);

/// The rows of one file that have some of the keys.
#[derive(Debug, Clone)]
pub struct Places {
    /// Which key each has, by its number.
    pub keys: Vec<u32>,
    /// Where each is, ascending.
    pub positions: Vec<u64>,
    /// The values of the column that was asked for beside the keys; `None` if none was, or the file has none.
    pub versions: Option<ArrayRef>,
}

/// Positions of deleted rows, by the path of the file that they are in.
pub type Deleted = HashMap<String, roaring::RoaringTreemap>;

impl Keys {
    /// These keys, which must be ascending and different.
    pub fn new(keys: StringArray) -> Self {
        debug_assert!((1..keys.len()).all(|i| keys.value(i - 1) < keys.value(i)));
        Self(keys)
    }

    /// Whether one of them lies between these two, both included.
    fn any_within(&self, least: &[u8], greatest: &[u8]) -> bool {
        let first = self.first_from(least);
        first < self.0.len() && self.0.value(first).as_bytes() <= greatest
    }

    /// The number of the first key that is not below `bound`.
    fn first_from(&self, bound: &[u8]) -> usize {
        let (mut lo, mut hi) = (0, self.0.len());
        while lo < hi {
            let middle = lo.midpoint(hi);
            if self.0.value(middle).as_bytes() < bound { lo = middle + 1 } else { hi = middle }
        }
        lo
    }
}

/// The next key to look for, in a file whose keys usually ascend.
struct Cursor<'a> {
    keys: &'a Keys,
    next: usize,
}

impl Cursor<'_> {
    /// The number of that key; `None` if it is none of them.
    fn find(&mut self, key: &str) -> Option<u32> {
        let keys = &self.keys.0;
        // One that is below what was passed: the file is not in order there.
        if self.next > 0 && key <= keys.value(self.next - 1) {
            self.next = self.keys.first_from(key.as_bytes());
        }
        while self.next < keys.len() && keys.value(self.next) < key {
            self.next += 1;
        }
        (self.next < keys.len() && keys.value(self.next) == key).then(|| u32::try_from(self.next).ok()).flatten()
    }
}

impl Table {
    /// The positions of rows that the delete files of these files name.
    ///
    /// # Errors
    /// One of them cannot be read.
    pub async fn deleted(&self, files: &[LiveFile]) -> Result<Deleted, LakeError> {
        let mut deleted = Deleted::new();
        let all: HashMap<&str, u64> =
            files.iter().flat_map(|file| &file.deletes).map(|delete| (delete.path(), delete.bytes())).collect();
        for (path, bytes) in all {
            let opened = Opened::open(self, path, bytes, false).await?;
            let columns = [PATH, POSITION].map(|id| opened.leaf(id));
            let [Some(file), Some(position)] = columns else {
                return Err(LakeError::damaged(path, "it has not the columns of a file that names deleted rows"));
            };
            let mut rows = opened.stream([file, position].into_iter(), None)?;
            while let Some(rows) = rows.try_next().await? {
                let wrong = || LakeError::damaged(path, "its columns are not texts and numbers");
                let names = arrow::compute::cast(rows.column(0), &arrow::datatypes::DataType::Utf8)?;
                let names = names.as_string_opt::<i32>().ok_or_else(wrong)?;
                let positions = rows.column(1).as_primitive_opt::<arrow::datatypes::Int64Type>().ok_or_else(wrong)?;
                let mut of_file: Option<(&str, &mut roaring::RoaringTreemap)> = None;
                for (name, position) in names.iter().flatten().zip(positions.values()) {
                    let positions = match of_file.take() {
                        Some((of, positions)) if of == name => positions,
                        _ => {
                            if !deleted.contains_key(name) {
                                deleted.insert(name.to_owned(), roaring::RoaringTreemap::new());
                            }
                            deleted.get_mut(name).ok_or_else(wrong)?
                        }
                    };
                    positions.insert(u64::try_from(*position).map_err(|_| wrong())?);
                    of_file = Some((name, positions));
                }
            }
        }
        Ok(deleted)
    }

    /// Where the rows of the file are that have one of the keys and are not deleted, with their values of another column
    /// if `version` names one.
    ///
    /// # Errors
    /// The file cannot be read.
    pub async fn places(
        &self,
        file: &LiveFile,
        keys: &Keys,
        version: Option<&str>,
        deleted: &Deleted,
    ) -> Result<Places, LakeError> {
        let opened = Opened::open(self, file.path(), file.bytes(), true).await?;
        let column = |name: &str| {
            let id = self.inner.metadata().current_schema().field_id_by_name(name);
            id.and_then(|id| opened.leaf(id))
        };
        let key = column(KEY).ok_or_else(|| LakeError::damaged(file.path(), "it has no column _key"))?;
        let version = version.and_then(column);
        let gone = deleted.get(file.path());
        let mut places = Places { keys: Vec::new(), positions: Vec::new(), versions: None };
        let (rows, selection) = opened.candidates(key, keys);
        if rows.is_empty() {
            return Ok(places);
        }
        // The columns come in the order of the file, not in that in which they are asked for.
        let version_first = version.is_some_and(|version| version < key);
        let mut batches = opened.stream([key].into_iter().chain(version), Some(selection))?;
        let mut positions = rows.into_iter().flatten();
        let mut cursor = Cursor { keys, next: 0 };
        let mut versions = Vec::new();
        while let Some(batch) = batches.try_next().await? {
            let keys =
                arrow::compute::cast(batch.column(usize::from(version_first)), &arrow::datatypes::DataType::Utf8)?;
            let mut found = Vec::new();
            for (row, (key, position)) in keys.as_string::<i32>().iter().zip(positions.by_ref()).enumerate() {
                let Some(number) = key.and_then(|key| cursor.find(key)) else { continue };
                if gone.is_some_and(|gone| gone.contains(position)) {
                    continue;
                }
                places.keys.push(number);
                places.positions.push(position);
                found.push(u32::try_from(row).unwrap_or(u32::MAX));
            }
            if version.is_some() && !found.is_empty() {
                versions.push(take(batch.column(usize::from(!version_first)), &UInt32Array::from(found), None)?);
            }
        }
        let versions: Vec<&dyn Array> = versions.iter().map(AsRef::as_ref).collect();
        places.versions = (!versions.is_empty()).then(|| concat(&versions)).transpose()?;
        Ok(places)
    }
}

/// Iceberg's field ids of the columns of a file that names deleted rows.
pub(crate) const PATH: i32 = i32::MAX - 101;
pub(crate) const POSITION: i32 = i32::MAX - 102;

/// A Parquet file whose footer was read.
struct Opened {
    reader: ArrowFileReader,
    metadata: ArrowReaderMetadata,
}

impl Opened {
    async fn open(table: &Table, path: &str, bytes: u64, pages: bool) -> Result<Self, LakeError> {
        let reader = table.inner.file_io().new_input(path)?.reader().await?;
        let mut reader = ArrowFileReader::new(FileMetadata { size: bytes }, reader);
        let policy = if pages { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
        let metadata = ParquetMetaDataReader::new().with_prefetch_hint(Some(TAIL)).with_page_index_policy(policy);
        let metadata = metadata.load_and_finish(&mut reader, bytes).await;
        let metadata = metadata.map_err(|e| LakeError::damaged(path, e))?;
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = ArrowReaderMetadata::try_new(Arc::new(metadata), options)?;
        Ok(Self { reader, metadata })
    }

    /// The number of the leaf column with that field id; `None` if the file has none.
    fn leaf(&self, id: i32) -> Option<usize> {
        leaf(self.metadata.metadata().file_metadata().schema_descr(), id)
    }

    /// The rows that may have one of the keys, as ranges and as a selection.
    fn candidates(&self, key: usize, keys: &Keys) -> (Vec<Range<u64>>, RowSelection) {
        let metadata = self.metadata.metadata();
        let mut ranges: Vec<Range<u64>> = Vec::new();
        let mut begin = 0;
        for group in 0..metadata.num_row_groups() {
            let rows = u64::try_from(metadata.row_group(group).num_rows()).unwrap_or(0);
            for range in candidates(metadata, group, key, keys) {
                let range = begin + range.start..begin + range.end;
                match ranges.last_mut() {
                    Some(last) if last.end == range.start => last.end = range.end,
                    _ => ranges.push(range),
                }
            }
            begin += rows;
        }
        let mut selectors = Vec::with_capacity(2 * ranges.len() + 1);
        let mut at = 0;
        let length = |range: Range<u64>| usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        for range in &ranges {
            selectors.push(RowSelector::skip(length(at..range.start)));
            selectors.push(RowSelector::select(length(range.clone())));
            at = range.end;
        }
        selectors.push(RowSelector::skip(length(at..begin)));
        (ranges, RowSelection::from(selectors))
    }

    /// The rows that are selected, with these leaf columns; all rows without a selection.
    fn stream(
        self,
        columns: impl Iterator<Item = usize>,
        selection: Option<RowSelection>,
    ) -> Result<parquet::arrow::async_reader::ParquetRecordBatchStream<ArrowFileReader>, LakeError> {
        let mask = ProjectionMask::leaves(self.metadata.metadata().file_metadata().schema_descr(), columns);
        let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(self.reader, self.metadata);
        let builder = builder.with_projection(mask).with_batch_size(ROWS);
        let builder = match selection {
            Some(selection) => builder.with_row_selection(selection),
            None => builder,
        };
        Ok(builder.build()?)
    }
}

fn leaf(schema: &SchemaDescriptor, id: i32) -> Option<usize> {
    let is = |column: &parquet::schema::types::ColumnDescPtr| {
        let info = column.self_type().get_basic_info();
        column.path().parts().len() == 1 && info.has_id() && info.id() == id
    };
    schema.columns().iter().position(is)
}

/// The rows of a row group that may have one of the keys, page by page; all of them if there is no index of pages.
fn candidates(metadata: &ParquetMetaData, group: usize, key: usize, keys: &Keys) -> Vec<Range<u64>> {
    let rows = u64::try_from(metadata.row_group(group).num_rows()).unwrap_or(0);
    let statistics = metadata.row_group(group).column(key).statistics();
    if let Some((least, greatest)) = statistics.and_then(|s| s.min_bytes_opt().zip(s.max_bytes_opt()))
        && !keys.any_within(least, greatest)
    {
        return Vec::new();
    }
    let bounds = metadata.column_index().map(|index| &index[group][key]);
    let pages = metadata.offset_index().map(|index| index[group][key].page_locations());
    let (Some(ColumnIndexMetaData::BYTE_ARRAY(bounds)), Some(pages)) = (bounds, pages) else {
        return std::iter::once(0..rows).collect();
    };
    let first = |page: usize| u64::try_from(pages[page].first_row_index).unwrap_or(0);
    let may_hold = |page: &usize| match (bounds.min_value(*page), bounds.max_value(*page)) {
        (Some(least), Some(greatest)) => keys.any_within(least, greatest),
        _ => false,
    };
    let of_page = |page: usize| first(page)..if page + 1 < pages.len() { first(page + 1) } else { rows };
    (0..pages.len()).filter(may_hold).map(of_page).collect()
}
