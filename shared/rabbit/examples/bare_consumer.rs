//! The yardstick of `make bench`: drains a queue and does nothing but acknowledge.
//!
//! `bare_consumer AMQP_URL QUEUE COUNT` prints the seconds from the first delivery to the last acknowledgement.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use anyhow::{Context, bail};
use futures::StreamExt;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

/// Wide enough that the broker never waits for an acknowledgement.
const PREFETCH: u16 = 4_000;
/// Acknowledged together.
const TOGETHER: u64 = 1_000;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(queue), Some(count)) = (arguments.next(), arguments.next(), arguments.next()) else {
        bail!("usage: bare_consumer AMQP_URL QUEUE COUNT");
    };
    let count: u64 = count.parse().context("COUNT")?;
    let connection = Connection::connect(&url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut deliveries = channel
        .basic_consume(queue.into(), "bare".into(), BasicConsumeOptions::default(), FieldTable::default())
        .await?;

    let mut started = None;
    for received in 1..=count {
        let delivery = deliveries.next().await.context("the consumer was cancelled")??;
        started.get_or_insert_with(Instant::now);
        if received % TOGETHER == 0 || received == count {
            delivery.acker.ack(BasicAckOptions { multiple: true }).await?;
        }
    }
    // A request that is answered on the same channel proves that the acknowledgements arrived.
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    println!("{}", started.map_or(0.0, |at| at.elapsed().as_secs_f64()));
    Ok(())
}
