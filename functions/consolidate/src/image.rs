//! The next image of one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, anyhow};
use foz_domain::maintenance::{DebtBounds, UnitWay};
use foz_domain::{Range, Sequence, StreamName, Timestamp};
use foz_edge::{ErrorType, fail_point};
use foz_engine::{CompiledStream, Limits, Merge, MergeError};
use foz_lake::commit::TableState;
use foz_lake::{Files, LakeError, LiveFile, Table, TableCommit, Tables};
use foz_pipeline::Stream;
use futures::future::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};
use tracing::info;

use crate::unit_image::{UnitImage, UnitOutcome, UnitTable};
use crate::units::{self, Units};

/// Units worked on at a time, each mostly waiting for the store.
const UNITS: usize = 4;

/// Bytes of files that a unit may have to be written anew beside others.
const TOGETHER: u64 = 32 << 20;

/// The part of the memory that the changes of one unit may fill before it is known what to do with them.
const BUFFERED: usize = 8;

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
    /// When a unit is written anew.
    pub bounds: DebtBounds,
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
    /// Files that were found not to be in the order of their keys.
    unsorted: &'a BTreeSet<String>,
}

impl ImageMaker<'_> {
    /// Brings the stream's current table to the sequence; if it is there already, does nothing. The table exists after
    /// that, whether anything was ever published on the stream or not.
    ///
    /// # Errors
    /// The outcome may be unknown; doing it again is safe.
    pub async fn image(&self, stream: &Stream, now: Timestamp) -> anyhow::Result<TableState> {
        let plan = plan(stream)?;
        let (mut round, mut unsorted) = (0, BTreeSet::new());
        loop {
            let tables = self.load(stream, &plan).await?;
            let from = tables.current.through().unwrap_or_default();
            let Some(range) = Range::new(from, self.through) else { return Ok(tables.current.state(true)) };
            let next = Next { stream, tables: &tables, range, now, unsorted: &unsorted };
            match self.publish(&next, format!("{}-{round}", self.execution)).await {
                Ok(Some(image)) => return Ok(image),
                // Somebody else's image: compute again, from that one.
                Ok(None) => info!(stream = %stream.name, "the table moved"),
                Err(error) if matches!(error.downcast_ref(), Some(LakeError::Moved { .. })) => {
                    info!(stream = %stream.name, "the table moved");
                }
                Err(error) => match error.downcast_ref() {
                    Some(MergeError::Unsorted { file }) if unsorted.insert(file.clone()) => {
                        info!(stream = %stream.name, file, "not in the order of its keys, and sorted first");
                    }
                    _ => return Err(error.context(ErrorType::Tables)),
                },
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
        let Next { stream, tables, range, now, .. } = *next;
        // First, so that no image is without the tombstones that it needs. A row and its tombstone cannot harm each other:
        // the merge lets the newer of them win.
        if let (Some(table), Some(files)) = (&tables.tombstones, tombstones) {
            let from = table.through().unwrap_or_default();
            if let Some(range) = Range::new(from, range.hi()) {
                let change =
                    TableCommit { run: run.clone(), range: Some(range), files, rule: table.declared().clone() };
                self.lake.commit(table.name(), &change, now).await?;
            }
        }
        let change = TableCommit { run, range: Some(range), files: current, rule: tables.current.declared().clone() };
        let prepared = self.lake.prepare(tables.current.name(), &change, now).await?;
        fail_point("consolidate.before_publish").await?;
        let image = self.lake.publish(prepared).await?;
        if let Some(image) = &image {
            info!(stream = %stream.name, through = %range.hi(), rows = image.rows, repeated = image.repeated, "image");
        }
        Ok(image)
    }

    /// The change of the current table, and that of the tombstones.
    async fn merged(&self, next: &Next<'_>) -> anyhow::Result<(Files, Option<Files>)> {
        let Next { stream, tables, range, now, unsorted } = *next;
        let mut outcome = UnitOutcome::default();
        if let Some((changes, files)) = changes(tables, range).await? {
            let current = tables.current.live().await?;
            let deleted = match &tables.tombstones {
                Some(table) => Some((table, table.live().await?)),
                None => None,
            };
            let all = deleted.iter().map(|(table, live)| (*table, live)).chain([(&tables.current, &current)]);
            let of = units::number(all);
            let mut current = Units::new(&tables.current, current, of)?;
            let mut deleted = match deleted {
                Some((table, live)) => Some((table, Units::new(table, live, of)?)),
                None => None,
            };
            let merge = Merge::new(tables.current.schema()?.as_ref(), of)
                .forgetting(forget_before(now, stream.settings.tombstones));
            // Two sorts may work at once: one that has the changes in order, and one of rows that are out of order.
            let limits = Limits { memory: self.limits.memory / 2, ..self.limits.clone() };
            let changes = merge.changes(changes.read_range(&files, range)?, &limits);
            let mut working = FuturesUnordered::new();
            while let Some(unit) = changes.next(limits.memory / BUFFERED).await.context(ErrorType::Engine)? {
                let tombstones =
                    deleted.as_mut().map(|(table, units)| UnitTable { table, unit: units.take(unit.unit) });
                let before = current.take(unit.unit);
                let facts = before.facts();
                let image = UnitImage {
                    lake: self.lake,
                    merge: &merge,
                    current: UnitTable { table: &tables.current, unit: before },
                    tombstones,
                    unsorted,
                    limits: limits.clone(),
                };
                let number = unit.rows.iter().map(|rows| rows.num_rows() as u64).sum();
                match self.bounds.way(facts, number) {
                    UnitWay::Delta if unit.whole => working.push(image.delta(unit.rows).boxed()),
                    // One that is large, or whose changes are still to be taken, has all memory for itself.
                    _ if facts.bytes > TOGETHER || !unit.whole => {
                        while let Some(done) = working.next().await {
                            outcome.extend(done?);
                        }
                        outcome.extend(image.rewrite(changes.clone(), unit).await?);
                    }
                    _ => working.push(image.rewrite(changes.clone(), unit).boxed()),
                }
                if working.len() >= UNITS
                    && let Some(done) = working.next().await
                {
                    outcome.extend(done?);
                }
            }
            while let Some(done) = working.next().await {
                outcome.extend(done?);
            }
        }
        let current = outcome.current.finish(self.lake, &tables.current).await?;
        let tombstones = match &tables.tombstones {
            Some(table) => Some(outcome.tombstones.finish(self.lake, table).await?),
            None => None,
        };
        Ok((current, tombstones))
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
