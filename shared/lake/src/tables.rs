//! The lake's tables: created from a declaration, evolved by a later one, loaded.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use arrow::datatypes::{Schema as ArrowSchema, SchemaRef};
use foz_domain::{Sequence, keys};
use iceberg::io::FileIO;
use iceberg::spec::{
    FormatVersion, Schema, SnapshotRef, TableMetadata, TableMetadataBuilder, Transform, UnboundPartitionSpec,
};
use iceberg::{MetadataLocation, Runtime, TableCreation, TableIdent};

use crate::error::LakeError;
use crate::register::{Entry, GlueRegister, MemoryRegister, Register, insist};
use crate::schema;
use crate::store::Store;

/// Table property and snapshot summary entry: the first sequence that the table does not include.
pub const THROUGH: &str = "foz.through";

/// Table property: the column of the stream by whose value the table keeps the latest state of each entity; absent if the
/// last message wins.
pub const VERSION: &str = "foz.version";

/// Snapshot summary entry: the run that made the snapshot.
pub const RUN: &str = "foz.run";

/// Metadata files kept in the log: some minutes at one commit a second. Older ones stay readable by the names that the
/// catalog keeps of them.
const METADATA_LOG: &str = "100";

/// The snapshots that a log lists, as many as metadata files: a read that takes minutes finds the snapshot with which
/// it began.
const LOG_SNAPSHOTS: u32 = 100;

/// Iceberg's name for the number of snapshots that a table lists.
const SNAPSHOTS: &str = "history.expire.min-snapshots-to-keep";

/// What a table should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name in the register.
    pub name: String,
    /// Its columns in order; field ids are the table's own business.
    pub columns: SchemaRef,
    /// How its files are divided; fixed at creation.
    pub partition: Partition,
    /// Snapshots that the table lists, at least 1. The metadata file is read and written by every commit: it must not grow
    /// with the number of commits. What is no longer listed loses its name, not its files.
    pub snapshots: u32,
    /// The column whose value decides which state of an entity is the latest. Fixed once it is known: under another one
    /// every new state could lose against the ones that are there.
    pub version: Option<String>,
}

impl TableSpec {
    /// A table that only ever grows: history, quarantine. Any of its snapshots holds all that the ones before it held.
    pub fn log(name: impl Into<String>, columns: SchemaRef) -> Self {
        Self { name: name.into(), columns, partition: Partition::None, snapshots: LOG_SNAPSHOTS, version: None }
    }
}

/// How a table's files are divided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Partition {
    /// Not at all.
    None,
    /// By Iceberg's `bucket(buckets, column)`.
    Bucket {
        /// A column of strings.
        column: String,
        /// Number of buckets, at least 1.
        buckets: u32,
    },
}

/// The tables of one lake. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tables {
    pub(crate) register: Arc<dyn Register>,
    pub(crate) io: FileIO,
    root: String,
}

/// A table as it was when it was loaded.
#[derive(Debug, Clone)]
pub struct Table {
    pub(crate) inner: iceberg::table::Table,
    pub(crate) entry: Entry,
    through: Option<Sequence>,
}

impl Tables {
    /// Tables whose files are below `root`, a location that `io` understands.
    pub fn new(register: Arc<dyn Register>, io: FileIO, root: impl Into<String>) -> Self {
        Self { register, io, root: root.into() }
    }

    /// Tables in the bucket, registered in a Glue database.
    pub fn aws(store: &Store, glue: aws_sdk_glue::Client, database: impl Into<String>) -> Self {
        let root = format!("s3://{}", store.bucket());
        Self::new(Arc::new(GlueRegister::new(glue, database)), store.file_io(), root)
    }

    /// Tables that live as long as the process.
    pub fn in_memory() -> Self {
        Self::new(Arc::new(MemoryRegister::default()), FileIO::new_with_memory(), "memory://lake")
    }

    /// How Iceberg names the object of that key.
    pub fn uri(&self, key: &str) -> String {
        format!("{}/{key}", self.root)
    }

    /// The table; `None` if it is not registered.
    pub async fn find(&self, name: &str) -> Result<Option<Table>, LakeError> {
        match self.register.find(name).await? {
            Some(entry) => Ok(Some(self.read(name, entry).await?)),
            None => Ok(None),
        }
    }

    /// The table as it is now.
    pub async fn load(&self, name: &str) -> Result<Table, LakeError> {
        self.find(name).await?.ok_or_else(|| LakeError::NoTable { table: name.to_owned() })
    }

    async fn read(&self, name: &str, entry: Entry) -> Result<Table, LakeError> {
        let metadata = TableMetadata::read_from(&self.io, &entry.metadata_location).await?;
        self.table(name, entry, metadata)
    }

    pub(crate) fn table(&self, name: &str, entry: Entry, metadata: TableMetadata) -> Result<Table, LakeError> {
        let through = through(name, &metadata)?;
        let inner = iceberg::table::Table::builder()
            .identifier(TableIdent::from_strs(["lake", name])?)
            .metadata_location(&entry.metadata_location)
            .metadata(metadata)
            .file_io(self.io.clone())
            .runtime(Runtime::try_current()?)
            .build()?;
        Ok(Table { inner, entry, through })
    }

    /// The table as declared: created if it does not exist, evolved if columns were added or widened or another number of
    /// snapshots is to be listed. Columns that are no longer declared stay. Any number of callers may do this at once.
    ///
    /// # Errors
    /// [`LakeError::Incompatible`] if the table cannot become what is declared: other types, another division, another
    /// version.
    pub async fn ensure(&self, spec: &TableSpec) -> Result<Table, LakeError> {
        let declared = schema::declared(&spec.columns)?;
        loop {
            let Some(table) = self.find(&spec.name).await? else {
                self.create(spec, declared.clone()).await?;
                continue;
            };
            check_partition(&table, &spec.partition)?;
            check_version(&table, spec.version.as_deref())?;
            let metadata = table.inner.metadata();
            let evolved = schema::evolve(metadata.current_schema(), &declared, metadata.last_column_id())
                .map_err(|what| LakeError::incompatible(&spec.name, what))?;
            let declared_so = table.snapshots() == Some(spec.snapshots) && table.version() == spec.version.as_deref();
            if evolved.is_none() && declared_so {
                return Ok(table);
            }
            let mut builder = metadata.clone().into_builder(Some(table.entry.metadata_location.clone()));
            if let Some(evolved) = evolved {
                builder = builder.add_current_schema(evolved)?;
            }
            let metadata = builder.set_properties(declared_properties(spec).collect())?.build()?.metadata;
            let location = self.write_next(&table, &metadata).await?;
            // Refused because it has changed: somebody else made progress, so the caller's turn comes.
            insist::swap(&*self.register, &spec.name, &table.entry, &location, &metadata).await?;
        }
    }

    async fn create(&self, spec: &TableSpec, declared: Schema) -> Result<(), LakeError> {
        let location = self.uri(keys::table(&spec.name).trim_end_matches('/'));
        let creation = TableCreation::builder()
            .name(spec.name.clone())
            .location(location.clone())
            .partition_spec_opt(partition_spec(&spec.name, &declared, &spec.partition)?)
            .schema(declared)
            .properties(properties(spec))
            .format_version(FormatVersion::V2)
            .build();
        let metadata = TableMetadataBuilder::from_table_creation(creation)?.build()?.metadata;
        let file = MetadataLocation::new_with_metadata(location, &metadata);
        metadata.write_to(&self.io, &file).await?;
        // Created by somebody else is as good: the caller looks again.
        insist::create(&*self.register, &spec.name, &file.to_string(), &metadata).await?;
        Ok(())
    }

    /// Writes the metadata that follows the table's; nothing refers to it yet.
    pub(crate) async fn write_next(&self, table: &Table, metadata: &TableMetadata) -> Result<String, LakeError> {
        let file = MetadataLocation::from_str(&table.entry.metadata_location)?;
        let file = file.with_next_version().with_new_metadata(metadata);
        metadata.write_to(&self.io, &file).await?;
        Ok(file.to_string())
    }
}

fn through(table: &str, metadata: &TableMetadata) -> Result<Option<Sequence>, LakeError> {
    let Some(text) = metadata.properties().get(THROUGH) else { return Ok(None) };
    text.parse().map(Some).map_err(|e| LakeError::incompatible(table, format!("property {THROUGH}: {e}")))
}

/// What the declaration says that stands in properties.
fn declared_properties(spec: &TableSpec) -> impl Iterator<Item = (String, String)> {
    let version = spec.version.iter().map(|column| (VERSION.to_owned(), column.clone()));
    version.chain([(SNAPSHOTS.to_owned(), spec.snapshots.to_string())])
}

fn properties(spec: &TableSpec) -> HashMap<String, String> {
    let properties = [
        ("write.format.default", "parquet"),
        ("write.parquet.compression-codec", "zstd"),
        ("write.metadata.previous-versions-max", METADATA_LOG),
        // Other writers must not bring delete files: our overwrite refuses them.
        ("write.delete.mode", "copy-on-write"),
        ("write.update.mode", "copy-on-write"),
        ("write.merge.mode", "copy-on-write"),
    ];
    properties
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .chain(declared_properties(spec))
        .collect()
}

fn partition_spec(
    table: &str,
    schema: &Schema,
    partition: &Partition,
) -> Result<Option<UnboundPartitionSpec>, LakeError> {
    let Partition::Bucket { column, buckets } = partition else { return Ok(None) };
    let unknown = || LakeError::incompatible(table, format!("no column {column} to divide it by"));
    let source = schema.field_id_by_name(column).ok_or_else(unknown)?;
    let spec = UnboundPartitionSpec::builder();
    let spec = spec.add_partition_field(source, format!("{column}_bucket"), Transform::Bucket(*buckets))?;
    Ok(Some(spec.build()))
}

fn check_partition(table: &Table, wanted: &Partition) -> Result<(), LakeError> {
    let found = table.partition();
    if found.as_ref() == Some(wanted) {
        return Ok(());
    }
    Err(LakeError::incompatible(
        table.name(),
        format!("it is divided by {found:?}, not by {wanted:?}: the number of buckets is fixed at creation"),
    ))
}

/// A table whose version is not known, as nothing declared one yet, takes the first that is.
fn check_version(table: &Table, wanted: Option<&str>) -> Result<(), LakeError> {
    let Some(found) = table.version().filter(|found| wanted != Some(found)) else { return Ok(()) };
    let instead = wanted.map_or("without a version".to_owned(), |wanted| format!("by `{wanted}`"));
    Err(LakeError::incompatible(
        table.name(),
        format!(
            "its states are ordered by `{found}`, and new ones {instead} could lose against them unnoticed: change it back to \
             `version: {found}`, or declare a new stream"
        ),
    ))
}

impl Table {
    /// The table's name.
    pub fn name(&self) -> &str {
        self.inner.identifier().name()
    }

    /// Iceberg's view of it.
    pub fn iceberg(&self) -> &iceberg::table::Table {
        &self.inner
    }

    /// Its columns, with field ids in their metadata.
    pub fn schema(&self) -> Result<SchemaRef, LakeError> {
        Ok(Arc::new(ArrowSchema::try_from(self.inner.metadata().current_schema().as_ref())?))
    }

    /// The first sequence that the table does not include; `None` if there was no commit yet.
    pub fn through(&self) -> Option<Sequence> {
        self.through
    }

    /// How its files are divided; `None` if in a way that nothing here makes.
    pub fn partition(&self) -> Option<Partition> {
        let metadata = self.inner.metadata();
        match metadata.default_partition_spec().fields() {
            [] => Some(Partition::None),
            [field] => match field.transform {
                Transform::Bucket(buckets) => {
                    let column = metadata.current_schema().name_by_field_id(field.source_id)?.to_owned();
                    Some(Partition::Bucket { column, buckets })
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The column that decides which state is the latest; `None` if none was declared yet.
    pub fn version(&self) -> Option<&str> {
        self.inner.metadata().properties().get(VERSION).map(String::as_str)
    }

    /// Number of snapshots that it lists; `None` if nobody has said so.
    pub(crate) fn snapshots(&self) -> Option<u32> {
        self.inner.metadata().properties().get(SNAPSHOTS)?.parse().ok()
    }

    /// The metadata file that describes this state of the table.
    pub fn metadata_location(&self) -> &str {
        &self.entry.metadata_location
    }

    pub(crate) fn snapshot(&self) -> Option<&SnapshotRef> {
        self.inner.metadata().current_snapshot()
    }

    /// The current snapshot; `None` if no commit brought rows yet.
    pub fn snapshot_id(&self) -> Option<i64> {
        self.inner.metadata().current_snapshot_id()
    }

    /// Number of rows.
    pub fn rows(&self) -> u64 {
        let rows = self.snapshot().and_then(|s| s.summary().additional_properties.get("total-records"));
        rows.and_then(|rows| rows.parse().ok()).unwrap_or(0)
    }
}
