//! The way of a batch, whichever door it came by: store, commit, hint, report.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::Context;
use foz_catalog::{Catalog, Commit};
use foz_domain::batch::BatchContent;
use foz_domain::groups::Group;
use foz_domain::keys::RawKey;
use foz_domain::{Epoch, GroupName, Ordinal, StreamName, Timestamp};
use foz_edge::metrics::{self, emit};
use foz_edge::{ErrorType, Hints, fail_point};
use foz_lake::raw::{self, DIGEST_METADATA, RawBatch};
use foz_lake::store::{Put, Store};
use foz_pipeline::Definition;
use foz_wire::IngestAnswer;
use tracing::{info, warn};

use crate::streams::Streams;

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Ingest {
    pub(crate) store: Store,
    pub(crate) catalog: Catalog,
    hints: Hints,
    pub(crate) streams: Streams,
    /// What the search for redelivered messages may take.
    pub(crate) lookback: Duration,
}

/// What one part of an invocation may take that has so long: the way into the catalog comes after it.
pub fn most_of(timeout: Duration) -> Duration {
    timeout * 2 / 3
}

/// The place that a batch is to have.
pub(crate) struct Place<'a> {
    pub(crate) group: &'a Group,
    pub(crate) epoch: Epoch,
    pub(crate) ordinal: Ordinal,
}

/// What became of a batch, and how much it holds; nothing if it was refused.
pub(crate) struct Placed {
    pub(crate) answer: IngestAnswer,
    messages: u64,
    bytes: u64,
}

/// An answer by which nothing new is counted.
impl From<IngestAnswer> for Placed {
    fn from(answer: IngestAnswer) -> Self {
        Self { answer, messages: 0, bytes: 0 }
    }
}

/// Whether a raw object has its name.
enum Stored {
    /// It is in the bucket, with this many bytes.
    Here(u64),
    /// Another object has its name.
    Taken {
        /// What is wrong.
        reason: String,
    },
}

impl Ingest {
    /// An ingest for the streams of the definition, whose invocations may take so long.
    pub fn new(store: Store, catalog: Catalog, hints: Hints, definition: &Definition, timeout: Duration) -> Self {
        Self { store, catalog, hints, streams: Streams::new(definition), lookback: most_of(timeout) }
    }

    /// Stores a batch and commits it to its place.
    pub(crate) async fn place(&self, place: Place<'_>, batch: RawBatch, now: Timestamp) -> anyhow::Result<Placed> {
        let Place { group, epoch, ordinal } = place;
        let key = RawKey::new(&batch.stream, batch.opened_at, epoch, ordinal, &batch.digest);
        let (messages, bytes) = (batch.messages.len() as u64, batch.raw_len as u64);
        let object_bytes = match self.store(&key.to_string(), &batch).await? {
            Stored::Here(object_bytes) => object_bytes,
            Stored::Taken { reason } => return Ok(IngestAnswer::Conflict { reason }.into()),
        };
        fail_point("ingest.after_put").await?;
        let content = BatchContent {
            stream: batch.stream.clone(),
            epoch,
            ordinal,
            digest: batch.digest,
            raw_key: key,
            messages,
            bytes,
            object_bytes,
            ingested_at: batch.opened_at,
        };
        drop(batch);
        let commit = self.catalog.commit_batch(group, &content).await;
        let commit = commit.context("committing a batch")?;
        fail_point("ingest.after_commit").await?;
        let answer = answer(commit);
        if let IngestAnswer::Committed { sequence, repeated } = answer {
            info!(sequence = sequence.0, repeated, messages, bytes, "committed");
            // A repeated batch too: the first try may have died before its hint.
            self.hint(&group.name, &content.stream, now).await;
            fail_point("ingest.after_hint").await?;
        }
        Ok(Placed { answer, messages, bytes })
    }

    /// Creates the raw object.
    async fn store(&self, key: &str, batch: &RawBatch) -> anyhow::Result<Stored> {
        let digest = batch.digest.to_string();
        let object = raw::encode(batch).context("encoding a raw object").context(ErrorType::Store)?;
        let size = object.len() as u64;
        let metadata = HashMap::from([(DIGEST_METADATA.to_owned(), digest.clone())]);
        let put = self.store.put_new(key, object, metadata).await?;
        let Put::Exists { metadata } = put else { return Ok(Stored::Here(size)) };
        if metadata.get(DIGEST_METADATA) != Some(&digest) {
            return Ok(Stored::Taken { reason: format!("{key} exists with another digest") });
        }
        // An earlier try wrote it, maybe an earlier version: same rows, perhaps not the same bytes.
        let head = self.store.head(key).await?;
        Ok(Stored::Here(head.map_or(size, |head| head.size)))
    }

    /// Tells dispatch. What is lost here, the S3 event or the sweep finds.
    pub(crate) async fn hint(&self, group: &GroupName, stream: &StreamName, now: Timestamp) {
        if let Err(error) = self.hints.send(group, Duration::ZERO).await {
            warn!(error = format!("{error:#}"), "hint lost");
            emit(now, &[("stream", stream.as_str())], &[(&metrics::HINTS_LOST, 1.0)]);
        }
    }
}

fn answer(commit: Commit) -> IngestAnswer {
    match commit {
        Commit::Committed { sequence, repeated } => IngestAnswer::Committed { sequence, repeated },
        Commit::Fenced { epoch } => IngestAnswer::Fenced { epoch },
        Commit::Conflict { reason } => IngestAnswer::Conflict { reason },
        Commit::Busy => IngestAnswer::Busy { reason: "the group is contended".to_owned() },
    }
}

impl Placed {
    /// Logs and counts what became of the batch.
    #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
    pub(crate) fn report(&self, stream: &StreamName, now: Timestamp) {
        let stream = [("stream", stream.as_str())];
        let one = |metric| emit(now, &stream, &[(metric, 1.0)]);
        match &self.answer {
            IngestAnswer::Committed { repeated: true, .. } => one(&metrics::REPEATED),
            IngestAnswer::Committed { .. } => {
                let (messages, bytes) = (self.messages as f64, self.bytes as f64);
                let counted =
                    [(&metrics::BATCHES, 1.0), (&metrics::MESSAGES_IN, messages), (&metrics::BYTES_IN, bytes)];
                emit(now, &stream, &counted);
            }
            IngestAnswer::Fenced { epoch } => {
                info!(newer = epoch.0, "fenced");
                one(&metrics::FENCED);
            }
            IngestAnswer::Conflict { reason } => {
                warn!(reason, "conflict");
                one(&metrics::CONFLICTS);
            }
            IngestAnswer::Busy { reason } => {
                warn!(reason, "busy");
                one(&metrics::BUSY);
            }
        }
    }
}
