//! What a group may do next: decided purely from one consistent view of it.
//!
//! Per group at most one run, one consolidation and one compaction are active, side by side: none of them waits for
//! another, and none stops because another has failed. A run takes the oldest contiguous pending range; every prefix of a
//! group's sequence is causally closed, so any cut will do. The steps are complete: who takes them writes what stands
//! there, and chooses nothing.

mod view;

use crate::ids::{AttemptId, Sequence};
use crate::job::care::{CLOCK_SKEW, Care, DeadAttempt, MOST_CRASHES};
use crate::job::step::{Guard, Step};
use crate::job::{Job, JobEngine, JobKind, JobState, Start, Work};
use crate::keys::DefinitionKey;
use crate::position::Range;
use crate::time::Timestamp;

pub use view::{GroupView, Pending};

/// The engine that a definition asks for. By which one a job is computed, [`JobEngine`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineChoice {
    /// The lake's choice: embedded, in pieces, as long as there is no EMR engine.
    Auto,
    /// Always embedded, in pieces if need be.
    Embedded,
    /// Always EMR.
    Emr,
}

impl EngineChoice {
    /// Every choice.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Embedded, Self::Emr];

    /// The name in the definition.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Embedded => "embedded",
            Self::Emr => "emr",
        }
    }
}

/// The settings by which a group is planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The definition with which attempts begin, as long as none of their job is elected.
    pub definition: DefinitionKey,
    /// Which engine the definition asks for.
    pub engine: EngineChoice,
    /// Uncompressed bytes that the embedded engine takes in one run.
    pub embedded_limit: u64,
    /// Milliseconds between the beginnings of two consolidations, at least.
    pub consolidate_every: u64,
    /// Milliseconds for which a heartbeat may stand still.
    pub takeover_after: u64,
}

/// Why a group stands still although it has work, or leaves a part of it undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// A job of the group failed; a person decides.
    #[error("{kind} {range} failed and waits for a person: {reason}")]
    Failed {
        /// What it does.
        kind: JobKind,
        range: Range,
        /// Why it failed.
        reason: String,
    },
    /// A compaction failed; a person decides. Runs and consolidations go on, and tables get slower to read.
    #[error("compaction {number} failed and waits for a person: {reason}")]
    Uncompacted {
        /// The compaction's number.
        number: u64,
        /// Why it failed.
        reason: String,
    },
    /// The definition asks for an engine that the lake does not have.
    #[error("batches wait for the EMR engine (engine: emr), which is not available yet")]
    NeedsEmr,
    /// The catalog contradicts itself; nothing may be done.
    #[error("the catalog contradicts itself: {0}")]
    Inconsistent(String),
}

impl Halt {
    /// Whether messages do not get into tables because of it.
    pub const fn stands_still(&self) -> bool {
        !matches!(self, Self::Uncompacted { .. })
    }
}

/// What to do now, and when to look again if nothing else happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Each is a compare-and-set that one of several dispatchers wins. They are independent of each other: at most one
    /// for the run, one for the consolidation and one for the compaction.
    pub steps: Vec<Step>,
    /// Milliseconds after which to look again; `None` if others have arranged for the next look.
    pub look_again: Option<u64>,
    /// What stands still, and why.
    pub halts: Vec<Halt>,
}

/// The most batches in one run, whatever their size: it opens that many objects, and the view stays small.
pub const MAX_RUN_BATCHES: usize = 1000;

/// Whether the view needs no more pending batches after these: they exceed what one run may take.
pub fn enough(pending: &[Pending], embedded_limit: u64) -> bool {
    pending.len() >= MAX_RUN_BATCHES || pending.iter().map(|batch| batch.bytes).sum::<u64>() > embedded_limit
}

/// The first half of the run's range, if one more fault halves it: the view must then tell how large that half is.
pub fn half_in_question(job: &Job) -> Option<Range> {
    job.half().filter(|_| job.state.is_active() && job.crashes + 1 >= MOST_CRASHES)
}

/// Decides what the group does next at `now`; `dead` are attempts whose functions were reported to have failed, `fresh`
/// names attempts that begin.
pub fn decide(
    view: &GroupView,
    policy: &Policy,
    dead: &[DeadAttempt],
    now: Timestamp,
    fresh: &mut dyn FnMut() -> AttemptId,
) -> Decision {
    let mut decision = Decision::default();
    let problems = view.problems();
    if !problems.is_empty() {
        decision.halts.push(Halt::Inconsistent(problems.join("; ")));
        return decision;
    }
    let mut start = || Start { attempt: fresh(), definition: policy.definition.clone(), now };
    match &view.run {
        Some(run) => decision.care(run, view, &Around { policy, dead, start: start() }),
        None => decision.plan_run(view, policy, &start()),
    }
    match &view.consolidation {
        Some(consolidation) => decision.care(consolidation, view, &Around { policy, dead, start: start() }),
        None => decision.plan_consolidation(view, policy, &start()),
    }
    match &view.compaction {
        Some(compaction) => decision.care(compaction, view, &Around { policy, dead, start: start() }),
        None => decision.plan_compaction(view, &start()),
    }
    decision
}

/// What a job is judged by.
struct Around<'a> {
    policy: &'a Policy,
    dead: &'a [DeadAttempt],
    /// How its next attempt would begin.
    start: Start,
}

impl Decision {
    fn look_again(&mut self, delay: u64) {
        self.look_again = Some(self.look_again.map_or(delay, |other| other.min(delay)));
    }

    fn care(&mut self, job: &Job, view: &GroupView, Around { policy, dead, start }: &Around<'_>) {
        if job.state == JobState::Failed && job.manifest.is_none() && job.definition != policy.definition {
            return self.steps.push(Step::change(job, job.resumed(&start.attempt), Guard::Held));
        }
        if job.state == JobState::Failed {
            let reason = job.error.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
            return self.halts.push(match job.id.kind {
                JobKind::Compact => Halt::Uncompacted { number: job.id.at.0, reason },
                kind => Halt::Failed { kind, range: job.range, reason },
            });
        }
        let reported = dead.iter().find(|dead| dead.epoch == job.epoch && dead.attempt == job.attempt);
        match job.care(reported, start.now, policy.takeover_after) {
            Care::TakeOver => self.steps.push(next_attempt(job, reported, view.half_bytes, start)),
            Care::Excuse => {
                self.steps.push(Step::change(
                    job,
                    job.excused(&last_words(job, reported).unwrap_or_default(), start.now),
                    Guard::Unseen,
                ));
            }
            Care::Observe => self.steps.push(Step::change(job, job.observed(start.now), Guard::Unseen)),
            // The dispatch that claimed or observed it has arranged for a look at the right time.
            Care::Wait(_) => {}
        }
    }

    fn plan_run(&mut self, view: &GroupView, policy: &Policy, start: &Start) {
        if policy.engine == EngineChoice::Emr && !view.pending.is_empty() {
            return self.halts.push(Halt::NeedsEmr);
        }
        let batches = &view.pending[..view.pending.len().min(MAX_RUN_BATCHES)];
        let fits = |taken: &mut u64, batch: &Pending| {
            *taken = taken.saturating_add(batch.bytes);
            Some(*taken).filter(|taken| *taken <= policy.embedded_limit)
        };
        let fitting = batches.iter().scan(0, fits).count();
        // A batch that is larger than the limit all by itself still has to pass.
        let taken = &batches[..fitting.max(1).min(batches.len())];
        let lo = view.marks.claimed;
        if let Some(range) = Range::new(lo, Sequence(lo.0 + taken.len() as u64)) {
            let bytes = taken.iter().map(|batch| batch.bytes).sum();
            let work = Work { kind: JobKind::Transform, range, bytes, engine: JobEngine::Embedded };
            self.steps.push(Step::claim(Job::claimed(&view.group, work, start)));
        }
    }

    fn plan_consolidation(&mut self, view: &GroupView, policy: &Policy, start: &Start) {
        let Some(range) = Range::new(view.marks.imaged, view.marks.done) else { return };
        // An instant far ahead is a wrong clock's, and no reason to wait.
        let believed = view.last_image_at.filter(|at| *at <= start.now.plus(CLOCK_SKEW));
        let since = believed.map(|at| start.now.since(at));
        match since {
            Some(since) if since < policy.consolidate_every => self.look_again(policy.consolidate_every - since),
            _ => {
                let work = Work { kind: JobKind::Consolidate, range, bytes: 0, engine: JobEngine::Embedded };
                self.steps.push(Step::claim(Job::claimed(&view.group, work, start)));
            }
        }
    }

    /// Merging is due whatever else the group does, and its number alone says that nobody is at it.
    fn plan_compaction(&mut self, view: &GroupView, start: &Start) {
        let number = view.marks.compacting;
        let range = view.debt_since.and_then(|_| Range::new(number, number.next()));
        if let Some(range) = range {
            let work = Work { kind: JobKind::Compact, range, bytes: 0, engine: JobEngine::Embedded };
            self.steps.push(Step::claim(Job::claimed(&view.group, work, start)));
        }
    }
}

/// Why the last attempt ended that had begun; `None` if none has.
fn last_words(job: &Job, reported: Option<&DeadAttempt>) -> Option<String> {
    let said = |dead: &DeadAttempt| dead.error.clone().unwrap_or_else(|| "it ended without a word".to_owned());
    let silent = || job.has_begun().then(|| "it went silent".to_owned());
    reported.map(said).or_else(silent).or_else(|| job.error.clone())
}

/// What becomes of a job whose attempt is dead. Once an attempt is elected only its files are left to be committed.
fn next_attempt(job: &Job, reported: Option<&DeadAttempt>, half_bytes: u64, start: &Start) -> Step {
    let last = last_words(job, reported).unwrap_or_default();
    let told = if last.is_empty() { job.clone() } else { job.blaming(&last) };
    if !job.is_blamed(reported) {
        return Step::change(job, told.taken_over(start), Guard::Silent);
    }
    let next = told.crashed(start);
    if next.crashes < MOST_CRASHES {
        return Step::change(job, next, Guard::Silent);
    }
    if let Some(half) = told.halved(half_bytes, start) {
        return Step::change(job, half, Guard::Silent);
    }
    let look = match job.id.kind {
        JobKind::Transform | JobKind::Consolidate => " and the raw objects of these batches (`foz files`)",
        JobKind::Compact => "",
    };
    let (title, crashes) = (job.title(), next.crashes);
    let reason = format!(
        "{crashes} attempts at {title} failed, the last one: {last}; look into the function's log{look}, give the \
         function more memory if it ran out of it, then `foz runs GROUP --resume`"
    );
    Step::change(job, job.failed(&reason, start.now), Guard::Held)
}

#[cfg(test)]
mod tests;
