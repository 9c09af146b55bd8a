//! The way of a frame.

use bytes::Bytes;
use foz_domain::{Digest, Epoch, Ordinal, Timestamp};
use foz_lake::Message;
use foz_lake::frame::FrameWriter;
use foz_lake::message::{Body, Properties};
use foz_wire::{IngestAnswer, IngestRequest};

use crate::committed;
use foz_testkit::Fault;

const DEFINITION: &str = "
lake: test
broker: { vhost: / }
streams:
  planes: { queue: planes, key: [tailnum], columns: { tailnum: string } }
  flights: { queue: flights, key: [id], columns: { id: string, tailnum: string }, references: { tailnum: planes } }
";

/// A stage and the reign of a bridge on it.
struct Stage {
    stage: crate::Stage,
    epoch: Epoch,
}

impl std::ops::Deref for Stage {
    type Target = crate::Stage;

    fn deref(&self) -> &Self::Target {
        &self.stage
    }
}

async fn stage() -> Stage {
    let stage = crate::Stage::new(DEFINITION);
    let members = ["planes".parse().unwrap(), "flights".parse().unwrap()];
    let epoch = stage.catalog.raise_epoch(&stage.group, &members, "bridge").await.unwrap();
    Stage { stage, epoch }
}

fn request(epoch: Epoch, ordinal: u64) -> IngestRequest<'static> {
    let stream = "flights".parse().unwrap();
    // Shortly before midnight: a retry after it must not change the object's name.
    let mut frame = FrameWriter::new(&stream, Timestamp(86_399_999));
    for n in 0..ordinal {
        frame.push(&Message {
            body: Body::Inline(Bytes::from(format!("{{\"id\":{n}}}"))),
            exchange: String::new(),
            routing_key: "flights".into(),
            properties: Properties::default(),
            headers: vec![],
        });
    }
    let frame = frame.finish();
    let (digest, messages) = (frame.digest, frame.messages as u64);
    IngestRequest { stream, epoch, ordinal: Ordinal(ordinal), digest, messages, frame: frame.zstd.into() }
}

impl Stage {
    async fn send(&self, ordinal: u64) -> IngestAnswer {
        self.ingest.handle(request(self.epoch, ordinal), Timestamp(90_000_000)).await.unwrap()
    }
}

#[tokio::test]
async fn a_frame_becomes_an_object_an_entry_and_a_hint() {
    let stage = stage().await;
    assert_eq!(stage.send(1).await, committed(0, false));
    assert_eq!(stage.send(2).await, committed(1, false));
    stage.holds(2).await;
    let hint = (serde_json::json!({"group": "flights"}), 0);
    assert_eq!(stage.cloud.state().hints, [hint.clone(), hint]);
}

#[tokio::test]
async fn case_4_dying_between_object_and_entry_ends_in_one_of_each() {
    let stage = stage().await;
    stage.memory.misbehave([Fault::Hang]);
    tokio::select! {
        answer = stage.send(1) => panic!("it should have died: {answer:?}"),
        () = stage.memory.waits() => {}
    }
    assert_eq!(stage.cloud.state().objects.len(), 1, "object first");
    stage.holds(0).await;
    assert_eq!(stage.send(1).await, committed(0, false));
    assert_eq!(stage.cloud.state().objects.len(), 1);
    stage.holds(1).await;
}

#[tokio::test]
async fn case_5_a_lost_answer_of_the_transaction_leads_to_the_same_sequence() {
    let stage = stage().await;
    stage.memory.misbehave([Fault::LoseAnswer]);
    assert_eq!(stage.send(1).await, committed(0, true));
    assert_eq!(stage.send(1).await, committed(0, true), "and so does sending it again");
    stage.holds(1).await;
    assert_eq!(stage.cloud.state().hints.len(), 2, "a repeated batch is hinted at too");
}

#[tokio::test]
async fn case_10_a_late_execution_is_recognised_or_fenced() {
    let stage = stage().await;
    for ordinal in 1..=3 {
        stage.send(ordinal).await;
    }
    assert_eq!(stage.send(1).await, committed(0, true));
    let members = ["planes".parse().unwrap(), "flights".parse().unwrap()];
    let newer = stage.catalog.raise_epoch(&stage.group, &members, "other").await.unwrap();
    assert_eq!(stage.send(4).await, IngestAnswer::Fenced { epoch: newer });
    stage.holds(3).await;
}

#[tokio::test]
async fn case_21_refused_puts_are_repeated() {
    let stage = stage().await;
    stage.cloud.state().refuse_puts.extend([503, 409, 503]);
    assert_eq!(stage.send(1).await, committed(0, false));
    stage.holds(1).await;
}

#[tokio::test]
async fn a_lost_hint_does_not_fail_the_commit() {
    let stage = stage().await;
    stage.cloud.state().refuse_hints = true;
    assert_eq!(stage.send(1).await, committed(0, false));
    stage.holds(1).await;
}

/// A hang is no refusal: the function that waited for it would be killed, and the batch come again for ever.
#[tokio::test]
async fn protocol_13_a_hint_that_hangs_costs_two_seconds() {
    let stage = stage().await;
    stage.cloud.state().hang_hints = true;
    let began = std::time::Instant::now();
    assert_eq!(stage.send(1).await, committed(0, false));
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    stage.holds(1).await;
}

#[tokio::test]
async fn a_request_that_contradicts_its_frame_is_a_conflict_and_leaves_nothing() {
    let stage = stage().await;
    let good = request(stage.epoch, 1);
    let wrong = [
        IngestRequest { digest: Digest([0; 32]), ..good.clone() },
        IngestRequest { messages: 2, ..good.clone() },
        IngestRequest { stream: "planes".parse().unwrap(), ..good.clone() },
        IngestRequest { stream: "unknown".parse().unwrap(), ..good.clone() },
        IngestRequest { frame: good.frame[..good.frame.len() - 1].to_vec().into(), ..good.clone() },
        IngestRequest { frame: b"no frame".to_vec().into(), ..good },
    ];
    for request in wrong {
        let said = format!("{request:?}");
        let answer = stage.ingest.handle(request, Timestamp(0)).await.unwrap();
        assert!(matches!(answer, IngestAnswer::Conflict { .. }), "{said}: {answer:?}");
    }
    assert!(stage.cloud.state().objects.is_empty());
    stage.holds(0).await;
}

#[tokio::test]
async fn an_object_of_that_name_with_another_digest_is_a_conflict() {
    let stage = stage().await;
    stage.send(1).await;
    let digest = Digest([0; 32]).to_string();
    stage.cloud.state().objects.values_mut().for_each(|(_, found)| found.clone_from(&digest));
    assert!(matches!(stage.send(1).await, IngestAnswer::Conflict { .. }));
}
