//! SQL over a lake's tables, for people. Reads only.
//!
//! For a stream `s` there are `s`, `s_changes`, `s_quarantine`, `s_tombstones` (as far as they exist already) and `raw_s`,
//! its raw objects with their names in `raw_key`. A table is opened when a query names it.

mod evolved;
mod raw;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider, SchemaProvider, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use foz_domain::StreamName;
use foz_lake::{Store, Tables};
use foz_pipeline::Definition;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use iceberg_datafusion::IcebergStaticTableProvider;

use crate::merge::Limits;
use evolved::EvolvedTable;

/// The one catalog and schema.
const NAMES: [&str; 2] = ["lake", "public"];

/// A query failed. The text is for the person who wrote it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.strip_backtrace())]
pub struct QueryError(DataFusionError);

impl From<DataFusionError> for QueryError {
    fn from(error: DataFusionError) -> Self {
        Self(error)
    }
}

/// A query's answer.
pub struct QueryAnswer {
    pub schema: SchemaRef,
    /// The rows, as they come.
    pub rows: BoxStream<'static, Result<RecordBatch, QueryError>>,
}

/// Where queries run.
pub struct Session {
    context: SessionContext,
}

impl Session {
    /// A session over the tables of the definition's streams. No table is opened yet.
    ///
    /// # Errors
    /// Only if there is no place to spill to.
    pub fn open(lake: &Tables, store: &Store, definition: &Definition, limits: &Limits) -> Result<Self, QueryError> {
        let tables = LakeSchema {
            lake: lake.clone(),
            store: store.clone(),
            streams: definition.streams.keys().cloned().collect(),
        };
        let catalog = MemoryCatalogProvider::new();
        catalog.register_schema(NAMES[1], Arc::new(tables))?;
        let config = SessionConfig::new()
            .with_default_catalog_and_schema(NAMES[0], NAMES[1])
            .with_create_default_catalog_and_schema(false)
            .with_information_schema(true);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)));
        let runtime = match &limits.spill_to {
            Some(folder) => runtime.with_temp_file_path(folder),
            None => runtime,
        };
        let state = SessionStateBuilder::new().with_config(config).with_runtime_env(runtime.build_arc()?);
        let context = SessionContext::new_with_state(state.with_default_features().build());
        context.register_catalog(NAMES[0], Arc::new(catalog));
        Ok(Self { context })
    }

    /// Runs a query.
    ///
    /// # Errors
    /// It does not plan, or would change something.
    pub async fn sql(&self, sql: &str) -> Result<QueryAnswer, QueryError> {
        let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        let frame = self.context.sql_with_options(sql, reading).await?;
        let rows = frame.execute_stream().await?;
        Ok(QueryAnswer { schema: rows.schema(), rows: rows.map_err(QueryError::from).boxed() })
    }
}

/// The tables by name.
struct LakeSchema {
    lake: Tables,
    store: Store,
    streams: Vec<StreamName>,
}

impl fmt::Debug for LakeSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LakeSchema").field("streams", &self.streams).finish_non_exhaustive()
    }
}

impl LakeSchema {
    fn is_table(&self, name: &str) -> bool {
        self.streams.iter().any(|stream| stream.tables().iter().any(|table| table.as_str() == name))
    }

    fn raw(&self, name: &str) -> Option<&StreamName> {
        self.streams.iter().find(|stream| stream.raw().as_str() == name)
    }
}

#[async_trait]
impl SchemaProvider for LakeSchema {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn table_names(&self) -> Vec<String> {
        let tables = |stream: &StreamName| stream.tables().into_iter().chain([stream.raw()]);
        self.streams.iter().flat_map(tables).map(|table| table.to_string()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        if self.is_table(name) {
            let external = |error| DataFusionError::External(Box::new(error));
            let Some(table) = self.lake.find(name).await.map_err(external)? else { return Ok(None) };
            if let Some(evolved) = EvolvedTable::find(&table).await.map_err(external)? {
                return Ok(Some(Arc::new(evolved)));
            }
            let provider = IcebergStaticTableProvider::try_new_from_table(table.iceberg().clone()).await;
            return Ok(Some(Arc::new(provider.map_err(|error| DataFusionError::External(Box::new(error)))?)));
        }
        self.raw(name).map(|stream| raw::table(&self.store, stream)).transpose()
    }

    fn table_exist(&self, name: &str) -> bool {
        self.is_table(name) || self.raw(name).is_some()
    }
}

#[cfg(test)]
mod tests;
