//! `pipeline.lock.json`, as `foz check --lock` writes it. The locks with which Terraform's own tests work are kept true
//! here.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use foz_testkit::assert_written;
use serde_json::{Value, json};

/// Folders whose lock is what foz writes. Others hold a lock that is wrong on purpose: `edited`, `found` (other
/// latencies than the definition's), `other_version`, `stale`; or none: `unlocked`.
const FIXTURES: [&str; 4] = [
    "modules/definition/tests/fixtures/right",
    "modules/definition/tests/fixtures/doors",
    "modules/definition/tests/fixtures/unquoted",
    "tests/fixtures/two_streams",
];

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra").join(name)
}

/// Runs `foz check` and has it write the lock to a file.
fn check(pipeline: &Path, lock: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foz"));
    command.arg("check").arg(format!("--lock={}", lock.display())).arg(pipeline).env_clear().output().unwrap()
}

/// The lock of the definition in a folder, as foz writes it now.
fn locked(folder: &Path) -> String {
    let home = tempfile::tempdir().unwrap();
    let lock = home.path().join("lock.json");
    let output = check(&folder.join("pipeline.yaml"), &lock);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(lock).unwrap()
}

#[test]
fn the_locks_that_terraform_is_tested_with() {
    for name in FIXTURES {
        let folder = fixture(name);
        assert_written(folder.join("pipeline.lock.json"), &locked(&folder));
    }
}

/// YAML 1.1 reads numbers, times and dates in these, YAML 1.2 others. In the lock they are texts, and in the resolved
/// text they stand in quotes.
#[test]
fn input_15_texts_that_yaml_takes_for_numbers_are_as_they_are_written() {
    let lock: Value = serde_json::from_str(&locked(&fixture("modules/definition/tests/fixtures/unquoted"))).unwrap();
    assert_eq!(lock["broker"], json!({ "secret": "0x1F", "vhost": "007" }));
    let lines: Vec<_> = lock["resolved"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert_eq!(lines[1], r#"broker: { secret: "0x1F", vhost: "007" }"#);
    for (stream, queue) in [
        ("binary", "0b11"),
        ("date", "2026-01-31"),
        ("exponent", "1e3"),
        ("float", ".5"),
        ("infinity", ".inf"),
        ("new_octal", "0o14"),
        ("octal", "0600"),
        ("signed", "+1"),
        ("time", "12:30:45"),
        ("underscores", "1_000"),
    ] {
        assert_eq!(lock["streams"][stream]["queue"], queue);
        assert!(lines.contains(&format!("    queue: \"{queue}\"").as_str()), "{queue}");
    }
}

#[test]
fn what_is_wrong_has_no_lock() {
    let home = tempfile::tempdir().unwrap();
    let lock = home.path().join("lock.json");
    let wrong = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/wrong.yaml");
    assert_eq!(check(&wrong, &lock).status.code(), Some(1));
    assert!(!lock.exists());
}
