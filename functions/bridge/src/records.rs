//! Asks the catalog on behalf of a group. Questions are repeated until there is an answer: who asks cannot do without, and
//! a reign that is over stops asking by dropping the future.

use std::time::Duration;

use foz_catalog::Catalog;
use foz_domain::{Digest, Epoch, GroupName, StreamName};
use foz_lake::raw;
use foz_lake::store::Store;
use tokio::time::sleep;
use tracing::warn;

use crate::pause::jittered;

const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The catalog, seen by a group, and the raw objects that it names.
#[derive(Debug, Clone)]
pub struct Records {
    /// The catalog.
    pub catalog: Catalog,
    /// The lake bucket.
    pub store: Store,
    /// The group.
    pub group: GroupName,
    /// Its streams.
    pub members: Vec<StreamName>,
    /// How this process is called in the catalog.
    pub owner: String,
}

impl Records {
    /// Raises the epoch. `None` if the outcome is unknown, or refused for now; after a pause.
    pub async fn raise_epoch(&self) -> Option<Epoch> {
        match self.catalog.raise_epoch(&self.group, &self.members, &self.owner).await {
            Ok(epoch) => Some(epoch),
            Err(error) => {
                self.failed("raising the epoch", &error.into());
                sleep(jittered(PAUSE * 10)).await;
                None
            }
        }
    }

    /// The group's epoch.
    pub async fn epoch(&self) -> Epoch {
        let head = self.insist("reading the group head", || self.catalog.group_head(&self.group)).await;
        head.map(|head| head.epoch).unwrap_or_default()
    }

    /// Makes the catalog record at least this prefetch. Returns what it records.
    pub async fn record_prefetch(&self, stream: &StreamName, prefetch: u16) -> u16 {
        let raise = || self.catalog.raise_prefetch(&self.group, stream, prefetch.into());
        self.insist("recording the prefetch", raise).await;
        let head = self.insist("reading the stream head", || self.catalog.stream_head(&self.group, stream)).await;
        u16::try_from(head.prefetch).unwrap_or(u16::MAX)
    }

    /// Digests of the stream's last messages, oldest first: at least `depth`, or all there are.
    pub async fn tail(&self, stream: &StreamName, depth: usize) -> Vec<Digest> {
        if depth == 0 {
            return Vec::new();
        }
        let tail = || self.catalog.tail(&self.group, stream, depth as u64);
        let mut digests = Vec::with_capacity(depth);
        for batch in self.insist("reading the tail", tail).await {
            let digests_of_batch =
                || async { anyhow::Ok(raw::read_digests(&self.store, &batch.raw_key.parse()?).await?) };
            digests.extend(self.insist("reading digests", digests_of_batch).await);
        }
        digests
    }

    async fn insist<T, E, F>(&self, what: &str, mut ask: impl FnMut() -> F) -> T
    where
        E: Into<anyhow::Error>,
        F: Future<Output = Result<T, E>>,
    {
        let mut pause = PAUSE;
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(error) => self.failed(what, &error.into()),
            }
            sleep(jittered(pause)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn failed(&self, what: &str, error: &anyhow::Error) {
        warn!(group = %self.group, reason = format!("{error:#}"), "{what} failed, will be repeated");
    }
}
