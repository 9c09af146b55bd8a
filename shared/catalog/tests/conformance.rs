//! What the catalog promises, on every backend: in memory always, and on the DynamoDB at `FOZ_TEST_DYNAMODB` if given.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod memory;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType,
};
use foz_catalog::{Catalog, CatalogError, Claim, Commit, Election, Finish, Image, NewBatch};
use foz_domain::run::{DeadAttempt, Engine, Kind, Run, RunState};
use foz_domain::{Digest, Epoch, GroupName, Ordinal, Range, Sequence, StreamName};
use futures::future::join_all;

use memory::Memory;

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
    use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(endpoint)
        .build();
    let client = aws_sdk_dynamodb::Client::from_conf(config);
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

fn batch(name: &str, epoch: Epoch, ordinal: u64) -> NewBatch {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&ordinal.to_be_bytes());
    digest[8] = u8::try_from(epoch.0).unwrap();
    digest[9] = name.as_bytes()[0];
    NewBatch {
        group: group(),
        members: members(),
        stream: stream(name),
        epoch,
        ordinal: Ordinal(ordinal),
        digest: Digest(digest),
        raw_key: format!("raw/{name}/{epoch}-{ordinal}"),
        messages: 10,
        bytes: 100,
        object_bytes: 50,
        ingested_at: 1000 + i64::try_from(ordinal).unwrap(),
    }
}

/// Commits, again while busy, and returns the sequence.
async fn commit(catalog: &Catalog, batch: &NewBatch) -> Sequence {
    loop {
        match catalog.commit_batch(batch).await {
            Ok(Commit::Committed { sequence, .. }) => return sequence,
            Ok(Commit::Busy) | Err(CatalogError::Unavailable { .. }) => {}
            other => panic!("{batch:?}: {other:?}"),
        }
    }
}

/// A new reign in which stream `a` has committed `batches`.
async fn filled(catalog: &Catalog, batches: u64) -> Epoch {
    let epoch = catalog.raise_epoch(&group(), &members(), "bridge").await.unwrap();
    for ordinal in 1..=batches {
        commit(catalog, &batch("a", epoch, ordinal)).await;
    }
    epoch
}

async fn claim(catalog: &Catalog, lo: u64, hi: u64, attempt: &str) -> Option<Run> {
    let claim = catalog.claim_run(&group(), range(lo, hi), 1, Engine::Embedded, "config/1.yaml", attempt, 5000).await;
    match claim.unwrap() {
        Claim::Claimed(run) => Some(run),
        Claim::Lost => None,
    }
}

#[tokio::test]
async fn batches_of_two_streams_get_contiguous_sequences_and_each_stream_its_chain() {
    on_all("chain", async |catalog| {
        let epoch = filled(&catalog, 0).await;
        for (expected, (name, ordinal)) in [("a", 1), ("b", 1), ("a", 2), ("a", 3)].into_iter().enumerate() {
            let outcome = catalog.commit_batch(&batch(name, epoch, ordinal)).await.unwrap();
            assert_eq!(outcome, Commit::Committed { sequence: Sequence(expected as u64), repeated: false });
        }
        let tail = catalog.tail(&group(), &stream("a"), 11).await.unwrap();
        let chain: Vec<_> = tail.iter().map(|batch| (batch.sequence.0, batch.previous.map(|p| p.0))).collect();
        assert_eq!(chain, [(2, Some(0)), (3, Some(2))], "as few as hold 11 messages");
        assert_eq!(catalog.tail(&group(), &stream("a"), 1000).await.unwrap().len(), 3, "all there are");
        let head = catalog.stream_head(&group(), &stream("a")).await.unwrap();
        assert_eq!((head.messages, head.bytes, head.last.unwrap().sequence), (30, 300, Sequence(3)));
        let all = catalog.batches(&group(), range(0, 4)).await.unwrap();
        assert_eq!(all.iter().map(|batch| batch.stream.as_str()).collect::<String>(), "abaa");
        assert!(matches!(catalog.batches(&group(), range(0, 5)).await, Err(CatalogError::Damaged { .. })));
    })
    .await;
}

#[tokio::test]
async fn case_5_a_repeated_batch_keeps_its_sequence_and_another_in_its_place_is_a_conflict() {
    on_all("repeat", async |catalog| {
        let epoch = filled(&catalog, 2).await;
        let again = catalog.commit_batch(&batch("a", epoch, 2)).await.unwrap();
        assert_eq!(again, Commit::Committed { sequence: Sequence(1), repeated: true });
        let other = NewBatch { digest: Digest([9; 32]), ..batch("a", epoch, 2) };
        assert!(matches!(catalog.commit_batch(&other).await.unwrap(), Commit::Conflict { .. }));
        let gap = catalog.commit_batch(&batch("a", epoch, 4)).await.unwrap();
        assert!(matches!(gap, Commit::Conflict { .. }));
        assert_eq!(catalog.group_head(&group()).await.unwrap().unwrap().next_sequence, Sequence(2));
    })
    .await;
}

#[tokio::test]
async fn case_10_a_late_execution_is_recognised_as_its_own_or_fenced() {
    on_all("late", async |catalog| {
        let epoch = filled(&catalog, 3).await;
        let late = catalog.commit_batch(&batch("a", epoch, 1)).await.unwrap();
        assert_eq!(late, Commit::Committed { sequence: Sequence(0), repeated: true });
        let other = NewBatch { digest: Digest([9; 32]), ..batch("a", epoch, 1) };
        assert!(matches!(catalog.commit_batch(&other).await.unwrap(), Commit::Conflict { .. }));
        let newer = filled(&catalog, 1).await;
        for ordinal in [1, 3, 4] {
            let late = catalog.commit_batch(&batch("a", epoch, ordinal)).await.unwrap();
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
        let old = catalog.commit_batch(&batch("a", epoch, 1)).await.unwrap();
        assert!(matches!(old, Commit::Conflict { .. }), "{old:?}");
        commit(&catalog, &NewBatch { members: wider, ..batch("c", epoch, 1) }).await;
    })
    .await;
}

/// Everything of the group is brought into images.
async fn drain(catalog: &Catalog, group: &GroupName) {
    let (marks, next) = (catalog.out(group).await.unwrap().marks, catalog.group_head(group).await.unwrap().unwrap());
    let range = Range::new(marks.done, next.next_sequence).unwrap();
    let claimed = catalog.claim_run(group, range, 1, Engine::Embedded, "config/1.yaml", "x", 5000).await.unwrap();
    let Claim::Claimed(run) = claimed else { panic!("{claimed:?}") };
    catalog.elect(group, &run, "m").await.unwrap();
    catalog.finish_run(group, &run, 6000).await.unwrap();
    let claimed = catalog.claim_consolidation(group, range, "config/1.yaml", "y", 6000).await.unwrap();
    let Claim::Claimed(run) = claimed else { panic!("{claimed:?}") };
    catalog.finish_consolidation(group, &run, &[], 7000).await.unwrap();
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
        let of_b = |members: &[StreamName], group: &GroupName, epoch, ordinal| NewBatch {
            group: group.clone(),
            members: members.to_vec(),
            ..batch("b", epoch, ordinal)
        };
        for ordinal in 1..=3 {
            commit(&catalog, &of_b(&b, &two, epoch, ordinal)).await;
        }
        let first = raise(&one, &a).await.unwrap();
        commit(&catalog, &NewBatch { group: one.clone(), members: a.clone(), ..batch("a", first, 1) }).await;
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
        let old = catalog.commit_batch(&of_b(&b, &two, epoch, 4)).await.unwrap();
        assert!(matches!(old, Commit::Fenced { .. } | Commit::Conflict { .. }), "{old:?}");
        assert_eq!(catalog.tail(&one, &stream("b"), 1000).await.unwrap().len(), 3);
        let place = commit(&catalog, &of_b(&ab, &one, together, 1)).await;
        assert_eq!(place, Sequence(3));
        let tail = catalog.tail(&one, &stream("b"), 1000).await.unwrap();
        assert_eq!(tail.iter().map(|batch| batch.sequence.0).collect::<Vec<_>>(), [0, 1, 2, 3]);
        // Apart again: `a` goes on, `b` begins above everything, and not before `a`'s group has let it go.
        drain(&catalog, &one).await;
        raise(&one, &a).await.unwrap();
        let apart = raise(&two, &b).await.unwrap();
        assert!(apart > together);
        assert_eq!(commit(&catalog, &of_b(&b, &two, apart, 1)).await, Sequence(4));
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
            let ordinals: Vec<u64> = all.iter().filter(|b| b.stream.as_str() == name).map(|b| b.ordinal.0).collect();
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
        let won: Vec<Run> = claims.await.into_iter().flatten().collect();
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
        assert_eq!(catalog.finish_run(&group, &run, 1).await.unwrap(), Finish::Lost, "not elected");
        assert_eq!(catalog.elect(&group, &run, "one").await.unwrap(), Election::Elected);
        assert_eq!(catalog.elect(&group, &run, "one").await.unwrap(), Election::Elected, "repeated");
        let frozen = catalog.elect(&group, &run, "two").await.unwrap();
        assert_eq!(frozen, Election::Frozen { manifest: "one".into() });
        assert_eq!(catalog.finish_run(&group, &run, 6000).await.unwrap(), Finish::Ended);
        assert_eq!(catalog.finish_run(&group, &run, 6000).await.unwrap(), Finish::Ended, "repeated");
        let view = catalog.group_view(&group, LIMIT).await.unwrap().unwrap();
        assert_eq!((view.run, view.marks.done, view.pending.len()), (None, Sequence(2), 1));
        let runs = catalog.runs(&group, Kind::Transform, 10).await.unwrap();
        assert_eq!((runs.len(), runs[0].state, runs[0].ended_at), (1, RunState::Done, Some(6000)));
        assert!(matches!(catalog.elect(&group, &run, "one").await.unwrap(), Election::Lost { .. }));
        assert!(!catalog.heartbeat(&group, &run).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn a_taken_over_attempt_can_change_nothing_and_its_successor_keeps_the_elected_files() {
    on_all("takeover", async |catalog| {
        filled(&catalog, 1).await;
        let group = group();
        let first = claim(&catalog, 0, 1, "x").await.unwrap();
        assert!(catalog.heartbeat(&group, &first).await.unwrap());
        assert_eq!(
            catalog.take_over(&group, &first, "y", "config/2.yaml", 9).await.unwrap(),
            None,
            "it beat since it was seen"
        );
        let seen = catalog.run(&group, Kind::Transform, first.range).await.unwrap().unwrap();
        assert!(catalog.observe(&group, &seen, 7000).await.unwrap());
        assert!(!catalog.observe(&group, &seen, 7001).await.unwrap(), "one of two dispatchers notes it");
        assert_eq!(catalog.elect(&group, &first, "one").await.unwrap(), Election::Elected);
        let seen = catalog.run(&group, Kind::Transform, first.range).await.unwrap().unwrap();
        assert_eq!((seen.seen_heartbeat, seen.seen_at), (1, 7000));
        let takeovers =
            join_all(["y", "z"].map(|attempt| catalog.take_over(&group, &seen, attempt, "config/2.yaml", 9000))).await;
        let won: Vec<Run> = takeovers.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(won.len(), 1);
        let second = &won[0];
        assert_eq!(
            (second.epoch, second.state, second.manifest.as_deref()),
            (Epoch(2), RunState::Committing, Some("one"))
        );
        assert!(!catalog.heartbeat(&group, &first).await.unwrap());
        assert_eq!(catalog.elect(&group, &first, "two").await.unwrap(), Election::Lost { epoch: Epoch(2) });
        assert_eq!(catalog.finish_run(&group, &first, 1).await.unwrap(), Finish::Lost);
        assert_eq!(catalog.fail(&group, &first, "why", 1).await.unwrap(), Finish::Lost);
        assert_eq!(catalog.finish_run(&group, second, 1).await.unwrap(), Finish::Ended);
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
        let half = (whole.range.first_half().unwrap(), 200);
        let halves =
            join_all(["y", "z"].map(|attempt| catalog.halve(&group, &whole, half, attempt, "config/2.yaml", 9))).await;
        let won: Vec<Run> = halves.into_iter().filter_map(Result::unwrap).collect();
        assert_eq!(won.len(), 1);
        assert_eq!((won[0].range, won[0].bytes, won[0].epoch), (range(0, 2), 200, Epoch(2)));
        assert_eq!(won[0].definition, "config/2.yaml", "it begins anew");
        assert_eq!(catalog.elect(&group, &whole, "one").await.unwrap(), Election::Lost { epoch: Epoch(2) });
        let view = catalog.group_view(&group, LIMIT).await.unwrap().unwrap();
        assert_eq!((view.run.as_ref(), view.marks.claimed, view.pending.len()), (Some(&won[0]), Sequence(2), 2));
        assert_eq!(catalog.elect(&group, &won[0], "two").await.unwrap(), Election::Elected);
        assert_eq!(catalog.finish_run(&group, &won[0], 10).await.unwrap(), Finish::Ended);
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
        assert_eq!(catalog.fail(&group, &run, "poison", 6000).await.unwrap(), Finish::Ended);
        assert_eq!(claim(&catalog, 1, 2, "y").await, None);
        let failed = catalog.group_view(&group, LIMIT).await.unwrap().unwrap().run.unwrap();
        assert_eq!((failed.state, failed.error.as_deref()), (RunState::Failed, Some("poison")));
        assert_eq!(catalog.resume(&group, &failed, "person").await.unwrap(), Finish::Ended);
        assert_eq!(catalog.resume(&group, &failed, "other").await.unwrap(), Finish::Lost);
        let resumed = catalog.group_view(&group, LIMIT).await.unwrap().unwrap().run.unwrap();
        assert_eq!((resumed.state, resumed.epoch, resumed.error.clone()), (RunState::Claimed, Epoch(2), None));
        let dead: Option<&DeadAttempt> = None;
        assert_eq!(resumed.care(dead, 1_000_000, 60_000), foz_domain::run::Care::TakeOver, "it starts at once");
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
            pending.into_iter().map(|pending| pending.since).collect::<Vec<_>>()
        };
        assert_eq!(since().await, [1001]);
        for (lo, hi) in [(0, 1), (1, 2)] {
            let run = claim(&catalog, lo, hi, &format!("r{lo}")).await.unwrap();
            catalog.elect(&group, &run, "m").await.unwrap();
            catalog.finish_run(&group, &run, 6000).await.unwrap();
            let early = catalog.claim_consolidation(&group, range(lo, hi + 1), "d", "early", 7000).await.unwrap();
            assert_eq!(early, Claim::Lost, "an image never goes beyond what is done");
            let claimed =
                catalog.claim_consolidation(&group, range(lo, hi), "d", &format!("c{lo}"), 7000).await.unwrap();
            let Claim::Claimed(consolidation) = claimed else { panic!("lost") };
            let image = Image {
                stream: stream("a"),
                through: Sequence(hi),
                snapshot_id: i64::MAX,
                metadata_location: "s3://x".into(),
                rows: 3,
                committed_at: 7500,
            };
            for _ in 0..2 {
                let ended = catalog
                    .finish_consolidation(&group, &consolidation, std::slice::from_ref(&image), 8000)
                    .await
                    .unwrap();
                assert_eq!(ended, Finish::Ended);
            }
            // A late attempt finds the table as it is by then, and perhaps a later consolidation's image in it.
            let later = Image { snapshot_id: 1, rows: 4, ..image.clone() };
            for late in [later.clone(), Image { through: Sequence(hi + 5), ..later }] {
                catalog.finish_consolidation(&group, &consolidation, &[late], 9000).await.unwrap();
            }
            assert_eq!(catalog.images(&group, &stream("a"), 1).await.unwrap(), [image]);
            assert_eq!(since().await, if hi == 1 { vec![1002] } else { vec![] });
        }
        let out = catalog.out(&group).await.unwrap();
        assert_eq!((out.marks.imaged, out.last_image_at), (Sequence(2), Some(7000)));
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
