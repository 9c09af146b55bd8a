//! Why a message becomes no row: in full for the quarantine, and without its content for everything else.

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;

/// Longest reason that is kept, in characters: enough to find the fault, short enough for a table.
const MAX_REASON: usize = 1_000;

/// Why a message becomes no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// For the quarantine, where the message itself stands too: may repeat a part of it.
    pub reason: String,
    /// For logs, errors and the catalog: says place and types, and nothing of the message.
    pub plain: String,
}

impl Rejection {
    /// Both reasons, cut to a length that tables and items hold.
    pub fn new(reason: &str, plain: &str) -> Self {
        let cut = |text: &str| text.chars().take(MAX_REASON).collect();
        Self { reason: cut(reason), plain: cut(plain) }
    }
}

/// Why a part of the SQL failed.
#[derive(Debug)]
pub(crate) struct SqlFailure {
    /// The column that it computes, or the condition.
    part: String,
    error: DataFusionError,
}

impl SqlFailure {
    /// The failure of that part.
    pub fn of(part: &str) -> impl FnOnce(DataFusionError) -> Self {
        let part = part.to_owned();
        move |error| Self { part, error }
    }

    /// Why the only message to which the SQL was applied is rejected. What the engine says may repeat its values.
    pub fn rejection(&self) -> Rejection {
        let Self { part, error } = self;
        Rejection::new(
            &format!("{part}: {}", error.strip_backtrace()),
            &format!("{part}: the SQL fails for its values"),
        )
    }
}

impl From<ArrowError> for SqlFailure {
    fn from(error: ArrowError) -> Self {
        Self { part: "the row".to_owned(), error: error.into() }
    }
}

impl From<DataFusionError> for SqlFailure {
    fn from(error: DataFusionError) -> Self {
        Self { part: "the row".to_owned(), error }
    }
}
