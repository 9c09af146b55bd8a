//! Sends batches to ingest.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use foz_domain::bridge::InvokeOutcome;
use foz_domain::{Epoch, Ordinal, Sequence, StreamName};
use foz_lake::store::Store;
use foz_wire::{IngestAnswer, IngestRequest};
use tracing::{error, info, warn};

use crate::backlog::CutBatch;

/// How long to wait for an answer beyond the time that ingest has: a start from nothing and the way there are not counted
/// in that, and an attempt that is given up while it runs only makes work.
const BEYOND: Duration = Duration::from_secs(15);

/// How long to wait for an answer of an ingest that may take so long.
pub fn patience(timeout: Duration) -> Duration {
    timeout + BEYOND
}

/// The ingest function and the bucket for bodies that it cannot be sent.
#[derive(Debug, Clone)]
pub struct IngestClient {
    client: Client,
    function: String,
    store: Store,
}

impl IngestClient {
    /// The client must not retry by itself, and wait as long as [`patience`] says.
    pub fn new(client: Client, function: String, store: Store) -> Self {
        Self { client, function, store }
    }

    /// Sends a batch once. Whatever is not a clear answer is [`InvokeOutcome::Unknown`]: it may have been committed.
    pub async fn send(&self, stream: &StreamName, epoch: Epoch, ordinal: Ordinal, batch: &CutBatch) -> InvokeOutcome {
        match self.attempt(stream, epoch, ordinal, batch).await {
            Ok(IngestAnswer::Committed { sequence: Sequence(sequence), repeated }) => {
                info!(%stream, %epoch, %ordinal, sequence, repeated, messages = batch.messages, "batch committed");
                InvokeOutcome::Committed
            }
            Ok(IngestAnswer::Fenced { epoch: Epoch(newer) }) => {
                warn!(%stream, %epoch, %ordinal, newer, "batch fenced");
                InvokeOutcome::Fenced
            }
            Ok(IngestAnswer::Conflict { reason }) => {
                error!(%stream, %epoch, %ordinal, reason, "batch conflicts with the catalog");
                InvokeOutcome::Conflict
            }
            Ok(IngestAnswer::Busy { reason }) => {
                warn!(%stream, %epoch, %ordinal, reason, "ingest is busy");
                InvokeOutcome::Unknown
            }
            Err(reason) => {
                warn!(%stream, %epoch, %ordinal, reason = format!("{reason:#}"), "batch has no known outcome");
                InvokeOutcome::Unknown
            }
        }
    }

    async fn attempt(
        &self,
        stream: &StreamName,
        epoch: Epoch,
        ordinal: Ordinal,
        batch: &CutBatch,
    ) -> anyhow::Result<IngestAnswer> {
        foz_edge::fail_point("bridge.before_invoke").await?;
        for body in &batch.bodies {
            // Named after its content: one that exists is the same.
            self.store.put_new(&body.key, body.bytes.load()?, HashMap::new()).await?;
        }
        let payload = payload(stream, epoch, ordinal, batch)?;
        let request = self.client.invoke().function_name(&self.function).payload(Blob::new(payload));
        let answer = request.send().await.map_err(|error| error.into_source().unwrap_or_else(|error| error.into()));
        let answer = answer.map_err(|error| anyhow::anyhow!(error)).context("invoking ingest")?;
        if let Some(kind) = answer.function_error() {
            // The payload describes the failure of the function; it is not ours to log whole.
            bail!("ingest failed: {kind}");
        }
        let payload = answer.payload.context("ingest answered nothing")?;
        serde_json::from_slice(payload.as_ref()).context("ingest's answer cannot be read")
    }
}

fn payload(stream: &StreamName, epoch: Epoch, ordinal: Ordinal, batch: &CutBatch) -> std::io::Result<Vec<u8>> {
    let frame = batch.frame.load()?;
    let (digest, messages) = (batch.digest, batch.messages as u64);
    let request = IngestRequest { stream: stream.clone(), epoch, ordinal, digest, messages, frame: (&*frame).into() };
    Ok(request.to_json())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backlog::MAX_FRAME;
    use crate::spool::Spool;
    use foz_domain::Digest;

    fn batch(frame: Vec<u8>) -> CutBatch {
        let frame = Spool::new(0).keep(frame.into()).unwrap();
        CutBatch { frame, digest: Digest([9; 32]), messages: usize::MAX, bodies: vec![] }
    }

    #[test]
    fn the_largest_payload_fits_into_an_invoke() {
        let stream = "s".repeat(64).parse().unwrap();
        let payload = payload(&stream, Epoch(u64::MAX), Ordinal(u64::MAX), &batch(vec![0xff; MAX_FRAME])).unwrap();
        assert!(payload.len() < 6_291_456, "{}", payload.len());
    }
}
