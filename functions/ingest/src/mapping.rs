//! The second front door: an event of Amazon MQ's event source mapping becomes a batch.
//!
//! A mapping knows neither reigns nor ordinals, so ingest gives them: it reigns itself over the group of such a stream,
//! which has no other, and continues its numbers. What is read at the beginning of an invocation is the condition of its
//! commit, so an execution that is late loses, and the mapping repeats the event. [`foz_domain::mapping`] says what of an
//! event is in the catalog already.

mod headers;
mod record;

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use foz_catalog::{Catalog, CatalogError, StreamHead};
use foz_domain::mapping::{Delivered, MAX_EVENT, repeated};
use foz_domain::{Digest, Epoch, Ordinal, Sequence, StreamName};
use foz_lake::frame;
use foz_lake::message::{Encoded, Message};
use foz_lake::raw;
use foz_pipeline::{Definition, Door};
use foz_wire::IngestAnswer;
use foz_wire::mapping::MappingEvent;
use serde_json::value::RawValue;
use tracing::{info, warn};

use crate::ingest::{Group, Ingest, Place, report};
use record::Record;

/// Who reigns over the group of a stream that comes by a mapping.
const OWNER: &str = "mapping";

/// How an event names the queue of each stream that comes by a mapping.
pub fn queues(definition: &Definition) -> BTreeMap<String, StreamName> {
    let vhost = &definition.broker.vhost;
    let mapped = definition.streams.values().filter(|stream| stream.settings.door == Door::Mapping);
    mapped.map(|stream| (format!("{}::{vhost}", stream.queue), stream.name.clone())).collect()
}

/// A message and what the broker said of it.
type Parcel = (Encoded, Message, bool);

impl Ingest {
    /// Stores and commits what is new in an event at `now` (milliseconds since 1970 UTC); an answer for each batch that
    /// was made of it.
    ///
    /// # Errors
    /// Nothing may be acknowledged: the whole event must come again.
    pub async fn handle_event(&self, event: MappingEvent, now: i64) -> anyhow::Result<Vec<IngestAnswer>> {
        let mut answers = Vec::new();
        for (queue, records) in event.messages {
            let Some(stream) = self.by_mapping.get(&queue) else {
                let why = "is no queue of a stream with door: mapping; remove its event source mapping";
                return Err(anyhow::anyhow!("{queue} {why}").context(ErrorType::Event));
            };
            answers.extend(self.take_event(stream, &records, now).await?);
        }
        Ok(answers)
    }

    #[tracing::instrument(skip_all, fields(%stream))]
    async fn take_event(
        &self,
        stream: &StreamName,
        records: &[Box<RawValue>],
        now: i64,
    ) -> anyhow::Result<Option<IngestAnswer>> {
        let group = self.groups.get(stream).context("a stream without a group").context(ErrorType::Settings)?;
        // First, before anything that takes time: whoever reigns after this fences it.
        let epoch = reign(&self.catalog, group).await.context("reading the reign").context(ErrorType::Catalog)?;
        let head = self.catalog.stream_head(&group.name, stream).await;
        let head = head.context("reading the stream's head").context(ErrorType::Catalog)?;
        let parcels: Vec<Parcel> = records.iter().filter_map(|record| parcel(record)).collect();
        let known = self.repeated(group, stream, &parcels).await?;
        let dropped = known.iter().filter(|known| **known).count();
        if dropped > 0 {
            info!(dropped, "redelivered messages are catalogued already");
            #[expect(clippy::cast_precision_loss, reason = "metrics are floating point")]
            emit(now, &[("stream", stream.as_str())], &[(&metrics::REDELIVERED_DROPPED, dropped as f64)]);
        }
        if dropped == parcels.len() {
            return Ok(None);
        }
        let new = parcels.into_iter().zip(known).filter(|(_, known)| !known);
        let messages = new.map(|((encoded, message, _), _)| (encoded, message)).collect();
        let frame = frame::gather(stream.clone(), now, messages);
        let (ordinal, again) = ordinal(epoch, &head, frame.digest);
        let (answer, counted) = if let Some(sequence) = again {
            // Its hint may be lost with the answer that the mapping did not get.
            self.hint(&group.name, stream, now).await;
            (IngestAnswer::Committed { sequence, repeated: true }, (0, 0))
        } else {
            self.place(Place { group, epoch, ordinal }, frame, now).await?
        };
        report(stream, &answer, counted, now);
        match answer {
            IngestAnswer::Committed { .. } => Ok(Some(answer)),
            // Nobody reads a mapping's answer: only a failure brings the event back.
            other => {
                warn!(?other, "the event must come again");
                bail!(anyhow::anyhow!("not committed: {other:?}").context(ErrorType::Catalog))
            }
        }
    }

    /// Which messages of the event are catalogued. Reads no object unless the broker says that some may be.
    async fn repeated(&self, group: &Group, stream: &StreamName, parcels: &[Parcel]) -> anyhow::Result<Vec<bool>> {
        if !parcels.iter().any(|(_, _, redelivered)| *redelivered) {
            return Ok(vec![false; parcels.len()]);
        }
        let batches = self.catalog.tail(&group.name, stream, MAX_EVENT).await;
        let batches = batches.context("reading the stream's tail").context(ErrorType::Catalog)?;
        let mut tail: Vec<Digest> = Vec::new();
        for batch in batches {
            let key = batch.raw_key.parse().context(ErrorType::Catalog)?;
            tail.extend(
                raw::read_digests(&self.store, &key).await.context("reading digests").context(ErrorType::Store)?,
            );
        }
        let delivered: Vec<_> = parcels
            .iter()
            .map(|(encoded, message, redelivered)| Delivered {
                digest: encoded.digest(),
                redelivered: *redelivered,
                identified: message.properties.message_id.is_some(),
            })
            .collect();
        fail_point("ingest.after_tail").await?;
        Ok(repeated(&delivered, &tail))
    }
}

/// The message of a record, unless it is a marker: the queue may hold some of a bridge that served it before.
fn parcel(record: &RawValue) -> Option<Parcel> {
    let Record { message, redelivered } = Record::read(record.get());
    (!headers::is_marker(&message)).then(|| (message.encode(), message, redelivered))
}

/// The reign of the mapping over the group: it goes on until a bridge takes the group, and begins when a mapping comes
/// after a bridge.
async fn reign(catalog: &Catalog, group: &Group) -> Result<Epoch, CatalogError> {
    match catalog.group_head(&group.name).await? {
        Some(head) if head.owner == OWNER && head.members == group.members => Ok(head.epoch),
        _ => {
            let epoch = catalog.raise_epoch(&group.name, &group.members, OWNER).await?;
            info!(group = %group.name, %epoch, "the mapping takes the group");
            Ok(epoch)
        }
    }
}

/// The number that a batch of this digest has in the reign, and its sequence if it is the stream's last one.
fn ordinal(epoch: Epoch, head: &StreamHead, digest: Digest) -> (Ordinal, Option<Sequence>) {
    match head.last {
        Some(last) if last.digest == digest => (last.ordinal, Some(last.sequence)),
        Some(last) if last.epoch == epoch => (last.ordinal.next(), None),
        _ => (Ordinal(1), None),
    }
}
