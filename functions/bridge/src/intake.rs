//! One channel of one stream: subscribe, then pass on what is delivered.

use anyhow::Context;
use foz_domain::StreamName;
use foz_domain::bridge::{ChannelNo, Content, Delivery, Event, Millis, StreamNo};
use futures::StreamExt;
use lapin::options::{BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, Consumer};
use tokio::sync::mpsc::Sender;
use tokio::time::timeout;
use tracing::warn;

use crate::broker::{self, PATIENCE};
use crate::message::{self, Parcel};
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
    let (channel, consumer) = match subscribe(connection, &source, prefetch).await {
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

async fn subscribe(connection: &Connection, source: &Source, prefetch: u16) -> anyhow::Result<(Channel, Consumer)> {
    let channel = broker::channel(connection).await?;
    let subscribing = async {
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.context("setting the prefetch")?;
        let mut arguments = FieldTable::default();
        let milliseconds = i64::try_from(source.consumer_timeout).unwrap_or(i64::MAX);
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(milliseconds));
        let queue = source.queue.as_str().into();
        channel.basic_consume(queue, "".into(), BasicConsumeOptions::default(), arguments).await.context("subscribing")
    };
    let consumer = timeout(PATIENCE, subscribing).await.context("subscribing took too long")??;
    Ok((channel, consumer))
}

/// Passes on deliveries. Returns the error with which the channel ended, none if its consumer was cancelled.
async fn deliver(consumer: Consumer, source: &Source, number: ChannelNo, news: &Sender<News>) -> Option<lapin::Error> {
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
    fn add(&mut self, stream: &StreamName, delivery: lapin::message::Delivery) {
        let (tag, redelivered) = (delivery.delivery_tag, delivery.redelivered);
        let content = match message::marker(&delivery) {
            Some(marker) => Content::Marker(marker),
            None => {
                let body = delivery.data.len();
                let parcel = message::parcel(stream, delivery);
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
