//! What a reign can be told to do differently, and the rules it keeps.

use super::events::{Millis, StreamNo};

/// Sizes and periods of a reign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Bytes at which a batch is worth sending: decides the drain period.
    pub target_bytes: u64,
    /// The shortest drain period.
    pub min_latency: Millis,
    /// The queues' consumer timeout. No delivery stays unacknowledged for more than a quarter of it.
    pub consumer_timeout: Millis,
    /// The prefetch of a stream that was never consumed before, if the byte budget allows it: see
    /// [`Settings::first_prefetch`].
    pub prefetch: u16,
    /// The largest prefetch.
    pub max_prefetch: u16,
    /// Bytes that the unacknowledged messages of one stream should not exceed.
    pub byte_budget: u64,
    /// How long an answer to a marker may take before the group head is read again; doubles up to eight times this.
    pub marker_patience: Millis,
    /// How long to wait before an invocation is repeated; doubles up to thirty-two times this.
    pub invoke_backoff: Millis,
    /// How long to wait before a channel that the server closed is opened again.
    pub reopen_delay: Millis,
    /// Whether to end once everything that was in the queues at the start is in the catalog.
    pub drain: bool,
    /// The rules to keep.
    pub rules: Rules,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            target_bytes: 8 << 20,
            min_latency: 50,
            consumer_timeout: 30 * 60 * 1000,
            prefetch: 100,
            max_prefetch: 60_000,
            byte_budget: 64 << 20,
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

impl Settings {
    /// The prefetch of a stream whose messages nobody has seen yet: what was asked for, but no more large messages than the
    /// byte budget holds. The broker sends so many at once, whatever their size. It grows when the window turns out to be
    /// cheap.
    pub fn first_prefetch(&self) -> u16 {
        let affordable = u16::try_from((self.byte_budget / LARGE).max(FEW)).unwrap_or(u16::MAX);
        self.prefetch.min(affordable)
    }
}

/// A stream of the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPlan {
    /// The streams of the group that it refers to, itself excepted.
    pub references: Vec<StreamNo>,
    /// The longest drain period.
    pub max_latency: Millis,
}

/// The rules of the protocol. `tests/bridge_rules.rs` shows what goes wrong without one, or, where rules cover for each
/// other, without several. There is no reason to turn one off but to show that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// An epoch raise with an unknown outcome is never adopted.
    pub raise_again: bool,
    /// The prefetch that the stream head records is never undercut.
    pub keep_prefetch: bool,
    /// What was committed already is dropped from what is redelivered.
    pub align: bool,
    /// … on every channel.
    pub align_each_channel: bool,
    /// … after the whole redelivered prefix has come.
    pub whole_prefix: bool,
    /// … and silence does not prove that it has.
    pub silence_proves_nothing: bool,
    /// The alignment marker is published again if it does not come.
    pub alignment_marker_again: bool,
    /// A channel is opened only when the stream's invocation is resolved.
    pub resolve_first: bool,
    /// A batch waits for markers in the queues that its stream refers to.
    pub markers: bool,
    /// A marker serves only batches cut before it was published.
    pub marker_after_cut: bool,
    /// A marker counts when everything before it is committed.
    pub count_committed: bool,
    /// Only markers of the own reign count.
    pub own_markers: bool,
    /// A marker received on a channel that was closed since does not count.
    pub forget_on_close: bool,
    /// A marker of a newer reign means fenced.
    pub newer_marker_fences: bool,
    /// A marker that was not answered is published again.
    pub marker_again: bool,
    /// Before that, the group head is read again.
    pub head_again: bool,
    /// … and so before an alignment marker is published again. This rule alone may be missing: a zombie that it does not
    /// find out about itself gets a newer marker, or waits for one of its own. But it covers most of what those two are
    /// for, sooner, and spares the queues a zombie's alignment markers.
    pub alignment_head_again: bool,
    /// Messages are acknowledged after they are committed.
    pub ack_committed: bool,
    /// A cancelled consumer's channel is closed before another is opened.
    pub close_cancelled: bool,
    /// Deliveries are given back before the consumer timeout strikes.
    pub give_back: bool,
}

impl Rules {
    /// Every rule.
    pub const ALL: Self = Self {
        raise_again: true,
        keep_prefetch: true,
        align: true,
        align_each_channel: true,
        whole_prefix: true,
        silence_proves_nothing: true,
        alignment_marker_again: true,
        resolve_first: true,
        markers: true,
        marker_after_cut: true,
        count_committed: true,
        own_markers: true,
        forget_on_close: true,
        newer_marker_fences: true,
        marker_again: true,
        head_again: true,
        alignment_head_again: true,
        ack_committed: true,
        close_cancelled: true,
        give_back: true,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_prefetch_fits_the_budget_even_if_messages_are_large() {
        let first =
            |budget, prefetch| Settings { byte_budget: budget, prefetch, ..Settings::default() }.first_prefetch();
        assert_eq!(first(64 << 20, 100), 64);
        assert_eq!(first(16 << 20, 100), 16);
        assert_eq!(first((64 << 20) / 40, 100), 4, "a few in any case");
        assert_eq!(first(1 << 40, 100), 100, "never more than asked for");
        assert_eq!(first(1, 2), 2);
    }
}
