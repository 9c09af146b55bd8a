//! Jobs: claimed once, ended once, and taken over only from the silent.

use foz_catalog::Swap;
use foz_domain::job::care::Care;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobKind, JobState};
use foz_domain::{Epoch, Sequence, Timestamp};
use futures::future::join_all;

use crate::backend::on_all;
use crate::steps::{
    LIMIT, anew, claim, complete, consolidate, consolidation_over, elect, filled, finish, group, range, seen, start,
    take,
};

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
        assert_eq!((view.run.as_ref(), view.marks.claimed), (Some(&won[0]), Sequence(2)));
        complete(&catalog, &won[0]).await;
        assert_eq!(catalog.group_view(&group, LIMIT).await.unwrap().unwrap().pending.len(), 2);
        assert!(claim(&catalog, 2, 4, "w").await.is_some());
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
async fn a_consolidation_in_pieces_keeps_its_range_and_fences_its_attempt() {
    on_all("pieces", async |catalog| {
        filled(&catalog, 4).await;
        complete(&catalog, &claim(&catalog, 0, 4, "r").await.unwrap()).await;
        let whole = consolidation_over(&group(), range(0, 4), &start("x", 7000));
        let whole = take(&catalog, None, &whole, Guard::Held).await.unwrap();
        let halved = whole.halved(0, &start("y", 9)).unwrap();
        let halved = take(&catalog, Some(&whole), &halved, Guard::Silent).await.unwrap();
        assert_eq!((seen(&catalog, &halved).await.piece, halved.range), (Some(2), range(0, 4)));
        assert!(!catalog.heartbeat(&whole).await.unwrap());
        assert!(consolidate(&catalog, &halved, &[], 8000).await.is_some());
        assert_eq!(catalog.out(&group()).await.unwrap().marks.imaged, Sequence(4));
    })
    .await;
}

#[tokio::test]
async fn an_attempt_is_excused_once_and_its_late_heartbeats_count_again() {
    on_all("excused", async |catalog| {
        filled(&catalog, 1).await;
        let run = claim(&catalog, 0, 1, "x").await.unwrap();
        assert!(catalog.heartbeat(&run).await.unwrap());
        let begun = seen(&catalog, &run).await;
        assert!(begun.has_begun());
        let excused = take(&catalog, Some(&begun), &begun.excused("no answer", Timestamp(9)), Guard::Unseen).await;
        let excused = seen(&catalog, &excused.unwrap()).await;
        assert_eq!((excused.has_begun(), excused.error.as_deref()), (false, Some("no answer")));
        assert_eq!(take(&catalog, Some(&begun), &begun.excused("?", Timestamp(10)), Guard::Unseen).await, None);
        assert!(catalog.heartbeat(&run).await.unwrap());
        assert!(seen(&catalog, &run).await.has_begun());
    })
    .await;
}
