//! The files of a table by their bucket, and which buckets are read together.

use std::collections::{BTreeMap, BTreeSet};

use foz_engine::merge::Rows;
use foz_lake::{LakeError, LiveFile, Table};
use futures::stream::{self, StreamExt};

/// Bytes of files that are merged at once. What they hold is some times as much, and still far from filling the disk that
/// a merge spills to; and small tables are read as a whole, without waiting for the store once for each bucket.
const TOGETHER: u64 = 128 << 20;

/// The files of a bucketed table.
#[derive(Debug, Clone)]
pub struct BucketFiles {
    table: Table,
    files: BTreeMap<i32, Vec<LiveFile>>,
}

impl BucketFiles {
    /// These files of the table.
    ///
    /// # Errors
    /// A file has no bucket, so that nobody knows which rows it holds.
    pub fn new(table: &Table, live: &[LiveFile]) -> Result<Self, LakeError> {
        let mut files: BTreeMap<i32, Vec<LiveFile>> = BTreeMap::new();
        for file in live {
            let bucket = file.bucket.ok_or_else(|| LakeError::Incompatible {
                table: table.name().to_owned(),
                what: format!("its file {} is in no bucket; roll it back to its last snapshot by Foz", file.path()),
            })?;
            files.entry(bucket).or_default().push(file.clone());
        }
        Ok(Self { table: table.clone(), files })
    }

    /// The last buckets of those that are merged together; the last ones of all have no end.
    pub fn together(&self) -> BTreeSet<i32> {
        ends(self.files.iter().map(|(bucket, files)| (*bucket, files.iter().map(LiveFile::bytes).sum())))
    }

    /// The rows of these buckets.
    ///
    /// # Errors
    /// The table cannot be read so.
    pub fn read(&self, buckets: &BTreeSet<i32>) -> Result<Rows, LakeError> {
        let files: Vec<LiveFile> =
            buckets.iter().filter_map(|bucket| self.files.get(bucket)).flatten().cloned().collect();
        if files.is_empty() { Ok(stream::empty().boxed()) } else { self.table.read(&files) }
    }
}

fn ends(sizes: impl Iterator<Item = (i32, u64)>) -> BTreeSet<i32> {
    let mut taken = 0;
    let mut ends = BTreeSet::new();
    for (bucket, bytes) in sizes {
        if taken > 0 && taken + bytes > TOGETHER {
            ends.insert(bucket - 1);
            taken = 0;
        }
        taken += bytes;
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_merged_together_as_long_as_they_are_small() {
        let ends = |sizes: &[(i32, u64)]| ends(sizes.iter().copied()).into_iter().collect::<Vec<_>>();
        assert_eq!(ends(&[]), [] as [i32; 0]);
        assert_eq!(ends(&[(0, 5), (1, 5), (3, TOGETHER - 10)]), [] as [i32; 0]);
        assert_eq!(ends(&[(0, 5), (1, TOGETHER), (4, TOGETHER + 1), (5, 1)]), [0, 3, 4]);
    }
}
