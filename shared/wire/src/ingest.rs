//! What ingest is invoked with by either front door, and what it answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use foz_domain::{Digest, Epoch, Ordinal, Sequence, StreamName};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::mapping::MappingEvent;
use crate::{base64_text, number, text};

/// Bytes that a request has beside its frame, at most: names, numbers and digest are bounded.
const BESIDE_FRAME: usize = 512;

/// One batch of a stream, as the bridge sends it.
#[derive(Clone, PartialEq, Eq)]
pub struct IngestRequest<'a> {
    /// The stream that the messages came by.
    pub stream: StreamName,
    /// The epoch of the bridge's reign.
    pub epoch: Epoch,
    /// The batch's number within the reign.
    pub ordinal: Ordinal,
    /// BLAKE3 of the uncompressed frame.
    pub digest: Digest,
    /// Number of messages in the frame.
    pub messages: u64,
    /// The compressed frame; base64 on the wire.
    pub frame: Cow<'a, [u8]>,
}

/// The fields of a request before its frame, in the order in which they are written.
#[derive(Serialize)]
struct Head<'a> {
    #[serde(with = "text")]
    stream: &'a StreamName,
    #[serde(with = "number")]
    epoch: Epoch,
    #[serde(with = "number")]
    ordinal: Ordinal,
    #[serde(with = "text")]
    digest: Digest,
    messages: u64,
}

impl IngestRequest<'_> {
    /// The request as it is sent. The frame, last, is encoded into its place: through serde it would be looked at byte by
    /// byte for what JSON escapes, which takes longer than all else.
    #[expect(clippy::expect_used, reason = "strings and numbers written to a string cannot fail")]
    pub fn to_json(&self) -> Vec<u8> {
        let Self { stream, epoch, ordinal, digest, messages, frame } = self;
        let head = Head { stream, epoch: *epoch, ordinal: *ordinal, digest: *digest, messages: *messages };
        let mut json = String::with_capacity(frame.len().div_ceil(3) * 4 + BESIDE_FRAME);
        json += serde_json::to_string(&head).expect("writing JSON into memory").trim_end_matches('}');
        json += r#","frame":""#;
        base64_text::append(frame, &mut json);
        json += r#""}"#;
        json.into_bytes()
    }
}

/// Leaves the frame out: payloads are never logged.
impl fmt::Debug for IngestRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, epoch, ordinal, messages, .. } = self;
        write!(f, "{stream} {epoch}-{ordinal} of {messages} messages in {} bytes", self.frame.len())
    }
}

/// An invocation of ingest.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Fields")]
pub enum IngestEvent {
    /// A batch that a bridge sends.
    Batch(IngestRequest<'static>),
    /// An event of an Amazon MQ event source mapping.
    Mapping(MappingEvent),
}

/// Fields of both events, all optional. Not an untagged enum: serde would buffer the frame.
#[derive(Deserialize)]
struct Fields {
    #[serde(default, deserialize_with = "text::optional")]
    stream: Option<StreamName>,
    epoch: Option<u64>,
    ordinal: Option<u64>,
    #[serde(default, deserialize_with = "text::optional")]
    digest: Option<Digest>,
    messages: Option<u64>,
    #[serde(default, deserialize_with = "base64_text::optional")]
    frame: Option<Vec<u8>>,
    #[serde(rename = "rmqMessagesByQueue")]
    by_queue: Option<BTreeMap<String, Vec<Box<RawValue>>>>,
}

impl TryFrom<Fields> for IngestEvent {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match fields {
            Fields { by_queue: Some(messages), .. } => Ok(Self::Mapping(MappingEvent { messages })),
            Fields {
                stream: Some(stream),
                epoch: Some(epoch),
                ordinal: Some(ordinal),
                digest: Some(digest),
                messages: Some(messages),
                frame: Some(frame),
                ..
            } => Ok(Self::Batch(IngestRequest {
                stream,
                epoch: Epoch(epoch),
                ordinal: Ordinal(ordinal),
                digest,
                messages,
                frame: Cow::Owned(frame),
            })),
            _ => {
                Err("neither a batch of a bridge (stream, epoch, ordinal, digest, messages, frame) nor an event of an \
                      Amazon MQ mapping (rmqMessagesByQueue)")
            }
        }
    }
}

/// What became of a batch. Anything else, an error included, says nothing: the same bytes may be sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum IngestAnswer {
    /// The batch is in the catalog.
    Committed {
        /// Its place in the group.
        #[serde(with = "number")]
        sequence: Sequence,
        /// Whether it was there before.
        #[serde(default)]
        repeated: bool,
    },
    /// A newer bridge reigns.
    Fenced {
        /// The epoch of its reign.
        #[serde(with = "number")]
        epoch: Epoch,
    },
    /// The batch can never be committed as it is: the bridge ends its reign and begins anew.
    Conflict {
        /// What is wrong.
        reason: String,
    },
    /// Not now; the batch is to be sent again.
    Busy {
        /// Why it is not committed now.
        reason: String,
    },
}

/// The answer as logs and errors show it.
impl fmt::Display for IngestAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Committed { sequence, repeated } => {
                write!(f, "Committed {{ sequence: {sequence}, repeated: {repeated} }}")
            }
            Self::Fenced { epoch } => write!(f, "Fenced {{ epoch: {epoch} }}"),
            Self::Conflict { reason } => write!(f, "Conflict {{ reason: {reason:?} }}"),
            Self::Busy { reason } => write!(f, "Busy {{ reason: {reason:?} }}"),
        }
    }
}

/// The answer to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum IngestReply {
    /// The answer to a bridge.
    Batch(IngestAnswer),
    /// The answers to a mapping, which ignores them: one for each batch, for people who invoke by hand.
    Mapping(Vec<IngestAnswer>),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(frame: &str) -> serde_json::Value {
        json!({"stream": "flights", "epoch": 2, "ordinal": 3, "digest": "ab".repeat(32), "messages": 1, "frame": frame})
    }

    fn batch(text: &serde_json::Value) -> serde_json::Result<IngestRequest<'static>> {
        // As the runtime reads it.
        let text = text.to_string();
        match serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(&text)) {
            Ok(IngestEvent::Batch(request)) => Ok(request),
            Ok(IngestEvent::Mapping(event)) => panic!("{event:?}"),
            Err(error) => Err(error.into_inner()),
        }
    }

    #[test]
    fn an_event_keeps_each_record_as_it_came() {
        let text = r#"{"eventSource": "aws:rmq", "eventSourceArn": "arn", "new": 1,
            "rmqMessagesByQueue": {"b::/": [ {"data" : "e30="}, 7 ], "a::/": []}}"#;
        let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap();
        let IngestEvent::Mapping(event) = read else { panic!("{read:?}") };
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
    fn an_error_about_the_frame_does_not_show_it() {
        let error = batch(&request("secret!")).unwrap_err().to_string();
        assert!(error.contains("not base64") && !error.contains("secret"), "{error}");
        let shown = format!("{:?}", batch(&request("AAEC")).unwrap());
        assert_eq!(shown, "flights 2-3 of 1 messages in 3 bytes");
    }

    #[test]
    fn answers_are_read_strictly() {
        let read = |text: &str| serde_json::from_str::<IngestAnswer>(text).ok();
        let committed = IngestAnswer::Committed { sequence: Sequence(4), repeated: true };
        assert_eq!(read(r#"{"outcome":"committed","sequence":4,"repeated":true}"#), Some(committed));
        assert_eq!(read(r#"{"outcome":"fenced","epoch":9}"#), Some(IngestAnswer::Fenced { epoch: Epoch(9) }));
        assert_eq!(read(r#"{"errorMessage":"x","errorType":"y"}"#), None);
        assert_eq!(read("null"), None);
    }

    #[test]
    fn an_answer_shows_numbers_as_they_are() {
        let reason = || "x".to_owned();
        for (answer, shown) in [
            (
                IngestAnswer::Committed { sequence: Sequence(4), repeated: true },
                "Committed { sequence: 4, repeated: true }",
            ),
            (IngestAnswer::Fenced { epoch: Epoch(2) }, "Fenced { epoch: 2 }"),
            (IngestAnswer::Conflict { reason: reason() }, r#"Conflict { reason: "x" }"#),
            (IngestAnswer::Busy { reason: reason() }, r#"Busy { reason: "x" }"#),
        ] {
            assert_eq!(answer.to_string(), shown);
        }
    }

    #[test]
    fn a_request_is_written_into_the_room_that_was_made_for_it() {
        let request = IngestRequest {
            stream: "s".repeat(64).parse().unwrap(),
            epoch: Epoch(u64::MAX),
            ordinal: Ordinal(u64::MAX),
            digest: Digest([0xff; 32]),
            messages: u64::MAX,
            frame: Cow::Owned(vec![0xff; 1_000]),
        };
        assert!(request.to_json().len() <= 1_000usize.div_ceil(3) * 4 + BESIDE_FRAME);
    }
}
