//! What a caller can react to.

use foz_domain::{GroupName, Sequence};

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure of the catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// DynamoDB is out of reach, throttled or contended beyond patience. The outcome of a write is unknown: repeat the
    /// operation, all of them are made for it.
    #[error("the catalog did not answer in time: {operation}")]
    Unavailable {
        /// What was tried.
        operation: &'static str,
        /// The last answer; `None` if there was none.
        source: Option<Source>,
    },
    /// DynamoDB refuses what no retry will change: no such table, no permission, a malformed request.
    #[error("the catalog refused {operation}")]
    Refused {
        /// What was tried.
        operation: &'static str,
        source: Source,
    },
    /// An item is not as it should be. Nothing may be built on it: a person looks.
    #[error("item {item} of the catalog is damaged: {why}")]
    Damaged {
        /// `pk/sk` of the item.
        item: String,
        /// What is wrong with it.
        why: String,
    },
    /// A stream may leave a group only when everything of the group is in images.
    #[error(
        "the streams [{new}] cannot be one group yet: group {group} of [{old}] has batches {imaged} to {next} that are in \
         no image; they will be, by and by, unless the group stands still (`foz status`)"
    )]
    NotDrained {
        /// The group that a stream leaves.
        group: GroupName,
        /// Streams as the catalog has them.
        old: String,
        /// Streams of the new group as the definition has them.
        new: String,
        /// First sequence that is in no image.
        imaged: Sequence,
        /// First sequence that is not given yet.
        next: Sequence,
    },
}

pub(crate) type Result<T> = std::result::Result<T, CatalogError>;
