//! Numbers of markers, and how long to wait for one.

use super::events::{Millis, StreamNo};
use super::settings::ReignSettings;

/// The markers of a reign, per queue.
#[derive(Debug)]
pub(super) struct Markers {
    published: Vec<u64>,
    counted: Vec<u64>,
    /// Queues that give nothing: what is published there goes to a stranger.
    mute: Vec<bool>,
}

impl Markers {
    pub(super) fn new(streams: usize) -> Self {
        Self { published: vec![0; streams], counted: vec![0; streams], mute: vec![false; streams] }
    }

    /// The number of the next marker for this queue, which is hereby published.
    pub(super) fn publish(&mut self, queue: StreamNo) -> u64 {
        self.published[queue.0] += 1;
        self.published[queue.0]
    }

    /// Says whether the queue gives nothing. Nobody waits for markers there until it does.
    pub(super) fn set_mute(&mut self, queue: StreamNo, mute: bool) {
        self.mute[queue.0] = mute;
    }

    /// Whether the queue is known to give nothing.
    pub(super) fn is_mute(&self, queue: StreamNo) -> bool {
        self.mute[queue.0]
    }

    /// The number of the last marker published into this queue.
    pub(super) fn last(&self, queue: StreamNo) -> u64 {
        self.published[queue.0]
    }

    /// Everything before marker `number` in this queue is committed, hence also before lower ones: a queue keeps order.
    pub(super) fn count(&mut self, queue: StreamNo, number: u64) {
        self.counted[queue.0] = self.counted[queue.0].max(number);
    }

    /// Whether marker `number` of this queue, or one published after it, counts.
    pub(super) fn counts(&self, queue: StreamNo, number: u64) -> bool {
        number <= self.counted[queue.0]
    }
}

/// Waiting for a marker: after a while the group head is read again, then another marker is published.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    due: Millis,
    wait: Millis,
    /// The group head is being read.
    pub(super) reading: bool,
}

impl Patience {
    pub(super) fn new(now: Millis, settings: &ReignSettings) -> Self {
        Self { due: now + settings.marker_patience, wait: settings.marker_patience, reading: false }
    }

    pub(super) fn exhausted(&self, now: Millis) -> bool {
        !self.reading && self.due <= now
    }

    /// Another marker is on its way: wait for it, twice as long.
    pub(super) fn renew(&mut self, now: Millis, settings: &ReignSettings) {
        let wait = (self.wait * 2).min(settings.marker_patience * 8);
        *self = Self { due: now + wait, wait, reading: false };
    }

    pub(super) fn deadline(&self) -> Option<Millis> {
        (!self.reading).then_some(self.due)
    }
}
