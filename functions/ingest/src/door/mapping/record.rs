//! A record of an event → the message that was published.
//!
//! What a record says beyond what is known, or otherwise than expected, is kept in a header. What is no message at all
//! becomes one that no stream can take for a state, so that it ends in quarantine and the next ones flow.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foz_lake::message::{Body, Header, Message, Properties};
use serde_json::{Map, Value};

use super::headers;

/// What the name of a header begins with that keeps a field of the event.
const KEPT: &str = "foz-event-";

/// What was read of a record.
#[derive(Debug)]
pub struct Record {
    /// The message. The event tells neither exchange nor routing key.
    pub message: Message,
    /// Whether the broker may have delivered it before.
    pub redelivered: bool,
}

impl Record {
    /// Reads a record. Every record can be read: what is no message becomes one that says so.
    pub fn read(text: &str) -> Self {
        let mut message = Message {
            body: Body::Inline(Vec::new().into()),
            exchange: String::new(),
            routing_key: String::new(),
            properties: Properties::default(),
            headers: Vec::new(),
        };
        let mut record = match serde_json::from_str::<Map<String, Value>>(text) {
            Ok(record) => record,
            Err(_) => {
                message.body = malformed("the record is no object that can be read", text);
                return Self { message, redelivered: false };
            }
        };
        let redelivered = match record.remove("redelivered") {
            Some(Value::Bool(redelivered)) => redelivered,
            other => {
                keep(&mut message.headers, "redelivered", other);
                false
            }
        };
        let length = match record.remove("basicProperties") {
            Some(Value::Object(properties)) => read_properties(properties, &mut message),
            other => {
                keep(&mut message.headers, "basicProperties", other);
                None
            }
        };
        message.body = match record.remove("data") {
            Some(Value::String(data)) => match STANDARD.decode(data) {
                Ok(body) => Body::Inline(body.into()),
                Err(_) => malformed("data is not base64", text),
            },
            None | Some(Value::Null) if length == Some(0) => Body::Inline(Vec::new().into()),
            _ => malformed("data is no text", text),
        };
        for (name, value) in record {
            keep(&mut message.headers, &name, Some(value));
        }
        Self { message, redelivered }
    }
}

/// A body that says why the record is no message, and holds it as it came: an array, which is never a state.
fn malformed(why: &str, record: &str) -> Body {
    let body = format!("[{},{record}]", Value::from(why));
    Body::Inline(body.into_bytes().into())
}

/// Keeps what has no place in a message; null is nothing.
fn keep(headers: &mut Vec<Header>, name: &str, value: Option<Value>) {
    if let Some(value) = value.filter(|value| !value.is_null()) {
        headers.push(Header { name: format!("{KEPT}{name}"), kind: "json".to_owned(), text: value.to_string() });
    }
}

/// Takes over properties and headers; the length of the body, as the event has it.
fn read_properties(mut from: Map<String, Value>, message: &mut Message) -> Option<u64> {
    let Message { properties, headers, .. } = message;
    match from.remove("headers") {
        Some(Value::Object(table)) => headers.extend(table.iter().map(headers::header)),
        other => keep(headers, "headers", other),
    }
    let length = match from.remove("bodySize") {
        Some(Value::Number(size)) => size.as_u64(),
        other => {
            keep(headers, "bodySize", other);
            None
        }
    };
    for (name, to) in [
        ("contentType", &mut properties.content_type),
        ("contentEncoding", &mut properties.content_encoding),
        ("correlationId", &mut properties.correlation_id),
        ("replyTo", &mut properties.reply_to),
        ("expiration", &mut properties.expiration),
        ("messageId", &mut properties.message_id),
        ("type", &mut properties.kind),
        ("userId", &mut properties.user_id),
        ("appId", &mut properties.app_id),
        ("clusterId", &mut properties.cluster_id),
    ] {
        match from.remove(name) {
            Some(Value::String(text)) => *to = Some(text),
            other => keep(headers, name, other),
        }
    }
    for (name, to) in [("deliveryMode", &mut properties.delivery_mode), ("priority", &mut properties.priority)] {
        let value = from.remove(name);
        *to = value.as_ref().and_then(Value::as_u64).and_then(|number| u8::try_from(number).ok());
        if to.is_none() {
            keep(headers, name, value);
        }
    }
    let timestamp = from.remove("timestamp");
    properties.timestamp = timestamp.as_ref().and_then(headers::seconds);
    if properties.timestamp.is_none() {
        keep(headers, "timestamp", timestamp);
    }
    for (name, value) in from {
        keep(headers, &name, Some(value));
    }
    length
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(record: &Value) -> Record {
        Record::read(&record.to_string())
    }

    fn body(message: &Message) -> &[u8] {
        let Body::Inline(body) = &message.body else { panic!("records are inline") };
        body
    }

    fn shown(headers: &[Header]) -> Vec<String> {
        headers.iter().map(|Header { name, kind, text }| format!("{name}:{kind}={text}")).collect()
    }

    /// Lambda's own example, with a body that is one.
    #[test]
    fn a_record_as_documented() {
        let record = read(&json!({
            "basicProperties": {
                "contentType": "text/plain",
                "contentEncoding": null,
                "headers": {
                    "header1": { "bytes": [118, 97, 108, 117, 101, 49] },
                    "numberInHeader": 10,
                },
                "deliveryMode": 1,
                "priority": 34,
                "correlationId": null,
                "replyTo": null,
                "expiration": "60000",
                "messageId": "m-1",
                "timestamp": "Jan 1, 1970, 12:33:41 AM",
                "type": null,
                "userId": "AIDACKCEVSQ6C2EXAMPLE",
                "appId": null,
                "clusterId": null,
                "bodySize": 10,
            },
            "redelivered": true,
            "data": "eyJpZCI6IDd9",
        }));
        assert!(record.redelivered);
        assert_eq!(body(&record.message), b"{\"id\": 7}");
        let expected = Properties {
            content_type: Some("text/plain".into()),
            delivery_mode: Some(1),
            priority: Some(34),
            expiration: Some("60000".into()),
            message_id: Some("m-1".into()),
            timestamp: Some(33 * 60 + 41),
            user_id: Some("AIDACKCEVSQ6C2EXAMPLE".into()),
            ..Properties::default()
        };
        assert_eq!(record.message.properties, expected);
        assert_eq!(shown(&record.message.headers), ["header1:string=value1", "numberInHeader:int64=10"]);
    }

    /// Case 28 of the faults: what is malformed must end in quarantine, whatever columns a stream has.
    #[test]
    fn what_is_no_message_becomes_an_array_that_says_why() {
        let check = |record: &str, why: &str| {
            let message = Record::read(record).message;
            assert_eq!(String::from_utf8_lossy(body(&message)), format!("[\"{why}\",{record}]"));
        };
        check(r#"{"data":"%%"}"#, "data is not base64");
        check(r#"{"data":"e30"}"#, "data is not base64");
        check(r#"{"data":{"id":1}}"#, "data is no text");
        check(r#"{"redelivered":false}"#, "data is no text");
        check(r#"{"basicProperties":{"bodySize":3},"data":null}"#, "data is no text");
        for text in ["7", "null", "\"e30=\"", "[]", r#"{"data":"e30=","n":1e999}"#] {
            check(text, "the record is no object that can be read");
        }
    }

    #[test]
    fn an_empty_body_is_a_message() {
        for record in [json!({"data": ""}), json!({"basicProperties": {"bodySize": 0}, "data": null})] {
            assert_eq!(body(&read(&record).message), b"", "{record}");
        }
    }

    #[test]
    fn a_damaged_record_keeps_its_properties() {
        let message = read(&json!({"basicProperties": {"messageId": "m"}, "data": "%"})).message;
        assert_eq!(message.properties.message_id.as_deref(), Some("m"));
    }

    #[test]
    fn properties_may_be_missing() {
        for record in [json!({"data": "e30="}), json!({"basicProperties": null, "data": "e30="})] {
            let record = read(&record);
            assert_eq!((body(&record.message), record.redelivered), (&b"{}"[..], false));
            assert_eq!(record.message.properties, Properties::default());
            assert!(record.message.headers.is_empty());
        }
    }

    #[test]
    fn what_is_unknown_or_odd_is_kept() {
        let record = read(&json!({
            "basicProperties": {
                "contentType": 7, "priority": 300, "timestamp": "yesterday", "headers": [1], "bodySize": "2", "new": {"a": 1},
            },
            "redelivered": "no",
            "data": "e30=",
            "queue": "q",
        }));
        assert_eq!(body(&record.message), b"{}");
        assert!(!record.redelivered);
        assert_eq!(record.message.properties, Properties::default());
        let mut headers = shown(&record.message.headers);
        headers.sort();
        assert_eq!(
            headers,
            [
                r#"foz-event-bodySize:json="2""#,
                "foz-event-contentType:json=7",
                "foz-event-headers:json=[1]",
                r#"foz-event-new:json={"a":1}"#,
                "foz-event-priority:json=300",
                r#"foz-event-queue:json="q""#,
                r#"foz-event-redelivered:json="no""#,
                r#"foz-event-timestamp:json="yesterday""#,
            ]
        );
    }
}
