//! What the catalog promises, on every backend: in memory always, and on the DynamoDB at `FOZ_TEST_DYNAMODB` if given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use foz_catalog::{Catalog, CatalogError, Commit, ImageRecord, Swap};
use foz_domain::batch::BatchContent;
use foz_domain::groups::Group;
use foz_domain::job::care::Care;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobEngine, JobKind, JobState, Start, Work};
use foz_domain::{Digest, Epoch, GroupName, Ordinal, Range, Sequence, StreamName, Timestamp};
use futures::future::join_all;

use foz_testkit::{Memory, a_batch};

const LIMIT: u64 = 1 << 30;

/// Runs `test` on every backend, each with an empty table.
async fn on_all(name: &str, test: impl AsyncFn(Catalog)) {
    Box::pin(test(Catalog::new(Memory::default().client(), "foz"))).await;
    #[allow(clippy::disallowed_methods, reason = "a test's own switch")]
    match std::env::var("FOZ_TEST_DYNAMODB") {
        Ok(endpoint) => Box::pin(test(real(&endpoint, name).await)).await,
        Err(_) => {
            eprintln!("not run against DynamoDB: set FOZ_TEST_DYNAMODB to an endpoint such as http://127.0.0.1:5000")
        }
    }
}

/// A catalog on a new table at `endpoint`.
async fn real(endpoint: &str, test: &str) -> Catalog {
    let retries = aws_sdk_dynamodb::config::retry::RetryConfig::standard();
    let client = foz_testkit::client!(aws_sdk_dynamodb, endpoint_url(endpoint), retry_config(retries));
    let name = format!("foz-test-{test}-{}", std::process::id());
    let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap();
    let attribute =
        |name: &str, kind| AttributeDefinition::builder().attribute_name(name).attribute_type(kind).build().unwrap();
    let index = GlobalSecondaryIndex::builder()
        .index_name("pending")
        .key_schema(key("pending", KeyType::Hash))
        .key_schema(key("pending_since", KeyType::Range))
        .projection(Projection::builder().projection_type(ProjectionType::KeysOnly).build())
        .build()
        .unwrap();
    client
        .create_table()
        .table_name(&name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("pk", KeyType::Hash))
        .key_schema(key("sk", KeyType::Range))
        .attribute_definitions(attribute("pk", ScalarAttributeType::S))
        .attribute_definitions(attribute("sk", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending", ScalarAttributeType::S))
        .attribute_definitions(attribute("pending_since", ScalarAttributeType::N))
        .global_secondary_indexes(index)
        .send()
        .await
        .unwrap();
    Catalog::new(client, name)
}

fn group() -> GroupName {
    "a".parse().unwrap()
}

fn stream(name: &str) -> StreamName {
    name.parse().unwrap()
}

fn members() -> Vec<StreamName> {
    vec![stream("a"), stream("b")]
}

fn range(lo: u64, hi: u64) -> Range {
    Range::new(Sequence(lo), Sequence(hi)).unwrap()
}

/// The group with these streams, as a definition has it.
fn of(group: &GroupName, streams: &[StreamName]) -> Group {
    Group { name: group.clone(), streams: streams.to_vec() }
}

fn batch(name: &str, epoch: Epoch, ordinal: u64) -> BatchContent {
    a_batch(&stream(name), epoch, Ordinal(ordinal))
}

/// Commits, again while busy, and returns the sequence.
async fn commit_to(catalog: &Catalog, group: &Group, batch: &BatchContent) -> Sequence {
    loop {
        match catalog.commit_batch(group, batch).await {
            Ok(Commit::Committed { sequence, .. }) => return sequence,
            Ok(Commit::Busy) | Err(CatalogError::Unavailable { .. }) => {}
            other => panic!("{batch:?}: {other:?}"),
        }
    }
}

/// As [`commit_to`], to the group that most tests have.
async fn commit(catalog: &Catalog, batch: &BatchContent) -> Sequence {
    commit_to(catalog, &of(&group(), &members()), batch).await
}

/// Tries once to commit to that group.
async fn try_commit(catalog: &Catalog, batch: &BatchContent) -> Commit {
    catalog.commit_batch(&of(&group(), &members()), batch).await.unwrap()
}

/// A new reign in which stream `a` has committed `batches`.
async fn filled(catalog: &Catalog, batches: u64) -> Epoch {
    let epoch = catalog.raise_epoch(&group(), &members(), "bridge").await.unwrap();
    for ordinal in 1..=batches {
        commit(catalog, &batch("a", epoch, ordinal)).await;
    }
    epoch
}

/// How an attempt of that name begins at `now`.
fn start(attempt: &str, now: i64) -> Start {
    let (attempt, definition) = (attempt.parse().unwrap(), "config/1.yaml".parse().unwrap());
    Start { attempt, definition, now: Timestamp(now) }
}

/// As [`start`], after another definition was deployed.
fn anew(attempt: &str, now: i64) -> Start {
    Start { definition: "config/2.yaml".parse().unwrap(), ..start(attempt, now) }
}

fn run_over(group: &GroupName, range: Range, start: &Start) -> Job {
    let work = Work { kind: JobKind::Transform, range, bytes: 1, engine: JobEngine::Embedded };
    Job::claimed(group, work, start)
}

fn consolidation_over(group: &GroupName, range: Range, start: &Start) -> Job {
    let work = Work { kind: JobKind::Consolidate, range, bytes: 0, engine: JobEngine::Embedded };
    Job::claimed(group, work, start)
}

/// Takes the step; `None` if it is lost.
async fn take(catalog: &Catalog, from: Option<&Job>, to: &Job, guard: Guard) -> Option<Job> {
    match catalog.swap(from, to, guard).await.unwrap() {
        Swap::Done(job) => Some(job),
        Swap::Lost(_) => None,
    }
}

async fn claim(catalog: &Catalog, lo: u64, hi: u64, attempt: &str) -> Option<Job> {
    take(catalog, None, &run_over(&group(), range(lo, hi), &start(attempt, 5000)), Guard::Held).await
}

async fn elect(catalog: &Catalog, job: &Job, manifest: &str) -> Swap {
    catalog.swap(Some(job), &job.elected(manifest.parse().unwrap()), Guard::Held).await.unwrap()
}

async fn finish(catalog: &Catalog, job: &Job, now: i64) -> Option<Job> {
    take(catalog, Some(job), &job.done(Timestamp(now)), Guard::Held).await
}

/// Plays the function that executes a run: it ends.
async fn complete(catalog: &Catalog, job: &Job) {
    let Swap::Done(elected) = elect(catalog, job, "m").await else { panic!("lost") };
    finish(catalog, &elected, 6000).await.unwrap();
}

/// Plays the function that executes a consolidation.
async fn consolidate(catalog: &Catalog, job: &Job, images: &[ImageRecord], now: i64) -> Option<Job> {
    catalog.record_images(job, images).await.unwrap();
    let done = finish(catalog, job, now).await?;
    catalog.clear_pending(&job.id.group, job.range.hi()).await.unwrap();
    Some(done)
}

/// The job as it is now.
async fn seen(catalog: &Catalog, job: &Job) -> Job {
    catalog.job(&job.id).await.unwrap().unwrap()
}

#[tokio::test]
async fn batches_of_two_streams_get_contiguous_sequences_and_each_stream_its_chain() {
    on_all("chain", async |catalog| {
        let epoch = filled(&catalog, 0).await;
        for (expected, (name, ordinal)) in [("a", 1), ("b", 1), ("a", 2), ("a", 3)].into_iter().enumerate() {
            let outcome = try_commit(&catalog, &batch(name, epoch, ordinal)).await;
            assert_eq!(outcome, Commit::Committed { sequence: Sequence(expected as u64), repeated: false });
        }
        let tail = catalog.tail(&group(), &stream("a"), 11).await.unwrap();
        let chain: Vec<_> = tail.iter().map(|batch| (batch.sequence.0, batch.previous.map(|p| p.0))).collect();
        assert_eq!(chain, [(2, Some(0)), (3, Some(2))], "as few as hold 11 messages");
        assert_eq!(catalog.tail(&group(), &stream("a"), 1000).await.unwrap().len(), 3, "all there are");
        let head = catalog.stream_head(&group(), &stream("a")).await.unwrap();
        assert_eq!((head.messages, head.bytes, head.last.unwrap().sequence), (30, 300, Sequence(3)));
        let all = catalog.batches(&group(), range(0, 4)).await.unwrap();
        assert_eq!(all.iter().map(|batch| batch.content.stream.as_str()).collect::<String>(), "abaa");
        assert!(matches!(catalog.batches(&group(), range(0, 5)).await, Err(CatalogError::Damaged { .. })));
    })
    .await;
}

#[tokio::test]
async fn case_5_a_repeated_batch_keeps_its_sequence_and_another_in_its_place_is_a_conflict() {
    on_all("repeat", async |catalog| {
        let epoch = filled(&catalog, 2).await;
        let again = try_commit(&catalog, &batch("a", epoch, 2)).await;
        assert_eq!(again, Commit::Committed { sequence: Sequence(1), repeated: true });
        let other = BatchContent { digest: Digest([9; 32]), ..batch("a", epoch, 2) };
        assert!(matches!(try_commit(&catalog, &other).await, Commit::Conflict { .. }));
        let gap = try_commit(&catalog, &batch("a", epoch, 4)).await;
        assert!(matches!(gap, Commit::Conflict { .. }));
        assert_eq!(catalog.group_head(&group()).await.unwrap().unwrap().next_sequence, Sequence(2));
    })
    .await;
}

#[tokio::test]
async fn case_10_a_late_execution_is_recognised_as_its_own_or_fenced() {
    on_all("late", async |catalog| {
        let epoch = filled(&catalog, 3).await;
        let late = try_commit(&catalog, &batch("a", epoch, 1)).await;
        assert_eq!(late, Commit::Committed { sequence: Sequence(0), repeated: true });
        let other = BatchContent { digest: Digest([9; 32]), ..batch("a", epoch, 1) };
        assert!(matches!(try_commit(&catalog, &other).await, Commit::Conflict { .. }));
        let newer = filled(&catalog, 1).await;
        for ordinal in [1, 3, 4] {
            let late = try_commit(&catalog, &batch("a", epoch, ordinal)).await;
            assert_eq!(late, Commit::Fenced { epoch: newer }, "ordinal {ordinal}");
        }
        assert_eq!(catalog.group_head(&group()).await.unwrap().unwrap().next_sequence, Sequence(4));
    })
    .await;
}

#[tokio::test]
async fn no_epoch_is_given_twice() {
    on_all("epoch", async |catalog| {
        let (group, members) = (group(), members());
        let raise = |_| catalog.raise_epoch(&group, &members, "bridge");
        let mut epochs: Vec<Epoch> = join_all((0..8).map(raise)).await.into_iter().map(Result::unwrap).collect();
        epochs.sort();
        epochs.dedup();
        assert_eq!(epochs.len(), 8);
        let head = catalog.group_head(&group).await.unwrap().unwrap();
        assert_eq!((Some(&head.epoch), head.members), (epochs.last(), members.clone()));
    })
    .await;
}

#[tokio::test]
async fn a_new_stream_joins_at_once_and_fences_the_old_definition() {
    on_all("joins", async |catalog| {
        filled(&catalog, 1).await;
        let wider = [members(), vec![stream("c")]].concat();
        let epoch = catalog.raise_epoch(&group(), &wider, "bridge").await.unwrap();
        let old = try_commit(&catalog, &batch("a", epoch, 1)).await;
        assert!(matches!(old, Commit::Conflict { .. }), "{old:?}");
        commit_to(&catalog, &of(&group(), &wider), &batch("c", epoch, 1)).await;
    })
    .await;
}

/// Everything of the group is brought into images.
async fn drain(catalog: &Catalog, group: &GroupName) {
    let (marks, next) = (catalog.out(group).await.unwrap().marks, catalog.group_head(group).await.unwrap().unwrap());
    let range = Range::new(marks.done, next.next_sequence).unwrap();
    let run = run_over(group, range, &start("x", 5000));
    complete(catalog, &take(catalog, None, &run, Guard::Held).await.unwrap()).await;
    let consolidation = consolidation_over(group, range, &start("y", 6000));
    let claimed = take(catalog, None, &consolidation, Guard::Held).await.unwrap();
    consolidate(catalog, &claimed, &[], 7000).await.unwrap();
}

#[tokio::test]
async fn streams_move_between_groups_once_drained_and_keep_their_history() {
    on_all("moves", async |catalog| {
        let (ab, b, a) = (vec![stream("a"), stream("b")], vec![stream("b")], vec![stream("a")]);
        let (one, two): (GroupName, GroupName) = ("a".parse().unwrap(), "b".parse().unwrap());
        let raise =
            async |group: &GroupName, members: &[StreamName]| catalog.raise_epoch(group, members, "bridge").await;
        // Apart: three batches of `b`, one of `a`.
        raise(&two, &b).await.unwrap();
        let epoch = raise(&two, &b).await.unwrap();
        for ordinal in 1..=3 {
            commit_to(&catalog, &of(&two, &b), &batch("b", epoch, ordinal)).await;
        }
        let first = raise(&one, &a).await.unwrap();
        commit_to(&catalog, &of(&one, &a), &batch("a", first, 1)).await;
        // Together, once both are drained.
        let refused = raise(&one, &ab).await.unwrap_err();
        assert!(matches!(&refused, CatalogError::NotDrained { .. }), "{refused}");
        drain(&catalog, &two).await;
        let refused = raise(&one, &ab).await.unwrap_err();
        assert!(matches!(&refused, CatalogError::NotDrained { group, .. } if *group == one), "{refused}");
        drain(&catalog, &one).await;
        let together = raise(&one, &ab).await.unwrap();
        assert!(together > epoch && together > first);
        let head = catalog.group_head(&one).await.unwrap().unwrap();
        assert_eq!((head.next_sequence, &head.members), (Sequence(3), &ab));
        let marks = catalog.out(&one).await.unwrap().marks;
        assert_eq!(marks.imaged, Sequence(3));
        assert_eq!(marks.problems(Sequence(3)), Vec::<String>::new());
        // The old bridge of `b` is fenced; its batches are still the tail of the stream.
        let old = catalog.commit_batch(&of(&two, &b), &batch("b", epoch, 4)).await.unwrap();
        assert!(matches!(old, Commit::Fenced { .. } | Commit::Conflict { .. }), "{old:?}");
        assert_eq!(catalog.tail(&one, &stream("b"), 1000).await.unwrap().len(), 3);
        let place = commit_to(&catalog, &of(&one, &ab), &batch("b", together, 1)).await;
        assert_eq!(place, Sequence(3));
        let tail = catalog.tail(&one, &stream("b"), 1000).await.unwrap();
        assert_eq!(tail.iter().map(|batch| batch.sequence.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // Apart again: `a` goes on, `b` begins above everything, and not before `a`'s group has let it go.
        drain(&catalog, &one).await;
        raise(&one, &a).await.unwrap();
        let apart = raise(&two, &b).await.unwrap();
        assert!(apart > together);
        assert_eq!(commit_to(&catalog, &of(&two, &b), &batch("b", apart, 1)).await, Sequence(4));
        let tail = catalog.tail(&two, &stream("b"), 1000).await.unwrap();
        assert_eq!(tail.iter().map(|batch| batch.sequence.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
        let head = catalog.stream_head(&two, &stream("b")).await.unwrap();
        assert_eq!((head.messages, head.former), (50, vec![one, two]));
    })
    .await;
}

#[tokio::test]
async fn prefetch_only_grows_and_may_come_before_the_first_batch() {
    on_all("prefetch", async |catalog| {
        for (raise, expected) in [(100, 100), (50, 100), (400, 400)] {
            catalog.raise_prefetch(&group(), &stream("a"), raise).await.unwrap();
            assert_eq!(catalog.stream_head(&group(), &stream("a")).await.unwrap().prefetch, expected);
        }
        filled(&catalog, 1).await;
        let head = catalog.stream_head(&group(), &stream("a")).await.unwrap();
        assert_eq!((head.prefetch, head.messages), (400, 10));
    })
    .await;
}

#[tokio::test]
async fn streams_that_commit_at_once_share_one_gap_free_sequence() {
    on_all("contention", async |catalog| {
        let epoch = filled(&catalog, 0).await;
        let one = async |name: &str| {
            for ordinal in 1..=15 {
                commit(&catalog, &batch(name, epoch, ordinal)).await;
            }
        };
        join_all(["a", "b"].map(one)).await;
        let all = catalog.batches(&group(), range(0, 30)).await.unwrap();
        for name in ["a", "b"] {
            let ordinals: Vec<u64> =
                all.iter().filter(|b| b.content.stream.as_str() == name).map(|b| b.content.ordinal.0).collect();
            assert_eq!(ordinals, (1..=15).collect::<Vec<_>>());
        }
    })
    .await;
}

#[tokio::test]
async fn case_15_of_many_claims_of_a_range_one_wins() {
    on_all("claims", async |catalog| {
        filled(&catalog, 4).await;
        let attempts: Vec<String> = (0..8).map(|n| format!("attempt-{n}")).collect();
        let claims = join_all(attempts.iter().zip([2, 4].into_iter().cycle()).map(|(a, hi)| claim(&catalog, 0, hi, a)));
        let won: Vec<Job> = claims.await.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        let view = catalog.group_view(&group(), LIMIT).await.unwrap().unwrap();
        assert_eq!(view.run.as_ref(), won.first());
        assert_eq!(view.marks.claimed, won[0].range.hi());
        assert_eq!(claim(&catalog, won[0].range.hi().0, 5, "next").await, None, "one run at a time");
    })
    .await;
}

#[tokio::test]
async fn a_run_is_elected_once_and_ends_once() {
    on_all("life", async |catalog| {
        filled(&catalog, 3).await;
        let group = group();
        let run = claim(&catalog, 0, 2, "x").await.unwrap();
        let elected = run.elected("one".parse().unwrap());
        assert_eq!(finish(&catalog, &elected, 1).await, None, "not elected");
        assert_eq!(elect(&catalog, &run, "one").await, Swap::Done(elected.clone()));
        assert_eq!(elect(&catalog, &run, "one").await, Swap::Done(elected.clone()), "repeated");
        let frozen = elect(&catalog, &run, "two").await;
        assert_eq!(frozen, Swap::Lost(Some(elected.clone())), "the files are the first one's");
        let done = finish(&catalog, &elected, 6000).await;
        assert_eq!(done, Some(elected.done(Timestamp(6000))));
        assert_eq!(finish(&catalog, &elected, 6000).await, done, "repeated");
        let view = catalog.group_view(&group, LIMIT).await.unwrap().unwrap();
        assert_eq!((view.run, view.marks.done, view.pending.len()), (None, Sequence(2), 1));
        let jobs = catalog.jobs(&group, JobKind::Transform, 10).await.unwrap();
        assert_eq!((jobs.len(), jobs[0].state, jobs[0].ended_at), (1, JobState::Done, Some(Timestamp(6000))));
        assert!(matches!(elect(&catalog, &run, "one").await, Swap::Lost(_)));
        assert!(!catalog.heartbeat(&run).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_taken_over_attempt_can_change_nothing_and_its_successor_keeps_the_elected_files() {
    on_all("takeover", async |catalog| {
        filled(&catalog, 1).await;
        let group = group();
        let first = claim(&catalog, 0, 1, "x").await.unwrap();
        assert!(catalog.heartbeat(&first).await.unwrap());
        let over = first.taken_over(&anew("y", 9));
        assert_eq!(take(&catalog, Some(&first), &over, Guard::Silent).await, None, "it beat since it was seen");
        let read = seen(&catalog, &first).await;
        assert!(take(&catalog, Some(&read), &read.observed(Timestamp(7000)), Guard::Unseen).await.is_some());
        let second = take(&catalog, Some(&read), &read.observed(Timestamp(7001)), Guard::Unseen).await;
        assert_eq!(second, None, "one of two dispatchers notes it");
        assert!(matches!(elect(&catalog, &first, "one").await, Swap::Done(_)));
        let read = seen(&catalog, &first).await;
        assert_eq!((read.seen_heartbeat, read.seen_at), (1, Timestamp(7000)));
        let nexts = ["y", "z"].map(|attempt| read.taken_over(&anew(attempt, 9000)));
        let takeovers = join_all(nexts.iter().map(|next| take(&catalog, Some(&read), next, Guard::Silent))).await;
        let won: Vec<Job> = takeovers.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        let second = &won[0];
        assert_eq!(seen(&catalog, second).await, *second);
        let manifest = second.manifest.as_ref().map(|manifest| manifest.as_str());
        assert_eq!((second.epoch, second.state, manifest), (Epoch(2), JobState::Committing, Some("one")));
        assert_eq!(second.definition.as_str(), "config/1.yaml", "nobody reads it any more");
        assert!(!catalog.heartbeat(&first).await.unwrap());
        let lost = elect(&catalog, &first, "two").await;
        assert!(matches!(lost, Swap::Lost(Some(found)) if found.epoch == Epoch(2)));
        assert_eq!(finish(&catalog, &first.elected("one".parse().unwrap()), 1).await, None);
        assert_eq!(take(&catalog, Some(&first), &first.failed("why", Timestamp(1)), Guard::Held).await, None);
        assert!(finish(&catalog, second, 1).await.is_some());
        assert_eq!(catalog.out(&group).await.unwrap().marks.done, Sequence(1));
    })
    .await;
}

#[tokio::test]
async fn a_halved_run_fences_its_attempt_and_leaves_the_rest_pending() {
    on_all("halved", async |catalog| {
        filled(&catalog, 4).await;
        let group = group();
        let whole = claim(&catalog, 0, 4, "x").await.unwrap();
        let halves = ["y", "z"].map(|attempt| whole.halved(200, &anew(attempt, 9)).unwrap());
        let halves = join_all(halves.iter().map(|half| take(&catalog, Some(&whole), half, Guard::Silent))).await;
        let won: Vec<Job> = halves.into_iter().flatten().collect();
        assert_eq!(won.len(), 1);
        assert_eq!(seen(&catalog, &won[0]).await, won[0]);
        assert_eq!((won[0].range, won[0].bytes, won[0].epoch), (range(0, 2), 200, Epoch(2)));
        assert_eq!(won[0].definition.as_str(), "config/2.yaml", "it begins anew");
        let lost = elect(&catalog, &whole, "one").await;
        assert!(matches!(lost, Swap::Lost(Some(found)) if found.epoch == Epoch(2)));
        let view = catalog.group_view(&group, LIMIT).await.unwrap().unwrap();
        assert_eq!((view.run.as_ref(), view.marks.claimed, view.pending.len()), (Some(&won[0]), Sequence(2), 2));
        complete(&catalog, &won[0]).await;
        assert!(claim(&catalog, 2, 4, "w").await.is_some());
    })
    .await;
}

#[tokio::test]
async fn the_view_tells_how_large_a_half_is_once_it_is_in_question() {
    on_all("half", async |catalog| {
        filled(&catalog, 4).await;
        let mut run = claim(&catalog, 0, 4, "x").await.unwrap();
        for (attempt, bytes) in [("y", 0), ("z", 200)] {
            run = take(&catalog, Some(&run), &run.crashed(&start(attempt, 9)), Guard::Silent).await.unwrap();
            assert_eq!(catalog.group_view(&group(), LIMIT).await.unwrap().unwrap().half_bytes, bytes);
        }
    })
    .await;
}

#[tokio::test]
async fn a_failed_run_holds_its_group_until_it_is_resumed() {
    on_all("failed", async |catalog| {
        filled(&catalog, 2).await;
        let group = group();
        let run = claim(&catalog, 0, 1, "x").await.unwrap();
        assert!(take(&catalog, Some(&run), &run.failed("poison", Timestamp(6000)), Guard::Held).await.is_some());
        assert_eq!(claim(&catalog, 1, 2, "y").await, None);
        let failed = catalog.group_view(&group, LIMIT).await.unwrap().unwrap().run.unwrap();
        assert_eq!((failed.state, failed.error.as_deref()), (JobState::Failed, Some("poison")));
        assert!(!catalog.heartbeat(&failed).await.unwrap(), "what has ended does not beat");
        let resume = |attempt: &str| failed.resumed(&attempt.parse().unwrap());
        assert!(take(&catalog, Some(&failed), &resume("person"), Guard::Held).await.is_some());
        assert_eq!(take(&catalog, Some(&failed), &resume("other"), Guard::Held).await, None);
        let resumed = catalog.group_view(&group, LIMIT).await.unwrap().unwrap().run.unwrap();
        assert_eq!(resumed, resume("person"));
        assert_eq!((resumed.state, resumed.epoch, resumed.error.clone()), (JobState::Claimed, Epoch(2), None));
        assert_eq!(resumed.care(None, Timestamp(1_000_000), 60_000), Care::TakeOver, "it starts at once");
    })
    .await;
}

#[tokio::test]
async fn a_group_is_pending_until_everything_is_in_an_image() {
    on_all("pending", async |catalog| {
        let epoch = filled(&catalog, 2).await;
        let group = group();
        let since = async || {
            let pending = catalog.pending_groups().await.unwrap();
            pending.into_iter().map(|pending| pending.since.0).collect::<Vec<_>>()
        };
        assert_eq!(since().await, [1001]);
        for (lo, hi) in [(0, 1), (1, 2)] {
            complete(&catalog, &claim(&catalog, lo, hi, &format!("r{lo}")).await.unwrap()).await;
            let early = consolidation_over(&group, range(lo, hi + 1), &start("early", 7000));
            let early = take(&catalog, None, &early, Guard::Held).await;
            assert_eq!(early, None, "an image never goes beyond what is done");
            let consolidation = consolidation_over(&group, range(lo, hi), &start(&format!("c{lo}"), 7000));
            let consolidation = take(&catalog, None, &consolidation, Guard::Held).await.unwrap();
            let image = ImageRecord {
                stream: stream("a"),
                through: Sequence(hi),
                snapshot_id: i64::MAX,
                metadata_location: "s3://x".into(),
                rows: 3,
                committed_at: Timestamp(7500),
            };
            for _ in 0..2 {
                let ended = consolidate(&catalog, &consolidation, std::slice::from_ref(&image), 8000).await;
                assert!(ended.is_some());
            }
            // A late attempt finds the table as it is by then, and perhaps a later consolidation's image in it.
            let later = ImageRecord { snapshot_id: 1, rows: 4, ..image.clone() };
            for late in [later.clone(), ImageRecord { through: Sequence(hi + 5), ..later }] {
                consolidate(&catalog, &consolidation, &[late], 9000).await;
            }
            assert_eq!(catalog.images(&group, &stream("a"), 1).await.unwrap(), [image]);
            assert_eq!(since().await, if hi == 1 { vec![1002] } else { vec![] });
        }
        let out = catalog.out(&group).await.unwrap();
        assert_eq!((out.marks.imaged, out.last_image_at), (Sequence(2), Some(Timestamp(7000))));
        commit(&catalog, &batch("a", epoch, 3)).await;
        assert_eq!(since().await, [1003]);
    })
    .await;
}

#[tokio::test]
async fn the_view_shows_as_much_as_one_run_could_take() {
    on_all("view", async |catalog| {
        assert_eq!(catalog.group_view(&group(), LIMIT).await.unwrap(), None);
        filled(&catalog, 7).await;
        let pending = async |limit| catalog.group_view(&group(), limit).await.unwrap().unwrap().pending.len();
        assert_eq!(pending(LIMIT).await, 7);
        assert_eq!(pending(250).await, 3, "until the limit of 250 bytes is exceeded, at 100 each");
    })
    .await;
}
