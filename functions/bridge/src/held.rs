//! Messages that were received and are in no batch yet, in order.
//!
//! They are few, but while a channel aligns: then a whole prefetch of them may wait. So what stays is compressed in
//! pieces, and the pieces go where the spool has room.

use std::collections::VecDeque;
use std::io;

use foz_domain::StreamName;
use foz_lake::frame::{self, FrameWriter};
use foz_lake::message::Encoded;

use crate::parcel::Parcel;
use crate::spool::{Kept, Spool};

/// Messages are compressed when there are this many bytes of them.
const PIECE: usize = 1 << 20;

/// A body that is stored by itself.
#[derive(Debug)]
pub struct Body {
    /// Its key in the lake bucket.
    pub key: String,
    /// The literal bytes.
    pub bytes: Kept,
}

/// Messages in order.
#[derive(Debug)]
pub struct Held {
    stream: StreamName,
    spool: Spool,
    /// How many messages were taken.
    taken: u64,
    front: VecDeque<Encoded>,
    pieces: VecDeque<Kept>,
    back: VecDeque<Encoded>,
    back_bytes: usize,
    /// How many messages were put.
    put: u64,
    /// Large bodies, with the number of their message.
    bodies: VecDeque<(u64, Body)>,
}

impl Held {
    /// No messages.
    pub fn new(stream: StreamName, spool: Spool) -> Self {
        Self {
            stream,
            spool,
            taken: 0,
            front: VecDeque::new(),
            pieces: VecDeque::new(),
            back: VecDeque::new(),
            back_bytes: 0,
            put: 0,
            bodies: VecDeque::new(),
        }
    }

    /// Adds a message at the end.
    pub fn put(&mut self, parcel: Parcel) -> io::Result<()> {
        if let Some(oversize) = parcel.oversize {
            let body = Body { key: oversize.key, bytes: self.spool.keep(oversize.body)? };
            self.bodies.push_back((self.put, body));
        }
        self.back_bytes += parcel.encoded.len();
        self.back.push_back(parcel.encoded);
        self.put += 1;
        Ok(())
    }

    /// To be called when what is held is going to stay for a while.
    pub fn settle(&mut self) -> io::Result<()> {
        if self.back_bytes < PIECE {
            return Ok(());
        }
        let mut writer = FrameWriter::new(&self.stream, 0);
        self.back.drain(..).for_each(|message| writer.push_encoded(&message));
        self.back_bytes = 0;
        self.pieces.push_back(self.spool.keep(writer.finish().zstd.into())?);
        Ok(())
    }

    /// The first message.
    pub fn first(&mut self) -> io::Result<Option<&Encoded>> {
        if self.front.is_empty() {
            match self.pieces.pop_front() {
                Some(piece) => {
                    let messages = frame::split(&piece.load()?, frame::MAX_RAW).map_err(io::Error::other)?;
                    self.front.extend(messages);
                }
                None => {
                    std::mem::swap(&mut self.front, &mut self.back);
                    self.back_bytes = 0;
                }
            }
        }
        Ok(self.front.front())
    }

    /// Removes the message that [`Held::first`] showed. Returns its body if that is stored by itself.
    pub fn take(&mut self) -> Option<Body> {
        self.front.pop_front()?;
        let number = self.taken;
        self.taken += 1;
        self.bodies.pop_front_if(|(of, _)| *of == number).map(|(_, body)| body)
    }

    /// Removes the first `count` messages.
    pub fn skip(&mut self, count: usize) -> io::Result<()> {
        for _ in 0..count {
            self.first()?;
            self.take();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::MAX_INLINE;
    use foz_rabbit::Delivery;

    #[test]
    fn comes_out_as_it_went_in_wherever_it_was_kept() {
        let stream: StreamName = "orders".parse().unwrap();
        let body = |i: usize| match i {
            7 => vec![7; MAX_INLINE + 1],
            _ => format!("{i}").repeat(20_000).into_bytes(),
        };
        let parcel = |i| Parcel::new(&stream, Delivery::mock(1, "".into(), "q".into(), false, body(i)));
        let mut held = Held::new(stream.clone(), Spool::new(1_000));
        for i in 0..100 {
            held.put(parcel(i)).unwrap();
            if i % 3 == 0 {
                held.settle().unwrap();
            }
        }
        assert!(held.pieces.len() > 1);
        held.skip(5).unwrap();
        for i in 5..100 {
            let expected = parcel(i);
            assert_eq!(held.first().unwrap().unwrap().digest(), expected.encoded.digest(), "message {i}");
            let body = held.take().map(|body| (body.key, body.bytes.load().unwrap()));
            assert_eq!(body, expected.oversize.map(|oversize| (oversize.key, oversize.body)), "message {i}");
        }
        assert!(held.first().unwrap().is_none());
    }
}
