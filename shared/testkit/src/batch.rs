//! A batch to commit, where a test does not care what is in it.

use foz_domain::batch::BatchContent;
use foz_domain::keys::RawKey;
use foz_domain::{Digest, Epoch, Ordinal, StreamName, Timestamp};

/// The batch with this number: ten messages, 100 bytes, taken in a millisecond after the one before it. Its digest
/// follows from stream, epoch and ordinal.
pub fn a_batch(stream: &StreamName, epoch: Epoch, ordinal: Ordinal) -> BatchContent {
    let mut digest = [stream.as_str().as_bytes()[0]; 32];
    digest[..8].copy_from_slice(&epoch.0.to_be_bytes());
    digest[8..16].copy_from_slice(&ordinal.0.to_be_bytes());
    let digest = Digest(digest);
    BatchContent {
        stream: stream.clone(),
        epoch,
        ordinal,
        digest,
        raw_key: RawKey::new(stream, Timestamp(0), epoch, ordinal, &digest),
        messages: 10,
        bytes: 100,
        object_bytes: 50,
        ingested_at: Timestamp(1000).plus(ordinal.0),
    }
}
