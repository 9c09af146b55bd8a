//! What a commit is to do to a table.

use foz_domain::Range;
use iceberg::spec::DataFile;

use crate::entity::EntityRule;

/// One change of one table.
#[derive(Debug, Clone)]
pub struct TableCommit {
    /// Names the execution that made the files: the snapshot's id follows from it.
    pub run: String,
    /// The sequences that the change brings in.
    pub range: Range,
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
    /// Replaces files by others that were computed from them.
    Overwrite {
        /// The snapshot they were computed from; `None` if the table was empty.
        base: Option<i64>,
        /// Paths of the files that go; all must be live.
        removed: Vec<String>,
        /// The files that come.
        added: Vec<DataFile>,
    },
}

impl Files {
    /// Whether rows come with them.
    pub(crate) fn bring_rows(&self) -> bool {
        match self {
            Self::Append(added) | Self::Overwrite { added, .. } => !added.is_empty(),
        }
    }
}
