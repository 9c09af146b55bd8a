//! Batches, jobs and images, for people and for engines.

use foz_domain::batch::Batch;
use foz_domain::job::{Job, JobKind};
use foz_domain::{GroupName, Range, StreamName};

use crate::Catalog;
use crate::error::{CatalogError, Result};
use crate::item::image::ImageRecord;
use crate::item::{batch, group_pk, image, job};

impl Catalog {
    /// The batches of `range`, in order, strongly consistent.
    ///
    /// # Errors
    /// Unavailable or refused; damaged if one is missing.
    pub async fn batches(&self, group: &GroupName, range: Range) -> Result<Vec<Batch>> {
        let items = self.table.range(&group_pk(group), batch::sks(range), |_| Ok(false)).await?;
        let batches = items.iter().map(batch::of_item).collect::<Result<Vec<_>>>()?;
        let mut expected = range.lo().0..range.hi().0;
        let contiguous = batches.iter().all(|batch| expected.next() == Some(batch.sequence.0));
        match (contiguous, expected.next()) {
            (true, None) => Ok(batches),
            _ => Err(CatalogError::Damaged { item: group_pk(group), why: format!("batches are missing in {range}") }),
        }
    }

    /// The newest jobs of the kind in the group, newest first.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn jobs(&self, group: &GroupName, kind: JobKind, limit: usize) -> Result<Vec<Job>> {
        let items = self.table.newest(&group_pk(group), job::prefix(kind), limit).await?;
        items.iter().map(|item| job::of_item(group, item)).collect()
    }

    /// The newest images of the stream, newest first.
    ///
    /// # Errors
    /// Unavailable, refused or damaged.
    pub async fn images(&self, group: &GroupName, stream: &StreamName, limit: usize) -> Result<Vec<ImageRecord>> {
        let items = self.table.newest(&group_pk(group), &image::prefix(stream), limit).await?;
        items.iter().map(|item| image::of_item(stream, item)).collect()
    }

    /// Records the images that a consolidation made. One that goes further is not this consolidation's: a later one was
    /// faster, after somebody had finished this one.
    ///
    /// They come before the end of the job that names them, and so before its fence: an attempt that is late must change
    /// nothing. A table takes each image just once, so the first record of one is the right one.
    ///
    /// # Errors
    /// Unavailable (repeat) or refused.
    pub async fn record_images(&self, job: &Job, images: &[ImageRecord]) -> Result<()> {
        for image in images.iter().filter(|image| image.through == job.range.hi()) {
            self.table.put_new(image::to_item(&job.id.group, image)).await?;
        }
        Ok(())
    }
}
