//! What the bridge sends, and what it is answered.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use foz_domain::{Digest, Epoch, Ordinal, StreamName};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// One batch of a stream, as the bridge sends it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct Request {
    /// The stream.
    #[serde(deserialize_with = "parsed")]
    pub stream: StreamName,
    /// The bridge's reign.
    #[serde(deserialize_with = "epoch")]
    pub epoch: Epoch,
    /// The batch's number within it.
    #[serde(deserialize_with = "ordinal")]
    pub ordinal: Ordinal,
    /// BLAKE3 of the uncompressed frame.
    #[serde(deserialize_with = "parsed")]
    pub digest: Digest,
    /// Number of messages.
    pub messages: u64,
    /// The compressed frame; base64 on the wire.
    #[serde(deserialize_with = "bytes")]
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

fn parsed<'de, D: Deserializer<'de>, T: std::str::FromStr<Err: fmt::Display>>(from: D) -> Result<T, D::Error> {
    String::deserialize(from)?.parse().map_err(Error::custom)
}

fn epoch<'de, D: Deserializer<'de>>(from: D) -> Result<Epoch, D::Error> {
    u64::deserialize(from).map(Epoch)
}

fn ordinal<'de, D: Deserializer<'de>>(from: D) -> Result<Ordinal, D::Error> {
    u64::deserialize(from).map(Ordinal)
}

/// Decodes base64 straight from the request's text: the frame is in memory twice, not three times. Errors name the
/// offset only, since the text is payload.
fn bytes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
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
    from.deserialize_str(Base64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(frame: &str) -> serde_json::Value {
        json!({"stream": "flights", "epoch": 2, "ordinal": 3, "digest": "ab".repeat(32), "messages": 1, "frame": frame})
    }

    #[test]
    fn the_contract() {
        let read: Request = serde_json::from_str(&request("AAEC").to_string()).unwrap();
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
        let error = serde_json::from_str::<Request>(&request("secret!").to_string()).unwrap_err().to_string();
        assert!(error.contains("not base64") && !error.contains("secret"), "{error}");
        let shown = format!("{:?}", serde_json::from_str::<Request>(&request("AAEC").to_string()).unwrap());
        assert_eq!(shown, "flights 2-3 of 1 messages in 3 bytes");
    }
}
