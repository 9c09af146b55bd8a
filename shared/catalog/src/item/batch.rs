//! A batch as an item: `B#<sequence>`.

use std::ops::RangeInclusive;

use foz_domain::batch::{Batch, BatchContent};
use foz_domain::plan::Pending;
use foz_domain::{GroupName, Range, Sequence};

use super::{Attributes, Item, Key, number, numbered, text};
use crate::error::Result;

/// How the sort keys of all batches begin.
const PREFIX: &str = "B#";

fn sk(sequence: Sequence) -> String {
    numbered(PREFIX, sequence)
}

/// The sort keys of the batches in the range.
pub(crate) fn sks(range: Range) -> RangeInclusive<String> {
    sk(range.lo())..=sk(Sequence(range.hi().0 - 1))
}

pub(crate) fn key(group: &GroupName, sequence: Sequence) -> Key {
    Key::new(group, sk(sequence))
}

pub(crate) fn to_item(group: &GroupName, Batch { sequence, previous, content }: &Batch) -> Attributes {
    let fields = [
        ("stream", text(&content.stream)),
        ("epoch", number(content.epoch)),
        ("ordinal", number(content.ordinal)),
        ("digest", text(content.digest)),
        ("raw_key", text(&content.raw_key)),
        ("messages", number(content.messages)),
        ("bytes", number(content.bytes)),
        ("object_bytes", number(content.object_bytes)),
        ("ingested_at", number(content.ingested_at)),
    ];
    let previous = previous.map(|previous| ("previous", number(previous)));
    key(group, *sequence).item(fields.into_iter().chain(previous))
}

pub(crate) fn of_item(item: &Item) -> Result<Batch> {
    let sequence = item.number_after(PREFIX)?.ok_or_else(|| item.damaged("not the key of a batch".to_owned()))?;
    let content = BatchContent {
        stream: item.get("stream")?,
        epoch: item.get("epoch")?,
        ordinal: item.get("ordinal")?,
        digest: item.get("digest")?,
        raw_key: item.get("raw_key")?,
        messages: item.get("messages")?,
        bytes: item.get("bytes")?,
        object_bytes: item.get("object_bytes")?,
        ingested_at: item.get("ingested_at")?,
    };
    Ok(Batch { sequence, previous: item.optional("previous")?, content })
}

/// The attributes of which [`pending`] is made, as an expression.
pub(crate) const PENDING: &str = "pk, sk, #bytes";

/// What a batch that waits for a run is to the planner.
pub(crate) fn pending(item: &Item) -> Result<Pending> {
    let sequence = item.number_after(PREFIX)?.ok_or_else(|| item.damaged("not the key of a batch".to_owned()))?;
    Ok(Pending { sequence, bytes: item.get("bytes")? })
}

#[cfg(test)]
mod tests {
    use foz_domain::keys::RawKey;
    use foz_domain::{Digest, Epoch, Ordinal, StreamName, Timestamp};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(sequence: u64, previous: Option<u64>, digest: [u8; 32], n: u64, at in 0i64..4_000_000_000_000) {
            let (stream, digest): (StreamName, _) = ("s".parse().unwrap(), Digest(digest));
            let ingested_at = Timestamp(at);
            let content = BatchContent {
                raw_key: RawKey::new(&stream, ingested_at, Epoch(n), Ordinal(n), &digest),
                stream, epoch: Epoch(n), ordinal: Ordinal(n), digest, messages: n, bytes: n, object_bytes: n, ingested_at,
            };
            let batch = Batch { sequence: Sequence(sequence), previous: previous.map(Sequence), content };
            prop_assert_eq!(of_item(&Item(to_item(&"g".parse().unwrap(), &batch))).unwrap(), batch);
        }
    }
}
