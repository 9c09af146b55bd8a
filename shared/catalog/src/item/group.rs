//! A group as two items: `IN`, which ingest and bridge move, and `OUT`, which dispatch and the functions that it starts
//! move.

use foz_domain::batch::Watermarks;
use foz_domain::{Epoch, GroupName, Sequence, StreamName, Timestamp};

use super::{Attributes, Item, Key, number, text};
use crate::error::Result;

/// The part of a group's state that ingest and bridge move; the item `IN`.
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

/// The item that holds the head.
pub(crate) fn to_item(group: &GroupName, head: &GroupHead) -> Attributes {
    let fields = [
        ("epoch", number(head.epoch)),
        ("next_sequence", number(head.next_sequence)),
        ("members", text(members_text(&head.members))),
        ("owner", text(&head.owner)),
    ];
    let pending = head.pending_since.map(|since| [("pending", text(PENDING)), ("pending_since", number(since))]);
    Key::inward(group).item(fields.into_iter().chain(pending.into_iter().flatten()))
}

pub(crate) fn of_item(item: &Item) -> Result<GroupHead> {
    Ok(GroupHead {
        epoch: item.get("epoch")?,
        next_sequence: item.get("next_sequence")?,
        // Nothing is left of them if all have moved to other groups.
        members: item.names("members")?,
        owner: item.get("owner")?,
        pending_since: item.optional("pending_since")?,
    })
}

/// How the catalog writes a group's streams: sorted, comma-separated. Compared as text by ingest's transaction.
pub(crate) fn members_text(members: &[StreamName]) -> String {
    let mut names: Vec<&str> = members.iter().map(StreamName::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(",")
}

/// What compaction owes tables of a group, as it was noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Debt {
    /// Since when something has been due.
    pub since: Timestamp,
    /// How often debt was ever noted in the group: whether it was noted again can be told by it.
    pub notes: u64,
}

/// The part of a group's state that dispatch and the functions that it starts move; the item `OUT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Out {
    /// How far the group is.
    pub marks: Watermarks,
    /// When the last image's consolidation began; `None` if there is none yet.
    pub last_image_at: Option<Timestamp>,
    /// `None` if no table waits for a compaction.
    pub debt: Option<Debt>,
}

/// The value of `pending` of a group with batches that are in no image.
pub(crate) const PENDING: &str = "1";

/// The value of `pending` of a group whose tables wait for a compaction. It stands on another item of the group than the
/// other one, so a group may be found by both.
pub(crate) const INDEBTED: &str = "debt";

/// The item with which a group begins; what compactions add to it comes with the first of them.
pub(crate) fn out_to_item(group: &GroupName, Out { marks, last_image_at, .. }: &Out) -> Attributes {
    let fields = [
        ("claimed", number(marks.claimed)),
        ("done", number(marks.done)),
        ("imaging", number(marks.imaging)),
        ("imaged", number(marks.imaged)),
    ];
    let last_image_at = last_image_at.map(|at| ("last_image_at", number(at)));
    Key::outward(group).item(fields.into_iter().chain(last_image_at))
}

pub(crate) fn out_of_item(item: &Item) -> Result<Out> {
    let marks = Watermarks {
        claimed: item.get("claimed")?,
        done: item.get("done")?,
        imaging: item.get("imaging")?,
        imaged: item.get("imaged")?,
        compacting: item.or_zero("compacting")?,
        compacted: item.or_zero("compacted")?,
    };
    let since: Option<Timestamp> = item.optional("pending_since")?;
    let notes = item.or_zero("debts")?;
    let debt = since.map(|since| Debt { since, notes });
    Ok(Out { marks, last_image_at: item.optional("last_image_at")?, debt })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(epoch: u64, next: u64, members in prop::collection::btree_set("[a-z]{1,9}", 0..4), owner in "[a-z]{1,9}", since: Option<i64>) {
            let group: GroupName = "g".parse().unwrap();
            let head = GroupHead {
                epoch: Epoch(epoch),
                next_sequence: Sequence(next),
                members: members.iter().map(|name| name.parse().unwrap()).collect(),
                owner,
                pending_since: since.map(Timestamp),
            };
            prop_assert_eq!(of_item(&Item(to_item(&group, &head))).unwrap(), head);
        }

        #[test]
        fn marks_round_trip(marks: [u64; 4], last_image_at: Option<i64>) {
            let [claimed, done, imaging, imaged] = marks.map(Sequence);
            let marks = Watermarks { claimed, done, imaging, imaged, ..Watermarks::default() };
            let out = Out { marks, last_image_at: last_image_at.map(Timestamp), debt: None };
            prop_assert_eq!(out_of_item(&Item(out_to_item(&"g".parse().unwrap(), &out))).unwrap(), out);
        }
    }

    #[test]
    fn members_are_sorted_and_written_once() {
        let members = ["b", "a", "b"].map(|name| name.parse().unwrap());
        assert_eq!(members_text(&members), "a,b");
    }
}
