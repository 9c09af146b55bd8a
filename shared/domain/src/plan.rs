//! What a group may do next: decided purely from one consistent view of it.
//!
//! Per group at most one run and one consolidation are active, side by side. A run takes the oldest contiguous pending
//! range; every prefix of a group's sequence is causally closed, so any cut will do.

use crate::batch::Watermarks;
use crate::ids::Sequence;
use crate::position::Range;
use crate::run::{Care, DeadAttempt, Engine, Kind, MOST_CRASHES, Run, RunState};

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
    /// The sequence that the next batch will get.
    pub next: Sequence,
    /// How far the group is.
    pub marks: Watermarks,
    /// When the last image's consolidation began, in milliseconds since 1970 UTC; none before the first.
    pub last_image_at: Option<i64>,
    /// The run that holds `[done, claimed)`, if any.
    pub run: Option<Run>,
    /// The consolidation that holds `[imaged, imaging)`, if any.
    pub consolidation: Option<Run>,
    /// The batches from `claimed` on, in order, without gaps; enough to see past the limits of the policy.
    pub pending: Vec<Pending>,
}

/// The engine that a definition asks for. By which one a run is computed, [`Engine`] says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EngineChoice {
    /// Embedded up to `embedded_limit`, EMR beyond.
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
    /// Key of the definition with which attempts begin, as long as none of their run is elected.
    pub definition: String,
    /// Which engine the definition asks for.
    pub engine: EngineChoice,
    /// Uncompressed bytes that the embedded engine takes in one run.
    pub embedded_limit: u64,
    /// Consolidations begin at least so many milliseconds apart.
    pub consolidate_every: u64,
    /// A heartbeat may stand still for so many milliseconds.
    pub takeover_after: u64,
}

/// One thing to do, each a compare-and-set that one of several dispatchers wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Claim a run over the range and start its engine.
    ClaimRun {
        /// The oldest pending batches.
        range: Range,
        /// Their uncompressed bytes.
        bytes: u64,
        /// Which engine computes it.
        engine: Engine,
    },
    /// Claim a consolidation over the range and start it.
    ClaimConsolidation {
        /// From `imaged` to `done`.
        range: Range,
    },
    /// Raise the run's or consolidation's epoch and start a new attempt; `crashes` is as it is to be recorded.
    TakeOver(Run),
    /// As `TakeOver`, over the first half of the range: something in it crashes the engine.
    Halve(Run),
    /// Stop the run or consolidation until a person has looked.
    Fail {
        /// The run.
        run: Run,
        /// Why.
        reason: String,
    },
    /// Let a failed run go on: the definition with which it failed is no longer current.
    Resume(Run),
    /// Note the heartbeat that was seen.
    Observe(Run),
}

/// Why a group stands still although it has work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// Its run or consolidation failed; a person decides.
    #[error("{what} {range} failed and waits for a person: {reason}")]
    Failed {
        /// `run` or `consolidation`.
        what: String,
        /// Its batches.
        range: Range,
        /// Why it failed.
        reason: String,
    },
    /// More waits than the embedded engine may take.
    #[error(
        "more than {limit} bytes wait, the most that the embedded engine takes here (embedded_limit), and the EMR engine \
         is not available yet; `engine: embedded` processes them in pieces"
    )]
    NeedsEmr {
        /// The policy's `embedded_limit`, bytes.
        limit: u64,
    },
    /// The catalog contradicts itself; nothing may be done.
    #[error("the catalog contradicts itself: {0}")]
    Inconsistent(String),
}

/// What to do now, and when to look again if nothing else happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decision {
    /// Independent of each other: at most one for the run and one for the consolidation.
    pub actions: Vec<Action>,
    /// Milliseconds after which to look again.
    pub look_again: Option<u64>,
    /// What stands still, and why.
    pub halts: Vec<Halt>,
}

/// A run takes at most so many batches, whatever their size: it opens that many objects, and the view stays small.
pub const MAX_RUN_BATCHES: usize = 1000;

/// Whether the view needs no more pending batches after these: they exceed what one run may take.
pub fn enough(pending: &[Pending], embedded_limit: u64) -> bool {
    pending.len() >= MAX_RUN_BATCHES || pending.iter().map(|batch| batch.bytes).sum::<u64>() > embedded_limit
}

/// Decides what the group does next at `now`; `dead` are attempts whose functions were reported to have failed.
pub fn decide(view: &GroupView, policy: &Policy, dead: &[DeadAttempt], now: i64) -> Decision {
    let mut decision = Decision::default();
    let problems = view.problems();
    if !problems.is_empty() {
        decision.halts.push(Halt::Inconsistent(problems.join("; ")));
        return decision;
    }
    match &view.run {
        Some(run) => decision.care(run, policy, dead, now),
        None => decision.plan_run(view, policy),
    }
    match &view.consolidation {
        Some(consolidation) => decision.care(consolidation, policy, dead, now),
        None => decision.plan_consolidation(view, policy, now),
    }
    decision
}

impl GroupView {
    /// What contradicts itself; nothing if all is well.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.marks.problems(self.next);
        let Watermarks { claimed, done, imaging, imaged } = self.marks;
        let mut holds = |what: &str, run: &Option<Run>, lo, hi| {
            if run.as_ref().map(|run| run.range) != Range::new(lo, hi) {
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

    fn care(&mut self, run: &Run, policy: &Policy, dead: &[DeadAttempt], now: i64) {
        if run.state == RunState::Failed && run.manifest.is_none() && run.definition != policy.definition {
            return self.actions.push(Action::Resume(run.clone()));
        }
        if run.state == RunState::Failed {
            let reason = run.error.clone().unwrap_or_else(|| "no reason was recorded".to_owned());
            return self.halts.push(Halt::Failed { what: run.kind.to_string(), range: run.range, reason });
        }
        let reported = dead.iter().find(|dead| dead.epoch == run.epoch && dead.attempt == run.attempt);
        match run.care(reported, now, policy.takeover_after) {
            Care::TakeOver => {
                let crashed = reported.is_some_and(|dead| dead.crashed);
                self.actions.push(next_attempt(Run { crashes: run.crashes + u32::from(crashed), ..run.clone() }));
            }
            Care::Observe => self.actions.push(Action::Observe(run.clone())),
            // Who claimed or observed it has arranged for a look at the right time.
            Care::Wait(_) => {}
        }
    }

    fn plan_run(&mut self, view: &GroupView, policy: &Policy) {
        // Nothing is small enough for an engine that was not asked for.
        let limit = if policy.engine == EngineChoice::Emr { 0 } else { policy.embedded_limit };
        let batches = &view.pending[..view.pending.len().min(MAX_RUN_BATCHES)];
        let fits = |taken: &mut u64, batch: &Pending| {
            *taken = taken.saturating_add(batch.bytes);
            Some(*taken).filter(|taken| *taken <= limit)
        };
        let fitting = batches.iter().scan(0, fits).count();
        if fitting < batches.len() && policy.engine != EngineChoice::Embedded {
            return self.halts.push(Halt::NeedsEmr { limit });
        }
        // A batch that is larger than the limit all by itself still has to pass.
        let taken = &batches[..fitting.max(1).min(batches.len())];
        let lo = view.marks.claimed;
        if let Some(range) = Range::new(lo, Sequence(lo.0 + taken.len() as u64)) {
            let bytes = taken.iter().map(|batch| batch.bytes).sum();
            self.actions.push(Action::ClaimRun { range, bytes, engine: Engine::Embedded });
        }
    }

    fn plan_consolidation(&mut self, view: &GroupView, policy: &Policy, now: i64) {
        let Some(range) = Range::new(view.marks.imaged, view.marks.done) else { return };
        let since = view.last_image_at.map(|at| u64::try_from(now.saturating_sub(at)).unwrap_or(0));
        match since {
            Some(since) if since < policy.consolidate_every => self.look_again(policy.consolidate_every - since),
            _ => self.actions.push(Action::ClaimConsolidation { range }),
        }
    }
}

/// What becomes of a run whose attempt is dead. Once an attempt is elected only its files are left to be committed.
fn next_attempt(run: Run) -> Action {
    if run.crashes < MOST_CRASHES || run.manifest.is_some() {
        return Action::TakeOver(run);
    }
    if run.kind == Kind::Transform && run.range.batches() > 1 {
        return Action::Halve(run);
    }
    let (kind, range, crashes) = (run.kind, run.range, run.crashes);
    let reason = format!(
        "{crashes} attempts at {kind} {range} crashed or ran out of time; give the function more memory, or look into its \
         log and the raw objects of these batches (`foz files`), then `foz runs GROUP --resume`"
    );
    Action::Fail { run, reason }
}

#[cfg(test)]
mod tests;
