//! The next image of one unit: as a delta, or written anew.

use std::collections::BTreeSet;

use anyhow::Context;
use arrow::array::{AsArray, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use foz_domain::keys;
use foz_edge::ErrorType;
use foz_engine::merge::{Changes, UnitChanges};
use foz_engine::types::column;
use foz_engine::{Base, Limits, Merge, Merged, Run};
use foz_lake::{Deletes, Keys, LakeError, LiveFile, Places, StagedWriter, Table, Tables};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

use crate::table_change::TableChange;
use crate::units::UnitFiles;

/// Files in which keys are looked for at a time: mostly that is waiting for the store.
const LOOKUPS: usize = 4;

/// A table of the stream, and its files in the unit.
pub struct UnitTable<'a> {
    pub table: &'a Table,
    pub unit: UnitFiles,
}

/// What is needed for the image of a unit.
pub struct UnitImage<'a> {
    pub lake: &'a Tables,
    pub merge: &'a Merge,
    pub current: UnitTable<'a>,
    /// `None` if the stream keeps no tombstones.
    pub tombstones: Option<UnitTable<'a>>,
    /// Files that were found not to be in the order of their keys.
    pub unsorted: &'a BTreeSet<String>,
    /// What merging may use.
    pub limits: Limits,
}

/// What becomes of a unit's files in both tables.
#[derive(Debug, Default)]
pub struct UnitOutcome {
    pub current: TableChange,
    pub tombstones: TableChange,
}

impl UnitOutcome {
    /// Takes in what becomes of other units.
    pub fn extend(&mut self, other: Self) {
        self.current.extend(other.current);
        self.tombstones.extend(other.tombstones);
    }
}

impl UnitImage<'_> {
    /// Adds the changes, which are all of the unit's, and names the rows that they replace.
    pub async fn delta(self, changes: Vec<RecordBatch>) -> anyhow::Result<UnitOutcome> {
        let Some(first) = changes.first() else { return Ok(UnitOutcome::default()) };
        let changes = concat_batches(&first.schema(), &changes)?;
        let keys: &StringArray = changes[column::KEY].as_string();
        let keys = Keys::new(keys.clone());
        let version = self.tombstones.is_some().then_some(column::VERSION);
        let current = places(&self.current, &keys, version).await?;
        let deleted = match &self.tombstones {
            Some(tombstones) => places(tombstones, &keys, version).await?,
            None => Vec::new(),
        };
        let found: Vec<&Places> = current.iter().chain(&deleted).map(|(_, places)| places).collect();
        let delta = self.merge.delta(&changes, &found).context(ErrorType::Engine)?;
        let gone = |found: &[(LiveFile, Places)]| {
            let mut deletes = Deletes::default();
            found.iter().for_each(|(file, places)| deletes.add(file, delta.gone(places)));
            deletes
        };
        let mut outcome = UnitOutcome::default();
        outcome.current.deletes = gone(&current);
        outcome.tombstones.deletes = gone(&deleted);
        outcome.current.added = self.written(self.current.table, &delta.rows.current).await?;
        if let (Some(tombstones), Some(rows)) = (&self.tombstones, &delta.rows.tombstones) {
            outcome.tombstones.added = self.written(tombstones.table, rows).await?;
        }
        Ok(outcome)
    }

    /// Merges the changes into all rows of the unit.
    pub async fn rewrite(self, changes: Changes, begun: UnitChanges) -> anyhow::Result<UnitOutcome> {
        let UnitChanges { unit, rows, whole } = begun;
        let taken = stream::iter(rows.into_iter().map(Ok));
        let changes = if whole { taken.boxed() } else { taken.chain(changes.rest(unit)).boxed() };
        self.merged(changes).await
    }

    async fn merged(
        self,
        changes: BoxStream<'static, Result<RecordBatch, foz_engine::MergeError>>,
    ) -> anyhow::Result<UnitOutcome> {
        let base = Base {
            current: self.runs(&self.current)?,
            tombstones: self.tombstones.as_ref().map_or(Ok(Vec::new()), |tombstones| self.runs(tombstones))?,
        };
        let mut current = Rows { image: &self, table: self.current.table, writer: None };
        let mut deleted = self.tombstones.as_ref().map(|it| Rows { image: &self, table: it.table, writer: None });
        let mut merged = self.merge.rewrite(changes, base, &self.limits);
        while let Some(Merged { current: rows, tombstones }) = merged.try_next().await.context(ErrorType::Engine)? {
            current.write(&rows).await?;
            if let (Some(deleted), Some(rows)) = (&mut deleted, &tombstones) {
                deleted.write(rows).await?;
            }
        }
        let mut outcome = UnitOutcome::default();
        outcome.current.added = current.close().await?;
        outcome.current.removed = self.current.unit.paths().collect();
        if let (Some(deleted), Some(tombstones)) = (deleted, &self.tombstones) {
            outcome.tombstones.added = deleted.close().await?;
            outcome.tombstones.removed = tombstones.unit.paths().collect();
        }
        Ok(outcome)
    }

    fn runs(&self, of: &UnitTable<'_>) -> Result<Vec<Run>, LakeError> {
        let run = |file: &LiveFile| {
            let (path, rows) = (file.path().to_owned(), of.table.read(std::slice::from_ref(file))?);
            Ok(Run { unsorted: self.unsorted.contains(&path), file: path, rows })
        };
        of.unit.files.iter().map(run).collect()
    }

    async fn writer(&self, table: &Table) -> Result<StagedWriter, LakeError> {
        self.lake.writer(table, &format!("{}data/", keys::table(table.name()))).await
    }

    async fn written(&self, table: &Table, rows: &RecordBatch) -> Result<Vec<iceberg::spec::DataFile>, LakeError> {
        let mut all = Rows { image: self, table, writer: None };
        all.write(rows).await?;
        all.close().await
    }
}

/// Rows of a table that are being written; no file is made where there are none.
struct Rows<'a> {
    image: &'a UnitImage<'a>,
    table: &'a Table,
    writer: Option<StagedWriter>,
}

impl Rows<'_> {
    async fn write(&mut self, rows: &RecordBatch) -> Result<(), LakeError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(self.image.writer(self.table).await?),
        };
        writer.write(rows).await
    }

    async fn close(self) -> Result<Vec<iceberg::spec::DataFile>, LakeError> {
        match self.writer {
            Some(writer) => writer.close().await,
            None => Ok(Vec::new()),
        }
    }
}

/// Where the rows with these keys are, file by file.
async fn places(of: &UnitTable<'_>, keys: &Keys, version: Option<&str>) -> Result<Vec<(LiveFile, Places)>, LakeError> {
    let deleted = of.table.deleted(&of.unit.files).await?;
    let deleted = &deleted;
    let found = of.unit.files.iter().map(|file| async move {
        Ok::<_, LakeError>((file.clone(), of.table.places(file, keys, version, deleted).await?))
    });
    // Collected first: a lazy iterator inside the stream would tie the future's type to this borrow.
    let found: Vec<_> = found.collect();
    stream::iter(found).buffered(LOOKUPS).try_collect().await
}
