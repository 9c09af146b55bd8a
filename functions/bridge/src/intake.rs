//! One channel of one stream: subscribe, then pass on what is delivered.

use foz_domain::StreamName;
use foz_domain::bridge::{ChannelNo, Content, Delivery, Event, Millis, StreamNo};
use foz_rabbit::{Connection, Consumer, consume, message};
use futures::StreamExt;
use tokio::sync::mpsc::Sender;
use tracing::warn;

use crate::parcel::Parcel;
use crate::reign::News;

/// Deliveries that are passed on together, at most; enough that handing over costs nothing per message.
const CHUNK: usize = 256;

/// Bytes that are passed on together; one message may exceed it.
const CHUNK_BYTES: usize = 1 << 20;

/// What to consume.
#[derive(Debug, Clone)]
pub struct Source {
    /// The stream.
    pub stream: StreamName,
    /// Its number in the reign.
    pub no: StreamNo,
    /// Its queue.
    pub queue: String,
    /// After how long the broker takes an unacknowledged delivery for lost.
    pub consumer_timeout: Millis,
}

/// Opens the channel and passes on deliveries until it ends.
pub async fn run(connection: &Connection, source: Source, number: ChannelNo, prefetch: u16, news: Sender<News>) {
    let (no, stream) = (source.no, &source.stream);
    let (channel, consumer) =
        match consume::subscribe(connection, &source.queue, prefetch, source.consumer_timeout).await {
            Ok(opened) => opened,
            Err(error) => {
                warn!(%stream, error = format!("{error:#}"), "cannot consume");
                // A broken connection is reported by whoever watches it.
                let _ = news.send(News::Event(Event::ChannelClosed(no, number))).await;
                return;
            }
        };
    if news.send(News::Opened(no, number, channel.clone())).await.is_err() {
        return;
    }
    let end = match deliver(consumer, &source, number, &news).await {
        Some(error) => {
            warn!(%stream, %error, "the channel failed");
            Event::ChannelClosed(no, number)
        }
        // Whoever closes a channel tells so itself.
        None if !channel.status().connected() => return,
        None => {
            warn!(%stream, "the broker cancelled the consumer");
            Event::Cancelled(no, number)
        }
    };
    let _ = news.send(News::Event(end)).await;
}

/// Passes on deliveries. Returns the error with which the channel ended, or `None` if its consumer was cancelled.
async fn deliver(
    consumer: Consumer,
    source: &Source,
    number: ChannelNo,
    news: &Sender<News>,
) -> Option<foz_rabbit::Error> {
    let mut ready = consumer.ready_chunks(CHUNK);
    while let Some(chunk) = ready.next().await {
        let mut load = Load::default();
        for delivery in chunk {
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(error) => return Some(error),
            };
            load.add(&source.stream, delivery);
            if load.bytes >= CHUNK_BYTES {
                news.send(std::mem::take(&mut load).news(source.no, number)).await.ok()?;
            }
        }
        if !load.deliveries.is_empty() {
            news.send(load.news(source.no, number)).await.ok()?;
        }
    }
    None
}

/// Deliveries that are passed on together.
#[derive(Debug, Default)]
struct Load {
    deliveries: Vec<Delivery>,
    parcels: Vec<Parcel>,
    bytes: usize,
}

impl Load {
    fn add(&mut self, stream: &StreamName, delivery: foz_rabbit::Delivery) {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        let content = match message::marker(&delivery) {
            Some(marker) => Content::Marker(marker),
            None => {
                let body = delivery.data.len();
                let parcel = Parcel::new(stream, delivery);
                let size = body.max(parcel.encoded.len());
                let digest = parcel.encoded.digest();
                self.bytes += size;
                self.parcels.push(parcel);
                Content::Message { digest, size: u32::try_from(size).unwrap_or(u32::MAX) }
            }
        };
        self.deliveries.push(Delivery { tag, redelivered, content });
    }

    fn news(self, stream: StreamNo, channel: ChannelNo) -> News {
        News::Delivered(stream, channel, self.deliveries, self.parcels)
    }
}
