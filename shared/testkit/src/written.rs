//! Files of the repository that are written by what a test computes.

use std::fs;
use std::path::Path;

/// Fails if the file does not hold this text. With `FOZ_UPDATE=1` the file is written first: read the difference before
/// you commit it.
#[track_caller]
pub fn assert_written(path: impl AsRef<Path>, text: &str) {
    let path = path.as_ref();
    if std::env::var_os("FOZ_UPDATE").is_some() {
        fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, found, "{} is to be written anew: repeat this with FOZ_UPDATE=1", path.display());
}
