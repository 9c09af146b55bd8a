//! Messages on their way into a batch.

use bytes::Bytes;
use foz_domain::{Digest, StreamName, keys};
use foz_lake::message::{Body, Encoded};
use foz_rabbit::mover::Mover;
use foz_rabbit::{Arrival, message};

/// Bodies above this go to the bucket by themselves. An invoke takes 4.7 million compressed bytes; headers and properties
/// share one AMQP frame of 128 KiB, and even binary ones, four times as long as text, leave these for the body.
pub const MAX_INLINE: usize = 4_000_000;

/// A message, ready for a frame.
#[derive(Debug)]
pub struct Parcel {
    /// What the frame holds.
    pub encoded: Encoded,
    /// The body, if the frame holds only a pointer to it.
    pub oversize: Option<Oversize>,
    /// What brought it here from another queue, or `None` if it does not say so.
    pub mover: Option<Mover>,
}

/// A body that is stored by itself, and under which key.
#[derive(Debug)]
pub struct Oversize {
    /// Its key in the lake bucket.
    pub key: String,
    /// The literal bytes.
    pub body: Bytes,
}

impl Parcel {
    /// Encodes what arrived, byte for byte. Whether the body stays inline depends on its length alone, so that a message
    /// that is delivered again has the same digest.
    pub fn new(stream: &StreamName, arrival: Arrival) -> Self {
        let mut oversize = None;
        let message = message::message(arrival, |data| {
            if data.len() <= MAX_INLINE {
                return Body::Inline(data);
            }
            let digest = Digest(*blake3::hash(&data).as_bytes());
            let (key, length) = (keys::oversize(stream, &digest), data.len() as u64);
            oversize = Some(Oversize { key: key.clone(), body: data });
            Body::Oversize { key, length, digest }
        });
        Self { mover: Mover::of(&message), encoded: message.encode(), oversize }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A message without properties, as it arrives from the queue `orders`.
    pub(crate) fn arrival(body: &[u8]) -> Arrival {
        let envelope = b"\0\x06orders\0\0";
        let length = u32::try_from(envelope.len()).unwrap().to_be_bytes();
        Arrival::new(7, false, [&length, &envelope[..], body].concat()).unwrap()
    }

    #[test]
    fn large_bodies_leave_a_pointer() {
        let stream = "orders".parse().unwrap();
        let parcel = Parcel::new(&stream, arrival(&vec![b'x'; MAX_INLINE + 1]));
        assert!(parcel.encoded.len() < 400);
        let oversize = parcel.oversize.unwrap();
        assert_eq!(oversize.body.len(), MAX_INLINE + 1);
        assert!(oversize.key.starts_with("raw-oversize/stream=orders/"), "{}", oversize.key);
    }
}
