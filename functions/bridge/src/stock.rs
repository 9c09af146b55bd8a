//! The bytes of one stream on their way: held, in the open batch, cut.

use std::collections::VecDeque;
use std::io;

use foz_domain::{Digest, StreamName};
use foz_lake::frame::{FrameWriter, MAX_MESSAGES, MAX_RAW};

use crate::held::{Body, Held};
use crate::parcel::Parcel;
use crate::spool::{Kept, Spool};

/// Compressed bytes that fit into an invoke: three quarters of Lambda's 6,291,456, for base64, less the other fields.
pub const MAX_FRAME: usize = (6_291_456 - 1_024) / 4 * 3;

/// A cut batch. It does not change any more: every attempt sends the same bytes.
#[derive(Debug)]
pub struct Batch {
    /// The compressed frame.
    pub frame: Kept,
    /// Digest of the uncompressed frame.
    pub digest: Digest,
    /// Number of messages.
    pub messages: usize,
    /// Bodies to store before the batch is sent.
    pub bodies: Vec<Body>,
}

/// What one channel of a stream delivered and no invocation carries yet.
pub struct Stock {
    stream: StreamName,
    spool: Spool,
    held: Held,
    open: Option<FrameWriter>,
    bodies: Vec<Body>,
    cut: VecDeque<Batch>,
}

impl Stock {
    /// An empty stock.
    pub fn new(stream: StreamName, spool: Spool) -> Self {
        let held = Held::new(stream.clone(), spool.clone());
        Self { stream, spool, held, open: None, bodies: Vec::new(), cut: VecDeque::new() }
    }

    /// Holds a message.
    pub fn put(&mut self, parcel: Parcel) -> io::Result<()> {
        self.held.put(parcel)
    }

    /// To be called when what is held is going to stay for a while.
    pub fn settle(&mut self) -> io::Result<()> {
        self.held.settle()
    }

    /// Forgets the first `count` held messages.
    pub fn skip(&mut self, count: usize) -> io::Result<()> {
        self.held.skip(count)
    }

    /// Moves the first `count` held messages into the open batch, or as many of them as fit into an invoke. Returns how
    /// many, and whether the batch is full. `now` is in milliseconds since 1970 UTC.
    pub fn fill(&mut self, count: usize, now: i64) -> io::Result<(usize, bool)> {
        for filled in 0..count {
            let Some(next) = self.held.first()? else { return Ok((filled, false)) };
            let open = self.open.get_or_insert_with(|| FrameWriter::new(&self.stream, now));
            let fits = open.encoded_bound_with(next.len()) <= MAX_FRAME
                && open.raw_len() + next.len() <= MAX_RAW
                && open.messages() < MAX_MESSAGES;
            if !fits && open.messages() > 0 {
                return Ok((filled, true));
            }
            open.push_encoded(next);
            self.bodies.extend(self.held.take());
        }
        Ok((count, false))
    }

    /// Ends the open batch.
    pub fn cut(&mut self) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let frame = open.finish();
        let bodies = std::mem::take(&mut self.bodies);
        let (digest, messages) = (frame.digest, frame.messages);
        self.cut.push_back(Batch { frame: self.spool.keep(frame.zstd.into())?, digest, messages, bodies });
        Ok(())
    }

    /// Hands out the oldest cut batch.
    pub fn take(&mut self) -> Option<Batch> {
        self.cut.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foz_rabbit::Delivery;

    #[test]
    fn batches_fill_an_invoke_and_lose_nothing() {
        let stream: StreamName = "orders".parse().unwrap();
        let mut stock = Stock::new(stream.clone(), Spool::new(0));
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
            let body = noise(500_000);
            stock.put(Parcel::new(&stream, Delivery::mock(1, "".into(), "q".into(), false, body))).unwrap();
        }
        let mut messages = vec![];
        while left > 0 {
            let (filled, full) = stock.fill(left, 0).unwrap();
            assert!(filled > 0 && full == (filled < left));
            left -= filled;
            stock.cut().unwrap();
            let batch = stock.take().unwrap();
            assert!(batch.frame.load().unwrap().len() <= MAX_FRAME);
            messages.push(batch.messages);
        }
        assert_eq!(messages, [9, 9, 9, 9, 4]);
    }
}
