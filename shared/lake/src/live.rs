//! The files of a table's current snapshot: those that hold rows, and those that say which of the rows are deleted.

use std::collections::HashMap;
use std::sync::Arc;

use iceberg::spec::{DataContentType, DataFile, Literal, PrimitiveLiteral, Struct, Transform};

use crate::error::LakeError;
use crate::partition::Bucket;
use crate::snapshot::{self, Listed};
use crate::table::Table;

/// A file that holds rows of a table's current snapshot.
#[derive(Debug, Clone)]
pub struct LiveFile {
    /// Iceberg's record of it.
    pub file: DataFile,
    /// The keys that it may hold; `None` if it may hold any.
    pub bucket: Option<Bucket>,
    /// The partition spec by which it was written.
    pub(crate) spec: i32,
    /// The delete files that may name rows of it.
    pub deletes: Vec<Arc<DeleteFile>>,
}

/// A file that says by path and position which rows are deleted.
#[derive(Debug, Clone)]
pub struct DeleteFile {
    /// Iceberg's record of it.
    pub file: DataFile,
    /// The keys of the rows that it names; `None` if it may be any.
    pub bucket: Option<Bucket>,
    /// The partition spec of the files that it names.
    pub(crate) spec: i32,
}

/// The files of a table's current snapshot.
#[derive(Debug, Clone, Default)]
pub struct LiveFiles {
    pub data: Vec<LiveFile>,
    pub deletes: Vec<Arc<DeleteFile>>,
}

impl LiveFile {
    /// The file's path.
    pub fn path(&self) -> &str {
        self.file.file_path()
    }

    /// Number of rows, deleted ones included.
    pub fn rows(&self) -> u64 {
        self.file.record_count()
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.file_size_in_bytes()
    }
}

impl DeleteFile {
    /// The file's path.
    pub fn path(&self) -> &str {
        self.file.file_path()
    }

    /// Number of rows that it names.
    pub fn rows(&self) -> u64 {
        self.file.record_count()
    }

    /// Size in bytes.
    pub fn bytes(&self) -> u64 {
        self.file.file_size_in_bytes()
    }
}

impl Table {
    /// The files of the current snapshot.
    ///
    /// # Errors
    /// They cannot be listed, or some of the deletes are of a kind that only other engines write and read.
    pub async fn live(&self) -> Result<LiveFiles, LakeError> {
        let (mut data, mut deletes) = (Vec::new(), HashMap::<_, Vec<(i64, Arc<DeleteFile>)>>::new());
        for listed in snapshot::live_files(self).await? {
            match listed.file.content_type() {
                DataContentType::Data => data.push(listed),
                DataContentType::PositionDeletes if listed.file.content_offset().is_none() => {
                    let Listed { file, spec, sequence } = listed;
                    let place = (spec, file.partition().clone());
                    let delete = DeleteFile { bucket: self.bucket(spec, file.partition()), file, spec };
                    deletes.entry(place).or_default().push((sequence, Arc::new(delete)));
                }
                DataContentType::PositionDeletes | DataContentType::EqualityDeletes => {
                    let what = format!(
                        "{} deletes rows in a way that is not read here: let the engine that wrote it rewrite the table's data \
                         files, then go on",
                        listed.file.file_path()
                    );
                    return Err(LakeError::incompatible(self.name(), what));
                }
            }
        }
        let data = data.into_iter().map(|Listed { file, spec, sequence }| {
            let of_place = deletes.get(&(spec, file.partition().clone())).into_iter().flatten();
            let applies = |(of, delete): &&(i64, Arc<DeleteFile>)| {
                *of >= sequence && delete.file.referenced_data_file().is_none_or(|path| path == file.file_path())
            };
            let of_file = of_place.filter(applies).map(|(_, delete)| delete.clone()).collect();
            LiveFile { bucket: self.bucket(spec, file.partition()), file, spec, deletes: of_file }
        });
        let data = data.collect();
        Ok(LiveFiles { data, deletes: deletes.into_values().flatten().map(|(_, delete)| delete).collect() })
    }

    /// The files of the current snapshot that hold rows.
    ///
    /// # Errors
    /// Those of [`Table::live`].
    pub async fn files(&self) -> Result<Vec<LiveFile>, LakeError> {
        Ok(self.live().await?.data)
    }

    /// The bucket that a partition of the spec is; `None` if it is none.
    fn bucket(&self, spec: i32, partition: &Struct) -> Option<Bucket> {
        let spec = self.inner.metadata().partition_spec_by_id(spec)?;
        match (spec.fields(), partition.fields()) {
            ([field], [Some(Literal::Primitive(PrimitiveLiteral::Int(number)))]) => match field.transform {
                Transform::Bucket(of) => Some(Bucket { of, number: u32::try_from(*number).ok()? }),
                _ => None,
            },
            _ => None,
        }
    }
}
