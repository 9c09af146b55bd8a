//! What ingest is invoked with by either front door, and what it answers.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foz_domain::{Digest, Epoch, Ordinal, StreamName};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::mapping;

/// An invocation.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Wire")]
pub enum Invocation {
    /// By a bridge.
    Batch(Request),
    /// By an event source mapping of Amazon MQ.
    Event(mapping::Event),
}

/// Both, as far as they are there. Not one after the other: trying would copy a frame of megabytes.
#[derive(Deserialize)]
struct Wire {
    #[serde(default, deserialize_with = "parsed")]
    stream: Option<StreamName>,
    epoch: Option<u64>,
    ordinal: Option<u64>,
    #[serde(default, deserialize_with = "parsed")]
    digest: Option<Digest>,
    messages: Option<u64>,
    #[serde(default, deserialize_with = "bytes")]
    frame: Option<Vec<u8>>,
    #[serde(rename = "rmqMessagesByQueue")]
    by_queue: Option<BTreeMap<String, Vec<Box<RawValue>>>>,
}

impl TryFrom<Wire> for Invocation {
    type Error = &'static str;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        match wire {
            Wire { by_queue: Some(messages), .. } => Ok(Self::Event(mapping::Event { messages })),
            Wire {
                stream: Some(stream),
                epoch: Some(epoch),
                ordinal: Some(ordinal),
                digest: Some(digest),
                messages: Some(messages),
                frame: Some(frame),
                ..
            } => {
                let (epoch, ordinal) = (Epoch(epoch), Ordinal(ordinal));
                Ok(Self::Batch(Request { stream, epoch, ordinal, digest, messages, frame }))
            }
            _ => {
                Err("neither a batch of a bridge (stream, epoch, ordinal, digest, messages, frame) nor an event of an \
                      Amazon MQ mapping (rmqMessagesByQueue)")
            }
        }
    }
}

/// One batch of a stream, as the bridge sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// The stream.
    pub stream: StreamName,
    /// The bridge's reign.
    pub epoch: Epoch,
    /// The batch's number within it.
    pub ordinal: Ordinal,
    /// BLAKE3 of the uncompressed frame.
    pub digest: Digest,
    /// Number of messages.
    pub messages: u64,
    /// The compressed frame; base64 on the wire.
    pub frame: Vec<u8>,
}

/// Without the frame: payloads are never logged.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, epoch, ordinal, messages, .. } = self;
        write!(f, "{stream} {epoch}-{ordinal} of {messages} messages in {} bytes", self.frame.len())
    }
}

/// What became of a batch. Anything else, an error included, says nothing: the same bytes may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Answer {
    /// It is in the catalog.
    Committed {
        /// Its place in the group.
        sequence: u64,
        /// Whether it was there before.
        repeated: bool,
    },
    /// A newer bridge reigns.
    Fenced {
        /// Its epoch.
        epoch: u64,
    },
    /// It can never be committed as it is: the bridge ends its reign and begins anew.
    Conflict {
        /// What is wrong.
        reason: String,
    },
    /// Not now; send it again.
    Busy {
        /// Why.
        reason: String,
    },
}

/// The answer to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To a bridge.
    Batch(Answer),
    /// To a mapping, which reads none: of each batch that was made of the event, for whoever invokes by hand.
    Event(Vec<Answer>),
}

fn parsed<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: fmt::Display>>(from: D) -> Result<Option<T>, D::Error> {
    String::deserialize(from)?.parse().map(Some).map_err(Error::custom)
}

/// Decodes base64 straight from the request's text: the frame is in memory twice, not three times. Errors name the
/// offset only, since the text is payload.
fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Vec<u8>>, D::Error> {
    struct Base64;

    impl Visitor<'_> for Base64 {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("base64")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            STANDARD.decode(text).map_err(|_| E::custom("the frame is not base64"))
        }
    }
    from.deserialize_str(Base64).map(Some)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(frame: &str) -> serde_json::Value {
        json!({"stream": "flights", "epoch": 2, "ordinal": 3, "digest": "ab".repeat(32), "messages": 1, "frame": frame})
    }

    fn batch(text: &serde_json::Value) -> serde_json::Result<Request> {
        // As the runtime reads it.
        let text = text.to_string();
        match serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text)) {
            Ok(Invocation::Batch(request)) => Ok(request),
            Ok(Invocation::Event(event)) => panic!("{event:?}"),
            Err(error) => Err(error.into_inner()),
        }
    }

    #[test]
    fn an_event_keeps_each_record_as_it_came() {
        let text = r#"{"eventSource": "aws:rmq", "eventSourceArn": "arn", "new": 1,
            "rmqMessagesByQueue": {"b::/": [ {"data" : "e30="}, 7 ], "a::/": []}}"#;
        let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let Invocation::Event(event) = read else { panic!("{read:?}") };
        let records: Vec<_> = event.messages["b::/"].iter().map(|record| record.get()).collect();
        assert_eq!(records, [r#"{"data" : "e30="}"#, "7"]);
        assert!(event.messages["a::/"].is_empty());
    }

    #[test]
    fn what_is_neither_is_told_what_there_is() {
        let mut half = request("AAEC");
        half.as_object_mut().unwrap().remove("digest");
        for text in [half, json!({}), json!({"Records": []})] {
            let error = batch(&text).unwrap_err().to_string();
            assert!(error.contains("neither a batch of a bridge"), "{error}");
        }
    }

    #[test]
    fn the_contract() {
        let read = batch(&request("AAEC")).unwrap();
        assert_eq!((read.frame.as_slice(), read.epoch, read.ordinal), (&[0, 1, 2][..], Epoch(2), Ordinal(3)));
        let said = |answer| serde_json::to_value::<Answer>(answer).unwrap();
        assert_eq!(
            said(Answer::Committed { sequence: 7, repeated: false }),
            json!({"outcome": "committed", "sequence": 7, "repeated": false})
        );
        assert_eq!(said(Answer::Fenced { epoch: 7 }), json!({"outcome": "fenced", "epoch": 7}));
        assert_eq!(said(Answer::Busy { reason: "r".into() }), json!({"outcome": "busy", "reason": "r"}));
    }

    #[test]
    fn an_error_about_the_frame_does_not_show_it() {
        let error = batch(&request("secret!")).unwrap_err().to_string();
        assert!(error.contains("not base64") && !error.contains("secret"), "{error}");
        let shown = format!("{:?}", batch(&request("AAEC")).unwrap());
        assert_eq!(shown, "flights 2-3 of 1 messages in 3 bytes");
    }
}
