//! A bridge's reign begins: the group's epoch is raised by compare-and-set.
//!
//! Condition: epoch and membership are still those that were read. An unknown outcome is never adopted: an epoch that may
//! or may not be ours is raised again, so that two bridges never reign in the same epoch.

use foz_domain::{Epoch, GroupName, StreamName};

use crate::error::Result;
use crate::item::group::{GroupHead, members_text};
use crate::item::{Key, number, text};
use crate::membership::Regrouped;
use crate::patience::Patience;
use crate::table::{Sent, Update};
use crate::{Catalog, CatalogError};

impl Catalog {
    /// Raises the group's epoch for `owner` and returns the new one, which nobody else was ever given.
    ///
    /// The first call creates the group. `members` are the group's streams as the definition has them; streams that
    /// belonged to other groups move to this one.
    ///
    /// # Errors
    /// `NotDrained` if a stream is to move and not everything of its group is in images; else unavailable, refused,
    /// damaged.
    pub async fn raise_epoch(&self, group: &GroupName, members: &[StreamName], owner: &str) -> Result<Epoch> {
        let mut patience = Patience::default();
        loop {
            let Regrouped { epoch, sent, complete } = match self.group_head(group).await? {
                Some(head) if members_text(&head.members) == members_text(members) => {
                    let sent = self.table.update(raise(group, &head, owner)).await?;
                    Regrouped { epoch: head.epoch.next(), sent, complete: true }
                }
                head => self.regroup(group, head, members, owner).await?,
            };
            let source = match sent {
                Sent::Applied if complete => return Ok(epoch),
                Sent::Applied => continue,
                Sent::Refused => None,
                Sent::Unclear(error) => Some(Box::from(error)),
            };
            if !patience.wait().await {
                return Err(CatalogError::Unavailable { operation: "raising an epoch", source });
            }
        }
    }
}

fn raise(group: &GroupName, head: &GroupHead, owner: &str) -> Update {
    Update::new(
        Key::inward(group),
        "SET #epoch = :new, #owner = :owner",
        "#epoch = :old AND #members = :members",
        [
            (":old", number(head.epoch)),
            (":new", number(head.epoch.next())),
            (":owner", text(owner)),
            (":members", text(members_text(&head.members))),
        ],
    )
}
