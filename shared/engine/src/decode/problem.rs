//! Why a message is quarantined.

use std::borrow::Cow;
use std::fmt;

/// Why a value could not be taken, and where in the body it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DecodeProblem {
    path: String,
    reason: Cow<'static, str>,
}

impl DecodeProblem {
    pub fn expected(expected: &str, found: &str) -> Self {
        Cow::<str>::Owned(format!("expected {expected}, found {found}")).into()
    }

    /// The same problem, seen from the object or array that holds the value under `name` (or `[index]`).
    pub fn within(self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{name}{dot}{}", self.path), ..self }
    }
}

impl From<Cow<'static, str>> for DecodeProblem {
    fn from(reason: Cow<'static, str>) -> Self {
        Self { path: String::new(), reason }
    }
}

impl fmt::Display for DecodeProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() { write!(f, "{}", self.reason) } else { write!(f, "{}: {}", self.path, self.reason) }
    }
}
