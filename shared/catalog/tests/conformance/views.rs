//! What a dispatch sees of a group, and which groups it looks at.

use foz_catalog::{Catalog, ImageRecord};
use foz_domain::job::step::Guard;
use foz_domain::{Sequence, Timestamp};
use foz_testkit::Memory;

use crate::backend::on_all;
use crate::steps::{
    LIMIT, batch, claim, commit, complete, consolidate, consolidation_over, filled, group, range, start, stream, take,
};

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

/// A query costs what it reads, and with a backlog that would be a megabyte at each look.
#[tokio::test]
async fn protocol_15_a_look_reads_no_batches_while_a_run_is_active_and_else_only_what_the_planner_asks_for() {
    let memory = Memory::default();
    let catalog = Catalog::new(memory.client(), "foz");
    filled(&catalog, 3).await;
    memory.take_queries();
    let view = catalog.group_view(&group(), LIMIT).await.unwrap().unwrap();
    let queries = memory.take_queries();
    assert_eq!(
        view.pending.iter().map(|batch| (batch.sequence.0, batch.bytes)).collect::<Vec<_>>(),
        [(0, 100), (1, 100), (2, 100)]
    );
    assert!(!queries.is_empty());
    for query in queries {
        assert_eq!((&query["Limit"], &query["ProjectionExpression"]), (&1001.into(), &"pk, sk, #bytes".into()));
    }
    claim(&catalog, 0, 2, "x").await.unwrap();
    let view = catalog.group_view(&group(), LIMIT).await.unwrap().unwrap();
    assert_eq!((view.pending, memory.take_queries()), (vec![], Vec::<serde_json::Value>::new()));
}
