//! Heads of groups and streams.

use foz_domain::batch::Watermarks;
use foz_domain::{Digest, Epoch, GroupName, Ordinal, Sequence, StreamName, Timestamp};

use crate::Catalog;
use crate::error::Result;
use crate::item::{Item, Key};

/// What ingest and bridge move (`IN`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupHead {
    /// The reign; a higher one fences all lower ones.
    pub epoch: Epoch,
    /// The sequence that the next batch will get.
    pub next_sequence: Sequence,
    /// The group's streams, sorted.
    pub members: Vec<StreamName>,
    /// Who raised the epoch.
    pub owner: String,
    /// When the oldest batch that is in no image yet was ingested; `None` if there is none.
    pub pending_since: Option<Timestamp>,
}

impl GroupHead {
    pub(crate) fn of(item: &Item) -> Result<Self> {
        let members: String = item.get("members")?;
        // A group that all have left has none.
        let members =
            members.split(',').filter(|name| !name.is_empty()).map(str::parse).collect::<std::result::Result<_, _>>();
        Ok(Self {
            epoch: item.get("epoch")?,
            next_sequence: item.get("next_sequence")?,
            members: members.map_err(|why| item.damaged(format!("members: {why}")))?,
            owner: item.get("owner")?,
            pending_since: item.optional("pending_since")?,
        })
    }
}

/// How the catalog writes a group's streams: sorted, comma-separated. Compared as text by ingest's transaction.
pub(crate) fn members_text(members: &[StreamName]) -> String {
    let mut names: Vec<&str> = members.iter().map(StreamName::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

/// What dispatch, transform and consolidate move (`OUT`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Out {
    /// How far the group is.
    pub marks: Watermarks,
    /// When the last image's consolidation began; `None` before the first.
    pub last_image_at: Option<Timestamp>,
}

impl Out {
    fn of(item: &Item) -> Result<Self> {
        let marks = Watermarks {
            claimed: item.get("claimed")?,
            done: item.get("done")?,
            imaging: item.get("imaging")?,
            imaged: item.get("imaged")?,
        };
        Ok(Self { marks, last_image_at: item.optional("last_image_at")? })
    }
}

/// The last batch of a stream, as its head remembers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastBatch {
    /// The reign in which it was cut.
    pub epoch: Epoch,
    /// Its number within that reign.
    pub ordinal: Ordinal,
    /// The frame's digest.
    pub digest: Digest,
    /// Its place in the group.
    pub sequence: Sequence,
}

/// A stream's head (`S#<stream>`). All zero and none before the stream's first batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StreamHead {
    pub last: Option<LastBatch>,
    /// The largest prefetch ever used on the stream's queue.
    pub prefetch: u64,
    /// Messages catalogued so far.
    pub messages: u64,
    /// Bytes of uncompressed frames catalogued so far.
    pub bytes: u64,
    /// Groups to which the stream belonged before, the latest first: its earlier batches are there.
    pub former: Vec<GroupName>,
}

impl StreamHead {
    pub(crate) fn of(item: &Item) -> Result<Self> {
        let last = match item.optional("epoch")? {
            None => None,
            Some(epoch) => Some(LastBatch {
                epoch,
                ordinal: item.get("ordinal")?,
                digest: item.get("digest")?,
                sequence: item.get("sequence")?,
            }),
        };
        let former: String = item.or_zero("former")?;
        let former = former.split(',').filter(|name| !name.is_empty()).map(str::parse);
        let former = former.collect::<std::result::Result<_, _>>();
        Ok(Self {
            former: former.map_err(|why| item.damaged(format!("former: {why}")))?,
            last,
            prefetch: item.or_zero("prefetch")?,
            messages: item.or_zero("messages")?,
            bytes: item.or_zero("bytes")?,
        })
    }
}

impl Catalog {
    /// The group's head, strongly consistent; `None` before its first reign.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn group_head(&self, group: &GroupName) -> Result<Option<GroupHead>> {
        self.table.get(&Key::inward(group)).await?.as_ref().map(GroupHead::of).transpose()
    }

    /// How far the group is, strongly consistent.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn out(&self, group: &GroupName) -> Result<Out> {
        Ok(self.table.get(&Key::outward(group)).await?.as_ref().map(Out::of).transpose()?.unwrap_or_default())
    }

    /// The stream's head, strongly consistent.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn stream_head(&self, group: &GroupName, stream: &StreamName) -> Result<StreamHead> {
        let item = self.table.get(&Key::stream(group, stream)).await?;
        Ok(item.as_ref().map(StreamHead::of).transpose()?.unwrap_or_default())
    }
}
