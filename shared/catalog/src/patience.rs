//! Waiting between the tries of a contended write.

use foz_retry::{CONTENTION, Drawn};

/// The pauses of one operation. A loop that reads and judges before each try takes them one by one.
#[derive(Debug)]
pub(crate) struct Patience(Drawn);

impl Default for Patience {
    fn default() -> Self {
        Self(CONTENTION.draw())
    }
}

impl Patience {
    /// Waits before the next try. Returns `false`, at once, if there should be none.
    pub(crate) async fn wait(&mut self) -> bool {
        let Some(pause) = self.0.next() else { return false };
        tokio::time::sleep(pause).await;
        true
    }
}
