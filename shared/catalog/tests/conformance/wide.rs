//! Groups of more streams than one transaction takes.

use foz_catalog::{CatalogError, Commit};
use foz_domain::{Epoch, GroupName, Sequence, StreamName};

use crate::backend::on_all;
use crate::steps::{batch, commit_to, drain, of, stream};

/// Streams of these numbers, in the order of their names.
fn numbered(numbers: std::ops::Range<usize>) -> Vec<StreamName> {
    numbers.map(|number| stream(&format!("s{number:03}"))).collect()
}

#[tokio::test]
async fn protocol_8_a_group_of_more_streams_than_a_transaction_takes_begins_and_loses_them_again() {
    on_all("wide", async |catalog| {
        let (group, all): (GroupName, _) = ("s000".parse().unwrap(), numbered(0..99));
        let more = numbered(0..150);
        let epoch = catalog.raise_epoch(&group, &all, "bridge").await.unwrap();
        commit_to(&catalog, &of(&group, &all), &batch("s098", epoch, 1)).await;
        let wide = catalog.raise_epoch(&group, &more, "bridge").await.unwrap();
        commit_to(&catalog, &of(&group, &more), &batch("s149", wide, 1)).await;
        let few = numbered(0..2);
        let refused = catalog.raise_epoch(&group, &few, "bridge").await.unwrap_err();
        assert!(matches!(&refused, CatalogError::NotDrained { .. }), "{refused}");
        drain(&catalog, &group).await;
        let epoch = catalog.raise_epoch(&group, &few, "bridge").await.unwrap();
        let head = catalog.group_head(&group).await.unwrap().unwrap();
        assert_eq!((head.epoch, head.next_sequence, head.members), (epoch, Sequence(2), few));
        // One that left begins in a group of its own, above all that it was in.
        let (alone, one): (GroupName, _) = ("s149".parse().unwrap(), numbered(149..150));
        let apart = catalog.raise_epoch(&alone, &one, "bridge").await.unwrap();
        assert!(apart > wide);
        assert_eq!(commit_to(&catalog, &of(&alone, &one), &batch("s149", apart, 1)).await, Sequence(2));
        assert_eq!(catalog.tail(&alone, &one[0], 1000).await.unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn protocol_8_more_groups_than_a_transaction_takes_become_one() {
    on_all("many", async |catalog| {
        let (group, all): (GroupName, _) = ("s000".parse().unwrap(), numbered(0..40));
        let name = |stream: &StreamName| -> GroupName { stream.as_str().parse().unwrap() };
        let alone = |stream: &StreamName| of(&name(stream), std::slice::from_ref(stream));
        for (number, stream) in all.iter().enumerate() {
            let epoch = catalog.raise_epoch(&name(stream), std::slice::from_ref(stream), "old").await.unwrap();
            for ordinal in 1..=1 + number as u64 % 3 {
                commit_to(&catalog, &alone(stream), &batch(stream.as_str(), epoch, ordinal)).await;
            }
        }
        for stream in all.iter().filter(|stream| stream.as_str() != "s039") {
            drain(&catalog, &name(stream)).await;
        }
        // The last one is not drained yet: those before it may have moved, and nobody can commit meanwhile.
        let refused = catalog.raise_epoch(&group, &all, "new").await.unwrap_err();
        assert!(matches!(&refused, CatalogError::NotDrained { group, .. } if group.as_str() == "s039"), "{refused}");
        for stream in &all[..39] {
            let (members, epoch) = (of(&group, &all), Epoch(9));
            let early = catalog.commit_batch(&members, &batch(stream.as_str(), epoch, 1)).await.unwrap();
            assert!(matches!(early, Commit::Fenced { .. } | Commit::Conflict { .. }), "{early:?}");
        }
        drain(&catalog, &name(&all[39])).await;
        let epoch = catalog.raise_epoch(&group, &all, "new").await.unwrap();
        let head = catalog.group_head(&group).await.unwrap().unwrap();
        assert_eq!((head.epoch, head.next_sequence, head.members), (epoch, Sequence(3), all.clone()));
        let marks = catalog.out(&group).await.unwrap().marks;
        assert_eq!((marks.imaged, marks.problems(Sequence(3))), (Sequence(3), Vec::new()));
        for (number, stream) in all.iter().enumerate() {
            assert_eq!(catalog.tail(&group, stream, 1000).await.unwrap().len(), 1 + number % 3, "{stream}");
            let old = catalog.commit_batch(&alone(stream), &batch(stream.as_str(), Epoch(1), 9)).await.unwrap();
            assert!(matches!(old, Commit::Fenced { .. } | Commit::Conflict { .. }), "{stream}: {old:?}");
            commit_to(&catalog, &of(&group, &all), &batch(stream.as_str(), epoch, 1)).await;
        }
    })
    .await;
}
