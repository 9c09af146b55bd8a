//! Definitions in the bucket. What stands under a key never changes.

use std::str::Utf8Error;
use std::sync::Arc;

use bytes::Bytes;
use foz_pipeline::{Definition, Problems};
use tokio::sync::Mutex;

use crate::store::{Store, StoreError};

/// A definition with the text that it was read from.
#[derive(Debug, Clone)]
pub struct StoredDefinition {
    /// What the text means.
    pub definition: Definition,
    /// The object's content.
    pub text: Bytes,
}

/// Why there is no definition of that key.
#[derive(Debug, thiserror::Error)]
pub enum DefinitionError {
    /// The bucket did not give it.
    #[error("reading the definition {key}")]
    Store {
        key: String,
        /// What the bucket said.
        source: StoreError,
    },
    /// The object is not UTF-8.
    #[error("the definition {key} is not text")]
    NotText { key: String, source: Utf8Error },
    /// The text is not a definition.
    #[error("the definition {key} is wrong")]
    Wrong {
        key: String,
        /// All that is wrong with it.
        source: Problems,
    },
}

impl DefinitionError {
    /// Whether the bucket failed, and not the definition.
    pub fn is_unread(&self) -> bool {
        matches!(self, Self::Store { .. })
    }
}

impl StoredDefinition {
    /// Reads the definition of that key.
    ///
    /// # Errors
    /// The object cannot be read, or is not a definition.
    pub async fn read(store: &Store, key: &str) -> Result<Self, DefinitionError> {
        let named = || key.to_owned();
        let text = store.get(key).await.map_err(|source| DefinitionError::Store { key: named(), source })?;
        let written = std::str::from_utf8(&text).map_err(|source| DefinitionError::NotText { key: named(), source })?;
        let definition =
            Definition::stored(written).map_err(|source| DefinitionError::Wrong { key: named(), source })?;
        Ok(Self { definition, text })
    }
}

/// Reads definitions, and remembers the last one: a process works by few, and each stays as it is.
#[derive(Debug)]
pub struct Definitions {
    store: Store,
    last: Mutex<Option<(String, Arc<Definition>)>>,
}

impl Definitions {
    /// A reader of the bucket's definitions.
    pub fn new(store: Store) -> Self {
        Self { store, last: Mutex::default() }
    }

    /// The definition of that key.
    ///
    /// # Errors
    /// The object cannot be read, or is not a definition.
    pub async fn get(&self, key: &str) -> Result<Arc<Definition>, DefinitionError> {
        let mut last = self.last.lock().await;
        if let Some((_, definition)) = last.as_ref().filter(|(known, _)| known == key) {
            return Ok(definition.clone());
        }
        let definition = Arc::new(StoredDefinition::read(&self.store, key).await?.definition);
        *last = Some((key.to_owned(), definition.clone()));
        Ok(definition)
    }
}
