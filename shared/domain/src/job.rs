//! Jobs: what is done for a group. A run takes raw objects into history tables, a consolidation history tables into
//! current ones; both hold a range of the group's sequence. A compaction merges files of current tables, whatever is in
//! them; it holds its own number. The catalog holds all of them as one kind of item.
//!
//! A job is changed only by the constructors below, each of which makes the next state of what was read: pure, and
//! without a choice left to the one that writes it. [`step`] says which watermark moves with a change, and what must still
//! hold when it is written.

pub mod care;
pub mod state;
pub mod step;

use std::fmt;

use crate::ids::{AttemptId, Epoch, GroupName, Sequence};
use crate::keys::{self, DefinitionKey, ManifestKey};
use crate::position::Range;
use crate::time::Timestamp;

pub use state::{JobEngine, JobKind, JobState};

/// The name of a job: no two of a group and kind begin (run) or end (consolidation) at the same sequence, or have the same
/// number (compaction).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId {
    /// The group whose batches it holds.
    pub group: GroupName,
    /// What it does.
    pub kind: JobKind,
    /// The first sequence of a run, which may be halved; the sequence that the images of a consolidation go through; the
    /// number of a compaction.
    pub at: Sequence,
}

impl JobId {
    /// The name of the job that holds this range.
    pub fn new(group: GroupName, kind: JobKind, range: Range) -> Self {
        let at = match kind {
            JobKind::Transform | JobKind::Compact => range.lo(),
            JobKind::Consolidate => range.hi(),
        };
        Self { group, kind, at }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { group, kind, at } = self;
        match kind {
            JobKind::Transform => write!(f, "{kind} of {group} from {at}"),
            JobKind::Consolidate => write!(f, "{kind} of {group} through {at}"),
            JobKind::Compact => write!(f, "{kind} {at} of {group}"),
        }
    }
}

/// A job as the catalog holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    /// The batches it holds; of a compaction its number alone.
    pub range: Range,
    /// Where it is.
    pub state: JobState,
    /// Raised by every takeover, from 1; a higher one fences all lower ones.
    pub epoch: Epoch,
    /// The execution that holds it now.
    pub attempt: AttemptId,
    /// Which engine computes it.
    pub engine: JobEngine,
    /// The definition that it uses.
    pub definition: DefinitionKey,
    /// Uncompressed bytes of its batches; 0 unless it is a run.
    pub bytes: u64,
    /// The elected attempt's list of files; `None` if no attempt is elected.
    pub manifest: Option<ManifestKey>,
    /// Counts up while the present attempt works; 0 until it has begun.
    pub heartbeat: u64,
    /// The heartbeat that a dispatch saw last.
    pub seen_heartbeat: u64,
    /// When it saw it, by its own clock.
    pub seen_at: Timestamp,
    /// When it was first claimed.
    pub started_at: Timestamp,
    /// When it ended, done or failed; `None` if it has not.
    pub ended_at: Option<Timestamp>,
    /// Why it failed, or, while it is tried again, why its last attempt ended.
    pub error: Option<String>,
    /// Attempts over this very range that ended by a fault, so by anything but an outage.
    pub crashes: u32,
    /// The most batches that a consolidation brings into images at once; `None` if all of its range.
    pub piece: Option<u64>,
}

/// The longest error that a job keeps, in characters: enough to find the fault, and far below the 400 kB that an item of
/// the catalog may have.
pub const MAX_ERROR: usize = 2_000;

fn brief(error: &str) -> String {
    error.chars().take(MAX_ERROR).collect()
}

/// What a job is claimed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// What is to be done.
    pub kind: JobKind,
    /// The batches to do it with; for a compaction its number alone.
    pub range: Range,
    /// Their uncompressed bytes; 0 unless it is a run.
    pub bytes: u64,
    /// Which engine computes it.
    pub engine: JobEngine,
}

/// How an attempt begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// Its name, new and unique.
    pub attempt: AttemptId,
    /// The definition that is current.
    pub definition: DefinitionKey,
    /// The instant at which it begins.
    pub now: Timestamp,
}

impl Job {
    /// A job that takes its range.
    pub fn claimed(group: &GroupName, work: Work, start: &Start) -> Self {
        let Work { kind, range, bytes, engine } = work;
        let Start { attempt, definition, now } = start.clone();
        Self {
            id: JobId::new(group.clone(), kind, range),
            range,
            state: JobState::Claimed,
            epoch: Epoch(1),
            attempt,
            engine,
            definition,
            bytes,
            manifest: None,
            heartbeat: 0,
            seen_heartbeat: 0,
            seen_at: now,
            started_at: now,
            ended_at: None,
            error: None,
            crashes: 0,
            piece: None,
        }
    }

    /// The job under its next attempt. It keeps its range and, once elected, its manifest and with that its definition,
    /// which nobody reads any more; before that, the attempt begins with the one that is current.
    #[must_use]
    pub fn taken_over(&self, start: &Start) -> Self {
        let definition = if self.manifest.is_some() { &self.definition } else { &start.definition };
        Self { definition: definition.clone(), seen_at: start.now, ..self.next_epoch(&start.attempt) }
    }

    /// As [`taken_over`](Self::taken_over), after one more attempt ended by a fault.
    #[must_use]
    pub fn crashed(&self, start: &Start) -> Self {
        Self { crashes: self.crashes + 1, ..self.taken_over(start) }
    }

    /// The job with less to do at once, under its next attempt. Of a run the first half of the range is left, whose batches
    /// have `bytes`; the other half is pending again. A consolidation keeps its range, and goes through it in pieces of
    /// half the size. `None` if it is about a single batch, is frozen by an election, or is a compaction, whose steps are
    /// of a bounded size by themselves.
    pub fn halved(&self, bytes: u64, start: &Start) -> Option<Self> {
        let next = Self { crashes: 0, ..self.taken_over(start) };
        match self.id.kind {
            JobKind::Transform => Some(Self { range: self.half()?, bytes, ..next }),
            JobKind::Consolidate => {
                let piece = self.piece.unwrap_or(self.range.batches()) / 2;
                (piece > 0).then_some(Self { piece: Some(piece), ..next })
            }
            JobKind::Compact => None,
        }
    }

    /// The range that [`halved`](Self::halved) leaves of a run. `None` if it cannot be halved, or is no run.
    pub fn half(&self) -> Option<Range> {
        let may = self.id.kind == JobKind::Transform && self.manifest.is_none();
        self.range.first_half().filter(|_| may)
    }

    /// The job with a note of the heartbeat that was seen in it at `now`.
    #[must_use]
    pub fn observed(&self, now: Timestamp) -> Self {
        Self { seen_heartbeat: self.heartbeat, seen_at: now, ..self.clone() }
    }

    /// The job with a note that its attempt ended by an outage, of which was heard at `now`: as if it had not begun, so
    /// that the silence that follows is not held against it.
    #[must_use]
    pub fn excused(&self, error: &str, now: Timestamp) -> Self {
        Self { heartbeat: 0, seen_heartbeat: 0, seen_at: now, error: Some(brief(error)), ..self.clone() }
    }

    /// The job with a note why its last attempt ended.
    #[must_use]
    pub fn blaming(&self, error: &str) -> Self {
        Self { error: Some(brief(error)), ..self.clone() }
    }

    /// The run with the elected list of files.
    #[must_use]
    pub fn elected(&self, manifest: ManifestKey) -> Self {
        Self { state: JobState::Committing, manifest: Some(manifest), ..self.clone() }
    }

    /// The job with everything in its tables.
    #[must_use]
    pub fn done(&self, now: Timestamp) -> Self {
        Self { state: JobState::Done, ended_at: Some(now), error: None, ..self.clone() }
    }

    /// The job stopped, and with it what it does for its group, until a person has looked.
    #[must_use]
    pub fn failed(&self, reason: &str, now: Timestamp) -> Self {
        Self { state: JobState::Failed, ended_at: Some(now), error: Some(brief(reason)), ..self.clone() }
    }

    /// The failed job goes on under its next attempt, which nobody starts: never seen by any clock, it is silent for
    /// longer than any limit, so that the next dispatch takes it over. If an attempt was elected, its files are still the
    /// ones that are committed.
    #[must_use]
    pub fn resumed(&self, attempt: &AttemptId) -> Self {
        let state = if self.manifest.is_some() { JobState::Committing } else { JobState::Claimed };
        Self { state, seen_at: Timestamp(0), ended_at: None, error: None, crashes: 0, ..self.next_epoch(attempt) }
    }

    /// A new attempt has not begun: heartbeats are counted anew.
    fn next_epoch(&self, attempt: &AttemptId) -> Self {
        Self { epoch: self.epoch.next(), attempt: attempt.clone(), heartbeat: 0, seen_heartbeat: 0, ..self.clone() }
    }

    /// Through which sequence an attempt brings images next, if everything below `reached` is in them.
    pub fn next_piece(&self, reached: Sequence) -> Sequence {
        let end = self.piece.map_or(u64::MAX, |piece| reached.0.saturating_add(piece));
        self.range.hi().min(Sequence(end))
    }

    /// Whether an attempt that ends at `deadline` begins another piece at `now`, if the longest that it made took `longest`
    /// milliseconds. It always begins the first, or the job would never get on.
    pub fn has_time(&self, reached: Sequence, now: Timestamp, longest: u64, deadline: Timestamp) -> bool {
        reached == self.range.lo() || now.plus(longest) <= deadline
    }

    /// Whether `other` is the same job under the same attempt.
    pub fn is_attempt_of(&self, other: &Self) -> bool {
        self.id == other.id && self.epoch == other.epoch && self.attempt == other.attempt
    }

    /// What it does and with what, for people who know the group.
    pub fn title(&self) -> String {
        let JobId { kind, at, .. } = self.id;
        match kind {
            JobKind::Transform | JobKind::Consolidate => format!("{kind} {}", self.range),
            JobKind::Compact => format!("{kind} {at}"),
        }
    }

    /// Where the present attempt of a run writes everything that it writes.
    pub fn prefix(&self) -> String {
        keys::attempt(&self.id.group, self.range, self.epoch, &self.attempt)
    }
}

#[cfg(test)]
pub(crate) mod tests;
