//! Sorting beyond memory.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::compute::SortOptions;
use arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::physical_expr::expressions::col;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream};
use datafusion::prelude::SessionConfig;
use futures::stream::BoxStream;

/// What a merge may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of memory for sorting; beyond that it spills.
    pub memory: usize,
    /// The folder to spill to; `None` if it is the system's.
    pub spill_to: Option<PathBuf>,
}

/// Rows of a sorted batch, and of a spilled one: few enough that a batch of wide rows is small beside the memory.
const ROWS: usize = 1024;

/// The part of the memory that is kept free for merging what was spilled.
const RESERVED: usize = 4;

/// The rows, sorted by the columns, each ascending with nulls first.
pub(super) fn sorted(
    schema: SchemaRef,
    by: &[&str],
    rows: BoxStream<'static, Result<RecordBatch, DataFusionError>>,
    limits: &Limits,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let options = SortOptions { descending: false, nulls_first: true };
    let columns = by.iter().map(|name| Ok(PhysicalSortExpr::new(col(name, &schema)?, options)));
    let columns = columns.collect::<Result<Vec<_>, DataFusionError>>()?;
    let order = LexOrdering::new(columns).ok_or_else(|| DataFusionError::Internal("nothing to sort by".to_owned()))?;
    let once: Arc<dyn PartitionStream> = Arc::new(Once { schema: schema.clone(), rows: Mutex::new(Some(rows)) });
    let input = StreamingTableExec::try_new(schema, vec![once], None, None, false, None)?;

    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)));
    let runtime = match &limits.spill_to {
        Some(folder) => runtime.with_temp_file_path(folder),
        None => runtime,
    };
    let config = SessionConfig::new()
        .with_batch_size(ROWS)
        .with_sort_spill_reservation_bytes(limits.memory / RESERVED)
        .with_sort_in_place_threshold_bytes(limits.memory / RESERVED);
    let context = TaskContext::default().with_session_config(config).with_runtime(runtime.build_arc()?);
    SortExec::new(order, Arc::new(input)).execute(0, Arc::new(context))
}

/// Rows that can be read once.
struct Once {
    schema: SchemaRef,
    rows: Mutex<Option<BoxStream<'static, Result<RecordBatch, DataFusionError>>>>,
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}

impl PartitionStream for Once {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).take();
        let again = || DataFusionError::Internal("these rows can be read only once".to_owned());
        let rows = rows.unwrap_or_else(|| Box::pin(futures::stream::once(async move { Err(again()) })));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows))
    }
}
