//! The lake's tables: created from a declaration, evolved by a later one, loaded.

use std::str::FromStr;
use std::sync::Arc;

use foz_domain::keys;
use iceberg::io::FileIO;
use iceberg::spec::{FormatVersion, Schema, TableMetadata, TableMetadataBuilder};
use iceberg::{MetadataLocation, TableCreation};

use crate::error::LakeError;
use crate::register::{Entry, GlueRegister, MemoryRegister, Register, insist};
use crate::schema;
use crate::spec::{Partition, TableSpec};
use crate::store::Store;
use crate::table::Table;

/// The tables of one lake. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tables {
    pub(crate) register: Arc<dyn Register>,
    pub(crate) io: FileIO,
    root: String,
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
        Table::new(name, entry, metadata, self.io.clone())
    }

    /// The table as declared: created if it does not exist, evolved if columns were added or widened or another number of
    /// snapshots is to be listed. Columns that are no longer declared stay. Any number of callers may do this at once.
    ///
    /// # Errors
    /// [`LakeError::Incompatible`] if the table cannot become what is declared: other types, another division, another rule
    /// for its rows.
    pub async fn ensure(&self, spec: &TableSpec) -> Result<Table, LakeError> {
        let declared = schema::declared(&spec.columns)?;
        loop {
            let Some(table) = self.find(&spec.name).await? else {
                self.create(spec, declared.clone()).await?;
                continue;
            };
            let evolved = evolved(&table, spec, &declared)?;
            if evolved.is_none() && table.has_properties(&spec.changeable()) {
                return Ok(table.declared_with(&spec.rule));
            }
            let metadata = table.successor(|builder| {
                let builder = match evolved {
                    Some(evolved) => builder.add_current_schema(evolved)?,
                    None => builder,
                };
                builder.set_properties(spec.changeable())
            })?;
            let location = self.write_next(&table, &metadata).await?;
            // Refused because it has changed: somebody else made progress, so the caller's turn comes.
            insist::swap(&*self.register, &spec.name, &table.entry, &location, &metadata).await?;
        }
    }

    /// Whether the table can become what is declared, or does not exist. Changes nothing.
    ///
    /// # Errors
    /// Those of [`Tables::ensure`].
    pub async fn compare(&self, spec: &TableSpec) -> Result<(), LakeError> {
        let Some(table) = self.find(&spec.name).await? else { return Ok(()) };
        evolved(&table, spec, &schema::declared(&spec.columns)?).map(drop)
    }

    async fn create(&self, spec: &TableSpec, declared: Schema) -> Result<(), LakeError> {
        let location = self.uri(keys::table(&spec.name).trim_end_matches('/'));
        let creation = TableCreation::builder()
            .name(spec.name.clone())
            .location(location.clone())
            .partition_spec_opt(spec.division(&declared)?)
            .schema(declared)
            .properties(spec.properties())
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

/// The schema that the table needs to be what is declared; `None` if it has it.
fn evolved(table: &Table, spec: &TableSpec, declared: &Schema) -> Result<Option<Schema>, LakeError> {
    check_partition(table, &spec.partition)?;
    table.admits(&spec.rule)?;
    let metadata = table.inner.metadata();
    schema::evolve(metadata.current_schema(), declared, metadata.last_column_id())
        .map_err(|what| LakeError::incompatible(&spec.name, what))
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
