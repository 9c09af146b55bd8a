//! Compactions: counted one by one, beside everything else, as long as the group owes one.

use foz_catalog::{Catalog, IndebtedGroup};
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobEngine, JobKind, JobState, Work};
use foz_domain::{Epoch, Sequence, Timestamp};
use futures::future::join_all;

use crate::backend::on_all;
use crate::steps::{LIMIT, anew, claim, complete, filled, finish, group, range, seen, start, take};

async fn compact(catalog: &Catalog, number: u64, attempt: &str) -> Option<Job> {
    let work = Work { kind: JobKind::Compact, range: range(number, number + 1), bytes: 0, engine: JobEngine::Embedded };
    take(catalog, None, &Job::claimed(&group(), work, &start(attempt, 5000)), Guard::Held).await
}

#[tokio::test]
async fn compactions_are_counted_and_one_is_active_at_a_time_whatever_runs_do() {
    on_all("compactions", async |catalog| {
        filled(&catalog, 2).await;
        let run = claim(&catalog, 0, 2, "r").await.unwrap();
        let claims = join_all(["x", "y", "z"].map(|attempt| compact(&catalog, 0, attempt))).await;
        let [first] = &claims.into_iter().flatten().collect::<Vec<_>>()[..] else { panic!("not one") };
        assert_eq!(compact(&catalog, 1, "w").await, None, "the one before is active");
        let view = catalog.group_view(&group(), LIMIT).await.unwrap().unwrap();
        assert_eq!((view.compaction.as_ref(), view.run.as_ref()), (Some(first), Some(&run)));
        complete(&catalog, &run).await;
        assert!(catalog.heartbeat(first).await.unwrap());
        let read = seen(&catalog, first).await;
        let second = take(&catalog, Some(&read), &read.taken_over(&anew("v", 9)), Guard::Silent).await.unwrap();
        assert!(!catalog.heartbeat(first).await.unwrap(), "taken over");
        assert_eq!(finish(&catalog, first, 6000).await, None);
        assert_eq!(finish(&catalog, &second, 6000).await, Some(second.done(Timestamp(6000))));
        let marks = catalog.out(&group()).await.unwrap().marks;
        assert_eq!((marks.compacting, marks.compacted, marks.done), (Sequence(1), Sequence(1), Sequence(2)));
        assert_eq!(compact(&catalog, 0, "late").await, None, "a number is used once");
        let next = compact(&catalog, 1, "u").await.unwrap();
        let failed = take(&catalog, Some(&next), &next.failed("why", Timestamp(7000)), Guard::Held).await.unwrap();
        let resumed = take(&catalog, Some(&failed), &failed.resumed(&"p".parse().unwrap()), Guard::Held).await.unwrap();
        assert_eq!((resumed.epoch, resumed.state), (Epoch(2), JobState::Claimed));
        let jobs = catalog.jobs(&group(), JobKind::Compact, 9).await.unwrap();
        assert_eq!(jobs.iter().map(|job| job.id.at.0).collect::<Vec<_>>(), [1, 0]);
        assert_eq!(catalog.group_view(&group(), LIMIT).await.unwrap().unwrap().compaction, Some(resumed));
    })
    .await;
}

#[tokio::test]
async fn a_debt_is_found_until_it_is_settled_and_is_no_batch_that_waits() {
    on_all("debt", async |catalog| {
        let group = group();
        assert!(catalog.note_debt(&group, Timestamp(1)).await.is_ok(), "of a group that is not there");
        assert_eq!(catalog.group_view(&group, LIMIT).await.unwrap(), None);
        filled(&catalog, 0).await;
        let since = async || {
            let indebted = catalog.groups_with_debt().await.unwrap();
            let view = catalog.group_view(&group, LIMIT).await.unwrap().unwrap();
            assert_eq!(view.debt_since, indebted.first().map(|IndebtedGroup { since, .. }| *since));
            view.debt_since.map(|since| since.0)
        };
        assert_eq!(since().await, None);
        for now in [7000, 8000] {
            catalog.note_debt(&group, Timestamp(now)).await.unwrap();
        }
        assert_eq!(since().await, Some(7000), "since it was due first");
        assert_eq!(catalog.pending_groups().await.unwrap(), []);
        let read = catalog.out(&group).await.unwrap().debt.unwrap();
        // Due again while the tables are looked at: what was due before is not.
        catalog.note_debt(&group, Timestamp(9500)).await.unwrap();
        catalog.settle_debt(&group, &read, Timestamp(9000)).await.unwrap();
        assert_eq!(since().await, Some(9000));
        catalog.settle_debt(&group, &read, Timestamp(8500)).await.unwrap();
        assert_eq!(since().await, Some(9000), "late");
        let read = catalog.out(&group).await.unwrap().debt.unwrap();
        catalog.settle_debt(&group, &read, Timestamp(9900)).await.unwrap();
        catalog.settle_debt(&group, &read, Timestamp(9900)).await.unwrap();
        assert_eq!((since().await, catalog.out(&group).await.unwrap().debt), (None, None));
        catalog.note_debt(&group, Timestamp(11_000)).await.unwrap();
        assert_eq!(since().await, Some(11_000));
    })
    .await;
}
