//! What can go wrong with tables and raw objects, by what a caller does about it.

use foz_domain::Sequence;

use crate::store::StoreError;

/// Why the lake did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The table is not registered.
    #[error("no table {table}")]
    NoTable { table: String },
    /// The table's state fits neither a first nor a repeated execution: stop the group and page.
    #[error("table {table} includes everything below {through}, which is inside the range {lo}-{hi} to be committed")]
    Halt {
        table: String,
        /// What it includes.
        through: u64,
        /// First sequence of the range.
        lo: u64,
        /// First sequence after the range.
        hi: u64,
    },
    /// Somebody else committed to the table since it was read: read it again and compute again.
    #[error("table {table} moved since it was read")]
    Moved { table: String },
    /// The register shows an older state of the table than is known to be there: an answer of the past.
    #[error(
        "table {table} shows what it includes through {}, although {written} was written to it: the register answers late",
        through.map_or_else(|| "nothing".to_owned(), |through| through.to_string())
    )]
    Behind {
        table: String,
        /// What it shows to include; `None` if it shows no commit.
        through: Option<Sequence>,
        /// A sequence that is in it.
        written: Sequence,
    },
    /// What is declared, or written, does not fit the table.
    #[error("table {table}: {what}")]
    Incompatible {
        table: String,
        /// What does not fit, and what to do.
        what: String,
    },
    /// The bucket did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Iceberg, or the bucket below it, did not do it.
    #[error("iceberg")]
    Iceberg(#[from] iceberg::Error),
    /// The register of tables (Glue) did not do it. Whether a change took effect is unknown.
    #[error("cannot {verb} table {table} in the register of tables")]
    Register {
        /// What was tried.
        verb: &'static str,
        table: String,
        /// Whether later may help.
        transient: bool,
        /// The last failure.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An object is not what its name says.
    #[error("object {key} is damaged: {what}")]
    Damaged {
        key: String,
        /// What is wrong.
        what: String,
    },
    /// Rows cannot be converted.
    #[error("columns")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A Parquet file cannot be written.
    #[error("parquet")]
    Parquet(#[from] parquet::errors::ParquetError),
}

impl LakeError {
    /// Whether the same request may succeed later, with nobody's help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Iceberg(error) => error.retryable(),
            Self::Register { transient, .. } => *transient,
            Self::Moved { .. } | Self::Behind { .. } => true,
            _ => false,
        }
    }

    pub(crate) fn incompatible(table: &str, what: impl ToString) -> Self {
        Self::Incompatible { table: table.to_owned(), what: what.to_string() }
    }

    pub(crate) fn damaged(key: &str, what: impl ToString) -> Self {
        Self::Damaged { key: key.to_owned(), what: what.to_string() }
    }
}
