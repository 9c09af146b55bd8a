mod compactions;

use proptest::prelude::*;

use super::*;
use crate::batch::Watermarks;
use crate::ids::Epoch;
use crate::job::care::DeathCause;
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
        marks: Watermarks { claimed: mark, done: mark, imaging: mark, imaged: mark, ..Watermarks::default() },
        last_image_at: None,
        run: None,
        half_bytes: 0,
        consolidation: None,
        compaction: None,
        debt_since: None,
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
fn protocol_15_beyond_the_limit_a_backlog_goes_in_pieces() {
    let view = view(5, &[60, 40, 1]);
    for engine in [EngineChoice::Auto, EngineChoice::Embedded] {
        let decision = decide(&view, &policy(engine), &[], 0);
        assert_eq!((decision.steps, decision.halts), (claim(5, 7, 100), vec![]));
    }
}

#[test]
fn where_emr_is_asked_for_nothing_is_small_enough() {
    let decision = decide(&view(5, &[1]), &policy(EngineChoice::Emr), &[], 0);
    assert_eq!((decision.steps, decision.halts), (vec![], vec![Halt::NeedsEmr]));
    assert_eq!(decide(&view(5, &[]), &policy(EngineChoice::Emr), &[], 0), Decision::default());
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
    let (claimed, done, image) = (Sequence(5), Sequence(3), Sequence(2));
    view.marks = Watermarks { claimed, done, imaging: image, imaged: image, ..view.marks };
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(decision.halts[0].to_string(), "run 3-5 failed and waits for a person: why");
    assert_eq!(decision.steps, [claim_consolidation(2, 3)]);
}

/// What is done when the attempt of such a job, which had begun, is reported to have ended by that cause.
fn after_the_end(job: &Job, cause: DeathCause) -> Option<Step> {
    let dead = DeadAttempt {
        epoch: job.epoch,
        attempt: job.attempt.clone(),
        cause,
        error: Some("tables: no room".to_owned()),
    };
    look(job, &[dead], 1)
}

/// What is done about the only job of a group at `now`.
fn look(job: &Job, dead: &[DeadAttempt], now: i64) -> Option<Step> {
    let mut view = view(job.range.hi().0, &[]);
    let lo = job.range.lo();
    match job.id.kind {
        JobKind::Transform => {
            view.marks = Watermarks { done: lo, imaging: lo, imaged: lo, ..view.marks };
            view.half_bytes = half_in_question(job).map_or(0, |half| 7 * half.batches());
            view.run = Some(job.clone());
        }
        JobKind::Consolidate => {
            view.marks.imaged = lo;
            view.consolidation = Some(job.clone());
        }
        JobKind::Compact => {
            (view.marks.compacted, view.marks.compacting) = (lo, job.range.hi());
            view.compaction = Some(job.clone());
        }
    }
    let mut steps = decide(&view, &policy(EngineChoice::Auto), dead, now).steps;
    assert!(steps.len() < 2, "{steps:?}");
    steps.pop()
}

/// A job whose attempt has begun, after that many takeovers and faults.
fn begun(kind: JobKind, hi: u64, crashes: u32) -> Job {
    Job { crashes, epoch: Epoch(9), heartbeat: 3, ..job(kind, 0, hi) }
}

#[test]
fn case_20_protocol_6_a_run_that_keeps_failing_is_halved_until_one_batch_stands_alone() {
    let failing = |hi, crashes| begun(JobKind::Transform, hi, crashes);
    let told = |job: &Job| job.blaming("tables: no room");
    let after = |job: &Job| after_the_end(job, DeathCause::Fault).unwrap();
    let again = after(&failing(8, 1));
    assert_eq!(again, Step::change(&failing(8, 1), told(&failing(8, 1)).crashed(&start(1)), Guard::Silent));
    assert_eq!((again.to.crashes, again.to.range, again.to.heartbeat), (2, failing(8, 1).range, 0));
    assert_eq!(again.to.error.as_deref(), Some("tables: no room"), "who looks sees why it is repeated");
    let half = after(&failing(8, 2));
    assert_eq!(half, Step::change(&failing(8, 2), told(&failing(8, 2)).halved(28, &start(1)).unwrap(), Guard::Silent));
    assert_eq!((half.to.crashes, half.to.bytes, half.to.range.to_string().as_str()), (0, 28, "0-4"));
    let alone = after(&failing(1, 2));
    assert_eq!((alone.to.state, alone.to.epoch, alone.guard), (JobState::Failed, Epoch(9), Guard::Held));
    assert!(alone.to.error.unwrap().starts_with("3 attempts at run 0-1 failed, the last one: tables: no room; "));
    // Its files are frozen, so it cannot be halved: publishing that keeps failing waits for a person, too.
    let elected = failing(8, 1).elected("m".parse().unwrap());
    assert_eq!(after(&elected).to, told(&elected).crashed(&start(1)));
    assert_eq!(after(&Job { crashes: 2, ..elected }).to.state, JobState::Failed);
}

#[test]
fn protocol_6_a_consolidation_that_keeps_failing_goes_in_smaller_and_smaller_pieces() {
    let failing = |piece, crashes| Job { piece, ..begun(JobKind::Consolidate, 9, crashes) };
    let piece = |job: &Job| {
        let step = after_the_end(job, DeathCause::Fault).unwrap();
        assert_eq!(step.to.range, job.range, "the image that it promises is the same");
        (step.to.state, step.to.crashes, step.to.piece)
    };
    assert_eq!(piece(&failing(None, 0)), (JobState::Claimed, 1, None));
    assert_eq!(piece(&failing(None, 2)), (JobState::Claimed, 0, Some(4)));
    assert_eq!(piece(&failing(Some(4), 1)), (JobState::Claimed, 2, Some(4)));
    assert_eq!(piece(&failing(Some(3), 2)), (JobState::Claimed, 0, Some(1)));
    assert_eq!(piece(&failing(Some(1), 2)), (JobState::Failed, 2, Some(1)));
}

#[test]
fn protocol_6_an_outage_is_no_fault_of_the_range_however_often_it_comes() {
    let mut job = Job { epoch: Epoch(1), ..begun(JobKind::Transform, 8, 0) };
    let mut waited = 0;
    for now in (0i64..20).map(|n| n * 60_000) {
        // The first attempts are repeated at once, later ones at a pace.
        let step = after_the_end(&job, DeathCause::Outage).unwrap();
        if step.guard == Guard::Unseen {
            let excused = Job { seen_at: Timestamp(now), ..step.to };
            assert_eq!(look(&excused, &[], now + 59_999), None);
            job = look(&excused, &[], now + 60_000).unwrap().to;
            waited += 1;
        } else {
            job = step.to;
        }
        assert_eq!((job.state, job.crashes, job.range.batches()), (JobState::Claimed, 0, 8));
        assert_eq!(job.error.as_deref(), Some("tables: no room"));
        job.heartbeat = 1;
    }
    assert_eq!(waited, 18);
}

#[test]
fn protocol_6_an_attempt_that_never_began_is_no_fault_of_the_range() {
    let job = Job { heartbeat: 0, ..begun(JobKind::Transform, 8, 2) };
    assert_eq!(after_the_end(&job, DeathCause::Fault), None, "at a pace");
    let next = look(&job, &[], 60_000).unwrap().to;
    assert_eq!((next.crashes, next.epoch, next.error), (2, Epoch(10), None));
}

#[test]
fn protocol_16_a_silence_after_a_beginning_counts_as_a_fault() {
    let silent = |crashes| Job { seen_heartbeat: 3, ..begun(JobKind::Transform, 8, crashes) };
    let next = |crashes| look(&silent(crashes), &[], 60_000).unwrap().to;
    assert_eq!((next(0).crashes, next(0).error.as_deref()), (1, Some("it went silent")));
    assert_eq!((next(2).crashes, next(2).range.batches()), (0, 4));
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
    assert_eq!((at(9_900).steps.len(), at(9_900).look_again), (0, Some(1000)), "clocks differ a little");
    view.last_image_at = Some(Timestamp(3_600_000));
    let ahead = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert_eq!(
        (ahead.steps.len(), ahead.look_again),
        (1, None),
        "an hour ahead: a wrong clock's, and no reason to wait"
    );
}

#[test]
fn a_contradiction_stops_everything() {
    let mut view = view(5, &[1]);
    view.marks.claimed = Sequence(6);
    let decision = decide(&view, &policy(EngineChoice::Auto), &[], 0);
    assert!(decision.steps.is_empty());
    assert!(matches!(&decision.halts[..], [Halt::Inconsistent(_)]), "{decision:?}");
    view.marks = Watermarks { compacting: Sequence(1), ..Watermarks { claimed: Sequence(5), ..view.marks } };
    let [Halt::Inconsistent(why)] = &decide(&view, &policy(EngineChoice::Auto), &[], 0).halts[..] else { panic!() };
    assert_eq!(why, "no compaction holds exactly 0 to 1");
}

/// A group moved only by its decisions: what two dispatchers may do to it, step by step.
#[derive(Debug)]
struct Model {
    sizes: Vec<u64>,
    view: GroupView,
    runs: Vec<Range>,
    images: Vec<Range>,
    compactions: Vec<Range>,
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
            JobKind::Compact => {
                self.compactions.extend(claimed.then_some(job.range));
                self.view.compaction = Some(job);
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
    fn every_prefix_is_processed_in_contiguous_ranges(sizes in prop::collection::vec(0u64..150, 1..40), ends in prop::collection::vec((prop::sample::select(JobKind::ALL.to_vec()), any::<bool>()), 400)) {
        let mut model =
            Model { sizes: sizes.clone(), view: view(0, &[]), runs: vec![], images: vec![], compactions: vec![] };
        model.refresh();
        let mut now = 0;
        for (end, indebted) in ends {
            now += 700;
            model.view.debt_since = indebted.then_some(Timestamp(0));
            for step in decide(&model.view, &policy(EngineChoice::Embedded), &[], now).steps {
                model.take(&step);
            }
            let marks = &mut model.view.marks;
            match end {
                JobKind::Transform => (marks.done, model.view.run) = (marks.claimed, None),
                JobKind::Consolidate => (marks.imaged, model.view.consolidation) = (marks.imaging, None),
                JobKind::Compact => (marks.compacted, model.view.compaction) = (marks.compacting, None),
            }
        }
        let total = sizes.len() as u64;
        prop_assert!(tile(&model.runs, total), "{:?}", model.runs);
        for range in &model.runs {
            let bytes: u64 = (range.lo().0..range.hi().0).map(|n| sizes[usize::try_from(n).unwrap()]).sum();
            prop_assert!(bytes <= 100 || range.batches() == 1, "{range} holds {bytes} bytes");
        }
        prop_assert!(tile(&model.images, model.view.marks.imaging.0), "{:?}", model.images);
        prop_assert!(tile(&model.compactions, model.view.marks.compacting.0), "{:?}", model.compactions);
        prop_assert!(model.compactions.iter().all(|number| number.batches() == 1), "{:?}", model.compactions);
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
