//! The next image of one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, anyhow};
use foz_domain::{Range, Sequence, StreamName, Timestamp};
use foz_edge::{ErrorType, fail_point};
use foz_engine::merge::Base;
use foz_engine::{CompiledStream, Limits, Merge};
use foz_lake::commit::TableState;
use foz_lake::{Files, LakeError, LiveFile, Table, TableCommit, Tables};
use foz_pipeline::Stream;
use futures::future::FutureExt;
use futures::stream::TryStreamExt;
use tracing::info;

use crate::bucket_files::BucketFiles;
use crate::rewrite::Rewrite;

/// What makes images.
#[derive(Debug, Clone)]
pub struct ImageMaker<'a> {
    pub lake: &'a Tables,
    /// Names this execution; no other has the same.
    pub execution: String,
    /// The first sequence that is not to be included.
    pub through: Sequence,
    /// Of streams that have batches in the range: the last of them, which the history must include.
    pub written: BTreeMap<StreamName, Sequence>,
    /// What merging may use.
    pub limits: Limits,
}

/// A stream's tables as they were loaded.
struct StreamTables {
    current: Table,
    tombstones: Option<Table>,
    changes: Option<Table>,
}

/// The next image of a stream: the range that its tables lack.
struct Next<'a> {
    stream: &'a Stream,
    tables: &'a StreamTables,
    range: Range,
    now: Timestamp,
}

impl ImageMaker<'_> {
    /// Brings the stream's current table to the sequence; if it is there already, does nothing. The table exists after
    /// that, whether anything was ever published on the stream or not.
    ///
    /// # Errors
    /// The outcome may be unknown; doing it again is safe.
    pub async fn image(&self, stream: &Stream, now: Timestamp) -> anyhow::Result<TableState> {
        let plan = plan(stream)?;
        let mut round = 0;
        loop {
            let tables = self.load(stream, &plan).await?;
            let from = tables.current.through().unwrap_or_default();
            let Some(range) = Range::new(from, self.through) else { return Ok(tables.current.state(true)) };
            let next = Next { stream, tables: &tables, range, now };
            match self.publish(&next, format!("{}-{round}", self.execution)).await {
                Ok(Some(image)) => return Ok(image),
                // Somebody else's image: compute again, from that one.
                Ok(None) => info!(stream = %stream.name, "the table moved"),
                Err(error) if matches!(error.downcast_ref(), Some(LakeError::Moved { .. })) => {
                    info!(stream = %stream.name, "the table moved");
                }
                Err(error) => return Err(error.context(ErrorType::Tables)),
            }
            round += 1;
        }
    }

    async fn load(&self, stream: &Stream, plan: &CompiledStream) -> anyhow::Result<StreamTables> {
        let (mut current, mut tombstones) = (plan.current_table(), plan.tombstones_table());
        let changes = self.lake.find(stream.name.changes().as_str()).await?;
        if let Some(last) = self.written.get(&stream.name) {
            // Glue promises nobody that an answer is the latest; rows that it does not show yet would be passed for good.
            let through = changes.as_ref().and_then(Table::through);
            if through <= Some(*last) {
                let table = stream.name.changes().to_string();
                return Err(LakeError::Behind { table, through, written: *last }.into());
            }
        }
        if let Some(changes) = &changes {
            changes.admits(&plan.rule())?;
            let there = changes.schema()?;
            current = current.widened_to(&there)?;
            tombstones = tombstones.map(|tombstones| tombstones.widened_to(&there)).transpose()?;
        }
        let (current, tombstones) = tokio::try_join!(async { self.lake.ensure(&current).await }, async {
            let Some(tombstones) = &tombstones else { return Ok(None) };
            self.lake.ensure(tombstones).await.map(Some)
        },)?;
        Ok(StreamTables { current, tombstones, changes })
    }

    /// Computes and publishes the image under the name of `run`; `None` if the table moved meanwhile.
    async fn publish(&self, next: &Next<'_>, run: String) -> anyhow::Result<Option<TableState>> {
        let (current, tombstones) = self.merged(next).await?;
        let Next { stream, tables, range, now } = *next;
        // First, so that no image is without the tombstones that it needs. A row and its tombstone cannot harm each other:
        // the merge lets the newer of them win.
        if let (Some(table), Some(files)) = (&tables.tombstones, tombstones) {
            let from = table.through().unwrap_or_default();
            if let Some(range) = Range::new(from, range.hi()) {
                let change = TableCommit { run: run.clone(), range, files, rule: table.declared().clone() };
                self.lake.commit(table.name(), &change, now).await?;
            }
        }
        let change = TableCommit { run, range, files: current, rule: tables.current.declared().clone() };
        let prepared = self.lake.prepare(tables.current.name(), &change, now).await?;
        fail_point("consolidate.before_publish").await?;
        let image = self.lake.publish(prepared).await?;
        if let Some(image) = &image {
            info!(stream = %stream.name, through = %range.hi(), rows = image.rows, repeated = image.repeated, "image");
        }
        Ok(image)
    }

    /// The change of the current table, and that of the tombstones.
    async fn merged(&self, &Next { stream, tables, range, now }: &Next<'_>) -> anyhow::Result<(Files, Option<Files>)> {
        let mut current = Rewrite::new(self.lake, &tables.current).await?;
        let mut tombstones = match &tables.tombstones {
            Some(table) => Some(Rewrite::new(self.lake, table).await?),
            None => None,
        };
        if let Some((changes, files)) = changes(tables, range).await? {
            let rows = changes.read_range(&files, range)?;
            let buckets = BucketFiles::new(&tables.current, current.before())?;
            let deleted = match (&tables.tombstones, &tombstones) {
                (Some(table), Some(rewrite)) => Some(BucketFiles::new(table, rewrite.before())?),
                _ => None,
            };
            let ends = buckets.together();
            let together = move |bucket| ends.range(bucket..).next().map_or(i32::MAX, |end| *end);
            let base = move |touched: BTreeSet<i32>| {
                let tombstones = deleted.as_ref().map(|deleted| deleted.read(&touched)).transpose();
                let base = tombstones.and_then(|tombstones| Ok(Base { current: buckets.read(&touched)?, tombstones }));
                async move { base }.boxed()
            };
            let merge = Merge::new(tables.current.schema()?.as_ref(), stream.settings.buckets)
                .forgetting(forget_before(now, stream.settings.tombstones));
            let mut merged = merge.run(rows, together, base, &self.limits);
            while let Some(part) = merged.try_next().await.context(ErrorType::Engine)? {
                current.add(part.bucket, &part.current).await?;
                if let (Some(rewrite), Some(rows)) = (&mut tombstones, &part.tombstones) {
                    rewrite.add(part.bucket, rows).await?;
                }
            }
        }
        let tombstones = match tombstones {
            Some(rewrite) => Some(rewrite.finish().await?),
            None => None,
        };
        Ok((current.finish().await?, tombstones))
    }
}

/// The history table and its files that may hold rows of the range; `None` if there are none.
async fn changes(tables: &StreamTables, range: Range) -> anyhow::Result<Option<(&Table, Vec<LiveFile>)>> {
    let Some(table) = &tables.changes else { return Ok(None) };
    let files = table.files_in(range).await?;
    Ok((!files.is_empty()).then_some((table, files)))
}

/// The instant, in microseconds since 1970 UTC, before which deletes are forgotten.
fn forget_before(now: Timestamp, kept: Duration) -> i64 {
    let kept = i64::try_from(kept.as_micros()).unwrap_or(i64::MAX);
    now.micros().saturating_sub(kept)
}

fn plan(stream: &Stream) -> anyhow::Result<CompiledStream> {
    CompiledStream::new(stream).map_err(|problems| {
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        let name: &StreamName = &stream.name;
        anyhow!("stream {name}: {}", problems.join("; ")).context(ErrorType::Settings)
    })
}

#[cfg(test)]
mod tests;
