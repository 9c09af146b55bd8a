//! The first front door: a frame of a bridge becomes a batch.

use foz_domain::Timestamp;
use foz_lake::frame;
use foz_lake::raw::RawBatch;
use foz_wire::{IngestAnswer, IngestRequest};

use crate::Ingest;
use crate::ingest::{Place, Placed};

impl Ingest {
    /// Stores and commits one batch at `now`.
    ///
    /// # Errors
    /// The outcome is unknown: the same request may be sent again.
    #[tracing::instrument(skip_all, fields(stream = %request.stream, epoch = %request.epoch, ordinal = %request.ordinal))]
    pub async fn handle(&self, request: IngestRequest<'_>, now: Timestamp) -> anyhow::Result<IngestAnswer> {
        let stream = request.stream.clone();
        let placed = self.place_frame(request, now).await?;
        placed.report(&stream, now);
        Ok(placed.answer)
    }

    async fn place_frame(&self, request: IngestRequest<'_>, now: Timestamp) -> anyhow::Result<Placed> {
        let refused = |reason: String| Ok(IngestAnswer::Conflict { reason }.into());
        if self.streams.is_mapped(&request.stream) {
            return refused(format!("{} comes by a mapping in ingest's definition", request.stream));
        }
        let Some(group) = self.streams.group(&request.stream) else {
            return refused(format!("{} is no stream of ingest's definition", request.stream));
        };
        let batch = match frame::decode(&request.frame, frame::MAX_RAW) {
            Ok(batch) => batch,
            Err(why) => return refused(format!("{:#}", anyhow::Error::from(why))),
        };
        if let Err(reason) = agree(&request, &batch) {
            return refused(reason);
        }
        let IngestRequest { epoch, ordinal, frame: compressed, .. } = request;
        // The compressed frame is not needed any more; the raw object is about as large.
        drop(compressed);
        self.place(Place { group, epoch, ordinal }, batch, now).await
    }
}

/// Checks that the request says of its batch what the batch says of itself. The error names everything that differs.
fn agree(request: &IngestRequest<'_>, batch: &RawBatch) -> Result<(), String> {
    let mut wrong = Vec::new();
    if batch.stream != request.stream {
        wrong.push(format!("it is a frame of {}", batch.stream));
    }
    if batch.digest != request.digest {
        wrong.push(format!("its digest is {}, not {}", batch.digest, request.digest));
    }
    if batch.messages.len() as u64 != request.messages {
        wrong.push(format!("it holds {} messages, not {}", batch.messages.len(), request.messages));
    }
    if batch.messages.is_empty() {
        wrong.push("a batch without messages has no place in the order".to_owned());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
}
