//! A stream's batches: the one that is filled, those that are cut, the one that is on its way.

use crate::bridge::events::{ChannelNo, Millis, StreamNo};
use crate::bridge::markers::Patience;

/// A batch that is being filled.
#[derive(Debug)]
pub(super) struct OpenBatch {
    pub(super) messages: usize,
    pub(super) since: Millis,
}

/// A batch that is cut and not invoked yet.
#[derive(Debug)]
pub(super) struct QueuedBatch {
    pub(super) messages: usize,
    /// The markers that must count first; `None` if they are not published yet.
    pub(super) needs: Option<Vec<(StreamNo, u64)>>,
    /// How long to wait for them; `None` if that was not asked yet.
    pub(super) patience: Option<Patience>,
}

/// The batch that was sent to ingest and is not resolved.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) messages: usize,
    pub(super) channel: ChannelNo,
    pub(super) backoff: Millis,
    /// When it is to be sent again; `None` if there is no answer yet.
    pub(super) retry_at: Option<Millis>,
}
