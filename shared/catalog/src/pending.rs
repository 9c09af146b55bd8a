//! Groups with work: whatever is catalogued and not yet in an image.
//!
//! `pending` on `IN` puts a group into a sparse index. Ingest's transaction sets it. `clear_pending` takes it away, or moves
//! its time on, after images were made; it is a separate write, so that ingest and consolidate do not contend, and it may
//! get lost: the sweep finds the group, and dispatch, seeing nothing to do, clears it again.

use foz_domain::{GroupName, Sequence, Timestamp};

use crate::Catalog;
use crate::error::Result;
use crate::item::group::PENDING;
use crate::item::{Item, Key, batch, number, text};
use crate::table::Update;

/// A group that has work, or had until just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingGroup {
    pub group: GroupName,
    /// When its oldest batch that is in no image was ingested.
    pub since: Timestamp,
}

impl Catalog {
    /// Groups with work, the longest waiting first. Read from an index: a hint, not truth.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn pending_groups(&self) -> Result<Vec<PendingGroup>> {
        let items = self.table.pending(PENDING).await?;
        let group = |item: &Item| Ok(PendingGroup { group: item.group()?, since: item.get("pending_since")? });
        items.iter().map(group).collect()
    }

    /// Makes `pending` say what waits beyond `imaged`. Conditions: the next sequence is still `imaged`, so nothing waits;
    /// or else work is pending.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn clear_pending(&self, group: &GroupName, imaged: Sequence) -> Result<()> {
        let nothing_waits = Update::new(
            Key::inward(group),
            "REMOVE #pending, #pending_since",
            "#next_sequence = :imaged",
            [(":imaged", number(imaged))],
        );
        if self.table.update(nothing_waits).await?.held()? {
            return Ok(());
        }
        let Some(item) = self.table.get(&batch::key(group, imaged)).await? else { return Ok(()) };
        let since = batch::of_item(&item)?.content.ingested_at;
        // Times only move on: a call that comes late must not overwrite a later one.
        let oldest_moves_on = Update::new(
            Key::inward(group),
            "SET #pending_since = :since",
            "#pending = :one AND #pending_since < :since",
            [(":one", text(PENDING)), (":since", number(since))],
        );
        self.table.update(oldest_moves_on).await?.held().map(drop)
    }
}
