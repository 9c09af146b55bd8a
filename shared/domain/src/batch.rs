//! Batches as the catalog knows them, and their states, which follow from the group's watermarks.

use std::fmt;

use crate::ids::{Digest, Epoch, Ordinal, Sequence, StreamName};
use crate::keys::RawKey;
use crate::time::Timestamp;

/// A catalogued batch: one raw object with its place in the group's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its place in the group.
    pub sequence: Sequence,
    /// The batch of the same stream before it; `None` if it is the stream's first.
    pub previous: Option<Sequence>,
    /// What it was before it was given its place.
    pub content: BatchContent,
}

/// A batch whose raw object exists, whether or not it has a sequence yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchContent {
    /// The stream whose messages it holds.
    pub stream: StreamName,
    /// The reign in which it was cut.
    pub epoch: Epoch,
    /// Its number within that reign, from 1.
    pub ordinal: Ordinal,
    /// BLAKE3 of the uncompressed frame.
    pub digest: Digest,
    pub raw_key: RawKey,
    pub messages: u64,
    /// Bytes of the uncompressed frame.
    pub bytes: u64,
    /// Bytes of the raw object.
    pub object_bytes: u64,
    /// When the first message of the batch was taken in.
    pub ingested_at: Timestamp,
}

/// How far a group is. Each names the first sequence that is not yet there, so 5 means that 0…4 are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Watermarks {
    /// Held by a run.
    pub claimed: Sequence,
    /// In the history tables.
    pub done: Sequence,
    /// Held by a consolidation.
    pub imaging: Sequence,
    /// In the current images.
    pub imaged: Sequence,
    /// The number of the next compaction. Compactions are counted by themselves, from 0: their marks are numbers of them and
    /// not of batches.
    pub compacting: Sequence,
    /// The number of the first compaction that has not ended.
    pub compacted: Sequence,
}

impl Watermarks {
    /// What is wrong with them, beside the group's next sequence; nothing if all is well.
    pub fn problems(&self, next: Sequence) -> Vec<String> {
        let Self { claimed, done, imaging, imaged, compacting, compacted } = *self;
        let ordered = [("imaged", imaged), ("imaging", imaging), ("done", done), ("claimed", claimed), ("next", next)];
        let counted = [("compacted", compacted), ("compacting", compacting)];
        let passes = |pair: &[(&str, Sequence)]| {
            let [(a, low), (b, high)] = pair else { return None };
            (low > high).then(|| format!("{a} ({low}) is beyond {b} ({high})"))
        };
        ordered.windows(2).chain([&counted[..]]).filter_map(passes).collect()
    }

    /// The state of the batch at `sequence`.
    pub fn state(&self, sequence: Sequence) -> BatchState {
        match sequence {
            s if s < self.imaged => BatchState::Imaged,
            s if s < self.done => BatchState::Done,
            s if s < self.claimed => BatchState::Claimed,
            _ => BatchState::Pending,
        }
    }
}

/// Where a batch is on its way. It only ever moves forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BatchState {
    /// Catalogued, not yet in a run.
    Pending,
    /// Held by a run.
    Claimed,
    /// In the history tables.
    Done,
    /// In the current images too.
    Imaged,
}

impl BatchState {
    /// Whether a batch in this state may be seen in `next` afterwards: it never goes back. A reader may miss states in
    /// between, as one write moves thousands of batches.
    pub fn may_become(self, next: Self) -> bool {
        self <= next
    }
}

impl fmt::Display for BatchState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pending => "pending",
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Imaged => "imaged",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks(imaged: u64, imaging: u64, done: u64, claimed: u64) -> Watermarks {
        Watermarks {
            claimed: Sequence(claimed),
            done: Sequence(done),
            imaging: Sequence(imaging),
            imaged: Sequence(imaged),
            ..Watermarks::default()
        }
    }

    #[test]
    fn each_watermark_out_of_order_is_named() {
        assert_eq!(marks(1, 2, 3, 4).problems(Sequence(5)), Vec::<String>::new());
        assert_eq!(marks(3, 2, 5, 4).problems(Sequence(1)).len(), 3);
        let counted = |compacted, compacting| Watermarks {
            compacting: Sequence(compacting),
            compacted: Sequence(compacted),
            ..marks(1, 2, 3, 4)
        };
        assert_eq!(counted(8, 9).problems(Sequence(5)), Vec::<String>::new(), "their numbers are not those of batches");
        assert_eq!(counted(9, 8).problems(Sequence(5)), ["compacted (9) is beyond compacting (8)"]);
    }

    #[test]
    fn state_follows_from_the_watermarks() {
        let marks = marks(1, 1, 2, 3);
        let states: Vec<String> = (0..4).map(|n| marks.state(Sequence(n)).to_string()).collect();
        assert_eq!(states, ["imaged", "done", "claimed", "pending"]);
    }

    proptest! {
        #[test]
        fn no_batch_goes_back_while_watermarks_rise(mut low in [0u64..20, 0..20, 0..20, 0..20], rise in [0u64..9, 0..9, 0..9, 0..9], at in 0u64..40) {
            low.sort_unstable();
            let before = marks(low[0], low[1], low[2], low[3]);
            let after = marks(low[0] + rise[0], low[1] + rise[1], low[2] + rise[2], low[3] + rise[3]);
            prop_assert!(before.state(Sequence(at)).may_become(after.state(Sequence(at))));
        }
    }
}
