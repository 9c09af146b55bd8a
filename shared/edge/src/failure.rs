//! Errors at the edge: an [`anyhow::Error`] becomes a stable `error_type` once, where the function answers.
//!
//! Code tags an error where it knows what failed: `store.put(…).await.context(ErrorType::Store)?`.

use std::fmt;

use foz_wire::ErrorType;
use lambda_runtime::Diagnostic;

/// The type of an error: the outermost tag among its contexts.
pub fn error_type(error: &anyhow::Error) -> ErrorType {
    error.downcast_ref::<ErrorType>().copied().unwrap_or(ErrorType::Unexpected)
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
        Self { error_type: error_type(&failure.0).to_string(), error_message: format!("{:#}", failure.0) }
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
    fn an_untagged_error_is_unexpected() {
        assert_eq!(Diagnostic::from(Failure(anyhow!("?"))).error_type, "unexpected");
    }
}
