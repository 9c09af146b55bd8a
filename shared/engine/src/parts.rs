//! Rows in parts: all at once if that can be, else in halves, down to the row that is at fault.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::array::RecordBatch;

use crate::decode::Decoder;
use crate::panics::said;
use crate::transform::{Origin, TransformError, Transformed, Transformer};

/// Raw rows that wait to be transformed, in their order.
#[derive(Debug, Clone)]
pub struct Waiting(Vec<RecordBatch>);

impl Waiting {
    /// The rows, none of them transformed yet.
    pub fn new(rows: RecordBatch) -> Self {
        Self(vec![rows])
    }
}

impl Transformer {
    /// Transforms the next of the waiting rows: all of them, or as many as have room and do not make the engine panic. A
    /// row that does so alone is quarantined. `None` if no rows wait any more.
    ///
    /// # Errors
    /// As those of [`transform`](Self::transform).
    pub fn next(&mut self, waiting: &mut Waiting, origin: Origin<'_>) -> Result<Option<Transformed>, TransformError> {
        while let Some(rows) = waiting.0.pop() {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.transform(&rows, origin)));
            let fault = match outcome {
                Ok(Err(TransformError::TooLarge { bytes })) => format!("its row would have {bytes} bytes"),
                Ok(done) => return done.map(Some),
                Err(panic) => {
                    // What it was about to add is half done.
                    self.decoder = Decoder::new(&self.plan.sources)?;
                    said(panic.as_ref())
                }
            };
            let count = rows.num_rows();
            if count < 2 {
                return self.rejected_alone(&rows, origin, &fault).map(Some);
            }
            waiting.0.push(rows.slice(count / 2, count - count / 2));
            waiting.0.push(rows.slice(0, count / 2));
        }
        Ok(None)
    }
}
