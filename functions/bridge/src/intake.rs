//! One channel of one stream: subscribe, then pass on what is delivered.

use foz_domain::StreamName;
use foz_domain::bridge::{ChannelNo, Content, Delivery, Event, Millis, StreamNo};
use foz_rabbit::{Arrival, Arrivals, BrokerError, Connection, connection, consume, message};
use futures::StreamExt;
use tokio::sync::mpsc::Sender;
use tracing::warn;

use crate::health::GroupHealth;
use crate::news::{Load, News};
use crate::parcel::Parcel;

/// Deliveries that are passed on together, at most; enough that handing over costs nothing per message.
const CHUNK: usize = 256;

/// Bytes that are passed on together; one message may exceed it.
const CHUNK_BYTES: usize = 1 << 20;

/// What one channel consumes.
#[derive(Debug, Clone)]
pub struct Subscription {
    /// The stream whose messages come by the queue.
    pub stream: StreamName,
    /// The stream's number in the reign.
    pub no: StreamNo,
    /// The stream's queue.
    pub queue: String,
    /// The channel's number in the stream.
    pub channel: ChannelNo,
    /// How many deliveries may be unacknowledged.
    pub prefetch: u16,
    /// After how long the broker takes an unacknowledged delivery for lost.
    pub consumer_timeout: Millis,
    /// Who counts what the broker refuses.
    pub health: GroupHealth,
}

/// Opens the channel and passes on deliveries until it ends.
pub async fn run(consuming: &Connection, subscription: Subscription, news: Sender<News>) {
    let Subscription { stream, no, queue, channel: number, prefetch, consumer_timeout, health } = &subscription;
    let (no, number) = (*no, *number);
    let channel = match connection::channel(consuming).await {
        Ok(channel) => channel,
        // Without a channel nothing goes on here, whatever is the matter with the connection.
        Err(error) => {
            let _ = news.send(News::Lost(error)).await;
            return;
        }
    };
    let arrivals = match consume::subscribe(&channel, queue, *prefetch, *consumer_timeout).await {
        Ok(arrivals) => arrivals,
        Err(error) => {
            health.refused();
            warn!(%stream, error = format!("{error:#}"), "cannot consume");
            // A broken connection is reported by the one that watches it.
            let _ = news.send(News::Event(Event::ChannelClosed(no, number))).await;
            return;
        }
    };
    if news.send(News::Opened(no, number, channel.clone())).await.is_err() {
        return;
    }
    let end = match deliver(arrivals, &subscription, &news).await {
        Some(error) => {
            health.refused();
            warn!(%stream, %error, "the channel failed");
            Event::ChannelClosed(no, number)
        }
        // We closed it, and what closes a channel tells the reign.
        None if !channel.status().connected() => return,
        None => {
            health.refused();
            warn!(%stream, "the broker cancelled the consumer");
            Event::Cancelled(no, number)
        }
    };
    let _ = news.send(News::Event(end)).await;
}

/// Passes on deliveries. Returns the error with which the channel ended, or `None` if its consumer was cancelled.
async fn deliver(arrivals: Arrivals, subscription: &Subscription, news: &Sender<News>) -> Option<BrokerError> {
    let Subscription { stream, no, channel, .. } = subscription;
    let mut ready = arrivals.ready_chunks(CHUNK);
    while let Some(chunk) = ready.next().await {
        let (mut load, mut bytes) = (Load::default(), 0);
        for arrival in chunk {
            let arrival = match arrival {
                Ok(arrival) => arrival,
                Err(error) => return Some(error),
            };
            bytes += add(&mut load, stream, arrival);
            if bytes >= CHUNK_BYTES {
                news.send(News::Delivered(*no, *channel, std::mem::take(&mut load))).await.ok()?;
                bytes = 0;
            }
        }
        if !load.deliveries.is_empty() {
            news.send(News::Delivered(*no, *channel, load)).await.ok()?;
        }
    }
    None
}

/// Adds what arrived. Returns the bytes of its message; a marker has none.
fn add(load: &mut Load, stream: &StreamName, arrival: Arrival) -> usize {
    let (tag, redelivered) = (arrival.tag, arrival.redelivered);
    let (content, size) = match message::marker(&arrival) {
        Some(marker) => (Content::Marker(marker), 0),
        None => {
            let body = arrival.body.len();
            let parcel = Parcel::new(stream, arrival);
            let size = body.max(parcel.encoded.len());
            let digest = parcel.encoded.digest();
            load.mover = load.mover.or(parcel.mover);
            load.parcels.push(parcel);
            (Content::Message { digest, size: u32::try_from(size).unwrap_or(u32::MAX) }, size)
        }
    };
    load.deliveries.push(Delivery { tag, redelivered, content });
    size
}
