//! One AMQP message as it was published, and its encoding: what frames hold and digests cover.

use bytes::Bytes;
use foz_domain::Digest;
use serde::{Deserialize, Serialize, Serializer};

/// Headers that a broker adds on delivery. They change with every redelivery, so they are no part of the message.
pub const BROKER_HEADERS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// How a header's bytes are written that are no text.
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A message as it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The body, or where it is.
    pub body: Body,
    /// The exchange it was published to; empty for the default exchange.
    pub exchange: String,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The AMQP basic properties.
    pub properties: Properties,
    /// The headers in delivery order; those in [`BROKER_HEADERS`] may be present, but are never encoded.
    pub headers: Vec<Header>,
}

/// A message's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The literal bytes.
    Inline(Bytes),
    /// Too large for an invoke: an object of its own.
    Oversize {
        /// The object's key, `raw-oversize/…`.
        key: String,
        /// Bytes of the body.
        length: u64,
        /// BLAKE3 of the body.
        digest: Digest,
    },
}

/// The basic properties of AMQP 0-9-1. Absent and empty are different.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// MIME type of the body.
    pub content_type: Option<String>,
    /// MIME encoding of the body.
    pub content_encoding: Option<String>,
    /// 1 transient, 2 persistent.
    pub delivery_mode: Option<u8>,
    /// 0 to 9 by convention.
    pub priority: Option<u8>,
    /// For the publisher's use.
    pub correlation_id: Option<String>,
    /// For the publisher's use.
    pub reply_to: Option<String>,
    /// Time to live as text (milliseconds).
    pub expiration: Option<String>,
    /// The publisher's identity of the message.
    pub message_id: Option<String>,
    /// Seconds since 1970 UTC by the protocol; any number in practice.
    pub timestamp: Option<u64>,
    /// The property named `type`.
    pub kind: Option<String>,
    /// The publishing user, checked by the broker.
    pub user_id: Option<String>,
    /// For the publisher's use.
    pub app_id: Option<String>,
    /// Deprecated by the protocol; carried all the same.
    pub cluster_id: Option<String>,
}

/// One header: an AMQP field table entry as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// The entry's name.
    pub name: String,
    /// The name of its AMQP type.
    pub kind: String,
    /// Its value as text.
    pub text: String,
}

/// A message's encoding and digest, computed once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    bytes: Vec<u8>,
    digest: Digest,
}

impl Encoded {
    /// The encoding.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// BLAKE3 of the encoding: the message's identity.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Bytes of the encoding; never 0.
    #[expect(clippy::len_without_is_empty, reason = "an encoding is never empty")]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl Message {
    /// The message's encoding, without the headers that a broker adds.
    pub fn encode(&self) -> Encoded {
        let body = match &self.body {
            Body::Inline(bytes) => bytes.len(),
            Body::Oversize { key, .. } => key.len(),
        };
        let buffer = Vec::with_capacity(body + 512);
        #[expect(clippy::expect_used, reason = "writing a sequence of known length to a vector cannot fail")]
        let bytes = postcard::to_extend(&WireMessage::from(self), buffer).expect("encoding into memory");
        let digest = Digest(*blake3::hash(&bytes).as_bytes());
        Encoded { bytes, digest }
    }

    /// BLAKE3 of the message's encoding. Use [`Message::encode`] where the encoding is needed too.
    pub fn digest(&self) -> Digest {
        self.encode().digest
    }

    /// Takes one message off the front of `input`, which lies in `buffer`; the body is a slice of the buffer, not a copy.
    pub(crate) fn decode<'a>(buffer: &Bytes, input: &'a [u8]) -> Result<(Self, &'a [u8]), postcard::Error> {
        let (wire, rest) = postcard::take_from_bytes::<WireMessage<'a>>(input)?;
        Ok((wire.into_message(buffer), rest))
    }
}

/// The format. Fields are written in this order without names: changing anything here changes every digest.
#[derive(Serialize, Deserialize)]
struct WireMessage<'a> {
    #[serde(borrow)]
    body: WireBody<'a>,
    exchange: &'a str,
    routing_key: &'a str,
    properties: WireProperties<'a>,
    headers: Vec<WireHeader<'a>>,
}

#[derive(Serialize, Deserialize)]
enum WireBody<'a> {
    Inline(#[serde(borrow, serialize_with = "as_bytes")] &'a [u8]),
    Oversize { key: &'a str, length: u64, digest: [u8; 32] },
}

#[derive(Serialize, Deserialize)]
struct WireProperties<'a> {
    #[serde(borrow)]
    content_type: Option<&'a str>,
    content_encoding: Option<&'a str>,
    delivery_mode: Option<u8>,
    priority: Option<u8>,
    correlation_id: Option<&'a str>,
    reply_to: Option<&'a str>,
    expiration: Option<&'a str>,
    message_id: Option<&'a str>,
    timestamp: Option<u64>,
    kind: Option<&'a str>,
    user_id: Option<&'a str>,
    app_id: Option<&'a str>,
    cluster_id: Option<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct WireHeader<'a> {
    name: &'a str,
    kind: &'a str,
    text: &'a str,
}

/// In one piece: serde would write a slice byte by byte (same bytes, ten times slower).
fn as_bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl<'a> From<&'a Message> for WireMessage<'a> {
    fn from(message: &'a Message) -> Self {
        let p = &message.properties;
        let sent = |header: &&Header| !BROKER_HEADERS.contains(&header.name.as_str());
        Self {
            body: match &message.body {
                Body::Inline(bytes) => WireBody::Inline(bytes),
                Body::Oversize { key, length, digest } => WireBody::Oversize { key, length: *length, digest: digest.0 },
            },
            exchange: &message.exchange,
            routing_key: &message.routing_key,
            properties: WireProperties {
                content_type: p.content_type.as_deref(),
                content_encoding: p.content_encoding.as_deref(),
                delivery_mode: p.delivery_mode,
                priority: p.priority,
                correlation_id: p.correlation_id.as_deref(),
                reply_to: p.reply_to.as_deref(),
                expiration: p.expiration.as_deref(),
                message_id: p.message_id.as_deref(),
                timestamp: p.timestamp,
                kind: p.kind.as_deref(),
                user_id: p.user_id.as_deref(),
                app_id: p.app_id.as_deref(),
                cluster_id: p.cluster_id.as_deref(),
            },
            headers: message
                .headers
                .iter()
                .filter(sent)
                .map(|h| WireHeader { name: &h.name, kind: &h.kind, text: &h.text })
                .collect(),
        }
    }
}

impl WireMessage<'_> {
    fn into_message(self, buffer: &Bytes) -> Message {
        let p = self.properties;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Message {
            body: match self.body {
                WireBody::Inline(bytes) => Body::Inline(buffer.slice_ref(bytes)),
                WireBody::Oversize { key, length, digest } => {
                    Body::Oversize { key: key.to_owned(), length, digest: Digest(digest) }
                }
            },
            exchange: self.exchange.to_owned(),
            routing_key: self.routing_key.to_owned(),
            properties: Properties {
                content_type: owned(p.content_type),
                content_encoding: owned(p.content_encoding),
                delivery_mode: p.delivery_mode,
                priority: p.priority,
                correlation_id: owned(p.correlation_id),
                reply_to: owned(p.reply_to),
                expiration: owned(p.expiration),
                message_id: owned(p.message_id),
                timestamp: p.timestamp,
                kind: owned(p.kind),
                user_id: owned(p.user_id),
                app_id: owned(p.app_id),
                cluster_id: owned(p.cluster_id),
            },
            headers: self
                .headers
                .into_iter()
                .map(|h| Header { name: h.name.to_owned(), kind: h.kind.to_owned(), text: h.text.to_owned() })
                .collect(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Option<String>> {
        option::of("\\PC{0,12}")
    }

    fn properties() -> impl Strategy<Value = Properties> {
        (
            [text(), text(), text(), text(), text(), text(), text(), text(), text()],
            (any::<Option<u8>>(), any::<Option<u8>>(), any::<Option<u64>>(), text()),
        )
            .prop_map(|(texts, (delivery_mode, priority, timestamp, cluster_id))| {
                let [
                    content_type,
                    content_encoding,
                    correlation_id,
                    reply_to,
                    expiration,
                    message_id,
                    kind,
                    user_id,
                    app_id,
                ] = texts;
                Properties {
                    content_type,
                    content_encoding,
                    delivery_mode,
                    priority,
                    correlation_id,
                    reply_to,
                    expiration,
                    message_id,
                    timestamp,
                    kind,
                    user_id,
                    app_id,
                    cluster_id,
                }
            })
    }

    /// Any message without broker headers.
    pub(crate) fn messages() -> impl Strategy<Value = Message> {
        let inline = vec(any::<u8>(), 0..200).prop_map(|bytes| Body::Inline(bytes.into()));
        let oversize = ("[a-z/]{1,40}", any::<u64>(), any::<[u8; 32]>())
            .prop_map(|(key, length, digest)| Body::Oversize { key, length, digest: Digest(digest) });
        let header =
            ("[a-z]{0,8}", "[a-z]{1,8}", "\\PC{0,12}").prop_map(|(name, kind, text)| Header { name, kind, text });
        (prop_oneof![4 => inline, 1 => oversize], "\\PC{0,8}", "\\PC{0,8}", properties(), vec(header, 0..4)).prop_map(
            |(body, exchange, routing_key, properties, headers)| Message {
                body,
                exchange,
                routing_key,
                properties,
                headers,
            },
        )
    }

    /// Batches that are in the catalog are compared with messages that are encoded today: this must never change.
    #[test]
    fn the_encoding_is_frozen() {
        let message = Message {
            body: Body::Inline("{}".into()),
            exchange: "e".into(),
            routing_key: "r".into(),
            properties: Properties { delivery_mode: Some(2), timestamp: Some(300), ..Properties::default() },
            headers: vec![Header { name: "n".into(), kind: "k".into(), text: "t".into() }],
        };
        let encoded = message.encode();
        let expect =
            b"\x00\x02{}\x01e\x01r\x00\x00\x01\x02\x00\x00\x00\x00\x00\x01\xac\x02\x00\x00\x00\x00\x01\x01n\x01k\x01t";
        assert_eq!(encoded.bytes(), expect);
        assert_eq!(encoded.digest(), Digest(*blake3::hash(expect).as_bytes()));
    }

    #[test]
    fn broker_headers_leave_no_trace() {
        let header = |name: &str, text: &str| Header { name: name.into(), kind: "long".into(), text: text.into() };
        let mut message = Message {
            body: Body::Inline("{}".into()),
            exchange: String::new(),
            routing_key: "q".into(),
            properties: Properties::default(),
            headers: vec![header("a", "1")],
        };
        let first = message.digest();
        message.headers.insert(0, header("x-delivery-count", "3"));
        message.headers.push(header("x-acquired-count", "4"));
        assert_eq!(message.digest(), first);
        message.headers.push(header("x-other", "4"));
        assert_ne!(message.digest(), first);
    }

    proptest! {
        #[test]
        fn encodings_round_trip_and_leave_the_rest(message in messages(), rest in vec(any::<u8>(), 0..9)) {
            let encoded = message.encode();
            let buffer = Bytes::from([encoded.bytes(), &rest].concat());
            let (decoded, left) = Message::decode(&buffer, &buffer).unwrap();
            prop_assert_eq!(&decoded, &message);
            prop_assert_eq!(left, rest);
            prop_assert_eq!(decoded.digest(), encoded.digest());
        }

        #[test]
        fn noise_is_an_error_or_a_message_but_never_a_panic(noise in vec(any::<u8>(), 0..400)) {
            let buffer = Bytes::from(noise);
            let _ = Message::decode(&buffer, &buffer);
        }
    }
}
