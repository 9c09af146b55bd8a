//! Identities. Each type formats and parses itself; `Display` and `FromStr` are inverses.

use std::fmt;
use std::str::FromStr;

/// A text that is not the identity it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseError {
    text: String,
    expected: &'static str,
}

impl ParseError {
    /// An error saying that `text` is not `expected`.
    pub fn new(text: &str, expected: &'static str) -> Self {
        Self { text: text.to_owned(), expected }
    }
}

/// The longest name of a stream: `<stream>_quarantine` must fit Glue's and S3's limits with room for a database prefix.
pub const MAX_NAME: usize = 64;

/// Whether the text can name a lake, stream, group, reference or column: `[a-z][a-z0-9_]*`, so that it can stand
/// unquoted in every engine's SQL.
pub fn is_name(text: &str) -> bool {
    text.len() <= MAX_NAME
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A text that is what `$accepts` says. Where it is used, `fmt`, `FromStr` and [`ParseError`] are in scope.
macro_rules! text_id {
    ($(#[$doc:meta])* $type:ident, $accepts:ident, $expected:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// The same as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                if $accepts(text) { Ok(Self(text.to_owned())) } else { Err(ParseError::new(text, $expected)) }
            }
        }
    };
}
pub(crate) use text_id;

const NAME: &str = "a name: a-z first, then a-z, 0-9 and _, at most 64 characters";

text_id! {
    /// One queue of one microservice, as named in `pipeline.yaml`.
    StreamName, is_name, NAME
}
text_id! {
    /// Streams connected by references; named after its alphabetically first stream.
    GroupName, is_name, NAME
}

impl From<&StreamName> for GroupName {
    fn from(first: &StreamName) -> Self {
        Self(first.0.clone())
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $type(pub u64);

        impl $type {
            /// The number that follows.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl From<u64> for $type {
            fn from(number: u64) -> Self {
                Self(number)
            }
        }

        impl From<$type> for u64 {
            fn from(number: $type) -> Self {
                number.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $type {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                match text.parse::<u64>() {
                    Ok(n) if n.to_string() == text => Ok(Self(n)),
                    _ => Err(ParseError::new(text, "a whole number without leading zeros")),
                }
            }
        }
    };
}

number! {
    /// A bridge's reign over a group. A higher epoch fences all lower ones; 0 means that nobody reigned yet.
    Epoch
}
number! {
    /// A batch of a stream within its epoch: 1, 2, 3, …
    Ordinal
}
number! {
    /// The gap-free number that the catalog gives a batch within its group at commit: 0, 1, 2, …
    Sequence
}

text_id! {
    /// One execution of a job, named by the dispatch that starts it; no two are ever named alike.
    AttemptId, is_attempt, "an attempt: letters, digits, - and _, at most 64 characters"
}

fn is_attempt(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(is_part)
}

impl AttemptId {
    /// The attempt that is named by a UUID.
    pub fn from_uuid(uuid: u128) -> Self {
        let group = |shift: u32, digits: u32| (uuid >> shift) & ((1 << (4 * digits)) - 1);
        let (a, b, c, d, e) = (group(96, 8), group(80, 4), group(64, 4), group(48, 4), group(0, 12));
        Self(format!("{a:08x}-{b:04x}-{c:04x}-{d:04x}-{e:012x}"))
    }
}

/// A BLAKE3 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest's first half as hexadecimal text: enough to name an object, short enough to read.
    pub fn short(&self) -> String {
        self.to_string()[..32].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = || ParseError::new(text, "a digest: 64 lower-case hexadecimal digits");
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[2 * i..2 * i + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_is_written_as_its_uuid_and_fits_into_an_object_key() {
        let attempt = AttemptId::from_uuid(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        assert_eq!(attempt.as_str(), "01234567-89ab-cdef-0123-456789abcdef");
        assert_eq!(attempt.to_string().parse(), Ok(attempt));
        for text in ["", "a/b", "a b", &"a".repeat(MAX_NAME + 1)] {
            assert!(text.parse::<AttemptId>().is_err(), "{text}");
        }
    }
}
