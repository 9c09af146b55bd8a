//! The way of an event of a mapping.

use std::time::Duration;

use foz_domain::{Epoch, Ordinal, Sequence, Timestamp};
use foz_lake::frame::FrameWriter;
use foz_wire::ingest::{IngestAnswer, IngestEvent, IngestReply, IngestRequest};
use serde_json::{Value, json};

use crate::{Stage, committed};
use foz_testkit::Fault;

const DEFINITION: &str = "
lake: test
streams:
  orders: { queue: orders.state, key: [id], columns: { id: string }, door: mapping }
";
const NOON: i64 = 12 * 3_600_000;
const DAY: i64 = 24 * 3_600_000;

fn stage() -> Stage {
    Stage::new(DEFINITION)
}

/// An event of one queue. A letter is a message: `a` comes for the first time, `A` is redelivered.
fn event(letters: &str) -> Value {
    let record = |letter: char| {
        json!({
            "basicProperties": { "messageId": letter.to_ascii_lowercase().to_string(), "bodySize": 2 },
            "redelivered": letter.is_uppercase(),
            "data": "e30=",
        })
    };
    of_queue("orders.state::/", letters.chars().map(record).collect())
}

fn of_queue(queue: &str, records: Vec<Value>) -> Value {
    json!({ "eventSource": "aws:rmq", "eventSourceArn": "arn", "rmqMessagesByQueue": { queue: records } })
}

impl Stage {
    async fn tell(&self, event: &Value, now: i64) -> anyhow::Result<Vec<IngestAnswer>> {
        let event: IngestEvent = serde_json::from_str(&event.to_string()).unwrap();
        match self.ingest.invoke(event, Timestamp(now)).await? {
            IngestReply::Mapping(answers) => Ok(answers),
            IngestReply::Batch(answer) => panic!("{answer:?}"),
        }
    }

    /// Hands over the event at noon; what became of it.
    async fn take(&self, letters: &str) -> Vec<IngestAnswer> {
        self.tell(&event(letters), NOON).await.unwrap()
    }

    /// Number of messages in each batch, in order.
    async fn batches(&self) -> Vec<u64> {
        let next = self.catalog.group_head(&self.group).await.unwrap().unwrap().next_sequence;
        let range = foz_domain::Range::new(Sequence(0), next).unwrap();
        let batches = self.catalog.batches(&self.group, range).await.unwrap();
        batches.iter().map(|batch| batch.content.messages).collect()
    }
}

#[tokio::test]
async fn an_event_becomes_an_object_an_entry_and_a_hint() {
    let stage = stage();
    assert_eq!(stage.take("ab").await, [committed(0, false)]);
    assert_eq!(stage.take("cde").await, [committed(1, false)]);
    stage.holds(2).await;
    assert_eq!(stage.batches().await, [2, 3]);
    assert_eq!(stage.cloud.state().hints.len(), 2);
    let head = stage.catalog.group_head(&stage.group).await.unwrap().unwrap();
    assert_eq!((head.owner.as_str(), head.epoch), ("mapping", Epoch(1)), "one reign for all events");
}

#[tokio::test]
async fn an_event_that_is_repeated_is_the_last_batch() {
    let stage = stage();
    assert_eq!(stage.take("ab").await, [committed(0, false)]);
    assert_eq!(stage.tell(&event("ab"), NOON + DAY).await.unwrap(), [committed(0, true)], "whenever it is repeated");
    assert_eq!(stage.cloud.state().hints.len(), 2, "the first hint may be lost with the answer");
    assert_eq!(stage.take("c").await, [committed(1, false)]);
    assert_eq!(stage.take("ab").await, [committed(2, false)], "a state that returns is a state");
    stage.holds(3).await;
}

#[tokio::test]
async fn case_4_and_5_dying_on_the_way_ends_in_one_of_each() {
    let stage = stage();
    stage.take("a").await;
    stage.memory.misbehave([Fault::Hang]);
    tokio::select! {
        answer = stage.take("b") => panic!("it should have died: {answer:?}"),
        () = stage.memory.waits() => {}
    }
    stage.holds(1).await;
    assert_eq!(stage.take("b").await, [committed(1, false)]);
    assert_eq!(stage.cloud.state().objects.len(), 2);
    stage.memory.misbehave([Fault::LoseAnswer]);
    assert_eq!(stage.take("c").await, [committed(2, true)]);
    stage.holds(3).await;
}

#[tokio::test]
async fn case_11_redelivered_messages_are_dropped_wherever_the_event_is_cut() {
    let stage = stage();
    stage.take("ab").await;
    stage.take("cde").await;
    assert_eq!(stage.take("CD").await, []);
    assert_eq!(stage.take("Efg").await, [committed(2, false)]);
    assert_eq!(stage.take("Efg").await, [], "repeated as a whole");
    assert_eq!(stage.take("H").await, [committed(3, false)], "redelivered, but never committed");
    assert_eq!(stage.take("IFGj").await, [committed(4, false)], "given back behind one that was never committed");
    assert_eq!(stage.batches().await, [2, 3, 2, 1, 2]);
    stage.holds(5).await;
}

#[tokio::test]
async fn protocol_5_the_first_redelivered_message_of_a_quiet_stream_costs_a_few_reads() {
    let stage = stage();
    let message = |number: usize, redelivered: bool| {
        json!({
            "basicProperties": { "messageId": number.to_string(), "bodySize": 2 }, "redelivered": redelivered, "data": "e30=",
        })
    };
    let one = |number, redelivered| of_queue("orders.state::/", vec![message(number, redelivered)]);
    for number in 0..200 {
        stage.tell(&one(number, false), NOON).await.unwrap();
    }
    let check = async |number: usize, redelivered: &[IngestAnswer], gets: u64, queries: usize| {
        stage.memory.take_queries();
        let gets_before = stage.cloud.state().gets;
        assert_eq!(stage.tell(&one(number, true), NOON).await.unwrap(), redelivered, "message {number}");
        assert_eq!(stage.cloud.state().gets - gets_before, gets, "message {number}");
        assert_eq!(stage.memory.take_queries().len(), queries, "message {number}");
    };
    // Pages of this database hold two items.
    check(199, &[], 1, 1).await;
    check(196, &[], 4, 2).await;
    check(0, &[], 200, 100).await;
    check(200, &[committed(200, false)], 200, 100).await;
    stage.holds(201).await;
}

/// Objects that are never answered: the search must end before the function does, which could not say why.
#[tokio::test]
async fn an_event_whose_redelivered_messages_are_not_found_in_time_fails_and_says_so() {
    let stage = Stage::within(DEFINITION, Duration::from_millis(4_500));
    stage.take("ab").await;
    stage.cloud.state().hang_gets = true;
    let late = format!("{:#}", stage.tell(&event("B"), NOON).await.unwrap_err());
    let why = "looking for redelivered messages among those that are catalogued: store: not done within 3s";
    assert!(late.starts_with(why), "{late}");
    stage.holds(1).await;
    stage.cloud.state().hang_gets = false;
    assert_eq!(stage.take("Bc").await, [committed(1, false)], "the event comes again");
    assert_eq!(stage.batches().await, [2, 1]);
}

#[tokio::test]
async fn a_bridge_that_takes_the_group_fences_an_execution_that_is_late() {
    let stage = stage();
    stage.take("a").await;
    stage.memory.hold("TransactWriteItems");
    let bridge = async {
        stage.memory.waits().await;
        let members = ["orders".parse().unwrap()];
        let epoch = stage.catalog.raise_epoch(&stage.group, &members, "bridge-1").await.unwrap();
        stage.memory.release();
        epoch
    };
    let late = event("b");
    let (late, epoch) = tokio::join!(stage.tell(&late, NOON), bridge);
    let said = format!("{:#}", late.unwrap_err());
    assert!(said.contains("Fenced { epoch: 2 }"), "{said}");
    assert_eq!(epoch, Epoch(2));
    stage.holds(1).await;
}

#[tokio::test]
async fn a_bridge_that_does_not_know_yet_is_refused() {
    let stage = stage();
    let stream = "orders".parse().unwrap();
    let epoch = stage.catalog.raise_epoch(&stage.group, std::slice::from_ref(&stream), "bridge-1").await.unwrap();
    let frame = FrameWriter::new(&stream, Timestamp(NOON)).finish();
    let request = IngestRequest {
        stream,
        epoch,
        ordinal: Ordinal(1),
        digest: frame.digest,
        messages: 0,
        frame: frame.zstd.into(),
    };
    let answer = stage.ingest.handle(request, Timestamp(NOON)).await.unwrap();
    let IngestAnswer::Conflict { reason } = answer else { panic!("{answer:?}") };
    assert_eq!(reason, "orders comes by a mapping in ingest's definition");
}

#[tokio::test]
async fn a_mapping_takes_over_from_a_bridge() {
    let stage = stage();
    let members = ["orders".parse().unwrap()];
    stage.catalog.raise_epoch(&stage.group, &members, "bridge-1").await.unwrap();
    assert_eq!(stage.take("a").await, [committed(0, false)]);
    assert_eq!(stage.take("b").await, [committed(1, false)]);
    let head = stage.catalog.group_head(&stage.group).await.unwrap().unwrap();
    assert_eq!((head.owner.as_str(), head.epoch), ("mapping", Epoch(2)));
}

#[tokio::test]
async fn case_28_what_is_malformed_is_kept_and_stops_nobody() {
    let stage = stage();
    let records = vec![
        json!({"basicProperties": null, "redelivered": false, "data": "%"}),
        json!(7),
        json!({"basicProperties": {"timestamp": "soon"}, "redelivered": false, "data": "e30="}),
    ];
    let answers = stage.tell(&of_queue("orders.state::/", records), NOON).await.unwrap();
    assert_eq!(answers, [committed(0, false)]);
    assert_eq!(stage.batches().await, [3]);
    stage.holds(1).await;
}

#[tokio::test]
async fn markers_of_an_earlier_bridge_are_no_messages() {
    let stage = stage();
    let marker = json!({
        "basicProperties": {"headers": {"x-foz-epoch": 1, "x-foz-marker": 2}, "bodySize": 0}, "redelivered": false, "data": "",
    });
    assert_eq!(stage.tell(&of_queue("orders.state::/", vec![marker]), NOON).await.unwrap(), []);
    stage.holds(0).await;
}

#[tokio::test]
async fn a_queue_that_does_not_come_by_a_mapping_is_not_acknowledged() {
    let stage = stage();
    for queue in ["orders.state::other", "planes::/", "orders.state"] {
        let error = stage.tell(&of_queue(queue, vec![]), NOON).await.unwrap_err();
        let said = format!("{error:#}");
        assert!(said.starts_with("event: ") && said.contains(queue) && said.contains("door: mapping"), "{said}");
    }
    assert!(stage.catalog.group_head(&stage.group).await.unwrap().is_none());
}

#[tokio::test]
async fn a_failure_brings_the_event_back() {
    let stage = stage();
    stage.take("a").await;
    // As often as the catalog tries.
    stage.memory.misbehave([Fault::Conflict; 12]);
    let error = stage.tell(&event("b"), NOON).await.unwrap_err();
    assert!(format!("{error:#}").contains("not committed"), "{error:#}");
    assert_eq!(stage.take("b").await, [committed(1, false)]);
    stage.holds(2).await;
}
