//! Errors at the edge: an [`anyhow::Error`] becomes a stable `error_type` once, where the function answers.
//!
//! An error of a library says by its type what failed. Where that is not enough, code tags it: an error of the SDK or of
//! the engine, which this crate must not know, or one that means something else where it happens:
//! `invoke.send().await.context(ErrorType::Invoke)?`.

use std::error::Error;
use std::fmt;

use foz_catalog::CatalogError;
use foz_lake::store::StoreError;
use foz_lake::{DefinitionError, LakeError};
use foz_wire::ErrorType;
use lambda_runtime::Diagnostic;

use crate::settings::SettingsError;

/// An error that says by itself what failed.
pub trait Classified: Error + 'static {
    /// What failed.
    fn error_type(&self) -> ErrorType;
}

impl Classified for CatalogError {
    fn error_type(&self) -> ErrorType {
        ErrorType::Catalog
    }
}

impl Classified for StoreError {
    fn error_type(&self) -> ErrorType {
        ErrorType::Store
    }
}

/// Raw objects are objects of the store; all else is a table's.
impl Classified for LakeError {
    fn error_type(&self) -> ErrorType {
        match self {
            Self::Store(_) | Self::Damaged { .. } => ErrorType::Store,
            _ => ErrorType::Tables,
        }
    }
}

impl Classified for DefinitionError {
    fn error_type(&self) -> ErrorType {
        if self.is_unread() { ErrorType::Store } else { ErrorType::Settings }
    }
}

impl Classified for SettingsError {
    fn error_type(&self) -> ErrorType {
        ErrorType::Settings
    }
}

/// The type of an error: that of its outermost tag, else of the outermost cause that says it by itself.
pub fn error_type(error: &anyhow::Error) -> ErrorType {
    // Contexts wrap the errors of libraries, never the other way round: a tag is always outside of them.
    tag(error).or_else(|| error.chain().find_map(classified)).unwrap_or(ErrorType::Unexpected)
}

fn tag(error: &anyhow::Error) -> Option<ErrorType> {
    error.downcast_ref().copied()
}

fn classified(cause: &(dyn Error + 'static)) -> Option<ErrorType> {
    fn as_a<T: Classified>(cause: &(dyn Error + 'static)) -> Option<ErrorType> {
        cause.downcast_ref::<T>().map(Classified::error_type)
    }
    as_a::<CatalogError>(cause)
        .or_else(|| as_a::<LakeError>(cause))
        .or_else(|| as_a::<StoreError>(cause))
        .or_else(|| as_a::<DefinitionError>(cause))
        .or_else(|| as_a::<SettingsError>(cause))
}

/// An error as a function answers it.
pub struct Failure(pub anyhow::Error);

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

/// The whole chain in one line, the word of its type in it; the runtime logs an error in this form, and people search for
/// that word. A tag stands in the chain already.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if tag(&self.0).is_none()
            && let Some(by_itself) = self.0.chain().find_map(classified)
        {
            write!(f, "{by_itself}: ")?;
        }
        write!(f, "{:#}", self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: error_type(&failure.0).to_string(), error_message: failure.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn the_outermost_tag_names_the_failure() {
        let error =
            anyhow!("no route").context(ErrorType::Store).context("while starting").context(ErrorType::Settings);
        assert_eq!(error_type(&error), ErrorType::Settings);
        let error = Err::<(), _>(anyhow!("no route")).context(ErrorType::Store).context("while starting").unwrap_err();
        let answer = Diagnostic::from(Failure(error));
        assert_eq!(answer.error_type, "store");
        assert_eq!(answer.error_message, "while starting: store: no route");
    }

    #[test]
    fn an_error_of_a_library_says_by_its_type_what_failed() {
        let damaged = || LakeError::Damaged { key: "raw/1".to_owned(), what: "cut".to_owned() };
        let no_table = LakeError::NoTable { table: "orders".to_owned() };
        assert_eq!(error_type(&anyhow::Error::from(no_table).context("while merging")), ErrorType::Tables);
        assert_eq!(error_type(&damaged().into()), ErrorType::Store);
        assert_eq!(error_type(&SettingsError(vec![]).into()), ErrorType::Settings);
        let tagged = anyhow::Error::from(damaged()).context("while merging").context(ErrorType::Engine);
        assert_eq!(error_type(&tagged), ErrorType::Engine);
    }

    #[test]
    fn the_message_names_the_type_of_what_failed() {
        let error = || {
            let no_table = LakeError::NoTable { table: "orders".to_owned() };
            anyhow::Error::from(no_table).context("while merging")
        };
        let answer = Diagnostic::from(Failure(error()));
        assert_eq!(answer.error_message, format!("tables: {:#}", error()));
    }

    #[test]
    fn an_untagged_error_is_unexpected() {
        assert_eq!(Diagnostic::from(Failure(anyhow!("?"))).error_type, "unexpected");
    }
}
