//! An image as an item: `I#<stream>#<through>`.

use foz_domain::{GroupName, Sequence, StreamName, Timestamp};

use super::{Attributes, Item, Key, number, numbered, text};
use crate::error::Result;

/// The state of a current table after a consolidation: an Iceberg snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    pub stream: StreamName,
    /// First sequence that is not in it.
    pub through: Sequence,
    pub snapshot_id: i64,
    /// The table's metadata file at that commit.
    pub metadata_location: String,
    pub rows: u64,
    pub committed_at: Timestamp,
}

/// How the sort keys of all images of the stream begin.
pub(crate) fn prefix(stream: &StreamName) -> String {
    format!("I#{stream}#")
}

pub(crate) fn key(group: &GroupName, stream: &StreamName, through: Sequence) -> Key {
    Key::new(group, numbered(&prefix(stream), through))
}

pub(crate) fn to_item(group: &GroupName, image: &ImageRecord) -> Attributes {
    key(group, &image.stream, image.through).item([
        ("snapshot_id", number(image.snapshot_id)),
        ("metadata_location", text(&image.metadata_location)),
        ("rows", number(image.rows)),
        ("committed_at", number(image.committed_at)),
    ])
}

pub(crate) fn of_item(stream: &StreamName, item: &Item) -> Result<ImageRecord> {
    let through = item.number_after(&prefix(stream))?;
    Ok(ImageRecord {
        stream: stream.clone(),
        through: through.ok_or_else(|| item.damaged("not the key of an image".to_owned()))?,
        snapshot_id: item.get("snapshot_id")?,
        metadata_location: item.get("metadata_location")?,
        rows: item.get("rows")?,
        committed_at: item.get("committed_at")?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trips(through: u64, snapshot_id: i64, metadata_location in "[a-z:/]{1,20}", rows: u64, at: i64) {
            let stream: StreamName = "s".parse().unwrap();
            let committed_at = Timestamp(at);
            let image = ImageRecord {
                stream: stream.clone(), through: Sequence(through), snapshot_id, metadata_location, rows, committed_at,
            };
            let item = Item(to_item(&"g".parse().unwrap(), &image));
            prop_assert_eq!(of_item(&stream, &item).unwrap(), image);
        }
    }
}
