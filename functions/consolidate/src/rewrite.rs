//! The touched buckets of a table as new files.

use std::collections::BTreeSet;

use arrow::array::RecordBatch;
use foz_domain::keys;
use foz_lake::{Files, LakeError, LiveFile, StagedWriter, Table, Tables};
use iceberg::spec::DataFile;
use tokio::task::JoinSet;

/// What replaces the touched buckets of a table, file by file.
pub struct Rewrite<'a> {
    lake: &'a Tables,
    table: &'a Table,
    before: Vec<LiveFile>,
    touched: BTreeSet<i32>,
    open: Option<(i32, StagedWriter)>,
    closing: JoinSet<Result<Vec<DataFile>, LakeError>>,
    added: Vec<DataFile>,
}

/// Files completed at a time, each beside the next bucket's merge: small buckets are mostly waiting for the store.
const CLOSING: usize = 4;

impl<'a> Rewrite<'a> {
    /// A rewrite of the table as it was loaded.
    ///
    /// # Errors
    /// Its files cannot be listed.
    pub async fn new(lake: &'a Tables, table: &'a Table) -> anyhow::Result<Self> {
        let before = table.files().await?;
        Ok(Self {
            lake,
            table,
            before,
            touched: BTreeSet::new(),
            open: None,
            closing: JoinSet::new(),
            added: Vec::new(),
        })
    }

    /// The files of the table before.
    pub fn before(&self) -> &[LiveFile] {
        &self.before
    }

    /// Adds rows of a bucket, all of whose rows come one after another. A bucket that is named loses its old files, also
    /// if no row is left in it.
    ///
    /// # Errors
    /// They cannot be written.
    pub async fn add(&mut self, bucket: i32, rows: &RecordBatch) -> anyhow::Result<()> {
        self.touched.insert(bucket);
        if rows.num_rows() == 0 {
            return Ok(());
        }
        if self.open.as_ref().is_none_or(|(open, _)| *open != bucket) {
            self.close().await?;
            let prefix = format!("{}data/", keys::table(self.table.name()));
            let writer = self.lake.writer(self.table, &prefix).await?;
            self.open = Some((bucket, writer));
        }
        match &mut self.open {
            Some((_, writer)) => Ok(writer.write(rows).await?),
            None => Ok(()),
        }
    }

    async fn close(&mut self) -> anyhow::Result<()> {
        if let Some((_, writer)) = self.open.take() {
            self.closing.spawn(writer.close());
        }
        self.closed(CLOSING).await
    }

    /// Waits until fewer than `left` files are being completed.
    async fn closed(&mut self, left: usize) -> anyhow::Result<()> {
        while self.closing.len() >= left.max(1) {
            let Some(done) = self.closing.join_next().await else { break };
            self.added.extend(done??);
        }
        Ok(())
    }

    /// The change of files, based on the snapshot from which the rows were computed.
    ///
    /// # Errors
    /// The last file cannot be completed.
    pub async fn finish(mut self) -> anyhow::Result<Files> {
        self.close().await?;
        self.closed(1).await?;
        let goes = |file: &&LiveFile| file.bucket.is_none_or(|bucket| self.touched.contains(&bucket));
        let removed = self.before.iter().filter(goes).map(|file| file.path().to_owned()).collect();
        Ok(Files::Overwrite { base: self.table.snapshot_id(), removed, added: self.added })
    }
}
