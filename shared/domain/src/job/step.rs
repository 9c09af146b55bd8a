//! A step of a job: from what was read to what shall be, which watermarks move with it, and what must still hold.

#[cfg(test)]
use crate::batch::Watermarks;
use crate::ids::Sequence;
use crate::job::{Job, JobKind, JobState};
use crate::time::Timestamp;

/// What must still hold of a job for a step to be taken, beside that its marks stand where the step moves them from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// The job is held by the same attempt, in a state that may become the next one.
    Held,
    /// As it was read: no heartbeat came since, and it is in the same state.
    Silent,
    /// No dispatch has noted a heartbeat since it was read.
    Unseen,
}

/// One step, decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The job as it was read; `None` if it is to be claimed.
    pub from: Option<Job>,
    /// The job as it shall be.
    pub to: Job,
    /// What must still hold.
    pub guard: Guard,
}

impl Step {
    /// A claim of a new job.
    pub const fn claim(to: Job) -> Self {
        Self { from: None, to, guard: Guard::Held }
    }

    /// A change of the job that was read.
    pub fn change(from: &Job, to: Job, guard: Guard) -> Self {
        Self { from: Some(from.clone()), to, guard }
    }
}

/// One of a group's watermarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// Held by a run.
    Claimed,
    /// In the history tables.
    Done,
    /// Held by a consolidation.
    Imaging,
    /// In the current tables.
    Imaged,
    /// Held by a compaction.
    Compacting,
    /// Compactions that have ended.
    Compacted,
}

impl Mark {
    /// The name of the watermark.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Done => "done",
            Self::Imaging => "imaging",
            Self::Imaged => "imaged",
            Self::Compacting => "compacting",
            Self::Compacted => "compacted",
        }
    }

    /// Whether a group whose mark is 0 may have no note of it: those that were there before compactions have none.
    pub const fn may_be_absent(self) -> bool {
        matches!(self, Self::Compacting | Self::Compacted)
    }

    #[cfg(test)]
    fn of(self, marks: &mut Watermarks) -> &mut Sequence {
        match self {
            Self::Claimed => &mut marks.claimed,
            Self::Done => &mut marks.done,
            Self::Imaging => &mut marks.imaging,
            Self::Imaged => &mut marks.imaged,
            Self::Compacting => &mut marks.compacting,
            Self::Compacted => &mut marks.compacted,
        }
    }
}

/// The watermark that moves with a step, in the same transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MoveMark {
    /// The one that moves.
    pub mark: Mark,
    /// Where it moves to.
    pub to: Sequence,
    /// Where two of them must stand.
    pub stand: [(Mark, Sequence); 2],
    /// One that must have come this far.
    pub reached: Option<(Mark, Sequence)>,
    /// With the end of a consolidation, when it began: the next one keeps its distance to that.
    pub image_at: Option<Timestamp>,
}

/// Which watermark moves with a step, and from where.
///
/// A claim takes a range that begins where nothing is held, and a consolidation only what is done. A range ends, or
/// shrinks, only while it is the one that is held. So ranges never overlap or leave gaps. Those of compactions are numbers
/// of their own, which have nothing to do with the sequence: by the same rule one of them is active at most.
pub fn marks(from: Option<&Job>, to: &Job) -> Option<MoveMark> {
    let (lo, hi) = (to.range.lo(), to.range.hi());
    let (held, base) = match to.id.kind {
        JobKind::Transform => (Mark::Claimed, Mark::Done),
        JobKind::Consolidate => (Mark::Imaging, Mark::Imaged),
        JobKind::Compact => (Mark::Compacting, Mark::Compacted),
    };
    let image = to.id.kind == JobKind::Consolidate;
    match from {
        None => Some(MoveMark {
            mark: held,
            to: hi,
            stand: [(held, lo), (base, lo)],
            reached: image.then_some((Mark::Done, hi)),
            image_at: None,
        }),
        Some(from) if to.state == JobState::Done && from.state != JobState::Done => Some(MoveMark {
            mark: base,
            to: hi,
            stand: [(base, lo), (held, hi)],
            reached: None,
            image_at: image.then_some(to.started_at),
        }),
        Some(from) if from.range != to.range => Some(MoveMark {
            mark: held,
            to: hi,
            stand: [(base, lo), (held, from.range.hi())],
            reached: None,
            image_at: None,
        }),
        Some(_) => None,
    }
}

#[cfg(test)]
impl MoveMark {
    /// The marks after the move; `None` if they do not stand where it begins.
    pub fn apply(&self, mut marks: Watermarks) -> Option<Watermarks> {
        let stands = self.stand.iter().all(|(mark, at)| *mark.of(&mut marks) == *at);
        if !stands || self.reached.is_some_and(|(mark, at)| *mark.of(&mut marks) < at) {
            return None;
        }
        *self.mark.of(&mut marks) = self.to;
        Some(marks)
    }
}

/// The states in which a job may be found by a step from `from` to `to` that its attempt takes.
///
/// An attempt need not know how far it has come itself: it may fail after an election whose answer it never got. But what
/// has ended is changed only by a step that read it ended.
pub fn states_before(from: &Job, to: &Job) -> Vec<JobState> {
    if !from.state.is_active() {
        return vec![from.state];
    }
    let may = |state: &JobState| state.is_active() && state.may_become(to.state, to.id.kind);
    JobState::ALL.into_iter().filter(may).collect()
}

impl Guard {
    /// Whether a step from `from` to `to` may be taken on the job as it was `found`.
    pub fn allows(self, from: &Job, to: &Job, found: &Job) -> bool {
        found.is_attempt_of(from)
            && match self {
                Self::Held => states_before(from, to).contains(&found.state),
                Self::Silent => found.heartbeat == from.heartbeat && found.state == from.state,
                Self::Unseen => found.seen_heartbeat == from.seen_heartbeat && found.seen_at == from.seen_at,
            }
    }
}

/// Whether the job as it was `found` shows that the step to `to` was taken.
///
/// Attempts are unique: one that the step brings stands there because of the step. A job that was to end and has ended so
/// has ended as asked, whichever attempt did it.
pub fn is_taken(from: Option<&Job>, to: &Job, found: &Job) -> bool {
    let ours = found.is_attempt_of(to);
    match from {
        Some(from) if from.attempt == to.attempt => match (to.state.is_active(), from.state == to.state) {
            (false, _) => found.state == to.state,
            (true, false) => ours && found.state == to.state && found.manifest == to.manifest,
            (true, true) => ours && found.seen_heartbeat == to.seen_heartbeat && found.seen_at == to.seen_at,
        },
        _ => ours,
    }
}
