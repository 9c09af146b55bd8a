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

use crate::fail_point::FailPoint;
use crate::settings::SettingsError;

/// An error that says by itself what failed.
pub trait Classified: Error + 'static {
    /// What failed.
    fn error_type(&self) -> ErrorType;

    /// Whether it failed because a service did not answer, so that the same may succeed later, with nobody's help.
    fn is_outage(&self) -> bool;
}

impl Classified for CatalogError {
    fn error_type(&self) -> ErrorType {
        ErrorType::Catalog
    }

    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl Classified for StoreError {
    fn error_type(&self) -> ErrorType {
        ErrorType::Store
    }

    fn is_outage(&self) -> bool {
        self.is_transient()
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

    fn is_outage(&self) -> bool {
        self.is_transient()
    }
}

impl Classified for DefinitionError {
    fn error_type(&self) -> ErrorType {
        if self.is_unread() { ErrorType::Store } else { ErrorType::Settings }
    }

    /// The bucket's error is in the chain, and says it.
    fn is_outage(&self) -> bool {
        false
    }
}

impl Classified for SettingsError {
    fn error_type(&self) -> ErrorType {
        ErrorType::Settings
    }

    fn is_outage(&self) -> bool {
        false
    }
}

/// It stands for what a test wants to see fail.
impl Classified for FailPoint {
    fn error_type(&self) -> ErrorType {
        ErrorType::Unexpected
    }

    fn is_outage(&self) -> bool {
        self.outage
    }
}

/// The type of an error: an outage if that is at its bottom; else that of its outermost tag, else of the outermost cause
/// that says it by itself.
pub fn error_type(error: &anyhow::Error) -> ErrorType {
    // Contexts wrap the errors of libraries, never the other way round: a tag is always outside of them.
    let tag = tag(error);
    if tag != Some(ErrorType::Invariant) && error.chain().any(outage) {
        return ErrorType::Outage;
    }
    tag.or_else(|| error.chain().find_map(classified)).unwrap_or(ErrorType::Unexpected)
}

fn tag(error: &anyhow::Error) -> Option<ErrorType> {
    error.downcast_ref().copied()
}

fn classified(cause: &(dyn Error + 'static)) -> Option<ErrorType> {
    by_itself(cause).map(Classified::error_type)
}

fn outage(cause: &(dyn Error + 'static)) -> bool {
    by_itself(cause).is_some_and(Classified::is_outage)
}

fn by_itself<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a dyn Classified> {
    fn as_a<'a, T: Classified>(cause: &'a (dyn Error + 'static)) -> Option<&'a dyn Classified> {
        cause.downcast_ref::<T>().map(|error| error as &dyn Classified)
    }
    as_a::<CatalogError>(cause)
        .or_else(|| as_a::<LakeError>(cause))
        .or_else(|| as_a::<StoreError>(cause))
        .or_else(|| as_a::<DefinitionError>(cause))
        .or_else(|| as_a::<SettingsError>(cause))
        .or_else(|| as_a::<FailPoint>(cause))
}

/// The longest message that a function answers, in characters. Lambda reports it to a queue whose messages have 256 KiB.
const MAX_MESSAGE: usize = 4_000;

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
        let tag = tag(&self.0);
        if tag != Some(ErrorType::Outage) && error_type(&self.0) == ErrorType::Outage {
            write!(f, "{}: ", ErrorType::Outage)?;
        }
        if tag.is_none()
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
        let error_message = failure.to_string().chars().take(MAX_MESSAGE).collect();
        Self { error_type: error_type(&failure.0).to_string(), error_message }
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

    /// Whatever an attempt may end by, as a function answers it.
    #[test]
    fn protocol_6_only_what_did_not_answer_is_an_outage_however_deep_it_is() {
        let no_answer = || -> Box<dyn Error + Send + Sync> { "connection reset".into() };
        let store = |transient| match transient {
            true => StoreError::Unavailable { verb: "get", key: "k".to_owned(), source: no_answer() },
            false => StoreError::Refused { verb: "get", key: "k".to_owned(), source: no_answer() },
        };
        let register = |transient| LakeError::Register {
            verb: "change",
            table: "orders".to_owned(),
            transient,
            source: no_answer(),
        };
        #[derive(Debug, thiserror::Error)]
        #[error("the engine failed")]
        struct Deep(#[source] StoreError);
        let deep = |transient| Deep(store(transient));
        let outages: [anyhow::Error; 7] = [
            CatalogError::Unavailable { operation: "a read", source: None }.into(),
            store(true).into(),
            register(true).into(),
            LakeError::Store(store(true)).into(),
            DefinitionError::Store { key: "k".to_owned(), source: store(true) }.into(),
            LakeError::Moved { table: "orders".to_owned() }.into(),
            anyhow::Error::from(deep(true)).context(ErrorType::Engine).context("while merging"),
        ];
        for error in outages {
            assert_eq!(error_type(&error), ErrorType::Outage, "{error:#}");
            assert!(Failure(error).to_string().starts_with("outage: "));
        }
        let damaged = LakeError::Damaged { key: "raw/1".to_owned(), what: "cut".to_owned() };
        let faults: [anyhow::Error; 8] = [
            CatalogError::Refused { operation: "a read", source: no_answer() }.into(),
            CatalogError::Damaged { item: "G#a/IN".to_owned(), why: "?".to_owned() }.into(),
            store(false).into(),
            register(false).into(),
            anyhow::Error::from(deep(false)).context(ErrorType::Engine),
            damaged.into(),
            anyhow!("resources exhausted").context(ErrorType::Engine),
            anyhow!("a task panicked"),
        ];
        for error in faults {
            assert_ne!(error_type(&error), ErrorType::Outage, "{error:#}");
        }
    }

    #[test]
    fn a_message_is_short_enough_to_be_reported() {
        let answer = Diagnostic::from(Failure(anyhow!("é".repeat(1 << 20))));
        assert_eq!(answer.error_message.chars().count(), MAX_MESSAGE);
    }

    #[test]
    fn an_untagged_error_is_unexpected() {
        assert_eq!(Diagnostic::from(Failure(anyhow!("?"))).error_type, "unexpected");
    }
}
