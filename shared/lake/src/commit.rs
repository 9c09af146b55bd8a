//! Commits: files, manifests and metadata first, then one compare-and-set in the register.
//!
//! [`Lake::prepare`] reads the table and decides by its property `foz.through`; what it writes is invisible.
//! [`Lake::publish`] makes that current only if the register's entry is still the one that was decided upon. Why a commit
//! then happens once: `docs/protocol.md`, "Commits of tables".

use std::collections::HashMap;

use foz_domain::{Range, Sequence};
use iceberg::spec::{DataFile, TableMetadata};

use crate::error::LakeError;
use crate::register::{Entry, insist};
use crate::snapshot;
use crate::tables::{Lake, THROUGH, Table};

/// One change of one table.
#[derive(Debug, Clone)]
pub struct Change {
    /// Names the execution that made the files: the snapshot's id follows from it.
    pub run: String,
    /// The sequences that the change brings in.
    pub range: Range,
    /// What becomes of the files.
    pub files: Files,
}

/// What a change does to a table's files.
#[derive(Debug, Clone)]
pub enum Files {
    /// Adds files, whatever is there; without any, the table only notes that it includes the range.
    Append(Vec<DataFile>),
    /// Replaces files by others that were computed from them.
    Overwrite {
        /// The snapshot they were computed from; none for an empty table.
        base: Option<i64>,
        /// Paths of the files that go; all must be live.
        removed: Vec<String>,
        /// The files that come.
        added: Vec<DataFile>,
    },
}

/// A table after a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The first sequence that it does not include.
    pub through: Option<Sequence>,
    /// Its snapshot; none as long as it never had a row.
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
    state: State,
}

#[derive(Debug)]
enum State {
    /// There is nothing to publish.
    Included,
    Written {
        location: String,
        metadata: Box<TableMetadata>,
        snapshot_id: i64,
        range: Range,
    },
}

#[derive(Debug, PartialEq, Eq)]
enum Decision {
    Included,
    Commit,
    Moved,
    Halt(Sequence),
}

/// What to do about a change, given what the table includes, whether it has the change's own snapshot, and its current one.
fn decide(through: Option<Sequence>, ours: bool, current: Option<i64>, change: &Change) -> Decision {
    let inside = through.filter(|through| *through > change.range.lo());
    match (&change.files, inside) {
        _ if ours => Decision::Included,
        (_, Some(through)) if through >= change.range.hi() => Decision::Included,
        // Another consolidation came in between and took less: what is left can be computed from its image.
        (Files::Overwrite { base, .. }, inside) if inside.is_some() || *base != current => Decision::Moved,
        // Two runs never overlap, so somebody broke the order of the group.
        (Files::Append(_), Some(through)) => Decision::Halt(through),
        _ => Decision::Commit,
    }
}

impl Lake {
    /// Reads the table, decides, and writes all that a commit of the change needs, without making it visible. `now` (in
    /// milliseconds since 1970 UTC) becomes the snapshot's time.
    ///
    /// # Errors
    /// [`LakeError::Halt`] if the table includes a part of an append's range; [`LakeError::Moved`] if an overwrite's base is
    /// no longer current: compute again, from what is.
    pub async fn prepare(&self, table: &str, change: &Change, now: i64) -> Result<Prepared, LakeError> {
        let table = self.load(table).await?;
        let metadata = table.inner.metadata();
        let snapshot_id = snapshot::id_of(metadata.uuid(), &change.run);
        let ours = snapshot::is_ancestor(metadata, snapshot_id);
        match decide(table.through(), ours, table.snapshot_id(), change) {
            Decision::Included => return Ok(Prepared { table, state: State::Included }),
            Decision::Commit => {}
            Decision::Moved => return Err(LakeError::Moved { table: table.name().to_owned() }),
            Decision::Halt(through) => {
                let (lo, hi) = (change.range.lo().0, change.range.hi().0);
                return Err(LakeError::Halt { table: table.name().to_owned(), through: through.0, lo, hi });
            }
        }
        let mut builder = metadata.clone().into_builder(Some(table.entry.metadata_location.clone()));
        if let Some(snapshot) = snapshot::write(&table, change, snapshot_id, now).await? {
            let superseded = snapshot::superseded(metadata, table.snapshots())?;
            builder = builder.set_branch_snapshot(snapshot, "main")?.remove_snapshots(&superseded);
        }
        let through = HashMap::from([(THROUGH.to_owned(), change.range.hi().to_string())]);
        let metadata = builder.set_properties(through)?.build()?.metadata;
        let location = self.write_next(&table, &metadata).await?;
        let state = State::Written { location, metadata: Box::new(metadata), snapshot_id, range: change.range };
        Ok(Prepared { table, state })
    }

    /// Makes a prepared commit current. `None` if the table moved in the meantime: prepare again.
    ///
    /// # Errors
    /// After any error the outcome is unknown: preparing the same change again finds out.
    pub async fn publish(&self, prepared: Prepared) -> Result<Option<Image>, LakeError> {
        let Prepared { table, state } = prepared;
        let State::Written { location, metadata, snapshot_id, range } = state else {
            return Ok(Some(table.image(true)));
        };
        let answer = insist::swap(&*self.register, table.name(), &table.entry, &location, &metadata).await;
        if matches!(answer, Ok(true)) {
            let entry = Entry { metadata_location: location, ..table.entry.clone() };
            return Ok(Some(self.table(table.name(), entry, *metadata)?.image(false)));
        }
        // Refused, or no answer: a repetition inside the SDK may have been refused because its first try succeeded.
        let now = self.load(table.name()).await?;
        let ours = snapshot::is_ancestor(now.inner.metadata(), snapshot_id);
        if ours || now.through() >= Some(range.hi()) {
            return Ok(Some(now.image(!ours)));
        }
        match answer {
            Err(error) if now.entry == table.entry => Err(error),
            _ => Ok(None),
        }
    }

    /// Prepares and publishes until the change is included.
    ///
    /// # Errors
    /// Those of [`Lake::prepare`] and [`Lake::publish`].
    pub async fn commit(&self, table: &str, change: &Change, now: i64) -> Result<Image, LakeError> {
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
    pub fn image(&self, repeated: bool) -> Image {
        Image {
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
    use super::*;

    fn check(through: Option<u64>, files: Files, current: Option<i64>, expect: Decision) {
        let range = Range::new(Sequence(10), Sequence(20)).unwrap();
        let change = Change { run: "r".into(), range, files };
        assert_eq!(decide(through.map(Sequence), false, current, &change), expect, "{through:?}");
        assert_eq!(decide(through.map(Sequence), true, current, &change), Decision::Included);
    }

    #[test]
    fn appends_depend_on_what_is_included() {
        let append = || Files::Append(vec![]);
        check(None, append(), None, Decision::Commit);
        check(Some(0), append(), Some(7), Decision::Commit);
        check(Some(10), append(), Some(7), Decision::Commit);
        check(Some(11), append(), Some(7), Decision::Halt(Sequence(11)));
        check(Some(19), append(), Some(7), Decision::Halt(Sequence(19)));
        check(Some(20), append(), Some(7), Decision::Included);
        check(Some(99), append(), Some(7), Decision::Included);
    }

    #[test]
    fn overwrites_depend_on_their_base_too() {
        let overwrite = || Files::Overwrite { base: Some(7), removed: vec![], added: vec![] };
        check(Some(10), overwrite(), Some(7), Decision::Commit);
        check(Some(10), overwrite(), Some(8), Decision::Moved);
        check(Some(10), overwrite(), None, Decision::Moved);
        check(Some(20), overwrite(), Some(8), Decision::Included);
        check(Some(15), overwrite(), Some(7), Decision::Moved);
        check(Some(15), overwrite(), Some(8), Decision::Moved);
    }
}
