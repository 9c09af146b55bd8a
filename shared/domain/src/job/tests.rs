use proptest::prelude::*;

use super::step::{Guard, is_taken, marks, states_before};
use super::*;
use crate::batch::Watermarks;

pub(crate) fn start(attempt: &str) -> Start {
    let (attempt, definition) = (attempt.parse().unwrap(), "config/1.yaml".parse().unwrap());
    Start { attempt, definition, now: Timestamp(0) }
}

/// A job over `lo..hi` as its first attempt `a` claimed it.
pub(crate) fn job(kind: JobKind, lo: u64, hi: u64) -> Job {
    let range = Range::new(Sequence(lo), Sequence(hi)).unwrap();
    let work = Work { kind, range, bytes: 0, engine: JobEngine::Embedded };
    Job::claimed(&"a".parse().unwrap(), work, &start("a"))
}

#[test]
fn a_new_attempt_begins_with_the_current_definition_unless_the_files_are_frozen() {
    let next = Start { definition: "config/2.yaml".parse().unwrap(), ..start("b") };
    let run = job(JobKind::Transform, 0, 4);
    assert_eq!(run.taken_over(&next).definition.as_str(), "config/2.yaml");
    let elected = run.elected("m".parse().unwrap());
    assert_eq!(elected.taken_over(&next).definition.as_str(), "config/1.yaml");
    assert_eq!(elected.halved(0, &next), None);
    assert_eq!(run.halved(7, &next).map(|half| (half.range.to_string(), half.bytes)), Some(("0-2".to_owned(), 7)));
    assert_eq!(job(JobKind::Transform, 0, 1).halved(7, &next), None);
    let image = job(JobKind::Consolidate, 0, 4).halved(7, &next).unwrap();
    assert_eq!((image.range.to_string().as_str(), image.bytes, image.piece), ("0-4", 0, Some(2)));
    assert_eq!(job(JobKind::Consolidate, 0, 1).halved(7, &next), None);
}

#[test]
fn protocol_6_pieces_lead_to_the_end_of_the_range_from_wherever_an_earlier_attempt_has_come() {
    let pieces = |piece, from| {
        let job = Job { piece, ..job(JobKind::Consolidate, 3, 10) };
        let mut ends = vec![from];
        while ends[ends.len() - 1] < 10 {
            ends.push(job.next_piece(Sequence(ends[ends.len() - 1])).0);
        }
        ends
    };
    assert_eq!(pieces(None, 3), [3, 10]);
    assert_eq!(pieces(Some(3), 3), [3, 6, 9, 10]);
    assert_eq!(pieces(Some(3), 8), [8, 10]);
    assert_eq!(pieces(Some(1), 7), [7, 8, 9, 10]);
    assert_eq!(pieces(Some(u64::MAX), 3), [3, 10]);
}

#[test]
fn a_piece_is_begun_if_one_as_long_as_the_longest_would_end_in_time() {
    let job = job(JobKind::Consolidate, 3, 10);
    let begins = |reached, now, longest| job.has_time(Sequence(reached), Timestamp(now), longest, Timestamp(100));
    assert!(begins(3, 500, 0), "the first one always, however late");
    assert!(begins(4, 60, 40));
    assert!(!begins(4, 61, 40));
}

#[test]
fn an_error_is_kept_briefly_and_until_the_job_is_done() {
    let run = job(JobKind::Transform, 0, 1).blaming(&"é".repeat(3 * MAX_ERROR));
    assert_eq!(run.error.as_ref().map(|error| error.chars().count()), Some(MAX_ERROR));
    assert_eq!(run.failed(&"x".repeat(3 * MAX_ERROR), Timestamp(1)).error.map(|error| error.len()), Some(MAX_ERROR));
    assert_eq!(run.done(Timestamp(1)).error, None);
}

#[test]
fn a_resumed_job_goes_back_to_where_it_was() {
    let attempt = "b".parse().unwrap();
    let failed = job(JobKind::Transform, 0, 1).failed("why", Timestamp(5));
    let resumed = failed.resumed(&attempt);
    assert_eq!(
        (resumed.state, resumed.epoch, resumed.error, resumed.ended_at),
        (JobState::Claimed, Epoch(2), None, None)
    );
    let elected = Job { manifest: Some("m".parse().unwrap()), ..failed };
    assert_eq!(elected.resumed(&attempt).state, JobState::Committing);
}

#[test]
fn an_attempt_may_fail_from_wherever_it_is_but_what_has_ended_stays_so() {
    let run = job(JobKind::Transform, 0, 1);
    let failed = run.failed("why", Timestamp(1));
    assert_eq!(states_before(&run, &failed), [JobState::Claimed, JobState::Staged, JobState::Committing]);
    assert_eq!(states_before(&run, &run.elected("m".parse().unwrap())), [JobState::Claimed, JobState::Staged]);
    assert_eq!(states_before(&run, &run.done(Timestamp(1))), [JobState::Committing]);
    assert_eq!(states_before(&failed, &failed.resumed(&"b".parse().unwrap())), [JobState::Failed]);
    for kind in [JobKind::Consolidate, JobKind::Compact] {
        let job = job(kind, 0, 1);
        assert_eq!(states_before(&job, &job.done(Timestamp(1))), [JobState::Claimed], "{kind}");
    }
}

#[test]
fn a_compaction_is_named_by_its_number_and_has_no_halves() {
    let compaction = job(JobKind::Compact, 7, 8);
    assert_eq!((compaction.id.at, compaction.title()), (Sequence(7), "compaction 7".to_owned()));
    assert_eq!(compaction.id.to_string(), "compaction 7 of a");
    assert_eq!((compaction.half(), compaction.halved(1, &start("b"))), (None, None));
    assert_eq!(job(JobKind::Transform, 3, 5).title(), "run 3-5");
}

/// A group that is moved by steps alone.
#[derive(Debug)]
struct Group {
    next: Sequence,
    marks: Watermarks,
    run: Option<Job>,
    consolidation: Option<Job>,
    compaction: Option<Job>,
}

/// What happens to a group; what cannot happen to it now does not.
#[derive(Debug, Clone, Copy)]
enum Happening {
    Batches(u64),
    ClaimRun(u64),
    ClaimConsolidation,
    ClaimCompaction,
    Beat,
    Observe,
    Excuse,
    TakeOver,
    Crash,
    Halve,
    Elect,
    Finish,
    Fail,
    Resume,
}

fn happenings() -> impl Strategy<Value = Vec<(Happening, JobKind)>> {
    use Happening::*;
    let one = prop_oneof![
        (0u64..4).prop_map(Batches),
        (1u64..5).prop_map(ClaimRun),
        Just(ClaimConsolidation),
        Just(ClaimCompaction),
        Just(Beat),
        Just(Observe),
        Just(Excuse),
        Just(TakeOver),
        Just(Crash),
        Just(Halve),
        Just(Elect),
        Just(Finish),
        Just(Fail),
        Just(Resume),
    ];
    prop::collection::vec((one, prop::sample::select(JobKind::ALL.to_vec())), 0..120)
}

/// The step that the happening means for a job, if it can happen to it.
fn step(job: &Job, happening: Happening, start: &Start) -> Option<(Job, Guard)> {
    let active = job.state.is_active();
    let to = match happening {
        Happening::Observe if active => (job.observed(start.now), Guard::Unseen),
        Happening::Excuse if active && job.has_begun() => (job.excused("why", start.now), Guard::Unseen),
        Happening::TakeOver if active => (job.taken_over(start), Guard::Silent),
        Happening::Crash if active => (job.crashed(start), Guard::Silent),
        Happening::Halve if active => (job.halved(1, start)?, Guard::Silent),
        Happening::Elect if active => (job.elected("m".parse().unwrap()), Guard::Held),
        Happening::Finish if active => (job.done(start.now), Guard::Held),
        Happening::Fail if active => (job.failed("why", start.now), Guard::Held),
        Happening::Resume if job.state == JobState::Failed => (job.resumed(&start.attempt), Guard::Held),
        _ => return None,
    };
    to.1.allows(job, &to.0, job).then_some(to)
}

impl Group {
    fn slot(&mut self, kind: JobKind) -> &mut Option<Job> {
        match kind {
            JobKind::Transform => &mut self.run,
            JobKind::Consolidate => &mut self.consolidation,
            JobKind::Compact => &mut self.compaction,
        }
    }

    /// Takes a step and moves its mark: that it can is what is tested.
    fn take(&mut self, from: Option<&Job>, to: &Job) {
        if let Some(moved) = marks(from, to) {
            self.marks = moved.apply(self.marks).unwrap_or_else(|| panic!("{moved:?} from {:?}", self.marks));
        }
        *self.slot(to.id.kind) = Some(to.clone()).filter(|to| to.state != JobState::Done);
    }

    fn happen(&mut self, happening: Happening, kind: JobKind, start: &Start) {
        let claim = |kind, lo: Sequence, hi: u64| {
            let range = Range::new(lo, Sequence(hi))?;
            let work = Work { kind, range, bytes: 0, engine: JobEngine::Embedded };
            Some(Job::claimed(&"a".parse().unwrap(), work, start))
        };
        let Watermarks { claimed, done, imaged, compacted, .. } = self.marks;
        match happening {
            Happening::Batches(n) => self.next = Sequence(self.next.0 + n),
            Happening::ClaimRun(n) if self.run.is_none() => {
                if let Some(job) = claim(JobKind::Transform, claimed, self.next.0.min(claimed.0 + n)) {
                    self.take(None, &job);
                }
            }
            Happening::ClaimConsolidation if self.consolidation.is_none() => {
                if let Some(job) = claim(JobKind::Consolidate, imaged, done.0) {
                    self.take(None, &job);
                }
            }
            Happening::ClaimCompaction if self.compaction.is_none() => {
                if let Some(job) = claim(JobKind::Compact, compacted, compacted.0 + 1) {
                    self.take(None, &job);
                }
            }
            _ => {
                let Some(job) = self.slot(kind) else { return };
                if matches!(happening, Happening::Beat) {
                    job.heartbeat += u64::from(job.state.is_active());
                    return;
                }
                let job = job.clone();
                let Some((to, guard)) = step(&job, happening, start) else { return };
                legal(&job, &to, guard);
                self.take(Some(&job), &to);
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.marks.problems(self.next), Vec::<String>::new());
        let held = |job: &Option<Job>| job.as_ref().map(|job| job.range);
        assert_eq!(held(&self.run), Range::new(self.marks.done, self.marks.claimed));
        assert_eq!(held(&self.consolidation), Range::new(self.marks.imaged, self.marks.imaging));
        assert_eq!(held(&self.compaction), Range::new(self.marks.compacted, self.marks.compacting));
    }
}

/// What holds of every step.
fn legal(from: &Job, to: &Job, guard: Guard) {
    assert_eq!(from.id, to.id);
    assert!(from.state == to.state || from.state.may_become(to.state, to.id.kind), "{} → {}", from.state, to.state);
    assert_eq!(to.epoch, if from.attempt == to.attempt { from.epoch } else { from.epoch.next() });
    let beats = if to.epoch == from.epoch && guard != Guard::Unseen { from.heartbeat } else { 0 };
    assert!([beats, from.heartbeat].contains(&to.heartbeat), "only an attempt beats");
    assert!(to.epoch == from.epoch || !to.has_begun(), "a new attempt has not begun");
    assert!(is_taken(Some(from), to, to) && !is_taken(Some(from), to, from), "{from:?} → {to:?}");
    assert!(!guard.allows(from, to, to), "taken once: {from:?} → {to:?}");
    if from.manifest.is_some() {
        assert_eq!((&from.manifest, &from.definition, from.range), (&to.manifest, &to.definition, to.range), "frozen");
    }
}

proptest! {
    #[test]
    fn whatever_happens_epochs_rise_and_ranges_tile_the_group(happenings in happenings()) {
        let mut group =
            Group { next: Sequence(0), marks: Watermarks::default(), run: None, consolidation: None, compaction: None };
        for (n, (happening, kind)) in happenings.into_iter().enumerate() {
            let start = Start { now: Timestamp(1).plus(n as u64), ..start(&format!("a{n}")) };
            group.happen(happening, kind, &start);
            group.check();
        }
    }
}
