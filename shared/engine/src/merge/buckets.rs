//! Rows that are sorted by their bucket, taken some buckets after the others.

use std::pin::Pin;
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use datafusion::error::DataFusionError;
use futures::lock::Mutex;
use futures::stream::{self, BoxStream, Peekable, Stream, StreamExt, TryStreamExt, try_unfold};

/// The bucket of a row's key, while it is being merged.
pub(super) const BUCKET: &str = "_bucket";

/// Some rows of one bucket.
pub(super) type Part = (i32, RecordBatch);

type Parts = Peekable<BoxStream<'static, Result<Part, DataFusionError>>>;

/// Rows that are sorted by their bucket, and read once. Clones read the same rows.
#[derive(Clone)]
pub(super) struct Buckets(Arc<Mutex<Parts>>);

impl Buckets {
    /// Of these rows.
    pub fn new(sorted: impl Stream<Item = Result<RecordBatch, DataFusionError>> + Send + 'static) -> Self {
        let parts = sorted.map_ok(|batch| stream::iter(by_bucket(&batch).into_iter().map(Ok))).try_flatten();
        Self(Arc::new(Mutex::new(parts.boxed().peekable())))
    }

    /// The bucket of the next rows; `None` if there are no more.
    pub async fn first(&self) -> Result<Option<i32>, DataFusionError> {
        let mut parts = self.0.lock().await;
        match Pin::new(&mut *parts).peek().await {
            Some(Ok((bucket, _))) => Ok(Some(*bucket)),
            None => Ok(None),
            Some(Err(_)) => parts.next().await.transpose().map(|part| part.map(|(bucket, _)| bucket)),
        }
    }

    /// Takes the rows of the buckets up to this one.
    pub fn through(self, last: i32) -> impl Stream<Item = Result<Part, DataFusionError>> + Send + 'static {
        try_unfold(self, move |buckets| async move {
            let within =
                |part: &Result<Part, DataFusionError>| part.as_ref().map_or(true, |(bucket, _)| *bucket <= last);
            let part = Pin::new(&mut *buckets.0.lock().await).next_if(within).await.transpose()?;
            Ok(part.map(|part| (part, buckets)))
        })
    }
}

/// Sorted rows by their bucket.
pub(super) fn by_bucket(rows: &RecordBatch) -> Vec<Part> {
    let mut start = 0;
    let part = |bucket: &[i32]| {
        let rows = rows.slice(start, bucket.len());
        start += bucket.len();
        (bucket[0], rows)
    };
    rows[BUCKET].as_primitive::<Int32Type>().values().chunk_by(|a, b| a == b).map(part).collect()
}
