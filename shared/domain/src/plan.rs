//! What a group may do next: decided purely from one consistent view of it.
//!
//! Per group at most one run and one consolidation are active, side by side. A run takes the oldest contiguous pending
//! range; every prefix of a group's sequence is causally closed, so any cut will do. The steps are complete: who takes
//! them writes what stands there, and chooses nothing.

use crate::batch::Watermarks;
use crate::ids::{AttemptId, GroupName, Sequence};
use crate::job::care::{CLOCK_SKEW, Care, DeadAttempt, MOST_CRASHES};
use crate::job::step::{Guard, Step};
use crate::job::{Job, JobEngine, JobKind, JobState, Start, Work};
use crate::keys::DefinitionKey;
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
    /// Uncompressed bytes of the batches in [`half_in_question`] of the run; 0 if that is `None`.
    pub half_bytes: u64,
    /// The job that holds `[imaged, imaging)`; `None` if nothing does.
    pub consolidation: Option<Job>,
    /// The batches from `claimed` on, in order, without gaps; enough to see past the limits of the policy. Empty while a
    /// run is active: nobody asks for them then.
    pub pending: Vec<Pending>,
}

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

/// Why a group stands still although it has work.
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
    /// The definition asks for an engine that the lake does not have.
    #[error("batches wait for the EMR engine (engine: emr), which is not available yet")]
    NeedsEmr,
    /// The catalog contradicts itself; nothing may be done.
    #[error("the catalog contradicts itself: {0}")]
    Inconsistent(String),
}

/// What to do now, and when to look again if nothing else happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Each is a compare-and-set that one of several dispatchers wins. They are independent of each other: at most one
    /// for the run and one for the consolidation.
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
    decision
}

/// What a job is judged by.
struct Around<'a> {
    policy: &'a Policy,
    dead: &'a [DeadAttempt],
    /// How its next attempt would begin.
    start: Start,
}

impl GroupView {
    /// What contradicts itself; nothing if all is well.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.marks.problems(self.next);
        let Watermarks { claimed, done, imaging, imaged } = self.marks;
        let mut holds = |what: &str, job: &Option<Job>, lo, hi| {
            if job.as_ref().map(|job| job.range) != Range::new(lo, hi) {
                problems.push(format!("no {what} holds exactly {lo} to {hi}"));
            }
        };
        holds("run", &self.run, done, claimed);
        holds("consolidation", &self.consolidation, imaged, imaging);
        if self.pending.iter().zip(claimed.0..).any(|(batch, expected)| batch.sequence.0 != expected) {
            problems.push(format!("pending batches are not contiguous from {claimed}"));
        }
        problems
    }
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
            return self.halts.push(Halt::Failed { kind: job.id.kind, range: job.range, reason });
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
    let (kind, range, crashes) = (job.id.kind, job.range, next.crashes);
    let reason = format!(
        "{crashes} attempts at {kind} {range} failed, the last one: {last}; look into the function's log and the raw \
         objects of these batches (`foz files`), give the function more memory if it ran out of it, then `foz runs GROUP \
         --resume`"
    );
    Step::change(job, job.failed(&reason, start.now), Guard::Held)
}

#[cfg(test)]
mod tests;
