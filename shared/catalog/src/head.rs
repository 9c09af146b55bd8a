//! Reads the heads of groups and streams.

use foz_domain::{GroupName, StreamName};

use crate::Catalog;
use crate::error::Result;
use crate::item::Key;
use crate::item::group::{self, GroupHead, Out};
use crate::item::stream::{self, StreamHead};

impl Catalog {
    /// The group's head, strongly consistent; `None` if it never had a reign.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn group_head(&self, group: &GroupName) -> Result<Option<GroupHead>> {
        self.table.get(&Key::inward(group)).await?.as_ref().map(group::of_item).transpose()
    }

    /// How far the group is, strongly consistent.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn out(&self, group: &GroupName) -> Result<Out> {
        let item = self.table.get(&Key::outward(group)).await?;
        Ok(item.as_ref().map(group::out_of_item).transpose()?.unwrap_or_default())
    }

    /// The stream's head, strongly consistent.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn stream_head(&self, group: &GroupName, stream: &StreamName) -> Result<StreamHead> {
        let item = self.table.get(&Key::stream(group, stream)).await?;
        Ok(item.as_ref().map(stream::of_item).transpose()?.unwrap_or_default())
    }
}
