//! What a commit is to do to a table.

use foz_domain::{Range, Sequence};
use iceberg::spec::DataFile;

use crate::entity::EntityRule;

/// One change of one table.
#[derive(Debug, Clone)]
pub struct TableCommit {
    /// Names the execution that made the files: the snapshot's id follows from it.
    pub run: String,
    /// The sequences that the change brings in; `None` if it brings none, and the rows stay what they are.
    pub range: Option<Range>,
    /// What becomes of the files.
    pub files: Files,
    /// The rule by which their rows were made: the table notes it in the commit that brings rows.
    pub rule: EntityRule,
}

/// What a change does to a table's files.
#[derive(Debug, Clone)]
pub enum Files {
    /// Adds files, whatever is there; without any, the table only notes that it includes the range.
    Append(Vec<DataFile>),
    /// Replaces files and deletes rows by what was computed from the files that are there.
    Overwrite {
        /// The snapshot they were computed from; `None` if the table was empty.
        base: Option<i64>,
        /// Paths of the files that go, whether they hold rows or name deleted ones; all must be live.
        removed: Vec<String>,
        /// The files with rows that come.
        added: Vec<DataFile>,
        /// The files that name deleted rows and come.
        deletes: Vec<NewDeletes>,
    },
}

/// A file that names deleted rows, not yet committed.
#[derive(Debug, Clone)]
pub struct NewDeletes {
    /// Iceberg's record of it.
    pub file: DataFile,
    /// The partition spec of the files that it names.
    pub(crate) spec: i32,
}

impl TableCommit {
    /// The sequence through which the table goes after the change; `None` if it stays where it is.
    pub(crate) fn through(&self) -> Option<Sequence> {
        self.range.map(|range| range.hi())
    }
}

impl Files {
    /// Whether rows come with them.
    pub(crate) fn bring_rows(&self) -> bool {
        match self {
            Self::Append(added) | Self::Overwrite { added, .. } => !added.is_empty(),
        }
    }
}
