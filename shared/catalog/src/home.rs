//! Which group a stream belongs to, in one item of its own: references make groups, so an edit of the definition may move
//! a stream from one group to another, and its history must not be forgotten there.

use foz_domain::StreamName;

use crate::Catalog;
use crate::error::Result;
use crate::item::home::{self, Home};
use crate::item::{Key, number, text};
use crate::table::{Update, Write};

impl Home {
    /// The write that replaces what was read by this.
    pub(crate) fn replaces(&self, stream: &StreamName, read: Option<&Self>) -> Write {
        let (update, mut values) = match self.left {
            None => ("SET #group = :group REMOVE #left_sequence, #left_epoch", Vec::new()),
            Some((sequence, epoch)) => (
                "SET #group = :group, #left_sequence = :sequence, #left_epoch = :epoch",
                vec![(":sequence", number(sequence)), (":epoch", number(epoch))],
            ),
        };
        let condition = match read {
            None => "attribute_not_exists(#group)",
            Some(Self { left: None, .. }) => "#group = :was AND attribute_not_exists(#left_sequence)",
            Some(Self { left: Some(_), .. }) => "#group = :was AND #left_sequence = :left",
        };
        values.push((":group", text(&self.group)));
        if let Some(read) = read {
            values.push((":was", text(&read.group)));
            values.extend(read.left.map(|(sequence, _)| (":left", number(sequence))));
        }
        let mut change = Update::new(Key::home(stream), update, condition, []);
        values.into_iter().for_each(|(name, value)| change.value(name, value));
        Write::Update(change)
    }
}

impl Catalog {
    pub(crate) async fn home(&self, stream: &StreamName) -> Result<Option<Home>> {
        self.table.get(&Key::home(stream)).await?.as_ref().map(home::of_item).transpose()
    }
}
