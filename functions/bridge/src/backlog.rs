//! What one channel of a stream delivered and no invocation carries yet, in order: waiting, in the open batch, cut.

use std::collections::VecDeque;
use std::io;

use foz_domain::{Digest, StreamName, Timestamp};
use foz_lake::frame::{self, FrameWriter, MAX_MESSAGES, MAX_RAW};
use foz_lake::message::{Encoded, MAX_HEADERS};

use crate::parcel::Parcel;
use crate::spool::{Kept, Spool};

/// What Lambda takes in one invocation.
const MAX_INVOKE: usize = 6_291_456;

/// Compressed bytes that fit into an invocation: three quarters of it, for base64, less the other fields.
pub const MAX_FRAME: usize = (MAX_INVOKE - 1_024) / 4 * 3;

const _: () = assert!(MAX_FRAME.div_ceil(3) * 4 + 1_024 <= MAX_INVOKE);

/// Messages that wait are compressed when there are this many bytes of them.
const PIECE: usize = 1 << 20;

/// A body that is stored by itself.
#[derive(Debug)]
pub struct StoredBody {
    /// Its key in the lake bucket.
    pub key: String,
    /// The literal bytes.
    pub bytes: Kept,
}

/// A batch that does not change any more: every attempt sends the same bytes.
#[derive(Debug)]
pub struct CutBatch {
    /// The compressed frame.
    pub frame: Kept,
    /// Digest of the uncompressed frame.
    pub digest: Digest,
    /// Number of messages.
    pub messages: usize,
    /// Bodies to store before the batch is sent.
    pub bodies: Vec<StoredBody>,
}

/// How far the open batch was filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// How many messages went into it.
    pub messages: usize,
    /// Whether the next message does not fit.
    pub full: bool,
}

/// The messages of one channel.
///
/// Usually few wait. While a channel aligns, a whole prefetch may: so they are compressed in pieces, and the pieces go where
/// the spool has room.
pub struct Backlog {
    stream: StreamName,
    spool: Spool,
    /// Messages that wait: first those in front, then the pieces, then those at the back.
    front: VecDeque<Encoded>,
    pieces: VecDeque<Kept>,
    back: VecDeque<Encoded>,
    back_bytes: usize,
    /// How many messages came, and how many of them do not wait any more.
    pushed: u64,
    popped: u64,
    /// Large bodies of messages that wait, each with its message's number.
    bodies: VecDeque<(u64, StoredBody)>,
    open: Option<FrameWriter>,
    open_bodies: Vec<StoredBody>,
    cut: VecDeque<CutBatch>,
}

impl Backlog {
    /// An empty backlog.
    pub fn new(stream: StreamName, spool: Spool) -> Self {
        Self {
            stream,
            spool,
            front: VecDeque::new(),
            pieces: VecDeque::new(),
            back: VecDeque::new(),
            back_bytes: 0,
            pushed: 0,
            popped: 0,
            bodies: VecDeque::new(),
            open: None,
            open_bodies: Vec::new(),
            cut: VecDeque::new(),
        }
    }

    /// Adds a message at the end of those that wait.
    pub fn push(&mut self, parcel: Parcel) -> io::Result<()> {
        if let Some(oversize) = parcel.oversize {
            let body = StoredBody { key: oversize.key, bytes: self.spool.keep(oversize.body)? };
            self.bodies.push_back((self.pushed, body));
        }
        self.back_bytes += parcel.encoded.len();
        self.back.push_back(parcel.encoded);
        self.pushed += 1;
        Ok(())
    }

    /// Compresses what has piled up. Call it when nothing will be filled soon.
    pub fn compact(&mut self) -> io::Result<()> {
        if self.back_bytes < PIECE {
            return Ok(());
        }
        let mut writer = FrameWriter::new(&self.stream, Timestamp(0));
        for message in self.back.drain(..) {
            if writer.messages() > 0 && !holds(&writer, &message) {
                let full = std::mem::replace(&mut writer, FrameWriter::new(&self.stream, Timestamp(0)));
                self.pieces.push_back(self.spool.keep(full.finish().zstd.into())?);
            }
            writer.push_encoded(&message);
        }
        self.back_bytes = 0;
        self.pieces.push_back(self.spool.keep(writer.finish().zstd.into())?);
        Ok(())
    }

    /// Forgets the first `count` messages that wait.
    pub fn skip(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            self.load()?;
            self.pop();
        }
        Ok(())
    }

    /// Moves the first `count` messages that wait into the open batch, or as many of them as fit into an invocation. `now`
    /// is when the first of them was received, if they open it.
    pub fn fill(&mut self, count: usize, now: Timestamp) -> io::Result<Filled> {
        for messages in 0..count {
            self.load()?;
            let Some(next) = self.front.front() else { return Ok(Filled { messages, full: false }) };
            let open = self.open.get_or_insert_with(|| FrameWriter::new(&self.stream, now));
            if open.messages() > 0 && !fits(open, next) {
                return Ok(Filled { messages, full: true });
            }
            open.push_encoded(next);
            let body = self.pop();
            self.open_bodies.extend(body);
        }
        Ok(Filled { messages: count, full: false })
    }

    /// Ends the open batch.
    pub fn cut(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let frame = open.finish();
        let bodies = std::mem::take(&mut self.open_bodies);
        let (digest, messages) = (frame.digest, frame.messages);
        self.cut.push_back(CutBatch { frame: self.spool.keep(frame.zstd.into())?, digest, messages, bodies });
        Ok(())
    }

    /// Hands out the oldest cut batch, or `None` if none is cut.
    pub fn next_cut(&mut self) -> Option<CutBatch> {
        self.cut.pop_front()
    }

    /// Brings the first message that waits to the front, wherever it is kept.
    fn load(&mut self) -> io::Result<()> {
        if self.front.is_empty() {
            match self.pieces.pop_front() {
                Some(piece) => self.front.extend(frame::split(&piece.load()?, MAX_RAW).map_err(io::Error::other)?),
                None => {
                    std::mem::swap(&mut self.front, &mut self.back);
                    self.back_bytes = 0;
                }
            }
        }
        Ok(())
    }

    /// Removes the message in front. Returns its body if that is stored by itself.
    fn pop(&mut self) -> Option<StoredBody> {
        self.front.pop_front()?;
        let number = self.popped;
        self.popped += 1;
        self.bodies.pop_front_if(|(of, _)| *of == number).map(|(_, body)| body)
    }
}

/// Whether the message fits into the frame and the frame still into an invocation.
fn fits(frame: &FrameWriter, next: &Encoded) -> bool {
    frame.encoded_bound_with(next.len()) <= MAX_FRAME && holds(frame, next)
}

/// Whether the message fits into the frame, however long it becomes compressed.
fn holds(frame: &FrameWriter, next: &Encoded) -> bool {
    frame.raw_len() + next.len() <= MAX_RAW
        && frame.messages() < MAX_MESSAGES
        && frame.headers() + next.headers() <= MAX_HEADERS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::MAX_INLINE;
    use crate::parcel::tests::arrival;

    fn stream() -> StreamName {
        "orders".parse().unwrap()
    }

    fn parcel(body: Vec<u8>) -> Parcel {
        Parcel::new(&stream(), arrival(&body))
    }

    #[test]
    fn what_waits_comes_out_as_it_went_in_wherever_it_was_kept() {
        let body = |i: usize| match i {
            7 => vec![7; MAX_INLINE + 1],
            _ => format!("{i}").repeat(20_000).into_bytes(),
        };
        let mut backlog = Backlog::new(stream(), Spool::new(1_000));
        for i in 0..100 {
            backlog.push(parcel(body(i))).unwrap();
            if i % 3 == 0 {
                backlog.compact().unwrap();
            }
        }
        assert!(backlog.pieces.len() > 1);
        backlog.skip(5).unwrap();
        for i in 5..100 {
            let expected = parcel(body(i));
            backlog.load().unwrap();
            assert_eq!(backlog.front[0].digest(), expected.encoded.digest(), "message {i}");
            let body = backlog.pop().map(|body| (body.key, body.bytes.load().unwrap()));
            assert_eq!(body, expected.oversize.map(|oversize| (oversize.key, oversize.body)), "message {i}");
        }
        backlog.load().unwrap();
        assert!(backlog.front.is_empty());
    }

    #[test]
    fn protocol_11_headers_are_counted_before_they_are_too_many_for_ingest() {
        let table = b"\x01hV".repeat(40_000);
        let length = u32::try_from(table.len()).unwrap().to_be_bytes();
        let envelope = [&b"\0\x06orders\x20\0"[..], &length, &table].concat();
        let length = u32::try_from(envelope.len()).unwrap().to_be_bytes();
        let data = [&length[..], &envelope].concat();
        let mut backlog = Backlog::new(stream(), Spool::new(0));
        for tag in 0..20 {
            let arrival = foz_rabbit::Arrival::new(tag, false, data.clone()).unwrap();
            backlog.push(Parcel::new(&stream(), arrival)).unwrap();
        }
        backlog.compact().unwrap();
        assert_eq!(backlog.fill(20, Timestamp(0)).unwrap(), Filled { messages: 13, full: true });
        backlog.cut().unwrap();
        let frame = backlog.next_cut().unwrap().frame.load().unwrap();
        assert_eq!(frame::decode(&frame, MAX_RAW).unwrap().messages.len(), 13);
        assert_eq!(backlog.fill(7, Timestamp(0)).unwrap(), Filled { messages: 7, full: false });
    }

    #[test]
    fn batches_fill_an_invoke_and_lose_nothing() {
        let mut backlog = Backlog::new(stream(), Spool::new(0));
        let mut x = 1u64;
        let mut noise = |len: usize| -> Vec<u8> {
            std::iter::repeat_with(|| {
                x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (x >> 56) as u8
            })
            .take(len)
            .collect()
        };
        let mut left = 40;
        for _ in 0..left {
            backlog.push(parcel(noise(500_000))).unwrap();
        }
        let mut messages = vec![];
        while left > 0 {
            let filled = backlog.fill(left, Timestamp(0)).unwrap();
            assert!(filled.messages > 0 && filled.full == (filled.messages < left));
            left -= filled.messages;
            backlog.cut().unwrap();
            let batch = backlog.next_cut().unwrap();
            assert!(batch.frame.load().unwrap().len() <= MAX_FRAME);
            messages.push(batch.messages);
        }
        assert_eq!(messages, [9, 9, 9, 9, 4]);
    }
}
