//! Debt: tables of a group wait for a compaction.
//!
//! It stands on `OUT`, in a partition of its own of the sparse index by which groups with work are found: a group that owes
//! nothing but a compaction has no work that anybody waits for. Whoever sees tables that are due notes it; the compaction
//! that finds nothing due any more settles it, unless it was noted again since the compaction began to look. Either write
//! may get lost: a note comes again with the next image, and a debt that is not settled costs a compaction with nothing to
//! do.

use foz_domain::{GroupName, Timestamp};

use crate::Catalog;
use crate::error::Result;
use crate::item::group::{Debt, INDEBTED};
use crate::item::{Item, Key, number, text};
use crate::table::Update;

/// A group with a debt, or that had one until just now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndebtedGroup {
    pub group: GroupName,
    /// Since when something has been due.
    pub since: Timestamp,
}

impl Catalog {
    /// Groups whose tables wait for a compaction, the longest waiting first. Read from an index: a hint, not truth.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn groups_with_debt(&self) -> Result<Vec<IndebtedGroup>> {
        let items = self.table.pending(INDEBTED).await?;
        let group = |item: &Item| Ok(IndebtedGroup { group: item.group()?, since: item.get("pending_since")? });
        items.iter().map(group).collect()
    }

    /// Notes that tables of the group wait for a compaction, at `now` at the latest. Condition: the group is there.
    ///
    /// # Errors
    /// Unavailable (repeat) or refused.
    pub async fn note_debt(&self, group: &GroupName, now: Timestamp) -> Result<()> {
        let note = Update::new(
            Key::outward(group),
            "SET #pending = :debt, #pending_since = if_not_exists(#pending_since, :now) ADD #debts :one",
            "attribute_exists(pk)",
            [(":debt", text(INDEBTED)), (":now", number(now)), (":one", number(1))],
        );
        self.table.update(note).await?.held().map(drop)
    }

    /// Takes the debt away, if it is still the one that was read before the tables were found to owe nothing. Else it is
    /// due only since `began`, when they were looked at first.
    ///
    /// # Errors
    /// Unavailable (repeat) or refused.
    pub async fn settle_debt(&self, group: &GroupName, read: &Debt, began: Timestamp) -> Result<()> {
        let settled = Update::new(
            Key::outward(group),
            "REMOVE #pending, #pending_since",
            "#debts = :read",
            [(":read", number(read.notes))],
        );
        if self.table.update(settled).await?.held()? {
            return Ok(());
        }
        let noted_again = Update::new(
            Key::outward(group),
            "SET #pending_since = :began",
            "#pending = :debt AND #pending_since < :began",
            [(":debt", text(INDEBTED)), (":began", number(began))],
        );
        self.table.update(noted_again).await?.held().map(drop)
    }
}
