//! Batches: their sequences, and the chain of each stream.

use foz_catalog::{CatalogError, Commit};
use foz_domain::batch::BatchContent;
use foz_domain::{Digest, Sequence};
use futures::future::join_all;

use crate::backend::on_all;
use crate::steps::{batch, commit, filled, group, range, stream, try_commit};

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
