//! Hints and groups, with the real SDKs against services in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use dispatch::policy::Policies;
use dispatch::start::{EngineFunctions, Starter};
use dispatch::{Dispatch, DispatchComponents};
use foz_catalog::{Catalog, Commit, Swap};
use foz_domain::groups::Group;
use foz_domain::job::step::Guard;
use foz_domain::job::{Job, JobKind, JobState};
use foz_domain::{Ordinal, Range, Sequence, StreamName, Timestamp};
use foz_edge::Hints;
use foz_pipeline::Definition;
use foz_testkit::{Cloud, Memory, a_batch};
use proptest::prelude::*;
use serde_json::{Value, json};

const DEFINITION: &str = "
lake: test
broker: { vhost: / }
defaults: { consolidate_every: 20s, embedded_limit: 1KiB }
streams:
  planes: { queue: planes, key: [tailnum], columns: { tailnum: string } }
  flights: { queue: flights, key: [id], columns: { id: string, tailnum: string }, references: { tailnum: planes } }
  orders: { queue: orders, key: [id], columns: { id: string } }
";

const MINUTE: i64 = 60_000;

/// A dispatch and the services around it.
struct Stage {
    cloud: Cloud,
    catalog: Catalog,
    dispatch: Dispatch,
}

fn dispatch(cloud: &Cloud, memory: &Memory) -> Dispatch {
    let definition = Definition::stored(DEFINITION).unwrap();
    Dispatch::new(DispatchComponents {
        bucket: "lake".into(),
        policies: Policies::new(definition, "config/1.yaml".parse().unwrap(), 60_000),
        catalog: Catalog::new(memory.client(), "foz"),
        hints: Hints::with_client(cloud.sqs(), "http://queue/1/hints"),
        starter: Starter::new(
            cloud.lambda(),
            EngineFunctions {
                transform: "transform".into(),
                consolidate: "consolidate".into(),
                compact: "compact".into(),
            },
        ),
    })
}

/// A stage on which `flights` and `orders` have that many batches of 100 bytes each.
async fn stage(flights: u64, orders: u64) -> (Stage, Memory) {
    let (cloud, memory) = (Cloud::default(), Memory::default());
    let catalog = Catalog::new(memory.client(), "foz");
    fill(&catalog, "flights", &["flights", "planes"], flights).await;
    fill(&catalog, "orders", &["orders"], orders).await;
    let dispatch = dispatch(&cloud, &memory);
    (Stage { cloud, catalog, dispatch }, memory)
}

async fn fill(catalog: &Catalog, name: &str, members: &[&str], batches: u64) {
    let streams: Vec<StreamName> = members.iter().map(|name| name.parse().unwrap()).collect();
    let group = Group { name: name.parse().unwrap(), streams };
    let epoch = catalog.raise_epoch(&group.name, &group.streams, "bridge").await.unwrap();
    let stream: StreamName = name.parse().unwrap();
    for ordinal in 1..=batches {
        let batch = a_batch(&stream, epoch, Ordinal(ordinal));
        assert!(matches!(catalog.commit_batch(&group, &batch).await.unwrap(), Commit::Committed { .. }));
    }
}

fn messages(bodies: &[Value]) -> Value {
    let record = |(n, body): (usize, &Value)| json!({"messageId": n.to_string(), "body": body.to_string()});
    json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
}

fn hint(group: &str) -> Value {
    json!({"group": group})
}

impl Stage {
    /// Delivers the messages at `now`; returns the ids that failed.
    async fn deliver(&self, bodies: &[Value], now: i64) -> Vec<String> {
        let answer = self.dispatch.handle(messages(bodies), Timestamp(now)).await.unwrap();
        answer.ids().map(str::to_owned).collect()
    }

    /// What was invoked since the last look, without the attempts.
    fn invoked(&self) -> Vec<(String, Value)> {
        let mut invocations = std::mem::take(&mut self.cloud.state().invocations);
        for (_, event) in &mut invocations {
            let attempt = event.as_object_mut().unwrap().remove("attempt");
            assert!(attempt.is_some_and(|attempt| attempt.is_string()));
        }
        invocations.sort_by_key(|(function, event)| (function.clone(), event.to_string()));
        invocations
    }

    /// Hints sent since the last look: group and delay.
    fn hinted(&self) -> Vec<(String, i64)> {
        let hints = std::mem::take(&mut self.cloud.state().hints);
        hints.into_iter().map(|(hint, delay)| (hint["group"].as_str().unwrap().to_owned(), delay)).collect()
    }

    async fn active(&self, group: &str, kind: JobKind) -> Job {
        let view = self.catalog.group_view(&group.parse().unwrap(), u64::MAX).await.unwrap().unwrap();
        match kind {
            JobKind::Transform => view.run.unwrap(),
            JobKind::Consolidate => view.consolidation.unwrap(),
            JobKind::Compact => view.compaction.unwrap(),
        }
    }

    async fn take(&self, from: &Job, to: &Job) {
        let swap = self.catalog.swap(Some(from), to, Guard::Held).await.unwrap();
        assert_eq!(swap, Swap::Done(to.clone()));
    }

    /// Plays transform: commits the group's run.
    async fn transform(&self, name: &str) {
        let run = self.active(name, JobKind::Transform).await;
        let elected = run.elected("manifest".parse().unwrap());
        self.take(&run, &elected).await;
        self.take(&elected, &elected.done(Timestamp(0))).await;
    }

    /// Plays consolidate.
    async fn consolidate(&self, name: &str, now: i64) {
        let job = self.active(name, JobKind::Consolidate).await;
        self.take(&job, &job.done(Timestamp(now))).await;
        self.catalog.clear_pending(&job.id.group, job.range.hi()).await.unwrap();
    }
}

#[tokio::test]
async fn work_is_claimed_and_started_and_looked_after() {
    let (stage, _) = stage(3, 1).await;
    assert_eq!(stage.deliver(&[hint("flights"), hint("orders"), hint("flights")], 0).await, Vec::<String>::new());
    let expected = [
        ("transform".to_owned(), json!({"group": "flights", "lo": 0, "hi": 3, "epoch": 1})),
        ("transform".to_owned(), json!({"group": "orders", "lo": 0, "hi": 1, "epoch": 1})),
    ];
    assert_eq!(stage.invoked(), expected);
    let mut hinted = stage.hinted();
    hinted.sort();
    assert_eq!(hinted, [("flights".to_owned(), 61), ("orders".to_owned(), 61)], "a look for silence");
    let run = stage.active("flights", JobKind::Transform).await;
    assert_eq!((run.bytes, run.definition.as_str()), (300, "config/1.yaml"));
}

/// The function has half a minute; what it claimed must be started before that, and the next group's too.
#[tokio::test]
async fn protocol_13_a_queue_that_hangs_keeps_nothing_from_its_start() {
    let (stage, _) = stage(3, 1).await;
    stage.cloud.state().hang_hints = true;
    let began = tokio::time::Instant::now();
    assert_eq!(stage.deliver(&[hint("flights"), hint("orders")], 0).await, Vec::<String>::new());
    assert_eq!(stage.invoked().len(), 2);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_consolidation_follows_a_run_and_the_next_one_keeps_its_distance() {
    let (stage, _) = stage(0, 1).await;
    stage.deliver(&[hint("orders")], 0).await;
    stage.transform("orders").await;
    stage.invoked();
    stage.deliver(&[hint("orders")], 1000).await;
    assert_eq!(stage.invoked(), [("consolidate".to_owned(), json!({"group": "orders", "through": 1, "epoch": 1}))]);
    stage.consolidate("orders", 2000).await;
    fill(&stage.catalog, "orders", &["orders"], 1).await;
    stage.deliver(&[hint("orders")], 3000).await;
    stage.transform("orders").await;
    stage.invoked();
    stage.hinted();
    for now in [5000, 5100, 5200] {
        stage.deliver(&[hint("orders"), hint("orders")], now).await;
    }
    assert_eq!(stage.invoked(), []);
    assert_eq!(stage.hinted(), [("orders".to_owned(), 16)], "due 20 s after the last began; arranged for once");
    stage.deliver(&[hint("orders")], 21_000).await;
    assert_eq!(stage.invoked(), [("consolidate".to_owned(), json!({"group": "orders", "through": 2, "epoch": 1}))]);
    stage.consolidate("orders", 22_000).await;
    assert_eq!(stage.catalog.pending_groups().await.unwrap(), []);
}

#[tokio::test]
async fn case_17_a_silent_attempt_is_taken_over_and_a_beating_one_is_not() {
    let (stage, _) = stage(0, 1).await;
    stage.deliver(&[hint("orders")], 0).await;
    let run = stage.active("orders", JobKind::Transform).await;
    stage.invoked();
    stage.catalog.heartbeat(&run).await.unwrap();
    stage.hinted();
    stage.deliver(&[hint("orders")], MINUTE).await;
    assert_eq!((stage.invoked().len(), stage.hinted()), (0, vec![("orders".to_owned(), 61)]), "observed");
    stage.deliver(&[hint("orders")], 2 * MINUTE - 1).await;
    assert_eq!(stage.invoked(), []);
    stage.deliver(&[hint("orders")], 2 * MINUTE).await;
    assert_eq!(stage.invoked(), [("transform".to_owned(), json!({"group": "orders", "lo": 0, "hi": 1, "epoch": 2}))]);
    assert!(!stage.catalog.heartbeat(&run).await.unwrap());
}

#[tokio::test]
async fn a_reported_failure_is_taken_over_at_once_unless_it_is_old_news() {
    let (stage, _) = stage(0, 1).await;
    stage.deliver(&[hint("orders")], 0).await;
    let (_, event) = stage.cloud.state().invocations[0].clone();
    let report = json!({"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event});
    stage.deliver(&[report.clone(), report.clone()], 10).await;
    assert_eq!(stage.active("orders", JobKind::Transform).await.epoch.0, 2);
    stage.deliver(&[report], 20).await;
    assert_eq!(stage.active("orders", JobKind::Transform).await.epoch.0, 2);
    assert_eq!(stage.invoked().len(), 2);
}

/// The ranges of the runs that are started, if each begins and then ends with that answer, until none is started any more.
async fn ranges_until_it_stops(stage: &Stage, answer: &Value, from: i64) -> Vec<(u64, u64)> {
    let mut ranges = Vec::new();
    for now in from.. {
        let invocations = std::mem::take(&mut stage.cloud.state().invocations);
        let Some((_, event)) = invocations.into_iter().next() else { break };
        ranges.push((event["lo"].as_u64().unwrap(), event["hi"].as_u64().unwrap()));
        let run = stage.active("orders", JobKind::Transform).await;
        assert!(stage.catalog.heartbeat(&run).await.unwrap());
        stage.deliver(&[json!({"requestPayload": event, "responsePayload": answer})], now).await;
    }
    ranges
}

/// A panic, an error of the engine, of a table, of nobody knows what, and a process that died: each counts.
#[tokio::test]
async fn case_20_protocol_6_input_3_a_batch_that_fails_for_good_ends_up_alone_and_stops_its_group_with_its_reason() {
    for answer in [
        json!({"errorType": "Runtime.ExitError", "errorMessage": "exit status 134"}),
        json!({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 900.00 seconds"}),
        json!({"errorMessage": "Task timed out after 900.00 seconds"}),
        json!({"errorType": "alloc::boxed::Box<dyn core::any::Any>", "errorMessage": "Lambda panicked: overflow"}),
        json!({"errorType": "engine", "errorMessage": "engine: Resources exhausted"}),
        json!({"errorType": "tables", "errorMessage": "tables: iceberg: a field's name"}),
        json!({"errorType": "catalog", "errorMessage": "catalog: damaged"}),
        json!({"errorType": "unexpected", "errorMessage": "?"}),
    ] {
        let (stage, _) = stage(0, 5).await;
        stage.deliver(&[hint("orders")], 0).await;
        let thrice = |range| [range; 3];
        let expected = [thrice((0, 5)), thrice((0, 2)), thrice((0, 1))].concat();
        assert_eq!(ranges_until_it_stops(&stage, &answer, 1).await, expected, "{answer}");
        let view = stage.catalog.group_view(&"orders".parse().unwrap(), u64::MAX).await.unwrap().unwrap();
        let run = view.run.unwrap();
        assert_eq!((run.state, run.bytes, view.marks.claimed), (JobState::Failed, 100, Sequence(1)));
        let (reason, last) = (run.error.unwrap(), answer["errorMessage"].as_str().unwrap());
        assert!(reason.starts_with(&format!("3 attempts at run 0-1 failed, the last one: {last}; ")), "{reason}");
    }
}

#[tokio::test]
async fn protocol_6_an_outage_is_tried_again_at_a_pace_and_never_halves() {
    let (stage, _) = stage(0, 5).await;
    stage.deliver(&[hint("orders")], 0).await;
    let outage = json!({"errorType": "outage", "errorMessage": "outage: store: no answer"});
    assert_eq!(ranges_until_it_stops(&stage, &outage, 1).await, [(0, 5); 3], "at once for the first attempts only");
    for minute in 1..9 {
        let run = stage.active("orders", JobKind::Transform).await;
        assert_eq!(
            (run.state, run.crashes, run.error.as_deref()),
            (JobState::Claimed, 0, Some("outage: store: no answer"))
        );
        stage.deliver(&[hint("orders")], minute * (MINUTE + 10)).await;
        assert_eq!(
            ranges_until_it_stops(&stage, &outage, minute * (MINUTE + 10) + 1).await,
            [(0, 5)],
            "minute {minute}"
        );
        stage.deliver(&[hint("orders")], minute * (MINUTE + 10) + 2).await;
        assert_eq!(stage.invoked(), []);
    }
}

#[tokio::test]
async fn protocol_6_a_function_that_cannot_start_is_no_fault_of_the_range() {
    let (stage, _) = stage(0, 5).await;
    stage.deliver(&[hint("orders")], 0).await;
    let crash = json!({"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"});
    for now in 1..9 {
        let invocations = std::mem::take(&mut stage.cloud.state().invocations);
        let now = now * MINUTE + 10 * now;
        for (_, event) in invocations {
            stage.deliver(&[json!({"requestPayload": event, "responsePayload": crash})], now).await;
        }
        stage.deliver(&[hint("orders")], now).await;
        let run = stage.active("orders", JobKind::Transform).await;
        assert_eq!((run.state, run.crashes, run.range.batches()), (JobState::Claimed, 0, 5));
    }
}

#[tokio::test]
async fn a_group_that_the_definition_has_no_more_is_brought_to_its_end() {
    let (stage, _) = stage(0, 0).await;
    fill(&stage.catalog, "planes", &["planes"], 2).await;
    stage.deliver(&[hint("planes")], 0).await;
    assert_eq!(stage.invoked(), [("transform".to_owned(), json!({"group": "planes", "lo": 0, "hi": 2, "epoch": 1}))]);
}

#[tokio::test]
async fn a_group_that_fails_fails_its_messages_only() {
    let (stage, _) = stage(1, 1).await;
    stage.deliver(&[hint("flights")], 0).await;
    stage.cloud.state().refuse_invokes = true;
    assert_eq!(stage.deliver(&[hint("flights"), hint("orders"), json!({"sweep": true})], 0).await, ["1", "2"]);
    assert!(
        stage.dispatch.handle(json!({"group": "orders"}), Timestamp(MINUTE * 9)).await.is_err(),
        "invoked directly"
    );
}

#[tokio::test]
async fn case_30_what_is_foreign_or_malformed_is_not_delivered_again() {
    let (stage, _) = stage(0, 1).await;
    let foreign = json!({"Records": [{"s3": {"bucket": {"name": "other"}, "object": {"key": "raw/x"}}}]});
    let bodies = [foreign, json!("?"), json!({"group": "unknown"}), json!({"group": "NO"}), hint("orders")];
    assert_eq!(stage.deliver(&bodies, 0).await, Vec::<String>::new());
    assert_eq!(stage.invoked().len(), 1, "and the others are handled");
}

#[tokio::test]
async fn case_25_the_sweep_and_the_object_event_find_the_work_without_hints() {
    let (stage, _) = stage(1, 1).await;
    let key = format!("raw/stream%3Dplanes/date%3D2026-01-01/1-1-{}.parquet", "0".repeat(32));
    let event = json!({"Records": [{"s3": {"bucket": {"name": "lake"}, "object": {"key": key}}}]});
    stage.deliver(&[event], 0).await;
    assert_eq!(stage.invoked().len(), 1);
    stage.dispatch.handle(json!({"sweep": true}), Timestamp(0)).await.unwrap();
    assert_eq!(stage.invoked(), [("transform".to_owned(), json!({"group": "orders", "lo": 0, "hi": 1, "epoch": 1}))]);
}

#[tokio::test]
async fn the_sweep_finds_a_debt_and_a_compaction_is_started_beside_everything_else() {
    let (stage, _) = stage(0, 1).await;
    let orders = "orders".parse().unwrap();
    stage.catalog.note_debt(&orders, Timestamp(0)).await.unwrap();
    let sweep = async |now| {
        stage.dispatch.handle(json!({"sweep": true}), Timestamp(now)).await.unwrap();
        stage.invoked()
    };
    let compact = |number, epoch| ("compact".to_owned(), json!({"group": "orders", "number": number, "epoch": epoch}));
    let run = ("transform".to_owned(), json!({"group": "orders", "lo": 0, "hi": 1, "epoch": 1}));
    assert_eq!(sweep(0).await, [compact(0, 1), run]);
    stage.transform("orders").await;
    stage.deliver(&[hint("orders")], 1).await;
    stage.invoked();
    stage.consolidate("orders", 2).await;
    assert_eq!(stage.catalog.pending_groups().await.unwrap(), [], "nothing waits for a debt");
    // Silent for a minute, though nothing but the debt tells of the group.
    assert_eq!(sweep(MINUTE).await, [compact(0, 2)]);
    let job = stage.active("orders", JobKind::Compact).await;
    stage.take(&job, &job.done(Timestamp(MINUTE))).await;
    assert_eq!(sweep(MINUTE + 1).await, [compact(1, 1)], "as long as it is not settled");
    let debt = stage.catalog.out(&orders).await.unwrap().debt.unwrap();
    stage.catalog.settle_debt(&orders, &debt, Timestamp(MINUTE)).await.unwrap();
    let job = stage.active("orders", JobKind::Compact).await;
    stage.take(&job, &job.done(Timestamp(MINUTE))).await;
    assert_eq!(sweep(3 * MINUTE).await, []);
}

#[tokio::test]
async fn a_compaction_that_fails_for_good_halts_no_run_and_no_consolidation() {
    let (stage, _) = stage(0, 0).await;
    let orders = "orders".parse().unwrap();
    stage.catalog.note_debt(&orders, Timestamp(0)).await.unwrap();
    stage.deliver(&[hint("orders")], 0).await;
    for now in 1..=3 {
        let invocations = std::mem::take(&mut stage.cloud.state().invocations);
        let [(_, event)] = &invocations[..] else { panic!("{invocations:?}") };
        let job = stage.active("orders", JobKind::Compact).await;
        assert!(stage.catalog.heartbeat(&job).await.unwrap());
        let answer = json!({"errorType": "engine", "errorMessage": "engine: no room"});
        stage.deliver(&[json!({"requestPayload": event, "responsePayload": answer})], now).await;
    }
    let failed = stage.active("orders", JobKind::Compact).await;
    assert_eq!(failed.state, JobState::Failed);
    let reason = failed.error.unwrap();
    assert!(reason.starts_with("3 attempts at compaction 0 failed, the last one: engine: no room; "), "{reason}");
    fill(&stage.catalog, "orders", &["orders"], 1).await;
    stage.deliver(&[hint("orders")], 4).await;
    stage.transform("orders").await;
    stage.deliver(&[hint("orders")], 5).await;
    let started: Vec<_> = stage.invoked().into_iter().map(|(function, _)| function).collect();
    assert_eq!(started, ["consolidate", "transform"]);
}

#[tokio::test]
async fn protocol_15_beyond_the_embedded_limit_a_group_goes_on_in_pieces() {
    let (stage, _) = stage(11, 1).await;
    assert_eq!(stage.deliver(&[hint("flights"), hint("orders")], 0).await, Vec::<String>::new());
    assert_eq!(stage.invoked().len(), 2);
    let run = stage.active("flights", JobKind::Transform).await;
    assert_eq!(run.range.to_string(), "0-10", "1,024 bytes at most, of batches of 100 bytes each");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn case_15_two_dispatchers_with_shuffled_duplicated_hints_claim_each_range_once(order in prop::collection::vec((0usize..2, 0usize..2), 50..100)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let (stage, memory) = stage(5, 4).await;
            let other = Stage { cloud: stage.cloud.clone(), catalog: stage.catalog.clone(), dispatch: dispatch(&stage.cloud, &memory) };
            let deliver = async |dispatcher: usize| {
                for (_, group) in order.iter().filter(|(to, _)| *to == dispatcher) {
                    let group = ["flights", "orders"][*group];
                    let stage = [&stage, &other][dispatcher];
                    stage.deliver(&[hint(group), hint("orders"), hint(group)], 0).await;
                }
            };
            futures::join!(deliver(0), deliver(1));
            stage.deliver(&[hint("flights"), hint("orders")], 0).await;
            let claims = stage.invoked();
            assert_eq!(claims.len(), 2, "{claims:?}");
            for (name, hi) in [("flights", 5), ("orders", 4)] {
                let run = stage.active(name, JobKind::Transform).await;
                assert_eq!(Some(run.range), Range::new(Sequence(0), Sequence(hi)));
            }
        });
    }
}
