//! The last batches of a stream, followed from its head through `previous`: strongly consistent reads only, since an
//! index or an eventually consistent read could hide the very batch whose messages are being redelivered.

use foz_domain::batch::Batch;
use foz_domain::{GroupName, Sequence, StreamName};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::{Attributes, Item, Key, number, text};

pub(crate) fn of_item(item: &Item) -> Result<Batch> {
    let sk: String = item.get("sk")?;
    let digits = sk.strip_prefix("B#").and_then(|digits| digits.parse().ok());
    Ok(Batch {
        sequence: digits.map(Sequence).ok_or_else(|| item.damaged("not the key of a batch".to_owned()))?,
        stream: item.get("stream")?,
        epoch: item.get("epoch")?,
        ordinal: item.get("ordinal")?,
        digest: item.get("digest")?,
        raw_key: item.get("raw_key")?,
        messages: item.get("messages")?,
        bytes: item.get("bytes")?,
        object_bytes: item.get("object_bytes")?,
        ingested_at: item.get("ingested_at")?,
        previous: item.optional("previous")?,
    })
}

pub(crate) fn to_item(group: &GroupName, batch: &Batch) -> Attributes {
    let mut item = Key::batch(group, batch.sequence).attributes();
    let rest = [
        ("stream", text(&batch.stream)),
        ("epoch", number(batch.epoch)),
        ("ordinal", number(batch.ordinal)),
        ("digest", text(batch.digest)),
        ("raw_key", text(&batch.raw_key)),
        ("messages", number(batch.messages)),
        ("bytes", number(batch.bytes)),
        ("object_bytes", number(batch.object_bytes)),
        ("ingested_at", number(batch.ingested_at)),
    ];
    item.extend(rest.map(|(name, value)| (name.to_owned(), value)));
    item.extend(batch.previous.map(|previous| ("previous".to_owned(), number(previous))));
    item
}

impl Catalog {
    /// The stream's last batches, oldest first, across epochs: as few as hold `at_least_messages` together, all if there
    /// are not so many.
    ///
    /// # Errors
    /// Unavailable or refused; damaged if the chain is broken.
    pub async fn tail(&self, group: &GroupName, stream: &StreamName, at_least_messages: u64) -> Result<Vec<Batch>> {
        let head = self.stream_head(group, stream).await?;
        let mut next = head.last.map(|last| last.sequence);
        let (mut tail, mut messages) = (Vec::new(), 0);
        while let Some(sequence) = next.filter(|_| messages < at_least_messages) {
            let batch = self.link(group, &head.former, stream, sequence).await?;
            messages += batch.messages;
            next = batch.previous;
            tail.push(batch);
        }
        tail.reverse();
        Ok(tail)
    }

    /// One link of the stream's chain of batches: in its group, or in one to which it belonged before. A stream's
    /// sequences only grow, wherever it goes, so it has one batch of a number.
    pub(crate) async fn link(
        &self,
        group: &GroupName,
        former: &[GroupName],
        stream: &StreamName,
        sequence: Sequence,
    ) -> Result<Batch> {
        for group in std::iter::once(group).chain(former) {
            let Some(item) = self.table.get(&Key::batch(group, sequence)).await? else { continue };
            let batch = of_item(&item)?;
            if batch.stream != *stream {
                continue;
            }
            if batch.previous.is_some_and(|previous| previous >= sequence) {
                return Err(item.damaged(format!("it is no link of {stream}'s chain")));
            }
            return Ok(batch);
        }
        let Key { pk, sk } = Key::batch(group, sequence);
        Err(CatalogError::Damaged {
            item: format!("{pk}/{sk}"),
            why: format!("it is missing although {stream} leads to it"),
        })
    }
}
