//! The last batches of a stream, followed from its head through `previous`: strongly consistent reads only, since an
//! index or an eventually consistent read could hide the very batch whose messages are being redelivered.
//!
//! The batches of a stream that is alone in its group lie side by side, so they are read a page at a time, backwards. In a
//! group of many streams a page holds batches of others too, and a small one wastes less: pages grow while most of what
//! they hold is the stream's, and shrink while it is not.

use std::collections::VecDeque;

use foz_domain::batch::Batch;
use foz_domain::{GroupName, Range, Sequence, StreamName};

use crate::Catalog;
use crate::StreamHead;
use crate::error::{CatalogError, Result};
use crate::item::{Key, batch, group_pk};

/// Items of the first page: a tail seldom needs more.
const FIRST_PAGE: usize = 16;

/// Items of the largest page. An item has some 400 bytes, and a page of DynamoDB ends at a megabyte.
const LARGEST_PAGE: usize = 1024;

/// Goes backwards over the batches of a stream, across epochs and across the groups to which it belonged.
#[derive(Debug)]
pub struct TailReader<'a> {
    catalog: &'a Catalog,
    stream: &'a StreamName,
    /// Where its batches are: its group, then those to which it belonged before.
    groups: Vec<GroupName>,
    /// The batch that was not read yet; `None` if there is none before those that were.
    next: Option<Sequence>,
    /// Batches that were read and not yet asked for, newest first.
    ahead: VecDeque<Batch>,
    page: usize,
}

impl Catalog {
    /// The stream's last batches, oldest first, across epochs: as few as hold `at_least_messages` together, or all if they
    /// hold less.
    ///
    /// # Errors
    /// Unavailable or refused; damaged if the chain is broken.
    pub async fn tail(&self, group: &GroupName, stream: &StreamName, at_least_messages: u64) -> Result<Vec<Batch>> {
        self.tail_reader(group, stream).await?.read(at_least_messages).await
    }

    /// A reader of the stream's batches, which begins with the last one.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn tail_reader<'a>(&'a self, group: &GroupName, stream: &'a StreamName) -> Result<TailReader<'a>> {
        let head = self.stream_head(group, stream).await?;
        Ok(self.tail_before(group, stream, &head))
    }

    /// A reader of the stream's batches that begins with the one that the head names.
    pub(crate) fn tail_before<'a>(
        &'a self,
        group: &GroupName,
        stream: &'a StreamName,
        head: &StreamHead,
    ) -> TailReader<'a> {
        let groups = std::iter::once(group).chain(&head.former).cloned().collect();
        let next = head.last.map(|last| last.sequence);
        TailReader { catalog: self, stream, groups, next, ahead: VecDeque::new(), page: FIRST_PAGE }
    }
}

impl TailReader<'_> {
    /// The batches before those that were read, oldest first: as few as hold `at_least_messages` together, or all if they
    /// hold less.
    ///
    /// # Errors
    /// Unavailable or refused; damaged if the chain is broken.
    pub async fn read(&mut self, at_least_messages: u64) -> Result<Vec<Batch>> {
        let (mut read, mut messages) = (VecDeque::new(), 0);
        while messages < at_least_messages {
            let Some(batch) = self.before().await? else { break };
            messages += batch.content.messages;
            read.push_front(batch);
        }
        Ok(read.into())
    }

    /// The batch before those that were read; `None` if there is none.
    pub(crate) async fn before(&mut self) -> Result<Option<Batch>> {
        if self.ahead.is_empty() {
            self.look_ahead().await?;
        }
        Ok(self.ahead.pop_front())
    }

    /// Reads a page of the chain. A stream's sequences only grow, wherever it goes, so it has one batch of a number.
    async fn look_ahead(&mut self) -> Result<()> {
        let Some(sequence) = self.next else { return Ok(()) };
        let range = Range::new(Sequence(0), sequence.next()).map(batch::sks);
        for group in self.groups.clone() {
            let Some(range) = range.clone() else { break };
            let items = self.catalog.table.last(&group_pk(&group), range, self.page).await?;
            let (mut next, mut links) = (Some(sequence), 0);
            for item in &items {
                let link = batch::of_item(item)?;
                // Batches of other streams lie between; where the chain leads to one of those, it goes on in another group.
                if next.is_some_and(|next| link.sequence > next) {
                    continue;
                }
                if next != Some(link.sequence) || link.content.stream != *self.stream {
                    break;
                }
                if link.previous.is_some_and(|previous| previous >= link.sequence) {
                    return Err(item.damaged(format!("it is no link of {}'s chain", self.stream)));
                }
                next = link.previous;
                links += 1;
                self.ahead.push_back(link);
            }
            if links > 0 {
                self.next = next;
                let most = links * 2 > items.len();
                self.page = if most { (self.page * 4).min(LARGEST_PAGE) } else { (self.page / 4).max(1) };
                return Ok(());
            }
        }
        let Key { pk, sk } = batch::key(&self.groups[0], sequence);
        Err(CatalogError::Damaged {
            item: format!("{pk}/{sk}"),
            why: format!("it is missing although {} leads to it", self.stream),
        })
    }
}
