//! The second front door: an event of Amazon MQ's event source mapping becomes a batch.
//!
//! A mapping knows neither reigns nor ordinals, so ingest gives them: it reigns itself over the group of such a stream,
//! which has no other, and continues its numbers. What is read at the beginning of an invocation is the condition of its
//! commit, so an execution that is late loses, and the mapping repeats the event. [`foz_domain::mapping`] says what of an
//! event is in the catalog already.

mod headers;
mod record;

use anyhow::{Context, anyhow, bail};
use foz_catalog::{Catalog, CatalogError, StreamHead};
use foz_domain::groups::Group;
use foz_domain::mapping::{Delivered, Lookback};
use foz_domain::{Digest, Epoch, GroupName, Ordinal, Sequence, StreamName, Timestamp};
use foz_edge::metrics::{self, emit};
use foz_edge::{ErrorType, fail_point};
use foz_lake::frame;
use foz_lake::message::{Encoded, Message};
use foz_lake::raw;
use foz_wire::IngestAnswer;
use foz_wire::mapping::MappingEvent;
use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::value::RawValue;
use tracing::{info, warn};

use crate::Ingest;
use crate::ingest::Place;
use record::Record;

/// The owner of the reign over the group of a stream that comes by a mapping.
const OWNER: &str = "mapping";

/// Objects whose digests are read at one time: ten thousand of them, at 30 ms each, then take ten seconds.
const DIGESTS_AT_ONCE: usize = 32;

/// A message of an event, and what the broker said of it.
struct MappedMessage {
    encoded: Encoded,
    message: Message,
    redelivered: bool,
}

/// The number of a batch in the mapping's reign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Numbered {
    /// A new batch.
    New(Ordinal),
    /// The stream's last batch, which has this sequence.
    Last(Sequence),
}

impl Ingest {
    /// Stores and commits what is new in an event at `now`; an answer for each batch that
    /// was made of it.
    ///
    /// # Errors
    /// Nothing may be acknowledged: the whole event must come again.
    pub async fn handle_event(&self, event: MappingEvent, now: Timestamp) -> anyhow::Result<Vec<IngestAnswer>> {
        let mut answers = Vec::new();
        for (queue, records) in event.messages {
            let Some(stream) = self.streams.of_mapped_queue(&queue) else {
                let why = "is no queue of a stream with door: mapping; remove its event source mapping";
                return Err(anyhow::anyhow!("{queue} {why}").context(ErrorType::Event));
            };
            answers.extend(self.place_records(stream, &records, now).await?);
        }
        Ok(answers)
    }

    #[tracing::instrument(skip_all, fields(%stream))]
    async fn place_records(
        &self,
        stream: &StreamName,
        records: &[Box<RawValue>],
        now: Timestamp,
    ) -> anyhow::Result<Option<IngestAnswer>> {
        let group = self.streams.group(stream).context("a stream without a group").context(ErrorType::Settings)?;
        // First, before anything that takes time: a reign that begins after this fences the batch.
        let epoch = reign(&self.catalog, group).await.context("reading the reign")?;
        let head = self.catalog.stream_head(&group.name, stream).await;
        let head = head.context("reading the stream's head")?;
        let messages: Vec<_> = records.iter().filter_map(|record| mapped_message(record)).collect();
        let known = self.known(&group.name, stream, &messages).await?;
        let dropped = known.iter().filter(|known| **known).count();
        if dropped > 0 {
            info!(dropped, "redelivered messages are catalogued already");
            #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
            emit(now, &[("stream", stream.as_str())], &[(&metrics::REDELIVERED_DROPPED, dropped as f64)]);
        }
        if dropped == messages.len() {
            return Ok(None);
        }
        let new = messages.into_iter().zip(known).filter(|(_, known)| !known);
        let new = new.map(|(MappedMessage { encoded, message, .. }, _)| (encoded, message)).collect();
        let batch = frame::gather(stream.clone(), now, new);
        let placed = match number(epoch, &head, batch.digest) {
            Numbered::New(ordinal) => self.place(Place { group, epoch, ordinal }, batch, now).await?,
            Numbered::Last(sequence) => {
                // Its hint may be lost with the answer that the mapping did not get.
                self.hint(&group.name, stream, now).await;
                IngestAnswer::Committed { sequence, repeated: true }.into()
            }
        };
        placed.report(stream, now);
        match placed.answer {
            IngestAnswer::Committed { .. } => Ok(Some(placed.answer)),
            // Nobody reads a mapping's answer: only a failure brings the event back.
            other => {
                warn!(%other, "the event must come again");
                bail!(anyhow::anyhow!("not committed: {other}").context(ErrorType::Catalog))
            }
        }
    }

    /// Which messages of the event are catalogued. Reads no object unless the broker says that some may be.
    async fn known(
        &self,
        group: &GroupName,
        stream: &StreamName,
        messages: &[MappedMessage],
    ) -> anyhow::Result<Vec<bool>> {
        if !messages.iter().any(|message| message.redelivered) {
            return Ok(vec![false; messages.len()]);
        }
        let delivered: Vec<_> = messages
            .iter()
            .map(|MappedMessage { encoded, message, redelivered }| Delivered {
                digest: encoded.digest(),
                redelivered: *redelivered,
                identified: message.properties.message_id.is_some(),
            })
            .collect();
        let mut lookback = Lookback::new(&delivered);
        let read = tokio::time::timeout(self.lookback, self.look_back(group, stream, &mut lookback)).await;
        let late = || anyhow!("not done within {:?}: give ingest more time (`timeout`)", self.lookback);
        read.unwrap_or_else(|_| Err(late().context(ErrorType::Store)))
            .context("looking for redelivered messages among those that are catalogued")?;
        fail_point("ingest.after_tail").await?;
        Ok(lookback.known())
    }

    /// Reads as much of the stream's tail as decides which messages of the event are in it.
    async fn look_back(
        &self,
        group: &GroupName,
        stream: &StreamName,
        lookback: &mut Lookback<'_>,
    ) -> anyhow::Result<()> {
        let mut tail = self.catalog.tail_reader(group, stream).await.context("reading the stream's head")?;
        while lookback.missing() > 0 {
            let batches = tail.read(lookback.missing() as u64).await.context("reading the stream's tail")?;
            if batches.is_empty() {
                break;
            }
            let digests = batches.iter().map(|batch| raw::read_digests(&self.store, &batch.content.raw_key));
            let digests = stream::iter(digests).buffered(DIGESTS_AT_ONCE).try_concat().await;
            lookback.read(digests.context("reading digests")?);
        }
        Ok(())
    }
}

/// The message of a record, or `None` if it is a marker: the queue may hold some of a bridge that served it before.
fn mapped_message(record: &RawValue) -> Option<MappedMessage> {
    let Record { message, redelivered } = Record::read(record.get());
    (!headers::is_marker(&message)).then(|| MappedMessage { encoded: message.encode(), message, redelivered })
}

/// The reign of the mapping over the group: it goes on until a bridge takes the group, and begins when a mapping comes
/// after a bridge.
async fn reign(catalog: &Catalog, Group { name: group, streams }: &Group) -> Result<Epoch, CatalogError> {
    match catalog.group_head(group).await? {
        Some(head) if head.owner == OWNER && head.members == *streams => Ok(head.epoch),
        _ => {
            let epoch = catalog.raise_epoch(group, streams, OWNER).await?;
            info!(%group, %epoch, "the mapping takes the group");
            Ok(epoch)
        }
    }
}

/// Numbers the batch of that digest.
fn number(epoch: Epoch, head: &StreamHead, digest: Digest) -> Numbered {
    match head.last {
        Some(last) if last.digest == digest => Numbered::Last(last.sequence),
        Some(last) if last.epoch == epoch => Numbered::New(last.ordinal.next()),
        _ => Numbered::New(Ordinal(1)),
    }
}
