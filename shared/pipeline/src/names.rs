//! Names: what they look like, and which are taken.

use std::fmt;
use std::str::FromStr;

use foz_domain::TableName;
use foz_domain::ids::{ParseError, is_name};

use crate::yaml::{Value, plain};

/// Whether the name must stand in quotes, because YAML knows the word as a boolean or as nothing.
pub fn needs_quotes(name: &str) -> bool {
    !matches!(plain(name.to_owned()), Value::Scalar(_))
}

/// The longest name of a lake: with an account's number and a region it still fits S3's 63 characters for a bucket.
pub const MAX_LAKE: usize = 28;

/// The lake's name; Terraform derives the names of bucket, Glue database and catalog table from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LakeName(String);

impl LakeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LakeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LakeName {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        if is_name(text) && text.len() <= MAX_LAKE {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseError::new(text, "a lake's name: a-z first, then a-z, 0-9 and _, at most 28 characters"))
        }
    }
}

/// Why a stream cannot have this name, which is well-formed; `None` if it can.
pub fn reserved_stream(name: &str) -> Option<String> {
    if let Some(suffix) = TableName::SUFFIXES.iter().find(|suffix| name.ends_with(*suffix)) {
        return Some(format!("names that end in \"{suffix}\" are reserved for tables that Foz makes"));
    }
    if name.contains("__image_") {
        return Some("names with \"__image_\" are reserved for restored images".to_owned());
    }
    reserved_ref(name)
}

/// Why a column cannot have this name; `None` if it can.
pub fn reserved_column(name: &str) -> Option<String> {
    if name.starts_with('_') {
        return Some(format!("the name \"{name}\" is reserved: what Foz adds to a row begins with \"_\""));
    }
    reserved_ref(name)
}

fn reserved_ref(name: &str) -> Option<String> {
    (name == "ref").then(|| "the name \"ref\" is reserved: transforms read referenced entities by it".to_owned())
}
