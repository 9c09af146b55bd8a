//! What tests do with a catalog, as the programs would.

use foz_catalog::{Catalog, CatalogError, Commit, ImageRecord, Swap};
use foz_domain::batch::BatchContent;
use foz_domain::groups::Group;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobEngine, JobKind, Start, Work};
use foz_domain::{Epoch, GroupName, Ordinal, Range, Sequence, StreamName, Timestamp};
use foz_testkit::a_batch;

pub const LIMIT: u64 = 1 << 30;

pub fn group() -> GroupName {
    "a".parse().unwrap()
}

pub fn stream(name: &str) -> StreamName {
    name.parse().unwrap()
}

pub fn members() -> Vec<StreamName> {
    vec![stream("a"), stream("b")]
}

pub fn range(lo: u64, hi: u64) -> Range {
    Range::new(Sequence(lo), Sequence(hi)).unwrap()
}

/// The group with these streams, as a definition has it.
pub fn of(group: &GroupName, streams: &[StreamName]) -> Group {
    Group { name: group.clone(), streams: streams.to_vec() }
}

pub fn batch(name: &str, epoch: Epoch, ordinal: u64) -> BatchContent {
    a_batch(&stream(name), epoch, Ordinal(ordinal))
}

/// Commits, again while busy, and returns the sequence.
pub async fn commit_to(catalog: &Catalog, group: &Group, batch: &BatchContent) -> Sequence {
    loop {
        match catalog.commit_batch(group, batch).await {
            Ok(Commit::Committed { sequence, .. }) => return sequence,
            Ok(Commit::Busy) | Err(CatalogError::Unavailable { .. }) => {}
            other => panic!("{batch:?}: {other:?}"),
        }
    }
}

/// As [`commit_to`], to the group that most tests have.
pub async fn commit(catalog: &Catalog, batch: &BatchContent) -> Sequence {
    commit_to(catalog, &of(&group(), &members()), batch).await
}

/// Tries once to commit to that group.
pub async fn try_commit(catalog: &Catalog, batch: &BatchContent) -> Commit {
    catalog.commit_batch(&of(&group(), &members()), batch).await.unwrap()
}

/// A new reign in which stream `a` has committed `batches`.
pub async fn filled(catalog: &Catalog, batches: u64) -> Epoch {
    let epoch = catalog.raise_epoch(&group(), &members(), "bridge").await.unwrap();
    for ordinal in 1..=batches {
        commit(catalog, &batch("a", epoch, ordinal)).await;
    }
    epoch
}

/// How an attempt of that name begins at `now`.
pub fn start(attempt: &str, now: i64) -> Start {
    let (attempt, definition) = (attempt.parse().unwrap(), "config/1.yaml".parse().unwrap());
    Start { attempt, definition, now: Timestamp(now) }
}

/// As [`start`], after another definition was deployed.
pub fn anew(attempt: &str, now: i64) -> Start {
    Start { definition: "config/2.yaml".parse().unwrap(), ..start(attempt, now) }
}

pub fn run_over(group: &GroupName, range: Range, start: &Start) -> Job {
    let work = Work { kind: JobKind::Transform, range, bytes: 1, engine: JobEngine::Embedded };
    Job::claimed(group, work, start)
}

pub fn consolidation_over(group: &GroupName, range: Range, start: &Start) -> Job {
    let work = Work { kind: JobKind::Consolidate, range, bytes: 0, engine: JobEngine::Embedded };
    Job::claimed(group, work, start)
}

/// Takes the step; `None` if it is lost.
pub async fn take(catalog: &Catalog, from: Option<&Job>, to: &Job, guard: Guard) -> Option<Job> {
    match catalog.swap(from, to, guard).await.unwrap() {
        Swap::Done(job) => Some(job),
        Swap::Lost(_) => None,
    }
}

pub async fn claim(catalog: &Catalog, lo: u64, hi: u64, attempt: &str) -> Option<Job> {
    take(catalog, None, &run_over(&group(), range(lo, hi), &start(attempt, 5000)), Guard::Held).await
}

pub async fn elect(catalog: &Catalog, job: &Job, manifest: &str) -> Swap {
    catalog.swap(Some(job), &job.elected(manifest.parse().unwrap()), Guard::Held).await.unwrap()
}

pub async fn finish(catalog: &Catalog, job: &Job, now: i64) -> Option<Job> {
    take(catalog, Some(job), &job.done(Timestamp(now)), Guard::Held).await
}

/// Plays the function that executes a run: it ends.
pub async fn complete(catalog: &Catalog, job: &Job) {
    let Swap::Done(elected) = elect(catalog, job, "m").await else { panic!("lost") };
    finish(catalog, &elected, 6000).await.unwrap();
}

/// Plays the function that executes a consolidation.
pub async fn consolidate(catalog: &Catalog, job: &Job, images: &[ImageRecord], now: i64) -> Option<Job> {
    catalog.record_images(job, images).await.unwrap();
    let done = finish(catalog, job, now).await?;
    catalog.clear_pending(&job.id.group, job.range.hi()).await.unwrap();
    Some(done)
}

/// The job as it is now.
pub async fn seen(catalog: &Catalog, job: &Job) -> Job {
    catalog.job(&job.id).await.unwrap().unwrap()
}

/// Everything of the group is brought into images.
pub async fn drain(catalog: &Catalog, group: &GroupName) {
    let (marks, next) = (catalog.out(group).await.unwrap().marks, catalog.group_head(group).await.unwrap().unwrap());
    let range = Range::new(marks.done, next.next_sequence).unwrap();
    let run = run_over(group, range, &start("x", 5000));
    complete(catalog, &take(catalog, None, &run, Guard::Held).await.unwrap()).await;
    let consolidation = consolidation_over(group, range, &start("y", 6000));
    let claimed = take(catalog, None, &consolidation, Guard::Held).await.unwrap();
    consolidate(catalog, &claimed, &[], 7000).await.unwrap();
}
