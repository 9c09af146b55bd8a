//! Every message as it is on the wire: what is written is the file byte for byte, and the file is understood, also with
//! fields that a later version may add.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use foz_domain::job::JobKind;
use foz_domain::job::care::{DeadAttempt, DeathCause};
use foz_domain::{Digest, Epoch, Ordinal, Range, Sequence};
use foz_wire::Hint;
use foz_wire::attempt::{Attempt, AttemptAnswer, CompactEvent, ConsolidateEvent, TransformEvent};
use foz_wire::ingest::{IngestAnswer, IngestEvent, IngestReply, IngestRequest};
use foz_wire::notification::RawObject;
use foz_wire::sqs::{DispatchEvent, HintMessage, SqsFailures};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Every file of the folder; the tests below use each.
const FILES: [&str; 20] = [
    "attempt_answer_done",
    "attempt_answer_lost",
    "compact_event",
    "consolidate_event",
    "failure_report",
    "hint_group",
    "hint_sweep",
    "ingest_answer_busy",
    "ingest_answer_committed",
    "ingest_answer_conflict",
    "ingest_answer_fenced",
    "ingest_answer_repeated",
    "ingest_reply_mapping",
    "ingest_request",
    "mapping_event",
    "s3_notification",
    "s3_test",
    "sqs_batch",
    "sqs_failures",
    "transform_event",
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn golden(name: &str) -> String {
    assert!(FILES.contains(&name), "{name} is not listed");
    fs::read_to_string(folder().join(name).with_extension("json")).unwrap()
}

/// The file with a field that this version does not know.
fn with_more(name: &str) -> String {
    let text = golden(name);
    let object = text.trim_end().strip_suffix('}').unwrap();
    format!(r#"{object},"a_later_field":{{"x":[1]}}}}"#)
}

fn written(name: &str, json: &str) {
    assert_eq!(format!("{json}\n"), golden(name), "{name}");
}

/// Checks both directions of a type that is written by one program of ours and read by another.
fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: &T) {
    written(name, &serde_json::to_string(value).unwrap());
    for text in [golden(name), with_more(name)] {
        assert_eq!(&serde_json::from_str::<T>(&text).unwrap(), value, "{text}");
    }
}

#[test]
fn every_file_is_listed() {
    let found = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let listed = FILES.iter().map(|name| format!("{name}.json"));
    assert_eq!(found.collect::<BTreeSet<_>>(), listed.collect::<BTreeSet<_>>());
}

#[test]
fn a_batch_for_ingest() {
    let request = IngestRequest {
        stream: "orders".parse().unwrap(),
        epoch: Epoch(2),
        ordinal: Ordinal(3),
        digest: Digest([9; 32]),
        messages: 5,
        frame: [0, 1, 2, 255, 239].as_slice().into(),
    };
    written("ingest_request", std::str::from_utf8(&request.to_json()).unwrap());
    for text in [golden("ingest_request"), with_more("ingest_request")] {
        let IngestEvent::Batch(read) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        assert_eq!(read, request);
    }
}

#[test]
fn an_event_of_a_mapping() {
    for text in [golden("mapping_event"), with_more("mapping_event")] {
        let IngestEvent::Mapping(event) = serde_json::from_str(&text).unwrap() else { panic!("{text}") };
        let (queue, records) = event.messages.first_key_value().unwrap();
        assert_eq!((queue.as_str(), records.len()), ("orders.state::/", 1));
        assert!(golden("mapping_event").contains(records[0].get()), "as it came");
    }
}

#[test]
fn answers_of_ingest() {
    let (sequence, reason) = (Sequence(7), |text: &str| text.to_owned());
    check("ingest_answer_committed", &IngestAnswer::Committed { sequence, repeated: false });
    check("ingest_answer_repeated", &IngestAnswer::Committed { sequence, repeated: true });
    check("ingest_answer_fenced", &IngestAnswer::Fenced { epoch: Epoch(9) });
    check("ingest_answer_conflict", &IngestAnswer::Conflict { reason: reason("it holds 2 messages, not 1") });
    check("ingest_answer_busy", &IngestAnswer::Busy { reason: reason("the group is contended") });
    let reply = |reply: IngestReply| serde_json::to_string(&reply).unwrap();
    let committed = || IngestAnswer::Committed { sequence, repeated: false };
    written("ingest_answer_committed", &reply(IngestReply::Batch(committed())));
    written("ingest_reply_mapping", &reply(IngestReply::Mapping(vec![committed()])));
}

#[test]
fn attempts() {
    let attempt = |kind, lo, hi| Attempt {
        group: "airlines".parse().unwrap(),
        kind,
        range: Range::new(Sequence(lo), Sequence(hi)).unwrap(),
        epoch: Epoch(3),
        attempt: "0199c5f0-0000-7000-8000-000000000000".parse().unwrap(),
    };
    let (transform, consolidate) = (attempt(JobKind::Transform, 4, 9), attempt(JobKind::Consolidate, 0, 9));
    let compact = attempt(JobKind::Compact, 9, 10);
    written("transform_event", &transform.to_json());
    written("consolidate_event", &consolidate.to_json());
    for text in [golden("transform_event"), with_more("transform_event")] {
        let event: TransformEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(Attempt::try_from(event), Ok(transform.clone()));
    }
    for text in [golden("consolidate_event"), with_more("consolidate_event")] {
        let event: ConsolidateEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(Attempt::try_from(event), Ok(consolidate.clone()));
    }
    written("compact_event", &compact.to_json());
    for text in [golden("compact_event"), with_more("compact_event")] {
        let event: CompactEvent = serde_json::from_str(&text).unwrap();
        assert_eq!(Attempt::try_from(event), Ok(compact.clone()));
    }
    check("attempt_answer_done", &AttemptAnswer::Done);
    check("attempt_answer_lost", &AttemptAnswer::Lost);
}

#[test]
fn hints() {
    let group = || "airlines".parse().unwrap();
    written("hint_group", &Hint::group_json(&group()));
    let dead = DeadAttempt {
        epoch: Epoch(3),
        attempt: "0199c5f0-0000-7000-8000-000000000000".parse().unwrap(),
        cause: DeathCause::Fault,
        error: Some("RequestId: e4b46cbf Error: Task timed out after 900.00 seconds".to_owned()),
    };
    let object = RawObject {
        bucket: "foz-shop".to_owned(),
        encoded_key: "raw/stream%3Dflights/date%3D2026-11-28/1-2-00000000000000000000000000000000.parquet".to_owned(),
    };
    for (name, hint) in [
        ("hint_group", Hint::Group(group())),
        ("hint_sweep", Hint::Sweep),
        ("failure_report", Hint::Failed(group(), dead)),
        ("s3_notification", Hint::Raw(object)),
        ("s3_test", Hint::Test),
    ] {
        for text in [golden(name), with_more(name)] {
            assert_eq!(Hint::of_message(&text), std::slice::from_ref(&hint), "{text}");
        }
    }
}

#[test]
fn a_batch_of_hints_and_what_failed_of_it() {
    let id = || "059f36b4-87a3-44ab-83d2-661975830a7d".to_owned();
    for text in [golden("sqs_batch"), with_more("sqs_batch")] {
        let event: Value = serde_json::from_str(&text).unwrap();
        let message = HintMessage { id: id(), hints: vec![Hint::Group("airlines".parse().unwrap())] };
        assert_eq!(DispatchEvent::read(&event), DispatchEvent::Messages(vec![message]));
    }
    check("sqs_failures", &SqsFailures::from_iter([id()]));
}
