//! Why a message is quarantined, in full and without its content.

use std::borrow::Cow;
use std::fmt;

use crate::rejection::Rejection;

/// Longest part of a message that a reason repeats, in characters.
const SHOWN: usize = 60;

/// The beginning of a text that may be long.
pub(super) fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Why a value is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// The reason, without anything of the message.
    plain: Cow<'static, str>,
    /// What may repeat a part of the message follows it.
    found: String,
}

impl Reason {
    /// `plain`, then `found`, which may repeat a part of the message.
    pub fn new(plain: impl Into<Cow<'static, str>>, found: String) -> Self {
        Self { plain: plain.into(), found }
    }
}

impl From<&'static str> for Reason {
    fn from(plain: &'static str) -> Self {
        Self::new(plain, String::new())
    }
}

impl From<String> for Reason {
    fn from(plain: String) -> Self {
        Self::new(plain, String::new())
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.plain, self.found)
    }
}

/// Why a value could not be taken, and where in the body it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DecodeProblem {
    path: String,
    /// The path without the keys of maps.
    plain_path: String,
    reason: Reason,
}

impl DecodeProblem {
    pub fn expected(expected: &str, found: &str) -> Self {
        Reason::from(format!("expected {expected}, found {found}")).into()
    }

    /// The same problem, seen from the object or array that holds the value under a declared name (or `[index]`).
    pub fn within(self, name: &str) -> Self {
        Self { path: joined(name, &self.path), plain_path: joined(name, &self.plain_path), ..self }
    }

    /// The same problem, seen from the map that holds the value under a key, which is part of the message.
    pub fn under_key(self, key: &str) -> Self {
        Self { path: joined(&shorten(key), &self.path), plain_path: joined("[…]", &self.plain_path), ..self }
    }

    /// Why the whole message is rejected.
    pub fn rejection(&self) -> Rejection {
        let at = |path: &str, reason: &dyn fmt::Display| {
            if path.is_empty() { reason.to_string() } else { format!("{path}: {reason}") }
        };
        Rejection::new(&at(&self.path, &self.reason), &at(&self.plain_path, &self.reason.plain))
    }
}

fn joined(name: &str, path: &str) -> String {
    let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("{name}{dot}{path}")
}

impl From<Reason> for DecodeProblem {
    fn from(reason: Reason) -> Self {
        Self { path: String::new(), plain_path: String::new(), reason }
    }
}
