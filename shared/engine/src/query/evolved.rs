//! A table some of whose files are older than a field of one of its structs.
//!
//! Iceberg's own scan for DataFusion fills columns that a file lacks, but fails at a field inside of a column. So such a table is
//! read as the consolidation reads it. That costs: no file is passed over by what a query asks for.

use std::any::Any;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::datasource::TableType;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use foz_lake::{LakeError, LiveFile, Table};
use futures::stream::{self, StreamExt, TryStreamExt};

/// The table, as it was when it was opened.
#[derive(Debug)]
pub(super) struct EvolvedTable {
    table: Table,
    files: Vec<LiveFile>,
    schema: SchemaRef,
}

impl EvolvedTable {
    /// The table, if it must be read in this way; `None` if Iceberg's scan can read it.
    pub(super) async fn find(table: &Table) -> Result<Option<Self>, LakeError> {
        let files = match table.files().await {
            Ok(files) => files,
            // Files of deletions, for example: others wrote them, and Iceberg's scan reads them.
            Err(LakeError::Incompatible { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if !files.iter().any(|file| table.lacks_fields(file)) {
            return Ok(None);
        }
        Ok(Some(Self { table: table.clone(), files, schema: table.schema()? }))
    }
}

#[async_trait]
impl TableProvider for EvolvedTable {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let columns = projection.cloned().unwrap_or_else(|| (0..self.schema.fields().len()).collect());
        let schema: SchemaRef = Arc::new(self.schema.project(&columns)?);
        let (table, files) = (self.table.clone(), self.files.clone());
        let rows: Arc<dyn PartitionStream> = Arc::new(Columns { table, files, columns, schema: schema.clone() });
        Ok(Arc::new(StreamingTableExec::try_new(schema, vec![rows], None, [], false, limit)?))
    }
}

/// The rows of the files, with some of the columns.
#[derive(Debug)]
struct Columns {
    table: Table,
    files: Vec<LiveFile>,
    columns: Vec<usize>,
    schema: SchemaRef,
}

impl PartitionStream for Columns {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = match self.table.read_columns(&self.files, &self.columns) {
            Ok(rows) => rows,
            Err(error) => stream::once(async { Err(error) }).boxed(),
        };
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows))
    }
}
