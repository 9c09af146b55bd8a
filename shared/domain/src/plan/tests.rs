use proptest::prelude::*;

use super::*;
use crate::ids::Epoch;
use crate::run::{Kind, tests::run};

fn policy(engine: EngineChoice) -> Policy {
    let definition = "config/1.yaml".into();
    Policy { definition, engine, embedded_limit: 100, consolidate_every: 1000, takeover_after: 60_000 }
}

fn view(claimed: u64, bytes: &[u64]) -> GroupView {
    let pending = bytes.iter().zip(claimed..).map(|(&bytes, n)| Pending { sequence: Sequence(n), bytes }).collect();
    let mark = Sequence(claimed);
    GroupView {
        next: Sequence(claimed + bytes.len() as u64),
        marks: Watermarks { claimed: mark, done: mark, imaging: mark, imaged: mark },
        last_image_at: None,
        run: None,
        consolidation: None,
        pending,
    }
}

fn claim(lo: u64, hi: u64, bytes: u64) -> Vec<Action> {
    let range = Range::new(Sequence(lo), Sequence(hi)).unwrap();
    vec![Action::ClaimRun { range, bytes, engine: Engine::Embedded }]
}

#[test]
fn nothing_to_do() {
    assert_eq!(decide(&view(5, &[]), &policy(EngineChoice::Auto), &[], 0), Decision::default());
}

#[test]
fn the_whole_backlog_if_it_fits() {
    let decision = decide(&view(5, &[60, 40]), &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.actions, claim(5, 7, 100));
}

#[test]
fn beyond_the_limit_auto_waits_for_emr_and_embedded_goes_in_pieces() {
    let view = view(5, &[60, 40, 1]);
    let auto = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!((auto.actions, auto.halts), (vec![], vec![Halt::NeedsEmr { limit: 100 }]));
    assert_eq!(decide(&view, &policy(EngineChoice::Embedded), &[], 0).actions, claim(5, 7, 100));
}

#[test]
fn where_emr_is_asked_for_nothing_is_small_enough() {
    let decision = decide(&view(5, &[1]), &policy(EngineChoice::Emr), &[], 0);
    assert_eq!((decision.actions, decision.halts), (vec![], vec![Halt::NeedsEmr { limit: 0 }]));
}

#[test]
fn a_batch_beyond_the_limit_passes_alone() {
    assert_eq!(decide(&view(0, &[500, 1]), &policy(EngineChoice::Embedded), &[], 0).actions, claim(0, 1, 500));
}

#[test]
fn the_number_of_batches_is_bounded_too() {
    let decision = decide(&view(0, &[0; MAX_RUN_BATCHES + 5]), &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.actions, claim(0, MAX_RUN_BATCHES as u64, 0));
}

#[test]
fn a_failed_run_halts_runs_but_not_consolidations() {
    let mut view = view(5, &[1]);
    let failed = Run { state: RunState::Failed, error: Some("why".into()), ..run(Kind::Transform, 3, 5) };
    view.run = Some(failed);
    view.marks = Watermarks { claimed: Sequence(5), done: Sequence(3), imaging: Sequence(2), imaged: Sequence(2) };
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.halts[0].to_string(), "run 3-5 failed and waits for a person: why");
    let range = Range::new(Sequence(2), Sequence(3)).unwrap();
    assert_eq!(decision.actions, [Action::ClaimConsolidation { range }]);
}

/// What is done when the attempt of such a run is reported to have crashed.
fn after_a_crash(run: Run) -> Action {
    let mut view = view(run.range.hi().0, &[]);
    view.marks = Watermarks { done: run.range.lo(), imaging: run.range.lo(), imaged: run.range.lo(), ..view.marks };
    let dead = DeadAttempt { epoch: run.epoch, attempt: run.attempt.clone(), crashed: true };
    view.run = Some(run);
    decide(&view, &policy(EngineChoice::Auto), &[dead], 1).actions.remove(0)
}

#[test]
fn case_20_a_run_that_keeps_crashing_is_halved_until_one_batch_stands_alone() {
    let crashed = |hi, crashes| Run { crashes, epoch: Epoch(9), ..run(Kind::Transform, 0, hi) };
    assert_eq!(after_a_crash(crashed(8, 1)), Action::TakeOver(crashed(8, 2)));
    assert_eq!(after_a_crash(crashed(8, 2)), Action::Halve(crashed(8, 3)));
    assert!(matches!(after_a_crash(crashed(1, 2)), Action::Fail { run, .. } if run == crashed(1, 3)));
    let elected = Run { manifest: Some("m".into()), state: RunState::Committing, ..crashed(8, 7) };
    assert!(matches!(after_a_crash(elected), Action::TakeOver(_)), "its files are frozen");
}

#[test]
fn a_failed_run_goes_on_when_the_definition_has_changed() {
    let mut view = view(1, &[]);
    let failed = Run { state: RunState::Failed, definition: "config/0.yaml".into(), ..run(Kind::Transform, 0, 1) };
    view.marks = Watermarks { claimed: Sequence(1), ..Watermarks::default() };
    view.run = Some(failed.clone());
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!((decision.actions, decision.halts), (vec![Action::Resume(failed.clone())], vec![]));
    view.run = Some(Run { manifest: Some("m".into()), ..failed });
    assert_eq!(decide(&view, &policy(EngineChoice::Auto), &[], 0).halts.len(), 1, "no definition is read any more");
}

#[test]
fn consolidations_keep_their_distance() {
    let mut view = view(5, &[]);
    view.marks.imaged = Sequence(4);
    view.marks.imaging = Sequence(4);
    view.last_image_at = Some(10_000);
    let at = |now| decide(&view, &policy(EngineChoice::Auto), &[], now);
    assert_eq!((at(10_400).actions.len(), at(10_400).look_again), (0, Some(600)));
    assert_eq!((at(11_000).actions.len(), at(11_000).look_again), (1, None));
}

#[test]
fn a_contradiction_stops_everything() {
    let mut view = view(5, &[1]);
    view.marks.claimed = Sequence(6);
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert!(decision.actions.is_empty());
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

    fn act(&mut self, action: Action, now: i64) {
        match action {
            Action::ClaimRun { range, .. } => {
                self.runs.push(range);
                self.view.marks.claimed = range.hi();
                self.view.run = Some(run(Kind::Transform, range.lo().0, range.hi().0));
            }
            Action::ClaimConsolidation { range } => {
                self.images.push(range);
                self.view.marks.imaging = range.hi();
                self.view.last_image_at = Some(now);
                self.view.consolidation = Some(run(Kind::Consolidation, range.lo().0, range.hi().0));
            }
            Action::TakeOver(run) => {
                let next = Run { epoch: Epoch(run.epoch.0 + 1), seen_at: now, ..run };
                match next.kind {
                    Kind::Transform => self.view.run = Some(next),
                    Kind::Consolidation => self.view.consolidation = Some(next),
                }
            }
            Action::Observe(_) | Action::Halve(_) | Action::Fail { .. } | Action::Resume(_) => {}
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
            for action in decide(&model.view, &policy(EngineChoice::Embedded), &[], now).actions {
                model.act(action, now);
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
