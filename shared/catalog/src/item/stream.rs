//! A stream's head as an item: `S#<stream>`. A commit and a raised prefetch write their own parts of it.

use foz_domain::{Digest, Epoch, GroupName, Ordinal, Sequence, StreamName};

use super::{Attributes, Item, Key, text};
use crate::error::Result;

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

/// A stream's head, the item `S#<stream>`. Before the stream's first batch it has no last one, and its numbers are 0.
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

pub(crate) fn of_item(item: &Item) -> Result<StreamHead> {
    let last = match item.optional("epoch")? {
        None => None,
        Some(epoch) => Some(LastBatch {
            epoch,
            ordinal: item.get("ordinal")?,
            digest: item.get("digest")?,
            sequence: item.get("sequence")?,
        }),
    };
    Ok(StreamHead {
        last,
        prefetch: item.or_zero("prefetch")?,
        messages: item.or_zero("messages")?,
        bytes: item.or_zero("bytes")?,
        former: item.names("former")?,
    })
}

/// The stream's head in the group to which it moves: its chain of batches goes on in the group that it leaves.
pub(crate) fn moved(head: &Item, stream: &StreamName, from: &GroupName, to: &GroupName) -> Attributes {
    let mut item = head.0.clone();
    item.extend(Key::stream(to, stream).attributes());
    let former = head.optional::<String>("former").ok().flatten();
    let former = [Some(from.to_string()), former].into_iter().flatten().collect::<Vec<_>>().join(",");
    item.insert("former".to_owned(), text(former));
    item
}

#[cfg(test)]
mod tests {
    use super::super::number;
    use super::*;

    fn item(fields: impl IntoIterator<Item = (&'static str, aws_sdk_dynamodb::types::AttributeValue)>) -> Item {
        Item(Key::stream(&"g".parse().unwrap(), &"s".parse().unwrap()).item(fields))
    }

    #[test]
    fn before_the_first_batch_there_is_at_most_a_prefetch() {
        assert_eq!(of_item(&item([])).unwrap(), StreamHead::default());
        let head = of_item(&item([("prefetch", number(7))])).unwrap();
        assert_eq!(head, StreamHead { prefetch: 7, ..StreamHead::default() });
    }

    #[test]
    fn a_head_that_moves_remembers_where_it_was() {
        let (digest, stream) = (Digest([7; 32]), "s".parse().unwrap());
        let fields = [
            ("epoch", number(1)),
            ("ordinal", number(2)),
            ("digest", text(digest)),
            ("sequence", number(3)),
            ("messages", number(4)),
            ("bytes", number(5)),
            ("prefetch", number(6)),
        ];
        let [g, h, i] = ["g", "h", "i"].map(|name| name.parse::<GroupName>().unwrap());
        let there = Item(moved(&item(fields), &stream, &g, &h));
        let back = Item(moved(&there, &stream, &h, &i));
        assert_eq!(back.get::<String>("pk").unwrap(), "G#i");
        let last = LastBatch { epoch: Epoch(1), ordinal: Ordinal(2), digest, sequence: Sequence(3) };
        let expected = StreamHead { last: Some(last), prefetch: 6, messages: 4, bytes: 5, former: vec![h, g] };
        assert_eq!(of_item(&back).unwrap(), expected);
    }
}
