//! What a raw object is made of.

use foz_domain::{Digest, StreamName, Timestamp};

use crate::message::Message;

/// The content of a batch, byte for byte as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBatch {
    /// The stream that the messages came by.
    pub stream: StreamName,
    /// When the first message was received.
    pub opened_at: Timestamp,
    /// The messages in order, each with its digest. Inline bodies share the memory of the frame that brought them.
    pub messages: Vec<(Digest, Message)>,
    /// BLAKE3 of the uncompressed frame: the batch's identity.
    pub digest: Digest,
    /// Bytes of the uncompressed frame.
    pub raw_len: usize,
}
