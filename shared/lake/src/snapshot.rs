//! Snapshots: which files a table consists of after a change, written as manifests and a manifest list.

use std::collections::{BTreeMap, HashMap, HashSet};

use foz_domain::Timestamp;
use futures::stream::{self, StreamExt, TryStreamExt};
use iceberg::spec::{
    DataFile, Manifest, ManifestContentType, ManifestEntryRef, ManifestFile, ManifestListWriter, ManifestWriter,
    ManifestWriterBuilder, Operation, PartitionSpecRef, Snapshot, SnapshotSummaryCollector, Summary, TableMetadata,
};
use uuid::Uuid;

use crate::error::LakeError;
use crate::table::{RUN, THROUGH, Table};
use crate::table_commit::{Files, NewDeletes, TableCommit};

/// Readers open every manifest: beyond this number the small ones are merged into one.
const MANIFESTS: usize = 100;

/// Iceberg's usual target size. Larger manifests are left alone, so that merging costs the same however long the history.
const LARGE_MANIFEST: i64 = 8 * 1024 * 1024;

/// Manifests read at a time.
const READS: usize = 8;

/// The id of the snapshot that a run makes of a table: the same for every try, so that each can find it.
pub(crate) fn id_of(table: Uuid, run: &str) -> i64 {
    let digest = blake3::Hasher::new().update(table.as_bytes()).update(run.as_bytes()).finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&digest.as_bytes()[..8]);
    // Positive, as all snapshot ids.
    i64::from_be_bytes(first) & i64::MAX
}

/// Whether the current state of the table includes the snapshot.
pub(crate) fn is_ancestor(metadata: &TableMetadata, snapshot_id: i64) -> bool {
    ancestors(metadata).any(|id| id == snapshot_id)
}

/// The snapshots that a table no longer lists once it has a new one and lists `listed` in all: the oldest of its own.
/// What a branch or a tag of somebody else's names stays.
pub(crate) fn superseded(metadata: &TableMetadata, listed: Option<u32>) -> Result<Vec<i64>, LakeError> {
    let kept = listed.map_or(usize::MAX, |listed| listed.max(1) as usize - 1);
    let mut old: Vec<i64> = ancestors(metadata).skip(kept).collect();
    if !old.is_empty() {
        let named = named(metadata)?;
        old.retain(|id| !named.contains(id));
    }
    Ok(old)
}

/// Snapshots that a branch or a tag names, but for our own branch.
fn named(metadata: &TableMetadata) -> Result<HashSet<i64>, LakeError> {
    // The library keeps them to itself; the metadata file, which is this serialization, does not.
    let file = serde_json::to_value(metadata).map_err(iceberg::Error::from)?;
    let refs = file["refs"].as_object().into_iter().flatten().filter(|(name, _)| *name != "main");
    Ok(refs.filter_map(|(_, reference)| reference["snapshot-id"].as_i64()).collect())
}

/// The current snapshot and those that it follows from, newest first.
fn ancestors(metadata: &TableMetadata) -> impl Iterator<Item = i64> {
    let parent = |id: &i64| metadata.snapshot_by_id(*id).and_then(|snapshot| snapshot.parent_snapshot_id());
    let listed = |id: &i64| metadata.snapshot_by_id(*id).is_some();
    std::iter::successors(metadata.current_snapshot_id(), parent).take_while(listed)
}

/// A file as a manifest lists it.
pub(crate) struct Listed {
    pub file: DataFile,
    pub spec: i32,
    /// The sequence number of the commit that brought it.
    pub sequence: i64,
}

/// The files of the table's current snapshot that are live.
pub(crate) async fn live_files(table: &Table) -> Result<Vec<Listed>, LakeError> {
    let files = current_manifests(table).await?;
    let manifests = load_all(table, &files).await?;
    let listed = |(file, manifest): (&ManifestFile, &Manifest)| {
        let entries = manifest.entries().iter().filter(|entry| entry.is_alive());
        let listed = entries.map(|entry| {
            let sequence = known(table, entry.sequence_number())?;
            Ok(Listed { file: entry.data_file().clone(), spec: file.partition_spec_id, sequence })
        });
        listed.collect::<Result<Vec<_>, LakeError>>()
    };
    let listed = files.iter().zip(&manifests).map(listed).collect::<Result<Vec<_>, _>>()?;
    Ok(listed.into_iter().flatten().collect())
}

/// Writes the snapshot that follows from a change; `None` if no file comes or goes.
pub(crate) async fn write(
    table: &Table,
    change: &TableCommit,
    id: i64,
    now: Timestamp,
) -> Result<Option<Snapshot>, LakeError> {
    let none = (Vec::new(), Vec::new());
    let (added, removed, deletes) = match &change.files {
        Files::Append(added) => (added, &none.0, &none.1),
        Files::Overwrite { removed, added, deletes, .. } => (added, removed, deletes),
    };
    if added.is_empty() && removed.is_empty() && deletes.is_empty() {
        return Ok(None);
    }
    let operation = match (&change.files, change.range) {
        (Files::Append(_), _) => Operation::Append,
        (Files::Overwrite { .. }, Some(_)) => Operation::Overwrite,
        (Files::Overwrite { .. }, None) => Operation::Replace,
    };
    let mut writer = SnapshotWriter::new(table, id);
    let manifests = writer.without(current_manifests(table).await?, removed).await?;
    let mut manifests = writer.merged(manifests).await?;
    manifests.extend(writer.adding(added).await?);
    manifests.extend(writer.deleting(deletes).await?);

    let metadata = table.inner.metadata();
    let parent = metadata.current_snapshot_id();
    let sequence = metadata.next_sequence_number();
    let list = format!("{}/metadata/snap-{id}-{}.avro", metadata.location(), writer.nonce);
    let file = table.inner.file_io().new_output(&list)?.writer().await?;
    let mut list_writer = ManifestListWriter::v2(file, id, parent, sequence);
    list_writer.add_manifests(manifests.into_iter())?;
    list_writer.close().await?;

    let snapshot = Snapshot::builder()
        .with_snapshot_id(id)
        .with_parent_snapshot_id(parent)
        .with_sequence_number(sequence)
        // Clocks differ between machines; a table's time never goes back.
        .with_timestamp_ms(now.0.max(metadata.last_updated_ms()))
        .with_manifest_list(list)
        .with_schema_id(metadata.current_schema_id())
        .with_summary(Summary { operation, additional_properties: summary(table, change, &writer.changes) });
    Ok(Some(snapshot.build()))
}

/// The manifests of the current snapshot that list live files.
async fn current_manifests(table: &Table) -> Result<Vec<ManifestFile>, LakeError> {
    let Some(snapshot) = table.snapshot() else { return Ok(Vec::new()) };
    let list = table.inner.manifest_list_reader(snapshot).load().await?;
    Ok(list.consume_entries().into_iter().filter(|m| m.has_added_files() || m.has_existing_files()).collect())
}

async fn load_all(table: &Table, manifests: &[ManifestFile]) -> Result<Vec<Manifest>, LakeError> {
    let loads = manifests.iter().map(|manifest| manifest.load_manifest(table.inner.file_io()));
    // Collected first: a lazy iterator inside the stream would tie the future's type to this borrow.
    let loads: Vec<_> = loads.collect();
    Ok(stream::iter(loads).buffered(READS).try_collect().await?)
}

struct SnapshotWriter<'a> {
    table: &'a Table,
    id: i64,
    /// Makes the names of this try's files its own.
    nonce: Uuid,
    manifests: usize,
    changes: SnapshotSummaryCollector,
}

impl<'a> SnapshotWriter<'a> {
    fn new(table: &'a Table, id: i64) -> Self {
        Self { table, id, nonce: Uuid::new_v4(), manifests: 0, changes: SnapshotSummaryCollector::default() }
    }

    /// A new manifest of files with this content, which were written by that partition spec.
    fn manifest(&mut self, Kind { deletes, spec }: Kind) -> Result<ManifestWriter, LakeError> {
        let spec = self.spec(spec)?;
        let metadata = self.table.inner.metadata();
        let path = format!("{}/metadata/{}-m{}.avro", metadata.location(), self.nonce, self.manifests);
        self.manifests += 1;
        let file = self.table.inner.file_io().new_output(path)?;
        let schema = metadata.current_schema().clone();
        let builder = ManifestWriterBuilder::new(file, Some(self.id), schema, spec.as_ref().clone());
        Ok(if deletes { builder.build_v2_deletes() } else { builder.build_v2_data() })
    }

    fn spec(&self, spec: i32) -> Result<PartitionSpecRef, LakeError> {
        let found = self.table.inner.metadata().partition_spec_by_id(spec).cloned();
        found.ok_or_else(|| LakeError::incompatible(self.table.name(), format!("it has no partition spec {spec}")))
    }

    /// Lists files with rows; `None` if there are none.
    async fn adding(&mut self, files: &[DataFile]) -> Result<Option<ManifestFile>, LakeError> {
        let spec = self.table.inner.metadata().default_partition_spec_id();
        let files: Vec<_> = files.iter().collect();
        self.listing(Kind { deletes: false, spec }, &files).await
    }

    /// Lists files that name deleted rows, in a manifest for each partition spec.
    async fn deleting(&mut self, deletes: &[NewDeletes]) -> Result<Vec<ManifestFile>, LakeError> {
        let mut by_spec: BTreeMap<i32, Vec<&DataFile>> = BTreeMap::new();
        for NewDeletes { file, spec } in deletes {
            by_spec.entry(*spec).or_default().push(file);
        }
        let mut manifests = Vec::with_capacity(by_spec.len());
        for (spec, files) in by_spec {
            manifests.extend(self.listing(Kind { deletes: true, spec }, &files).await?);
        }
        Ok(manifests)
    }

    async fn listing(&mut self, kind: Kind, files: &[&DataFile]) -> Result<Option<ManifestFile>, LakeError> {
        if files.is_empty() {
            return Ok(None);
        }
        let (schema, spec) = (self.table.inner.metadata().current_schema().clone(), self.spec(kind.spec)?);
        let mut writer = self.manifest(kind)?;
        for file in files {
            self.changes.add_file(file, schema.clone(), spec.clone());
            // Below zero: the sequence number is inherited from the snapshot.
            writer.add_file((*file).clone(), -1)?;
        }
        Ok(Some(writer.write_manifest_file().await?))
    }

    /// The manifests without the removed files; those that list none of them stay as they are.
    async fn without(
        &mut self,
        manifests: Vec<ManifestFile>,
        removed: &[String],
    ) -> Result<Vec<ManifestFile>, LakeError> {
        if removed.is_empty() {
            return Ok(manifests);
        }
        let mut missing: HashSet<&str> = removed.iter().map(String::as_str).collect();
        if missing.len() != removed.len() {
            return Err(LakeError::incompatible(self.table.name(), "a file is removed twice"));
        }
        let loaded = load_all(self.table, &manifests).await?;
        let mut kept = Vec::with_capacity(manifests.len());
        for (file, manifest) in manifests.into_iter().zip(loaded) {
            let goes = |entry: &ManifestEntryRef| missing.contains(entry.file_path());
            let live: Vec<_> = manifest.entries().iter().filter(|entry| entry.is_alive()).collect();
            if !live.iter().any(|entry| goes(entry)) {
                kept.push(file);
                continue;
            }
            let mut writer = self.manifest(Kind::of(&file))?;
            let (schema, spec) =
                (self.table.inner.metadata().current_schema().clone(), self.spec(file.partition_spec_id)?);
            for entry in live {
                if missing.remove(entry.file_path()) {
                    self.changes.remove_file(entry.data_file(), schema.clone(), spec.clone());
                    let sequence = known(self.table, entry.sequence_number())?;
                    writer.add_delete_file(entry.data_file().clone(), sequence, entry.file_sequence_number)?;
                } else {
                    self.keep(&mut writer, entry)?;
                }
            }
            kept.push(writer.write_manifest_file().await?);
        }
        match missing.into_iter().next() {
            // The base was checked, so this is a caller's mistake, not a race.
            Some(path) => Err(LakeError::incompatible(self.table.name(), format!("{path} is not one of its files"))),
            None => Ok(kept),
        }
    }

    /// Merges the small ones among too many manifests. Files keep their snapshots and sequence numbers.
    async fn merged(&mut self, manifests: Vec<ManifestFile>) -> Result<Vec<ManifestFile>, LakeError> {
        // Those that were rewritten for this snapshot hold its deletions, and must stay.
        let small = |m: &ManifestFile| m.manifest_length < LARGE_MANIFEST && m.added_snapshot_id != self.id;
        let (small, mut kept): (Vec<_>, Vec<_>) = manifests.into_iter().partition(small);
        let mut by_kind: BTreeMap<Kind, Vec<ManifestFile>> = BTreeMap::new();
        for manifest in small {
            by_kind.entry(Kind::of(&manifest)).or_default().push(manifest);
        }
        for (kind, small) in by_kind {
            if small.len() < MANIFESTS {
                kept.extend(small);
                continue;
            }
            let mut writer = self.manifest(kind)?;
            for manifest in load_all(self.table, &small).await? {
                for entry in manifest.entries().iter().filter(|entry| entry.is_alive()) {
                    self.keep(&mut writer, entry)?;
                }
            }
            kept.push(writer.write_manifest_file().await?);
        }
        Ok(kept)
    }

    fn keep(&self, writer: &mut ManifestWriter, entry: &ManifestEntryRef) -> Result<(), LakeError> {
        let (snapshot, sequence) =
            (known(self.table, entry.snapshot_id())?, known(self.table, entry.sequence_number())?);
        Ok(writer.add_existing_file(entry.data_file().clone(), snapshot, sequence, entry.file_sequence_number)?)
    }
}

fn known<T>(table: &Table, number: Option<T>) -> Result<T, LakeError> {
    number.ok_or_else(|| LakeError::incompatible(table.name(), "a manifest entry has no sequence number"))
}

/// What the files of one manifest have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// Whether they name deleted rows, instead of holding rows.
    deletes: bool,
    /// The partition spec by which they were written.
    spec: i32,
}

impl Kind {
    fn of(manifest: &ManifestFile) -> Self {
        Self { deletes: manifest.content == ManifestContentType::Deletes, spec: manifest.partition_spec_id }
    }
}

fn summary(table: &Table, change: &TableCommit, changes: &SnapshotSummaryCollector) -> HashMap<String, String> {
    let mut summary = changes.build();
    let before = table.snapshot().map(|s| &s.summary().additional_properties);
    let number = |map: Option<&HashMap<String, String>>, name: &str| -> u64 {
        map.and_then(|map| map.get(name)).and_then(|text| text.parse().ok()).unwrap_or(0)
    };
    for (total, plus, minus) in [
        ("total-records", "added-records", "deleted-records"),
        ("total-data-files", "added-data-files", "deleted-data-files"),
        ("total-files-size", "added-files-size", "removed-files-size"),
        ("total-delete-files", "added-delete-files", "removed-delete-files"),
        ("total-position-deletes", "added-position-deletes", "removed-position-deletes"),
        ("total-equality-deletes", "added-equality-deletes", "removed-equality-deletes"),
    ] {
        let value =
            (number(before, total) + number(Some(&summary), plus)).saturating_sub(number(Some(&summary), minus));
        summary.insert(total.to_owned(), value.to_string());
    }
    if let Some(through) = change.through().or_else(|| table.through()) {
        summary.insert(THROUGH.to_owned(), through.to_string());
    }
    summary.insert(RUN.to_owned(), change.run.clone());
    summary
}
