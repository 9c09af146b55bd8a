//! Messages as they arrive: what the transcoder put in front of the body, and the body.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures::{Stream, StreamExt};
use lapin::Consumer;

use crate::broker_error::BrokerError;
use crate::octets::Octets;

/// A message as a channel delivered it, undecoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// By which the delivery is acknowledged.
    pub tag: u64,
    /// Whether the broker has, or may have, delivered it before.
    pub redelivered: bool,
    /// Exchange, routing key and properties as they were encoded.
    pub(crate) envelope: Bytes,
    /// What the publisher sent.
    pub body: Bytes,
}

/// What stands in a delivery beside its body. See [`transcoder`](crate::transcoder).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Envelope<'a> {
    pub(crate) exchange: &'a [u8],
    pub(crate) routing_key: &'a [u8],
    /// Property flags and property list.
    pub(crate) properties: &'a [u8],
}

impl Arrival {
    /// The message in `data`, which is a body behind its envelope, or `None` if it is not that.
    pub fn new(tag: u64, redelivered: bool, data: Vec<u8>) -> Option<Self> {
        let data = Bytes::from(data);
        let mut octets = Octets(&data);
        let envelope = data.slice_ref(octets.long()?);
        let body = data.slice_ref(octets.0);
        Envelope::read(&envelope)?;
        Some(Self { tag, redelivered, envelope, body })
    }

    pub(crate) fn envelope(&self) -> Envelope<'_> {
        Envelope::read(&self.envelope).unwrap_or(Envelope { exchange: b"", routing_key: b"", properties: b"" })
    }
}

impl<'a> Envelope<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut octets = Octets(bytes);
        Some(Self { exchange: octets.short()?, routing_key: octets.short()?, properties: octets.0 })
    }
}

/// The messages that arrive by one subscription; it ends when the consumer is cancelled.
#[derive(Debug)]
pub struct Arrivals(Consumer);

impl Arrivals {
    pub(crate) fn new(consumer: Consumer) -> Self {
        Self(consumer)
    }
}

impl Stream for Arrivals {
    type Item = Result<Arrival, BrokerError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(next) = ready!(self.0.poll_next_unpin(context)) else { return Poll::Ready(None) };
        Poll::Ready(Some(next.map_err(BrokerError::from).and_then(|delivery| {
            Arrival::new(delivery.delivery_tag, delivery.redelivered, delivery.data).ok_or_else(|| {
                BrokerError::from(std::io::Error::other("a delivery without the envelope that was added"))
            })
        })))
    }
}
