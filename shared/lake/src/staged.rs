//! What one attempt of a run staged: the files of each table, written once, before anything is committed.

use std::collections::BTreeMap;

use foz_domain::keys::ManifestKey;
use iceberg::spec::{DataFile, FormatVersion, deserialize_data_file_from_json, serialize_data_file_to_json};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::entity::EntityRule;
use crate::error::LakeError;
use crate::table::Table;
use crate::tables::Tables;

/// The version of the format below.
const VERSION: u32 = 1;

/// The files that an attempt staged, in the order in which their tables are to be committed.
#[derive(Debug, Serialize, Deserialize)]
pub struct AttemptManifest {
    version: u32,
    tables: Vec<StagedTable>,
}

/// The files staged for one table.
#[derive(Debug, Serialize, Deserialize)]
pub struct StagedTable {
    pub table: String,
    /// Rows in all its files.
    pub rows: u64,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Iceberg's own JSON of each data file, bounds and counts included.
    files: Vec<Box<RawValue>>,
    /// The rule by which the rows were made, as properties of the table; older releases did not say it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    rule: BTreeMap<String, String>,
}

impl Default for AttemptManifest {
    fn default() -> Self {
        Self { version: VERSION, tables: Vec::new() }
    }
}

impl AttemptManifest {
    /// Adds a table, as it was declared, with its files; no files says that the table only notes the range.
    pub fn push(&mut self, table: &Table, files: Vec<DataFile>) -> Result<(), LakeError> {
        let kind = table.iceberg().metadata().default_partition_type();
        let json = |file: DataFile| -> Result<Box<RawValue>, LakeError> {
            let json = serialize_data_file_to_json(file, kind, FormatVersion::V2)?;
            RawValue::from_string(json).map_err(|e| LakeError::incompatible(table.name(), e))
        };
        self.tables.push(StagedTable {
            table: table.name().to_owned(),
            rows: files.iter().map(DataFile::record_count).sum(),
            bytes: files.iter().map(DataFile::file_size_in_bytes).sum(),
            files: files.into_iter().map(json).collect::<Result<_, _>>()?,
            rule: table.declared().properties(),
        });
        Ok(())
    }

    /// The tables, referenced ones first.
    pub fn tables(&self) -> &[StagedTable] {
        &self.tables
    }
}

impl StagedTable {
    /// The files as they are committed to the table.
    pub fn files(&self, table: &Table) -> Result<Vec<DataFile>, LakeError> {
        let metadata = table.iceberg().metadata();
        let (spec, kind) = (metadata.default_partition_spec_id(), metadata.default_partition_type());
        let file = |json: &RawValue| deserialize_data_file_from_json(json.get(), spec, kind, metadata.current_schema());
        Ok(self.files.iter().map(|json| file(json)).collect::<Result<_, _>>()?)
    }

    /// The rule by which their rows were made, as far as the manifest says it.
    pub fn rule(&self) -> Result<EntityRule, LakeError> {
        EntityRule::noted(|property| self.rule.get(property)).map_err(|e| LakeError::damaged(&self.table, e))
    }
}

impl Tables {
    /// Writes an attempt's manifest: create-only, so that an attempt is staged once.
    pub async fn write_manifest(&self, key: &ManifestKey, manifest: &AttemptManifest) -> Result<(), LakeError> {
        let json = serde_json::to_vec(manifest).map_err(|e| LakeError::damaged(key.as_str(), e))?;
        Ok(self.io.new_output(self.uri(key.as_str()))?.write(json.into()).await?)
    }

    /// Reads an attempt's manifest.
    pub async fn read_manifest(&self, key: &ManifestKey) -> Result<AttemptManifest, LakeError> {
        let key = key.as_str();
        let json = self.io.new_input(self.uri(key))?.read().await?;
        let manifest: AttemptManifest = serde_json::from_slice(&json).map_err(|e| LakeError::damaged(key, e))?;
        if manifest.version != VERSION {
            return Err(LakeError::damaged(key, format!("format version {} is not {VERSION}", manifest.version)));
        }
        Ok(manifest)
    }
}
