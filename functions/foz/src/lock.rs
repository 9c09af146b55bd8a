//! `pipeline.lock.json`: what a definition means, bound to the bytes that it was read from. Terraform reads it, so that a
//! mistake which only `foz check` can see fails a plan, not a function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Raised when a reader of the file could misunderstand it.
const VERSION: u32 = 1;

/// Name of the file, beside the definition.
pub const NAME: &str = "pipeline.lock.json";

/// Writes what the definition means, read from these `files` (name relative to its folder → text). Unchanged content
/// leaves the file alone.
pub fn write(path: &Path, meaning: &Value, files: &BTreeMap<String, String>) -> anyhow::Result<()> {
    let digests: BTreeMap<&str, String> = files.iter().map(|(name, text)| (name.as_str(), digest(text))).collect();
    let lock = json!({ "version": VERSION, "lake": meaning["lake"], "files": digests, "groups": meaning["groups"] });
    let text = serde_json::to_string_pretty(&lock)? + "\n";
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_names_files_and_groups() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(NAME);
        let files = BTreeMap::from([("pipeline.yaml".to_owned(), "lake: x".to_owned())]);
        write(&path, &json!({"ok": true, "lake": "x", "groups": [{"group": "a"}]}), &files).unwrap();
        let lock: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        // printf 'lake: x' | sha256sum
        let digest = "01a9266d232d29339a1067825d13860da4ff3e4d5ec9113d9e0511475d0fc01c";
        assert_eq!(lock["files"], json!({ "pipeline.yaml": digest }));
        assert_eq!(lock["groups"], json!([{"group": "a"}]));
    }
}
