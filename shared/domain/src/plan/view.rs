//! A group as a dispatch sees it, and what of that contradicts itself.

use crate::batch::Watermarks;
use crate::ids::{GroupName, Sequence};
use crate::job::Job;
use crate::position::Range;
use crate::time::Timestamp;

/// A batch that waits for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Its place in the group.
    pub sequence: Sequence,
    /// Bytes of its uncompressed frame.
    pub bytes: u64,
}

/// A group as a dispatch sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupView {
    pub group: GroupName,
    /// The sequence that the next batch will get.
    pub next: Sequence,
    /// How far the group is.
    pub marks: Watermarks,
    /// When the last image's consolidation began; `None` if there is none yet.
    pub last_image_at: Option<Timestamp>,
    /// The job that holds `[done, claimed)`; `None` if nothing does.
    pub run: Option<Job>,
    /// Uncompressed bytes of the batches that would be left of the run if it were halved now; 0 if one more
    /// fault would not halve it.
    pub half_bytes: u64,
    /// The job that holds `[imaged, imaging)`; `None` if nothing does.
    pub consolidation: Option<Job>,
    /// The job that holds `[compacted, compacting)`; `None` if nothing does.
    pub compaction: Option<Job>,
    /// Since when tables of the group wait for a compaction; `None` if none does.
    pub debt_since: Option<Timestamp>,
    /// The batches from `claimed` on, in order, without gaps; enough to see past the limits of the policy. Empty while a
    /// run is active: nobody asks for them then.
    pub pending: Vec<Pending>,
}

impl GroupView {
    /// What contradicts itself; nothing if all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = self.marks.problems(self.next);
        let Watermarks { claimed, done, imaging, imaged, compacting, compacted } = self.marks;
        let mut holds = |what: &str, job: &Option<Job>, lo, hi| {
            if job.as_ref().map(|job| job.range) != Range::new(lo, hi) {
                problems.push(format!("no {what} holds exactly {lo} to {hi}"));
            }
        };
        holds("run", &self.run, done, claimed);
        holds("consolidation", &self.consolidation, imaged, imaging);
        holds("compaction", &self.compaction, compacted, compacting);
        if self.pending.iter().zip(claimed.0..).any(|(batch, expected)| batch.sequence.0 != expected) {
            problems.push(format!("pending batches are not contiguous from {claimed}"));
        }
        problems
    }
}
