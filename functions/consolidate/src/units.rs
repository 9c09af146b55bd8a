//! The files of a table by unit: those of all buckets whose keys can meet.

use std::collections::BTreeMap;
use std::sync::Arc;

use foz_domain::maintenance::UnitFacts;
use foz_lake::{Bucket, DeleteFile, LakeError, LiveFile, LiveFiles, Partition, Table};

/// The files of a unit.
#[derive(Debug, Clone, Default)]
pub struct UnitFiles {
    /// Those that hold rows.
    pub files: Vec<LiveFile>,
    /// Those that name deleted rows.
    pub deletes: Vec<Arc<DeleteFile>>,
}

/// The files of a table.
#[derive(Debug, Clone, Default)]
pub struct Units(BTreeMap<u32, UnitFiles>);

impl UnitFiles {
    /// How many and how large they are.
    pub fn facts(&self) -> UnitFacts {
        let sum = |of: fn(&LiveFile) -> u64| self.files.iter().map(of).sum();
        UnitFacts {
            files: self.files.len() as u64,
            bytes: sum(LiveFile::bytes),
            rows: sum(LiveFile::rows),
            delete_files: self.deletes.len() as u64,
            deleted_rows: self.deletes.iter().map(|delete| delete.rows()).sum(),
        }
    }

    /// The paths of all of them.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        let files = self.files.iter().map(|file| file.path().to_owned());
        files.chain(self.deletes.iter().map(|delete| delete.path().to_owned()))
    }
}

impl Units {
    /// The files of the table in that number of units, which divides the numbers of buckets of all of them.
    ///
    /// # Errors
    /// A file has no bucket, so that nobody knows which rows it holds.
    pub fn new(table: &Table, live: LiveFiles, of: u32) -> Result<Self, LakeError> {
        let mut units: BTreeMap<u32, UnitFiles> = BTreeMap::new();
        let unit = |bucket: Option<Bucket>, path: &str| {
            let bucket = bucket.ok_or_else(|| LakeError::Incompatible {
                table: table.name().to_owned(),
                what: format!("its file {path} is in no bucket; roll it back to its last snapshot by Foz"),
            })?;
            Ok::<_, LakeError>(bucket.within(of).number)
        };
        for file in live.data {
            units.entry(unit(file.bucket, file.path())?).or_default().files.push(file);
        }
        for delete in live.deletes {
            units.entry(unit(delete.bucket, delete.path())?).or_default().deletes.push(delete);
        }
        Ok(Self(units))
    }

    /// The files of the unit.
    pub fn take(&mut self, unit: u32) -> UnitFiles {
        self.0.remove(&unit).unwrap_or_default()
    }
}

/// The number of units of tables whose keys are divided alike: the greatest that divides all their numbers of buckets.
pub fn number<'a>(tables: impl IntoIterator<Item = (&'a Table, &'a LiveFiles)>) -> u32 {
    let of_table = |(table, live): (&Table, &LiveFiles)| {
        let declared = match table.partition() {
            Some(Partition::Bucket { buckets, .. }) => Some(buckets),
            _ => None,
        };
        let files = live.data.iter().map(|file| file.bucket).chain(live.deletes.iter().map(|delete| delete.bucket));
        files.flatten().map(|bucket| bucket.of).chain(declared).fold(0, divisor)
    };
    tables.into_iter().map(of_table).fold(0, divisor).max(1)
}

const fn divisor(one: u32, other: u32) -> u32 {
    let (mut one, mut other) = (one, other);
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}
