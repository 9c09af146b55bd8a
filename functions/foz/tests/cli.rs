//! The CLI as its users see it, as far as it needs no services.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, also in its helpers")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use foz_testkit::assert_written;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}

/// Runs `foz` beside copies of the test files, far from any local cloud that may run in this checkout.
fn foz(arguments: &[&str], input: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir(home.path().join("sql")).unwrap();
    for file in ["right.yaml", "wrong.yaml", "sql/flights.sql", "bookings.jsonl", "stopped.json"] {
        fs::copy(folder().join(file), home.path().join(file)).unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_foz"));
    command
        .args(arguments)
        .current_dir(home.path())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A command that does not read its input may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Compares everything that a command says, and its exit code, with the file of that name.
fn check(name: &str, arguments: &[&str], input: &str) {
    let output = foz(arguments, input);
    let shown = format!(
        "exit {}\n--- out\n{}--- err\n{}",
        output.status.code().unwrap(),
        text(&output.stdout),
        text(&output.stderr)
    );
    assert_written(folder().join(format!("{name}.txt")), &shown);
}

#[test]
fn help() {
    check("help", &["--help"], "");
    for command in ["check", "queues", "status", "files", "runs", "send", "infer", "query"] {
        let output = foz(&[command, "--help"], "");
        assert!(output.status.success() && text(&output.stdout).contains("Examples:"), "{command}");
    }
}

#[test]
fn arguments_that_make_no_sense() {
    for arguments in
        [&["flights"][..], &["send"], &["send", "a", "--header", "b"], &["files", "--limit", "0"], &["status", "A"]]
    {
        assert_eq!(foz(arguments, "").status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_definition_that_is_right() {
    check("right", &["check", "right.yaml"], "");
    let output = foz(&["check", "right.yaml", "--json"], "");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["groups"][0]["streams"][1]["columns"][1]["name"], "late");
}

#[test]
fn a_definition_that_is_wrong() {
    check("wrong", &["check", "wrong.yaml"], "");
    check("wrong.json", &["check", "wrong.yaml", "--json"], "");
    check("absent", &["check", "absent.yaml"], "");
}

#[test]
fn queues_without_a_broker() {
    check("queues", &["queues", "right.yaml"], "");
    let output = foz(&["queues", "right.yaml", "--json"], "");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["queues"][1]["arguments"]["x-overflow"], "reject-publish");
}

#[test]
fn no_lake() {
    check("no_lake", &["status"], "");
    check("no_broker", &["queues", "right.yaml", "--apply"], "");
    check("no_cloud", &["status", "--stack", "gone.json"], "");
}

#[test]
fn a_local_cloud_that_does_not_run() {
    let output = foz(&["status", "--stack", "stopped.json"], "");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("is it running? `make up` starts it"), "{said}");
}

#[test]
fn columns_from_messages() {
    check("infer", &["infer", "bookings.jsonl"], "");
    check("infer_odd", &["infer", "-"], "[1]\n{\"a\": 1}\nnot json\n");
    let unusual = "\u{feff}{\"a\": 1, \"b\": [{\"c\": 1, \"c\": 2}]}\n{\"a\": 2, \"a\": 3}\n";
    check("infer_unusual", &["infer", "-"], unusual);
    check("infer_nothing", &["infer", "-"], "\n");
}

#[test]
fn what_is_inferred_is_a_definition() {
    is_a_definition(&text(&foz(&["infer", "bookings.jsonl"], "").stdout));
    // Words that YAML knows, and more depth than a type can have.
    let nested = format!("{}1{}", "{\"a\":[".repeat(60), "]}".repeat(60));
    let input = format!("{{\"no\": 1, \"y\": {nested}, \"null\": 2, \"on\": \"2026-01-31\"}}\n");
    is_a_definition(&text(&foz(&["infer", "-"], &input).stdout));
}

fn is_a_definition(stream: &str) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("pipeline.yaml");
    fs::write(&file, format!("lake: l\nstreams:\n{stream}")).unwrap();
    let output = foz(&["check", file.to_str().unwrap()], "");
    assert!(output.status.success(), "{}\n{stream}", text(&output.stderr));
}
