//! `pipeline.lock.json`: what a definition means, bound to the bytes that it was read from.
//!
//! Terraform reads this file and no YAML, and uploads the resolved text for the functions. So nobody but Foz interprets
//! a definition, and a mistake that only `foz check` can see fails a plan, not a function.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use foz_pipeline::{Definition, Stream};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// Raised when a reader of the file could misunderstand it. `infra/modules/definition` names the version that it reads.
const VERSION: u32 = 2;

/// Name of the file, beside the definition.
pub const NAME: &str = "pipeline.lock.json";

/// The files that a definition was read from: name relative to its folder → text.
pub type FilesRead = BTreeMap<String, String>;

/// The content of the file, in the order in which it is written.
#[derive(Debug, Serialize)]
struct Lock {
    version: u32,
    lake: String,
    broker: Broker,
    streams: BTreeMap<String, LockedStream>,
    groups: Vec<LockedGroup>,
    /// SHA-256 of each file that was read. Another digest means that the lock is stale.
    files: BTreeMap<String, String>,
    /// SHA-256 of the resolved text: the name of the definition in the lake.
    digest: String,
    /// The lines of the resolved text, each of which ends with a line feed. Lines, so that a review of the lock shows
    /// what changed.
    resolved: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Broker {
    secret: Option<String>,
    vhost: String,
}

/// What Terraform acts on of a stream, derived figures included.
#[derive(Debug, Serialize)]
struct LockedStream {
    queue: String,
    door: &'static str,
    max_latency_s: u64,
    consolidate_every_s: u64,
}

/// A group and its streams, referenced streams first.
#[derive(Debug, Serialize)]
struct LockedGroup {
    name: String,
    streams: Vec<String>,
}

/// Writes the lock of a definition that was read from these files. Leaves a lock with the same content alone.
pub fn write(path: &Path, definition: &Definition, files: &FilesRead) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(&Lock::new(definition, files)?)? + "\n";
    if fs::read_to_string(path).is_ok_and(|found| found == text) {
        return Ok(());
    }
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

impl Lock {
    fn new(definition: &Definition, files: &FilesRead) -> anyhow::Result<Self> {
        let resolved = definition.resolved();
        // Functions will read this text, not the files. A lock must never name a definition that they refuse.
        let read_back = Definition::stored(&resolved).context("the resolved definition is not a definition")?;
        ensure!(read_back == *definition, "the resolved definition does not mean the same as the file");
        let streams = definition.streams.values();
        Ok(Self {
            version: VERSION,
            lake: definition.lake.to_string(),
            broker: Broker { secret: definition.broker.secret.clone(), vhost: definition.broker.vhost.clone() },
            streams: streams.map(|stream| (stream.name.to_string(), LockedStream::new(stream))).collect(),
            groups: definition
                .groups()
                .iter()
                .map(|group| LockedGroup {
                    name: group.name.to_string(),
                    streams: group.streams.iter().map(ToString::to_string).collect(),
                })
                .collect(),
            files: files.iter().map(|(name, text)| (name.clone(), sha256(text))).collect(),
            digest: sha256(&resolved),
            resolved: resolved.lines().map(str::to_owned).collect(),
        })
    }
}

impl LockedStream {
    fn new(stream: &Stream) -> Self {
        let settings = &stream.settings;
        Self {
            queue: stream.queue.clone(),
            door: settings.door.as_str(),
            max_latency_s: settings.max_latency.as_secs(),
            consolidate_every_s: settings.consolidate_every.as_secs(),
        }
    }
}

fn sha256(text: &str) -> String {
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
    fn a_lock_names_files_and_text_by_their_digests() {
        let text = "lake: l\nstreams: { a: { queue: q, key: [k], columns: { k: string } } }\n";
        let files = BTreeMap::from([("pipeline.yaml".to_owned(), "lake: x".to_owned())]);
        let definition = Definition::stored(text).unwrap();
        let lock = Lock::new(&definition, &files).unwrap();
        // printf 'lake: x' | sha256sum
        assert_eq!(lock.files["pipeline.yaml"], "01a9266d232d29339a1067825d13860da4ff3e4d5ec9113d9e0511475d0fc01c");
        let joined = lock.resolved.iter().map(|line| format!("{line}\n")).collect::<String>();
        assert_eq!((&joined, lock.digest), (&definition.resolved(), sha256(&joined)));
    }
}
