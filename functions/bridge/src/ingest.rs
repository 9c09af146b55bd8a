//! Invoking ingest.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, bail};
use aws_sdk_lambda::Client;
use aws_sdk_lambda::primitives::Blob;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foz_domain::bridge::Outcome;
use foz_domain::{Epoch, Ordinal, StreamName};
use foz_lake::store::Store;
use serde::Deserialize;
use tracing::{error, info, warn};

use crate::stock::Batch;

/// Longer than the timeout of ingest, half a minute: an attempt that is given up while it runs only makes work.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// The ingest function and the bucket for bodies that it cannot be sent.
#[derive(Debug, Clone)]
pub struct Ingest {
    client: Client,
    function: String,
    store: Store,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
enum Answer {
    Committed {
        sequence: u64,
        #[serde(default)]
        repeated: bool,
    },
    Fenced {
        epoch: u64,
    },
    Conflict {
        reason: String,
    },
    Busy {
        reason: String,
    },
}

impl Ingest {
    /// The client must not retry by itself, and wait at least [`PATIENCE`] for an answer.
    pub fn new(client: Client, function: String, store: Store) -> Self {
        Self { client, function, store }
    }

    /// Sends a batch once. Whatever is not a clear answer is [`Outcome::Unknown`]: it may have been committed.
    pub async fn send(&self, stream: &StreamName, epoch: Epoch, ordinal: Ordinal, batch: &Batch) -> Outcome {
        match self.attempt(stream, epoch, ordinal, batch).await {
            Ok(Answer::Committed { sequence, repeated }) => {
                info!(%stream, %epoch, %ordinal, sequence, repeated, messages = batch.messages, "batch committed");
                Outcome::Committed
            }
            Ok(Answer::Fenced { epoch: newer }) => {
                warn!(%stream, %epoch, %ordinal, newer, "batch fenced");
                Outcome::Fenced
            }
            Ok(Answer::Conflict { reason }) => {
                error!(%stream, %epoch, %ordinal, reason, "batch conflicts with the catalog");
                Outcome::Conflict
            }
            Ok(Answer::Busy { reason }) => {
                warn!(%stream, %epoch, %ordinal, reason, "ingest is busy");
                Outcome::Unknown
            }
            Err(reason) => {
                warn!(%stream, %epoch, %ordinal, reason = format!("{reason:#}"), "batch has no known outcome");
                Outcome::Unknown
            }
        }
    }

    async fn attempt(
        &self,
        stream: &StreamName,
        epoch: Epoch,
        ordinal: Ordinal,
        batch: &Batch,
    ) -> anyhow::Result<Answer> {
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

fn payload(stream: &StreamName, epoch: Epoch, ordinal: Ordinal, batch: &Batch) -> std::io::Result<Vec<u8>> {
    let frame = batch.frame.load()?;
    let mut json = String::with_capacity(frame.len().div_ceil(3) * 4 + 512);
    let (digest, messages) = (batch.digest, batch.messages);
    json.push_str(&format!(
        r#"{{"stream":"{stream}","epoch":{epoch},"ordinal":{ordinal},"digest":"{digest}","messages":{messages},"frame":""#
    ));
    STANDARD.encode_string(&frame, &mut json);
    json.push_str("\"}");
    Ok(json.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::Spool;
    use crate::stock::MAX_FRAME;
    use foz_domain::Digest;

    fn batch(frame: Vec<u8>) -> Batch {
        let frame = Spool::new(0).keep(frame.into()).unwrap();
        Batch { frame, digest: Digest([9; 32]), messages: usize::MAX, bodies: vec![] }
    }

    #[test]
    fn the_largest_payload_fits_into_an_invoke() {
        let stream = "s".repeat(64).parse().unwrap();
        let payload = payload(&stream, Epoch(u64::MAX), Ordinal(u64::MAX), &batch(vec![0xff; MAX_FRAME])).unwrap();
        assert!(payload.len() < 6_291_456, "{}", payload.len());
    }

    #[test]
    fn the_payload_is_the_contract() {
        let payload = payload(&"orders".parse().unwrap(), Epoch(2), Ordinal(3), &batch(b"frame".to_vec())).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        assert_eq!(json["stream"], "orders");
        assert_eq!((json["epoch"].as_u64(), json["ordinal"].as_u64()), (Some(2), Some(3)));
        assert_eq!(json["digest"], "09".repeat(32));
        assert_eq!(STANDARD.decode(json["frame"].as_str().unwrap()).unwrap(), b"frame");
    }

    #[test]
    fn answers_are_read_strictly() {
        let read = |text: &str| serde_json::from_str::<Answer>(text).ok();
        let committed = Answer::Committed { sequence: 4, repeated: true };
        assert_eq!(read(r#"{"outcome":"committed","sequence":4,"repeated":true}"#), Some(committed));
        assert_eq!(read(r#"{"outcome":"fenced","epoch":9}"#), Some(Answer::Fenced { epoch: 9 }));
        assert_eq!(read(r#"{"errorMessage":"x","errorType":"y"}"#), None);
        assert_eq!(read("null"), None);
    }
}
