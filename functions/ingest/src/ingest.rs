//! The way of a batch: decode, store, commit, hint.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Context;
use foz_catalog::{Catalog, Commit, NewBatch};
use foz_domain::keys::RawKey;
use foz_domain::{Epoch, GroupName, Ordinal, StreamName};
use foz_lake::frame;
use foz_lake::raw::{self, DIGEST_METADATA, RawBatch};
use foz_lake::store::{Put, Store};
use foz_pipeline::Definition;
use foz_wire::ingest::{IngestAnswer, IngestEvent, IngestReply, IngestRequest};
use tracing::{info, warn};

use crate::mapping;

/// A group and its streams.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: GroupName,
    pub(crate) members: Vec<StreamName>,
}

/// The place that a batch is to have.
pub(crate) struct Place<'a> {
    pub(crate) group: &'a Group,
    pub(crate) epoch: Epoch,
    pub(crate) ordinal: Ordinal,
}

/// Messages and bytes of a batch; none of one that is refused.
pub(crate) type Counted = (u64, u64);

/// The function with its clients, built once.
#[derive(Debug)]
pub struct Ingest {
    pub(crate) store: Store,
    pub(crate) catalog: Catalog,
    hints: Hints,
    pub(crate) groups: BTreeMap<StreamName, Group>,
    /// How an event names a queue → the stream that comes by a mapping.
    pub(crate) by_mapping: BTreeMap<String, StreamName>,
}

impl Ingest {
    /// An ingest for the streams of the definition.
    pub fn new(store: Store, catalog: Catalog, hints: Hints, definition: &Definition) -> Self {
        let of_group = |group: foz_domain::groups::Group| {
            let streams = group.streams.clone();
            streams
                .into_iter()
                .map(move |stream| (stream, Group { name: group.name.clone(), members: group.streams.clone() }))
        };
        let groups = definition.groups().into_iter().flat_map(of_group).collect();
        Self { store, catalog, hints, groups, by_mapping: mapping::queues(definition) }
    }

    /// Answers an invocation by either front door at `now` (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// As of [`handle`](Self::handle) and [`handle_event`](Self::handle_event).
    pub async fn invoke(&self, event: IngestEvent, now: i64) -> anyhow::Result<IngestReply> {
        match event {
            IngestEvent::Batch(request) => self.handle(request, now).await.map(IngestReply::Batch),
            IngestEvent::Mapping(event) => self.handle_event(event, now).await.map(IngestReply::Mapping),
        }
    }

    /// Stores and commits one batch at `now` (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// The outcome is unknown: the same request may be sent again.
    #[tracing::instrument(skip_all, fields(stream = %request.stream, epoch = %request.epoch, ordinal = %request.ordinal))]
    pub async fn handle(&self, request: IngestRequest<'_>, now: i64) -> anyhow::Result<IngestAnswer> {
        let stream = request.stream.clone();
        let (answer, counted) = self.take(request, now).await?;
        report(&stream, &answer, counted, now);
        Ok(answer)
    }

    async fn take(&self, request: IngestRequest<'_>, now: i64) -> anyhow::Result<(IngestAnswer, Counted)> {
        let refused = |reason: String| Ok((IngestAnswer::Conflict { reason }, (0, 0)));
        if self.by_mapping.values().any(|stream| *stream == request.stream) {
            return refused(format!("{} comes by a mapping in ingest's definition", request.stream));
        }
        let Some(group) = self.groups.get(&request.stream) else {
            return refused(format!("{} is no stream of ingest's definition", request.stream));
        };
        let frame = match frame::decode(&request.frame, frame::MAX_RAW) {
            Ok(frame) => frame,
            Err(why) => return refused(format!("{:#}", anyhow::Error::from(why))),
        };
        if let Err(reason) = agree(&request, &frame) {
            return refused(reason);
        }
        let IngestRequest { epoch, ordinal, frame: compressed, .. } = request;
        // The compressed frame is not needed any more; the raw object is about as large.
        drop(compressed);
        self.place(Place { group, epoch, ordinal }, frame, now).await
    }

    /// Stores a batch and commits it to its place.
    pub(crate) async fn place(
        &self,
        Place { group, epoch, ordinal }: Place<'_>,
        frame: RawBatch,
        now: i64,
    ) -> anyhow::Result<(IngestAnswer, Counted)> {
        let key = RawKey::new(&frame.stream, frame.opened_at, epoch, ordinal, &frame.digest).to_string();
        let (messages, bytes) = (frame.messages.len() as u64, frame.raw_len as u64);
        let object_bytes = match self.store(&key, &frame).await? {
            Ok(object_bytes) => object_bytes,
            Err(reason) => return Ok((IngestAnswer::Conflict { reason }, (0, 0))),
        };
        fail_point("ingest.after_put").await?;
        let batch = NewBatch {
            group: group.name.clone(),
            members: group.members.clone(),
            stream: frame.stream.clone(),
            epoch,
            ordinal,
            digest: frame.digest,
            raw_key: key,
            messages,
            bytes,
            object_bytes,
            ingested_at: frame.opened_at,
        };
        drop(frame);
        let commit =
            self.catalog.commit_batch(&batch).await.context("committing a batch").context(ErrorType::Catalog)?;
        fail_point("ingest.after_commit").await?;
        let answer = answer(commit);
        if let IngestAnswer::Committed { sequence, repeated } = answer {
            info!(sequence = sequence.0, repeated, messages, bytes, "committed");
            // A repeated batch too: the first try may have died before its hint.
            self.hint(&batch.group, &batch.stream, now).await;
            fail_point("ingest.after_hint").await?;
        }
        Ok((answer, (messages, bytes)))
    }

    /// Creates the raw object and tells its size; the inner error: another object has its name.
    async fn store(&self, key: &str, frame: &RawBatch) -> anyhow::Result<Result<u64, String>> {
        let digest = frame.digest.to_string();
        let object = raw::encode(frame).context("encoding a raw object").context(ErrorType::Store)?;
        let size = object.len() as u64;
        let metadata = HashMap::from([(DIGEST_METADATA.to_owned(), digest.clone())]);
        let put = self.store.put_new(key, object, metadata).await.context(ErrorType::Store)?;
        let Put::Exists { metadata } = put else { return Ok(Ok(size)) };
        if metadata.get(DIGEST_METADATA) != Some(&digest) {
            return Ok(Err(format!("{key} exists with another digest")));
        }
        // An earlier try wrote it, maybe an earlier version: same rows, perhaps not the same bytes.
        let head = self.store.head(key).await.context(ErrorType::Store)?;
        Ok(Ok(head.map_or(size, |head| head.size)))
    }

    /// Tells dispatch. What is lost here, the S3 event or the sweep finds.
    pub(crate) async fn hint(&self, group: &GroupName, stream: &StreamName, now: i64) {
        if let Err(error) = self.hints.send(group, Duration::ZERO).await {
            warn!(error = format!("{error:#}"), "hint lost");
            emit(now, &[("stream", stream.as_str())], &[(&metrics::HINTS_LOST, 1.0)]);
        }
    }
}

/// Whether the request says of its frame what the frame says of itself.
fn agree(request: &IngestRequest<'_>, frame: &RawBatch) -> Result<(), String> {
    let mut wrong = Vec::new();
    if frame.stream != request.stream {
        wrong.push(format!("it is a frame of {}", frame.stream));
    }
    if frame.digest != request.digest {
        wrong.push(format!("its digest is {}, not {}", frame.digest, request.digest));
    }
    if frame.messages.len() as u64 != request.messages {
        wrong.push(format!("it holds {} messages, not {}", frame.messages.len(), request.messages));
    }
    if frame.messages.is_empty() {
        wrong.push("a batch without messages has no place in the order".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}

fn answer(commit: Commit) -> IngestAnswer {
    match commit {
        Commit::Committed { sequence, repeated } => IngestAnswer::Committed { sequence, repeated },
        Commit::Fenced { epoch } => IngestAnswer::Fenced { epoch },
        Commit::Conflict { reason } => IngestAnswer::Conflict { reason },
        Commit::Busy => IngestAnswer::Busy { reason: "the group is contended".to_owned() },
    }
}

#[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
pub(crate) fn report(stream: &StreamName, answer: &IngestAnswer, (messages, bytes): Counted, now: i64) {
    let stream = [("stream", stream.as_str())];
    let one = |metric| emit(now, &stream, &[(metric, 1.0)]);
    match answer {
        IngestAnswer::Committed { repeated: true, .. } => one(&metrics::REPEATED),
        IngestAnswer::Committed { .. } => emit(
            now,
            &stream,
            &[(&metrics::BATCHES, 1.0), (&metrics::MESSAGES_IN, messages as f64), (&metrics::BYTES_IN, bytes as f64)],
        ),
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
