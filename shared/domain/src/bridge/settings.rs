//! What a reign can be told to do differently.

use super::events::{Millis, StreamNo};
use super::rules::Rules;

/// Sizes and periods of a reign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReignSettings {
    /// Bytes at which a batch is worth sending: decides the drain period.
    pub target_bytes: u64,
    /// The shortest drain period.
    pub min_latency: Millis,
    /// The queues' consumer timeout. No delivery stays unacknowledged for more than a quarter of it.
    pub consumer_timeout: Millis,
    /// The prefetch of a stream that was never consumed before, if the byte budget allows it: see
    /// [`ReignSettings::first_prefetch`].
    pub prefetch: u16,
    /// The largest prefetch.
    pub max_prefetch: u16,
    /// Bytes that the unacknowledged messages of one stream should not exceed.
    pub byte_budget: u64,
    /// How long a channel that is not aligned must be silent until a marker is put into its queue.
    pub quiet: Millis,
    /// How long an answer to a marker may take before the group head is read again; doubles up to eight times this.
    pub marker_patience: Millis,
    /// How long to wait before an invocation is repeated; doubles up to thirty-two times this.
    pub invoke_backoff: Millis,
    /// How long to wait before a channel that the server closed is opened again; doubles up to sixty-four times this while
    /// none can be opened.
    pub reopen_delay: Millis,
    /// Whether to end once everything that was in the queues at the start is in the catalog.
    pub drain: bool,
    /// The rules that the reign keeps: all, but where a development build shows what one is for.
    pub rules: Rules,
}

impl Default for ReignSettings {
    fn default() -> Self {
        Self {
            target_bytes: 8 << 20,
            min_latency: 50,
            consumer_timeout: 30 * 60 * 1000,
            prefetch: 100,
            max_prefetch: 60_000,
            byte_budget: 64 << 20,
            quiet: 100,
            marker_patience: 2_000,
            invoke_backoff: 100,
            reopen_delay: 1_000,
            drain: false,
            rules: Rules::ALL,
        }
    }
}

/// What a message is taken to occupy before any was seen: more than nearly all do.
const LARGE: u64 = 1 << 20;

/// The first prefetch at the least: with fewer, an invocation at a time, a queue of small messages would start too slowly.
const FEW: u64 = 4;

impl ReignSettings {
    /// The prefetch of a stream whose messages nobody has seen yet: what was asked for, but no more large messages than
    /// the byte budget holds. The broker sends that many at once, whatever their size. It grows when the window turns
    /// out to be cheap.
    pub fn first_prefetch(&self) -> u16 {
        let affordable = u16::try_from((self.byte_budget / LARGE).max(FEW)).unwrap_or(u16::MAX);
        self.prefetch.min(affordable)
    }
}

/// A stream of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneSpec {
    /// The streams of the group that it refers to, itself excepted.
    pub references: Vec<StreamNo>,
    /// The longest drain period.
    pub max_latency: Millis,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefetch_fits_the_budget_even_if_messages_are_large() {
        let first = |budget, prefetch| {
            ReignSettings { byte_budget: budget, prefetch, ..ReignSettings::default() }.first_prefetch()
        };
        assert_eq!(first(64 << 20, 100), 64);
        assert_eq!(first(16 << 20, 100), 16);
        assert_eq!(first((64 << 20) / 40, 100), 4, "a few in any case");
        assert_eq!(first(1 << 40, 100), 100, "never more than asked for");
        assert_eq!(first(1, 2), 2);
    }
}
