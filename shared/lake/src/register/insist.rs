//! Changes of a register that says "no" for reasons of its own.
//!
//! Glue answers `ConcurrentModificationException` also where the entry is afterwards what it was before. A caller that
//! took that for somebody else's progress would begin again at once, for ever, with new files each time.

use std::future::Future;

use foz_retry::{Retryable, THROTTLING};
use iceberg::spec::TableMetadata;

use super::{Entry, Register};
use crate::error::LakeError;

/// Why a change was not made.
enum No {
    /// The register refused, although nothing has changed that could be why.
    Unfounded,
    Failed(LakeError),
}

impl From<LakeError> for No {
    fn from(error: LakeError) -> Self {
        Self::Failed(error)
    }
}

/// [`Register::swap`], where `false` means that the entry has changed.
///
/// # Errors
/// Also if the register refuses again and again although the entry is still `from`; that is transient.
pub(crate) async fn swap(
    register: &dyn Register,
    table: &str,
    from: &Entry,
    location: &str,
    metadata: &TableMetadata,
) -> Result<bool, LakeError> {
    insist("update", table, || async {
        if register.swap(table, from, location, metadata).await? {
            return Ok(true);
        }
        match register.find(table).await? {
            Some(entry) if entry == *from => Err(No::Unfounded),
            _ => Ok(false),
        }
    })
    .await
}

/// [`Register::create`], where `false` means that there is a table of that name.
///
/// # Errors
/// Also if the register refuses again and again although there is none; that is transient.
pub(crate) async fn create(
    register: &dyn Register,
    table: &str,
    location: &str,
    metadata: &TableMetadata,
) -> Result<bool, LakeError> {
    insist("create", table, || async {
        if register.create(table, location, metadata).await? {
            return Ok(true);
        }
        match register.find(table).await? {
            None => Err(No::Unfounded),
            Some(_) => Ok(false),
        }
    })
    .await
}

async fn insist<F>(verb: &'static str, table: &str, step: impl FnMut() -> F) -> Result<bool, LakeError>
where
    F: Future<Output = Result<bool, No>>,
{
    step.retry(THROTTLING).when(|no| matches!(no, No::Unfounded)).await.map_err(|no| match no {
        No::Failed(error) => error,
        No::Unfounded => LakeError::Register {
            verb,
            table: table.to_owned(),
            transient: true,
            source: "it refuses although the entry is what it was".into(),
        },
    })
}
