//! The last batches of a stream, followed from its head through `previous`: strongly consistent reads only, since an
//! index or an eventually consistent read could hide the very batch whose messages are being redelivered.

use foz_domain::batch::Batch;
use foz_domain::{GroupName, Sequence, StreamName};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::{Key, batch};

impl Catalog {
    /// The stream's last batches, oldest first, across epochs: as few as hold `at_least_messages` together, or all if they
    /// hold less.
    ///
    /// # Errors
    /// Unavailable or refused; damaged if the chain is broken.
    pub async fn tail(&self, group: &GroupName, stream: &StreamName, at_least_messages: u64) -> Result<Vec<Batch>> {
        let head = self.stream_head(group, stream).await?;
        let mut next = head.last.map(|last| last.sequence);
        let (mut tail, mut messages) = (Vec::new(), 0);
        while let Some(sequence) = next.filter(|_| messages < at_least_messages) {
            let link = self.link(group, &head.former, stream, sequence).await?;
            messages += link.content.messages;
            next = link.previous;
            tail.push(link);
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
            let Some(item) = self.table.get(&batch::key(group, sequence)).await? else { continue };
            let link = batch::of_item(&item)?;
            if link.content.stream != *stream {
                continue;
            }
            if link.previous.is_some_and(|previous| previous >= sequence) {
                return Err(item.damaged(format!("it is no link of {stream}'s chain")));
            }
            return Ok(link);
        }
        let Key { pk, sk } = batch::key(group, sequence);
        Err(CatalogError::Damaged {
            item: format!("{pk}/{sk}"),
            why: format!("it is missing although {stream} leads to it"),
        })
    }
}
