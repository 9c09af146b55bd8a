//! Fail points: named places at which tests make a process die, fail or hang.
//!
//! They work only with `FOZ_LOCAL=1` and `FOZ_FAIL_POINTS` set to a folder. A process that passes the point `a.b` looks
//! there for a file `a.b`, removes it, and does what its text says: `exit` (at once, nothing is flushed or released),
//! `error`, or `hang` (for ever). Removing the file is the claim: of several processes one dies, once.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use foz_wire::env;

use crate::settings::Env;

/// The fail point said `error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("fail point {0}")]
pub struct FailPoint(pub String);

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
    match what.trim() {
        "exit" => std::process::abort(),
        "hang" => std::future::pending().await,
        _ => Err(FailPoint(name.to_owned())),
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
        assert_eq!(act(folder.path(), "a.b").await, Err(FailPoint("a.b".into())));
        assert_eq!(act(folder.path(), "a.b").await, Ok(()));
    }

    #[test]
    fn only_on_the_local_cloud() {
        assert_eq!(folder(&Env::from_pairs([("FOZ_FAIL_POINTS", "/x")])), None);
        let local = Env::from_pairs([("FOZ_FAIL_POINTS", "/x"), ("FOZ_LOCAL", "1")]);
        assert_eq!(folder(&local), Some(PathBuf::from("/x")));
    }
}
