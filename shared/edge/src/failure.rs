//! Errors at the edge: an [`anyhow::Error`] becomes a stable `error_type` once, where the function answers.
//!
//! Code tags an error where it knows what failed: `store.put(…).await.context(ErrorType::Store)?`.

use std::fmt;

use lambda_runtime::Diagnostic;

/// What failed, as operators and alarms see it. Each has an entry in the runbook; names never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorType {
    /// The environment or the definition is not as it should be.
    Settings,
    /// The event is not one that this function takes.
    Event,
    /// The object store failed, or holds something else than it should.
    Store,
    /// The catalog could not be read or written.
    Catalog,
    /// The queue of hints could not be read or written.
    Queue,
    /// Another function could not be invoked.
    Invoke,
    /// The broker failed.
    Broker,
    /// The tables or their catalog could not be read or written.
    Tables,
    /// The engine failed on its input.
    Engine,
    /// Something that must never be true is true: everything of that group stops until a person has looked.
    Invariant,
    /// None of the above.
    Unexpected,
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "settings",
            Self::Event => "event",
            Self::Store => "store",
            Self::Catalog => "catalog",
            Self::Queue => "queue",
            Self::Invoke => "invoke",
            Self::Broker => "broker",
            Self::Tables => "tables",
            Self::Engine => "engine",
            Self::Invariant => "invariant",
            Self::Unexpected => "unexpected",
        })
    }
}

impl ErrorType {
    /// The type of an error: the outermost tag among its contexts.
    pub fn of(error: &anyhow::Error) -> Self {
        error.downcast_ref::<Self>().copied().unwrap_or(Self::Unexpected)
    }
}

/// An error as a function answers it.
pub struct Failure(pub anyhow::Error);

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

/// The whole chain in one line; the runtime logs an error in this form.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self { error_type: ErrorType::of(&failure.0).to_string(), error_message: format!("{:#}", failure.0) }
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
        assert_eq!(ErrorType::of(&error), ErrorType::Settings);
        let error = Err::<(), _>(anyhow!("no route")).context(ErrorType::Store).context("while starting").unwrap_err();
        let answer = Diagnostic::from(Failure(error));
        assert_eq!(answer.error_type, "store");
        assert_eq!(answer.error_message, "while starting: store: no route");
    }

    #[test]
    fn an_untagged_error_is_unexpected() {
        assert_eq!(Diagnostic::from(Failure(anyhow!("?"))).error_type, "unexpected");
    }
}
