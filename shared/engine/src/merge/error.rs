//! Why a merge failed.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use foz_lake::LakeError;

/// A merge failed.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Its input could not be read, or the engine has no room for it (memory, disk to spill to).
    #[error("merging")]
    Engine(#[from] DataFusionError),
    /// Rows that were to be in the order of their keys are not: they have to be sorted first.
    #[error("{file} is not in the order of its keys")]
    Unsorted {
        /// The path of the file.
        file: String,
    },
}

impl From<ArrowError> for MergeError {
    fn from(error: ArrowError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<LakeError> for MergeError {
    fn from(error: LakeError) -> Self {
        Self::Engine(DataFusionError::External(Box::new(error)))
    }
}
