//! Groups: their epochs and members.

use foz_catalog::{CatalogError, Commit};
use foz_domain::{Epoch, GroupName, Sequence, StreamName};
use futures::future::join_all;

use crate::backend::on_all;
use crate::steps::{batch, commit_to, drain, filled, group, members, of, stream, try_commit};

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
