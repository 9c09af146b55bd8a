//! Sorting beyond memory.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{RecordBatch, UInt64Array};
use arrow::compute::{SortOptions, take_record_batch};
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
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

/// What a merge may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of memory for sorting; beyond that it spills.
    pub memory: usize,
    /// The folder to spill to; `None` if it is the system's.
    pub spill_to: Option<PathBuf>,
}

/// The most rows of a sorted batch, and of a spilled one.
const ROWS: usize = 1024;

/// A batch is at most this part of the memory, on the way in, out, and to the disk: what was spilled is merged from several
/// batches at once, each of which is held twice.
const BATCH: usize = 64;

/// The part of the memory that rows are looked at, before any is sorted, to learn how wide they are.
const SAMPLE: usize = 8;

/// The part of the memory that is kept free for merging what was spilled.
const RESERVED: usize = 4;

/// Rows that are being sorted.
pub(super) type Sorting = BoxStream<'static, Result<RecordBatch, DataFusionError>>;

/// The rows, sorted by the columns, each ascending with nulls first.
pub(super) fn sorted(schema: SchemaRef, by: Vec<&'static str>, rows: Sorting, limits: Limits) -> Sorting {
    let most = limits.memory / BATCH;
    let cut = move |batch| stream::iter(narrow(&batch, most));
    let mut rows = rows.map_ok(cut).try_flatten().boxed();
    stream::once(async move {
        let (mut sample, mut count, mut bytes) = (Vec::new(), 0, 0);
        while bytes < limits.memory / SAMPLE
            && let Some(batch) = rows.try_next().await?
        {
            count += batch.num_rows();
            bytes += batch.get_array_memory_size();
            sample.push(Ok(batch));
        }
        let fitting = most / (bytes / count.max(1)).max(1);
        sort(schema, &by, stream::iter(sample).chain(rows).boxed(), fitting.clamp(1, ROWS), limits)
    })
    .try_flatten()
    .boxed()
}

/// The rows in batches of at most so many bytes, or one row.
fn narrow(batch: &RecordBatch, most: usize) -> Vec<Result<RecordBatch, DataFusionError>> {
    let (rows, bytes) = (batch.num_rows(), batch.get_array_memory_size());
    if bytes <= most || rows < 2 {
        return vec![Ok(batch.clone())];
    }
    let fitting = (most / (bytes / rows).max(1)).max(1);
    // Copies, as slices would keep all of the batch in memory.
    let part = |begin: usize| {
        let numbers = (begin..rows.min(begin + fitting)).map(|row| row as u64);
        Ok(take_record_batch(batch, &UInt64Array::from_iter_values(numbers))?)
    };
    (0..rows).step_by(fitting).map(part).collect()
}

fn sort(
    schema: SchemaRef,
    by: &[&str],
    rows: Sorting,
    batch: usize,
    limits: Limits,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let options = SortOptions { descending: false, nulls_first: true };
    let columns = by.iter().map(|name| Ok(PhysicalSortExpr::new(col(name, &schema)?, options)));
    let columns = columns.collect::<Result<Vec<_>, DataFusionError>>()?;
    let order = LexOrdering::new(columns).ok_or_else(|| DataFusionError::Internal("nothing to sort by".to_owned()))?;
    let once: Arc<dyn PartitionStream> = Arc::new(Once { schema: schema.clone(), rows: Mutex::new(Some(rows)) });
    let input = StreamingTableExec::try_new(schema, vec![once], None, None, false, None)?;

    let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)));
    let runtime = match limits.spill_to {
        Some(folder) => runtime.with_temp_file_path(folder),
        None => runtime,
    };
    let config = SessionConfig::new()
        .with_batch_size(batch)
        .with_sort_spill_reservation_bytes(limits.memory / RESERVED)
        .with_sort_in_place_threshold_bytes(limits.memory / RESERVED);
    let context = TaskContext::default().with_session_config(config).with_runtime(runtime.build_arc()?);
    SortExec::new(order, Arc::new(input)).execute(0, Arc::new(context))
}

/// Rows that can be read once.
struct Once {
    schema: SchemaRef,
    rows: Mutex<Option<Sorting>>,
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
        let rows = rows.unwrap_or_else(|| Box::pin(stream::once(async move { Err(again()) })));
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), rows))
    }
}
