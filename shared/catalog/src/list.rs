//! Batches, runs and images, for people and for engines.

use foz_domain::batch::Batch;
use foz_domain::run::{Kind, Run};
use foz_domain::{GroupName, Range, Sequence, StreamName};

use crate::error::{CatalogError, Result};
use crate::item::{Attributes, Item, Key, batch_sk, group_pk, number, text};
use crate::{Catalog, run_item, tail};

/// The state of a current table after a consolidation: an Iceberg snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The table's stream.
    pub stream: StreamName,
    /// First sequence that is not in it.
    pub through: Sequence,
    /// The Iceberg snapshot.
    pub snapshot_id: i64,
    /// The table's metadata file at that commit.
    pub metadata_location: String,
    /// Rows of the table.
    pub rows: u64,
    /// When it was committed, in milliseconds since 1970 UTC.
    pub committed_at: i64,
}

impl Image {
    pub(crate) fn to_item(&self, group: &GroupName) -> Attributes {
        let mut item = Key::image(group, &self.stream, self.through).attributes();
        let rest = [
            ("snapshot_id", number(self.snapshot_id)),
            ("metadata_location", text(&self.metadata_location)),
            ("rows", number(self.rows)),
            ("committed_at", number(self.committed_at)),
        ];
        item.extend(rest.map(|(name, value)| (name.to_owned(), value)));
        item
    }

    fn of_item(stream: &StreamName, item: &Item) -> Result<Self> {
        let sk: String = item.get("sk")?;
        let through = sk.rsplit('#').next().and_then(|digits| digits.parse().ok());
        Ok(Self {
            stream: stream.clone(),
            through: Sequence(through.ok_or_else(|| item.damaged("not the key of an image".to_owned()))?),
            snapshot_id: item.get("snapshot_id")?,
            metadata_location: item.get("metadata_location")?,
            rows: item.get("rows")?,
            committed_at: item.get("committed_at")?,
        })
    }
}

impl Catalog {
    /// The batches of `range`, in order, strongly consistent.
    ///
    /// # Errors
    /// Unavailable or refused; damaged if one is missing.
    pub async fn batches(&self, group: &GroupName, range: Range) -> Result<Vec<Batch>> {
        let (lo, hi) = (batch_sk(range.lo()), batch_sk(Sequence(range.hi().0 - 1)));
        let items = self.table.range(&group_pk(group), (&lo, &hi), |_| Ok(false)).await?;
        let batches = items.iter().map(tail::of_item).collect::<Result<Vec<_>>>()?;
        let mut expected = range.lo().0..range.hi().0;
        let contiguous = batches.iter().all(|batch| expected.next() == Some(batch.sequence.0));
        match (contiguous, expected.next()) {
            (true, None) => Ok(batches),
            _ => Err(CatalogError::Damaged { item: group_pk(group), why: format!("batches are missing in {range}") }),
        }
    }

    /// The newest runs or consolidations of the group, newest first.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn runs(&self, group: &GroupName, kind: Kind, limit: usize) -> Result<Vec<Run>> {
        let prefix = match kind {
            Kind::Transform => "R#",
            Kind::Consolidation => "C#",
        };
        self.table.newest(&group_pk(group), prefix, limit).await?.iter().map(run_item::of_item).collect()
    }

    /// The newest images of the stream, newest first.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn images(&self, group: &GroupName, stream: &StreamName, limit: usize) -> Result<Vec<Image>> {
        let items = self.table.newest(&group_pk(group), &format!("I#{stream}#"), limit).await?;
        items.iter().map(|item| Image::of_item(stream, item)).collect()
    }
}
