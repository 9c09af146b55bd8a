//! A stream's raw objects as one table.

use std::fmt;
use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use foz_domain::StreamName;
use foz_domain::keys::RawKey;
use foz_lake::{LakeError, Store, raw};
use futures::stream::{self, Stream, TryStreamExt};

/// The table of the stream's raw objects; they are listed when it is read.
pub(super) fn table(store: &Store, stream: &StreamName) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let objects: Arc<dyn PartitionStream> = Arc::new(Objects { store: store.clone(), stream: stream.clone() });
    Ok(Arc::new(StreamingTable::try_new(schema(), vec![objects])?))
}

/// The columns of a raw object, and its name.
fn schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let columns = raw::schema().fields().iter().cloned().collect::<Vec<_>>();
        let name = Arc::new(Field::new("raw_key", DataType::Utf8, false));
        Arc::new(Schema::new(columns.into_iter().chain([name]).collect::<Vec<_>>()))
    });
    SCHEMA.clone()
}

struct Objects {
    store: Store,
    stream: StreamName,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl PartitionStream for Objects {
    fn schema(&self) -> &SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(schema);
        &SCHEMA
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let rows = rows(self.store.clone(), self.stream.clone());
        let rows = rows.map_err(|error| DataFusionError::External(Box::new(error)));
        Box::pin(RecordBatchStreamAdapter::new(schema(), rows))
    }
}

fn rows(store: Store, stream: StreamName) -> impl Stream<Item = Result<RecordBatch, LakeError>> + Send {
    let listed = async move {
        let objects = store.list(&format!("raw/stream={stream}/")).await?;
        // What is not named like a raw object is none.
        let keys: Vec<RawKey> = objects.iter().filter_map(|object| object.key.parse().ok()).collect();
        let of_object = move |key: RawKey| {
            let store = store.clone();
            async move {
                let rows = raw::read(&store, &key).await?;
                Ok::<_, LakeError>(rows.and_then(move |rows| std::future::ready(named(&rows, &key))))
            }
        };
        let objects = stream::iter(keys.into_iter().map(Ok)).and_then(of_object);
        Ok::<_, LakeError>(objects.try_flatten())
    };
    stream::once(listed).try_flatten()
}

/// The rows in the table's schema, with the object's name.
fn named(rows: &RecordBatch, key: &RawKey) -> Result<RecordBatch, LakeError> {
    let schema = schema();
    let names: ArrayRef =
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(key.to_string(), rows.num_rows())));
    let column = |field: &Arc<Field>| match rows.column_by_name(field.name()) {
        Some(column) => Ok(column.clone()),
        None if field.name() == "raw_key" => Ok(names.clone()),
        // An object of an older version: no object changes after it was written.
        None => Ok(arrow::array::new_null_array(field.data_type(), rows.num_rows())),
    };
    let columns = schema.fields().iter().map(column).collect::<Result<Vec<_>, LakeError>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}
