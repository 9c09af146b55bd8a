//! A bridge's reign begins: the group's epoch is raised by compare-and-set.
//!
//! Condition: the epoch is still the one that was read; where the membership changes, the next sequence too.
//! An unknown outcome is never adopted: an epoch that may or may not be ours is raised again, so that two bridges never
//! reign in the same epoch.

use foz_domain::{Epoch, GroupName, Sequence, StreamName};

use crate::error::Result;
use crate::group::{GroupHead, members_text};
use crate::item::{Attributes, Key, number, text};
use crate::patience::Patience;
use crate::table::{Change, Sent, Write};
use crate::{Catalog, CatalogError};

impl Catalog {
    /// Raises the group's epoch for `owner` and returns the new one, which nobody else was ever given.
    ///
    /// The first call creates the group. `members` are the group's streams as the definition has them.
    ///
    /// # Errors
    /// `NotDrained` if `members` differ from the catalog's and not everything is done; else unavailable, refused, damaged.
    pub async fn raise_epoch(&self, group: &GroupName, members: &[StreamName], owner: &str) -> Result<Epoch> {
        let members = members_text(members);
        let mut patience = Patience::default();
        loop {
            let (epoch, sent) = match self.group_head(group).await? {
                None => (Epoch(1), self.table.transact(first(group, &members, owner)).await?),
                Some(head) => {
                    let moves = self.may_move(group, &head, &members).await?;
                    (head.epoch.next(), self.table.change(raise(group, &head, &members, owner, moves)).await?)
                }
            };
            let source = match sent {
                Sent::Applied => return Ok(epoch),
                Sent::Refused => None,
                Sent::Unclear(error) => Some(Box::from(error)),
            };
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation: "raising an epoch", source });
            }
        }
    }

    /// Whether the membership changes; an error if it may not.
    async fn may_move(&self, group: &GroupName, head: &GroupHead, members: &str) -> Result<bool> {
        let old = members_text(&head.members);
        if old == members {
            return Ok(false);
        }
        let done = self.out(group).await?.marks.done;
        if done == head.next_sequence {
            return Ok(true);
        }
        let (group, new, next) = (group.clone(), members.to_owned(), head.next_sequence);
        Err(CatalogError::NotDrained { group, old, new, done, next })
    }
}

fn first(group: &GroupName, members: &str, owner: &str) -> Vec<Write> {
    let item = |key: Key, rest: &[(&str, aws_sdk_dynamodb::types::AttributeValue)]| -> Write {
        let rest = rest.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Write::Create(key.attributes().into_iter().chain(rest).collect::<Attributes>())
    };
    let zero = || number(Sequence(0));
    vec![
        item(
            Key::inward(group),
            &[("epoch", number(1)), ("next_sequence", zero()), ("members", text(members)), ("owner", text(owner))],
        ),
        item(Key::outward(group), &[("claimed", zero()), ("done", zero()), ("imaging", zero()), ("imaged", zero())]),
    ]
}

fn raise(group: &GroupName, head: &GroupHead, members: &str, owner: &str, moves: bool) -> Change {
    let still =
        if moves { "#epoch = :old AND #next_sequence = :next" } else { "#epoch = :old AND #members = :members" };
    let mut change = Change::new(
        Key::inward(group),
        "SET #epoch = :new, #owner = :owner, #members = :members",
        still,
        [
            (":old", number(head.epoch)),
            (":new", number(head.epoch.next())),
            (":owner", text(owner)),
            (":members", text(members)),
        ],
    );
    if moves {
        change.value(":next", number(head.next_sequence));
    }
    change
}
