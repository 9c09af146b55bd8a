//! Fail points: named places at which tests make a process die, fail or hang.
//!
//! They work only with `FOZ_LOCAL=1` and `FOZ_FAIL_POINTS` set to a folder. A process that passes the point `a.b` looks
//! there for a file `a.b`, removes it, and does what its text says: `exit` (at once, nothing is flushed or released),
//! `panic`, `error`, `outage` (an error that says of itself that a service did not answer), or `hang` (for ever). Removing
//! the file is the claim: of several processes one dies, once; with a number behind the word, that many times.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use foz_wire::env;

use crate::settings::Env;

/// The fail point said `error` or `outage`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fail point {name}")]
pub struct FailPoint {
    pub name: String,
    /// Whether it stands for a service that did not answer.
    pub outage: bool,
}

/// Passes the fail point `name`, such as `ingest.after_put`.
///
/// # Errors
/// If a test asked for one.
pub async fn fail_point(name: &str) -> Result<(), FailPoint> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    match FOLDER.get_or_init(|| folder(&Env::of_process())) {
        Some(folder) => act(folder, name).await,
        None => Ok(()),
    }
}

fn folder(env: &Env) -> Option<PathBuf> {
    let local = env.get(env::LOCAL.name) == Some("1");
    local.then(|| env.get(env::FAIL_POINTS.name).map(PathBuf::from)).flatten()
}

async fn act(folder: &Path, name: &str) -> Result<(), FailPoint> {
    let file = folder.join(name);
    let Ok(what) = std::fs::read_to_string(&file) else { return Ok(()) };
    if std::fs::remove_file(&file).is_err() {
        return Ok(());
    }
    let (what, times) = what.trim().split_once(' ').unwrap_or((what.trim(), "1"));
    if let Some(left @ 1..) = times.parse::<u32>().ok().and_then(|times| times.checked_sub(1)) {
        // Who cannot write it strikes less often, and the test sees that.
        let _ = std::fs::write(&file, format!("{what} {left}"));
    }
    #[expect(clippy::panic, reason = "what a test asked for, on the local cloud only")]
    match what {
        "exit" => std::process::abort(),
        "hang" => std::future::pending().await,
        "panic" => panic!("fail point {name}"),
        _ => Err(FailPoint { name: name.to_owned(), outage: what == "outage" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn strikes_once_then_lets_pass() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.b"), "error\n").unwrap();
        assert_eq!(act(folder.path(), "a.c").await, Ok(()));
        let failed = |outage| Err(FailPoint { name: "a.b".into(), outage });
        assert_eq!(act(folder.path(), "a.b").await, failed(false));
        assert_eq!(act(folder.path(), "a.b").await, Ok(()));
        std::fs::write(folder.path().join("a.b"), "outage 2\n").unwrap();
        for expected in [failed(true), failed(true), Ok(())] {
            assert_eq!(act(folder.path(), "a.b").await, expected);
        }
    }

    #[tokio::test]
    #[should_panic(expected = "fail point a.b")]
    async fn panics_if_it_is_told_so() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.b"), "panic").unwrap();
        let _ = act(folder.path(), "a.b").await;
    }

    #[test]
    fn only_on_the_local_cloud() {
        assert_eq!(folder(&Env::from_pairs([("FOZ_FAIL_POINTS", "/x")])), None);
        let local = Env::from_pairs([("FOZ_FAIL_POINTS", "/x"), ("FOZ_LOCAL", "1")]);
        assert_eq!(folder(&local), Some(PathBuf::from("/x")));
    }
}
