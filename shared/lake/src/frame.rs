//! A frame: what one invoke of ingest carries. `FOZ1`, a header, then the messages one after another, zstd-compressed.

use std::io::{self, Read, Write};

use bytes::Bytes;
use foz_domain::{Digest, StreamName, Timestamp};
use serde::{Deserialize, Serialize};

use crate::message::{Encoded, MAX_HEADERS, Message};
use crate::raw::RawBatch;

const MAGIC: &[u8; 4] = b"FOZ1";

/// The fastest level of zstd's ladder: halves JSON at several hundred megabytes per second and core.
const LEVEL: i32 = 1;

/// zstd's block size. Flushing once per block costs no ratio and makes the compressed length known.
const BLOCK: usize = 128 * 1024;

/// What the last block, the frame header and a flush may add beyond zstd's own bound for one piece of input.
const MARGIN: usize = 64;

/// Level 1 looks back 512 KiB. More than 8 MiB was not written here, and would let a sender choose our memory.
const MAX_WINDOW_LOG: u32 = 23;

/// The most bytes a frame may have uncompressed.
pub const MAX_RAW: usize = 64 * 1024 * 1024;

/// The most messages in a frame: a decoded message needs some 500 bytes beside its body, however short it is.
pub const MAX_MESSAGES: usize = 1 << 18;

#[derive(Serialize, Deserialize)]
struct Header<'a> {
    stream: &'a str,
    opened_at: i64,
}

/// A finished frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The compressed frame: what is sent.
    pub zstd: Vec<u8>,
    /// BLAKE3 of the uncompressed frame: the batch's identity.
    pub digest: Digest,
    /// Number of messages.
    pub messages: usize,
    /// Bytes of the uncompressed frame.
    pub raw_len: usize,
}

/// Encodes messages into a frame as they come.
pub struct FrameWriter {
    encoder: zstd::Encoder<'static, Vec<u8>>,
    hasher: blake3::Hasher,
    /// Compressed length of everything before the last flush.
    flushed: usize,
    /// Uncompressed bytes since the last flush.
    pending: usize,
    raw_len: usize,
    messages: usize,
    headers: usize,
}

#[expect(clippy::expect_used, reason = "zstd with fixed parameters writing to a vector fails only without memory")]
impl FrameWriter {
    /// An empty frame of the stream; `opened_at` is when its first message was received.
    pub fn new(stream: &StreamName, opened_at: Timestamp) -> Self {
        let encoder = zstd::Encoder::new(Vec::new(), LEVEL).expect("zstd context");
        let mut writer = Self {
            encoder,
            hasher: blake3::Hasher::new(),
            flushed: 0,
            pending: 0,
            raw_len: 0,
            messages: 0,
            headers: 0,
        };
        writer.write(&beginning(stream, opened_at));
        writer
    }

    /// Appends a message and returns its digest.
    pub fn push(&mut self, message: &Message) -> Digest {
        let encoded = message.encode();
        self.push_encoded(&encoded);
        encoded.digest()
    }

    /// Appends a message that is encoded already.
    pub fn push_encoded(&mut self, message: &Encoded) {
        self.write(message.bytes());
        self.messages += 1;
        self.headers += message.headers();
    }

    fn write(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.encoder.write_all(bytes).expect("compressing into memory");
        self.raw_len += bytes.len();
        self.pending += bytes.len();
        if self.pending >= BLOCK {
            self.encoder.flush().expect("compressing into memory");
            self.flushed = self.encoder.get_ref().len();
            self.pending = 0;
        }
    }

    /// The most bytes the finished frame can have if `next` more encoded bytes were added; `0` asks about the frame as it
    /// is. Exact but for the last block: at most 129 KiB too high.
    pub fn encoded_bound_with(&self, next: usize) -> usize {
        self.flushed + zstd::zstd_safe::compress_bound(self.pending + next) + MARGIN
    }

    /// Number of messages so far.
    pub fn messages(&self) -> usize {
        self.messages
    }

    /// Number of headers of all messages so far.
    pub fn headers(&self) -> usize {
        self.headers
    }

    /// Uncompressed bytes so far, header included.
    pub fn raw_len(&self) -> usize {
        self.raw_len
    }

    /// Ends the frame.
    pub fn finish(self) -> Frame {
        Frame {
            zstd: self.encoder.finish().expect("compressing into memory"),
            digest: Digest(*self.hasher.finalize().as_bytes()),
            messages: self.messages,
            raw_len: self.raw_len,
        }
    }
}

/// What every uncompressed frame begins with.
#[expect(clippy::expect_used, reason = "encoding into a vector does not fail")]
fn beginning(stream: &StreamName, opened_at: Timestamp) -> Vec<u8> {
    let header = Header { stream: stream.as_str(), opened_at: opened_at.0 };
    postcard::to_extend(&header, MAGIC.to_vec()).expect("encoding into memory")
}

/// The batch of messages that did not come in a frame. Its digest is that of their frame opened at 0: the same messages have
/// the same whenever they come.
pub fn gather(stream: StreamName, opened_at: Timestamp, messages: Vec<(Encoded, Message)>) -> RawBatch {
    let beginning = beginning(&stream, Timestamp(0));
    let mut hasher = blake3::Hasher::new();
    hasher.update(&beginning);
    let mut raw_len = beginning.len();
    let messages = messages.into_iter().map(|(encoded, message)| {
        hasher.update(encoded.bytes());
        raw_len += encoded.len();
        (encoded.digest(), message)
    });
    let messages = messages.collect();
    RawBatch { stream, opened_at, messages, digest: Digest(*hasher.finalize().as_bytes()), raw_len }
}

/// Bytes that are no frame. Sending them again cannot help.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The compressed stream is damaged, cut short, followed by something, or asks for too much memory.
    #[error("frame is not one intact zstd stream")]
    Zstd(#[source] io::Error),
    /// Beyond [`MAX_RAW`] bytes, [`MAX_MESSAGES`] messages or [`MAX_HEADERS`] headers.
    #[error("frame is larger than {limit} {unit}")]
    TooLarge {
        limit: usize,
        /// What is counted.
        unit: &'static str,
    },
    /// The uncompressed bytes are not what this version writes.
    #[error("frame is malformed at byte {at}: {what}")]
    Malformed {
        /// Offset in the uncompressed frame.
        at: usize,
        /// What is wrong there.
        what: String,
    },
}

/// Decodes a compressed frame, holding at most `limit` uncompressed bytes ([`MAX_RAW`] for everybody but tests).
pub fn decode(zstd: &[u8], limit: usize) -> Result<RawBatch, FrameError> {
    let mut frame = Unpacked::read(zstd, limit)?;
    let mut messages = Vec::new();
    while let Some((encoded, message)) = frame.next(messages.len())? {
        messages.push((encoded.digest(), message));
    }
    let Unpacked { raw, stream, opened_at, .. } = frame;
    Ok(RawBatch { stream, opened_at, messages, digest: Digest(*blake3::hash(&raw).as_bytes()), raw_len: raw.len() })
}

/// The encodings of a frame's messages in order, under the same limit as [`decode`]. They share the frame's memory.
pub fn split(zstd: &[u8], limit: usize) -> Result<Vec<Encoded>, FrameError> {
    let mut frame = Unpacked::read(zstd, limit)?;
    let mut messages = Vec::new();
    while let Some((encoded, _)) = frame.next(messages.len())? {
        messages.push(encoded);
    }
    Ok(messages)
}

/// An uncompressed frame that is being read.
struct Unpacked {
    raw: Bytes,
    stream: StreamName,
    opened_at: Timestamp,
    /// Where the next message begins.
    at: usize,
    /// Number of headers of the messages before.
    headers: usize,
}

impl Unpacked {
    fn read(zstd: &[u8], limit: usize) -> Result<Self, FrameError> {
        let raw = Bytes::from(decompress(zstd, limit)?);
        let body = raw.strip_prefix(MAGIC).ok_or_else(|| malformed(0, &"it does not begin with FOZ1"))?;
        let begin = |why: &dyn ToString| malformed(MAGIC.len(), why);
        let (header, rest) = postcard::take_from_bytes::<Header<'_>>(body).map_err(|why| begin(&why))?;
        let stream = header.stream.parse().map_err(|why| begin(&why))?;
        let (opened_at, at) = (Timestamp(header.opened_at), raw.len() - rest.len());
        Ok(Self { raw, stream, opened_at, at, headers: 0 })
    }

    /// The next message and its encoding, or `None` if that was the last; `count` were read before.
    fn next(&mut self, count: usize) -> Result<Option<(Encoded, Message)>, FrameError> {
        let rest = &self.raw[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        if count == MAX_MESSAGES {
            return Err(FrameError::TooLarge { limit: MAX_MESSAGES, unit: "messages" });
        }
        let (message, left) = Message::decode(&self.raw, rest).map_err(|why| malformed(self.at, &why))?;
        let encoding = self.raw.slice_ref(&rest[..rest.len() - left.len()]);
        self.at += encoding.len();
        self.headers += message.headers.len();
        if self.headers > MAX_HEADERS {
            return Err(FrameError::TooLarge { limit: MAX_HEADERS, unit: "headers" });
        }
        Ok(Some((Encoded::new(encoding, message.headers.len()), message)))
    }
}

fn malformed(at: usize, what: &dyn ToString) -> FrameError {
    FrameError::Malformed { at, what: what.to_string() }
}

fn decompress(zstd: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
    let mut decoder = zstd::Decoder::with_buffer(zstd).map_err(FrameError::Zstd)?.single_frame();
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(FrameError::Zstd)?;
    let mut raw = Vec::with_capacity(limit.min(zstd.len().saturating_mul(4)));
    decoder.by_ref().take(limit as u64 + 1).read_to_end(&mut raw).map_err(FrameError::Zstd)?;
    if raw.len() > limit {
        return Err(FrameError::TooLarge { limit, unit: "bytes uncompressed" });
    }
    if !decoder.finish().is_empty() {
        return Err(FrameError::Zstd(io::Error::other("there are bytes after its end")));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::messages;
    use crate::message::{Body, Properties};
    use proptest::collection::vec;
    use proptest::prelude::*;

    fn stream() -> StreamName {
        "orders".parse().unwrap()
    }

    fn message(body: Vec<u8>) -> Message {
        Message {
            body: Body::Inline(body.into()),
            exchange: String::new(),
            routing_key: "orders".into(),
            properties: Properties { message_id: Some("m".into()), ..Properties::default() },
            headers: vec![],
        }
    }

    /// A xorshift generator: bytes that do not compress, or (masked) that do.
    fn noise(seed: u64, len: usize, mask: u8) -> Vec<u8> {
        let mut x = seed | 1;
        (0..len)
            .map(|_| {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                x as u8 & mask
            })
            .collect()
    }

    #[test]
    fn a_frame_fills_its_limit() {
        const LIMIT: usize = 4_700_000;
        for mask in [0xff, 0x3f, 0x0f, 0x01] {
            let mut writer = FrameWriter::new(&stream(), Timestamp(0));
            for i in 0.. {
                let next = message(noise(i + 1, 1000, mask)).encode();
                if writer.encoded_bound_with(next.len()) > LIMIT {
                    break;
                }
                writer.push_encoded(&next);
            }
            let len = writer.finish().zstd.len();
            assert!(len <= LIMIT && len > LIMIT * 95 / 100, "mask {mask:x}: {len} of {LIMIT}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let mut writer = FrameWriter::new(&stream(), Timestamp(7));
        writer.push(&message(noise(1, 100, 0xff)));
        let intact = writer.finish().zstd;
        assert!(decode(&intact, MAX_RAW).is_ok());
        assert!(decode(&[], MAX_RAW).is_err());
        for cut in 1..intact.len() {
            assert!(decode(&intact[..cut], MAX_RAW).is_err(), "cut at {cut}");
        }
        let trailed = [&intact[..], &intact].concat();
        assert!(decode(&trailed, MAX_RAW).is_err());
        let other = zstd::encode_all(&b"FOZ2\x06orders\x00"[..], 1).unwrap();
        assert!(matches!(decode(&other, MAX_RAW), Err(FrameError::Malformed { at: 0, .. })));
    }

    #[test]
    fn bombs_are_refused_within_the_limit() {
        let bomb = zstd::encode_all(io::repeat(0).take(1 << 30), 1).unwrap();
        assert!(matches!(decode(&bomb, MAX_RAW), Err(FrameError::TooLarge { .. })));
        let mut writer = FrameWriter::new(&stream(), Timestamp(0));
        let tiny = message(vec![]).encode();
        (0..=MAX_MESSAGES).for_each(|_| writer.push_encoded(&tiny));
        assert!(matches!(decode(&writer.finish().zstd, MAX_RAW), Err(FrameError::TooLarge { unit: "messages", .. })));
    }

    #[test]
    fn protocol_11_more_headers_than_memory_is_meant_for_are_refused() {
        let header = crate::message::Header { name: String::new(), kind: String::new(), text: String::new() };
        let with = |count: usize| Message { headers: vec![header.clone(); count], ..message(vec![]) }.encode();
        let framed = |messages: &[&Encoded]| {
            let mut writer = FrameWriter::new(&stream(), Timestamp(0));
            messages.iter().for_each(|message| writer.push_encoded(message));
            assert_eq!(writer.headers(), messages.iter().map(|message| message.headers()).sum::<usize>());
            decode(&writer.finish().zstd, MAX_RAW)
        };
        let half = with(MAX_HEADERS / 2);
        assert!(framed(&[&half, &half]).is_ok());
        assert!(matches!(framed(&[&half, &half, &with(1)]), Err(FrameError::TooLarge { unit: "headers", .. })));
        assert!(matches!(framed(&[&with(MAX_HEADERS + 1)]), Err(FrameError::Malformed { .. })));
    }

    proptest! {
        #[test]
        fn what_is_gathered_is_the_frame_opened_at_0(sent in vec(messages(), 0..20), opened_at: i64) {
            let mut writer = FrameWriter::new(&stream(), Timestamp(0));
            sent.iter().for_each(|m| { writer.push(m); });
            let framed = decode(&writer.finish().zstd, MAX_RAW).unwrap();
            let encoded = sent.into_iter().map(|message| (message.encode(), message)).collect();
            let gathered = gather(stream(), Timestamp(opened_at), encoded);
            prop_assert_eq!(gathered, RawBatch { opened_at: Timestamp(opened_at), ..framed });
        }

        #[test]
        fn frames_round_trip(sent in vec(messages(), 0..20), opened_at: i64) {
            let mut writer = FrameWriter::new(&stream(), Timestamp(opened_at));
            let digests: Vec<_> = sent.iter().map(|m| writer.push(m)).collect();
            let frame = writer.finish();
            let decoded = decode(&frame.zstd, MAX_RAW).unwrap();
            prop_assert_eq!(&decoded.stream, &stream());
            prop_assert_eq!(decoded.opened_at, Timestamp(opened_at));
            prop_assert_eq!(decoded.digest, frame.digest);
            prop_assert_eq!(decoded.raw_len, frame.raw_len);
            let encodings: Vec<_> = sent.iter().map(Message::encode).collect();
            prop_assert_eq!(split(&frame.zstd, MAX_RAW).unwrap(), encodings);
            prop_assert_eq!(decoded.messages, digests.into_iter().zip(sent).collect::<Vec<_>>());
        }

        #[test]
        fn the_bound_holds_at_every_moment(pieces in vec((any::<u64>(), 0usize..300_000, any::<u8>()), 0..12)) {
            let mut writer = FrameWriter::new(&stream(), Timestamp(0));
            let mut bounds = vec![];
            for (seed, len, mask) in pieces {
                let next = message(noise(seed, len, mask)).encode();
                bounds.push(writer.encoded_bound_with(next.len()));
                writer.push_encoded(&next);
                bounds.push(writer.encoded_bound_with(0));
            }
            let last = bounds.last().copied().unwrap_or(usize::MAX);
            prop_assert!(writer.finish().zstd.len() <= last);
            // What was promised before a message was added still holds after.
            prop_assert!(bounds.windows(2).step_by(2).all(|pair| pair[1] <= pair[0]));
        }
    }
}
