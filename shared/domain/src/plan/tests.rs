use proptest::prelude::*;

use super::*;
use crate::ids::Epoch;
use crate::job::step::marks;
use crate::job::tests::job;

fn policy(engine: EngineChoice) -> Policy {
    let definition = "config/1.yaml".parse().unwrap();
    Policy { definition, engine, embedded_limit: 100, consolidate_every: 1000, takeover_after: 60_000 }
}

/// Decides with attempts that are all called `next`.
fn decide(view: &GroupView, policy: &Policy, dead: &[DeadAttempt], now: i64) -> Decision {
    super::decide(view, policy, dead, Timestamp(now), &mut || "next".parse().unwrap())
}

/// How an attempt begins that is decided at `now`.
fn start(now: i64) -> Start {
    let (attempt, definition) = ("next".parse().unwrap(), "config/1.yaml".parse().unwrap());
    Start { attempt, definition, now: Timestamp(now) }
}

fn view(claimed: u64, bytes: &[u64]) -> GroupView {
    let pending = bytes.iter().zip(claimed..).map(|(&bytes, n)| Pending { sequence: Sequence(n), bytes }).collect();
    let mark = Sequence(claimed);
    GroupView {
        group: "a".parse().unwrap(),
        next: Sequence(claimed + bytes.len() as u64),
        marks: Watermarks { claimed: mark, done: mark, imaging: mark, imaged: mark },
        last_image_at: None,
        run: None,
        half_bytes: 0,
        consolidation: None,
        pending,
    }
}

fn claim(lo: u64, hi: u64, bytes: u64) -> Vec<Step> {
    let range = Range::new(Sequence(lo), Sequence(hi)).unwrap();
    let work = Work { kind: JobKind::Transform, range, bytes, engine: JobEngine::Embedded };
    vec![Step::claim(Job::claimed(&"a".parse().unwrap(), work, &start(0)))]
}

fn claim_consolidation(lo: u64, hi: u64) -> Step {
    let range = Range::new(Sequence(lo), Sequence(hi)).unwrap();
    let work = Work { kind: JobKind::Consolidate, range, bytes: 0, engine: JobEngine::Embedded };
    Step::claim(Job::claimed(&"a".parse().unwrap(), work, &start(0)))
}

#[test]
fn nothing_to_do() {
    assert_eq!(decide(&view(5, &[]), &policy(EngineChoice::Auto), &[], 0), Decision::default());
}

#[test]
fn the_whole_backlog_if_it_fits() {
    let decision = decide(&view(5, &[60, 40]), &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.steps, claim(5, 7, 100));
}

#[test]
fn beyond_the_limit_auto_waits_for_emr_and_embedded_goes_in_pieces() {
    let view = view(5, &[60, 40, 1]);
    let auto = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!((auto.steps, auto.halts), (vec![], vec![Halt::TooLarge { limit: 100 }]));
    assert_eq!(decide(&view, &policy(EngineChoice::Embedded), &[], 0).steps, claim(5, 7, 100));
}

#[test]
fn where_emr_is_asked_for_nothing_is_small_enough() {
    let decision = decide(&view(5, &[1]), &policy(EngineChoice::Emr), &[], 0);
    assert_eq!((decision.steps, decision.halts), (vec![], vec![Halt::TooLarge { limit: 0 }]));
}

#[test]
fn a_batch_beyond_the_limit_passes_alone() {
    assert_eq!(decide(&view(0, &[500, 1]), &policy(EngineChoice::Embedded), &[], 0).steps, claim(0, 1, 500));
}

#[test]
fn the_number_of_batches_is_bounded_too() {
    let decision = decide(&view(0, &[0; MAX_RUN_BATCHES + 5]), &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.steps, claim(0, MAX_RUN_BATCHES as u64, 0));
}

#[test]
fn a_failed_run_halts_runs_but_not_consolidations() {
    let mut view = view(5, &[1]);
    let failed = job(JobKind::Transform, 3, 5).failed("why", Timestamp(0));
    view.run = Some(failed);
    view.marks = Watermarks { claimed: Sequence(5), done: Sequence(3), imaging: Sequence(2), imaged: Sequence(2) };
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.halts[0].to_string(), "run 3-5 failed and waits for a person: why");
    assert_eq!(decision.steps, [claim_consolidation(2, 3)]);
}

/// What is done when the attempt of such a run is reported to have crashed.
fn after_a_crash(run: &Job) -> Step {
    let mut view = view(run.range.hi().0, &[]);
    view.marks = Watermarks { done: run.range.lo(), imaging: run.range.lo(), imaged: run.range.lo(), ..view.marks };
    let dead = DeadAttempt { epoch: run.epoch, attempt: run.attempt.clone(), crashed: true };
    view.run = Some(run.clone());
    view.half_bytes = half_in_question(run).map_or(0, |half| 7 * half.batches());
    decide(&view, &policy(EngineChoice::Auto), &[dead], 1).steps.remove(0)
}

#[test]
fn case_20_a_run_that_keeps_crashing_is_halved_until_one_batch_stands_alone() {
    let crashed = |hi, crashes| Job { crashes, epoch: Epoch(9), ..job(JobKind::Transform, 0, hi) };
    let again = after_a_crash(&crashed(8, 1));
    assert_eq!(again, Step::change(&crashed(8, 1), crashed(8, 1).crashed(&start(1)), Guard::Silent));
    assert_eq!((again.to.crashes, again.to.range), (2, crashed(8, 1).range));
    let half = after_a_crash(&crashed(8, 2));
    assert_eq!(half, Step::change(&crashed(8, 2), crashed(8, 2).halved(28, &start(1)).unwrap(), Guard::Silent));
    assert_eq!((half.to.crashes, half.to.bytes, half.to.range.to_string().as_str()), (0, 28, "0-4"));
    let alone = after_a_crash(&crashed(1, 2));
    assert_eq!((alone.to.state, alone.to.epoch, alone.guard), (JobState::Failed, Epoch(9), Guard::Held));
    assert!(alone.to.error.unwrap().starts_with("3 attempts at run 0-1 crashed"));
    let elected = Job { crashes: 7, ..crashed(8, 7).elected("m".parse().unwrap()) };
    assert_eq!(after_a_crash(&elected).to, elected.crashed(&start(1)), "its files are frozen");
}

#[test]
fn a_failed_run_goes_on_when_the_definition_has_changed() {
    let mut view = view(1, &[]);
    let failed = job(JobKind::Transform, 0, 1).failed("why", Timestamp(0));
    let failed = Job { definition: "config/0.yaml".parse().unwrap(), ..failed };
    view.marks = Watermarks { claimed: Sequence(1), ..Watermarks::default() };
    view.run = Some(failed.clone());
    let resume = Step::change(&failed, failed.resumed(&"next".parse().unwrap()), Guard::Held);
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!((decision.steps, decision.halts), (vec![resume], vec![]));
    view.run = Some(Job { manifest: Some("m".parse().unwrap()), ..failed });
    assert_eq!(decide(&view, &policy(EngineChoice::Auto), &[], 0).halts.len(), 1, "no definition is read any more");
}

#[test]
fn consolidations_keep_their_distance() {
    let mut view = view(5, &[]);
    view.marks.imaged = Sequence(4);
    view.marks.imaging = Sequence(4);
    view.last_image_at = Some(Timestamp(10_000));
    let at = |now| decide(&view, &policy(EngineChoice::Auto), &[], now);
    assert_eq!((at(10_400).steps.len(), at(10_400).look_again), (0, Some(600)));
    assert_eq!((at(11_000).steps.len(), at(11_000).look_again), (1, None));
}

#[test]
fn a_contradiction_stops_everything() {
    let mut view = view(5, &[1]);
    view.marks.claimed = Sequence(6);
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert!(decision.steps.is_empty());
    assert!(matches!(&decision.halts[..], [Halt::Inconsistent(_)]), "{decision:?}");
}

/// A group moved only by its decisions: what two dispatchers may do to it, step by step.
#[derive(Debug)]
struct Model {
    sizes: Vec<u64>,
    view: GroupView,
    runs: Vec<Range>,
    images: Vec<Range>,
}

impl Model {
    fn refresh(&mut self) {
        let claimed = self.view.marks.claimed.0;
        let rest = self.sizes.iter().zip(0u64..).skip(usize::try_from(claimed).unwrap());
        self.view.next = Sequence(self.sizes.len() as u64);
        self.view.pending = rest.map(|(&bytes, n)| Pending { sequence: Sequence(n), bytes }).collect();
    }

    fn take(&mut self, step: &Step) {
        if let Some(moved) = marks(step.from.as_ref(), &step.to) {
            self.view.marks = moved.apply(self.view.marks).unwrap();
        }
        let (job, claimed) = (step.to.clone(), step.from.is_none());
        match job.id.kind {
            JobKind::Transform => {
                self.runs.extend(claimed.then_some(job.range));
                self.view.run = Some(job);
            }
            JobKind::Consolidate => {
                self.images.extend(claimed.then_some(job.range));
                self.view.last_image_at = Some(job.started_at);
                self.view.consolidation = Some(job);
            }
        }
        self.refresh();
    }
}

fn tile(ranges: &[Range], hi: u64) -> bool {
    let mut next = 0;
    ranges.iter().all(|range| std::mem::replace(&mut next, range.hi().0) == range.lo().0) && next == hi
}

proptest! {
    #[test]
    fn every_prefix_is_processed_in_contiguous_ranges(sizes in prop::collection::vec(0u64..150, 1..40), ends in prop::collection::vec(any::<bool>(), 300)) {
        let mut model = Model { sizes: sizes.clone(), view: view(0, &[]), runs: vec![], images: vec![] };
        model.refresh();
        let mut now = 0;
        for end_run in ends {
            now += 700;
            for step in decide(&model.view, &policy(EngineChoice::Embedded), &[], now).steps {
                model.take(&step);
            }
            if end_run {
                model.view.marks.done = model.view.marks.claimed;
                model.view.run = None;
            } else {
                model.view.marks.imaged = model.view.marks.imaging;
                model.view.consolidation = None;
            }
        }
        let total = sizes.len() as u64;
        prop_assert!(tile(&model.runs, total), "{:?}", model.runs);
        for range in &model.runs {
            let bytes: u64 = (range.lo().0..range.hi().0).map(|n| sizes[usize::try_from(n).unwrap()]).sum();
            prop_assert!(bytes <= 100 || range.batches() == 1, "{range} holds {bytes} bytes");
        }
        prop_assert!(tile(&model.images, model.view.marks.imaging.0), "{:?}", model.images);
    }

    #[test]
    fn the_view_shows_enough(sizes in prop::collection::vec(0u64..150, 1..30)) {
        let mut seen = Vec::new();
        for batch in view(0, &sizes).pending {
            if enough(&seen, 100) { break; }
            seen.push(batch);
        }
        for engine in EngineChoice::ALL {
            let all = decide(&view(0, &sizes), &policy(engine), &[], 0);
            let some = decide(&GroupView { pending: seen.clone(), ..view(0, &sizes) }, &policy(engine), &[], 0);
            prop_assert_eq!(all, some);
        }
    }
}
