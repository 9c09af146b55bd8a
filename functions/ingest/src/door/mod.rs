//! The front doors: how batches come in.
//!
//! - `frame`: a bridge sends a frame, and gives the batch its place
//! - `mapping`: Amazon MQ's event source mapping sends an event, and ingest gives it a place

mod frame;
mod mapping;

use foz_domain::Timestamp;
use foz_wire::ingest::{IngestEvent, IngestReply};

use crate::Ingest;

impl Ingest {
    /// Answers an invocation by either front door at `now`.
    ///
    /// # Errors
    /// As of [`handle`](Self::handle) and [`handle_event`](Self::handle_event).
    pub async fn invoke(&self, event: IngestEvent, now: Timestamp) -> anyhow::Result<IngestReply> {
        match event {
            IngestEvent::Batch(request) => self.handle(request, now).await.map(IngestReply::Batch),
            IngestEvent::Mapping(event) => self.handle_event(event, now).await.map(IngestReply::Mapping),
        }
    }
}
