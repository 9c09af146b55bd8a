//! A register that lives as long as the process: for tests, and for planning without an account.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use iceberg::spec::TableMetadata;

use super::{Entry, Register, Remarks};
use crate::error::LakeError;

/// Tables in memory.
#[derive(Debug, Default)]
pub struct MemoryRegister {
    entries: Mutex<HashMap<String, Entry>>,
}

impl MemoryRegister {
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Register for MemoryRegister {
    async fn find(&self, table: &str) -> Result<Option<Entry>, LakeError> {
        Ok(self.entries().get(table).cloned())
    }

    async fn create(&self, table: &str, location: &str, _: &TableMetadata) -> Result<bool, LakeError> {
        let mut entries = self.entries();
        if entries.contains_key(table) {
            return Ok(false);
        }
        let entry = Entry {
            metadata_location: location.to_owned(),
            version: "0".to_owned(),
            parameters: HashMap::new(),
            remarks: Remarks::default(),
        };
        entries.insert(table.to_owned(), entry);
        Ok(true)
    }

    async fn swap(&self, table: &str, from: &Entry, location: &str, _: &TableMetadata) -> Result<bool, LakeError> {
        match self.entries().get_mut(table) {
            Some(entry) if entry == from => {
                entry.metadata_location = location.to_owned();
                entry.version.push('+');
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}
