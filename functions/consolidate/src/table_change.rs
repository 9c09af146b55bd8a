//! What an image does to the files of one table.

use foz_lake::{Deletes, Files, LakeError, Table, Tables};
use iceberg::spec::DataFile;

/// Files that come and go, and rows that are deleted where they are.
#[derive(Debug, Default)]
pub struct TableChange {
    pub added: Vec<DataFile>,
    /// Paths of the files that go.
    pub removed: Vec<String>,
    pub deletes: Deletes,
}

impl TableChange {
    /// Takes in what is done to other units.
    pub fn extend(&mut self, other: Self) {
        self.added.extend(other.added);
        self.removed.extend(other.removed);
        self.deletes.extend(other.deletes);
    }

    /// The change as it is committed, based on the state of the table from which it was computed.
    ///
    /// # Errors
    /// The files that name deleted rows cannot be written.
    pub async fn finish(self, lake: &Tables, table: &Table) -> Result<Files, LakeError> {
        let Self { added, removed, deletes } = self;
        let deletes = lake.write_deletes(table, deletes).await?;
        Ok(Files::Overwrite { base: table.snapshot_id(), removed, added, deletes })
    }
}
