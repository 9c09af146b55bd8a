//! The group to which a stream belongs as an item of the stream's own: `STREAM#<stream>`, `HOME`.

use foz_domain::{Epoch, GroupName, Sequence};

use super::Item;
use crate::error::Result;

/// Where a stream's batches are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    /// The group that it belongs to, or did last.
    pub(crate) group: GroupName,
    /// The sequence and the epoch above which it may begin in another group; `None` if it still belongs to this one.
    pub(crate) left: Option<(Sequence, Epoch)>,
}

pub(crate) fn of_item(item: &Item) -> Result<Home> {
    let left = match item.optional("left_sequence")? {
        Some(sequence) => Some((sequence, item.get("left_epoch")?)),
        None => None,
    };
    Ok(Home { group: item.get("group")?, left })
}

#[cfg(test)]
mod tests {
    use super::super::{Key, number, text};
    use super::*;

    #[test]
    fn a_stream_is_in_its_group_until_it_has_left() {
        let key = Key::home(&"s".parse().unwrap());
        let group: GroupName = "g".parse().unwrap();
        let stays = Item(key.item([("group", text("g"))]));
        assert_eq!(of_item(&stays).unwrap(), Home { group: group.clone(), left: None });
        let fields = [("group", text("g")), ("left_sequence", number(7)), ("left_epoch", number(3))];
        let left = Some((Sequence(7), Epoch(3)));
        assert_eq!(of_item(&Item(key.item(fields))).unwrap(), Home { group, left });
        let half = Item(key.item([("group", text("g")), ("left_sequence", number(7))]));
        assert!(of_item(&half).is_err());
    }
}
