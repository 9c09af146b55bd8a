//! Commits: files, manifests and metadata first, then one compare-and-set in the register.
//!
//! Why a commit happens once. A table's property `foz.through` says what the table includes, and changes only together with
//! the rows it speaks of: both stand in one metadata file. [`Tables::prepare`] reads the table and decides by that property;
//! what it writes is invisible. [`Tables::publish`] makes it current only if the register's entry is still the one that was
//! decided upon. Of two committers one loses the compare-and-set, reads again and decides again, and then finds the range
//! included. An answer that is lost, or an error of any kind, says nothing: the table is read again and asked. Should the
//! request take effect even later, it does so only if nobody else was faster. Nothing is ever deleted here.

use std::collections::HashMap;

use foz_domain::{Sequence, Timestamp};
use iceberg::spec::{TableMetadata, TableMetadataBuilder};

use crate::error::LakeError;
use crate::register::{Entry, insist};
use crate::snapshot;
use crate::table::{THROUGH, Table};
use crate::table_commit::{Files, TableCommit};
use crate::tables::Tables;

/// A table after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableState {
    /// The first sequence that it does not include.
    pub through: Option<Sequence>,
    /// Its snapshot; `None` if it never had a row.
    pub snapshot_id: Option<i64>,
    /// Its metadata file.
    pub metadata_location: String,
    /// Its number of rows.
    pub rows: u64,
    /// Whether this commit made it, or it included the range before.
    pub repeated: bool,
}

/// A commit that lacks only its publication.
#[derive(Debug)]
pub struct Prepared {
    table: Table,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    /// There is nothing to publish.
    Included,
    Written {
        location: String,
        metadata: Box<TableMetadata>,
        snapshot_id: i64,
        through: Option<Sequence>,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Included,
    Commit,
    Moved,
    Halt(Sequence),
}

/// What to do about a change, given what the table includes, whether it has the change's own snapshot, and its current one.
fn decide(through: Option<Sequence>, ours: bool, current: Option<i64>, change: &TableCommit) -> Verdict {
    let inside = through.filter(|through| change.range.is_some_and(|range| *through > range.lo()));
    match (&change.files, inside) {
        _ if ours => Verdict::Included,
        (_, Some(through)) if change.through().is_some_and(|hi| through >= hi) => Verdict::Included,
        // Another consolidation came in between and took less: what is left can be computed from its image.
        (Files::Overwrite { base, .. }, inside) if inside.is_some() || *base != current => Verdict::Moved,
        // Two runs never overlap, so somebody broke the order of the group.
        (Files::Append(_), Some(through)) => Verdict::Halt(through),
        _ => Verdict::Commit,
    }
}

impl Tables {
    /// Reads the table, decides, and writes all that a commit of the change needs, without making it visible. `now`
    /// becomes the snapshot's time, unless the table is dated later: its time never goes back.
    ///
    /// # Errors
    /// [`LakeError::Halt`] if the table includes a part of an append's range; [`LakeError::Moved`] if an overwrite's base is
    /// no longer current: compute again, from what is.
    pub async fn prepare(&self, table: &str, change: &TableCommit, now: Timestamp) -> Result<Prepared, LakeError> {
        let table = self.load(table).await?;
        let metadata = table.inner.metadata();
        let snapshot_id = snapshot::id_of(metadata.uuid(), &change.run);
        let ours = snapshot::is_ancestor(metadata, snapshot_id);
        match decide(table.through(), ours, table.snapshot_id(), change) {
            Verdict::Included => return Ok(Prepared { table, progress: Progress::Included }),
            Verdict::Commit => {}
            Verdict::Moved => return Err(LakeError::Moved { table: table.name().to_owned() }),
            Verdict::Halt(through) => {
                let (lo, hi) = change.range.map_or((0, 0), |range| (range.lo().0, range.hi().0));
                return Err(LakeError::Halt { table: table.name().to_owned(), through: through.0, lo, hi });
            }
        }
        let through = change.through();
        let mut noted: HashMap<_, _> =
            through.iter().map(|through| (THROUGH.to_owned(), through.to_string())).collect();
        let mut gone = Vec::new();
        // What rows are made by stands with them; that of a declaration which never brought a row goes.
        if change.files.bring_rows() {
            gone = change.rule.absent();
            noted.extend(change.rule.properties());
        }
        let note = |builder: TableMetadataBuilder| builder.remove_properties(&gone)?.set_properties(noted);
        let metadata = match snapshot::write(&table, change, snapshot_id, now).await? {
            Some(snapshot) => {
                let superseded = snapshot::superseded(metadata, table.snapshots())?;
                let builder = metadata.clone().into_builder(Some(table.entry.metadata_location.clone()));
                note(builder.set_branch_snapshot(snapshot, "main")?.remove_snapshots(&superseded))?.build()?.metadata
            }
            None => table.successor(note)?,
        };
        let location = self.write_next(&table, &metadata).await?;
        let progress = Progress::Written { location, metadata: Box::new(metadata), snapshot_id, through };
        Ok(Prepared { table, progress })
    }

    /// Makes a prepared commit current. `None` if the table moved in the meantime: prepare again.
    ///
    /// # Errors
    /// After any error the outcome is unknown: preparing the same change again finds out.
    pub async fn publish(&self, prepared: Prepared) -> Result<Option<TableState>, LakeError> {
        let Prepared { table, progress } = prepared;
        let Progress::Written { location, metadata, snapshot_id, through } = progress else {
            return Ok(Some(table.state(true)));
        };
        let answer = insist::swap(&*self.register, table.name(), &table.entry, &location, &metadata).await;
        if matches!(answer, Ok(true)) {
            let entry = Entry { metadata_location: location, ..table.entry.clone() };
            return Ok(Some(self.table(table.name(), entry, *metadata)?.state(false)));
        }
        // Refused, or no answer: a repetition inside the SDK may have been refused because its first try succeeded.
        let now = self.load(table.name()).await?;
        let ours = snapshot::is_ancestor(now.inner.metadata(), snapshot_id);
        if ours || through.is_some_and(|through| now.through() >= Some(through)) {
            return Ok(Some(now.state(!ours)));
        }
        match answer {
            Err(error) if now.entry == table.entry => Err(error),
            _ => Ok(None),
        }
    }

    /// Prepares and publishes until the change is included.
    ///
    /// # Errors
    /// Those of [`Tables::prepare`] and [`Tables::publish`].
    pub async fn commit(&self, table: &str, change: &TableCommit, now: Timestamp) -> Result<TableState, LakeError> {
        // Whenever this repeats, somebody else made progress.
        loop {
            let prepared = self.prepare(table, change, now).await?;
            if let Some(image) = self.publish(prepared).await? {
                return Ok(image);
            }
        }
    }
}

impl Table {
    /// The table's state, as the catalog records it; `repeated` if no commit of the caller made it.
    pub fn state(&self, repeated: bool) -> TableState {
        TableState {
            through: self.through(),
            snapshot_id: self.snapshot_id(),
            metadata_location: self.metadata_location().to_owned(),
            rows: self.rows(),
            repeated,
        }
    }
}

#[cfg(test)]
mod tests {
    use foz_domain::Range;

    use super::*;
    use crate::entity::EntityRule;

    fn check(through: Option<u64>, files: Files, current: Option<i64>, expect: Verdict) {
        let range = Range::new(Sequence(10), Sequence(20));
        let change = TableCommit { run: "r".into(), range, files, rule: EntityRule::default() };
        assert_eq!(decide(through.map(Sequence), false, current, &change), expect, "{through:?}");
        assert_eq!(decide(through.map(Sequence), true, current, &change), Verdict::Included);
    }

    #[test]
    fn appends_depend_on_what_is_included() {
        let append = || Files::Append(vec![]);
        check(None, append(), None, Verdict::Commit);
        check(Some(0), append(), Some(7), Verdict::Commit);
        check(Some(10), append(), Some(7), Verdict::Commit);
        check(Some(11), append(), Some(7), Verdict::Halt(Sequence(11)));
        check(Some(19), append(), Some(7), Verdict::Halt(Sequence(19)));
        check(Some(20), append(), Some(7), Verdict::Included);
        check(Some(99), append(), Some(7), Verdict::Included);
    }

    #[test]
    fn overwrites_depend_on_their_base_too() {
        let overwrite = || Files::Overwrite { base: Some(7), removed: vec![], added: vec![], deletes: vec![] };
        check(Some(10), overwrite(), Some(7), Verdict::Commit);
        check(Some(10), overwrite(), Some(8), Verdict::Moved);
        check(Some(10), overwrite(), None, Verdict::Moved);
        check(Some(20), overwrite(), Some(8), Verdict::Included);
        check(Some(15), overwrite(), Some(7), Verdict::Moved);
        check(Some(15), overwrite(), Some(8), Verdict::Moved);
    }

    #[test]
    fn what_brings_no_sequences_depends_on_its_base_only() {
        let files = || Files::Overwrite { base: Some(7), removed: vec![], added: vec![], deletes: vec![] };
        let change = TableCommit { run: "r".into(), range: None, files: files(), rule: EntityRule::default() };
        for through in [None, Some(Sequence(0)), Some(Sequence(99))] {
            assert_eq!(decide(through, false, Some(7), &change), Verdict::Commit);
            assert_eq!(decide(through, false, Some(8), &change), Verdict::Moved);
            assert_eq!(decide(through, true, Some(8), &change), Verdict::Included);
        }
    }
}
