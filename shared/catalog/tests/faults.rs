//! Random walks against a database that loses answers, conflicts and throttles.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use foz_catalog::{Catalog, CatalogError, Commit, Swap};
use foz_domain::groups::Group;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobEngine, JobKind, Start, Work};
use foz_domain::{Epoch, GroupName, Ordinal, Range, Sequence, StreamName, Timestamp};
use foz_testkit::{Fault, Memory, a_batch};
use proptest::prelude::*;

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![4 => Just(Fault::Well), 2 => Just(Fault::LoseAnswer), 1 => Just(Fault::Conflict), 1 => Just(Fault::Throttle)]
}

fn group() -> GroupName {
    "a".parse().unwrap()
}

/// The group with its streams.
fn both() -> Group {
    Group { name: group(), streams: vec!["a".parse().unwrap(), "b".parse().unwrap()] }
}

/// What one bridge's stream is told: epochs and ordinals that were acknowledged, in order.
type Acknowledged = Vec<(Epoch, u64)>;

/// Sends the stream's batches until all are committed or the reign is fenced.
async fn send(catalog: &Catalog, stream: StreamName, epoch: Epoch, count: u64) -> Acknowledged {
    let mut acknowledged = Vec::new();
    for ordinal in 1..=count {
        loop {
            match catalog.commit_batch(&both(), &a_batch(&stream, epoch, Ordinal(ordinal))).await {
                Ok(Commit::Committed { .. }) => break acknowledged.push((epoch, ordinal)),
                Ok(Commit::Fenced { .. }) => return acknowledged,
                Ok(Commit::Busy) | Err(CatalogError::Unavailable { .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    acknowledged
}

async fn raise(catalog: &Catalog) -> Epoch {
    let members: [StreamName; 2] = ["a".parse().unwrap(), "b".parse().unwrap()];
    loop {
        match catalog.raise_epoch(&group(), &members, "bridge").await {
            Ok(epoch) => return epoch,
            Err(CatalogError::Unavailable { .. }) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// Batch 2 of stream `a`, which is on its way while `meanwhile` happens; tells its outcome and all batches of `a`.
async fn overtaken(hold: &str, meanwhile: impl AsyncFn(&Catalog, Epoch)) -> (Commit, Vec<(Epoch, u64)>) {
    let memory = Memory::default();
    let catalog = Catalog::new(memory.client(), "foz");
    let epoch = raise(&catalog).await;
    let stream: StreamName = "a".parse().unwrap();
    send(&catalog, stream.clone(), epoch, 1).await;
    memory.hold(hold);
    let late = a_batch(&stream, epoch, Ordinal(2));
    let group = both();
    let (commit, ()) = futures::join!(catalog.commit_batch(&group, &late), async {
        memory.waits().await;
        meanwhile(&catalog, epoch).await;
        memory.release();
    });
    let tail = catalog.tail(&group.name, &stream, u64::MAX).await.unwrap();
    (commit.unwrap(), tail.into_iter().map(|batch| (batch.content.epoch, batch.content.ordinal.0)).collect())
}

#[tokio::test]
async fn case_10_a_transaction_that_arrives_after_a_newer_reign_began_changes_nothing() {
    let newer = async |catalog: &Catalog, _| assert_eq!(raise(catalog).await, Epoch(2));
    let (commit, chain) = Box::pin(overtaken("TransactWriteItems", newer)).await;
    assert_eq!((commit, chain), (Commit::Fenced { epoch: Epoch(2) }, vec![(Epoch(1), 1)]));
}

#[tokio::test]
async fn case_10_of_two_executions_that_read_before_either_wrote_one_commits() {
    // Held on its way: the write; or one of the two reads, so that they saw different moments.
    for hold in ["TransactWriteItems", "IN", "S#a"] {
        let other = async |catalog: &Catalog, epoch| {
            let committed =
                catalog.commit_batch(&both(), &a_batch(&"a".parse().unwrap(), epoch, Ordinal(2))).await.unwrap();
            assert_eq!(committed, Commit::Committed { sequence: Sequence(1), repeated: false });
        };
        let (commit, chain) = Box::pin(overtaken(hold, other)).await;
        assert_eq!(commit, Commit::Committed { sequence: Sequence(1), repeated: true }, "{hold}");
        assert_eq!(chain, [(Epoch(1), 1), (Epoch(1), 2)], "{hold}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Two reigns, the second of which begins while the first still sends; each with two streams; faults throughout.
    #[test]
    fn case_5_every_acknowledged_batch_is_there_once_in_order_without_gaps(faults in prop::collection::vec(fault(), 60), counts in [1u64..5, 1..5, 1..5, 1..5]) {
        let memory = Memory::default();
        let catalog = Catalog::new(memory.client(), "foz");
        let (epochs, acknowledged) = runtime().block_on(async {
            let old = raise(&catalog).await;
            memory.misbehave(faults);
            let (a, b): (StreamName, StreamName) = ("a".parse().unwrap(), "b".parse().unwrap());
            let newer = async {
                let new = raise(&catalog).await;
                let (first, second) = futures::join!(send(&catalog, a.clone(), new, counts[2]), send(&catalog, b.clone(), new, counts[3]));
                (new, first, second)
            };
            let (first, second, (new, third, fourth)) =
                futures::join!(send(&catalog, a.clone(), old, counts[0]), send(&catalog, b.clone(), old, counts[1]), newer);
            ((old, new), [(a.clone(), first), (b.clone(), second), (a, third), (b, fourth)])
        });
        prop_assert!(epochs.0 < epochs.1);
        let batches = runtime().block_on(async {
            let next = catalog.group_head(&group()).await.unwrap().unwrap().next_sequence;
            match Range::new(Sequence(0), next) {
                Some(range) => catalog.batches(&group(), range).await.unwrap(),
                None => Vec::new(),
            }
        });
        for name in ["a", "b"] {
            let there: Vec<(Epoch, u64)> = batches.iter().filter(|b| b.content.stream.as_str() == name).map(|b| (b.content.epoch, b.content.ordinal.0)).collect();
            let mut sorted = there.clone();
            sorted.sort();
            sorted.dedup();
            prop_assert_eq!(&there, &sorted, "in order and once");
            for (_, acknowledged) in acknowledged.iter().filter(|(stream, _)| stream.as_str() == name) {
                prop_assert!(acknowledged.iter().all(|batch| there.contains(batch)), "{acknowledged:?} / {there:?}");
            }
        }
        // The newer reign is never fenced: all of its batches are there.
        prop_assert_eq!(acknowledged[2].1.len() as u64, counts[2]);
        prop_assert_eq!(acknowledged[3].1.len() as u64, counts[3]);
    }

    /// Dispatchers that claim, elect and finish under faults: every sequence is done once, by runs that tile the group.
    #[test]
    fn case_15_ranges_tile_the_group_whatever_is_lost(faults in prop::collection::vec(fault(), 60), cuts in prop::collection::vec(1u64..4, 3..8)) {
        let memory = Memory::default();
        let catalog = Catalog::new(memory.client(), "foz");
        runtime().block_on(async {
            let epoch = raise(&catalog).await;
            let total: u64 = 8;
            send(&catalog, "a".parse().unwrap(), epoch, total).await;
            memory.misbehave(faults);
            let dispatcher = async |name: &str| {
                let mut turn = 0;
                while catalog.out(&group()).await.unwrap().marks.done < Sequence(total) {
                    turn += 1;
                    step(&catalog, &format!("{name}{turn}"), cuts[turn % cuts.len()], total).await;
                }
            };
            futures::join!(dispatcher("x"), dispatcher("y"));
            let mut runs = catalog.jobs(&group(), JobKind::Transform, 100).await.unwrap();
            runs.reverse();
            let mut next = Sequence(0);
            for run in &runs {
                assert_eq!((run.range.lo(), run.state.to_string().as_str()), (next, "done"), "{runs:?}");
                next = run.range.hi();
            }
            assert_eq!(next, Sequence(total));
        });
    }
}

/// One look of a dispatcher that also plays the function it starts; whatever is silent is taken over at once.
async fn step(catalog: &Catalog, attempt: &str, cut: u64, total: u64) {
    let group = group();
    let Ok(Some(view)) = catalog.group_view(&group, 1 << 30).await else { return };
    let (name, definition) = (attempt.parse().unwrap(), "config/1.yaml".parse().unwrap());
    let start = Start { attempt: name, definition, now: Timestamp(0) };
    let swap = match view.run {
        Some(run) => catalog.swap(Some(&run), &run.taken_over(&start), Guard::Silent).await,
        None => {
            let hi = Sequence((view.marks.claimed.0 + cut).min(total));
            let Some(range) = Range::new(view.marks.claimed, hi) else { return };
            let work = Work { kind: JobKind::Transform, range, bytes: 1, engine: JobEngine::Embedded };
            catalog.swap(None, &Job::claimed(&group, work, &start), Guard::Held).await
        }
    };
    let Ok(Swap::Done(run)) = swap else { return };
    let run = match &run.manifest {
        Some(_) => run,
        None => match catalog.swap(Some(&run), &run.elected(attempt.parse().unwrap()), Guard::Held).await {
            Ok(Swap::Done(elected)) => elected,
            _ => return,
        },
    };
    let ended = catalog.swap(Some(&run), &run.done(Timestamp(0)), Guard::Held).await;
    assert!(matches!(ended, Ok(_) | Err(CatalogError::Unavailable { .. })), "{ended:?}");
}
