//! What may wake a dispatch, and how a batch of messages is answered.
//!
//! Nothing here fails: what cannot be read is malformed, is counted, and is not delivered again.

use foz_domain::keys::RawKey;
use foz_domain::run::DeadAttempt;
use foz_domain::{Epoch, GroupName, StreamName};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One reason to look at something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The group may have work.
    Group(GroupName),
    /// A function that worked for the group has failed.
    Failed(GroupName, DeadAttempt),
    /// A raw object of the stream appeared.
    Raw(StreamName),
    /// Look at all groups with work.
    Sweep,
    /// Somebody else's bucket or prefix, or a test event.
    Foreign,
    /// Not a hint.
    Malformed(String),
}

/// A message of the hint queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// SQS's id, by which a failure is answered.
    pub id: String,
    /// What it says; a notification may hold several.
    pub hints: Vec<Hint>,
}

/// What invokes this function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A batch from the hint queue.
    Messages(Vec<Message>),
    /// Invoked directly.
    Direct(Hint),
}

/// The answer to a batch: which messages to deliver again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Answer {
    /// The failed ones.
    #[serde(rename = "batchItemFailures")]
    pub failures: Vec<Failure>,
}

/// A message to deliver again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// SQS's id of the message.
    #[serde(rename = "itemIdentifier")]
    pub id: String,
}

#[derive(Deserialize)]
struct SqsMessage {
    #[serde(rename = "messageId")]
    id: String,
    body: String,
}

#[derive(Deserialize)]
struct Notification {
    #[serde(rename = "Records")]
    records: Vec<NotificationRecord>,
}

#[derive(Deserialize)]
struct NotificationRecord {
    s3: S3,
}

#[derive(Deserialize)]
struct S3 {
    bucket: Named,
    object: Keyed,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl Event {
    /// Reads an event; `bucket` is the lake's.
    pub fn read(event: Value, bucket: &str) -> Self {
        let messages = event.get("Records").and_then(|records| Vec::<SqsMessage>::deserialize(records).ok());
        match messages {
            Some(messages) => {
                Self::Messages(messages.into_iter().map(|message| Message::read(message, bucket)).collect())
            }
            None => Self::Direct(hint(&event)),
        }
    }
}

impl Message {
    fn read(message: SqsMessage, bucket: &str) -> Self {
        let hints = match serde_json::from_str::<Value>(&message.body) {
            Ok(body) => hints(&body, bucket),
            Err(why) => vec![Hint::Malformed(why.to_string())],
        };
        Self { id: message.id, hints }
    }
}

fn hints(body: &Value, bucket: &str) -> Vec<Hint> {
    if body.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        return vec![Hint::Foreign];
    }
    if body.get("Records").is_none() {
        return vec![hint(body)];
    }
    match Notification::deserialize(body) {
        Ok(notification) => notification.records.iter().map(|record| raw(&record.s3, bucket)).collect(),
        Err(why) => vec![Hint::Malformed(why.to_string())],
    }
}

/// S3 encodes keys in its notifications as forms do: `=` becomes `%3D`, a space `+`.
fn raw(s3: &S3, bucket: &str) -> Hint {
    let form = format!("key={}", s3.object.key);
    let key = url::form_urlencoded::parse(form.as_bytes()).next().map(|(_, key)| key.into_owned());
    match key.unwrap_or_default().parse::<RawKey>() {
        Ok(key) if s3.bucket.name == bucket => Hint::Raw(key.stream),
        _ => Hint::Foreign,
    }
}

fn hint(body: &Value) -> Hint {
    if body.get("sweep") == Some(&Value::Bool(true)) {
        return Hint::Sweep;
    }
    // A function's failure as Lambda reports it: the event it was invoked with stands inside.
    let (event, failed) = match body.get("requestPayload") {
        Some(event) => (event, true),
        None => (body, false),
    };
    let group = event.get("group").and_then(Value::as_str).map(str::parse::<GroupName>);
    let Some(Ok(group)) = group else { return Hint::Malformed("it names no group".to_owned()) };
    let epoch = event.get("epoch").and_then(Value::as_u64);
    let attempt = event.get("attempt").and_then(Value::as_str);
    match (failed, epoch, attempt) {
        (true, Some(epoch), Some(attempt)) => Hint::Failed(
            group,
            DeadAttempt { epoch: Epoch(epoch), attempt: attempt.to_owned(), crashed: crashed(body) },
        ),
        _ => Hint::Group(group),
    }
}

/// Whether the report is of a process that died or ran out of time: Lambda then words the error, not the function.
fn crashed(report: &Value) -> bool {
    let error = report.pointer("/responsePayload/errorType").and_then(Value::as_str);
    error.is_some_and(|error| error.starts_with("Runtime.") || error.starts_with("Sandbox."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn group() -> GroupName {
        "airlines".parse().unwrap()
    }

    fn message(body: &str) -> Vec<Hint> {
        let event = json!({"Records": [{"messageId": "1", "body": body, "eventSource": "aws:sqs"}]});
        match Event::read(event, "lake") {
            Event::Messages(mut messages) => messages.remove(0).hints,
            other => panic!("{other:?}"),
        }
    }

    fn notification(bucket: &str, key: &str) -> Vec<Hint> {
        message(&json!({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}}]}).to_string())
    }

    #[test]
    fn hints_of_every_kind() {
        assert_eq!(message(r#"{"group":"airlines"}"#), [Hint::Group(group())]);
        assert_eq!(message(r#"{"sweep":true}"#), [Hint::Sweep]);
        assert_eq!(Event::read(json!({"sweep": true}), "lake"), Event::Direct(Hint::Sweep));
        assert_eq!(Event::read(json!({"group": "airlines"}), "lake"), Event::Direct(Hint::Group(group())));
        let failed = r#"{"version":"1.0","requestPayload":{"group":"airlines","lo":0,"hi":2,"epoch":3,"attempt":"x"}}"#;
        let dead = |crashed| DeadAttempt { epoch: Epoch(3), attempt: "x".into(), crashed };
        assert_eq!(message(failed), [Hint::Failed(group(), dead(false))]);
        for (error, crashed) in [("store", false), ("Runtime.ExitError", true), ("Sandbox.Timedout", true)] {
            let mut report: Value = serde_json::from_str(failed).unwrap();
            report["responsePayload"] = json!({"errorType": error});
            assert_eq!(message(&report.to_string()), [Hint::Failed(group(), dead(crashed))]);
        }
    }

    #[test]
    fn a_raw_object_names_its_stream() {
        let digest = "0".repeat(32);
        let key = format!("raw/stream%3Dflights/date%3D2026-01-01/1-2-{digest}.parquet");
        assert_eq!(notification("lake", &key), [Hint::Raw("flights".parse().unwrap())]);
    }

    #[test]
    fn case_30_foreign_buckets_and_prefixes_are_ignored() {
        let key = format!("raw/stream%3Dflights/date%3D2026-01-01/1-2-{}.parquet", "0".repeat(32));
        assert_eq!(notification("another", &key), [Hint::Foreign]);
        assert_eq!(notification("lake", "staged/x.parquet"), [Hint::Foreign]);
        assert_eq!(notification("lake", "raw/%FF%FE"), [Hint::Foreign]);
        assert_eq!(message(r#"{"Service":"Amazon S3","Event":"s3:TestEvent"}"#), [Hint::Foreign]);
    }

    #[test]
    fn what_is_no_hint_is_malformed_and_not_delivered_again() {
        for body in ["", "{", "[]", "null", "{}", r#"{"group":"Not A Name"}"#, r#"{"group":7}"#, r#"{"Records":[{}]}"#]
        {
            assert!(matches!(&message(body)[..], [Hint::Malformed(_)]), "{body}");
        }
        assert!(matches!(Event::read(json!("x"), "lake"), Event::Direct(Hint::Malformed(_))));
    }

    proptest! {
        #[test]
        fn any_text_is_read(body in ".{0,60}") {
            prop_assert_eq!(message(&body).len(), 1);
        }
    }
}
