//! Consuming a queue: subscribing, acknowledging, giving back.

use anyhow::Context;
use lapin::Channel;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::time::timeout;

use crate::arrival::Arrivals;
use crate::broker_error::BrokerError;
use crate::connection::PATIENCE;

/// The greatest priority that a consumer can have. From RabbitMQ 4.0 on a single active consumer gives way to one of a higher
/// priority, once it has acknowledged what it holds: so one that came before the bridge leaves, and none gets in front of
/// it. Before, the first that came stays.
const FIRST: i32 = i32::MAX;

/// Subscribes to the queue on that channel, which must be new, with at most `prefetch` unacknowledged deliveries. The broker takes one
/// for lost after `consumer_timeout` milliseconds.
pub async fn subscribe(
    channel: &Channel,
    queue: &str,
    prefetch: u16,
    consumer_timeout: u64,
) -> anyhow::Result<Arrivals> {
    let subscribing = async {
        let limited = channel.basic_qos(prefetch, BasicQosOptions::default()).await;
        limited.map_err(BrokerError::from).context("setting the prefetch")?;
        let mut arguments = FieldTable::default();
        let milliseconds = i64::try_from(consumer_timeout).unwrap_or(i64::MAX);
        arguments.insert("x-consumer-timeout".into(), AMQPValue::LongLongInt(milliseconds));
        arguments.insert("x-priority".into(), AMQPValue::LongInt(FIRST));
        channel
            .basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), arguments)
            .await
            .map_err(BrokerError::from)
            .context("subscribing")
    };
    let consumer = timeout(PATIENCE, subscribing).await.context("subscribing took too long")??;
    Ok(Arrivals::new(consumer))
}

/// What became of an acknowledgement.
#[derive(Debug)]
pub enum Acknowledged {
    /// The broker was told.
    Sent,
    /// The channel had failed: what was not acknowledged is delivered again.
    ChannelFailed(BrokerError),
}

/// Acknowledges everything up to the delivery with that tag.
///
/// # Errors
/// If the connection hangs.
pub async fn acknowledge(channel: &Channel, tag: u64) -> anyhow::Result<Acknowledged> {
    settle(channel, tag, true).await
}

/// Acknowledges the delivery with that tag, and none before it.
///
/// # Errors
/// If the connection hangs.
pub async fn acknowledge_one(channel: &Channel, tag: u64) -> anyhow::Result<Acknowledged> {
    settle(channel, tag, false).await
}

async fn settle(channel: &Channel, tag: u64, multiple: bool) -> anyhow::Result<Acknowledged> {
    let acknowledging = channel.basic_ack(tag, BasicAckOptions { multiple });
    let acknowledged = timeout(PATIENCE, acknowledging).await.context("acknowledging took too long")?;
    Ok(acknowledged.map_or_else(|error| Acknowledged::ChannelFailed(error.into()), |()| Acknowledged::Sent))
}

/// Closes the channel, which gives back everything that was not acknowledged. One that has failed is closed.
pub async fn give_back(channel: &Channel) -> anyhow::Result<()> {
    let closed = timeout(PATIENCE, channel.close(200, "given back".into())).await;
    match closed.map_err(anyhow::Error::new).and_then(|closed| closed.map_err(|error| BrokerError::from(error).into()))
    {
        Ok(()) => Ok(()),
        Err(_) if !channel.status().connected() && !channel.status().closing() => Ok(()),
        Err(error) => Err(error.context("closing a channel")),
    }
}
