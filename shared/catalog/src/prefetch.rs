//! The largest prefetch ever used on a stream's queue: alignment reads a tail at least that deep, so it only grows.
//!
//! Condition: what is there is smaller. The item may not exist yet; the stream's first batch then finds it without epoch.

use foz_domain::{GroupName, StreamName};

use crate::Catalog;
use crate::error::Result;
use crate::item::{Key, number};
use crate::table::Update;

impl Catalog {
    /// Records that `prefetch` is about to be used; returns once the catalog holds at least that much.
    ///
    /// # Errors
    /// Unavailable (it may be recorded or not: repeat before using it) or refused.
    pub async fn raise_prefetch(&self, group: &GroupName, stream: &StreamName, prefetch: u64) -> Result<()> {
        let change = Update::new(
            Key::stream(group, stream),
            "SET #prefetch = :n",
            "attribute_not_exists(#prefetch) OR #prefetch < :n",
            [(":n", number(prefetch))],
        );
        self.table.update(change).await?.held().map(drop)
    }
}
