//! One AMQP message as it was published, and its encoding: what frames hold and digests cover.

use std::fmt;

use bytes::Bytes;
use foz_domain::Digest;
use serde::de::{self, SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Headers that a broker adds on delivery. They change with every redelivery, so they are no part of the message.
pub const BROKER_HEADERS: [&str; 2] = ["x-delivery-count", "x-acquired-count"];

/// The most headers that the messages of a frame may have together. Each takes some 136 bytes decoded, whatever it takes
/// encoded, so that these are 70 MB of the gigabyte that ingest has. One message cannot reach it: its headers came in one AMQP
/// frame of 128 KiB, and none takes less than two bytes there.
pub const MAX_HEADERS: usize = 1 << 19;

/// How header values that are not UTF-8 are stored: as hexadecimal.
pub fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digits = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    let mut text = String::with_capacity(2 * bytes.len());
    text.extend(digits);
    text
}

/// A message as it was published, with a body that it owns, shares or borrows (`B`).
///
/// This is the format of frames too, and digests cover it. Fields are written in this order without names: changing
/// anything here changes every digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "B: AsRef<[u8]>"))]
pub struct Message<B = Bytes> {
    /// The body, or where it is.
    pub body: Body<B>,
    /// The exchange it was published to; empty for the default exchange.
    pub exchange: String,
    /// The routing key it was published with.
    pub routing_key: String,
    /// The AMQP basic properties.
    pub properties: Properties,
    /// The headers, sorted by name; those in [`BROKER_HEADERS`] may be present, but are never encoded.
    #[serde(serialize_with = "as_published", deserialize_with = "limited")]
    pub headers: Vec<Header>,
}

/// A message's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(serialize = "B: AsRef<[u8]>"))]
pub enum Body<B = Bytes> {
    /// The literal bytes.
    Inline(#[serde(serialize_with = "as_bytes")] B),
    /// Too large for an invoke: an object of its own.
    Oversize {
        /// The object's key, `raw-oversize/…`.
        key: String,
        /// Bytes of the body.
        length: u64,
        /// BLAKE3 of the body.
        #[serde(serialize_with = "as_array", deserialize_with = "of_array")]
        digest: Digest,
    },
}

/// The basic properties of AMQP 0-9-1. Absent and empty are different.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    bytes: Bytes,
    digest: Digest,
    headers: usize,
}

impl Encoded {
    /// The encoding of a message with so many headers.
    pub(crate) fn new(bytes: Bytes, headers: usize) -> Self {
        let digest = Digest(*blake3::hash(&bytes).as_bytes());
        Self { bytes, digest, headers }
    }

    /// Number of headers that the message has when it is decoded.
    pub fn headers(&self) -> usize {
        self.headers
    }

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
        let bytes = postcard::to_extend(self, buffer).expect("encoding into memory");
        Encoded::new(bytes.into(), published(&self.headers).count())
    }

    /// BLAKE3 of the message's encoding. Use [`Message::encode`] where the encoding is needed too.
    pub fn digest(&self) -> Digest {
        self.encode().digest
    }

    /// Takes one message off the front of `input`, which lies in `buffer`; the body is a slice of the buffer, not a copy.
    pub(crate) fn decode<'a>(buffer: &Bytes, input: &'a [u8]) -> Result<(Self, &'a [u8]), postcard::Error> {
        let (message, rest) = postcard::take_from_bytes::<Message<&[u8]>>(input)?;
        Ok((message.in_buffer(buffer), rest))
    }
}

impl Message<&[u8]> {
    /// The message with a body that shares `buffer`, in which it lies.
    fn in_buffer(self, buffer: &Bytes) -> Message {
        let body = match self.body {
            Body::Inline(bytes) => Body::Inline(buffer.slice_ref(bytes)),
            Body::Oversize { key, length, digest } => Body::Oversize { key, length, digest },
        };
        let Self { exchange, routing_key, properties, headers, .. } = self;
        Message { body, exchange, routing_key, properties, headers }
    }
}

/// Writes the bytes in one piece: serde would write a slice byte by byte (same bytes, ten times slower).
fn as_bytes<S: Serializer>(bytes: &impl AsRef<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes.as_ref())
}

/// Writes the headers but for those that a broker adds.
fn as_published<S: Serializer>(headers: &[Header], serializer: S) -> Result<S::Ok, S::Error> {
    let count = published(headers).count();
    let mut sequence = serializer.serialize_seq(Some(count))?;
    published(headers).try_for_each(|header| sequence.serialize_element(header))?;
    sequence.end()
}

fn published(headers: &[Header]) -> impl Iterator<Item = &Header> {
    headers.iter().filter(|header| !BROKER_HEADERS.contains(&header.name.as_str()))
}

/// No more than a frame may have of all its messages together, so that few bytes do not become much memory.
fn limited<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Header>, D::Error> {
    struct Limited;

    impl<'de> Visitor<'de> for Limited {
        type Value = Vec<Header>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "at most {MAX_HEADERS} headers")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Self::Value, A::Error> {
            let mut headers = Vec::new();
            while let Some(header) = from.next_element()? {
                if headers.len() == MAX_HEADERS {
                    return Err(de::Error::invalid_length(MAX_HEADERS + 1, &self));
                }
                headers.push(header);
            }
            Ok(headers)
        }
    }

    from.deserialize_seq(Limited)
}

fn as_array<S: Serializer>(digest: &Digest, serializer: S) -> Result<S::Ok, S::Error> {
    digest.0.serialize(serializer)
}

fn of_array<'de, D: Deserializer<'de>>(from: D) -> Result<Digest, D::Error> {
    <[u8; 32]>::deserialize(from).map(Digest)
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
